<?php

return [
    'State' => 'Состояние',
    'Settings' => 'Настройки',
    'Saved; the webhooks are made.' => 'Сохранено; вебхуки созданы.',
    'Save, make the webhooks, check' => 'Сохранить, создать вебхуки, проверить',
    'Check the connection' => 'Проверить связь',
    'Send the refused again' => 'Отправить отклонённое снова',
    'Send all products' => 'Отправить все товары',
    'Refused by the bridge:' => 'Отклонено мостом:',
    'Sent again: #COUNT#.' => 'Отправится снова: #COUNT#.',
    'Products to look at: #COUNT#.' => 'Товаров на проверку: #COUNT#.',
    'All products are being looked at; what is new is sent.' =>
        'Проверяются все товары; отправится то, что изменилось.',
    'Not a form and its address: #LINE#' => 'Это не форма и её адрес: #LINE#',
    'The address of the bridge begins with https://' => 'Адрес моста начинается с https://',
    'The shop is named as in [shops.NAME] of the bridge.' =>
        'Магазин называется так же, как в [shops.NAME] моста.',
    'The secret of the webhooks is missing.' => 'Не задан секрет вебхуков.',
    'Products need a key.' => 'Для товаров нужен ключ.',
    'The secret of statuses is whsec_ and base64.' => 'Секрет статусов: whsec_ и base64.',
    'Fill in the address, the shop and the secret.' => 'Заполните адрес, магазин и секрет.',
    'The key is right.' => 'Ключ верен.',
    'The bridge does not take the key (#STATUS#).' => 'Мост не принимает ключ (#STATUS#).',
    'Form #FORM#: it is there.' => 'Форма #FORM#: мост её знает.',
    'Form #FORM#: nothing at its address.' => 'Форма #FORM#: по её адресу ничего нет.',
    'The bridge was never asked yet.' => 'К мосту ещё не обращались.',
    'Webhooks are missing or switched off: #TOPICS#. Save to make them again.' =>
        'Вебхуков нет, или они выключены: #TOPICS#. Сохраните, чтобы создать их снова.',
    'Webhooks belong to a user who may not see orders. Save to make them yours.' =>
        'Вебхуки принадлежат тому, кому заказы не видны. Сохраните, чтобы они стали вашими.',
    'Deliveries of orders that are made again: #COUNT#.' => 'Доставок заказов на повторе: #COUNT#.',
    'Last deliveries of orders' => 'Последние доставки заказов',
    '#AT#: order #ORDER#, answer #STATUS#' => '#AT#: заказ #ORDER#, ответ #STATUS#',
    '#AT#: order #ORDER#, answer #STATUS#, after #TRIED# failed tries' =>
        '#AT#: заказ #ORDER#, ответ #STATUS#, неудачных попыток до этого: #TRIED#',
    'No products and no forms wait.' => 'Товары и формы не ждут отправки.',
    'Products and forms that wait: #COUNT#, the oldest since #SINCE#.' =>
        'Товаров и форм ждёт отправки: #COUNT#, самое старое с #SINCE#.',
    'Nobody sends: see WooCommerce → Status → Scheduled Actions.' =>
        'Никто не отправляет: см. WooCommerce → Статус → Запланированные действия.',
    'The bridge has not called yet: statuses never came back.' =>
        'Мост ещё не обращался к сайту: статусы не возвращались.',
    'The bridge last called with a status at #AT#.' => 'Последний раз мост прислал статус #AT#.',
    'Nobody answers: #WORDS#' => 'Никто не отвечает: #WORDS#',
    'The bridge hears the shop.' => 'Мост слышит магазин.',
    'The bridge does not know the secret or the key (401).' =>
        'Мост не знает секрета или ключа (401).',
    'The bridge has no such shop, or is not at this address (404).' =>
        'У моста нет такого магазина, или по этому адресу не мост (404).',
    'The bridge hears the shop, and has refused something.' =>
        'Мост слышит магазин и кое-что отклонил.',
    'The bridge is in trouble (503); it is tried again.' =>
        'У моста неполадка (503); будет повторено.',
    'Answer #STATUS#: #WORDS#' => 'Ответ #STATUS#: #WORDS#',
    'Address for statuses' => 'Адрес для статусов',
    'Forms that were submitted so far:' => 'Формы, которые уже отправляли:',
    'set; leave empty to keep it' => 'задан; оставьте пустым, чтобы не менять',
    'Address of the bridge' => 'Адрес моста',
    'https://bridge.example' => 'https://bridge.example',
    'Shop' => 'Магазин',
    'Its NAME in [shops.NAME] of the bridge.' => 'Имя из [shops.NAME] в настройках моста.',
    'Secret of the webhooks' => 'Секрет вебхуков',
    'secret of [shops.NAME.woocommerce].' => 'secret из [shops.NAME.woocommerce].',
    'Secret of statuses' => 'Секрет статусов',
    'callback_secret of [shops.NAME].' => 'callback_secret из [shops.NAME].',
    'Key' => 'Ключ',
    'One of api_keys of [shops.NAME]; products need it.' =>
        'Один из api_keys в [shops.NAME]; нужен для товаров.',
    'Send products' => 'Отправлять товары',
    'The bridge needs [shops.NAME.catalogue].' => 'Мосту нужен раздел [shops.NAME.catalogue].',
    'Forms' => 'Формы',
    'A form and its address in a line; * is every form. For example: cf7:12 '
        . 'https://bridge.example/forms/main/callback/TOKEN' =>
        'В строке форма и её адрес; * — любая форма. Например: cf7:12 '
        . 'https://bridge.example/forms/main/callback/TOKEN',
    'Keep the data' => 'Сохранить данные',
    'Tables and settings stay when the plugin is deleted.' =>
        'Таблицы и настройки останутся, когда плагин удалят.',
];
