<?php

// An installation by hand brings classes of the same names along: two of them cannot be loaded.
if (class_exists('B24Bridge\Spool', false) && !class_exists('B24Bridge\Handlers', false)) {
    return false;
}
require_once __DIR__ . '/autoload.php';
class_exists('B24Bridge\Handlers');
return true;
