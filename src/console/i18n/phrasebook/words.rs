//! Parts of sentences, and words that are stored.

/// What stands in sentences and is none by itself.
pub(in crate::console) const PARTS: &[(&str, &str)] = &[
    ("rule {}", "правилу {}"),
    ("the default", "умолчанию"),
    ("an operator", "оператор"),
    ("the shop {}", "магазин {}"),
    ("the shop", "магазин"),
    ("the portal", "портал"),
    ("1C", "1С"),
    ("paid", "оплачен"),
    ("delivered", "доставлен"),
    ("cancelled", "отменён"),
    ("told", "сообщено"),
    ("read from the feed", "прочитано из ленты"),
    ("deal {}", "сделка {}"),
    ("lead {}", "лид {}"),
    ("contact {}", "контакт {}"),
    ("deal", "сделка"),
    (
        "a decimal below 10^12 with at most 10 digits after the point, such as \"1990.00\"",
        "десятичное число меньше 10^12, не больше 10 знаков после точки, например \"1990.00\"",
    ),
    ("sold", "продажа"),
    ("refunded", "возврат"),
    ("annulled", "отмена"),
];

/// Stored words that are no English, as they are shown in English.
pub(in crate::console) const PLAIN: &[(&str, &str)] = &[
    ("write_portal", "write to the portal"),
    ("tell_shop", "tell the shop"),
    ("let_go", "leave them different"),
    ("one_side", "one side changed"),
    ("undated", "the times cannot tell"),
    ("doubtful", "the snapshot has no date"),
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
    ("duplicate", "уже принято"),
    ("retried", "повтор"),
    ("discarded", "отказались"),
    ("told", "магазину"),
    ("moved", "перенос"),
    ("decided", "решение"),
    ("conflict", "расхождение"),
    ("goods", "товар"),
    ("gone", "сделка"),
    // decisions
    ("write_portal", "записать в портал"),
    ("tell_shop", "сообщить магазину"),
    ("review", "спросить человека"),
    ("agree", "совпадает"),
    ("let_go", "оставить разными"),
    ("one_side", "менялась одна сторона"),
    ("consistent", "значат одно"),
    ("rule", "правило"),
    ("default", "по умолчанию"),
    ("latest", "более позднее"),
    ("undated", "время не различить"),
    ("final", "окончательно"),
    ("ruling", "слово человека"),
    ("source", "чужой статус"),
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
];
