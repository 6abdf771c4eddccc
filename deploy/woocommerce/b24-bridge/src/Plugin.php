<?php

declare(strict_types=1);

namespace B24Bridge;

/** What hangs in the site: hooks, the sender, and what they share. */
final class Plugin
{
    public const GROUP = 'b24-bridge';
    /** Sends what waits: each minute, and soon after something was put there. */
    public const SEND = 'b24_bridge_send';
    public const SOON = 'b24_bridge_send_soon';
    /** The tables as this release makes them. */
    private const TABLES = 1;
    private const PRODUCTS = 50;
    private const PAGES = 2;
    private const SECONDS = 20;

    private static bool $asked = false;

    public static function register(): void
    {
        add_action('rest_api_init', [self::class, 'routes']);
        add_filter('woocommerce_webhook_http_args', [Webhooks::class, 'before'], 10, 3);
        add_filter('woocommerce_max_webhook_delivery_failures', [Webhooks::class, 'mostFailures']);
        add_action('woocommerce_webhook_delivery', [Webhooks::class, 'after'], 10, 5);
        add_action(Webhooks::AGAIN, [Webhooks::class, 'again'], 10, 3);
        foreach (['product', 'product_variation'] as $kind) {
            add_action("woocommerce_new_$kind", [self::class, 'onProduct']);
            add_action("woocommerce_update_$kind", [self::class, 'onProduct']);
        }
        // WordPress's own, for whatever is trashed, restored or deleted past WooCommerce.
        foreach (['trashed_post', 'untrashed_post', 'before_delete_post'] as $hook) {
            add_action($hook, [self::class, 'onProduct']);
        }
        add_action('deleted_post', [self::class, 'onDeleted'], 10, 2);
        add_action('wpcf7_submit', [WooForms::class, 'contactForm7'], 10, 2);
        add_action('elementor_pro/forms/new_record', [WooForms::class, 'elementor'], 10, 1);
        add_action('gform_after_submission', [WooForms::class, 'gravity'], 10, 2);
        add_action(self::SEND, [self::class, 'send']);
        add_action(self::SOON, [self::class, 'send']);
        add_action('admin_init', [self::class, 'ready']);
        add_action('admin_menu', [Page::class, 'menu'], 60);
    }

    /** Makes what is missing: a new release is copied over an old one without being activated. */
    public static function ready(): void
    {
        self::quietly(static function (): void {
            if ((int) get_option('b24_bridge_tables', 0) < self::TABLES) {
                self::spool()->install();
                update_option('b24_bridge_tables', self::TABLES, true);
            }
            $there = function_exists('as_has_scheduled_action')
                && as_has_scheduled_action(self::SEND, [], self::GROUP);
            if (!$there && function_exists('as_schedule_recurring_action')) {
                $now = time();
                as_schedule_recurring_action($now, 60, self::SEND, [], self::GROUP, true);
            }
        });
    }

    public static function activated(): void
    {
        self::ready();
        $settled = Settings::address() !== '' && Settings::read()['secret'] !== '';
        // Webhooks see what their owner sees: a command line is nobody.
        if ($settled && current_user_can('manage_woocommerce')) {
            Webhooks::make(Settings::address(), Settings::read()['secret']);
        }
    }

    /** What waits stays in its table. */
    public static function deactivated(): void
    {
        if (function_exists('as_unschedule_all_actions')) {
            as_unschedule_all_actions(self::SEND, [], self::GROUP);
            as_unschedule_all_actions(self::SOON, [], self::GROUP);
        }
    }

    public static function spool(): Spool
    {
        return new Spool(new WpDatabase());
    }

    public static function catalogue(): Catalogue
    {
        return new Catalogue(new WpDatabase(), self::spool());
    }

    /** @param int|string $post */
    public static function onProduct($post): void
    {
        self::quietly(static function () use ($post): void {
            $product = Settings::read()['products'] ? WooProducts::meant((int) $post) : null;
            if ($product !== null) {
                self::catalogue()->mark($product, time());
                self::soon();
            }
        });
    }

