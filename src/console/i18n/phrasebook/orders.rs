//! Sentences of orders' lives in rows of earlier versions, and of messages about them.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    // the life of an order
    (
        "event {} is older than what is here already: superseded, because {=}",
        "событие {} старше уже полученного и пропущено: {=}",
    ),
    (
        "event {} says that it was changed at {}, which is yet to come: it counts as changed when \
         it came in",
        "событие {} датировано будущим временем {}: временем изменения считается время получения",
    ),
    (
        "event {} says an earlier time than what was here, but the shop's clock was set back: it \
         is newer",
        "событие {} датировано более ранним временем, чем прежнее, но часы магазина перевели \
         назад: оно новее",
    ),
    (
        "event {} is of the same second as what was here and says what comes later: it is newer",
        "событие {} датировано той же секундой, что и прежнее, но описывает более поздний шаг \
         заказа: оно новее",
    ),
    (
        "event {} is of the same second as what was here: it came later, so it is newer",
        "событие {} датировано той же секундой, что и прежнее, но пришло позже: оно новее",
    ),
    (
        "event {} says more than what is here, at an earlier time: unless the shop sends the order \
         again, it does not count as agreed",
        "событие {} сообщает больше, чем уже известно, но датировано более ранним временем: пока \
         магазин не пришлёт заказ снова, стороны не считаются сверенными",
    ),
    (
        "event {} is older than what is here already: superseded",
        "событие {} старше уже полученного и пропущено",
    ),
    ("event {} accepted", "событие {} принято"),
    (
        "{=} in stage {}: nothing to write",
        "{=} на стадии {}: изменений нет",
    ),
    ("{=}: nothing to write", "{=}: изменений нет"),
    ("deal {} written", "сделка {} записана"),
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
        "the deal {} is not this order's: it carries another origin; the order is looked up by its \
         own",
        "сделка {} не от этого заказа: у неё другой источник; заказ ищется по своему источнику",
    ),
    (
        "the lead {} is not this order's: it carries another origin; the order is looked up by its \
         own",
        "лид {} не от этого заказа: у него другой источник; заказ ищется по своему источнику",
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
        "попытки найти заказ по его источнику прекращены: {*} ({}); ждёт среди недоставленных",
    ),
    (
        "given up: {*} ({}); it waits as a dead letter",
        "попытки прекращены: {*} ({}); ждёт среди недоставленных",
    ),
    (
        "the shop refused the status {} and sent its own snapshot: decided afresh",
        "магазин отказался от статуса {} и прислал своё состояние заказа: решаем заново",
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
        "the order's last event is no longer stored: send the order again from the shop, or let it \
         go",
        "последнее событие заказа уже не хранится: отправьте заказ из магазина заново или \
         закройте запись",
    ),
    ("a fault of the bridge at {}: {}", "сбой моста в {}: {}"),
    (
        "the shop has the status {} instead of {} ({=})",
        "у магазина теперь статус {} вместо {} ({=})",
    ),
    (
        "dead letter {} closed by itself: a newer snapshot was settled",
        "запись {} закрыта сама: обработано более новое состояние заказа",
    ),
    (
        "the shop belongs to the portal {} by now: the order is looked up there by its origin",
        "магазин теперь относится к порталу {}: заказ ищется там по его источнику",
    ),
    (
        "the deal came late to {}, where the bridge had sent it: it is nobody else's move",
        "сделка с опозданием пришла в {}, куда её отправлял мост: вручную её никто не переносил",
    ),
    (
        "dead letter {} closed by itself: the order was compared since",
        "запись {} закрыта сама: заказ с тех пор сверен",
    ),
    (
        "dead letter {} closed by itself: its event got through",
        "запись {} закрыта сама: его событие доставлено",
    ),
    (
        "dead letter {} closed: its event was accepted before",
        "запись {} закрыта: его событие уже принято",
    ),
    ("its event got through", "его событие доставлено"),
    (
        "a newer snapshot was settled",
        "обработано более новое состояние заказа",
    ),
    (
        "the sides agree on something else by now",
        "стороны уже сошлись на другом",
    ),
    (
        "dead letter {} closed: a newer message to the shop stands for it",
        "запись {} закрыта: вместо него есть более новое сообщение магазину",
    ),
    (
        "the shop was told something newer",
        "магазину сообщили более новое",
    ),
    (
        "a new deal was made since",
        "с тех пор создана новая сделка",
    ),
    ("the receipt was taken since", "с тех пор чек принят"),
    (
        "{} decided that the shop is not told the status {}: {}",
        "{}: решено не сообщать магазину статус {}: {}",
    ),
    (
        "the message is not stored any more: change the order in the shop, or let the letter go",
        "сообщение уже не хранится: измените заказ в магазине или закройте запись",
    ),
    (
        "dead letter {} closed: the shop was told something newer",
        "запись {} закрыта: магазину сообщили более новое",
    ),
    (
        "dead letter {} closed: a newer snapshot has come since",
        "запись {} закрыта: пришло более новое состояние заказа",
    ),
    (
        "dead letter {} discarded by {}: {}",
        "от записи {} отказались ({}): {}",
    ),
    (
        "dead letter {} tried again by {} with a fixed payload",
        "запись {} исправлена и отправлена снова ({})",
    ),
    (
        "dead letter {} tried again by {}",
        "запись {} отправлена снова ({})",
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
        "лид сконвертирован: мост его больше не обновляет",
    ),
    (
        "the portal's answer to {} holds no id: {}",
        "в ответе портала на {} нет id: {}",
    ),
    (
        "what was written did not appear in the list at once: it is looked for again",
        "записанное не сразу появилось в списке: мост поищет его ещё раз",
    ),
    (
        "changed in the portal and by the shop: the shop's word was put over {}",
        "изменено и в портале, и в магазине: записаны данные магазина, поля {}",
    ),
    (
        "rows were changed in the portal and by the shop: the shop's were put over ({})",
        "строки изменили и в портале, и в магазине: записаны строки магазина поверх прежних ({})",
    ),
    (
        "the sum was set by hand in the portal: it was left alone",
        "сумму в портале задали вручную: она не изменена",
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
        "портал посчитал по строкам сумму {}: мост записал {}",
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
        "компании {} больше нет на портале: её ищем заново",
    ),
    (
        "the portal left {} empty: a field of that type does not take the shop's value",
        "портал оставил пустым {}: поле такого типа не принимает значение магазина",
    ),
    (
        "the contact {} is no longer in the portal: the customer was looked for again",
        "контакта {} в портале больше нет: покупатель найден заново",
    ),
    (
        "the contact {} was linked to the customer, but its name is another's: the customer was \
         looked for",
        "контакт {} был связан с покупателем, но имя в нём чужое: покупателя ищем заново",
    ),
    (
        "contact {} has a phone or an address of the customer and was not taken: its name is {}",
        "у контакта {} телефон или адрес покупателя, но взят он не был: зовут его {}",
    ),
    (
        "contact {} has a phone or an address of the customer and was not taken: it stands for the \
         shop's customer {}",
        "у контакта {} телефон или адрес покупателя, но взят он не был: это покупатель магазина {}",
    ),
    (
        "contact {} has a common address of the customer and was not taken: nothing else agrees",
        "у контакта {} общий с покупателем адрес организации, но взят он не был: больше ничего не \
         совпадает",
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
        "{}: по этим данным покупателя не определить; записано в комментарий сделки, в карточки \
         не попадает",
    ),
    (
        "the deal's contacts could not all be changed: {}",
        "не все контакты сделки удалось поменять: {}",
    ),
    (
        "the contact {} was put to the deal in the portal: the shop names another customer now, \
         and the deal follows",
        "контакт {} выбрали в сделке вручную, но магазин теперь называет другого покупателя: \
         сделка привязана к нему",
    ),
    (
        "the company {} was put to the deal in the portal: the shop names another customer now, \
         and the deal follows",
        "компанию {} выбрали в сделке вручную, но магазин теперь называет другого покупателя: \
         сделка привязана к нему",
    ),
    (
        "the contact {} was put to the deal in the portal: it stays",
        "контакт {} выбрали в сделке вручную: он оставлен",
    ),
    (
        "the company {} was put to the deal in the portal: it stays",
        "компанию {} выбрали в сделке вручную: она оставлена",
    ),
    (
        "{} {=} match this customer ({}): {} was taken, which agrees best",
        "покупателю подходят: {} {=} ({}); взята {}: она совпадает лучше всего",
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
        "в поле e-mail «{}» есть лишнее, не похожее на адрес: оно пропущено",
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
        "цены, умноженные на количества, дают {} и расходятся с итогом на {}: разница отнесена на \
         строку «{}»",
    ),
    (
        "the portal refused the e-mail {}: it was left out and stands in the comment",
        "портал не принял e-mail {}: он пропущен и записан в комментарий",
    ),
    (
        "the company's {} \"{}\" cannot be one and was left out",
        "у компании {} «{}» таким быть не может и пропущен",
    ),
];
