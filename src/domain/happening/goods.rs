//! An order's goods, and 1C.

use super::Words;

kinds! {
    /// What became of an order's goods, and of the order in 1C.
    GoodsEvent {
        Held
            "the order's goods are held"
            "товар для заказа зарезервирован"
        Short
            "there is not enough of the order's goods: nothing more is held for it"
            "товара для заказа не хватает: больше ничего не зарезервировано"
        Shipped
            "the order's goods have left the shelf"
            "товар заказа отгружен"
        Released
            "the order's goods are free again"
            "резерв заказа снят"
        HeldElsewhere { store: String }
            "the order's goods are held in the store {store} now"
            "товар для заказа теперь зарезервирован на складе {store}"
        Lost { reason: Words }
            "the order's goods are lost: {reason}"
            "заказ остался без товара: {reason}"
        PickedUp { receipt: String, till: String }
            "the order's goods were picked up: receipt {receipt} of the till {till}"
            "товар заказа выдан: чек {receipt} кассы {till}"
        OnecTook { base: String, document: String }
            "the 1C base {base} has taken the order as {document}"
            "база 1С {base} приняла заказ под номером {document}"
        OnecWithoutStatus { base: String }
            "the order goes to the 1C base {base} without its status, which has no row in the \
             base's table"
            "заказ идёт в базу 1С {base} без статуса: в таблице базы для него нет строки"
        OnecDocumentRefused { code: String, words: Words }
            "a document of 1C is refused: {code}: {words}"
            "документ 1С не принят: {code}: {words}"
    }
}
