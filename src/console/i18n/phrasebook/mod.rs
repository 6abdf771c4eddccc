//! The sentences and words that the bridge stores, with their Russian. What is longer stands before
//! what it begins with.

mod words;

pub(super) use words::{PARTS, WORDS};

/// Sentences with their gaps: `{}` for somebody else's words, `{*}` for what may be a sentence,
/// `{=}` for one of the parts below.
pub(in crate::console) const SENTENCES: &[(&str, &str)] = &[
    // 1C
    (
        "the 1C base {} has taken the order as {}",
        "база 1С {} приняла заказ под номером {}",
    ),
    (
        "the order goes to the 1C base {} without its status, which has no row in the base's table",
        "заказ идёт в базу 1С {} без статуса: в таблице базы для него нет строки",
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
    ("an activity came in", "поступило дело"),
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
    // goods of an order
    (
        "the order's goods are held",
        "товар для заказа зарезервирован",
    ),
    (
        "there is not enough of the order's goods: nothing more is held for it",
        "товара для заказа не хватает: больше ничего не зарезервировано",
    ),
    (
        "the order's goods have left the shelf",
        "товар заказа отгружен",
    ),
    ("the order's goods are free again", "резерв заказа снят"),
    (
        "the order's goods are held in the store {} now",
        "товар для заказа теперь зарезервирован на складе {}",
    ),
    (
        "the order's goods are lost: {*}",
        "заказ остался без товара: {*}",
    ),
    (
        "more was sold than there was, and this was the newest that is not paid",
        "продано больше, чем было, а этот неоплаченный заказ самый новый",
    ),
    (
        "more was sold than there was, and a person decided",
        "продано больше, чем было, и так решил человек",
    ),
    // the ledger of a product
    (
        "reservation {} of {}, line {}",
        "резерв {} магазина {}, строка {}",
    ),
    ("held for {*}", "зарезервировано: {*}"),
    ("set free: {*}", "резерв снят: {*}"),
    (
        "free again, the hold ran out: {*}",
        "срок резерва истёк: {*}",
    ),
    (
        "lost to a shortage: {*}",
        "резерв потерян из-за нехватки: {*}",
    ),
    (
        "held in another store now: {*}",
        "резерв перенесён на другой склад: {*}",
    ),
    (
        "held here now, and elsewhere before: {*}",
        "резерв перенесён сюда с другого склада: {*}",
    ),
    ("shipped: {*}", "отгружено: {*}"),
    (
        "{} at the till: receipt {} of {}",
        "касса, {}: чек {} магазина {}",
    ),
    (
        "left with the order {} of {}",
        "ушло с заказом {} магазина {}",
    ),
    (
        "count {} of {=} changed nothing: a newer one had been applied",
        "пересчёт {} ({=}) ничего не изменил: уже был применён более новый",
    ),
    (
        "counted by {=} (count {}), later moves laid on top",
        "пересчёт: {=} (№ {}), более поздние движения добавлены сверху",
    ),
    (
        "moved by {=} (event {}, line {}): {}. {} were stated, which a newer count holds already",
        "движение: {=} (событие {}, строка {}): {}. Заявлено {}, но это уже учтено более новым пересчётом",
    ),
    (
        "moved by {=} (event {}, line {}): {}",
        "движение: {=} (событие {}, строка {}): {}",
    ),
    // shortages
    (
        "of {} in {} {} are reserved and {} are there; held in another store now: {}",
        "{} на складе {}: зарезервировано {}, есть {}; теперь зарезервировано на другом складе: {}",
    ),
    (
        "of {} in {} {} are reserved and {} are there; lost by the newest unpaid: {}",
        "{} на складе {}: зарезервировано {}, есть {}; без товара остались самые новые неоплаченные: {}",
    ),
    (
        "of {} in {} {} are reserved and {} are there; a person has to decide",
        "{} на складе {}: зарезервировано {}, есть {}; решить должен человек",
    ),
    (
        "the order's goods were picked up: receipt {} of the till {}",
        "товар заказа выдан: чек {} кассы {}",
    ),
    // receipts
    (
        "the receipt {} of the till {} came before with other contents, and this is no newer version of it",
        "чек {} кассы {} уже приходил с другим содержимым, и этот не новее",
    ),
    (
        "the store {} is not known: {} lines of the receipt wait for it",
        "склад {} неизвестен: его ждут строки чека ({})",
    ),
    (
        "a newer version of the receipt has come",
        "пришла более новая версия чека",
    ),
    (
        "what its lines name is known by now",
        "то, что названо в его строках, теперь известно",
    ),
    (
        "another version of the receipt was taken by hand",
        "вручную принята другая версия чека",
    ),
    (
        "a receipt is mended in its till: count the product in, or name the store, and try again",
        "чек исправляют в кассе: оприходуйте товар или назовите склад и повторите",
    ),
    // decisions: what is done
    ("{*}: nothing to write.", "{*}: писать нечего."),
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
    ("{*}: the shop is asked.", "{*}: магазин переспрашивают."),
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
        "{*}: nothing is written, because the stage {} stands for several statuses and none is marked `reverse`.",
        "{*}: ничего не записано, потому что стадия {} означает несколько статусов и ни один не отмечен `reverse`.",
    ),
    (
        "{*}: nothing is written until the changed table is applied.",
        "{*}: ничего не записано, пока новая таблица не применена.",
    ),
    (
        "{*}: nothing is written, because {} ({=}) has no stage to go back to.",
        "{*}: ничего не записано, потому что для {} ({=}) нет стадии, в которую можно вернуть сделку.",
    ),
    (
        "{*}: stopped after {} writes lately, because something keeps answering them; a person has to decide.",
        "{*}: остановлено после {} недавних записей, потому что на них всё время что-то отвечает; решить должен человек.",
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
        "{*}; by {=} the later change is right, but the times cannot tell, because {=}, and {=} is right then",
        "{*}; по {=} верно более позднее изменение, но по времени не различить: {=}, и тогда прав {=}",
    ),
    (
        "{*}; by {=} the later change is right, but the times cannot tell, because {=}",
        "{*}; по {=} верно более позднее изменение, но по времени не различить: {=}",
    ),
    (
        "{*}; by {=} the later change is right, but the times cannot tell, and {=} is right then",
        "{*}; по {=} верно более позднее изменение, но по времени не различить, и тогда прав {=}",
    ),
    (
        "{*}; by {=} the later change is right, but the times cannot tell",
        "{*}; по {=} верно более позднее изменение, но по времени не различить",
    ),
    (
        "{*}; a person decided that {=} is right",
        "{*}; человек решил, что прав {=}",
    ),
    ("{*}; a person decided", "{*}; решил человек"),
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
        "магазин принял {}, а его снимок с {} мог быть сделан и до, и после этого",
    ),
    (
        "the shop changed {} to {} while the deal was moved from {} to {}",
        "магазин сменил {} на {}, а сделку тем временем перенесли из {} в {}",
    ),
    ("the shop changed {} to {}", "магазин сменил {} на {}"),
    (
        "the deal was moved from {} to {}",
        "сделку перенесли из {} в {}",
    ),
    (
        "the shop has {} and the deal is in {}, which the status table no longer lets mean the same",
        "у магазина {}, а сделка в {}: по таблице статусов это больше не одно и то же",
    ),
    (
        "the shop has {} and the deal is in {}, and nothing was agreed before",
        "у магазина {}, а сделка в {}, и прежде ничего согласовано не было",
    ),
    // conflicts and moves
    (
        "the deal {} is not to be found in the portal: it was deleted, or the bridge's user may no longer see it",
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
        "the portal answered that it moved the deal to {}, but the deal stands in {} ({}); try {} of {}, the next in {} s",
        "портал ответил, что перенёс сделку в {}, но она стоит в {} ({}); попытка {} из {}, следующая через {} с",
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
    // the life of an order
    (
        "event {} is older than what is here already: superseded, because {=}",
        "событие {} старше того, что уже есть: вытеснено, потому что {=}",
    ),
    (
        "event {} says that it was changed at {}, which is yet to come: it counts as changed when it came in",
        "событие {} говорит об изменении в {}, а это ещё не наступило: считается, что изменено тогда, когда пришло",
    ),
    (
        "event {} says an earlier time than what was here, but the shop's clock was set back: it is newer",
        "событие {} называет время раньше, чем было здесь, но часы магазина перевели назад: оно новее",
    ),
    (
        "event {} is of the same second as what was here and says what comes later: it is newer",
        "событие {} той же секунды, что и бывшее здесь, и говорит о том, что бывает позже: оно новее",
    ),
    (
        "event {} is of the same second as what was here: it came later, so it is newer",
        "событие {} той же секунды, что и бывшее здесь: оно пришло позже, значит новее",
    ),
    (
        "event {} says more than what is here, at an earlier time: unless the shop sends the order again, it does not count as agreed",
        "событие {} говорит больше, чем есть здесь, но с более ранним временем: пока магазин не пришлёт заказ снова, согласованным он не считается",
    ),
    (
        "event {} is older than what is here already: superseded",
        "событие {} старше того, что уже есть: вытеснено",
    ),
    ("event {} accepted", "событие {} принято"),
    (
        "{=} in stage {}: nothing to write",
        "{=} на стадии {}: писать нечего",
    ),
    (
        "deal {} written in stage {}",
        "сделка {} записана на стадии {}",
    ),
    ("{=}: nothing to write", "{=}: писать нечего"),
    ("deal {} written", "сделка {} записана"),
    ("lead {} written in stage {}", "лид {} записан на стадии {}"),
    ("lead {} written", "лид {} записан"),
    ("contact {} written", "контакт {} записан"),
    (
        "the portal refused: {*} ({}); try {} of {}, the next in {} s",
        "портал отказал: {*} ({}); попытка {} из {}, следующая через {} с",
    ),
    (
        "not judged by the portal ({}): looked up and tried again",
        "портал не ответил по существу ({}): проверим, что записалось, и попробуем снова",
    ),
    (
        "the deal {} is not this order's: it carries another origin; the order is looked up by its own",
        "сделка {} не от этого заказа: у неё другой источник; заказ ищется по своему",
    ),
    (
        "the lead {} is not this order's: it carries another origin; the order is looked up by its own",
        "лид {} не от этого заказа: у него другой источник; заказ ищется по своему",
    ),
    (
        "the deal {} no longer carries the order's origin: it was told by what stands in it",
        "у сделки {} больше нет источника заказа: она узнана по тому, что в ней записано",
    ),
    (
        "deal {} was found again by the order's origin",
        "сделка {} снова найдена по источнику заказа",
    ),
    (
        "lead {} was found again by the order's origin",
        "лид {} снова найден по источнику заказа",
    ),
    (
        "the portal holds nothing of this order: it is made when the shop next sends it",
        "в портале ничего нет от этого заказа: сделка появится, когда магазин снова его пришлёт",
    ),
    (
        "{*}: {} orders are looked up by their origin",
        "{*}: {} заказов ищутся по источнику",
    ),
    (
        "the portal shows an older state than before",
        "портал показывает более старое состояние, чем раньше",
    ),
    (
        "another portal answers than the one that orders were brought to",
        "отвечает другой портал, не тот, куда попадали заказы",
    ),
    (
        "refused together with other orders: {*} ({}); tried again apart from them",
        "отказано вместе с другими заказами: {*} ({}); попробуем снова отдельно от них",
    ),
    (
        "given up telling the shop the status {}: {*} ({}); it waits as a dead letter",
        "попытки сообщить магазину статус {} прекращены: {*} ({}); ждёт среди недоставленных",
    ),
    (
        "given up telling the shop {}: {*} ({}); it waits as a dead letter",
        "попытки сообщить магазину {} прекращены: {*} ({}); ждёт среди недоставленных",
    ),
    (
        "given up comparing: {*} ({}); it waits as a dead letter",
        "попытки сверить прекращены: {*} ({}); ждёт среди недоставленных",
    ),
    (
        "given up looking the order up by its origin: {*} ({}); it waits as a dead letter",
        "попытки найти заказ по его происхождению прекращены: {*} ({}); ждёт среди недоставленных",
    ),
    (
        "given up: {*} ({}); it waits as a dead letter",
        "попытки прекращены: {*} ({}); ждёт среди недоставленных",
    ),
    (
        "the shop refused the status {} and sent its own snapshot: decided afresh",
        "магазин отказался от статуса {} и прислал свой снимок: решаем заново",
    ),
    (
        "the status {} was not sent, because {=}: decided again",
        "статус {} не отправлен, потому что {=}: решаем заново",
    ),
    (
        "the shop refused the status {}: {*}; try {}, the next in {} s",
        "магазин отказался от статуса {}: {*}; попытка {}, следующая через {} с",
    ),
    (
        "nothing is sent: the shop's last event of this order is no longer stored",
        "отправлять нечего: последнее событие магазина по этому заказу уже не хранится",
    ),
    (
        "the order's last event is no longer stored: send the order again from the shop, or let it go",
        "последнее событие заказа уже не хранится: отправьте заказ из магазина заново или откажитесь от него",
    ),
    ("a fault of the bridge at {}: {}", "сбой моста в {}: {}"),
    (
        "the shop has the status {} instead of {} ({=})",
        "у магазина теперь статус {} вместо {} ({=})",
    ),
    (
        "dead letter {} closed by itself: a newer snapshot was settled",
        "письмо {} закрыто само: обработан более новый снимок",
    ),
    (
        "the shop belongs to the portal {} by now: the order is looked up there by its origin",
        "магазин теперь относится к порталу {}: заказ ищется там по своему происхождению",
    ),
    (
        "the deal came late to {}, where the bridge had sent it: it is nobody else's move",
        "сделка с опозданием пришла в {}, куда её отправлял мост: это ничей чужой перенос",
    ),
    (
        "dead letter {} closed by itself: the order was compared since",
        "письмо {} закрыто само: заказ с тех пор сверен",
    ),
    (
        "dead letter {} closed by itself: its event got through",
        "письмо {} закрыто само: его событие прошло",
    ),
    (
        "dead letter {} closed: its event was accepted before",
        "письмо {} закрыто: его событие уже принято",
    ),
    ("its event got through", "его событие прошло"),
    (
        "a newer snapshot was settled",
        "обработан более новый снимок",
    ),
    (
        "the sides agree on something else by now",
        "стороны теперь согласны в другом",
    ),
    (
        "dead letter {} closed: a newer message to the shop stands for it",
        "письмо {} закрыто: вместо него есть более новое сообщение магазину",
    ),
    (
        "the shop was told something newer",
        "магазину сообщили более новое",
    ),
    (
        "a new deal was made since",
        "с тех пор создана новая сделка",
    ),
    (
        "{} decided that the shop is not told the status {}: {}",
        "{}: решено не сообщать магазину статус {}: {}",
    ),
    (
        "the message is not stored any more: change the order in the shop, or let the letter go",
        "сообщение уже не хранится: измените заказ в магазине или откажитесь от письма",
    ),
    (
        "dead letter {} closed: the shop was told something newer",
        "письмо {} закрыто: магазину сообщили более новое",
    ),
    (
        "dead letter {} closed: a newer snapshot has come since",
        "письмо {} закрыто: пришёл более новый снимок",
    ),
    (
        "dead letter {} discarded by {}: {}",
        "от письма {} отказались ({}): {}",
    ),
    (
        "dead letter {} tried again by {} with a mended payload",
        "письмо {} исправлено и отправлено снова ({})",
    ),
    (
        "dead letter {} tried again by {}",
        "письмо {} отправлено снова ({})",
    ),
    // notes about an order
    (
        "the company was made, but the portal refused its {}: {}",
        "компания создана, но портал не принял её {}: {}",
    ),
    (
        "the contact could not be put to its company: {}",
        "контакт не удалось связать с его компанией: {}",
    ),
    (
        "the status \"{}\" is never written to the portal: its stage was left alone",
        "статус «{}» в портал не передаётся: стадию не трогали",
    ),
    (
        "the status \"{}\" is in no row of the status table of the shop {}",
        "статуса «{}» нет ни в одной строке таблицы статусов магазина {}",
    ),
    (
        "the portal holds this order {} times ({}): the oldest known is kept",
        "сделок этого заказа на портале: {} ({}): оставлена самая старая известная",
    ),
    (
        "the deal is gone: a new one is made, as an operator asked",
        "сделки больше нет: создаём новую, как попросил оператор",
    ),
    (
        "the portal shows no {}: {}, which carries the order's number, takes its place",
        "портал не показывает {}: вместо неё взята {} с номером этого заказа",
    ),
    ("the portal shows no {=}", "портал не показывает: {=}"),
    (
        "the portal has no stage \"{}\" in funnel {}",
        "на портале нет стадии «{}» в воронке {}",
    ),
    (
        "the lead was converted: it is no longer kept in step",
        "лид сконвертирован: больше его не ведём",
    ),
    (
        "the portal's answer to {} holds no id: {}",
        "в ответе портала на {} нет id: {}",
    ),
    (
        "what was written did not appear in the list at once: it is looked for again",
        "записанное не сразу появилось в списке: его поищут ещё раз",
    ),
    (
        "changed in the portal and by the shop: the shop's word was put over {}",
        "изменено и в портале, и в магазине: записано слово магазина, поля {}",
    ),
    (
        "rows were changed in the portal and by the shop: the shop's were put over ({})",
        "строки изменили и в портале, и в магазине: записаны строки магазина поверх прежних ({})",
    ),
    (
        "the sum was set by hand in the portal: it was left alone",
        "сумму в портале задали вручную: она оставлена",
    ),
    (
        "the comment was changed in the portal: the shop's new one was not put over it",
        "комментарий изменили в портале: новый комментарий магазина поверх него не записан",
    ),
    (
        "written to the stage {}, the deal stood in {} at once: somebody or a robot moved it",
        "записали стадию {}, а сделка сразу оказалась в {}: её перенёс кто-то или робот",
    ),
    (
        "written to the stage {}, the deal stands in {}",
        "записали стадию {}, а сделка стоит в {}",
    ),
    (
        "the portal made the sum {} of the rows: it was set to {} by hand",
        "портал посчитал по строкам сумму {}: вручную записана {}",
    ),
    ("the currency is {} instead of {}", "валюта {} вместо {}"),
    (
        "the portal has no user field {}",
        "на портале нет пользовательского поля {}",
    ),
    (
        "the order names no customer: the deal has no contact",
        "в заказе нет покупателя: у сделки нет контакта",
    ),
    (
        "the company {} is no longer in the portal: it was looked for again",
        "компании {} больше нет на портале: её искали заново",
    ),
    (
        "the portal left {} empty: a field of that type does not take the shop's value",
        "портал оставил пустым {}: поле такого типа не принимает значение магазина",
    ),
    (
        "the contact {} is no longer in the portal: the customer was looked for again",
        "контакта {} в портале больше нет: покупателя нашли заново",
    ),
    (
        "the contact {} was linked to the customer, but its name is another's: the customer was looked for",
        "контакт {} был связан с покупателем, но имя в нём чужое: покупателя искали заново",
    ),
    (
        "contact {} has a phone or an address of the customer and was not taken: its name is {}",
        "у контакта {} телефон или адрес покупателя, но взят он не был: зовут его {}",
    ),
    (
        "contact {} has a phone or an address of the customer and was not taken: it stands for the shop's customer {}",
        "у контакта {} телефон или адрес покупателя, но взят он не был: это покупатель магазина {}",
    ),
    (
        "contact {} has a common address of the customer and was not taken: nothing else agrees",
        "у контакта {} общий с покупателем адрес организации, но взят он не был: больше ничего не совпадает",
    ),
    (
        "{} said that contact {} is not this customer's: another is looked for",
        "{}: контакт {} не этого покупателя, ищется другой",
    ),
    (
        "{} said that company {} is not this customer's: another is looked for",
        "{}: компания {} не этого покупателя, ищется другая",
    ),
    (
        "card {} was not taken: an operator said that it is not this customer's",
        "карточка {} не взята: оператор сказал, что она не этого покупателя",
    ),
    (
        "{} identifies nobody: it stands in the deal's comment and on no card",
        "{}: по этому никого не узнать; записано в комментарий сделки, в карточки не попадает",
    ),
    (
        "the deal's contacts could not all be changed: {}",
        "контакты сделки поменялись не все: {}",
    ),
    (
        "the contact {} was put to the deal in the portal: the shop names another customer now, and the deal follows",
        "контакт {} поставили сделке в портале: теперь магазин называет другого покупателя, и сделка идёт за ним",
    ),
    (
        "the company {} was put to the deal in the portal: the shop names another customer now, and the deal follows",
        "компанию {} поставили сделке в портале: теперь магазин называет другого покупателя, и сделка идёт за ним",
    ),
    (
        "the contact {} was put to the deal in the portal: it stays",
        "контакт {} поставили сделке в портале: он остаётся",
    ),
    (
        "the company {} was put to the deal in the portal: it stays",
        "компанию {} поставили сделке в портале: она остаётся",
    ),
    (
        "{} {=} match this customer ({}): {} was taken, which agrees best",
        "покупателю подходят: {} {=} ({}); взята {}: она сходится лучше всего",
    ),
    (
        "{} {=} match this customer ({}): the oldest was taken",
        "покупателю подходят: {} {=} ({}); взято самое старое",
    ),
    (
        "the rows sum to {} but the shop's total is {}: the total was set by hand",
        "сумма строк {}, а итог магазина {}: итог записан вручную",
    ),
    (
        "the portal took an import and made no deal of it",
        "портал принял импорт, но сделки не создал",
    ),
    (
        "the phone \"{}\" cannot be a phone number and was left out",
        "телефон «{}» не похож на номер и пропущен",
    ),
    (
        "the e-mail \"{}\" holds what is no address, which was left out",
        "в поле e-mail «{}» есть то, что не адрес: оно пропущено",
    ),
    (
        "the text {} was shortened to {} characters: the event holds all of it",
        "текст {} сокращён до {} знаков: целиком он в событии",
    ),
    (
        "the customer's name was shortened to {} characters: the event holds all of it",
        "имя покупателя сокращено до {} знаков: целиком оно в событии",
    ),
    (
        "the name of row {} was shortened to {} characters: the event holds all of it",
        "название строки {} сокращено до {} знаков: целиком оно в событии",
    ),
    (
        "prices times quantities come to {}, {} from the total: the row \"{}\" carries that",
        "цены, умноженные на количества, дают {} и расходятся с итогом на {}: разница отнесена на строку «{}»",
    ),
    (
        "the portal refused the e-mail {}: it was left out and stands in the comment",
        "портал не принял e-mail {}: он пропущен и записан в комментарий",
    ),
    (
        "the company's {} \"{}\" cannot be one and was left out",
        "у компании {} «{}» таким быть не может и пропущен",
    ),
    // what stops a portal's lane
    ("reach the portal: {}", "до портала не добраться: {}"),
    ("reach the portal", "до портала не добраться"),
    (
        "wait for the portal's answer: {}",
        "ответа портала не дождались: {}",
    ),
    (
        "wait for the portal's answer",
        "ответа портала не дождались",
    ),
    (
        "understand the portal's answer (HTTP {}): {}",
        "ответ портала не понять (HTTP {}): {}",
    ),
    (
        "read the portal's answer (HTTP {}): it is larger than {} bytes unpacked, or needs far more than that in memory",
        "ответ портала (HTTP {}) не прочитан: распакованный, он больше {} байт или займёт намного больше памяти",
    ),
    (
        "the portal sends the call to {}: it is not https",
        "портал отправляет запрос на {}: это не https",
    ),
    (
        "the portal sends the call to {}: it is a private address",
        "портал отправляет запрос на {}: это внутренний адрес",
    ),
    (
        "the portal sends the call to {}: its name stands for a private address",
        "портал отправляет запрос на {}: за этим именем внутренний адрес",
    ),
    (
        "the portal sends the call to {}: nobody has allowed it",
        "портал отправляет запрос на {}: этого никто не разрешал",
    ),
    (
        "the portal sends the call to {}: it names no host",
        "портал отправляет запрос на {}: хост не назван",
    ),
    (
        "the portal answered with HTTP {}: {}",
        "портал ответил HTTP {}: {}",
    ),
    ("the portal answered with HTTP {}", "портал ответил HTTP {}"),
    (
        "the portal's request limit is exceeded",
        "превышен лимит запросов портала",
    ),
    (
        "the portal throttles every call",
        "портал отклоняет все запросы из-за лимита",
    ),
    (
        "the method {} is blocked: its execution time is used up",
        "метод {} закрыт: его время выполнения израсходовано",
    ),
    (
        "there is no valid access token: {*}",
        "действующего токена нет: {*}",
    ),
    ("there is no valid access token", "действующего токена нет"),
    (
        "the application was not installed or authorised yet",
        "приложение ещё не установили и не авторизовали",
    ),
    (
        "the application's tokens cannot be had: {*}",
        "токены приложения не получить: {*}",
    ),
    ("renewing them broke off", "обновление прервалось"),
    (
        "another process renews them and does not come to an end",
        "их обновляет другой процесс и никак не закончит",
    ),
    (
        "no place in the portal's request limit can be had: {*}",
        "место в лимите запросов портала не получить: {*}",
    ),
    (
        "the process that drives the lane does not answer",
        "процесс, который обслуживает портал, не отвечает",
    ),
    (
        "the portal refuses every call: {}",
        "портал отклоняет все запросы: {}",
    ),
    (
        "the portal refuses the call (HTTP {}): {}",
        "портал отклонил запрос (HTTP {}): {}",
    ),
    (
        "the portal does not answer: {*} ({})",
        "портал не отвечает: {*} ({})",
    ),
    ("prepare the call: {}", "запрос не составить: {}"),
    ("paused by {}", "остановлено: {}"),
    ("the method {} rests for {} s", "метод {} отдыхает {} с"),
    ("the portal answers from {}", "портал отвечает с адреса {}"),
    (
        "{} was called and is not answered yet",
        "на вызов {} ответа ещё нет",
    ),
    (
        "this process has no access to the portal",
        "у этого процесса нет доступа к порталу",
    ),
    (
        "the stages of a funnel are missing from the answer",
        "в ответе нет стадий одной из воронок",
    ),
    // a shop's callback
    (
        "a message was sent and is not answered yet",
        "на отправленное сообщение ответа ещё нет",
    ),
    ("no answer within {} s", "нет ответа за {} с"),
    ("no connection", "нет соединения"),
    ("the connection broke off", "соединение оборвалось"),
    ("409 without a snapshot", "409 без снимка"),
    (
        "409 with a snapshot that cannot be used: {}",
        "409 со снимком, который нельзя использовать: {}",
    ),
    // applications
    (
        "it was encrypted with a key that is no longer configured",
        "оно зашифровано ключом, которого больше нет в настройках",
    ),
    (
        "the portal is not reached by an application",
        "с этим порталом работают не через приложение",
    ),
    (
        "the portal's identity (member_id) is another than before: set `member_id` in the settings if that is right",
        "портал теперь другой (member_id): если так и надо, укажите `member_id` в настройках",
    ),
    (
        "the tokens are of another application, {}",
        "это токены другого приложения, {}",
    ),
    (
        "the tokens are of another portal, {}",
        "это токены другого портала, {}",
    ),
    (
        "the portal's configured address is none",
        "адрес портала в настройках не похож на адрес",
    ),
    (
        "whoever installed or authorised the application is no administrator of the portal",
        "тот, кто установил или авторизовал приложение, не администратор портала",
    ),
    (
        "it is not renewed before it is confirmed",
        "до подтверждения его не обновляют",
    ),
    // what cannot be used
    (
        "the payload cannot be used: {*}",
        "событие нельзя использовать: {*}",
    ),
    ("letter {}: {*}", "письмо {}: {*}"),
    (
        "there is no open dead letter, order or portal of that name",
        "такого открытого письма, заказа или портала нет",
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
    (
        "a reason of 1 to {} characters is needed",
        "нужна причина, от 1 до {} знаков",
    ),
    (
        "a filter is needed: every letter is too many",
        "нужен отбор: все письма сразу — слишком много",
    ),
    (
        "a job takes 1 to {} letters: here are {}",
        "одно задание берёт от 1 до {} писем, а здесь {}",
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
    ("the letter is about order `{}`", "письмо о заказе `{}`"),
    (
        "the database role `{}` may not publish for the shop `{}`: see `bridge.publishers`",
        "роль базы данных `{}` не может публиковать события магазина `{}`: см. `bridge.publishers`",
    ),
    ("and {} more", "и ещё {}"),
    ("no shop `{}` is configured", "магазин `{}` не настроен"),
    (
        "a message to the shop is the bridge's own word: there is nothing to mend in it",
        "сообщение магазину — слова самого моста: исправлять в нём нечего",
    ),
    (
        "the letter is about a message to the shop: there is no deal to be made anew for it",
        "это письмо о сообщении магазину: создавать сделку заново для него не нужно",
    ),
    (
        "another event has this source and id: a mended letter gets an id of its own",
        "эти source и id уже у другого события: исправленное письмо получит свой id",
    ),
    (
        "the event names no configured shop",
        "событие не называет ни одного настроенного магазина",
    ),
    // a status table beside the portal
    (
        "the status {} is written into funnel {}, which the portal does not show: correct the funnel, or give the bridge's user the right to see it",
        "статус {} пишется в воронку {}, которую портал не показывает: исправьте воронку или дайте пользователю моста право её видеть",
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
        "стадия {} означает {}: поставьте `reverse = true` в той строке, которую она значит на обратном пути",
    ),
    (
        "the status {} goes only to the portal and never comes back",
        "статус {} идёт только в портал и обратно не возвращается",
    ),
    (
        "no stage means the status {} on the way back: give it a stage of its own, `reverse`, or `direction = \"to_portal\"`",
        "на обратном пути статус {} не значит ни одна стадия: дайте ему свою стадию, `reverse` или `direction = \"to_portal\"`",
    ),
    (
        "the stage {} ({}) is in no row: a deal moved there changes nothing in the shop; list it in `accepts` of the status it means",
        "стадии {} ({}) нет ни в одной строке: перенос сделки туда ничего не меняет в магазине; впишите её в `accepts` того статуса, который она значит",
    ),
];
