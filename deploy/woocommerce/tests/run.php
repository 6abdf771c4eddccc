<?php

declare(strict_types=1);

// php tests/run.php: the plugin with stand-ins for what it uses of WordPress and WooCommerce.

namespace {
    define('ABSPATH', __DIR__);
    define('DAY_IN_SECONDS', 86400);
    define('B24_BRIDGE_SECRET', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');

    final class World
    {
        /** @var array<string, callable> */
        public static array $hooks = [];
        /** @var array<int, WC_Order> */
        public static array $orders = [];
        /** @var array<int, WC_Webhook> */
        public static array $webhooks = [];
        /** @var array<string, string> */
        public static array $transients = [];
        /** @var list<array{0: int, 1: string, 2: list<int>}> */
        public static array $scheduled = [];
        /** @var callable|null */
        public static $route;
    }

    class WC_Order
    {
        public int $saves = 0;

        public function __construct(public string $status, public bool $saved = true, public bool $paid = false)
        {
        }

        public function get_date_paid(): ?DateTimeImmutable
        {
            return $this->paid ? new DateTimeImmutable('2026-01-15T09:00:00+03:00') : null;
        }

        public function get_status(): string
        {
            return $this->status;
        }

        public function get_date_modified(): ?DateTimeImmutable
        {
            return new DateTimeImmutable('2026-01-15T10:00:00+03:00');
        }

        public function update_status(string $status, string $note, bool $manual): bool
        {
            if ($this->saved) {
                $this->status = $status;
                $this->saves++;
            }
            return $this->saved;
        }
    }

    class WC_Webhook
    {
        /** @var list<int> */
        public array $delivered = [];

        public function __construct(public string $url, public string $topic, public int $answer = 202, public int $id = 1)
        {
        }

        public function get_delivery_url(): string
        {
            return $this->url;
        }

        public function get_topic(): string
        {
            return $this->topic;
        }

        public function get_status(): string
        {
            return 'active';
        }

        public function deliver(int $order): void
        {
            (World::$hooks['woocommerce_webhook_http_args'])([], $order, $this->id);
            $this->delivered[] = $order;
            (World::$hooks['woocommerce_webhook_delivery'])([], $this->answer, 0.1, $order, $this->id);
        }
    }

    class WC_Data_Store
    {
        public static function load(string $what): self
        {
            return new self();
        }

        /** @return list<int> */
        public function get_webhooks_ids(string $status): array
        {
            return array_keys(World::$webhooks);
        }
    }

    class WP_REST_Request
    {
        /** @param array<string, string> $headers */
        public function __construct(private array $headers, private string $body)
        {
        }

        public function get_header(string $name): ?string
        {
            return $this->headers[$name] ?? null;
        }

        public function get_body(): string
        {
            return $this->body;
        }
    }

    class WP_REST_Response
    {
        /** @param array<string, mixed> $data */
        public function __construct(public array $data, public int $status)
        {
        }
    }

    function add_action(string $hook, callable $what, int $priority = 10, int $arguments = 1): void
    {
        World::$hooks[$hook] = $what;
    }

    function add_filter(string $hook, callable $what, int $priority = 10, int $arguments = 1): void
    {
        World::$hooks[$hook] = $what;
    }

    /** @param array<string, mixed> $options */
    function register_rest_route(string $space, string $route, array $options): void
    {
        World::$route = $options['callback'];
    }

    function wc_get_order(int $id): WC_Order|false
    {
        return World::$orders[$id] ?? false;
    }

    function wc_get_webhook(int $id): ?WC_Webhook
    {
        return World::$webhooks[$id] ?? null;
    }

    /** @return array<string, string> */
    function wc_get_order_statuses(): array
    {
        return ['wc-processing' => 'Processing', 'wc-completed' => 'Completed', 'wc-cancelled' => 'Cancelled'];
    }

    /** @return list<string> */
    function wc_get_is_paid_statuses(): array
    {
        return ['processing', 'completed'];
    }

    function get_transient(string $name): string|false
    {
        return World::$transients[$name] ?? false;
    }

    function set_transient(string $name, string $value, int $seconds): void
    {
        World::$transients[$name] = $value;
    }

    function wp_strip_all_tags(string $text): string
    {
        return strip_tags($text);
    }

    function wp_remote_retrieve_response_code(int $response): int
    {
        return $response;
    }

    /** @param list<int> $arguments */
    function as_schedule_single_action(int $at, string $hook, array $arguments, string $group): void
    {
        World::$scheduled[] = [$at - time(), $hook, $arguments];
    }
}

namespace B24Bridge\Tests {
    use B24Bridge\Signature;
    use B24Bridge\Webhooks;
    use WC_Order;
    use WC_Webhook;
    use World;
    use WP_REST_Request;

    require dirname(__DIR__) . '/b24-bridge/b24-bridge.php';
    (World::$hooks['rest_api_init'])();

