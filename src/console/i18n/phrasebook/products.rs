//! Products on their way to the portal's catalogue.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("the product came in", "поступил товар"),
    (
        "an older state of the product came in: it is left aside",
        "поступило более старое состояние товара: оно отложено",
    ),
    (
        "a newer state of the product came in",
        "поступило новое состояние товара",
    ),
    (
        "product {} of the portal written",
        "товар портала {} записан",
    ),
    (
        "product {} of the portal is it, by its article",
        "это товар портала {}: совпал артикул",
    ),
    (
        "product {} of the portal has its article and the external code `{}` of somebody else",
        "у товара портала {} тот же артикул и чужой внешний код «{}»",
    ),
    (
        "product {} of the portal has the article of several products",
        "артикул товара портала {} подходит нескольким товарам",
    ),
    (
        "several products of the portal have its article: {}",
        "такой артикул у нескольких товаров портала: {}",
    ),
    (
        "the portal has {} products with the external code `{}`: {}",
        "товаров портала с внешним кодом — {}, а код один, «{}»: {}",
    ),
    (
        "the portal has more products under these external codes than codes",
        "товаров портала с такими внешними кодами больше, чем самих кодов",
    ),
    (
        "products {} and {} of the shop have the same external code `{}`",
        "у товаров магазина {} и {} один внешний код «{}»",
    ),
    (
        "the portal's products have no property `{}`: the article is not written",
        "у товаров портала нет свойства «{}»: артикул не записан",
    ),
    (
        "the portal has no VAT rate of {} %: none is written",
        "в портале нет ставки НДС {} %: ставка не записана",
    ),
    (
        "the portal has no unit `{}`: it is left as it is",
        "в портале нет единицы «{}»: она оставлена как есть",
    ),
    (
        "the portal has no kind of price called `{}`",
        "в портале нет типа цены «{}»",
    ),
    (
        "the portal's catalogue has no variations",
        "в каталоге портала нет вариаций",
    ),
    (
        "the section `{}` was made and is not to be seen",
        "раздел «{}» создан, но его не видно",
    ),
    (
        "the portal's answer does not hold the product: {}",
        "в ответе портала нет товара: {}",
    ),
    (
        "no product catalogue is to be seen in the portal",
        "портал не показывает каталог товаров",
    ),
    (
        "[shops.{}.catalogue] is not configured",
        "раздел [shops.{}.catalogue] не настроен",
    ),
];
