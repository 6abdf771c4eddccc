//! Sentences about what cannot be used, and about a status table.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    // what cannot be used
    (
        "the payload cannot be used: {*}",
        "событие нельзя использовать: {*}",
    ),
    ("letter {}: {*}", "запись {}: {*}"),
    (
        "there is no open dead letter, order or portal of that name",
        "такой открытой записи, заказа или портала нет",
    ),
    (
        "`{}` must be a string or a whole number",
        "`{}`: нужна строка или целое число",
    ),
    ("`{}` must be a string", "`{}`: нужна строка"),
    ("`{}` must be a whole number", "`{}`: нужно целое число"),
    (
        "`{}` must be a decimal, as a string or a number",
        "`{}`: нужно десятичное число, строкой или числом",
    ),
    (
        "`{}` must be a moment such as 2026-01-15T10:00:00+03:00",
        "`{}`: нужен момент вида 2026-01-15T10:00:00+03:00",
    ),
    ("`{}` must be a list", "`{}`: нужен список"),
    ("`{}` must be an object", "`{}`: нужен объект"),
    ("`{}` must be true or false", "`{}`: нужно true или false"),
    (
        "`{}` must be more than zero",
        "`{}`: должно быть больше нуля",
    ),
    (
        "`{}` must not be negative",
        "`{}`: не может быть отрицательным",
    ),
    ("`{}` must not be empty", "`{}`: не может быть пустым"),
    ("`{}` is required", "`{}`: обязательно"),
    ("the event has no such field", "такого поля в событии нет"),
    (
        "a reason of 1 to {} characters is needed",
        "нужна причина, от 1 до {} знаков",
    ),
    (
        "a filter is needed: every letter is too many",
        "нужен отбор: все записи сразу — слишком много",
    ),
    (
        "a job takes 1 to {} letters: here are {}",
        "одно задание берёт от 1 до {} записей, а здесь {}",
    ),
    (
        "`{}` is longer than {} characters",
        "`{}`: длиннее {} знаков",
    ),
    (
        "`{}` has {} elements; at most {} are taken",
        "`{}`: элементов {}, принимается не больше {}",
    ),
    (
        "`{}` is in percent: 0 to 100",
        "`{}`: в процентах, от 0 до 100",
    ),
    (
        "`currency` must be three letters (ISO 4217), such as \"RUB\"",
        "`currency`: три буквы (ISO 4217), например \"RUB\"",
    ),
    (
        "`kind` must be \"person\" or \"company\", not {}",
        "`kind`: \"person\" или \"company\", а не {}",
    ),
    ("`{}` must be {=}", "`{}`: нужно {=}"),
    (
        "the type `{}` is not known; `{}` and `{}` are",
        "тип `{}` неизвестен; известны `{}` и `{}`",
    ),
    (
        "only JSON data is taken",
        "данные принимаются только в JSON",
    ),
    (
        "an order number is 1 to 128 characters, none of them a control character",
        "номер заказа: от 1 до 128 знаков, без управляющих",
    ),
    ("the letter is about order `{}`", "запись о заказе `{}`"),
    (
        "the database role `{}` may not publish for the shop `{}`: see `bridge.publishers`",
        "роль базы данных `{}` не может публиковать события магазина `{}`: см. `bridge.publishers`",
    ),
    ("and {} more", "и ещё {}"),
    ("no shop `{}` is configured", "магазин `{}` не настроен"),
    (
        "a message to the shop is the bridge's own word: there is nothing to mend in it",
        "сообщение магазину составляет сам мост: исправлять в нём нечего",
    ),
    (
        "the letter is about a message to the shop: there is no deal to be made anew for it",
        "эта запись о сообщении магазину: создавать сделку заново для него не нужно",
    ),
    (
        "another event has this source and id: a mended letter gets an id of its own",
        "эти source и id уже у другого события: исправленное событие получит свой id",
    ),
    (
        "the event names no configured shop",
        "событие не называет ни одного настроенного магазина",
    ),
    // a status table beside the portal
    (
        "the status {} is written into funnel {}, which the portal does not show: correct the \
         funnel, or give the bridge's user the right to see it",
        "статус {} пишется в воронку {}, которую портал не показывает: исправьте воронку или дайте \
         пользователю моста право её видеть",
    ),
    (
        "the status {} names the stage {}, which the portal does not have; {} may be meant",
        "статус {} указывает стадию {}, которой на портале нет; возможно, имелась в виду {}",
    ),
    (
        "the status {} names the stage {}, which the portal does not have",
        "статус {} указывает стадию {}, которой на портале нет",
    ),
    (
        "the stage {} stands for {}: set `reverse = true` in the row that it means on the way back",
        "стадия {} означает {}: поставьте `reverse = true` в той строке, которую она значит на \
         обратном пути",
    ),
    (
        "the status {} goes only to the portal and never comes back",
        "статус {} идёт только в портал и обратно не возвращается",
    ),
    (
        "no stage means the status {} on the way back: give it a stage of its own, `reverse`, or \
         `direction = \"to_portal\"`",
        "на обратном пути ни одна стадия не означает статус {}: дайте ему свою стадию, `reverse` \
         или `direction = \"to_portal\"`",
    ),
    (
        "the stage {} ({}) is in no row: a deal moved there changes nothing in the shop; list it \
         in `accepts` of the status it means",
        "стадии {} ({}) нет ни в одной строке: перенос сделки туда ничего не меняет в магазине; \
         впишите её в `accepts` того статуса, который она значит",
    ),
];
