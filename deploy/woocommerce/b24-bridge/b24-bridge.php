<?php
/**
 * Plugin Name: b24-bridge
 * Description: Takes order statuses from b24-bridge, and sends again what the bridge did not get.
 * Version: 1.0.0
 * Requires PHP: 8.1
 * Requires Plugins: woocommerce
 *
 * In wp-config.php: define('B24_BRIDGE_SECRET', 'whsec_…'); the same as [shops.NAME] callback_secret.
 */

declare(strict_types=1);

namespace B24Bridge;

if (!defined('ABSPATH')) {
    exit;
}

require_once __DIR__ . '/Signature.php';
require_once __DIR__ . '/Receiver.php';

/** WooCommerce's orders, known by their id. */
final class WooShop implements Shop
{
    public function order(string $number): ?array
    {
        $order = self::find($number);
        if ($order === null) {
            return null;
        }
        $modified = $order->get_date_modified();
        return [
            'status' => $order->get_status(),
            'status_changed_at' => $modified ? $modified->format('c') : null,
            'paid' => $order->get_date_paid() !== null,
            'cancelled' => $order->get_status() === 'cancelled',
            'delivered' => $order->get_status() === 'completed',
            'paid_statuses' => wc_get_is_paid_statuses(),
        ];
    }

    /** The bridge knows WooCommerce's orders by their webhooks: it gets this one now, before it gets the answer. */
    public function snapshot(string $number): ?array
    {
        foreach (\WC_Data_Store::load('webhook')->get_webhooks_ids('active') as $id) {
            $webhook = wc_get_webhook($id);
            if (Webhooks::ours($webhook) && $webhook->get_topic() === 'order.updated') {
                $webhook->deliver((int) $number);
            }
        }
        return null;
    }

    public function setStatus(string $number, string $status, string $note): void
    {
        $order = self::find($number);
        if ($order === null) {
            throw new Refused('there is no such order');
        }
        if (!array_key_exists("wc-$status", wc_get_order_statuses())) {
            throw new Refused("the shop has no status `$status`");
        }
        if (!$order->update_status($status, 'Bitrix24: ' . wp_strip_all_tags($note) . ' ', true)) {
            throw new Refused('WooCommerce did not save the status: see its log');
        }
    }

    public function knows(string $id): bool
    {
        return get_transient('b24_bridge_' . md5($id)) !== false;
    }

    public function remember(string $id): void
    {
        set_transient('b24_bridge_' . md5($id), '1', 30 * DAY_IN_SECONDS);
    }

    private static function find(string $number): ?\WC_Order
    {
        $order = ctype_digit($number) ? wc_get_order((int) $number) : false;
        return $order instanceof \WC_Order ? $order : null;
    }
}

/**
 * Deliveries to the bridge that failed. WooCommerce itself sends each delivery once, and switches a webhook off when several in a row failed.
 */
final class Webhooks
{
    public const AGAIN = 'b24_bridge_deliver_again';
    private const LONGEST = 3600;
    /** With pauses of an hour: more than a week. */
    private const ATTEMPTS = 200;

    private static int $attempt = 0;
    private static bool $delivering = false;

    /** @param \WC_Webhook|null $webhook */
    public static function ours($webhook): bool
    {
        return $webhook !== null && strpos((string) $webhook->get_delivery_url(), '/v1/woocommerce/') !== false;
    }

    /**
     * @param array<string, mixed> $arguments
     * @param mixed $of
     * @return array<string, mixed>
     */
    public static function before($arguments, $of, int $id)
    {
        self::$delivering = self::ours(wc_get_webhook($id));
        return $arguments;
    }

    /** @param mixed $most */
    public static function mostFailures($most): int
    {
        return self::$delivering ? PHP_INT_MAX : (int) $most;
    }

    /**
     * @param array<string, mixed> $request
     * @param mixed $response
     * @param mixed $duration
     * @param mixed $of the order's id
     */
    public static function after($request, $response, $duration, $of, int $id): void
    {
        self::$delivering = false;
        $status = (int) wp_remote_retrieve_response_code($response);
        // 400 and 422: the bridge has read it and cannot use it; another try says the same.
        $settled = ($status >= 200 && $status < 300) || $status === 400 || $status === 422;
        if ($settled || self::$attempt >= self::ATTEMPTS || !self::ours(wc_get_webhook($id))) {
            return;
        }
        $pause = min(self::LONGEST, 30 * 2 ** min(self::$attempt, 7));
        as_schedule_single_action(time() + $pause, self::AGAIN, [$id, (int) $of, self::$attempt + 1], 'b24-bridge');
    }

    public static function again(int $id, int $of, int $attempt): void
    {
        $webhook = wc_get_webhook($id);
        if (self::ours($webhook) && $webhook->get_status() === 'active') {
            self::$attempt = $attempt;
            try {
                $webhook->deliver($of);
            } finally {
                self::$attempt = 0;
            }
        }
    }
}

/** POST /wp-json/b24-bridge/v1/status: the signature says who calls. */
function receive(\WP_REST_Request $request): \WP_REST_Response
{
    try {
        $receiver = new Receiver(new Signature((string) constant('B24_BRIDGE_SECRET')), new WooShop());
        $headers = [];
        foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
            $headers[$name] = (string) $request->get_header($name);
        }
        [$status, $answer] = $receiver->handle('POST', $headers, (string) $request->get_body(), time());
    } catch (\Throwable $error) {
        wc_get_logger()->error(get_class($error) . ': ' . $error->getMessage(), ['source' => 'b24-bridge']);
        [$status, $answer] = [503, ['error' => 'the shop is in trouble: try again']];
    }
    return new \WP_REST_Response($answer, $status);
}

add_action('rest_api_init', static function (): void {
    register_rest_route('b24-bridge/v1', '/status', [
        'methods' => 'POST',
        'callback' => __NAMESPACE__ . '\receive',
        'permission_callback' => '__return_true',
    ]);
});
add_filter('woocommerce_webhook_http_args', [Webhooks::class, 'before'], 10, 3);
add_filter('woocommerce_max_webhook_delivery_failures', [Webhooks::class, 'mostFailures']);
add_action('woocommerce_webhook_delivery', [Webhooks::class, 'after'], 10, 5);
add_action(Webhooks::AGAIN, [Webhooks::class, 'again'], 10, 3);
