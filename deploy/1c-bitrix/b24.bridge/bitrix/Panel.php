<?php

declare(strict_types=1);

namespace B24Bridge;

use Bitrix\Main\Config\Option;

/** What the settings page says and does; the page itself only draws it. Texts are the site's. */
final class Panel
{
    /** Longer without an answer while something waits means that nothing is sent. */
    private const SILENT = 900;
    /** So long a trouble of the site itself is shown. */
    private const RECENT = 86400;

    /** @param array<string, string> $places */
    public static function say(string $code, array $places = []): string
    {
        return Words::of('options.php', $code, $places);
    }

    /**
     * Saves the page's fields.
     *
     * @param array<string, mixed> $posted as the browser sent them, in the site's charset
     * @return list<string> what is wrong; then nothing is saved
     */
    public static function save(array $posted): array
    {
        $posted = Charset::in($posted);
        $text = static fn (string $name): string
            => is_string($posted[$name] ?? null) ? trim($posted[$name]) : '';
        $wrong = [];
        foreach (['url', 'source'] as $name) {
            if (preg_match('/^https?:\/\/[^\s\/]+/', $text($name)) !== 1) {
                $wrong[] = self::say('B24_BRIDGE_BAD_' . strtoupper($name));
            }
        }
        // An empty secret field leaves the secret as it is: it is never shown.
        $secret = $text('callback_secret');
        try {
            $secret === '' || new Signature($secret);
        } catch (\InvalidArgumentException $error) {
            $wrong[] = self::say('B24_BRIDGE_BAD_SECRET');
        }
        $forms = [];
        foreach (is_array($posted['forms'] ?? null) ? $posted['forms'] : [] as $id => $address) {
            $address = is_string($address) ? trim($address) : '';
            if ($address !== '' && preg_match('/^https?:\/\/\S+\/forms\/\S+$/', $address) !== 1) {
                $wrong[] = self::say('B24_BRIDGE_BAD_FORM', ['#ID#' => (string) $id]);
            } elseif ($address !== '') {
                $forms[(string) $id] = $address;
            }
        }
        if ($wrong !== []) {
            return $wrong;
        }
        // A new release may be copied over an old one: what its tables lack is made here.
        Bridge::spool()->install();
        foreach (['key', 'callback_secret'] as $name) {
            if ($text($name) !== '') {
                Settings::write($name, $text($name));
            }
        }
        $plain = ['url', 'source', 'paid_statuses', 'sites', 'iblocks', 'article', 'price_types'];
        foreach ($plain as $name) {
            Settings::write($name, $text($name));
        }
        $products = ($posted['products'] ?? 'N') === 'Y';
        $first = $products && !Settings::read()['products'];
        Settings::write('products', $products ? 'Y' : 'N');
        Settings::write('forms', $forms);
        if ($first) {
            Bridge::catalogue()->lookAtAll();
        }
        return [];
    }

    /**
     * Asks the bridge: whether it is there, knows the key and has the forms.
     *
     * @return list<array{0: bool, 1: string}> whether it is well, and words
     */
    public static function check(): array
    {
        if (!Settings::complete()) {
            return [[false, self::say('B24_BRIDGE_INCOMPLETE')]];
        }
        $settings = Settings::read();
        [$status, $words] = (new Http($settings['url'], $settings['key']))->check();
        Bridge::spool()->heard($status, $status === 202 ? '' : $words, time());
        $said = [[$status === 202, self::answer($status, $words)]];
        foreach ($settings['forms'] as $id => $address) {
            [$status, $words] = Http::checkForm($address);
            $code = $status === 200 ? 'B24_BRIDGE_FORM_THERE' : 'B24_BRIDGE_FORM_MISSING';
            $said[] = [$status === 200, self::say($code, ['#ID#' => (string) $id])];
        }
        return $said;
    }

    /**
     * Whether the bridge hears the shop, and the shop the bridge.
     *
     * @return list<array{0: bool, 1: string}> whether it is well, and words
     */
    public static function state(): array
    {
        [$spool, $now, $said] = [Bridge::spool(), time(), []];
        $heard = $spool->lastHeard();
        if ($heard === null) {
            $said[] = [false, self::say('B24_BRIDGE_NEVER')];
        } else {
            $well = in_array($heard['status'], [200, 202, 303, 422], true);
            $words = self::answer($heard['status'], $heard['words']);
            $said[] = [$well, self::moment($heard['at']) . ': ' . $words];
        }
        $status = $spool->status();
        $oldest = $status['oldest'];
        $late = $oldest !== null && $now - $oldest > self::SILENT;
        $said[] = [!$late, $oldest === null
            ? self::say('B24_BRIDGE_NOTHING_WAITS')
            : self::say('B24_BRIDGE_WAIT', [
                '#COUNT#' => (string) $status['waiting'], '#SINCE#' => self::moment($oldest),
            ])];
        if ($late && ($heard === null || $now - $heard['at'] > self::SILENT)) {
            $said[] = [false, self::say('B24_BRIDGE_NOBODY_SENDS')];
        }
        $trouble = $spool->lastTrouble();
        if ($trouble !== null && $now - $trouble['at'] < self::RECENT) {
            $words = (string) Charset::out($trouble['words']);
            $said[] = [false, self::say('B24_BRIDGE_TROUBLE', [
                '#AT#' => self::moment($trouble['at']), '#WORDS#' => $words,
            ])];
        }
        if (Settings::read()['products']) {
            $due = (string) Bridge::catalogue()->due();
            $said[] = [true, self::say('B24_BRIDGE_PRODUCTS_DUE', ['#COUNT#' => $due])];
            if (Bridge::catalogue()->searches()) {
                $said[] = [true, self::say('B24_BRIDGE_MARKED')];
            }
        }
        $called = $spool->state('called_at');
        $said[] = [true, $called === 0
            ? self::say('B24_BRIDGE_NOT_CALLED')
            : self::say('B24_BRIDGE_CALLED', ['#AT#' => self::moment($called)])];
        $cron = Option::get('main', 'agents_use_crontab', 'N') === 'Y'
            || defined('BX_CRONTAB_SUPPORT');
        $said[] = [true, self::say($cron ? 'B24_BRIDGE_BY_CRON' : 'B24_BRIDGE_BY_HITS')];
        return $said;
    }

    /** @return list<string> what the bridge refused, and why; at most 100 */
    public static function refused(): array
    {
        return Charset::out(Bridge::spool()->status()['words']);
    }

    private static function answer(int $status, string $words): string
    {
        $known = [
            0 => 'NOBODY', 200 => 'WELL', 202 => 'WELL', 303 => 'WELL', 401 => 'KEY', 403 => 'KEY',
            404 => 'OTHER', 422 => 'REFUSED', 503 => 'TROUBLE',
        ];
        $code = 'B24_BRIDGE_SAID_' . ($known[$status] ?? 'STRANGE');
        $words = (string) Charset::out(mb_substr($words, 0, 200, 'UTF-8'));
        return self::say($code, ['#STATUS#' => (string) $status, '#WORDS#' => $words]);
    }

    private static function moment(int $at): string
    {
        return date('d.m.Y H:i:s', $at);
    }
}
