//! Sentences of earlier versions alone: nothing writes them any more. Decisions, conflicts and
//! moves are said from their data today.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    // what was delivered
    (
        "deal {} written in stage {}",
        "сделка {} записана на стадии {}",
    ),
    ("lead {} written in stage {}", "лид {} записан на стадии {}"),
    // decisions: what is done
    ("{*}: nothing to write.", "{*}: изменений нет."),
    (
        "{*}: the deal goes back to {}, where it was moved.",
        "{*}: сделка возвращается в {}, куда её перенесли.",
    ),
    (
        "{*}: the deal goes back to {}.",
        "{*}: сделка возвращается в {}.",
    ),
    ("{*}: the deal goes to {}.", "{*}: сделка идёт в {}."),
    ("{*}: the shop is told {}.", "{*}: магазину сообщается {}."),
    ("{*}: 1C is sent {} again.", "{*}: в 1С снова уходит {}."),
    ("{*}: the shop is asked.", "{*}: магазину отправлен запрос."),
    (
        "{*}: nothing is written, because the status {} is not in the status table.",
        "{*}: ничего не записано, потому что статуса {} нет в таблице статусов.",
    ),
    (
        "{*}: nothing is written, because the status {} is not written to the portal.",
        "{*}: ничего не записано, потому что статус {} в портал не передаётся.",
    ),
    (
        "{*}: nothing is written, because the stage {} is not in the status table.",
        "{*}: ничего не записано, потому что стадии {} нет в таблице статусов.",
    ),
    (
        "{*}: nothing is written, because the stage {} is not told to the shop.",
        "{*}: ничего не записано, потому что о стадии {} магазину не сообщают.",
    ),
    (
        "{*}: nothing is written, because the stage {} stands for several statuses and none is \
         marked `reverse`.",
        "{*}: ничего не записано, потому что стадия {} означает несколько статусов и ни один не \
         отмечен `reverse`.",
    ),
    (
        "{*}: nothing is written until the changed table is applied.",
        "{*}: ничего не записано, пока новая таблица не применена.",
    ),
    (
        "{*}: nothing is written, because {} ({=}) has no stage to go back to.",
        "{*}: ничего не записано, потому что для {} ({=}) нет стадии, в которую можно вернуть \
         сделку.",
    ),
    (
        "{*}: stopped after {} writes lately, because something keeps answering them; a person has \
         to decide.",
        "{*}: остановлено после {} недавних записей, потому что на них всё время что-то отвечает; \
         решить должен человек.",
    ),
    (
        "{*}: a person is already asked.",
        "{*}: человека уже спросили.",
    ),
    (
        "{*}: a person has to decide.",
        "{*}: решить должен человек.",
    ),
    // decisions: why
    (
        "{*}; by {=} the later change is right, and the shop's is later by {} s",
        "{*}; по {=} верно более позднее изменение, и у магазина оно позже на {} с",
    ),
    (
        "{*}; by {=} the later change is right, and the portal's is later by {} s",
        "{*}; по {=} верно более позднее изменение, и у портала оно позже на {} с",
    ),
    (
        "{*}; by {=} the later change is right, and one is later by {} s",
        "{*}; по {=} верно более позднее изменение, и одно из них позже на {} с",
    ),
    (
        "{*}; by {=} the later change is right, but the times cannot tell, because {=}, and {=} is \
         right then",
        "{*}; по {=} верно более позднее изменение, но по времени этого не определить: {=}, и \
         тогда прав {=}",
    ),
    (
        "{*}; by {=} the later change is right, but the times cannot tell, because {=}",
        "{*}; по {=} верно более позднее изменение, но по времени этого не определить: {=}",
    ),
    (
        "{*}; by {=} the later change is right, but the times cannot tell, and {=} is right then",
        "{*}; по {=} верно более позднее изменение, но по времени этого не определить, и тогда \
         прав {=}",
    ),
    (
        "{*}; by {=} the later change is right, but the times cannot tell",
        "{*}; по {=} верно более позднее изменение, но по времени этого не определить",
    ),
    (
        "{*}; a person decided that {=} is right",
        "{*}; человек решил, что прав {=}",
    ),
    ("{*}; a person decided", "{*}; решил человек"),
    (
        "{*}; by {=} the later change is right, which is that of {=}",
        "{*}; по {=} верно более позднее изменение, а позже изменил {=}",
    ),
    ("{*}; by {=} 1C is right", "{*}; по {=} права 1С"),
    (
        "{*}; only {=} brings an order into {}",
        "{*}; только {=} переводит заказ в {}",
    ),
    (
        "{*}; the order is {=}, which 1C may not take back",
        "{*}; заказ {=}, и 1С этого не отменяет",
    ),
    ("{*}; by {=} the shop is right", "{*}; по {=} прав магазин"),
    ("{*}; by {=} the portal is right", "{*}; по {=} прав портал"),
    (
        "{*}; the order is {=}, which the portal may not take back",
        "{*}; заказ {=}, и портал этого не отменяет",
    ),
    // decisions: what happened
    (
        "the shop's {} and the deal's {} mean the same",
        "{} у магазина и {} у сделки значат одно и то же",
    ),
    (
        "the shop may have carried out a message that was taken back",
        "магазин мог выполнить сообщение, которое потом отозвали",
    ),
    (
        "the shop took {}, and its snapshot with {} may be from before or after that",
        "магазин принял {}, а его сообщение с {} могло быть сделано и до, и после этого",
    ),
    (
        "the shop changed {} to {} while the deal was moved from {} to {}",
        "магазин сменил {} на {}, а сделку тем временем перенесли из {} в {}",
    ),
    ("the shop changed {} to {}", "магазин сменил {} на {}"),
    (
        "1C changed {} to {} while the deal was moved from {} to {}",
        "1С сменила {} на {}, а сделку тем временем перенесли из {} в {}",
    ),
    (
        "1C changed {} to {} while the order went to {}",
        "1С сменила {} на {}, а заказ тем временем перешёл в {}",
    ),
    ("1C changed {} to {}", "1С сменила {} на {}"),
    (
        "1C says {} and the order went to {}",
        "в 1С статус {}, а заказ перешёл в {}",
    ),
    (
        "1C says {} and the order has {}, and 1C never had the order",
        "в 1С статус {}, а у заказа {}, а раньше заказа в 1С не было",
    ),
    (
        "the deal was moved from {} to {}",
        "сделку перенесли из {} в {}",
    ),
    (
        "the shop has {} and the deal is in {}, which the status table no longer lets mean the \
         same",
        "у магазина {}, а сделка в {}: по таблице статусов это больше не одно и то же",
    ),
    (
        "the shop has {} and the deal is in {}, and nothing was agreed before",
        "у магазина {}, а сделка в {}, а раньше стороны не сверялись",
    ),
    // conflicts and moves
    (
        "the deal {} is not to be found in the portal: it was deleted, or the bridge's user may no \
         longer see it",
        "сделки {} в портале не найти: её удалили, или пользователь моста её больше не видит",
    ),
    ("the deal {} is there again", "сделка {} снова на месте"),
    (
        "the deal {} was moved to {} by the bridge's own user",
        "сделку {} перенёс в {} пользователь самого моста",
    ),
    (
        "the deal {} was moved to {} by user {}",
        "сделку {} перенёс в {} пользователь {}",
    ),
    (
        "the deal was moved to funnel {}: its stage was left alone",
        "сделку перенесли в воронку {}: её стадию не трогали",
    ),
    ("the deal {} was moved to {}", "сделку {} перенесли в {}"),
    (
        "somebody moved the deal to {} {=} the bridge's own write",
        "кто-то перенёс сделку в {} {=} записи самого моста",
    ),
    (
        "the portal answered that it moved the deal to {}, but the deal stands in {} ({}); try {} \
         of {}, the next in {} s",
        "портал ответил, что перенёс сделку в {}, но она стоит в {} ({}); попытка {} из {}, \
         следующая через {} с",
    ),
    (
        "the portal refused to move the deal to {}: {} ({}); try {} of {}, the next in {} s",
        "портал отказался перенести сделку в {}: {} ({}); попытка {} из {}, следующая через {} с",
    ),
    (
        "{*} ({}); a person has to decide",
        "{*} ({}); решить должен человек",
    ),
    (
        "the portal answered that it moved the deal to {}, but the deal stands in {}",
        "портал ответил, что перенёс сделку в {}, но она стоит в {}",
    ),
    (
        "the portal refused to move the deal to {}: {}",
        "портал отказался перенести сделку в {}: {}",
    ),
    (
        "{} decided: a new deal is made",
        "{}: решено создать новую сделку",
    ),
    (
        "{} decided: the order is let go",
        "{}: решено оставить заказ без сделки",
    ),
    ("{} decided that {=} is right", "{}: решено, что прав {=}"),
    // letters of receipts
    (
        "the store {} is not known: {} lines of the receipt wait for it",
        "склад {} неизвестен: его ждут строки чека ({})",
    ),
];
