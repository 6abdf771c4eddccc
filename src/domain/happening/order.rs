//! An order on its way in and to the portal, and its dead letters.

use super::{Card, InStage, Millis, OlderBecause, Words};
use chrono::{DateTime, Utc};

kinds! {
    /// How an order came in and was delivered.
    OrderEvent {
        Accepted { event: String }
            "event {event} accepted"
            "событие {event} принято"
        ChangeYetToCome { event: String, at: DateTime<Utc> }
            "event {event} says that it was changed at {at}, which is yet to come: it counts as \
             changed when it came in"
            "событие {event} датировано будущим временем {at}: временем изменения считается время \
             получения"
        ClockSetBack { event: String }
            "event {event} says an earlier time than what was here, but the shop's clock was set \
             back: it is newer"
            "событие {event} датировано более ранним временем, чем прежнее, но часы магазина \
             перевели назад: оно новее"
        SameSecondSaysLater { event: String }
            "event {event} is of the same second as what was here and says what comes later: it \
             is newer"
            "событие {event} датировано той же секундой, что и прежнее, но описывает более \
             поздний шаг заказа: оно новее"
        SameSecondCameLater { event: String }
            "event {event} is of the same second as what was here: it came later, so it is newer"
            "событие {event} датировано той же секундой, что и прежнее, но пришло позже: оно новее"
        Superseded { event: String, because: OlderBecause }
            "event {event} is older than what is here already: superseded, because {because}"
            "событие {event} старше уже полученного и пропущено: {because}"
        OlderSaysMore { event: String }
            "event {event} says more than what is here, at an earlier time: unless the shop sends \
             the order again, it does not count as agreed"
            "событие {event} сообщает больше, чем уже известно, но датировано более ранним \
             временем: пока магазин не пришлёт заказ снова, стороны не считаются сверенными"
        Written { card: Card, stage: InStage }
            "{card} written{stage}"
            "{card}: записано{stage}"
        Unchanged { card: Card, stage: InStage }
            "{card}{stage}: nothing to write"
            "{card}{stage}: изменений нет"
        ProductWritten { product: u64 }
            "product {product} of the portal written"
            "товар портала {product} записан"
        Refused { words: Words, code: String, attempt: i32, of: u32, next_in_ms: Millis }
            "the portal refused: {words} ({code}); try {attempt} of {of}, the next in \
             {next_in_ms} s"
            "портал отказал: {words} ({code}); попытка {attempt} из {of}, следующая через \
             {next_in_ms} с"
        NotJudged { code: String }
            "not judged by the portal ({code}): looked up and tried again"
            "портал не ответил по существу ({code}): проверим, что записалось, и попробуем снова"
        RefusedTogether { words: Words, code: String }
            "refused together with other orders: {words} ({code}); tried again apart from them"
            "отказано вместе с другими заказами: {words} ({code}); попробуем снова отдельно от них"
        GivenUp { words: Words, code: String }
            "given up: {words} ({code}); it waits as a dead letter"
            "попытки прекращены: {words} ({code}); ждёт среди недоставленных"
        GivenUpLookingUp { words: Words, code: String }
            "given up looking the order up by its origin: {words} ({code}); it waits as a dead \
             letter"
            "попытки найти заказ по его источнику прекращены: {words} ({code}); ждёт среди \
             недоставленных"
        NothingToSend
            "nothing is sent: the shop's last event of this order is no longer stored"
            "отправлять нечего: последнее событие магазина по этому заказу уже не хранится"
        OfAnotherPortal { portal: String }
            "the shop belongs to the portal {portal} by now: the order is looked up there by its \
             origin"
            "магазин теперь относится к порталу {portal}: заказ ищется там по его источнику"
        FoundAgain { card: Card }
            "{card} was found again by the order's origin"
            "{card}: снова найдено по источнику заказа"
        NothingFound
            "the portal holds nothing of this order: it is made when the shop next sends it"
            "в портале ничего нет от этого заказа: сделка появится, когда магазин снова его \
             пришлёт"
        LetterOvertaken { letter: i64 }
            "dead letter {letter} closed by itself: a newer snapshot was settled"
            "недоставленное {letter} закрыто само: обработаны более новые данные заказа"
        LetterThrough { letter: i64 }
            "dead letter {letter} closed by itself: its event got through"
            "недоставленное {letter} закрыто само: его событие доставлено"
        LetterCompared { letter: i64 }
            "dead letter {letter} closed by itself: the order was compared since"
            "недоставленное {letter} закрыто само: заказ с тех пор сверен"
        LetterToldNewer { letter: i64 }
            "dead letter {letter} closed: the shop was told something newer"
            "недоставленное {letter} закрыто: магазину сообщили более новое"
        LetterMessageNewer { letter: i64 }
            "dead letter {letter} closed: a newer message to the shop stands for it"
            "недоставленное {letter} закрыто: вместо него есть более новое сообщение магазину"
        LetterDuplicate { letter: i64 }
            "dead letter {letter} closed: its event was accepted before"
            "недоставленное {letter} закрыто: его событие уже принято"
        LetterSnapshotNewer { letter: i64 }
            "dead letter {letter} closed: a newer snapshot has come since"
            "недоставленное {letter} закрыто: пришли более новые данные заказа"
        LetterRetried { letter: i64, who: String }
            "dead letter {letter} tried again by {who}"
            "недоставленное {letter} отправлено снова ({who})"
        LetterMended { letter: i64, who: String }
            "dead letter {letter} tried again by {who} with a fixed payload"
            "недоставленное {letter} исправлено и отправлено снова ({who})"
        LetterDiscarded { letter: i64, who: String, reason: Words }
            "dead letter {letter} discarded by {who}: {reason}"
            "недоставленное {letter} закрыто без отправки ({who}): {reason}"
        NotThisCustomer { who: String, card: Card }
            "{who} said that {card} is not this customer's: another is looked for"
            "{who}: {card} — не этого покупателя, ищется другая карточка"
        LeadConverted { lead: i64, deal: i64 }
            "the lead {lead} was converted: its deal is {deal}"
            "лид {lead} сконвертирован: его сделка — {deal}"
        ActivityCame
            "an activity came in"
            "поступил звонок, письмо или сообщение"
        ProductCame
            "the product came in"
            "поступил товар"
        ProductCameOlder
            "an older state of the product came in: it is left aside"
            "поступило более старое состояние товара: оно отложено"
        ProductCameNewer
            "a newer state of the product came in"
            "поступило новое состояние товара"
    }
}
