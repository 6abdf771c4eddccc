<?php

declare(strict_types=1);

namespace B24Bridge;

/** WooCommerce → b24-bridge: the settings, and whether the bridge hears the shop. */
final class Page
{
    private const SLUG = 'b24-bridge';
    /** Longer without an answer while something waits means that nothing is sent. */
    private const SILENT = 900;

    public static function menu(): void
    {
        add_submenu_page(
            'woocommerce',
            'b24-bridge',
            'b24-bridge',
            'manage_woocommerce',
            self::SLUG,
            [self::class, 'show']
        );
    }

    public static function show(): void
    {
        if (!current_user_can('manage_woocommerce') || !class_exists('WC_Webhook')) {
            return;
        }
        Plugin::ready();
        $posted = [];
        $told = [];
        if (($_SERVER['REQUEST_METHOD'] ?? '') === 'POST') {
            check_admin_referer(self::SLUG);
            // WordPress adds slashes to whatever comes in.
            $posted = wp_unslash($_POST);
            try {
                $told = self::done($posted);
            } catch (\Throwable $error) {
                Plugin::log(get_class($error) . ': ' . $error->getMessage());
                $told = [[false, $error->getMessage()]];
            }
        }
        $failed = array_filter($told, static fn (array $one): bool => !$one[0]) !== [];
        self::draw($told, isset($posted['save']) && $failed ? $posted : []);
    }

    /**
     * @param array<string, mixed> $posted
     * @return list<array{0: bool, 1: string}> whether it is well, and words
     */
    private static function done(array $posted): array
    {
        if (isset($posted['retry'])) {
            $count = (string) Plugin::spool()->retry();
            return [[true, Words::of('Sent again: #COUNT#.', ['#COUNT#' => $count])]];
        }
        if (isset($posted['products_all'])) {
            self::lookAtAll();
            return [];
        }
        if (isset($posted['check'])) {
            return self::check();
        }
        return isset($posted['save']) ? self::save($posted) : [];
    }

    /**
     * Saves, makes the webhooks, and asks the bridge.
     *
     * @param array<string, mixed> $posted
     * @return list<array{0: bool, 1: string}>
     */
    public static function save(array $posted): array
    {
        $text = static fn (string $name): string
            => is_string($posted[$name] ?? null) ? trim($posted[$name]) : '';
        $kept = Settings::read();
        $settings = [
            'url' => rtrim($text('url'), '/'),
            'shop' => $text('shop'),
            'products' => ($posted['products'] ?? '') === '1',
            'keep' => ($posted['keep'] ?? '') === '1',
        ];
        // An empty field leaves a secret as it is: it is never shown.
        foreach (['secret', 'key', 'callback_secret'] as $name) {
            $settings[$name] = $text($name) === '' ? $kept[$name] : $text($name);
        }
        $wrong = self::faults($settings);
        $settings['forms'] = [];
        foreach (preg_split('/\R/u', $text('forms')) ?: [] as $line) {
            if (preg_match('/^\s*(.*\S)\s+(https?:\/\/\S+\/forms\/\S+)\s*$/u', $line, $parts)) {
                $settings['forms'][$parts[1]] = $parts[2];
            } elseif (trim($line) !== '') {
                $words = 'Not a form and its address: #LINE#';
                $wrong[] = Words::of($words, ['#LINE#' => trim($line)]);
            }
        }
        if ($wrong !== []) {
            return array_map(static fn (string $words): array => [false, $words], $wrong);
        }
        Settings::write($settings);
        Webhooks::make(Settings::address(), $settings['secret']);
        if ($settings['products'] && !$kept['products']) {
            self::lookAtAll();
        }
        return array_merge([[true, Words::of('Saved; the webhooks are made.')]], self::check());
    }

    private static function lookAtAll(): void
    {
        Plugin::catalogue()->lookAtAll();
        Plugin::soon();
    }

