<?php

// The address for [shops.NAME] callback_url:
// https://shop.example/bitrix/tools/b24.bridge/callback.php
define('NO_KEEP_STATISTIC', true);
define('NO_AGENT_STATISTIC', true);
define('NOT_CHECK_PERMISSIONS', true);
define('STOP_STATISTICS', true);
define('NO_AGENT_CHECK', true);
require $_SERVER['DOCUMENT_ROOT'] . '/bitrix/modules/main/include/prolog_before.php';

if (!Bitrix\Main\Loader::includeModule('b24.bridge')) {
    // Not installed, or not yet: the bridge tries again.
    http_response_code(503);
    exit;
}
foreach (['/local', '/bitrix'] as $root) {
    $file = $_SERVER['DOCUMENT_ROOT'] . $root . '/modules/b24.bridge/callback.php';
    if (is_file($file)) {
        require $file;
        break;
    }
}
