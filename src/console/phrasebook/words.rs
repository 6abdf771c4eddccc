//! Parts of sentences, and words that are stored.

/// What stands in sentences and is none by itself.
pub(in crate::console) const PARTS: &[(&str, &str)] = &[
    ("the order is paid by now", "заказ уже оплачен"),
    ("the order is delivered by now", "заказ уже доставлен"),
    ("the order is cancelled by now", "заказ уже отменён"),
    (
        "the shop has changed the order since",
        "магазин с тех пор изменил заказ",
    ),
    (
        "a person is asked about the order",
        "о заказе спрашивают человека",
    ),
    ("rule {}", "правилу {}"),
    ("the default", "умолчанию"),
    ("the shop", "магазин"),
    ("the portal", "портал"),
    ("paid", "оплачен"),
    ("delivered", "доставлен"),
    ("cancelled", "отменён"),
    ("just before", "незадолго до"),
    ("after", "после"),
    ("told", "сообщено"),
    ("read from the feed", "прочитано из ленты"),
    ("deal {}", "сделка {}"),
    ("lead {}", "лид {}"),
    ("deal", "сделка"),
    (
        "a decimal below 10^12 with at most 10 digits after the point, such as \"1990.00\"",
        "десятичное число меньше 10^12, не больше 10 знаков после точки, например \"1990.00\"",
    ),
    ("its version is lower", "его версия меньше"),
    ("it was changed earlier", "его изменили раньше"),
    ("its status is older", "его статус старше"),
    (
        "within the same second it says what comes before",
        "в ту же секунду оно говорит о том, что бывает раньше",
    ),
    ("contacts", "контактов"),
    ("companies", "компаний"),
];

/// Words that are stored, shown as labels.
pub(in crate::console) const WORDS: &[(&str, &str)] = &[
    // kinds of moments in an order's life
    ("accepted", "принято"),
    ("superseded", "вытеснено"),
    ("written", "записано"),
    ("note", "заметка"),
    ("refused", "отказ"),
    ("dead", "не доставлено"),
    ("overtaken", "закрыто новым"),
    ("retried", "повтор"),
    ("discarded", "отказались"),
    ("told", "магазину"),
    ("moved", "перенос"),
    ("decided", "решение"),
    ("conflict", "расхождение"),
    ("gone", "сделка"),
    // decisions
    ("write_portal", "записать в портал"),
    ("tell_shop", "сообщить магазину"),
    ("review", "спросить человека"),
    ("agree", "совпадает"),
    ("one_side", "менялась одна сторона"),
    ("consistent", "значат одно"),
    ("rule", "правило"),
    ("default", "по умолчанию"),
    ("latest", "более позднее"),
    ("undated", "время не различить"),
    ("final", "окончательно"),
    ("ruling", "слово человека"),
    ("doubtful", "снимок не датирован"),
    ("shop", "магазин"),
    ("portal", "портал"),
    ("ruled", "решено"),
    ("vanished", "исчезло само"),
    // bulk jobs
    ("retry", "повторить"),
    ("discard", "отказаться"),
    ("running", "идёт"),
    ("done", "готово"),
    ("stopped", "прервано"),
    // findings
    ("error", "ошибка"),
    ("warning", "внимание"),
];
