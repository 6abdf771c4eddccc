<?php

// An installation by hand brings classes of the same names along: two of them cannot be loaded.
if (class_exists('B24Bridge\Spool', false) && !defined('B24_BRIDGE_CLASSES')) {
    return false;
}
require_once __DIR__ . '/autoload.php';
return true;