    /**
     * @param array<string, mixed> $settings
     * @return list<string>
     */
    private static function faults(array $settings): array
    {
        $wrong = [];
        if (preg_match('/^https?:\/\/[^\s\/]+/', $settings['url']) !== 1) {
            $wrong[] = Words::of('The address of the bridge begins with https://');
        }
        if (preg_match('/^[a-z0-9_-]+$/i', $settings['shop']) !== 1) {
            $wrong[] = Words::of('The shop is named as in [shops.NAME] of the bridge.');
        }
        if ($settings['secret'] === '') {
            $wrong[] = Words::of('The secret of the webhooks is missing.');
        }
        if ($settings['products'] && $settings['key'] === '') {
            $wrong[] = Words::of('Products need a key.');
        }
        try {
            if ($settings['callback_secret'] !== '') {
                new Signature($settings['callback_secret']);
            }
        } catch (\InvalidArgumentException $error) {
            $wrong[] = Words::of('The secret of statuses is whsec_ and base64.');
        }
        return $wrong;
    }

    /**
     * Asks the bridge by a signed request, as a webhook; by the key; and for each form.
     *
     * @return list<array{0: bool, 1: string}>
     */
    public static function check(): array
    {
        $settings = Settings::read();
        if (Settings::address() === '' || $settings['secret'] === '') {
            return [[false, Words::of('Fill in the address, the shop and the secret.')]];
        }
        $answer = WpTransport::checkWebhook(Settings::address(), $settings['secret']);
        [$status, $words] = $answer;
        Plugin::spool()->heard($status, $status === 200 ? '' : $words, time());
        $said = [[$status === 200, self::answer($status, $words)]];
        if ($settings['key'] !== '') {
            [$status] = (new WpTransport($settings['url'], $settings['key']))->check();
            $well = $status === 202;
            $words = $well ? 'The key is right.' : 'The bridge does not take the key (#STATUS#).';
            $said[] = [$well, Words::of($words, ['#STATUS#' => (string) $status])];
        }
        foreach ($settings['forms'] as $form => $address) {
            [$status] = WpTransport::checkForm($address);
            $well = $status === 200;
            $words = $well ? 'Form #FORM#: it is there.' : 'Form #FORM#: nothing at its address.';
            $said[] = [$well, Words::of($words, ['#FORM#' => (string) $form])];
        }
        return $said;
    }

    /**
     * Whether the bridge hears the shop, and the shop the bridge.
     *
     * @return list<array{0: bool, 1: string}>
     */
    public static function state(): array
    {
        [$spool, $now, $said] = [Plugin::spool(), time(), []];
        $heard = $spool->lastHeard();
        if ($heard === null) {
            $said[] = [false, Words::of('The bridge was never asked yet.')];
        } else {
            $well = in_array($heard['status'], [200, 202, 303, 422], true);
            $words = self::answer($heard['status'], $heard['words']);
            $said[] = [$well, self::moment($heard['at']) . ': ' . $words];
        }
        $missing = Settings::address() === '' ? [] : Webhooks::missing(Settings::address());
        if ($missing !== []) {
            $words = 'Webhooks are missing or switched off: #TOPICS#. Save to make them again.';
            $said[] = [false, Words::of($words, ['#TOPICS#' => implode(', ', $missing)])];
        }
        if (Webhooks::blind()) {
            $words = 'Webhooks belong to a user who may not see orders. Save to make them yours.';
            $said[] = [false, Words::of($words)];
        }
        $again = Webhooks::waiting();
        if ($again > 0) {
            $words = 'Deliveries of orders that are made again: #COUNT#.';
            $said[] = [false, Words::of($words, ['#COUNT#' => (string) $again])];
        }
        $status = $spool->status();
        $late = $status['oldest'] !== null && $now - $status['oldest'] > self::SILENT;
        $said[] = [!$late, $status['oldest'] === null
            ? Words::of('No products and no forms wait.')
            : Words::of('Products and forms that wait: #COUNT#, the oldest since #SINCE#.', [
                '#COUNT#' => (string) $status['waiting'],
                '#SINCE#' => self::moment($status['oldest']),
            ])];
        if ($late && ($heard === null || $now - $heard['at'] > self::SILENT)) {
            $words = 'Nobody sends: see WooCommerce → Status → Scheduled Actions.';
            $said[] = [false, Words::of($words)];
        }
        if (Settings::read()['products']) {
            $due = (string) Plugin::catalogue()->due();
            $said[] = [true, Words::of('Products to look at: #COUNT#.', ['#COUNT#' => $due])];
            if (Plugin::catalogue()->searches()) {
                $words = 'All products are being looked at; what is new is sent.';
                $said[] = [true, Words::of($words)];
            }
        }
        $called = $spool->state('called_at');
        $said[] = [true, $called === 0
            ? Words::of('The bridge has not called yet: statuses never came back.')
            : Words::of('The bridge last called with a status at #AT#.', [
                '#AT#' => self::moment($called),
            ])];
        return $said;
    }

