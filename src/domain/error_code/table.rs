//! The table of codes: the code, what happened, what to do.

macro_rules! codes {
    ($(
        $variant:ident $text:literal $sentence:literal $remedy:literal
    )*) => {
        /// A stable code. `Display` and serde give its text, e.g. `MAP-STATUS`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode {
            $(#[doc = $sentence] $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the runbook.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code as it is stored, sent and printed.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// What happened, in one sentence.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence),* }
            }

            /// What to do about it.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy),* }
            }
        }
    };
}

codes! {
    // the portal, about one event
    Refused "B24-REFUSED"
        "The portal refused what was to be written."
        "Read the portal's words in the message, fix what was sent or the portal, then retry."
    Currency "B24-CURRENCY"
        "The portal does not know a currency: an order's, or that of a product's price."
        "Add the currency in the portal (CRM, Settings, Currencies), then retry."
    Email "B24-EMAIL"
        "The portal does not take the customer's e-mail address."
        "Fix the address in the order and retry with the fixed payload, or send the order again \
         from the shop."
    ImportRight "B24-IMPORT"
        "The portal does not let the bridge import deals."
        "Give the webhook's user the right to import deals (CRM, Settings, Access permissions), \
         then retry."
    DealGone "B24-DEAL-GONE"
        "The order's deal was deleted in the portal, or the bridge's user may no longer see it."
        "Make a new deal (retry with `recreate`), or discard to let the order go."
    NotTaken "B24-NOT-TAKEN"
        "The portal answered that it saved, but the value read back is another one."
        "Check that the field or stage exists in the portal and that no robot changes it at once, \
         then retry."
    // the portal, as a whole: nothing dies of these, the lane waits
    Down "B24-DOWN"
        "The portal cannot be reached or answers with a server error."
        "Nothing to do: the bridge tries again with growing pauses. If it lasts, check the portal \
         in a browser."
    Slow "B24-SLOW"
        "The portal takes long to answer: orders come through late, if at all."
        "Nothing to do at once: the bridge waits for a minute at most and then tries again. If it \
         lasts, check the portal in a browser."
    InDoubt "B24-IN-DOUBT"
        "A call was sent and its answer was lost: what it wrote is looked up before anything is \
         written again."
        "Nothing to do."
    Limit "B24-LIMIT"
        "The portal's request limit was hit, though the bridge kept below it: another integration \
         shares the address."
        "Find the other integration on this server's address, or lower the bridge's share."
    Operating "B24-OPERATING"
        "The portal blocked one method because it used its execution time of ten minutes."
        "Nothing to do: the method goes on when its time is over. If it recurs, look for slow \
         robots on deals."
    Token "B24-TOKEN"
        "The portal has not let the application in yet, or no longer accepts its token and refuses \
         a new one."
        "Authorise the application: `b24-bridge portals authorize NAME`. Then the lane goes on by \
         itself."
    Auth "B24-AUTH"
        "The portal refuses the webhook or the application: it was deleted, has expired, or its \
         owner lost access."
        "Make a new incoming webhook in the portal and put its address into `webhook_url`, run \
         `b24-bridge reload` and resume the portal (`portals resume`); an application: `portals \
         authorize`."
    Scope "B24-SCOPE"
        "The webhook or application lacks a permission (scope) for a method."
        "Give the incoming webhook the permission CRM (crm), then resume the portal (`portals \
         resume`)."
    Rights "B24-RIGHTS"
        "The portal does not let the bridge's user do this: the user lacks a right."
        "Give the webhook's user the rights in CRM (CRM, Settings, Access permissions), or make \
         the webhook as a user who has them; then resume the portal (`portals resume`) and retry \
         what died."
    Plan "B24-PLAN"
        "The portal's plan does not allow REST, or the portal was closed."
        "Renew the plan or the Marketplace subscription, then resume the portal (`portals resume`)."
    Overload "B24-OVERLOAD"
        "Bitrix24 support has blocked this portal's REST by hand."
        "Write to Bitrix24 support; only they lift it. Then resume the portal (`portals resume`)."
    Moved "B24-MOVED"
        "The portal answers from a new address."
        "Put the new address into the configuration; until then the bridge follows it."
    Elsewhere "B24-ELSEWHERE"
        "The portal sends its calls to an address that nobody has allowed: nothing is sent there."
        "If the portal did move, put its new address into the configuration, or the new host into \
         `redirect_hosts`. If not, find out who answers at the portal's address."
    AnswerTooLarge "B24-TOO-LARGE"
        "The portal's answer is larger than the bridge takes: it was not read to its end."
        "Look who answers at the portal's address: a portal's own answers are far smaller. If it \
         is the portal, report it with the message."
    OtherPortal "B24-OTHER-PORTAL"
        "Another portal answers than the one that orders were brought to: each is looked up there \
         by its origin before anything is written for it."
        "Nothing to do if the portal was changed on purpose: what is there is found, the rest is \
         made when the shop next sends it. If not, put the right address into `webhook_url` and \
         run `b24-bridge reload`."
    WentBack "B24-WENT-BACK"
        "The portal shows an older state than before, as after a restored backup: each order is \
         looked up there by its origin before anything is written for it."
        "Nothing to do for what is found: it is brought to the shop's newest state. What the \
         backup did not hold is made when the shop next sends it; send such orders again to have \
         them at once."
    History "B24-HISTORY"
        "The portal's stage history cannot be read: that a manager moved a deal is seen late, and \
         of several moves only the last. Orders are delivered all the same."
        "Let the webhook's user, or the application, read deals with their history \
         (`crm.stagehistory.list`): an administrator can. Set the portal's notifications up \
         meanwhile (`doctor` tells how): with them moves are seen at once. It ends by itself."
    Protocol "B24-PROTOCOL"
        "The portal's answer could not be understood."
        "Retry; if it recurs, report it with the message."
    Proxy "B24-PROXY"
        "Something in front of the portal (a proxy, a firewall) refuses what is sent, and the \
         portal never sees it."
        "Let the bridge's calls to the portal's `/rest/` through, in any size and with any text, \
         or fix the text that is refused; then retry."
    Unanswered "B24-UNANSWERED"
        "Each call with this order ends without a usable answer, while the portal answers all \
         others."
        "Look in the portal whether the deal is there and what runs when it is written (robots, \
         workflows, handlers), fix that, then retry: what is there already is found first."
    // the correspondence table
    Status "MAP-STATUS"
        "The order's status is in no row of the shop's status table."
        "Add the status to `[[shops.NAME.statuses]]` and run `b24-bridge reload`: the order goes \
         out by itself when the table has it."
    StageUnknown "MAP-STAGE"
        "The portal does not know the stage that this status is written as."
        "Correct the stage in `[[shops.NAME.statuses]]` (`doctor` lists the portal's stages) or \
         make it in the funnel, then retry."
    Field "MAP-FIELD"
        "A property was mapped to a user field that the portal does not take."
        "Make the user field in the portal, or correct `[shops.NAME.fields]` (of a form its own \
         `fields`) and run `b24-bridge reload`; then retry."
    // the shop
    Invalid "SHOP-INVALID"
        "What was sent cannot be used: a value of it is missing or wrong."
        "Correct it at the pointers in the message and send it again, or retry with a fixed \
         payload."
    UnknownShop "SHOP-UNKNOWN"
        "No shop of that name is configured."
        "Check the event's `source` and the `[shops]` of the configuration."
    Conflict "SHOP-CONFLICT"
        "An event with the same source and id but another body was accepted before."
        "Give each new event its own id."
    Key "SHOP-KEY"
        "The API key is missing or not known."
        "Send `Authorization: Bearer KEY` with a key of `[shops.NAME] api_keys`."
    TooLarge "SHOP-TOO-LARGE"
        "The request is larger than the bridge takes."
        "Send less at once: at most 1,000 events a batch; of a form at most 1 MiB beside its \
         files."
    Malformed "SHOP-MALFORMED"
        "The request is not what this address takes."
        "Correct the request as the message says."
    NotFound "SHOP-NOT-FOUND"
        "There is no such thing here, or the key may not see it."
        "Check the shop, the number or the id."
    Forbidden "SHOP-FORBIDDEN"
        "The key is not meant for this."
        "Use one that is: of the shop itself for what only the shop may say, of an operator with \
         the role `operator` to change something by hand. What a till's token may is said in the \
         message."
    WebhookOwner "SHOP-WEBHOOK-OWNER"
        "The shop's webhook sends an error in place of orders: the user it belongs to may not see \
         them."
        "Save the shop's webhooks as a user who may see orders (WooCommerce, Settings, Advanced, \
         Webhooks), then save the orders that are missing once more."
    NotAnOrder "SHOP-NOT-AN-ORDER"
        "The shop's system sent something else in place of an order."
        "Read in the message what came, fix the shop's webhook, then save the orders that are \
         missing once more."
    // forms of the shop's site
    FormNoContact "FORM-NO-CONTACT"
        "A form was sent without a telephone and without an e-mail address."
        "If the form has such a field, name it under `fields` of the form's section and run \
         `b24-bridge reload`, then retry; if not, answer by what the message says, and discard it."
    FormRobot "FORM-ROBOT"
        "A form was filled in by a robot: the field that no person sees is not empty. It is kept \
         for a week and not delivered."
        "If it is a person's, have it delivered (`forms restore ID`), and look why the hidden \
         field was filled in."
    FormConsent "FORM-CONSENT"
        "A form was sent without the consent that it requires. It is kept for a week and not \
         delivered."
        "If the consent was given, name its field under `fields` of the form's section, run \
         `b24-bridge reload`, and have it delivered (`forms restore ID`)."
    FormTooMany "FORM-TOO-MANY"
        "A form was sent with more than 1,000 fields. It is kept for a week and not delivered."
        "If it is a person's, have it delivered (`forms restore ID`): what stood behind the first \
         1,000 fields stands in it as one text. If not, look who posts to the form's address."
    FormMapBroken "FORM-MAP-BROKEN"
        "A form that brought telephones brings none any more: somebody may have renamed its fields."
        "Look what it sends (`forms list`), name the field under `fields` of the form's section, \
         and run `b24-bridge reload`."
    // the shop's catalogue
    CatTwoMatches "CAT-TWO-MATCHES"
        "Nobody can tell which product of the portal this product of the shop is: several may be \
         it, or one is several's."
        "Read in the message which they are; take the external code or the article from the wrong \
         ones in the portal (or in the shop), then retry."
    CatCodeTaken "CAT-CODE-TAKEN"
        "The portal refused a product because another one has its symbolic code."
        "Give the other product of the portal another symbolic code, or switch off that the code \
         is made of the name and must be unique (settings of the catalogue), then retry."
    CatNoRight "CAT-NO-RIGHT"
        "The bridge may not change the portal's catalogue: its products wait."
        "Let an administrator of the portal make the incoming webhook, with the permission \
         `catalog`; nothing else is to be done: the bridge tries again each hour, and when it is \
         restarted."
    CatPictureUnreachable "CAT-PICTURE-UNREACHABLE"
        "A picture of a product could not be fetched where the shop has it. The product itself is \
         not concerned."
        "Open the address that the message names: it must answer with the picture, to the machine \
         of the bridge, without a login. Then retry, or let the shop send the product again."
    CatPictureNotSent "CAT-PICTURE-NOT-SENT"
        "1C names a picture of a product, and its file has not come. The product itself is not \
         concerned."
        "Have 1C export the product again with its pictures (a full exchange sends all of them), \
         and look that nothing of the exchange is refused for its size (`max_upload_bytes` of \
         `[onec.NAME]`). When the file comes, the picture goes by itself."
    CatPictureUnusable "CAT-PICTURE-UNUSABLE"
        "What the shop names as a picture of a product cannot be taken: it is no JPEG, PNG, GIF or \
         WebP, is larger than 5 MiB, came only in part, or its address is not a public one. The \
         product itself is not concerned."
        "Read in the message which it is. Put a picture of at most 5 MiB there and retry; where \
         the shop stands in your own network, name its host under `picture_hosts` of the shop's \
         catalogue, run `b24-bridge reload` and retry."
    Overtaken "SHOP-OVERTAKEN"
        "A newer snapshot of the order was settled since."
        "Nothing to do."
    // what comes back
    Review "SYNC-REVIEW"
        "The shop and the portal say different things, and the rules leave it to a person."
        "Say who is right, the shop or the portal (`conflicts resolve`)."
    PingPong "SYNC-PING-PONG"
        "The same was written again and again: something, mostly a robot in the portal, answers \
         each write with another."
        "Find the robot or rule that moves the deal back, switch it off, then say who is right \
         (`conflicts resolve`)."
    Decided "SYNC-DECIDED"
        "Somebody has decided this conflict already, or it vanished by itself."
        "Nothing to do."
    Count "BULK-COUNT"
        "The dead letters are not as many as were counted before."
        "Look at the new count; if it is right, repeat with it."
    Callback "SHOP-CALLBACK"
        "The shop's callback refused a status change."
        "Read the shop's answer in the message, fix its handler, then retry."
    CallbackDown "SHOP-DOWN"
        "The shop's callback cannot be reached or answers with a server error."
        "Nothing to do: the bridge tries again with growing pauses. If it lasts, check the shop's \
         `callback_url`."
    CallbackSlow "SHOP-SLOW"
        "The shop's callback takes long to answer: the shop hears of status changes late, if at \
         all."
        "Nothing to do at once: the bridge waits for a quarter of a minute and then tries again. \
         If it lasts, look what holds up the shop's handler."
    CallbackGone "SHOP-GONE"
        "The shop's callback answered 410: it does not want to be called any more."
        "Fix the shop's handler or correct `callback_url`, then resume the callback (`portals \
         resume shop:NAME`)."
    EventToken "B24-EVENT-TOKEN"
        "A notification came with a wrong application token, or none."
        "Put the token of the portal's outgoing webhook into `event_tokens`, and look who else \
         posts to this address."
    // 1C
    OneCOrder "ONEC-ORDER"
        "The order cannot be written for 1C."
        "Read why in `onec status`; fix the order in the shop, which then sends it anew."
    OneCNumber "ONEC-NUMBER"
        "Another order has this order's id or number in the 1C base."
        "Two shops count alike: give each a prefix of its own in `number_prefix`, then `onec \
         resend`."
    OneCLogin "ONEC-LOGIN"
        "1C came with a wrong login, or without one."
        "Compare login and password in 1C with `[onec.NAME.users.LOGIN]`. If no login arrives at \
         all, the web server in front must pass on the header Authorization."
    OneCSession "ONEC-SESSION"
        "The exchange session has ended, or was never opened."
        "Start the exchange in 1C again. If it recurs, give `session_ttl` more time."
    OneCFile "ONEC-FILE"
        "A file from 1C cannot be taken in."
        "Read the sentence: the file is cut, too large, or not of CommerceML 2. Nothing of it was \
         taken in; start the exchange in 1C again."
    OneCDocument "ONEC-DOCUMENT"
        "A document from 1C cannot be read."
        "Look at it with `onec documents`, fix it in 1C, and exchange again."
    OneCLater "ONEC-LATER"
        "Documents from 1C that are no orders, payments or shipments are kept, and not carried out."
        "Counterparties are taken in with `create_orders`; documents of other kinds are not by \
         this version: switch off their loading from 1C, or leave it so."
    OneCUnknown "ONEC-UNKNOWN"
        "A document from 1C is about an order that is not known."
        "Look whether the shop has sent the order, and whether its number in 1C is the one that it \
         was sent with; then retry the letter, or let it go. If the order was made in 1C: \
         `create_orders` has the shop told of such ones."
    OneCTwoOrders "ONEC-TWO-ORDERS"
        "A document from 1C names two different orders."
        "Its number is one order's and its id another's: fix the document in 1C, exchange \
         again, and let the letter go."
    OneCStatus "ONEC-STATUS"
        "1C says a status that no row of a table has."
        "Add it to `[[onec.NAME.statuses]]` (or its meaning to `[[shops.NAME.statuses]]`) and \
         restart: the document is then taken in by itself."
    OneCRight "ONEC-RIGHT"
        "A document from 1C says what its sender may not say."
        "Allow it by `may` in `[onec.NAME.users.LOGIN]` and restart: the document is then taken in \
         by itself. Or switch it off in 1C."
    OneCReview "ONEC-REVIEW"
        "1C and the order differ in the status, and a person has to decide."
        "Retry the letter to take 1C's status, or let it go to keep the order's: 1C is then sent \
         the order again."
    OneCRequest "ONEC-REQUEST"
        "1C asked for something that cannot be answered."
        "Read the sentence in 1C's log, and compare the address and the settings in 1C with the \
         page `deploy/1c.md`."
    OneCPushRefused "ONEC-PUSH-REFUSED"
        "The HTTP service of 1C does not take the order."
        "Read its words in the letter and mend the order, or the base; then retry the letter. An \
         exchange session is offered the order all the same."
    OneCPushLogin "ONEC-PUSH-LOGIN"
        "The HTTP service of 1C does not take the bridge's login."
        "Compare `[onec.NAME.push]` with the service's user in 1C and with its rights. The bridge \
         asks again every ten minutes, and at once after a restart or `portals resume onec:NAME`."
    OneCPushAnswer "ONEC-PUSH-ANSWER"
        "The HTTP service of 1C answers what cannot be read."
        "Look whether `[onec.NAME.push]` names the service, and not a page or a gateway before it. \
         The service answers 2xx with `success`, with nothing, or with `failure` and a text."
    OneCPushDown "ONEC-PUSH-DOWN"
        "The HTTP service of 1C does not answer, or its answer was lost."
        "Nothing to do: the bridge tries again with growing pauses, and 1C finds by its id what \
         it has already. If it lasts, look after 1C's web server."
    // stock
    StockShort "STOCK-SHORT"
        "There is not enough to be had: nothing was reserved or shipped."
        "Offer the customer what is `available`, or a store under `elsewhere`, and ask again."
    NotHeld "STOCK-NOT-HELD"
        "The reservation is not held any more: it was released, has run out, or was lost to a \
         shortage."
        "Reserve the goods again, then repeat."
    UnknownProduct "STOCK-UNKNOWN-PRODUCT"
        "The stock does not know this product, or knows several by that name."
        "Name the product by what `[shops.NAME.products]` lists; count it or move it in once, so \
         that it becomes known."
    OtherUnit "STOCK-UNIT"
        "A quantity is in another unit than the product is counted in: it is not added up."
        "Send it in the product's own unit, or correct the unit of the product in the shop or in \
         1C: lines of receipts that wait are posted by themselves then."
    NotMaster "STOCK-NOT-MASTER"
        "Somebody else than the stock's master has counted: such a count would wipe out what the \
         master knows."
        "Send what came and went (`shop.stock.moved.v1`), or declare the right `master` in \
         `[stock.NAME]`."
    StockShortage "STOCK-SHORTAGE"
        "More of a product is reserved in a store than there is: somebody will not get it."
        "Say who loses it or is served from another store: in the console under Stock, by \
         `conflicts resolve`, or write a rule, `[[stock.NAME.rules]]`. It closes by itself when \
         there is enough again."
    UnknownStore "STOCK-UNKNOWN-STORE"
        "A receipt names a store that the stock does not have: its lines are parked."
        "Add the store's id to `stores` of `[tills.NAME]`, or to `ids` of the store, and restart: \
         the lines are posted by themselves."
    // tills
    TillToken "TILL-TOKEN"
        "What came in a till's name does not show the till's token."
        "Compare the token in the till's account with `token` of `[tills.NAME]`. If they agree, \
         somebody else knows the address: nothing of what he sent was stored."
    ReceiptChanged "TILL-RECEIPT-CHANGED"
        "A receipt came again with other contents, and not as a newer version: nothing of it was \
         posted."
        "Compare it with the receipt that came first. If the new one is right, try the letter \
         again: it takes its place; else let the letter go."
    TillUnread "TILL-UNREAD"
        "The API of a till's vendor cannot be read: what was sold there is not known yet."
        "Read the words. If it refuses the token, put another into `api_token` of `[tills.NAME]`, \
         of a user who sees retail sales and returns, and restart the bridge. If it does not \
         answer, there is nothing to do: the bridge tries again each minute, and reads on from \
         where it was."
    // the bridge itself
    Bug "BRIDGE-BUG"
        "Something happened that the bridge believed impossible."
        "Report it with the message; then retry."
    Busy "BRIDGE-BUSY"
        "So many requests are in work that there is no room for another body."
        "Send it again in a few seconds. If it recurs, send smaller batches, or give `[http] \
         room_bytes` more."
    Stuck "BRIDGE-STUCK"
        "The bridge fails at the same work again and again: what belongs to it waits."
        "Read the words, and the log around the last time. If nothing there helps and it lasts, \
         restart the bridge, and report it with both."
    Database "BRIDGE-DATABASE"
        "The database cannot be reached or refused."
        "Check that Postgres runs and `DATABASE_URL` is right; nothing accepted is lost."
    Config "BRIDGE-CONFIG"
        "The configuration cannot be used."
        "Correct the named key."
}
