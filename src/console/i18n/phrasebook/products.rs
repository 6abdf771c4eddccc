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
        "the portal has more products under these articles than articles",
        "товаров портала с такими артикулами больше, чем самих артикулов",
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
        "the portal has no currency `{}`",
        "в портале нет валюты «{}»",
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
    (
        "the picture {} of {}: what comes from there is no picture (JPEG, PNG, GIF or WebP)",
        "картинка {} товара {}: по этому адресу не картинка (JPEG, PNG, GIF или WebP)",
    ),
    (
        "the picture {} of {}: the file is larger than 5 MiB",
        "картинка {} товара {}: файл больше 5 МиБ",
    ),
    (
        "the picture {} of {}: {} is not a public host, and not one of `picture_hosts`",
        "картинка {} товара {}: хост {} не публичный и не назван в `picture_hosts`",
    ),
    (
        "the picture {} of {}: this is no address of the web (http or https, without a password)",
        "картинка {} товара {}: это не адрес сайта (http или https, без пароля)",
    ),
    (
        "the picture {} of {}: the server answers {}",
        "картинка {} товара {}: сервер отвечает {}",
    ),
    (
        "the picture {} of {}: the server sends from one address to the next",
        "картинка {} товара {}: сервер перенаправляет с адреса на адрес",
    ),
    (
        "the picture {} of {}: no file came: {}",
        "картинка {} товара {}: файл не пришёл: {}",
    ),
    (
        "a picture of {}: {}: `content` is no base64",
        "картинка товара {}: {}: в `content` не base64",
    ),
    (
        "a picture of {}: {}: the file is larger than 5 MiB",
        "картинка товара {}: {}: файл больше 5 МиБ",
    ),
    (
        "a picture of {}: {}: the file is no picture (JPEG, PNG, GIF or WebP)",
        "картинка товара {}: {}: файл не картинка (JPEG, PNG, GIF или WebP)",
    ),
    (
        "a picture of {}: {}: the file came only in part",
        "картинка товара {}: {}: файл пришёл не целиком",
    ),
    (
        "a picture of {}: 1C names the file {}, and has not sent it",
        "картинка товара {}: 1С называет файл {}, но не прислала его",
    ),
    (
        "a picture of {}: its file is kept no more",
        "картинка товара {}: её файл уже не хранится",
    ),
    (
        "the portal does not show the pictures of the card",
        "портал не показывает картинки карточки",
    ),
    (
        "the portal's answer does not hold the picture",
        "в ответе портала нет картинки",
    ),
];
