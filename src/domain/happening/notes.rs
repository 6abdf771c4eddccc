//! Notes: what was met on an order's way to the portal.

use super::{Card, ContentChanges, Quoted, StageId, Words};

phrases! {
    /// The kind of cards that a note speaks of.
    Cards {
        Contacts "contacts" "контактов"
        Companies "companies" "компаний"
    }
}

kinds! {
    /// Something worth knowing that was met on the way to the portal.
    Note {
        // what the shop sent
        ContentsChanged { changes: ContentChanges }
            "the order has changed: {changes}"
            "заказ изменился: {changes}"
        PhoneLeftOut { phone: Quoted }
            "the phone {phone} cannot be a phone number and was left out"
            "телефон {phone} не похож на номер и пропущен"
        EmailLeftOut { email: Quoted }
            "the e-mail {email} holds what is no address, which was left out"
            "в поле e-mail {email} есть лишнее, не похожее на адрес: оно пропущено"
        CompanyFieldLeftOut { field: String, value: Quoted }
            "the company's {field} {value} cannot be one and was left out"
            "у компании {field} {value} таким быть не может и пропущен"
        TextShortened { place: String, characters: usize }
            "the text {place} was shortened to {characters} characters: the event holds all of it"
            "текст {place} сокращён до {characters} знаков: целиком он в событии"
        NameShortened { characters: usize }
            "the customer's name was shortened to {characters} characters: the event holds all of \
             it"
            "имя покупателя сокращено до {characters} знаков: целиком оно в событии"
        RowNameShortened { row: usize, characters: usize }
            "the name of row {row} was shortened to {characters} characters: the event holds all \
             of it"
            "название строки {row} сокращено до {characters} знаков: целиком оно в событии"
        RowCarries { sum: String, difference: String, row: Quoted }
            "prices times quantities come to {sum}, {difference} from the total: the row {row} \
             carries that"
            "цены, умноженные на количества, дают {sum} и расходятся с итогом на {difference}: \
             разница отнесена на строку {row}"
        RowsDiffer { rows: String, total: String }
            "the rows sum to {rows} but the shop's total is {total}: the total was set by hand"
            "сумма строк {rows}, а итог магазина {total}: итог записан вручную"
        NoCustomer
            "the order names no customer: the deal has no contact"
            "в заказе нет покупателя: у сделки нет контакта"
        StatusNotWritten { status: Quoted }
            "the status {status} is never written to the portal: its stage was left alone"
            "статус {status} в портал не передаётся: стадию не трогали"
        // the customer's cards
        ContactGone { contact: u64 }
            "the contact {contact} is no longer in the portal: the customer was looked for again"
            "контакта {contact} в портале больше нет: покупатель найден заново"
        ContactOfAnother { contact: u64 }
            "the contact {contact} was linked to the customer, but its name is another's: the \
             customer was looked for"
            "контакт {contact} был связан с покупателем, но имя в нём чужое: покупателя ищем \
             заново"
        CompanyGone { company: u64 }
            "the company {company} is no longer in the portal: it was looked for again"
            "компании {company} больше нет на портале: её ищем заново"
        PassedForName { contact: u64, name: String }
            "contact {contact} has a phone or an address of the customer and was not taken: its \
             name is {name}"
            "у контакта {contact} телефон или адрес покупателя, но взят он не был: зовут его {name}"
        PassedForCustomer { contact: u64, customer: String }
            "contact {contact} has a phone or an address of the customer and was not taken: it \
             stands for the shop's customer {customer}"
            "у контакта {contact} телефон или адрес покупателя, но взят он не был: это покупатель \
             магазина {customer}"
        PassedForCommonAddress { contact: u64 }
            "contact {contact} has a common address of the customer and was not taken: nothing \
             else agrees"
            "у контакта {contact} общий с покупателем адрес организации, но взят он не был: \
             больше ничего не совпадает"
        PassedForOperator { card: u64 }
            "card {card} was not taken: an operator said that it is not this customer's"
            "карточка {card} не взята: оператор сказал, что она не этого покупателя"
        OldestTaken { count: usize, cards: Cards, ids: Vec<u64> }
            "{count} {cards} match this customer ({ids}): the oldest was taken"
            "покупателю подходят: {count} {cards} ({ids}); взято самое старое"
        BestTaken { count: usize, cards: Cards, ids: Vec<u64>, taken: u64 }
            "{count} {cards} match this customer ({ids}): {taken} was taken, which agrees best"
            "покупателю подходят: {count} {cards} ({ids}); взята {taken}: она совпадает лучше \
             всего"
        IdentifiesNobody { values: Vec<String> }
            "{values} identifies nobody: it stands in the deal's comment and on no card"
            "{values}: по этим данным покупателя не определить; записано в комментарий сделки, в \
             карточки не попадает"
        CardFollows { card: Card }
            "the {card} was put to the deal in the portal: the shop names another customer now, \
             and the deal follows"
            "{card}: выбрано в сделке вручную, но магазин теперь называет другого покупателя: \
             сделка привязана к нему"
        CardStays { card: Card }
            "the {card} was put to the deal in the portal: it stays"
            "{card}: выбрано в сделке вручную и оставлено"
        CompanyIncomplete { part: String, words: Words }
            "the company was made, but the portal refused its {part}: {words}"
            "компания создана, но портал не принял её {part}: {words}"
        CompanyNotLinked { words: Words }
            "the contact could not be put to its company: {words}"
            "контакт не удалось связать с его компанией: {words}"
        ContactsNotChanged { words: Words }
            "the deal's contacts could not all be changed: {words}"
            "не все контакты сделки удалось поменять: {words}"
        EmailRefused { email: String }
            "the portal refused the e-mail {email}: it was left out and stands in the comment"
            "портал не принял e-mail {email}: он пропущен и записан в комментарий"
        // the deal
        SeveralDeals { count: usize, ids: Vec<u64> }
            "the portal holds this order {count} times ({ids}): the oldest known is kept"
            "сделок этого заказа на портале: {count} ({ids}): оставлена самая старая известная"
        OtherOrigin { card: Card }
            "the {card} is not this order's: it carries another origin; the order is looked up by \
             its own"
            "{card}: это не от этого заказа, источник другой; заказ ищется по своему источнику"
        OriginLost { deal: u64 }
            "the deal {deal} no longer carries the order's origin: it was told by what stands in it"
            "у сделки {deal} больше нет источника заказа: она узнана по тому, что в ней записано"
        TakesItsPlace { gone: Card, card: Card }
            "the portal shows no {gone}: {card}, which carries the order's number, takes its place"
            "портал не показывает: {gone}; вместо неё взята {card} с номером этого заказа"
        DealRemade
            "the deal is gone: a new one is made, as an operator asked"
            "сделки больше нет: создаём новую, как попросил оператор"
        LeadLeftAlone
            "the lead was converted: it is no longer kept in step"
            "лид сконвертирован: мост его больше не обновляет"
        NotListedYet
            "what was written did not appear in the list at once: it is looked for again"
            "записанное не сразу появилось в списке: мост поищет его ещё раз"
        FieldsOverwritten { fields: Vec<String> }
            "changed in the portal and by the shop: the shop's word was put over {fields}"
            "изменено и в портале, и в магазине: записаны данные магазина, поля {fields}"
        RowsOverwritten { rows: String }
            "rows were changed in the portal and by the shop: the shop's were put over ({rows})"
            "строки изменили и в портале, и в магазине: записаны строки магазина поверх прежних \
             ({rows})"
        RowsLinked
            "rows of the deal were linked to products that the catalogue has by now"
            "строки сделки связаны с товарами, которые появились в каталоге"
        RowsNotOurs
            "rows were changed in the portal: they are not linked to products that the catalogue \
             has by now"
            "строки изменили в портале: с появившимися в каталоге товарами они не связаны"
        ClosedNotLinked
            "the deal is closed: its rows are not linked to products that the catalogue has by now"
            "сделка закрыта: её строки не связаны с появившимися в каталоге товарами"
        RowNotLinked { words: Words }
            "a row could not be linked to its product of the catalogue: {words}"
            "строку не удалось связать с товаром каталога: {words}"
        SumKept
            "the sum was set by hand in the portal: it was left alone"
            "сумму в портале задали вручную: она не изменена"
        CommentKept
            "the comment was changed in the portal: the shop's new one was not put over it"
            "комментарий изменили в портале: новый комментарий магазина поверх него не записан"
        FunnelLeft { funnel: u32 }
            "the deal was moved to funnel {funnel}: its stage was left alone"
            "сделку перенесли в воронку {funnel}: её стадию не трогали"
        MovedAtOnce { written: StageId, stands: StageId }
            "written to the stage {written}, the deal stood in {stands} at once: somebody or a \
             robot moved it"
            "записали стадию {written}, а сделка сразу оказалась в {stands}: её перенёс кто-то \
             или робот"
        SumSetByHand { portal: String, total: String }
            "the portal made the sum {portal} of the rows: it was set to {total} by hand"
            "портал посчитал по строкам сумму {portal}: мост записал {total}"
        FieldsLeftEmpty { fields: Vec<String> }
            "the portal left {fields} empty: a field of that type does not take the shop's value"
            "портал оставил пустым {fields}: поле такого типа не принимает значение магазина"
        // what is no order
        NobodyKnown
            "nobody in the portal is known by this: nothing is written"
            "портал никого с такими данными не знает: ничего не записано"
        ProductByArticle { product: u64 }
            "product {product} of the portal is it, by its article"
            "это товар портала {product}: совпал артикул"
        NoProperty { property: String }
            "the portal's products have no property `{property}`: what belongs there is not written"
            "у товаров портала нет свойства «{property}»: значение не записано"
        NoVatRate { percent: String }
            "the portal has no VAT rate of {percent} %: none is written"
            "в портале нет ставки НДС {percent} %: ставка не записана"
        NoUnit { unit: String }
            "the portal has no unit `{unit}`: it is left as it is"
            "в портале нет единицы «{unit}»: она оставлена как есть"
    }
}