    private static function answer(int $status, string $words): string
    {
        $known = [
            0 => 'Nobody answers: #WORDS#', 200 => 'The bridge hears the shop.',
            202 => 'The bridge hears the shop.', 303 => 'The bridge hears the shop.',
            401 => 'The bridge does not know the secret or the key (401).',
            404 => 'The bridge has no such shop, or is not at this address (404).',
            422 => 'The bridge hears the shop, and has refused something.',
            503 => 'The bridge is in trouble (503); it is tried again.',
        ];
        return Words::of($known[$status] ?? 'Answer #STATUS#: #WORDS#', [
            '#STATUS#' => (string) $status,
            '#WORDS#' => mb_substr(wp_strip_all_tags($words), 0, 200, 'UTF-8'),
        ]);
    }

    private static function moment(int $at): string
    {
        return (string) wp_date('Y-m-d H:i:s', $at);
    }

    /**
     * @param list<array{0: bool, 1: string}> $told
     * @param array<string, mixed> $posted what was not saved
     */
    private static function draw(array $told, array $posted): void
    {
        $settings = Settings::read();
        echo '<div class="wrap"><h1>b24-bridge</h1>';
        foreach ($told as [$well, $words]) {
            $kind = $well ? 'notice-success' : 'notice-error';
            echo '<div class="notice ' . $kind . '"><p>' . esc_html($words) . '</p></div>';
        }
        echo '<h2>' . esc_html(Words::of('State')) . '</h2><ul>';
        foreach (self::state() as [$well, $words]) {
            $mark = $well ? '' : ' style="color:#b32d2e"';
            echo "<li$mark>" . esc_html($words) . '</li>';
        }
        echo '</ul>';
        self::deliveries();
        echo '<form method="post">';
        wp_nonce_field(self::SLUG);
        $refused = Plugin::spool()->status()['words'];
        if ($refused !== []) {
            echo '<p>' . esc_html(Words::of('Refused by the bridge:')) . '</p><pre>';
            echo esc_html(implode("\n", $refused)) . '</pre>';
            self::button('retry', 'Send the refused again');
        }
        self::button('check', 'Check the connection');
        if ($settings['products']) {
            self::button('products_all', 'Send all products');
        }
        echo '<h2>' . esc_html(Words::of('Settings')) . '</h2><table class="form-table">';
        foreach (self::fields() as $name => [$label, $hint]) {
            $value = self::value($name, $settings, $posted);
            echo '<tr><th scope="row"><label for="' . $name . '">' . esc_html(Words::of($label));
            echo '</label></th><td>' . self::input($name, $value, $settings);
            echo '<p class="description">' . esc_html(Words::of($hint)) . '</p></td></tr>';
        }
        echo '<tr><th>' . esc_html(Words::of('Address for statuses')) . '</th><td><code>';
        echo esc_html(rest_url('b24-bridge/v1/status')) . '</code></td></tr></table>';
        $seen = array_map('rawurldecode', Plugin::spool()->statesOf('form '));
        if ($seen !== []) {
            $words = Words::of('Forms that were submitted so far:');
            echo '<p>' . esc_html($words . ' ' . implode(', ', $seen)) . '</p>';
        }
        self::button('save', 'Save, make the webhooks, check', 'primary');
        echo '</form></div>';
    }

