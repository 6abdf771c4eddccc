<?php

declare(strict_types=1);

namespace B24Bridge;

/**
 * WooCommerce's webhooks to the bridge: made, and delivered again where they failed. WooCommerce
 * itself sends each delivery once, and switches a webhook off when several in a row failed.
 */
final class Webhooks
{
    public const AGAIN = 'b24_bridge_deliver_again';
    public const TOPICS = ['order.created', 'order.updated', 'order.restored', 'order.deleted'];
    private const LONGEST = 3600;
    /** With pauses of an hour: more than a week. */
    private const ATTEMPTS = 200;
    /** The last deliveries, for the page of settings. */
    private const DELIVERIES = 'b24_bridge_deliveries';
    private const SHOWN = 10;

    private static int $attempt = 0;
    private static bool $delivering = false;

    /** @param \WC_Webhook|null $webhook */
    public static function ours($webhook): bool
    {
        if ($webhook === null) {
            return false;
        }
        return strpos((string) $webhook->get_delivery_url(), '/v1/woocommerce/') !== false;
    }

    /** @return list<\WC_Webhook> those that go to a bridge, whatever their state */
    public static function all(): array
    {
        $found = [];
        foreach (\WC_Data_Store::load('webhook')->get_webhooks_ids() as $id) {
            $webhook = wc_get_webhook($id);
            if (self::ours($webhook)) {
                $found[] = $webhook;
            }
        }
        return $found;
    }

    /**
     * Makes the webhooks that are missing, and mends those that are there: address, secret, state.
     * They deliver as the person who is signed in, who may see orders. A second one of a topic is
     * switched off.
     */
    public static function make(string $address, string $secret): void
    {
        $there = [];
        foreach (self::all() as $webhook) {
            $topic = $webhook->get_topic();
            if (!in_array($topic, self::TOPICS, true)) {
                continue;
            }
            if (isset($there[$topic])) {
                $webhook->set_status('disabled');
                $webhook->save();
            } else {
                $there[$topic] = $webhook;
            }
        }
        foreach (self::TOPICS as $topic) {
            $webhook = $there[$topic] ?? new \WC_Webhook();
            $webhook->set_name('b24-bridge: ' . $topic);
            $webhook->set_topic($topic);
            $webhook->set_delivery_url($address);
            $webhook->set_secret($secret);
            $webhook->set_api_version('wp_api_v3');
            $webhook->set_user_id(get_current_user_id());
            $webhook->set_status('active');
            $webhook->set_failure_count(0);
            $webhook->save();
        }
    }

    /** @return list<string> topics without an active webhook to this address */
    public static function missing(string $address): array
    {
        $active = [];
        foreach (self::all() as $webhook) {
            $here = $webhook->get_delivery_url() === $address;
            if ($here && $webhook->get_status() === 'active') {
                $active[] = $webhook->get_topic();
            }
        }
        return array_values(array_diff(self::TOPICS, $active));
    }

    /** Whether some of them belong to somebody who may not see orders: they deliver errors. */
    public static function blind(): bool
    {
        foreach (self::all() as $webhook) {
            $sees = user_can((int) $webhook->get_user_id(), 'read_private_shop_orders');
            if ($webhook->get_status() === 'active' && !$sees) {
                return true;
            }
        }
        return false;
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
        if (!self::ours(wc_get_webhook($id))) {
            return;
        }
        [$status, $words] = WpTransport::answer($response);
        $taken = $status >= 200 && $status < 300;
        Plugin::quietly(static function () use ($status, $words, $taken, $of): void {
            self::remember([time(), (int) $of, $status, self::$attempt]);
            Plugin::spool()->heard($status, $taken ? '' : $words, time());
        });
        // 400 and 422: the bridge has read it and cannot use it; another try says the same.
        $settled = $taken || $status === 400 || $status === 422;
        if ($settled || self::$attempt >= self::ATTEMPTS) {
            return;
        }
        $pause = min(self::LONGEST, 30 * 2 ** min(self::$attempt, 7));
        $arguments = [$id, (int) $of, self::$attempt + 1];
        as_schedule_single_action(time() + $pause, self::AGAIN, $arguments, Plugin::GROUP);
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

    /** @param array{0: int, 1: int, 2: int, 3: int} $delivery */
    private static function remember(array $delivery): void
    {
        $all = array_merge([$delivery], self::last());
        update_option(self::DELIVERIES, array_slice($all, 0, self::SHOWN), false);
    }

    /**
     * The last deliveries, the newest first: when, of which order, the answer, and how often it was
     * tried before.
     *
     * @return list<array{0: int, 1: int, 2: int, 3: int}>
     */
    public static function last(): array
    {
        $kept = get_option(self::DELIVERIES, []);
        return is_array($kept) ? array_values(array_filter($kept, 'is_array')) : [];
    }

    /** How many deliveries are to be made again. */
    public static function waiting(): int
    {
        if (!function_exists('as_get_scheduled_actions')) {
            return 0;
        }
        return count(as_get_scheduled_actions([
            'hook' => self::AGAIN, 'status' => 'pending', 'per_page' => 1000,
        ], 'ids'));
    }
}
