<?php

$MESS['B24_BRIDGE_NAME'] = 'b24-bridge: заказы в Битрикс24';
$MESS['B24_BRIDGE_ABOUT'] = 'Передаёт в b24-bridge заказы, товары и формы, принимает статусы.';
$MESS['B24_BRIDGE_NEEDS'] = 'Модулю нужно то, чего здесь нет: #WHAT#.';
$MESS['B24_BRIDGE_BY_HAND'] =
    'Удалите строку с /local/b24bridge/include.php из php_interface/init.php и установите модуль'
    . ' снова. Таблицы и настройки перейдут к нему.';
$MESS['B24_BRIDGE_REMOVE'] = 'Удалить b24-bridge';
$MESS['B24_BRIDGE_WAITING'] = 'Событий, которых у моста ещё нет: #COUNT#.';
$MESS['B24_BRIDGE_KEEP'] = 'Сохранить таблицы и настройки';
