//! The words of the console, in both languages.

use super::locale::Lang;

macro_rules! texts {
    ($($name:ident $english:literal $russian:literal)*) => {
        /// A text of the console.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::console) enum Text { $(#[doc = $english] $name),* }

        impl Text {
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$name),*];

            /// The words in a language.
            pub(in crate::console) fn on(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $((Self::$name, Lang::En) => $english, (Self::$name, Lang::Ru) => $russian),*
                }
            }
        }
    };
}

texts! {
    // frame
    Console "Console" "Пульт"
    SkipToContent "Skip to content" "К содержанию"
    Overview "Overview" "Обзор"
    Orders "Orders" "Заказы"
    DeadLetters "Dead letters" "Недоставленные"
    Conflicts "Conflicts" "Расхождения"
    StatusMap "Status map" "Статусы"
    StockPage "Stock" "Остатки"
    Portals "Portals" "Порталы"
    Audit "Audit" "Журнал"
    SignIn "Sign in" "Войти"
    SignOut "Sign out" "Выйти"
    OtherLanguage "Русский" "English"
    RoleViewer "viewer: may look, not change" "наблюдатель: может смотреть, не менять"
    RoleOperator "operator" "оператор"
    UpdatedAgo "updated {ago}" "обновлено {ago}"
    NotHeardSince
        "No connection since {at}: what you see is of then."
        "Нет связи с {at}: на экране то, что было тогда."
    // sign-in
    NobodyCanSignIn
        "No operator is configured: add [operators.NAME] with a password_hash or a key."
        "Операторов нет в настройках: добавьте [operators.NAME] с password_hash или key."
    Name "Name" "Имя"
    Password "Password" "Пароль"
    OrKey "Or with a key" "Или по ключу"
    Key "Key" "Ключ"
    SignInWrong "That is not a known name and password, or key."
        "Такого имени с паролем или такого ключа нет."
    SignInSlow "Too many tries: wait a minute." "Слишком много попыток: подождите минуту."
    // stock
    NoStock "No stock is configured." "Остатки не настроены."
    LevelsByStore "What each store has" "Что есть на складах"
    Product "Product" "Товар"
    Store "Store" "Склад"
    OnHand "On hand" "В наличии"
    Held "Reserved" "Зарезервировано"
    Available "Available" "Можно продать"
    NoLevels "There is nothing like that." "Такого нет."
    RunOutNext "Reservations that run out next" "Какие резервы истекут раньше всех"
    NothingRunsOut "No reservation runs out." "Ни один резерв не истекает."
    Reservation "Reservation" "Резерв"
    Ledger "Ledger" "История товара"
    NothingMoved "Nothing has moved of it." "Движений нет."
    Paid "paid" "оплачен"
    NotPaid "not paid" "не оплачен"
    HeldSince "held since" "в резерве с"
    LosesIt "This one loses it" "Без товара останется этот"
    PickedUpHere "It is picked up there: it cannot be moved."
        "Его заберут на этом складе: перенести нельзя."
    HoldIn "hold it in" "держать на складе"
    MoveIt "Move" "Перенести"
    Receipts "Receipts of tills" "Чеки касс"
    Receipt "Receipt" "Чек"
    Till "Till" "Касса"
    Goods "Goods" "Товары"
    Sale "sale" "продажа"
    Refund "refund" "возврат"
    Annulled "annulled" "аннулирован"
    LinesParked "lines that could not be posted" "строк не проведено"
    OnlyParked "Only those with lines that could not be posted" "Только с непроведёнными строками"
    NoReceipts "No receipts have come." "Чеков не было."
    WithinADay "Within a day" "За сутки"
    // overview
    WhatIsWrong "What is wrong" "Что не так"
    NeedsYou "needs you" "ждёт решения"
    TakeNote "take note" "обратите внимание"
    IsRefused "refused" "отказ"
    OverByNow "Was wrong a moment ago and is over" "Было не так недавно, уже прошло"
    FromSql "Taking up events from SQL" "Приём событий из SQL"
    LetterJobs "Jobs over many dead letters" "Задания над многими недоставленными"
    Housekeeping "Housekeeping" "Уборка старого"
    StockKept "Stock" "Остатки товаров"
    TillsRead "Reading tills" "Чтение касс"
    ApplicationOf "The application of" "Приложение портала"
    CallbackOf "Telling the shop" "Оповещение магазина"
    Untold "Status changes not told yet" "О скольких сменах статуса ещё не сообщили"
    NeverTold "Status changes that died or were let go"
        "Смены статуса, о которых магазину не сообщат"
    Times "Times" "Раз"
    RefusedAndTried "Refused, tried again by itself" "Отказано, повторяется само"
    ToPortal "Go to the portal's page" "К странице портала"
    ToShop "Go to the shop's page" "К странице магазина"
    ToLetters "See and mend the dead letters" "Посмотреть и исправить"
    ToOrder "See the order" "К заказу"
    Decide "Decide" "Решить"
    AllWell "Everything flows." "Всё идёт."
    Flowing "flowing" "идёт"
    Slow "slow" "медленно"
    Stuck "stuck" "стоит"
    State "State" "Состояние"
    Portal "Portal" "Портал"
    Shop "Shop" "Магазин"
    Waiting "Waiting" "Ждут"
    Oldest "Oldest" "Самый старый"
    OldestWaiting "Oldest waiting" "Дольше всех ждёт"
    Dead "Dead" "Не доставлено"
    DoneLastHour "Done in the last hour" "Доставлено за час"
    OperatingUsed "Operating time used" "Расход времени портала"
    PerMinute "per minute, the last hour" "в минуту, последний час"
    MinutesAgo "60 minutes ago" "60 минут назад"
    Now "now" "сейчас"
    Delivered "delivered" "доставлено"
    DiedLabel "dead" "не доставлено"
    OpenByCode "Open dead letters by code" "Недоставленные по причинам"
    Count "Count" "Сколько"
    Code "Code" "Код"
    WhatToDo "What to do" "Что делать"
    WhatHappened "What happened" "Что случилось"
    NoDeadLetters "No dead letters: what was accepted is delivered or on its way."
        "Недоставленных нет: всё принятое доставлено или в пути."
    NoneOfFilter "No dead letter is like that." "Таких писем нет."
    ShowAll "Show all" "Показать все"
    WaitsForPeople "wait for a decision" "ждут решения"
    PausedByPerson "Paused by a person: nothing is sent until somebody resumes it."
        "Остановлен человеком: ничего не отправляется, пока его не запустят."
    NoWorker "No worker drives it: is `serve` running with a worker?"
        "Его никто не обслуживает: запущен ли `serve` с рабочим процессом?"
    TriesAgain "tries again by itself" "пробует снова сам"
    HalfPace "Half the pace, because somebody else uses up the portal's request limit; until"
        "Половинный темп: лимит запросов портала расходует кто-то ещё; до"
    WaitsLong "Orders wait longer than a minute." "Заказы ждут дольше минуты."
    LastRefusal "Last refusal" "Последний отказ"
    HasDead "Some orders could not be delivered." "Часть заказов не доставлена."
    Published "Events from SQL not taken up yet" "События из SQL ещё не приняты"
    // the customer's cards
    WhoTheCustomerIs "Who the customer is" "Кто покупатель"
    PassedOver "Passed over" "Не взяты"
    NotHe "This is not he" "Это не он"
    NotIts "This is not its company" "Это не его компания"
    NotHeExplained
        "If this is somebody else's card: the order leaves it, it is never taken for this customer \
         again, and another is looked for or made."
        "Если это чужая карточка: заказ её оставит, за этого покупателя её больше никогда не \
         примут, а другая будет найдена или создана."
    NotOnRecord "how it was recognised is not on record" "по чему узнан, не записано"
    ByMade "made for this customer" "карточка создана для этого покупателя"
    ByOrder "the order had it" "была у заказа"
    ByDeal "the deal carries it" "стоит в сделке"
    ByLink "linked to the customer before" "уже связана с этим покупателем"
    ByOrigin "it carries the customer's origin" "на ней источник покупателя"
    ByInn "the taxpayer number is the same" "совпадает ИНН"
    ByKpp "the branch is the same" "совпадает КПП"
    ByPhone "a phone is the same" "совпадает телефон"
    ByEmail "an e-mail address is the same" "совпадает почта"
    ByTitle "the firm's name is the same" "совпадает название фирмы"
    ByName "first and last name agree" "имя и фамилия согласуются"
    ByPartOfName "a part of the name agrees" "часть имени согласуется"
    NotByName "has a phone or an address of the customer, but its name is another's"
        "телефон или почта те же, но имя другое"
    NotByCustomer
        "has a phone or an address of the customer, but stands for another customer of the shop"
        "телефон или почта те же, но это другой покупатель магазина"
    NotByAddress "has a common address of the customer, and nothing else agrees"
        "общий адрес организации, больше ничего не совпадает"
    NotByOperator "an operator said that it is not this customer's"
        "оператор сказал, что она не этого покупателя"
    NotHeNotice "It is on record: another card is looked for." "Записано: ищется другая карточка."
    NotHeLater
        "It is on record: another card is looked for with the order's next event, since its last \
         one is no longer kept."
        "Записано: другая карточка будет найдена со следующим событием заказа, последнее уже не \
         хранится."
    AnotherCard "The order has another card by now: nothing was changed."
        "У заказа уже другая карточка: ничего не изменено."
    // orders
    SearchOrders "Number, deal id, phone or e-mail" "Номер, id сделки, телефон или почта"
    Search "Search" "Найти"
    NothingFound
        "Nothing found. Look for the whole number, the deal's id, a phone number with at least \
         seven digits, or a whole e-mail address."
        "Ничего не найдено. Ищите номер целиком, id сделки, телефон не короче семи цифр или почту \
         целиком."
    NoOrders "No order has come in yet. A shop posts its events to /v1/events, with its key."
        "Ещё не пришло ни одного заказа. Магазин шлёт события на /v1/events, со своим ключом."
    NewestOrders "The newest orders" "Последние заказы"
    ShownAtMost "At most 200 are shown." "Показано не больше 200."
    Number "Number" "Номер"
    Order "Order" "Заказ"
    Customer "Customer" "Покупатель"
    Status "Status" "Статус"
    Stage "Stage" "Стадия"
    Deal "Deal" "Сделка"
    Lead "Lead" "Лид"
    Contact "Contact" "Контакт"
    Company "Company" "Компания"
    Received "Received" "Получен"
    InSync "in sync" "совпадает"
    OnItsWay "on its way" "в пути"
    NotInSync "not in sync" "не совпадает"
    IsDead "dead letter" "не доставлен"
    Timeline "Its life" "Как было дело"
    NoTimeline "Nothing is recorded any more." "Записей больше нет."
    Clocks "Details and clocks" "Подробности и часы"
    ItsDeadLetters "Its dead letters" "Не доставлено по заказу"
    OpensInBitrix "opens in Bitrix24" "откроется в Битрикс24"
    // dead letters
    Letter "Letter" "Письмо"
    Filter "Filter" "Отобрать"
    Any "any" "любой"
    Attempts "Attempts" "Попыток"
    FirstFailed "First failed" "Впервые"
    LastFailed "Last failed" "В последний раз"
    InTheWordsOf "In the words of whoever refused" "Слова того, кто отказал"
    Payload "The event" "Событие"
    Retry "Retry" "Повторить"
    RetryExplained "Sends the event again as it is." "Отправит событие ещё раз как есть."
    MakeNewDeal "Make a new deal" "Создать новую сделку"
    NewDealExplained "Sends the order again and makes a new deal for it."
        "Отправит заказ ещё раз и создаст для него новую сделку."
    RetryRestored "If the old deal was restored in the portal: sends the order again as it is."
        "Если прежнюю сделку восстановили в портале: отправит заказ ещё раз как есть."
    TellAgain "Tells the shop again." "Сообщит магазину ещё раз."
    EditAndRetry "Edit and retry" "Исправить и повторить"
    EditExplained "Mend the event here; it is checked before anything is sent."
        "Исправьте событие здесь; до отправки оно будет проверено."
    Discard "Discard" "Отказаться"
    DiscardExplained "Lets the event go for good. The reason is put on record."
        "Событие не будет доставлено. Причина останется в журнале."
    Reason "Reason" "Причина"
    RetryAll "Retry all of these" "Повторить все отобранные"
    DiscardAll "Discard all of these" "Отказаться от всех отобранных"
    LettersConcerned "Letters concerned" "Затронуто писем"
    TypeTheCount "Type the number to confirm" "Введите это число для подтверждения"
    CountDiffers "The number is not the one of these letters: look again."
        "Число не совпадает с числом писем: посмотрите ещё раз."
    BulkExplained "The worker does it in the background; letters that come later are left alone."
        "Это сделает рабочий процесс в фоне; более новые письма не затрагиваются."
    Containing "With this text" "С таким текстом"
    FailedSince "Failed since" "Начиная с"
    FailedUntil "Failed before" "До"
    FilterFirst "Filter first to act on many at once."
        "Чтобы обработать сразу много, сначала отберите."
    Jobs "Bulk jobs" "Массовые задания"
    NoJobs "There were none. Filter dead letters, then retry or discard all of them at once."
        "Их не было. Отберите недоставленные и обработайте все сразу."
    Progress "Progress" "Готово"
    StayOpen "stay open" "остались"
    Stop "Stop" "Прервать"
    ClosedAlready "Closed" "Закрыто"
    Shops "Shops" "Магазины"
    WithinPage "Sorting by a column sorts this page; by the letter's number, all pages."
        "Сортировка по столбцу действует на этой странице, по номеру письма — на всех."
    Next "Next page" "Дальше"
    ViewerCannot "You may look, not change: the role is `viewer`."
        "Вы можете смотреть, но не менять: ваша роль — наблюдатель."
    Export "Export these as a file" "Выгрузить отобранные в файл"
    Import "Import from a file" "Загрузить из файла"
    ImportExplained
        "A file with one letter a line, as the export writes it. Letters that are here already are \
         left alone."
        "Файл, где одно письмо на строку, как его пишет выгрузка. Письма, которые здесь уже есть, \
         не меняются."
    ChooseFile "Choose a file first: this one is empty." "Сначала выберите файл: этот пуст."
    FileTooLarge
        "The file is larger than is taken at once. Split it between lines; `[http] max_body_bytes` \
         sets the limit."
        "Файл больше, чем принимается за раз. Разделите его между строками; предел задаёт `[http] \
         max_body_bytes`."
    NoUtf8 "This is not a text file in UTF-8; the first fault is in line"
        "Это не текстовый файл в UTF-8; первая ошибка в строке"
    NothingTaken "Nothing was taken." "Ничего не загружено."
    LettersTaken "letters taken" "писем загружено"
    LettersKnown "were here already" "уже были здесь"
    LinesFaulty "lines that could not be taken" "строк не удалось загрузить"
    MendLines
        "All other lines were taken. Mend these in the file and send it again: what is here \
         already is left alone."
        "Все остальные строки загружены. Исправьте эти в файле и отправьте его ещё раз: что уже \
         загружено, не изменится."
    Line "Line" "Строка"
    // conflicts
    Conflict "Conflict" "Расхождение"
    WaitForYou "Waiting for a decision" "Ждут решения"
    DecidedLately "Decided lately" "Недавние решения"
    NoConflicts
        "Nothing waits for a decision. What the rules can decide is settled by itself and told \
         below."
        "Ничто не ждёт решения. Что решают правила, улаживается само; об этом сказано ниже."
    NoDecisions "No differences yet: shop and portal have always said the same."
        "Расхождений ещё не было: магазин и портал всегда говорили одно и то же."
    ShopSays "The shop says" "Магазин говорит"
    PortalSays "The portal says" "Портал говорит"
    Since "since" "с"
    Heard "heard" "узнали"
    Agreed "Last agreed" "Последнее согласие"
    Rule "Rule" "Правило"
    Winner "Who is right" "Кто прав"
    ShopIsRight "The shop is right" "Прав магазин"
    PortalIsRight "The portal is right" "Прав портал"
    DealGoesTo "the deal goes to" "сделка перейдёт в"
    OrderGoesTo "the order becomes" "заказ станет"
    NewDeal "a new deal is made" "будет создана новая сделка"
    LetGo "the order is let go" "заказ оставят в покое"
    NoneFits "nothing corresponds in the table" "в таблице нет соответствия"
    Opened "Opened" "Открыто"
    RuledBy "Decided by" "Решил"
    BeingCarriedOut "decided, being carried out" "решено, выполняется"
    AllItRestsOn "Everything the decision rests on" "Всё, на чём основано решение"
    Time "Time" "Время"
    Decision "Decision" "Решение"
    // status map
    WrittenAs "is written as" "записывается как"
    AlsoAccepts "also accepts" "принимает также"
    ComesBackAs "comes back as" "возвращается как"
    Direction "Direction" "Направление"
    BothWays "both ways" "в обе стороны"
    OnlyToPortal "only to the portal" "только в портал"
    OnlyToShop "only to the shop" "только в магазин"
    NothingAmbiguous "nothing: several statuses claim it"
        "ничто: на неё претендуют несколько статусов"
    NothingComesBack "nothing" "ничто"
    PlanTable "What would a changed table move?" "Что сдвинет изменённая таблица?"
    ApplyTable "Apply the changed table" "Применить изменённую таблицу"
    NothingMoves "The table moves nothing that was agreed."
        "Таблица ничего из согласованного не сдвигает."
    CheckAgainstPortal "Check against the portal" "Сверить с порталом"
    NothingToRemark "The portal knows every stage, and every stage is in the table."
        "Портал знает все стадии, и все стадии есть в таблице."
    CannotAsk "The portal could not be asked:" "Портал не ответил:"
    Funnel "Funnel" "Воронка"
    // portals
    Address "Address" "Адрес"
    Driver "Driven by" "Обслуживает"
    Pause "Pause" "Остановить"
    Resume "Resume" "Запустить"
    Test "Test" "Проверить"
    TestFine "The portal answers." "Портал отвечает."
    LastErrors "Orders that the portal refused and that are tried again"
        "Заказы, от которых портал отказался и которые повторяются"
    NoErrors "None: the portal refuses nothing now."
        "Нет: сейчас портал ни от чего не отказывается."
    Failures "Failures in a row" "Сбоев подряд"
    // shops
    ShopRefused "What the shop refused and is told again"
        "Что магазин отказался принять и что повторяется"
    ShopTakesAll "None: the shop takes what it is told."
        "Нет: магазин принимает всё, о чём ему сообщают."
    ReadsFeed "This shop is not called: it reads the changes itself."
        "Этот магазин не оповещается: он читает изменения сам."
    ShopPausedNotice "The shop is not told anything until somebody resumes it."
        "Магазин не оповещается, пока это не запустят."
    ShopResumedNotice "The shop is told again." "Оповещение магазина запущено."
    Application "Application" "Приложение"
    NeverLetIn "The portal has not let the bridge in yet: nothing can be sent."
        "Портал ещё не впустил мост: отправить ничего нельзя."
    LetInSince "The portal let the bridge in:" "Портал впустил мост:"
    PutOut "The portal refuses the bridge. In its words:" "Портал не принимает мост. Его словами:"
    AuthoriseExplained
        "An administrator of the portal can let the bridge in here, for the first time or anew. \
         Nothing that waits is lost meanwhile."
        "Администратор портала может впустить мост здесь, впервые или заново. Ничего из ожидающего \
         при этом не теряется."
    Authorise "Authorise the application" "Авторизовать приложение"
    StepHandler
        "In the application's settings in the portal (Developer resources → Other → Local \
         application), “Your handler path” must be this address:"
        "В настройках приложения на портале (Разработчикам → Другое → Локальное приложение) «Путь \
         вашего обработчика» должен быть таким:"
    OwnAddress
        "It begins with the address by which the portal reaches this bridge; `http.public_url` in \
         the settings fills it in."
        "Начало — адрес, по которому портал видит этот мост; его подставит `http.public_url` в \
         настройках."
    StepOpen
        "Open the portal as its administrator and let the application in. The link serves once, \
         for a quarter of an hour."
        "Откройте портал как его администратор и впустите приложение. Ссылка действует один раз, \
         четверть часа."
    OpenPortal "Open the portal" "Открыть портал"
    StepReturn
        "The portal sends the browser back to the bridge. Then return to this page: it tells what \
         came of it."
        "Портал вернёт браузер к мосту. После этого вернитесь на эту страницу: она скажет, что \
         вышло."
    WhatCame "What came of it" "Что вышло"
    AuthWaits "Waiting for the portal to send the browser back…" "Ждём, пока портал вернёт браузер…"
    AuthJudged
        "The browser came back; the portal is being asked to confirm. This takes seconds while a \
         worker runs and the portal answers."
        "Браузер вернулся; портал подтверждает. Это секунды, если работает рабочий процесс и \
         портал отвечает."
    AuthDone "The portal has let the bridge in." "Портал впустил мост."
    AuthRefused "The portal has not let the bridge in. In its words:"
        "Портал не впустил мост. Его словами:"
    AuthOver "This authorisation is over: nobody came back in time. Begin it again."
        "Эта авторизация закончилась: никто не вернулся вовремя. Начните заново."
    LookAgain "Look again" "Посмотреть ещё раз"
    CannotReach "The browser cannot reach the bridge?" "Браузер не может открыть мост?"
    CodeExplained "The whole address that the browser ended at, within half a minute"
        "Весь адрес, на котором остановился браузер, в течение полуминуты"
    HandOver "Hand it over" "Передать"
    NoCodeInIt
        "There is no code in this address. Open the portal again and copy the whole address that \
         the browser ends at."
        "В этом адресе нет кода. Откройте портал ещё раз и скопируйте весь адрес, на котором \
         остановится браузер."
    TooManyWait "Too many installations of this portal wait to be judged: try again in a minute."
        "Слишком много установок этого портала ждут проверки: попробуйте через минуту."
    // products
    Products "Products" "Товары"
    InThePortalsCatalogue "in the portal's catalogue" "в каталоге портала"
    NoProducts "No product has come in yet. `deploy/catalogue.md` tells how."
        "Товары ещё не поступали. Как их передать, сказано в `deploy/catalogue.md`."
    AllInStep "Every product is in the portal as the shop told it."
        "Все товары в портале такие, как сообщил магазин."
    OnlyOpen "Only those that are not in step" "Только те, что расходятся"
    AllOfThem "All of them" "Все"
    // forms
    Forms "Forms" "Формы"
    Form "Form" "Форма"
    WhatTheySent "what they sent" "что они прислали"
    NoForms "No form has sent anything yet. `deploy/forms.md` tells where a form posts to."
        "Формы ещё ничего не присылали. Куда отправлять форму, сказано в `deploy/forms.md`."
    InPortal "In the portal" "В портале"
    OfRobot "a robot's" "от робота"
    NoConsent "without consent" "без согласия"
    DeliverIt "Deliver it after all" "Всё же доставить"
    WhatWasSent "What was sent" "Что прислано"
    Activities "Calls, mails and messages" "Звонки, письма и сообщения"
    TryBody "Try a body" "Попробовать тело запроса"
    TryBodyExplained
        "Paste what a form posts: it is read by the form's rules, and nothing is stored."
        "Вставьте то, что отправляет форма: оно будет прочитано по правилам формы, и ничего не \
         сохранится."
    IsPing "A service looks whether anybody answers: nothing would be stored."
        "Сервис проверяет, отвечает ли кто-нибудь: ничего бы не сохранилось."
    StandsInComment "Stands in the comment" "Попадёт в комментарий"
    WouldBeTaken "would be delivered" "будет доставлено"
    NobodyToAnswer "nobody to answer: a dead letter" "некому ответить: недоставленное"
    NoLongerKept "no longer kept" "уже не хранится"
    // audit
    Who "Who" "Кто"
    What "What" "Что"
    To "To what" "С чем"
    Details "Details" "Подробности"
    NoActs "Nobody has done anything by hand, or not under this name."
        "Никто ничего не делал вручную, или не под этим именем."
    // notices
    Queued "It is sent again." "Отправляется ещё раз."
    OvertakenNotice "A newer snapshot has come since: the letter was closed, nothing is sent."
        "Пришёл более новый снимок: письмо закрыто, ничего не отправлено."
    DuplicateNotice "Its event was accepted before: the letter was closed, nothing is sent twice."
        "Это событие уже принято: письмо закрыто, второй раз ничего не отправлено."
    Discarded "The letter was discarded." "От письма отказались."
    PausedNotice "The portal is paused." "Портал остановлен."
    ResumedNotice "The portal is resumed." "Портал запущен."
    ResolvedNotice "Decided. The portal's lane carries it out."
        "Решено. Дорожка портала это выполнит."
    // faults
    NotFound "There is no such thing here (any more)." "Здесь такого нет (или уже нет)."
    Forbidden "You may look, not change." "Вы можете смотреть, но не менять."
    Stale "This page was too old or came from elsewhere. Go back, reload it and try again."
        "Страница устарела или пришла со стороны. Вернитесь, обновите её и попробуйте снова."
    CannotBeUsed "What was sent cannot be used." "Присланное нельзя использовать."
    DatabaseAway "The database is away. Nothing accepted is lost; try again."
        "База данных недоступна. Ничего принятого не потеряно; попробуйте снова."
    Back "Back" "Назад"
    AlreadyDecided "Somebody has decided this already, or it vanished by itself."
        "Это уже решено, или расхождение исчезло само."
    Rate "Requests per second" "Запросов в секунду"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages() {
        for text in Text::ALL {
            let (english, russian) = (text.on(Lang::En), text.on(Lang::Ru));
            assert!(!english.trim().is_empty() && !russian.trim().is_empty());
            let cyrillic =
                |c: char| ('а'..='я').contains(&c) || ('А'..='Я').contains(&c) || c == 'ё';
            assert!(
                *text == Text::OtherLanguage || russian.chars().any(cyrillic),
                "{russian}"
            );
            assert!(
                *text == Text::OtherLanguage || !english.chars().any(cyrillic),
                "{english}"
            );
        }
    }
}
