//! Happenings of the comparison of shop and portal: decisions, moves, messages to the shop.

use super::{Acknowledged, Explanation, Millis, Mover, RowOrder, StageId, Withdrawn, Words};
use crate::domain::Side;

kinds! {
    /// A move of a deal that the portal did not carry out.
    MoveFault {
        NotTaken { stage: StageId, stands: StageId }
            "the portal answered that it moved the deal to {stage}, but the deal stands in {stands}"
            "портал ответил, что перенёс сделку в {stage}, но она стоит в {stands}"
        Refused { stage: StageId, words: Words }
            "the portal refused to move the deal to {stage}: {words}"
            "портал отказался перенести сделку в {stage}: {words}"
    }
}

kinds! {
    /// What was decided, moved and told.
    SyncEvent {
        Decided { explanation: Explanation }
            "{explanation}"
            "{explanation}"
        ShopNotTold { who: String, status: String, reason: Words }
            "{who} decided that the shop is not told the status {status}: {reason}"
            "{who}: решено не сообщать магазину статус {status}: {reason}"
        DealMissing { deal: u64 }
            "the deal {deal} is not to be found in the portal: it was deleted, or the bridge's \
             user may no longer see it"
            "сделки {deal} в портале не найти: её удалили, или пользователь моста её больше не \
             видит"
        DealBack { deal: u64 }
            "the deal {deal} is there again"
            "сделка {deal} снова на месте"
        DealMoved { deal: u64, stage: StageId, by: Mover }
            "the deal {deal} was moved to {stage}{by}"
            "сделку {deal} перенесли в {stage}{by}"
        DealMovedBeside { stage: StageId, when: RowOrder }
            "somebody moved the deal to {stage} {when} the bridge's own write"
            "кто-то перенёс сделку в {stage} {when} записи самого моста"
        MoveCameLate { stage: StageId }
            "the deal came late to {stage}, where the bridge had sent it: it is nobody else's move"
            "сделка с опозданием пришла в {stage}, куда её отправлял мост: вручную её никто не \
             переносил"
        MoveFailed { fault: MoveFault }
            "{fault}"
            "{fault}"
        MoveTriedAgain { fault: MoveFault, code: String, attempt: u32, of: u32, next_in_ms: Millis }
            "{fault} ({code}); try {attempt} of {of}, the next in {next_in_ms} s"
            "{fault} ({code}); попытка {attempt} из {of}, следующая через {next_in_ms} с"
        MoveLeftToPerson { fault: MoveFault, code: String }
            "{fault} ({code}); a person has to decide"
            "{fault} ({code}); решить должен человек"
        NewDealDecided { who: String }
            "{who} decided: a new deal is made"
            "{who}: решено создать новую сделку"
        OrderLetGo { who: String }
            "{who} decided: the order is let go"
            "{who}: решено оставить заказ без сделки"
        Ruled { who: String, right: Side }
            "{who} decided that {right} is right"
            "{who}: решено, что прав {right}"
        TableApplied { who: String }
            "{who} applied the changed table of statuses"
            "{who}: применена новая таблица статусов"
        ShopHasStatus { status: String, previous: String, how: Acknowledged }
            "the shop has the status {status} instead of {previous} ({how})"
            "у магазина теперь статус {status} вместо {previous} ({how})"
        MessageWithdrawn { status: String, because: Withdrawn }
            "the status {status} was not sent, because {because}: decided again"
            "статус {status} не отправлен, потому что {because}: решаем заново"
        ShopSentSnapshot { status: String }
            "the shop refused the status {status} and sent its own snapshot: decided afresh"
            "магазин отказался от статуса {status} и прислал свои данные заказа: решаем заново"
        ShopRefused { status: String, words: Words, attempt: i32, next_in: u64 }
            "the shop refused the status {status}: {words}; try {attempt}, the next in {next_in} s"
            "магазин отказался от статуса {status}: {words}; попытка {attempt}, следующая через \
             {next_in} с"
        GivenUpStatus { status: String, words: Words, code: String }
            "given up telling the shop the status {status}: {words} ({code}); it waits as a dead \
             letter"
            "попытки сообщить магазину статус {status} прекращены: {words} ({code}); ждёт среди \
             недоставленных"
        GivenUpMessage { message: String, words: Words, code: String }
            "given up telling the shop {message}: {words} ({code}); it waits as a dead letter"
            "попытки сообщить магазину {message} прекращены: {words} ({code}); ждёт среди \
             недоставленных"
        GivenUpComparing { words: Words, code: String }
            "given up comparing: {words} ({code}); it waits as a dead letter"
            "попытки сверить прекращены: {words} ({code}); ждёт среди недоставленных"
    }
}