    private static function deliveries(): void
    {
        $lines = [];
        foreach (Webhooks::last() as [$at, $order, $status, $tried]) {
            $words = $tried === 0
                ? '#AT#: order #ORDER#, answer #STATUS#'
                : '#AT#: order #ORDER#, answer #STATUS#, after #TRIED# failed tries';
            $lines[] = Words::of($words, [
                '#AT#' => self::moment($at), '#ORDER#' => (string) $order,
                '#STATUS#' => (string) $status, '#TRIED#' => (string) $tried,
            ]);
        }
        if ($lines !== []) {
            echo '<details><summary>' . esc_html(Words::of('Last deliveries of orders'));
            echo '</summary><pre>' . esc_html(implode("\n", $lines)) . '</pre></details>';
        }
    }

    /**
     * @param array<string, mixed> $settings
     * @param array<string, mixed> $posted
     */
    private static function value(string $name, array $settings, array $posted): string
    {
        if ($posted !== []) {
            return is_string($posted[$name] ?? null) ? $posted[$name] : '';
        }
        if ($name === 'forms') {
            $lines = [];
            foreach ($settings['forms'] as $form => $address) {
                $lines[] = "$form $address";
            }
            return implode("\n", $lines);
        }
        return is_bool($settings[$name]) ? (string) (int) $settings[$name] : $settings[$name];
    }

    /** @param array<string, mixed> $settings */
    private static function input(string $name, string $value, array $settings): string
    {
        $named = 'id="' . $name . '" name="' . $name . '"';
        if ($name === 'products' || $name === 'keep') {
            $checked = $value === '1' ? ' checked' : '';
            return '<input type="checkbox" value="1" ' . $named . $checked . '>';
        }
        if ($name === 'forms') {
            return "<textarea $named rows=\"4\" class=\"large-text code\">"
                . esc_textarea($value) . '</textarea>';
        }
        if (in_array($name, ['secret', 'key', 'callback_secret'], true)) {
            $there = $settings[$name] === '' ? '' : Words::of('set; leave empty to keep it');
            return '<input type="password" class="regular-text" autocomplete="new-password" '
                . $named . ' value="" placeholder="' . esc_attr($there) . '">';
        }
        return "<input type=\"text\" class=\"regular-text\" $named value=\""
            . esc_attr($value) . '">';
    }

    private static function button(string $name, string $label, string $kind = 'secondary'): void
    {
        echo '<button class="button button-' . $kind . '" name="' . $name . '" value="1">';
        echo esc_html(Words::of($label)) . '</button> ';
    }

    /** @return array<string, array{0: string, 1: string}> labels and hints */
    private static function fields(): array
    {
        return [
            'url' => ['Address of the bridge', 'https://bridge.example'],
            'shop' => ['Shop', 'Its NAME in [shops.NAME] of the bridge.'],
            'secret' => ['Secret of the webhooks', 'secret of [shops.NAME.woocommerce].'],
            'callback_secret' => ['Secret of statuses', 'callback_secret of [shops.NAME].'],
            'key' => ['Key', 'One of api_keys of [shops.NAME]; products need it.'],
            'products' => ['Send products', 'The bridge needs [shops.NAME.catalogue].'],
            'forms' => [
                'Forms',
                'A form and its address in a line; * is every form. For example: cf7:12 '
                . 'https://bridge.example/forms/main/callback/TOKEN',
            ],
            'keep' => ['Keep the data', 'Tables and settings stay when the plugin is deleted.'],
        ];
    }
}
