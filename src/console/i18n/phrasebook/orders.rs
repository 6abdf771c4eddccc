//! Messages about orders, and why their letters were closed.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    // the life of an order
    ("event {} accepted", "событие {} принято"),
    ("deal {} written", "сделка {} записана"),
    ("lead {} written", "лид {} записан"),
    ("contact {} written", "контакт {} записан"),
    (
        "the portal refused: {*} ({}); try {} of {}, the next in {} s",
        "портал отказал: {*} ({}); попытка {} из {}, следующая через {} с",
    ),
    (
        "{*}: {} orders are looked up by their origin",
        "{*}: {} заказов ищутся по источнику",
    ),
    (
        "the portal shows an older state than before",
        "портал показывает более старое состояние, чем раньше",
    ),
    (
        "another portal answers than the one that orders were brought to",
        "отвечает другой портал, не тот, куда попадали заказы",
    ),
    (
        "the order's last event is no longer stored: send the order again from the shop, or let it \
         go",
        "последнее событие заказа уже не хранится: отправьте заказ из магазина заново или \
         откажитесь от него",
    ),
    ("a fault of the bridge at {}: {}", "сбой моста в {}: {}"),
    (
        "the shop has the status {} instead of {} ({=})",
        "у магазина теперь статус {} вместо {} ({=})",
    ),
    (
        "dead letter {} closed: its event was accepted before",
        "письмо {} закрыто: его событие уже принято",
    ),
    ("its event got through", "его событие прошло"),
    (
        "a newer snapshot was settled",
        "обработан более новый снимок",
    ),
    (
        "the sides agree on something else by now",
        "стороны теперь согласны в другом",
    ),
    (
        "the shop was told something newer",
        "магазину сообщили более новое",
    ),
    (
        "a new deal was made since",
        "с тех пор создана новая сделка",
    ),
    (
        "the message is not stored any more: change the order in the shop, or let the letter go",
        "сообщение уже не хранится: измените заказ в магазине или откажитесь от письма",
    ),
    (
        "dead letter {} tried again by {} with a fixed payload",
        "письмо {} исправлено и отправлено снова ({})",
    ),
    (
        "dead letter {} tried again by {}",
        "письмо {} отправлено снова ({})",
    ),
    // notes about an order
    (
        "the status \"{}\" is in no row of the status table of the shop {}",
        "статуса «{}» нет ни в одной строке таблицы статусов магазина {}",
    ),
    ("the portal shows no {=}", "портал не показывает: {=}"),
    (
        "the portal has no stage \"{}\" in funnel {}",
        "на портале нет стадии «{}» в воронке {}",
    ),
    (
        "the portal's answer to {} holds no id: {}",
        "в ответе портала на {} нет id: {}",
    ),
    (
        "written to the stage {}, the deal stands in {}",
        "записали стадию {}, а сделка стоит в {}",
    ),
    ("the currency is {} instead of {}", "валюта {} вместо {}"),
    (
        "the portal has no user field {}",
        "на портале нет пользовательского поля {}",
    ),
    (
        "{} said that contact {} is not this customer's: another is looked for",
        "{}: контакт {} не этого покупателя, ищется другой",
    ),
    (
        "{} said that company {} is not this customer's: another is looked for",
        "{}: компания {} не этого покупателя, ищется другая",
    ),
    (
        "the portal took an import and made no deal of it",
        "портал принял импорт, но сделки не создал",
    ),
];
