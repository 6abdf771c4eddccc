<?php

// Settings → Product settings → Module settings → b24-bridge.
if (!defined('B_PROLOG_INCLUDED') || B_PROLOG_INCLUDED !== true) {
    exit;
}

use B24Bridge\BitrixForms;
use B24Bridge\Bridge;
use B24Bridge\Charset;
use B24Bridge\Panel;
use B24Bridge\Settings;
use Bitrix\Main\Loader;

global $APPLICATION, $USER;
if (!$USER->IsAdmin() || !Loader::includeModule('b24.bridge')) {
    return;
}
$wrong = [];
$told = [];
if ($_SERVER['REQUEST_METHOD'] === 'POST' && check_bitrix_sessid()) {
    if (isset($_POST['save'])) {
        $wrong = Panel::save($_POST);
        $told = $wrong === [] ? [[true, Panel::say('B24_BRIDGE_SAVED')]] : [];
    } elseif (isset($_POST['retry'])) {
        Bridge::spool()->retry();
    } elseif (isset($_POST['products_all'])) {
        Bridge::catalogue()->lookAtAll();
    }
    if ($wrong === [] && (isset($_POST['save']) || isset($_POST['check']))) {
        $told = array_merge($told, Panel::check());
    }
}
foreach ($wrong as $words) {
    CAdminMessage::ShowMessage($words);
}
$html = static fn (string $text): string => htmlspecialcharsbx($text);
$say = static fn (string $code): string => htmlspecialcharsbx(Panel::say($code));
$lines = static function (array $lines) use ($html): void {
    foreach ($lines as [$well, $words]) {
        $colour = $well ? 'inherit' : '#c00';
        echo '<p style="color:' . $colour . '">' . $html($words) . "</p>\n";
    }
};
$settings = Charset::out(Settings::read());
$posted = $wrong === [] ? [] : $_POST;
$value = static function (string $name) use ($settings, $posted, $html): string {
    $kept = is_array($settings[$name]) ? implode(', ', $settings[$name]) : $settings[$name];
    return $html(is_string($posted[$name] ?? null) ? $posted[$name] : $kept);
};
$page = $APPLICATION->GetCurPage() . '?mid=b24.bridge&lang=' . urlencode(LANGUAGE_ID);
$callback = ($settings['source'] === '' ? 'https://…' : rtrim($settings['source'], '/'));
$tabs = new CAdminTabControl('b24_bridge', [
    ['DIV' => 'state', 'TAB' => Panel::say('B24_BRIDGE_TAB_STATE'), 'TITLE' => ''],
    ['DIV' => 'settings', 'TAB' => Panel::say('B24_BRIDGE_TAB_SETTINGS'), 'TITLE' => ''],
    ['DIV' => 'forms', 'TAB' => Panel::say('B24_BRIDGE_TAB_FORMS'), 'TITLE' => ''],
]);
?>
<form method="post" action="<?= $html($page) ?>">
<?= bitrix_sessid_post() ?>
<?php $tabs->Begin(); $tabs->BeginNextTab(); ?>
<tr><td colspan="2">
<?php
$lines($told);
$lines(Panel::state());
$refused = Panel::refused();
if ($refused !== []) {
    echo '<p>' . $say('B24_BRIDGE_REFUSED') . '</p><pre>';
    echo $html(implode("\n", $refused)) . '</pre>';
    echo '<input type="submit" name="retry" value="' . $say('B24_BRIDGE_RETRY') . '"> ';
}
?>
<input type="submit" name="check" value="<?= $say('B24_BRIDGE_CHECK') ?>">
<?php if ($settings['products']) { ?>
<input type="submit" name="products_all" value="<?= $say('B24_BRIDGE_ALL_PRODUCTS') ?>">
<?php } ?>
</td></tr>
<?php
$tabs->BeginNextTab();
$fields = [
    'url', 'key', 'source', 'callback_secret', 'paid_statuses', 'sites', 'products', 'iblocks',
    'article', 'price_types',
];
foreach ($fields as $name) {
    $label = $say('B24_BRIDGE_FIELD_' . strtoupper($name));
    $hint = $say('B24_BRIDGE_HINT_' . strtoupper($name));
    if ($name === 'products') {
        $checked = $settings['products'] ? ' checked' : '';
        $input = '<input type="checkbox" name="products" value="Y"' . $checked . '>';
    } elseif ($name === 'key' || $name === 'callback_secret') {
        $there = $settings[$name] === '' ? '' : $say('B24_BRIDGE_IS_SET');
        $input = '<input type="password" size="60" autocomplete="new-password" name="' . $name
            . '" value="" placeholder="' . $there . '">';
    } else {
        $input = '<input type="text" size="60" name="' . $name . '" value="' . $value($name) . '">';
    }
    echo '<tr><td width="40%">' . $label . '</td><td>' . $input . '<br><small>' . $hint
        . "</small></td></tr>\n";
}
?>
<tr><td><?= $say('B24_BRIDGE_CALLBACK') ?></td>
<td><code><?= $html($callback . '/bitrix/tools/b24.bridge/callback.php') ?></code></td></tr>
<?php $tabs->BeginNextTab(); ?>
<tr><td colspan="2"><?= $say('B24_BRIDGE_FORMS_ABOUT') ?></td></tr>
<?php
$forms = BitrixForms::all();
foreach ($forms as $id => $name) {
    $address = $posted['forms'][$id] ?? $settings['forms'][$id] ?? '';
    $address = is_string($address) ? $address : '';
    echo '<tr><td width="40%">' . $html("$name [$id]") . '</td><td><input type="text" size="80" '
        . 'name="forms[' . $html((string) $id) . ']" value="' . $html($address) . "\"></td></tr>\n";
}
if ($forms === []) {
    echo '<tr><td colspan="2">' . $say('B24_BRIDGE_NO_FORMS') . '</td></tr>';
}
$tabs->Buttons();
?>
<input type="submit" name="save" class="adm-btn-save" value="<?= $say('B24_BRIDGE_SAVE') ?>">
<?php $tabs->End(); ?>
</form>
