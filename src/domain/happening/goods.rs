//! An order's goods, and 1C.

use super::{ContentChanges, DocumentReason, Words};

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
        OtherUnit { line: String, unit: String, product: String, counted: String }
            "line {line} is in `{unit}`, and the product {product} is counted in `{counted}`: \
             its quantity changes nothing (STOCK-UNIT)"
            "строка {line} указана в единице «{unit}», а товар {product} учитывается в \
             «{counted}»: её количество ничего не меняет (STOCK-UNIT)"
        FitsSeveral { line: String, name: String, products: String }
            "line {line} is of `{name}`, by which several products are known ({products}): nothing \
             is held or taken for it (STOCK-UNKNOWN-PRODUCT)"
            "строка {line}: по «{name}» известно несколько товаров ({products}), для неё ничего не \
             зарезервировано и не списано (STOCK-UNKNOWN-PRODUCT)"
        FitsSeveralByNow { line: String, name: String, products: String }
            "line {line} is of `{name}`, by which several products are known by now ({products}): \
             what is held for the order stays as it is (STOCK-UNKNOWN-PRODUCT)"
            "строка {line}: по «{name}» теперь известно несколько товаров ({products}), резерв \
             заказа остаётся как есть (STOCK-UNKNOWN-PRODUCT)"
        FitsNone { line: String, name: String }
            "line {line} (`{name}`) says nothing by which the stock knows products: nothing is \
             held or taken for it (STOCK-UNKNOWN-PRODUCT)"
            "строка {line} («{name}»): в ней нет ничего, по чему склад узнаёт товары, для неё \
             ничего не зарезервировано и не списано (STOCK-UNKNOWN-PRODUCT)"
        HeldElsewhere { store: String }
            "the order's goods are held in the store {store} now"
            "товар для заказа теперь зарезервирован на складе {store}"
        Lost { reason: Words }
            "the order's goods are lost: {reason}"
            "заказ остался без товара: {reason}"
        PickedUp { receipt: String, till: String }
            "the order's goods were picked up: receipt {receipt} of the till {till}"
            "товар заказа выдан: чек {receipt} кассы {till}"
        PickUpAnnulled { receipt: String, till: String }
            "the pick-up of the order was annulled: receipt {receipt} of the till {till}"
            "выдача заказа аннулирована: чек {receipt} кассы {till}"
        BroughtBack { receipt: String, till: String }
            "goods of the order were brought back: receipt {receipt} of the till {till}"
            "товар заказа вернули: чек {receipt} кассы {till}"
        ReturnAnnulled { receipt: String, till: String }
            "a return of the order's goods was annulled: receipt {receipt} of the till {till}"
            "возврат по заказу аннулирован: чек {receipt} кассы {till}"
        OnecTook { base: String, document: String }
            "the 1C base {base} has taken the order as {document}"
            "база 1С {base} приняла заказ под номером {document}"
        OnecBorn { base: String, document: String }
            "the order was made in the 1C base {base} as {document}, and the shop has taken it"
            "заказ заведён в базе 1С {base} под номером {document}, магазин принял его"
        OnecWithoutStatus { base: String }
            "the order goes to the 1C base {base} without its status, which has no row in the \
             base's table"
            "заказ идёт в базу 1С {base} без статуса: в таблице базы для него нет строки"
        OnecPaid { amount: String, document: String }
            "1C says that {amount} were paid ({document})"
            "1С сообщает об оплате {amount} ({document})"
        OnecPaidBack { amount: String, document: String }
            "1C says that {amount} were paid back ({document})"
            "1С сообщает о возврате {amount} ({document})"
        OnecNotPaid { amount: String, document: String }
            "1C says that the payment {document} of {amount} is not there"
            "1С сообщает, что оплаты {document} на {amount} нет"
        OnecShipped { document: String }
            "1C says that goods were shipped ({document})"
            "1С сообщает об отгрузке ({document})"
        OnecNotShipped { document: String }
            "1C says that the goods of {document} are not shipped"
            "1С сообщает, что по документу {document} товар не отгружен"
        OnecOtherContents { there: String, lines_there: String, here: String, lines_here: String }
            "1C has other contents: {there} in {lines_there} lines there, {here} in {lines_here} \
             lines here; the shop is told"
            "в 1С другой состав заказа: там {there}, строк {lines_there}, здесь {here}, строк \
             {lines_here}; магазину сообщено"
        OnecOwnContents { there: String, lines_there: String, here: String, lines_here: String }
            "1C changed the contents, which are its own: {there} in {lines_there} lines there, \
             {here} in {lines_here} lines in the shop; the deal follows, and the shop is told"
            "1С изменила состав заказа, он за ней: там {there}, строк {lines_there}, в магазине \
             {here}, строк {lines_here}; сделка меняется следом, магазину сообщено"
        ShopOtherContents { shops: String, counts: String }
            "the shop changed the contents to {shops}, but they are 1C's: {counts} counts, and the \
             shop is told"
            "магазин изменил состав заказа на {shops}, но состав за 1С: верно {counts}, магазину \
             сообщено"
        OnecOtherLines { changes: ContentChanges }
            "1C has other contents: {changes}; the shop is told"
            "в 1С другой состав заказа: {changes}; магазину сообщено"
        OnecOwnLines { changes: ContentChanges }
            "1C changed the contents, which are its own: {changes}; the deal follows, and the shop \
             is told"
            "1С изменила состав заказа, он за ней: {changes}; сделка меняется следом, магазину \
             сообщено"
        OnecSameContents
            "1C and the shop have the same contents again"
            "состав заказа в 1С и в магазине снова одинаков"
        OnecPushRefused { base: String, code: String, words: Words }
            "the 1C base {base} does not take the order: {code}: {words}"
            "база 1С {base} не принимает заказ: {code}: {words}"
        OnecDocumentRefused { code: String, words: Words }
            "a document of 1C is refused: {code}: {words}"
            "документ 1С не принят: {code}: {words}"
        OnecDocumentNotTaken { code: String, why: DocumentReason }
            "a document of 1C is refused: {code}: {why}"
            "документ 1С не принят: {code}: {why}"
    }
}
