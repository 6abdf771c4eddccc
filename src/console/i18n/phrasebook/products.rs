//! Products on their way to the portal's catalogue.

pub(super) const SENTENCES: &[(&str, &str)] = &[
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