    /**
     * It is gone: whoever looked between `before_delete_post` and now has seen it there.
     *
     * @param int|string $id
     * @param mixed $post
     */
    public static function onDeleted($id, $post = null): void
    {
        self::quietly(static function () use ($id, $post): void {
            $kind = is_object($post) ? (string) ($post->post_type ?? '') : '';
            $product = $kind === 'product_variation' ? (int) ($post->post_parent ?? 0) : (int) $id;
            $ours = in_array($kind, ['product', 'product_variation'], true) && $product > 0;
            if ($ours && Settings::read()['products']) {
                self::catalogue()->mark((string) $product, time());
                self::soon();
            }
        });
    }

    /** Lets Action Scheduler send in a moment; once in a request is enough. */
    public static function soon(): void
    {
        if (!self::$asked && function_exists('as_enqueue_async_action')) {
            self::$asked = true;
            as_enqueue_async_action(self::SOON, [], self::GROUP, true);
        }
    }

    public static function send(): void
    {
        self::quietly(static function (): void {
            self::sendNow();
        });
    }

    /** @return array{sent: int, refused: int, trouble: ?string} */
    public static function sendNow(): array
    {
        $settings = Settings::read();
        if ($settings['products'] && $settings['url'] !== '') {
            $products = new WooProducts();
            self::quietly(static function () use ($products): void {
                self::catalogue()->search($products, time(), self::PAGES);
            });
            self::quietly(static function () use ($products): void {
                $broken = static function (string $id, \Throwable $error): void {
                    self::log("product $id: " . $error->getMessage());
                };
                $source = home_url('/');
                self::catalogue()->spool($products, $source, time(), self::PRODUCTS, $broken);
            });
        }
        $bridge = new WpTransport($settings['url'], $settings['key']);
        $sender = new Sender(self::spool(), $bridge, null, $settings['forms']);
        return $sender->run(self::SECONDS);
    }

    /** Remembers that the site has this form, for the page of settings. */
    public static function seen(string $form): void
    {
        $spool = self::spool();
        // In ASCII: a state is looked for in whatever charset the site's connection has.
        $name = 'form ' . substr(rawurlencode($form), 0, 180);
        if ($spool->state($name) === 0) {
            $spool->setState($name, time());
        }
    }

    public static function routes(): void
    {
        register_rest_route('b24-bridge/v1', '/status', [
            'methods' => 'POST',
            'callback' => [self::class, 'receive'],
            'permission_callback' => '__return_true',
        ]);
    }

    /** POST /wp-json/b24-bridge/v1/status: the signature says who calls. */
    public static function receive(\WP_REST_Request $request): \WP_REST_Response
    {
        self::ready();
        try {
            $spool = self::spool();
            $signature = new Signature(Settings::read()['callback_secret']);
            $receiver = new Receiver($signature, new WooShop($spool));
            $headers = [];
            foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
                $headers[$name] = (string) $request->get_header($name);
            }
            $body = (string) $request->get_body();
            [$status, $answer] = $receiver->handle('POST', $headers, $body, time());
            if (!in_array($status, [401, 413], true)) {
                $spool->setState('called_at', time());
            }
        } catch (\Throwable $error) {
            self::log(get_class($error) . ': ' . $error->getMessage());
            [$status, $answer] = [503, ['error' => 'the shop is in trouble: try again']];
        }
        return new \WP_REST_Response($answer, $status);
    }

    /** Whatever happens here, the shop goes on. */
    public static function quietly(callable $what): void
    {
        try {
            $what();
        } catch (\Throwable $error) {
            self::log(get_class($error) . ': ' . $error->getMessage());
        }
    }

    public static function log(string $words): void
    {
        // WooCommerce may be switched off while the plugin is not.
        if (function_exists('wc_get_logger')) {
            wc_get_logger()->error($words, ['source' => self::GROUP]);
        } else {
            error_log('b24-bridge: ' . $words);
        }
    }
}
