//! Sentences about 1C, forms of a site, and activities.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    // 1C
    (
        "its lines cannot be brought to its total",
        "строки не сводятся к итогу",
    ),
    (
        "another order has its Ид or its Номер in the base",
        "в базе такой Ид или Номер уже у другого заказа",
    ),
    (
        "its newest event is kept no longer",
        "его последнее событие уже не хранится",
    ),
    ("a number in it is too large", "число в нём слишком велико"),
    (
        "the 1C base {} has taken the order as {}",
        "база 1С {} приняла заказ под номером {}",
    ),
    (
        "the order goes to the 1C base {} without its status, which has no row in the base's table",
        "заказ идёт в базу 1С {} без статуса: в таблице базы для него нет строки",
    ),
    (
        "a document of 1C is refused: {}: {*}",
        "документ 1С не принят: {}: {*}",
    ),
    // forms
    (
        "no field of the form {} holds a telephone or an e-mail address",
        "ни в одном поле формы {} нет ни телефона, ни e-mail",
    ),
    (
        "the lead {} was converted: its deal is {}",
        "лид {} сконвертирован: его сделка — {}",
    ),
    ("the form {} is not configured", "форма {} не настроена"),
    // activities
    (
        "an activity came in",
        "поступил звонок, письмо или сообщение",
    ),
    (
        "nobody in the portal is known by this: nothing is written",
        "портал никого с такими данными не знает: ничего не записано",
    ),
    (
        "the {=} is not there any more",
        "{=}: такой карточки больше нет",
    ),
    (
        "the portal's answer holds no id: {}",
        "в ответе портала нет id: {}",
    ),
];
