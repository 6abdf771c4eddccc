<?php

declare(strict_types=1);

// The module's classes; no composer in the shop is needed.
foreach (['Database', 'Signature', 'Snapshot', 'Spool', 'Sender', 'Receiver'] as $file) {
    require_once __DIR__ . "/lib/$file.php";
}
