//! The stable codes of everything that can go wrong where people see it: one sentence and one remedy each.
//!
//! To add one: a row in the table below. The runbook and the API take it from here.

use serde::Serialize;
use std::fmt;

macro_rules! codes {
    ($($variant:ident $text:literal $sentence:literal $remedy:literal)*) => {
        /// A stable code. `Display` and serde give its text, e.g. `MAP-STATUS`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $sentence] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the runbook.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code's text.
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
        "The portal refused what was written for this order."
        "Read the portal's words in the message, mend the order or the portal, then retry."
    Currency "B24-CURRENCY"
        "The portal does not know the order's currency."
        "Add the currency in the portal (CRM, Settings, Currencies), then retry."
    Email "B24-EMAIL"
        "The portal does not take the customer's e-mail address."
        "Mend the address in the order and retry with the mended payload, or send the order again from the shop."
    ImportRight "B24-IMPORT"
        "The portal does not let the bridge import deals."
        "Give the webhook's user the right to import deals (CRM, Settings, Access permissions), then retry."
    DealGone "B24-DEAL-GONE"
        "The order's deal was deleted in the portal, or the bridge's user may no longer see it."
        "Retry with `recreate` to make a new deal, or discard to let the order go."
    NotTaken "B24-NOT-TAKEN"
        "The portal answered that it saved, but the value read back is another one."
        "Check that the field or stage exists in the portal and that no robot changes it at once, then retry."
    // the portal, as a whole: nothing dies of these, the lane waits
    Down "B24-DOWN"
        "The portal cannot be reached or answers with a server error."
        "Nothing to do: the bridge tries again with growing pauses. If it lasts, check the portal in a browser."
    InDoubt "B24-IN-DOUBT"
        "A call was sent and its answer was lost: what it wrote is looked up before anything is written again."
        "Nothing to do."
    Limit "B24-LIMIT"
        "The portal's request limit was hit, though the bridge kept below it: another integration shares the address."
        "Find the other integration on this server's address, or lower the bridge's share."
    Operating "B24-OPERATING"
        "The portal blocked one method because it used its execution time of ten minutes."
        "Nothing to do: the method goes on when its time is over. If it recurs, look for slow robots on deals."
    Token "B24-TOKEN"
        "The portal has not let the application in yet, or no longer accepts its token and refuses a new one."
        "Authorise the application: `b24-bridge portals authorize NAME`. Then the lane goes on by itself."
    Auth "B24-AUTH"
        "The portal refuses the webhook or the application: it was deleted, has expired, or its owner lost access."
        "Make a new incoming webhook in the portal and put its address into `webhook_url`, then `portals resume`; an application: `portals authorize`."
    Scope "B24-SCOPE"
        "The webhook or application lacks a permission (scope) for a method."
        "Give the incoming webhook the permission CRM (crm), then `portals resume`."
    Plan "B24-PLAN"
        "The portal's plan does not allow REST, or the portal was closed."
        "Renew the plan or the Marketplace subscription, then `portals resume`."
    Overload "B24-OVERLOAD"
        "Bitrix24 support has blocked this portal's REST by hand."
        "Write to Bitrix24 support; only they lift it. Then `portals resume`."
    Moved "B24-MOVED"
        "The portal answers from a new address."
        "Put the new address into the configuration; until then the bridge follows it."
    Protocol "B24-PROTOCOL"
        "The portal's answer could not be understood."
        "Retry; if it recurs, report it with the message."
    // the correspondence table
    Status "MAP-STATUS"
        "The order's status is in no row of the shop's status table."
        "Add the status to `[[shops.NAME.statuses]]`: the letter replays by itself when the table has it."
    StageUnknown "MAP-STAGE"
        "The portal does not know the stage that this status is written as."
        "Correct the stage in `[[shops.NAME.statuses]]` (`doctor` lists the portal's stages), then retry."
    Field "MAP-FIELD"
        "A property was mapped to a user field that the portal does not take."
        "Make the user field in the portal or correct `[shops.NAME.fields]`, then retry."
    // the shop
    Invalid "SHOP-INVALID"
        "The event is not a valid order event."
        "Correct it at the pointers in the message and send it again, or retry with a mended payload."
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
        "Send fewer or smaller events: at most 1,000 a batch."
    Malformed "SHOP-MALFORMED"
        "The request is not what this address takes."
        "Correct the request as the message says."
    NotFound "SHOP-NOT-FOUND"
        "There is no such thing here, or the key may not see it."
        "Check the shop, the number or the id."
    Forbidden "SHOP-FORBIDDEN"
        "The key may read but not change."
        "Use a key with the role `operator`."
    Overtaken "SHOP-OVERTAKEN"
        "A newer snapshot of the order was settled since."
        "Nothing to do."
    // what comes back
    Review "SYNC-REVIEW"
        "The shop and the portal say different things, and the rules leave it to a person."
        "Say who is right: `conflicts resolve ID --winner shop|portal`."
    PingPong "SYNC-PING-PONG"
        "The same was written again and again: something, mostly a robot in the portal, answers each write with another."
        "Find the robot or rule that moves the deal back, switch it off, then say who is right: `conflicts resolve`."
    Decided "SYNC-DECIDED"
        "Somebody has decided this conflict already, or it vanished by itself."
        "Nothing to do."
    Count "BULK-COUNT"
        "The dead letters are not as many as were counted before."
        "Look at the new count; if it is right, repeat with it."
    Callback "SHOP-CALLBACK"
        "The shop's callback refused a status change."
        "Read the shop's answer in the message, mend its handler, then retry."
    CallbackDown "SHOP-DOWN"
        "The shop's callback cannot be reached or answers with a server error."
        "Nothing to do: the bridge tries again with growing pauses. If it lasts, check the shop's `callback_url`."
    CallbackGone "SHOP-GONE"
        "The shop's callback answered 410: it does not want to be called any more."
        "Correct `callback_url`, then `portals resume shop:NAME`."
    EventToken "B24-EVENT-TOKEN"
        "A notification came with a wrong application token, or none."
        "Put the token of the portal's outgoing webhook into `event_tokens`, and look who else posts to this address."
    // the bridge itself
    Bug "BRIDGE-BUG"
        "Something happened that the bridge believed impossible."
        "Report it with the message; then retry."
    Database "BRIDGE-DATABASE"
        "The database cannot be reached or refused."
        "Check that Postgres runs and `DATABASE_URL` is right; nothing accepted is lost."
    Config "BRIDGE-CONFIG"
        "The configuration cannot be used."
        "Correct the named key."
}

impl Code {
    /// The code with that text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
