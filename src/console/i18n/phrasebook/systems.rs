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
        "no row of the base's table has the status {}",
        "в таблице базы нет строки со статусом {}",
    ),
    (
        "the status {} is not in the shop's table",
        "статуса {} нет в таблице магазина",
    ),
    (
        "the order is cancelled, and no status says so: set `status_on_cancel`",
        "заказ отменён, а статуса для этого нет: задайте `status_on_cancel`",
    ),
    (
        "the shop was told of the order and has not sent it yet",
        "магазину сообщено о заказе, но он его ещё не прислал",
    ),
    (
        "it was cancelled in 1C before the shop heard of it",
        "заказ отменён в 1С раньше, чем о нём узнал магазин",
    ),
    ("the order has no deal yet", "у заказа ещё нет сделки"),
    (
        "a person is asked about the order",
        "по заказу ждут решения человека",
    ),
    (
        "the shop and the portal are compared first",
        "сначала сравниваются магазин и портал",
    ),
    (
        "a document of 1C is refused: {}: {*}",
        "документ 1С не принят: {}: {*}",
    ),
    (
        "the order is taken in; some of what came with it is kept only",
        "заказ принят; часть того, что пришло с ним, только сохранена",
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
