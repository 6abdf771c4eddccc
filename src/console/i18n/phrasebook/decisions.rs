//! What a document of 1C waits for: the decision to ask a person stands as the document's message.
//! Other decisions, conflicts and moves are said from their data.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    (
        "{*}: stopped after {} writes lately, because something keeps answering them; a person has \
         to decide.",
        "{*}: остановлено после {} недавних записей, потому что на них всё время что-то отвечает; \
         решить должен человек.",
    ),
    (
        "{*}: a person has to decide.",
        "{*}: решить должен человек.",
    ),
    (
        "{*}; by {=} the later change is right, but the times cannot tell",
        "{*}; по {=} верно более позднее изменение, но по времени не различить",
    ),
    (
        "{*}; by {=} the later change is right, which is that of {=}",
        "{*}; по {=} верно более позднее изменение, а позже изменил {=}",
    ),
    (
        "{*}; only {=} brings an order into {}",
        "{*}; только {=} переводит заказ в {}",
    ),
    (
        "{*}; the order is {=}, which 1C may not take back",
        "{*}; заказ {=}, и 1С этого не отменяет",
    ),
    (
        "1C changed {} to {} while the order went to {}",
        "1С сменила {} на {}, а заказ тем временем перешёл в {}",
    ),
    ("1C changed {} to {}", "1С сменила {} на {}"),
    (
        "1C says {} and the order went to {}",
        "1С говорит {}, а заказ перешёл в {}",
    ),
    (
        "1C says {} and the order has {}, and 1C never had the order",
        "1С говорит {}, а у заказа {}, и прежде заказа в 1С не было",
    ),
];
