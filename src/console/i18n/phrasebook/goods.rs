//! Sentences about an order's goods, the ledger, shortages and receipts.

pub(super) const SENTENCES: &[(&str, &str)] = &[
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
    // what 1C counts
    (
        "1C counts in another unit than the shop sells (1C / shop), and these counts wait: {}",
        "1С считает не в тех единицах, в которых продаёт магазин (1С / магазин), и эти подсчёты \
         ждут: {}",
    ),
    (
        "1C counts products by their ids in 1C alone, and their articles or barcodes are those of \
         other products: {}",
        "1С считает товары только по своим идентификаторам, а их артикулы или штрихкоды \
         принадлежат другим товарам: {}",
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
    (
        "shipped: reservation {} of {}, line {}. {} were stated, which a newer count holds already",
        "отгружено: резерв {} магазина {}, строка {}. Заявлено {}, но это уже учтено более новым \
         пересчётом",
    ),
    ("shipped: {*}", "отгружено: {*}"),
    (
        "{=} at the till: receipt {} of {}. {} were stated, which a newer count holds already",
        "на кассе: {=}, чек {} магазина {}. Заявлено {}, но это уже учтено более новым пересчётом",
    ),
    (
        "{=} at the till: receipt {} of {}",
        "на кассе: {=}, чек {} магазина {}",
    ),
    (
        "left with the order {} of {}. {} were stated, which a newer count holds already",
        "ушло с заказом {} магазина {}. Заявлено {}, но это уже учтено более новым пересчётом",
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
        "counted by {=} (count {}): {} at that time, {} with what moved later",
        "пересчёт: {=} (№ {}): на тот момент {}, с более поздними движениями {}",
    ),
    (
        "moved by {=} (event {}, line {}): {}. {} were stated, which a newer count holds already",
        "движение: {=} (событие {}, строка {}): {}. Заявлено {}, но это уже учтено более новым \
         пересчётом",
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
        "{} на складе {}: зарезервировано {}, есть {}; без товара остались самые новые \
         неоплаченные: {}",
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
        "the receipt {} of the till {} came before with other contents, and this is no newer \
         version of it",
        "чек {} кассы {} уже приходил с другим содержимым, и этот не новее",
    ),
    (
        "the receipt {} of the till {} names the store {}, which is not known: {} lines wait",
        "чек {} кассы {} называет склад {}, которого нет в остатках: ждут строки ({})",
    ),
    (
        "the receipt {} of the till {} names what is no one product: {}",
        "в чеке {} кассы {} не узнан товар: {}",
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
];
