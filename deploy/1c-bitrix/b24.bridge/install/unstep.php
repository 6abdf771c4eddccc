<?php

use B24Bridge\Bridge;
use B24Bridge\Words;

if (!defined('B_PROLOG_INCLUDED') || B_PROLOG_INCLUDED !== true) {
    exit;
}
global $APPLICATION;
$waiting = Bridge::spool()->status()['waiting'];
$say = static fn (string $code, array $places = []): string
    => htmlspecialcharsbx(Words::of('install/index.php', $code, $places));
?>
<form action="<?= $APPLICATION->GetCurPage() ?>">
    <?= bitrix_sessid_post() ?>
    <input type="hidden" name="lang" value="<?= LANGUAGE_ID ?>">
    <input type="hidden" name="id" value="b24.bridge">
    <input type="hidden" name="uninstall" value="Y">
    <input type="hidden" name="step" value="2">
    <input type="hidden" name="savedata" value="N">
    <p><?= $say('B24_BRIDGE_WAITING', ['#COUNT#' => (string) $waiting]) ?></p>
    <p>
        <label>
            <input type="checkbox" name="savedata" value="Y" checked>
            <?= $say('B24_BRIDGE_KEEP') ?>
        </label>
    </p>
    <input type="submit" value="<?= $say('B24_BRIDGE_REMOVE') ?>">
</form>