    /** @param mixed $wanted @param mixed $found */
    function same($wanted, $found): void
    {
        if ($wanted !== $found) {
            throw new \RuntimeException('wanted ' . var_export($wanted, true) . ', found ' . var_export($found, true));
        }
    }

    /** @param list<string>|null $denies */
    function call(string $id, string $status, string $previous, ?string $secret = null, ?array $denies = null): int
    {
        $data = $denies === null ? [] : ['denies' => $denies];
        $data += ['number' => '727', 'status' => $status, 'previous_status' => $previous, 'reason' => '<b>moved</b>'];
        $body = (string) json_encode(['type' => 'bridge.order.status.v1', 'data' => $data]);
        $signature = (new Signature($secret ?? B24_BRIDGE_SECRET))->sign($id, time(), $body);
        $headers = ['webhook-id' => $id, 'webhook-timestamp' => (string) time(), 'webhook-signature' => $signature];
        return (World::$route)(new WP_REST_Request($headers, $body))->status;
    }

    $tests = [
        'a status is set once, and a wrong signature sets nothing' => function (): void {
            World::$orders[727] = new WC_Order('processing');
            same(401, call('m1', 'completed', 'processing', 'whsec_AAAA'));
            same(200, call('m1', 'completed', 'processing'));
            same(200, call('m1', 'completed', 'processing'));
            same(['completed', 1], [World::$orders[727]->status, World::$orders[727]->saves]);
        },
        'an order that went elsewhere is sent to the bridge before 409 is answered' => function (): void {
            World::$orders[727] = new WC_Order('refunded');
            World::$webhooks = [
                1 => new WC_Webhook('https://bridge.example/v1/woocommerce/main', 'order.updated'),
                2 => new WC_Webhook('https://bridge.example/v1/woocommerce/main', 'order.created', 202, 2),
                3 => new WC_Webhook('https://other.example/', 'order.updated', 202, 3),
            ];
            same(409, call('m2', 'completed', 'processing'));
            same([[727], [], []], array_map(static fn (WC_Webhook $webhook): array => $webhook->delivered, array_values(World::$webhooks)));
            same(0, World::$orders[727]->saves);
        },
        'a paid order is not cancelled, whether the message says what it denies or not' => function (): void {
            World::$webhooks = [];
            World::$orders[727] = new WC_Order('processing', true, true);
            same(409, call('p1', 'cancelled', 'processing'));
            same(409, call('p2', 'cancelled', 'processing', null, ['paid', 'delivered']));
            same(0, World::$orders[727]->saves);
            same(200, call('p3', 'completed', 'processing'));
            World::$orders[727] = new WC_Order('processing', true, true);
            same(200, call('p4', 'cancelled', 'processing', null, []));
            same('cancelled', World::$orders[727]->status);
        },
        'what the shop has not or does not save is refused' => function (): void {
            World::$orders[727] = new WC_Order('processing', false);
            same(422, call('m3', 'completed', 'processing'));
            same(422, call('m4', 'shipped', 'processing'));
            World::$orders = [];
            same(404, call('m5', 'completed', 'processing'));
        },
        'a failed delivery is tried again with growing pauses, others\' are left alone' => function (): void {
            World::$scheduled = [];
            $webhook = new WC_Webhook('https://bridge.example/v1/woocommerce/main', 'order.updated', 503);
            World::$webhooks = [1 => $webhook, 3 => new WC_Webhook('https://other.example/', 'order.updated', 500, 3)];
            World::$webhooks[3]->deliver(5);
            same([], World::$scheduled);
            $webhook->deliver(727);
            same([30, Webhooks::AGAIN, [1, 727, 1]], World::$scheduled[0]);
            (World::$hooks[Webhooks::AGAIN])(...World::$scheduled[0][2]);
            same([60, Webhooks::AGAIN, [1, 727, 2]], World::$scheduled[1]);
            $webhook->answer = 202;
            (World::$hooks[Webhooks::AGAIN])(1, 727, 9);
            $webhook->answer = 422;
            $webhook->deliver(727);
            same(2, count(World::$scheduled));
        },
        'our webhook alone is not switched off' => function (): void {
            $most = World::$hooks['woocommerce_max_webhook_delivery_failures'];
            World::$webhooks = [1 => new WC_Webhook('https://bridge.example/v1/woocommerce/main', 'order.updated')];
            (World::$hooks['woocommerce_webhook_http_args'])([], 1, 1);
            same(PHP_INT_MAX, $most(5));
            (World::$hooks['woocommerce_webhook_http_args'])([], 1, 9);
            same(5, $most(5));
        },
    ];

    $failed = 0;
    foreach ($tests as $name => $test) {
        try {
            $test();
            echo "ok    $name\n";
        } catch (\Throwable $error) {
            $failed++;
            echo "FAIL  $name\n      {$error->getMessage()} ({$error->getFile()}:{$error->getLine()})\n";
        }
    }
    echo count($tests) . " tests, $failed failed\n";
    exit($failed === 0 ? 0 : 1);
}
