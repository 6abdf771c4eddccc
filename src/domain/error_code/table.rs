//! The table of codes: the code, what happened, what to do; both in English, then in Russian.

macro_rules! codes {
    ($(
        $variant:ident $text:literal
            $sentence:literal $remedy:literal
            $russian:literal $russian_remedy:literal
    )*) => {
        /// A stable code. `Display` and serde give its text, e.g. `MAP-STATUS`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode {
            $(#[doc = $sentence] $variant,)*
        }

        impl ErrorCode {
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

            /// What happened, in one Russian sentence.
            pub fn sentence_in_russian(self) -> &'static str {
                match self { $(Self::$variant => $russian),* }
            }

            /// What to do about it, in Russian.
            pub fn remedy_in_russian(self) -> &'static str {
                match self { $(Self::$variant => $russian_remedy),* }
            }
        }
    };
}

codes! {
    // the portal, about one event
    Refused "B24-REFUSED"
        "The portal refused what was written for this order."
        "Read the portal's words in the message, mend the order or the portal, then retry."
        "Портал отказался записать этот заказ."
        "Прочитайте в сообщении ответ портала, исправьте заказ или настройки портала и повторите \
         отправку."
    Currency "B24-CURRENCY"
        "The portal does not know the order's currency."
        "Add the currency in the portal (CRM, Settings, Currencies), then retry."
        "Портал не знает валюту этого заказа."
        "Добавьте валюту в портале (CRM, Настройки, Валюты) и повторите отправку."
    Email "B24-EMAIL"
        "The portal does not take the customer's e-mail address."
        "Mend the address in the order and retry with the mended payload, or send the order again \
         from the shop."
        "Портал не принимает e-mail покупателя."
        "Исправьте адрес в событии и повторите отправку или отправьте заказ из магазина заново."
    ImportRight "B24-IMPORT"
        "The portal does not let the bridge import deals."
        "Give the webhook's user the right to import deals (CRM, Settings, Access permissions), \
         then retry."
        "Портал не разрешает мосту импортировать сделки."
        "Дайте пользователю вебхука право на импорт сделок (CRM, Настройки, Права доступа) и \
         повторите отправку."
    DealGone "B24-DEAL-GONE"
        "The order's deal was deleted in the portal, or the bridge's user may no longer see it."
        "Make a new deal (retry with `recreate`), or discard to let the order go."
        "Сделка этого заказа удалена в портале, или пользователь, от имени которого работает мост, \
         её больше не видит."
        "Создайте новую сделку (повтор с `recreate`) или откажитесь, чтобы оставить заказ без \
         сделки."
    NotTaken "B24-NOT-TAKEN"
        "The portal answered that it saved, but the value read back is another one."
        "Check that the field or stage exists in the portal and that no robot changes it at once, \
         then retry."
        "Портал ответил, что сохранил, но прочитанное обратно значение другое."
        "Проверьте, что поле или стадия есть в портале и что робот не меняет их сразу после \
         записи, и повторите отправку."
    // the portal, as a whole: nothing dies of these, the lane waits
    Down "B24-DOWN"
        "The portal cannot be reached or answers with a server error."
        "Nothing to do: the bridge tries again with growing pauses. If it lasts, check the portal \
         in a browser."
        "Портал недоступен или отвечает ошибкой сервера."
        "Делать ничего не нужно: мост пробует снова, с каждым разом реже. Если это затянулось, \
         откройте портал в браузере."
    Slow "B24-SLOW"
        "The portal takes long to answer: orders come through late, if at all."
        "Nothing to do at once: the bridge waits for a minute at most and then tries again. If it \
         lasts, check the portal in a browser."
        "Портал долго не отвечает: заказы приходят в него с опозданием."
        "Сразу делать ничего не нужно: мост ждёт ответа не дольше минуты и пробует снова. Если это \
         затянулось, откройте портал в браузере."
    InDoubt "B24-IN-DOUBT"
        "A call was sent and its answer was lost: what it wrote is looked up before anything is \
         written again."
        "Nothing to do."
        "Запрос ушёл, а ответ потерялся: прежде чем писать снова, мост проверяет, что успело \
         записаться."
        "Делать ничего не нужно."
    Limit "B24-LIMIT"
        "The portal's request limit was hit, though the bridge kept below it: another integration \
         shares the address."
        "Find the other integration on this server's address, or lower the bridge's share."
        "Превышен лимит запросов портала, хотя мост держался ниже него: с этого же адреса работает \
         другая интеграция."
        "Найдите другую интеграцию на адресе этого сервера или уменьшите долю моста."
    Operating "B24-OPERATING"
        "The portal blocked one method because it used its execution time of ten minutes."
        "Nothing to do: the method goes on when its time is over. If it recurs, look for slow \
         robots on deals."
        "Портал временно закрыл один метод: израсходованы отведённые ему десять минут выполнения."
        "Делать ничего не нужно: метод заработает, когда время освободится. Если это повторяется, \
         поищите медленных роботов в сделках."
    Token "B24-TOKEN"
        "The portal has not let the application in yet, or no longer accepts its token and refuses \
         a new one."
        "Authorise the application: `b24-bridge portals authorize NAME`. Then the lane goes on by \
         itself."
        "Портал ещё не авторизовал приложение, или его токен больше не действует, а новый портал \
         не выдаёт."
        "Авторизуйте приложение: `b24-bridge portals authorize NAME`. Дальше всё пойдёт само."
    Auth "B24-AUTH"
        "The portal refuses the webhook or the application: it was deleted, has expired, or its \
         owner lost access."
        "Make a new incoming webhook in the portal and put its address into `webhook_url`, restart \
         the bridge and resume the portal (`portals resume`); an application: `portals authorize`."
        "Портал не принимает вебхук или приложение: они удалены, истёк срок, или у владельца \
         больше нет доступа."
        "Создайте в портале новый входящий вебхук, укажите его адрес в `webhook_url`, \
         перезапустите мост и запустите портал; приложение авторизуйте заново: `portals authorize`."
    Scope "B24-SCOPE"
        "The webhook or application lacks a permission (scope) for a method."
        "Give the incoming webhook the permission CRM (crm), then resume the portal (`portals \
         resume`)."
        "Вебхуку или приложению не хватает права (scope) на один из методов."
        "Дайте входящему вебхуку право CRM (crm) и запустите портал."
    Rights "B24-RIGHTS"
        "The portal does not let the bridge's user do this: the user lacks a right."
        "Give the webhook's user the rights in CRM (CRM, Settings, Access permissions), or make \
         the webhook as a user who has them; then resume the portal (`portals resume`) and retry \
         what died."
        "Портал не разрешает это пользователю, от имени которого работает мост: у него нет такого \
         права."
        "Дайте пользователю вебхука права в CRM (CRM, Настройки, Права доступа) или создайте \
         вебхук от имени того, у кого они есть; запустите портал и повторите недоставленное."
    Plan "B24-PLAN"
        "The portal's plan does not allow REST, or the portal was closed."
        "Renew the plan or the Marketplace subscription, then resume the portal (`portals resume`)."
        "Тариф портала не включает REST, или портал закрыт."
        "Продлите тариф или подписку на Маркет и запустите портал."
    Overload "B24-OVERLOAD"
        "Bitrix24 support has blocked this portal's REST by hand."
        "Write to Bitrix24 support; only they lift it. Then resume the portal (`portals resume`)."
        "Поддержка Битрикс24 вручную заблокировала REST этого портала."
        "Напишите в поддержку Битрикс24: снять блокировку могут только там. Затем запустите портал."
    Moved "B24-MOVED"
        "The portal answers from a new address."
        "Put the new address into the configuration; until then the bridge follows it."
        "Портал отвечает с нового адреса."
        "Укажите новый адрес в конфигурации; до тех пор мост следует за порталом сам."
    Elsewhere "B24-ELSEWHERE"
        "The portal sends its calls to an address that nobody has allowed: nothing is sent there."
        "If the portal did move, put its new address into the configuration, or the new host into \
         `redirect_hosts`. If not, find out who answers at the portal's address."
        "Портал отправляет запросы на адрес, которого никто не разрешал: туда ничего не отправлено."
        "Если портал действительно переехал, укажите в конфигурации новый адрес или внесите новый \
         хост в `redirect_hosts`. Если нет, выясните, кто отвечает по адресу портала."
    AnswerTooLarge "B24-TOO-LARGE"
        "The portal's answer is larger than the bridge takes: it was not read to its end."
        "Look who answers at the portal's address: a portal's own answers are far smaller. If it \
         is the portal, report it with the message."
        "Ответ портала больше, чем мост принимает: до конца он не прочитан."
        "Проверьте, кто отвечает по адресу портала: ответы самого портала намного меньше. Если это \
         портал, сообщите разработчикам и приложите сообщение."
    OtherPortal "B24-OTHER-PORTAL"
        "Another portal answers than the one that orders were brought to: each is looked up there \
         by its origin before anything is written for it."
        "Nothing to do if the portal was changed on purpose: what is there is found, the rest is \
         made when the shop next sends it. If not, put the right address into `webhook_url` and \
         restart the bridge."
        "Отвечает другой портал, не тот, куда попадали заказы: прежде чем что-либо записать, мост \
         ищет в нём каждый заказ по его источнику."
        "Если портал сменили намеренно, делать ничего не нужно: что в нём есть, найдётся, \
         остальное появится, когда магазин снова пришлёт заказ. Если нет, укажите верный адрес в \
         `webhook_url` и перезапустите мост."
    WentBack "B24-WENT-BACK"
        "The portal shows an older state than before, as after a restored backup: each order is \
         looked up there by its origin before anything is written for it."
        "Nothing to do for what is found: it is brought to the shop's newest state. What the \
         backup did not hold is made when the shop next sends it; send such orders again to have \
         them at once."
        "Портал показывает более старое состояние, как после восстановления из копии: прежде чем \
         что-либо записать, мост ищет в нём каждый заказ по его источнику."
        "С тем, что найдётся, делать ничего не нужно: мост доведёт его до последнего состояния \
         магазина. Чего в копии не было, появится, когда магазин снова пришлёт заказ; чтобы не \
         ждать, отправьте такие заказы заново."
    Protocol "B24-PROTOCOL"
        "The portal's answer could not be understood."
        "Retry; if it recurs, report it with the message."
        "Ответ портала не удалось понять."
        "Повторите; если случится снова, сообщите разработчикам и приложите сообщение."
    Proxy "B24-PROXY"
        "Something in front of the portal (a proxy, a firewall) refuses what is sent, and the \
         portal never sees it."
        "Let the bridge's calls to the portal's `/rest/` through, in any size and with any text, \
         or mend the text that is refused; then retry."
        "Что-то перед порталом (прокси, межсетевой экран) не пропускает отправленное, и портал его \
         не видит."
        "Пропустите запросы моста к `/rest/` портала, любого размера и с любым текстом, или \
         исправьте текст, который не проходит, и повторите отправку."
    Unanswered "B24-UNANSWERED"
        "Each call with this order ends without a usable answer, while the portal answers all \
         others."
        "Look in the portal whether the deal is there and what runs when it is written (robots, \
         workflows, handlers), mend that, then retry: what is there already is found first."
        "Каждый запрос с этим заказом остаётся без внятного ответа, хотя на остальные портал \
         отвечает."
        "Посмотрите в портале, есть ли сделка и что запускается при её записи (роботы, \
         бизнес-процессы, обработчики), исправьте это и повторите: то, что уже есть, сначала будет \
         найдено."
    // the correspondence table
    Status "MAP-STATUS"
        "The order's status is in no row of the shop's status table."
        "Add the status to `[[shops.NAME.statuses]]` and restart the bridge: the order goes out by \
         itself when the table has it."
        "Статуса этого заказа нет ни в одной строке таблицы статусов магазина."
        "Добавьте статус в `[[shops.NAME.statuses]]` и перезапустите мост: заказ уйдёт сам, как \
         только статус появится в таблице."
    StageUnknown "MAP-STAGE"
        "The portal does not know the stage that this status is written as."
        "Correct the stage in `[[shops.NAME.statuses]]` (`doctor` lists the portal's stages) or \
         make it in the funnel, then retry."
        "Портал не знает стадию, в которую записывается этот статус."
        "Исправьте стадию в `[[shops.NAME.statuses]]` (стадии портала перечисляет `doctor`) или \
         создайте её в воронке и повторите отправку."
    Field "MAP-FIELD"
        "A property was mapped to a user field that the portal does not take."
        "Make the user field in the portal or correct `[shops.NAME.fields]`, then retry."
        "Свойство заказа сопоставлено с пользовательским полем, которое портал не принимает."
        "Создайте это поле в портале или исправьте `[shops.NAME.fields]` и повторите отправку."
    // the shop
    Invalid "SHOP-INVALID"
        "The event is not a valid order event."
        "Correct it at the pointers in the message and send it again, or retry with a mended \
         payload."
        "Событие не похоже на правильное событие заказа."
        "Исправьте то, на что указывает сообщение, и отправьте событие заново или повторите \
         исправленное."
    UnknownShop "SHOP-UNKNOWN"
        "No shop of that name is configured."
        "Check the event's `source` and the `[shops]` of the configuration."
        "Магазин с таким именем не настроен."
        "Проверьте `source` события и `[shops]` в конфигурации."
    Conflict "SHOP-CONFLICT"
        "An event with the same source and id but another body was accepted before."
        "Give each new event its own id."
        "Событие с теми же source и id, но с другим содержимым уже принято."
        "Давайте каждому новому событию свой id."
    Key "SHOP-KEY"
        "The API key is missing or not known."
        "Send `Authorization: Bearer KEY` with a key of `[shops.NAME] api_keys`."
        "Ключ API не указан или неизвестен."
        "Передавайте `Authorization: Bearer KEY` с ключом из `[shops.NAME] api_keys`."
    TooLarge "SHOP-TOO-LARGE"
        "The request is larger than the bridge takes."
        "Send fewer or smaller events: at most 1,000 a batch."
        "Запрос больше, чем мост принимает."
        "Отправляйте меньше событий за раз или сами события поменьше: не больше 1 000 в пакете."
    Malformed "SHOP-MALFORMED"
        "The request is not what this address takes."
        "Correct the request as the message says."
        "Этот адрес ждёт другого запроса."
        "Исправьте запрос, как сказано в сообщении."
    NotFound "SHOP-NOT-FOUND"
        "There is no such thing here, or the key may not see it."
        "Check the shop, the number or the id."
        "Здесь такого нет, или этот ключ его не видит."
        "Проверьте магазин, номер или id."
    Forbidden "SHOP-FORBIDDEN"
        "The key may read but not change."
        "Use a key with the role `operator`."
        "С этим ключом можно смотреть, но не менять."
        "Возьмите ключ с ролью `operator`."
    WebhookOwner "SHOP-WEBHOOK-OWNER"
        "The shop's webhook sends an error in place of orders: the user it belongs to may not see \
         them."
        "Save the shop's webhooks as a user who may see orders (WooCommerce, Settings, Advanced, \
         Webhooks), then save the orders that are missing once more."
        "Вебхук магазина присылает ошибку вместо заказов: пользователь, которому он принадлежит, \
         не может их видеть."
        "Сохраните вебхуки магазина от имени пользователя, который видит заказы (WooCommerce, \
         Настройки, Дополнительно, Вебхуки), и пересохраните недостающие заказы."
    NotAnOrder "SHOP-NOT-AN-ORDER"
        "The shop's system sent something else in place of an order."
        "Read in the message what came, mend the shop's webhook, then save the orders that are \
         missing once more."
        "Система магазина прислала вместо заказа что-то другое."
        "Прочитайте в сообщении, что пришло, исправьте вебхук магазина и пересохраните недостающие \
         заказы."
    // forms of the shop's site
    FormNoContact "FORM-NO-CONTACT"
        "A form was sent without a telephone and without an e-mail address."
        "If the form has such a field, name it under `fields` of the form's section and restart \
         the bridge, then retry; if not, answer by what the message says, and discard it."
        "Форма отправлена без телефона и без e-mail."
        "Если такое поле в форме есть, укажите его в `fields` в разделе формы, перезапустите мост \
         и повторите отправку; если нет, ответьте по тому, что в ней написано, и откажитесь от неё."
    FormRobot "FORM-ROBOT"
        "A form was filled in by a robot: the field that no person sees is not empty. It is kept \
         for a week and not delivered."
        "If it is a person's, have it delivered (`forms restore ID`), and look why the hidden \
         field was filled in."
        "Форму заполнил робот: поле, которого человек не видит, не пустое. Она хранится неделю и в \
         портал не попадает."
        "Если её отправил человек, доставьте её (`forms restore ID`) и проверьте, почему заполнено \
         скрытое поле."
    FormConsent "FORM-CONSENT"
        "A form was sent without the consent that it requires. It is kept for a week and not \
         delivered."
        "If the consent was given, name its field under `fields` of the form's section, restart \
         the bridge, and have it delivered (`forms restore ID`)."
        "Форма отправлена без согласия, которое для неё обязательно. Она хранится неделю и в \
         портал не попадает."
        "Если согласие было дано, укажите его поле в `fields` в разделе формы, перезапустите мост \
         и доставьте её (`forms restore ID`)."
    FormMapBroken "FORM-MAP-BROKEN"
        "A form that brought telephones brings none any more: somebody may have renamed its fields."
        "Look what it sends (`forms list`), name the field under `fields` of the form's section, \
         and restart the bridge."
        "Форма, из которой приходили телефоны, больше их не приносит: возможно, поля переименовали."
        "Посмотрите, что она присылает (`forms list`), укажите поле в `fields` в разделе формы и \
         перезапустите мост."
    Overtaken "SHOP-OVERTAKEN"
        "A newer snapshot of the order was settled since."
        "Nothing to do."
        "Более новый снимок этого заказа уже обработан."
        "Делать ничего не нужно."
    // what comes back
    Review "SYNC-REVIEW"
        "The shop and the portal say different things, and the rules leave it to a person."
        "Say who is right, the shop or the portal (`conflicts resolve`)."
        "Магазин и портал говорят разное, и по правилам решает человек."
        "Скажите, кто прав: магазин или портал."
    PingPong "SYNC-PING-PONG"
        "The same was written again and again: something, mostly a robot in the portal, answers \
         each write with another."
        "Find the robot or rule that moves the deal back, switch it off, then say who is right \
         (`conflicts resolve`)."
        "Одно и то же записывалось снова и снова: на каждую запись что-то, чаще всего робот в \
         портале, отвечает другой."
        "Найдите робота или правило, которое возвращает сделку, отключите его и скажите, кто прав."
    Decided "SYNC-DECIDED"
        "Somebody has decided this conflict already, or it vanished by itself."
        "Nothing to do."
        "Это расхождение уже решено или исчезло само."
        "Делать ничего не нужно."
    Count "BULK-COUNT"
        "The dead letters are not as many as were counted before."
        "Look at the new count; if it is right, repeat with it."
        "Недоставленных не столько, сколько было посчитано."
        "Посмотрите на новое число; если оно верное, повторите с ним."
    Callback "SHOP-CALLBACK"
        "The shop's callback refused a status change."
        "Read the shop's answer in the message, mend its handler, then retry."
        "Магазин отказался принять смену статуса."
        "Прочитайте в сообщении ответ магазина, исправьте его обработчик и повторите отправку."
    CallbackDown "SHOP-DOWN"
        "The shop's callback cannot be reached or answers with a server error."
        "Nothing to do: the bridge tries again with growing pauses. If it lasts, check the shop's \
         `callback_url`."
        "Обработчик магазина недоступен или отвечает ошибкой сервера."
        "Делать ничего не нужно: мост пробует снова, с каждым разом реже. Если это затянулось, \
         проверьте `callback_url` магазина."
    CallbackSlow "SHOP-SLOW"
        "The shop's callback takes long to answer: the shop hears of status changes late, if at \
         all."
        "Nothing to do at once: the bridge waits for a quarter of a minute and then tries again. \
         If it lasts, look what holds up the shop's handler."
        "Обработчик магазина долго не отвечает: о смене статусов магазин узнаёт с опозданием."
        "Сразу делать ничего не нужно: мост ждёт ответа четверть минуты и пробует снова. Если это \
         затянулось, посмотрите, что задерживает обработчик магазина."
    CallbackGone "SHOP-GONE"
        "The shop's callback answered 410: it does not want to be called any more."
        "Mend the shop's handler or correct `callback_url`, then resume the callback (`portals \
         resume shop:NAME`)."
        "Обработчик магазина ответил 410: он больше не хочет, чтобы его вызывали."
        "Исправьте обработчик или `callback_url` и запустите отправку магазину."
    EventToken "B24-EVENT-TOKEN"
        "A notification came with a wrong application token, or none."
        "Put the token of the portal's outgoing webhook into `event_tokens`, and look who else \
         posts to this address."
        "Пришло уведомление с неверным токеном приложения или без него."
        "Укажите токен исходящего вебхука портала в `event_tokens` и проверьте, кто ещё шлёт на \
         этот адрес."
    // 1C
    OneCOrder "ONEC-ORDER"
        "The order cannot be written for 1C."
        "Read why in `onec status`; mend the order in the shop, which then sends it anew."
        "Заказ нельзя записать для 1С."
        "Прочитайте причину в `onec status`, исправьте заказ в магазине, и он отправит его заново."
    OneCNumber "ONEC-NUMBER"
        "Another order has this order's id or number in the 1C base."
        "Two shops count alike: give each a prefix of its own in `number_prefix`, then `onec \
         resend`."
        "В базе 1С этот `Ид` или `Номер` уже занят другим заказом."
        "Два магазина нумеруют одинаково: задайте каждому свой префикс в `number_prefix` и \
         выполните `onec resend`."
    OneCLogin "ONEC-LOGIN"
        "1C came with a wrong login, or without one."
        "Compare login and password in 1C with `[onec.NAME.users.LOGIN]`. If no login arrives at \
         all, the web server in front must pass on the header Authorization."
        "1С пришла с неверным логином или без него."
        "Сравните логин и пароль в 1С с `[onec.NAME.users.LOGIN]`. Если логин не приходит совсем, \
         веб-сервер перед мостом должен передавать заголовок Authorization."
    OneCSession "ONEC-SESSION"
        "The exchange session has ended, or was never opened."
        "Start the exchange in 1C again. If it recurs, give `session_ttl` more time."
        "Сеанс обмена закончился или не был открыт."
        "Запустите обмен в 1С ещё раз. Если это повторяется, увеличьте `session_ttl`."
    OneCFile "ONEC-FILE"
        "A file from 1C cannot be taken in."
        "Read the sentence: the file is cut, too large, or not of CommerceML 2. Nothing of it was \
         taken in; start the exchange in 1C again."
        "Файл из 1С нельзя принять."
        "Прочитайте сообщение: файл обрезан, слишком велик или не в формате CommerceML 2. Из него \
         ничего не принято; запустите обмен в 1С ещё раз."
    OneCDocument "ONEC-DOCUMENT"
        "A document from 1C cannot be read."
        "Look at it with `onec documents`, mend it in 1C, and exchange again."
        "Документ из 1С не читается."
        "Посмотрите его командой `onec documents`, исправьте в 1С и повторите обмен."
    OneCLater "ONEC-LATER"
        "Documents from 1C are kept, and not carried out."
        "This version does not take documents in: switch off loading from 1C, or leave it so, and \
         1C offers them again."
        "Документы из 1С сохранены, но не приняты."
        "Эта версия моста документы из 1С не принимает: отключите их выгрузку на сайт или оставьте \
         так, и 1С предложит их снова."
    OneCRequest "ONEC-REQUEST"
        "1C asked for something that cannot be answered."
        "Read the sentence in 1C's log, and compare the address and the settings in 1C with the \
         page `deploy/1c.md`."
        "1С запросила то, на что нельзя ответить."
        "Прочитайте сообщение в журнале 1С и сверьте адрес и настройки в 1С со страницей \
         `deploy/1c.md`."
    // stock
    StockShort "STOCK-SHORT"
        "There is not enough to be had: nothing was reserved or shipped."
        "Offer the customer what is `available`, or a store under `elsewhere`, and ask again."
        "Товара столько нет: ничего не зарезервировано и не отгружено."
        "Предложите покупателю то, что есть (`available`), или другой склад из `elsewhere` и \
         запросите снова."
    NotHeld "STOCK-NOT-HELD"
        "The reservation is not held any more: it was released, has run out, or was lost to a \
         shortage."
        "Reserve the goods again, then repeat."
        "Резерва больше нет: он снят, истёк или потерян из-за нехватки товара."
        "Зарезервируйте товар заново и повторите."
    UnknownProduct "STOCK-UNKNOWN-PRODUCT"
        "The stock does not know this product, or knows several by that name."
        "Name the product by what `[shops.NAME.products]` lists; count it or move it in once, so \
         that it becomes known."
        "Остатки не знают такого товара или знают под этим именем несколько."
        "Назовите товар так, как указано в `[shops.NAME.products]`; чтобы товар стал известен, \
         пересчитайте или оприходуйте его один раз."
    NotMaster "STOCK-NOT-MASTER"
        "Somebody else than the stock's master has counted: such a count would wipe out what the \
         master knows."
        "Send what came and went (`shop.stock.moved.v1`), or declare the right `master` in \
         `[stock.NAME]`."
        "Пересчёт прислал не тот, кто объявлен хозяином остатков: он стёр бы то, что знает хозяин."
        "Присылайте приход и расход (`shop.stock.moved.v1`) или укажите верного `master` в \
         `[stock.NAME]`."
    StockShortage "STOCK-SHORTAGE"
        "More of a product is reserved in a store than there is: somebody will not get it."
        "Say who loses it or is served from another store: in the console under Stock, by \
         `conflicts resolve`, or write a rule, `[[stock.NAME.rules]]`. It closes by itself when \
         there is enough again."
        "Товара на складе зарезервировано больше, чем есть: кому-то он не достанется."
        "Решите, кто останется без товара или получит его с другого склада: в консоли на странице \
         «Остатки» или командой `conflicts resolve`, либо задайте правило `[[stock.NAME.rules]]`. \
         Когда товара снова хватит, нехватка закроется сама."
    UnknownStore "STOCK-UNKNOWN-STORE"
        "A receipt names a store that the stock does not have: its lines are parked."
        "Add the store's id to `stores` of `[tills.NAME]`, or to `ids` of the store, and restart: \
         the lines are posted by themselves."
        "В чеке указан склад, которого нет в остатках: строки чека отложены."
        "Добавьте код склада в `stores` секции `[tills.NAME]` или в `ids` склада и перезапустите \
         мост: строки проведутся сами."
    // tills
    TillToken "TILL-TOKEN"
        "What came in a till's name does not show the till's token."
        "Compare the token in the till's account with `token` of `[tills.NAME]`. If they agree, \
         somebody else knows the address: nothing of what he sent was stored."
        "Запрос от имени кассы пришёл без токена этой кассы."
        "Сверьте токен в кабинете кассы с `token` секции `[tills.NAME]`. Если они совпадают, адрес \
         знает кто-то ещё: из присланного им ничего не сохранено."
    ReceiptChanged "TILL-RECEIPT-CHANGED"
        "A receipt came again with other contents, and not as a newer version: nothing of it was \
         posted."
        "Compare it with the receipt that came first. If the new one is right, try the letter \
         again: it takes its place; else let the letter go."
        "Чек пришёл ещё раз с другим содержимым и не как новая версия: ничего не проведено."
        "Сравните его с чеком, который пришёл первым. Если верен новый, отправьте письмо снова: он \
         заменит прежний; если нет, откажитесь от письма."
    // the bridge itself
    Bug "BRIDGE-BUG"
        "Something happened that the bridge believed impossible."
        "Report it with the message; then retry."
        "Случилось то, что мост считал невозможным."
        "Сообщите разработчикам, приложите сообщение и повторите."
    Busy "BRIDGE-BUSY"
        "So many requests are in work that there is no room for another body."
        "Send it again in a few seconds. If it recurs, send smaller batches, or give `[http] \
         room_bytes` more."
        "Сейчас в работе столько запросов, что для тела ещё одного нет места."
        "Отправьте его снова через несколько секунд. Если это повторяется, отправляйте пакеты \
         поменьше или увеличьте `[http] room_bytes`."
    Stuck "BRIDGE-STUCK"
        "The bridge fails at the same work again and again: what belongs to it waits."
        "Read the words, and the log around the last time. If nothing there helps and it lasts, \
         restart the bridge, and report it with both."
        "Мост раз за разом не справляется с одной и той же работой: всё, что к ней относится, ждёт."
        "Прочитайте сообщение и журнал моста за это время. Если это не помогло и сбой длится, \
         перезапустите мост и сообщите разработчикам, приложив и то и другое."
    Database "BRIDGE-DATABASE"
        "The database cannot be reached or refused."
        "Check that Postgres runs and `DATABASE_URL` is right; nothing accepted is lost."
        "База данных недоступна или отказала."
        "Проверьте, что Postgres запущен и что `DATABASE_URL` верен; ничего принятого не потеряно."
    Config "BRIDGE-CONFIG"
        "The configuration cannot be used."
        "Correct the named key."
        "Конфигурацию нельзя использовать."
        "Исправьте названный ключ."
}
