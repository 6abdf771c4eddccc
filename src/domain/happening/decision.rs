//! Why a decision was made, and what it comes to.

use super::{By, LaterSide, Party, StageId, Tell, Then, Undated, Voice};
use crate::domain::{Fact, Side};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A decision: what was met, who is right and why, and what is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// Why the order was compared, and what was found.
    pub occasion: Occasion,
    /// Who is right, and by what; none where nobody had to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DecisionReason>,
    /// What follows from it: a write, a message, a question, or nothing.
    pub effect: Effect,
}

impl Tell for Explanation {
    fn tell(&self, voice: Voice<'_>) -> String {
        let reason = self.reason.as_ref();
        let reason = reason.map_or_else(String::new, |why| format!("; {}", why.tell(voice)));
        let (occasion, effect) = (self.occasion.tell(voice), self.effect.tell(voice));
        format!("{occasion}{reason}: {effect}.")
    }
}

kinds! {
    /// What a comparison met.
    Occasion {
        SameMeaning { status: String, stage: StageId }
            "the shop's {status} and the deal's {stage} mean the same"
            "{status} у магазина и {stage} у сделки значат одно и то же"
        MayBeCarriedOut
            "the shop may have carried out a message that was taken back"
            "магазин мог выполнить сообщение, которое потом отозвали"
        SnapshotUndated { status: String, snapshot: String }
            "the shop took {status}, and its snapshot with {snapshot} may be from before or after \
             that"
            "магазин принял {status}, а его данные от {snapshot} могли быть собраны и до, и после \
             этого"
        ShopChanged { from: String, to: String }
            "the shop changed {from} to {to}"
            "магазин сменил {from} на {to}"
        OnecChanged { from: String, to: String }
            "1C changed {from} to {to}"
            "1С сменила {from} на {to}"
        DealMoved { from: StageId, to: StageId }
            "the deal was moved from {from} to {to}"
            "сделку перенесли из {from} в {to}"
        ShopAndDealChanged { from: String, to: String, stage_from: StageId, stage_to: StageId }
            "the shop changed {from} to {to} while the deal was moved from {stage_from} to \
             {stage_to}"
            "магазин сменил {from} на {to}, а сделку тем временем перенесли из {stage_from} в \
             {stage_to}"
        OnecAndDealChanged { from: String, to: String, stage_from: StageId, stage_to: StageId }
            "1C changed {from} to {to} while the deal was moved from {stage_from} to {stage_to}"
            "1С сменила {from} на {to}, а сделку тем временем перенесли из {stage_from} в \
             {stage_to}"
        TableChanged { status: String, stage: StageId }
            "the shop has {status} and the deal is in {stage}, which the status table no longer \
             lets mean the same"
            "у магазина {status}, а сделка в {stage}: по таблице статусов это больше не одно и то \
             же"
        FirstMeeting { status: String, stage: StageId }
            "the shop has {status} and the deal is in {stage}, and nothing was agreed before"
            "у магазина {status}, а сделка в {stage}, а раньше стороны не сверялись"
        OnecFirstMeeting { onec: String, status: String }
            "1C says {onec} and the order has {status}, and 1C never had the order"
            "в 1С статус {onec}, а у заказа {status}, а раньше заказа в 1С не было"
        OnecRepeats { onec: String, status: String }
            "1C says {onec} and the order went to {status}"
            "в 1С статус {onec}, а заказ перешёл в {status}"
        OnecAndOrderChanged { from: String, to: String, status: String }
            "1C changed {from} to {to} while the order went to {status}"
            "1С сменила {from} на {to}, а заказ тем временем перешёл в {status}"
    }
}

kinds! {
    /// Who is right, and by what.
    DecisionReason {
        Rule { by: By, right: Side }
            "by {by} {right} is right"
            "по {by} прав {right}"
        RuleForOnec { by: By }
            "by {by} 1C is right"
            "по {by} права 1С"
        Later { by: By, whose: LaterSide, seconds: i64 }
            "by {by} the later change is right, and {whose} later by {seconds} s"
            "по {by} верно более позднее изменение, и {whose} на {seconds} с"
        LaterBy { by: By, whose: Party }
            "by {by} the later change is right, which is that of {whose}"
            "по {by} верно более позднее изменение, а позже изменил {whose}"
        Undated { by: By, why: Undated, then: Then }
            "by {by} the later change is right, but the times cannot tell{why}{then}"
            "по {by} верно более позднее изменение, но по времени этого не определить{why}{then}"
        Final { fact: Fact }
            "the order is {fact}, which the portal may not take back"
            "заказ {fact}, и портал этого не отменяет"
        FinalForOnec { fact: Fact }
            "the order is {fact}, which 1C may not take back"
            "заказ {fact}, и 1С этого не отменяет"
        OnlyBy { status: String, whose: Party }
            "only {whose} brings an order into {status}"
            "в {status} заказ переводит только {whose}"
        Person
            "a person decided"
            "решил человек"
        PersonFor { right: Party }
            "a person decided that {right} is right"
            "человек решил, что прав {right}"
    }
}

kinds! {
    /// What is done about it.
    Effect {
        Nothing
            "nothing to write"
            "изменений нет"
        DealFollows { stage: StageId }
            "the deal goes to {stage}"
            "сделка идёт в {stage}"
        DealPutBack { stage: StageId }
            "the deal goes back to {stage}"
            "сделка возвращается в {stage}"
        DealRestored { stage: StageId }
            "the deal goes back to {stage}, where it was moved"
            "сделка возвращается в {stage}, куда её перенесли"
        ShopAsked
            "the shop is asked"
            "магазину отправлен запрос"
        ShopTold { status: String }
            "the shop is told {status}"
            "магазину сообщается {status}"
        OnecSent { status: String }
            "1C is sent {status} again"
            "в 1С снова уходит {status}"
        StatusUnknown { status: String }
            "nothing is written, because the status {status} is not in the status table"
            "ничего не записано, потому что статуса {status} нет в таблице статусов"
        StatusNotWritten { status: String }
            "nothing is written, because the status {status} is not written to the portal"
            "ничего не записано, потому что статус {status} в портал не передаётся"
        StageUnknown { stage: StageId }
            "nothing is written, because the stage {stage} is not in the status table"
            "ничего не записано, потому что стадии {stage} нет в таблице статусов"
        StageNotTold { stage: StageId }
            "nothing is written, because the stage {stage} is not told to the shop"
            "ничего не записано, потому что о стадии {stage} магазину не сообщают"
        StageAmbiguous { stage: StageId }
            "nothing is written, because the stage {stage} stands for several statuses and none \
             is marked `reverse`"
            "ничего не записано, потому что стадия {stage} означает несколько статусов и ни один \
             не отмечен `reverse`"
        TableWaits
            "nothing is written until the changed table is applied"
            "ничего не записано, пока новая таблица не применена"
        NoWayBack { status: String, fact: Fact }
            "nothing is written, because {status} ({fact}) has no stage to go back to"
            "ничего не записано, потому что для {status} ({fact}) нет стадии, в которую можно \
             вернуть сделку"
        Stopped { turns: usize }
            "stopped after {turns} writes lately, because something keeps answering them; a \
             person has to decide"
            "остановлено после {turns} недавних записей, потому что на них всё время что-то \
             отвечает; решить должен человек"
        PersonAskedAlready
            "a person is already asked"
            "человека уже спросили"
        PersonAsked
            "a person has to decide"
            "решить должен человек"
    }
}
