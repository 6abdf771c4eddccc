//! Why a document of 1C is not, or not yet, carried out.

use super::{Explanation, FileFault, Words};

kinds! {
    /// Why a document of 1C waits, is refused or overtaken; or what of it was only kept.
    DocumentReason {
        NoDeal
            "the order has no deal yet"
            "у заказа ещё нет сделки"
        PersonAsked
            "a person is asked about the order"
            "по заказу ждут решения человека"
        ComparedFirst
            "the shop and the portal are compared first"
            "сначала сравниваются магазин и портал"
        ShopToldOfOrder
            "the shop was told of the order and has not sent it yet"
            "магазину сообщено о заказе, но он его ещё не прислал"
        StatusNotOfShop { status: String }
            "the status {status} is not in the shop's table"
            "статуса {status} нет в таблице магазина"
        StatusNotOfBase { status: String }
            "no row of the base's table has the status {status}"
            "в таблице базы нет строки со статусом {status}"
        NoSuchCurrency { currency: String }
            "{currency} is no currency: 1C's own label belongs into `currency_label`, others are \
             codes of three letters"
            "{currency} — не валюта: своё обозначение базы задаётся в `currency_label`, у прочих \
             валют — код из трёх букв"
        NoStatusOnCancel
            "the order is cancelled, and no status says so: set `status_on_cancel`"
            "заказ отменён, а статуса для этого нет: задайте `status_on_cancel`"
        Review { explanation: Box<Explanation> }
            "{explanation}"
            "{explanation}"
        PartlyKept
            "the order is taken in; some of what came with it is kept only"
            "заказ принят; часть того, что пришло с ним, только сохранена"
        CancelledUnborn
            "it was cancelled in 1C before the shop heard of it"
            "заказ отменён в 1С раньше, чем о нём узнал магазин"
        NewerTaken
            "a newer document was taken in"
            "принят документ новее"
        NoSuchOrder
            "there is no such order"
            "такого заказа нет"
        NoSuchOrderNoLines
            "there is no such order, and it cannot be made: the document has no goods"
            "такого заказа нет, а завести его нельзя: в документе нет товаров"
        NoSuchOrderOfSite
            "there is no such order, and its number was given by the site, not by 1C"
            "такого заказа нет, а его номер присвоен сайтом, а не 1С"
        NoSuchOrderNoBirths
            "there is no such order, and orders are not made from 1C (create_orders)"
            "такого заказа нет, а заводить заказы из 1С выключено (create_orders)"
        NoCustomers
            "the counterparty is kept and not taken in: create_orders is off"
            "контрагент сохранён, но не принят: create_orders выключен"
        TwoOrders { by_number: String, by_id: String }
            "its number is that of the order {by_number}, and its id that of the order {by_id}"
            "Номер — заказ {by_number}, а Ид — заказ {by_id}"
        NumberOfSeveralShops
            "orders of several shops have this number"
            "такой номер у заказов нескольких магазинов"
        FactOfAnother
            "a payment or a shipment of another order came with the order"
            "с заказом пришла оплата или отгрузка другого заказа"
        SeveralOrders
            "the package has documents about several orders"
            "в пакете документы о разных заказах"
        TwoDocuments
            "its number and its id are those of two documents: a receipt and an order, or two \
             receipts"
            "Номер и Ид — разных документов: чека и заказа или двух чеков"
        SenderMayNot { rights: String }
            "its sender may not say that (may): {rights}"
            "отправителю не разрешено (may): {rights}"
        OnlyKept
            "the document is kept and not taken in"
            "документ сохранён, но не принят"
        TooLong
            "the document is too long"
            "документ слишком велик"
        Unreadable { fault: FileFault }
            "{fault}"
            "{fault}"
        Failed { words: Words }
            "the bridge itself failed at it: {words}"
            "мост не справился с ним: {words}"
    }
}
