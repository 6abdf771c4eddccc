<?php

declare(strict_types=1);

// What the plugin uses of WooCommerce, Action Scheduler and the plugins for forms.

class WC_Order
{
    public int $saves = 0;

    public function __construct(
        public string $status,
        public bool $saved = true,
        public bool $paid = false
    ) {
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
    /** @var array<string, mixed> a new one is switched off */
    public array $data = [
        'status' => 'disabled', 'name' => '', 'secret' => '', 'api_version' => 3, 'user_id' => 0,
        'failure_count' => 0, 'topic' => '', 'delivery_url' => '',
    ];

    public function __construct(
        string $url = '',
        string $topic = '',
        public int $answer = 202,
        public int $id = 0
    ) {
        if ($url !== '') {
            $given = ['delivery_url' => $url, 'topic' => $topic, 'status' => 'active'];
            $this->data = $given + $this->data;
        }
    }

    /** @param list<mixed> $arguments */
    public function __call(string $name, array $arguments): mixed
    {
        [$verb, $field] = explode('_', $name, 2);
        if (!array_key_exists($field, $this->data)) {
            throw new BadMethodCallException("a webhook has no $field");
        }
        if ($verb === 'set') {
            $this->data[$field] = $arguments[0];
        }
        return $this->data[$field];
    }

    public function save(): int
    {
        $this->id = $this->id ?: count(World::$webhooks) + 100;
        World::$webhooks[$this->id] = $this;
        return $this->id;
    }

    public function deliver(int $order): void
    {
        apply_filters('woocommerce_webhook_http_args', [], $order, $this->id);
        $this->delivered[] = $order;
        $response = $this->answer === 0
            ? new WP_Error('http_request_failed', 'cURL error 28')
            : ['response' => ['code' => $this->answer], 'body' => ''];
        do_action('woocommerce_webhook_delivery', [], $response, 0.1, $order, $this->id);
    }
}

class WC_Data_Store
{
    public static function load(string $what): self
    {
        return new self();
    }

    /** @return list<int> */
    public function get_webhooks_ids(string $status = ''): array
    {
        return array_keys(array_filter(
            World::$webhooks,
            static fn (WC_Webhook $one): bool
                => $status === '' || $one->data['status'] === $status
        ));
    }
}

/** A product or a variation; what is not given is as in a fresh one. */
class WC_Product
{
    public string $modified;

    /** @param array<string, mixed> $data */
    public function __construct(public int $id, public array $data = [])
    {
        $this->data += [
            'type' => 'simple', 'status' => 'publish', 'parent' => 0, 'name' => '', 'sku' => '',
            'description' => '', 'short_description' => '', 'regular_price' => '', 'price' => '',
            'category_ids' => [], 'tax_status' => 'taxable', 'tax_class' => '', 'children' => [],
            'image_id' => '', 'gallery_image_ids' => [],
        ];
        $this->modified = gmdate('Y-m-d H:i:s');
    }

    public function get_id(): int
    {
        return $this->id;
    }

    /** A variation without an article shows its product's, unless it is read to be edited. */
    public function get_sku(string $context = 'view'): string
    {
        $parent = World::$products[$this->data['parent']] ?? null;
        $shown = $this->data['sku'] === '' && $context === 'view' && $parent !== null;
        return $shown ? $parent->data['sku'] : $this->data['sku'];
    }

    /** The same of its picture. */
    public function get_image_id(string $context = 'view'): string
    {
        $parent = World::$products[$this->data['parent']] ?? null;
        $shown = $this->data['image_id'] === '' && $context === 'view' && $parent !== null;
        return (string) ($shown ? $parent->data['image_id'] : $this->data['image_id']);
    }

    /** Since WooCommerce 9.2. */
    public function get_global_unique_id(string $context = 'view'): string
    {
        return $this->data['global_unique_id'] ?? '';
    }

    public function is_type(string $type): bool
    {
        return $this->data['type'] === $type;
    }

    /** @param list<mixed> $arguments */
    public function __call(string $name, array $arguments): mixed
    {
        $field = substr($name, 4);
        if (strncmp($name, 'get_', 4) !== 0 || !array_key_exists($field, $this->data)) {
            throw new BadMethodCallException("a product has no $field");
        }
        return $this->data[$field];
    }

    public function save(): void
    {
        $there = isset(World::$products[$this->id]);
        World::$products[$this->id] = $this;
        $kind = $this->data['parent'] > 0 ? 'product_variation' : 'product';
        do_action('woocommerce_' . ($there ? 'update' : 'new') . "_$kind", $this->id, $this);
    }

    /** The post is still there at the first hook, and gone at the last. */
    public function delete(): void
    {
        $kind = $this->data['parent'] > 0 ? 'product_variation' : 'product';
        $post = (object) ['post_type' => $kind, 'post_parent' => $this->data['parent']];
        do_action('before_delete_post', $this->id, $post);
        unset(World::$products[$this->id]);
        do_action('deleted_post', $this->id, $post);
    }
}

class WC_Tax
{
    /** @return array<int, array<string, mixed>> */
    public static function get_base_tax_rates(string $class): array
    {
        $rates = ['' => [1 => 20.0], 'reduced-rate' => [2 => 10.0], 'two' => [3 => 5.0, 4 => 7.0]];
        return array_map(static fn (float $rate): array => ['rate' => $rate], $rates[$class] ?? []);
    }
}

class WPCF7_Submission
{
    /** @var array<string, mixed> */
    public static array $posted = [];

    public static function get_instance(): self
    {
        return new self();
    }

    /** @return array<string, mixed> */
    public function get_posted_data(): array
    {
        return self::$posted;
    }

    /** @return array<string, list<string>> */
    public function uploaded_files(): array
    {
        return ['photo' => ['/tmp/x.jpg']];
    }

    public function get_meta(string $name): string
    {
        return 'https://shop.example/contacts/?utm_campaign=spring';
    }
}

function wc_get_order(int $id): WC_Order|false
{
    return World::$orders[$id] ?? false;
}

function wc_get_webhook(int $id): ?WC_Webhook
{
    return World::$webhooks[$id] ?? null;
}

function wc_get_product(int $id): WC_Product|false
{
    return World::$products[$id] ?? false;
}

function get_woocommerce_currency(): string
{
    return 'RUB';
}

function wc_prices_include_tax(): bool
{
    return true;
}

function wc_tax_enabled(): bool
{
    return true;
}

/** @return array<string, string> */
function wc_get_order_statuses(): array
{
    return [
        'wc-processing' => 'Processing', 'wc-completed' => 'Completed',
        'wc-cancelled' => 'Cancelled',
    ];
}

/** @return list<string> */
function wc_get_is_paid_statuses(): array
{
    return ['processing', 'completed'];
}

function wc_get_logger(): object
{
    return new class () {
        /** @param array<string, string> $context */
        public function error(string $words, array $context): void
        {
            World::$log[] = $words;
        }
    };
}

/** @param list<int> $arguments */
function as_schedule_single_action(int $at, string $hook, array $arguments, string $group): int
{
    World::$scheduled[] = [$at - time(), $hook, $arguments];
    return count(World::$scheduled);
}

function as_schedule_recurring_action(
    int $at,
    int $seconds,
    string $hook,
    array $arguments,
    string $group,
    bool $unique
): int {
    World::$soon[] = "$hook each $seconds s";
    return 1;
}

function as_enqueue_async_action(string $hook, array $arguments, string $group, bool $unique): int
{
    World::$soon[] = $hook;
    return 1;
}

function as_has_scheduled_action(string $hook, ?array $arguments, string $group): bool
{
    $known = array_filter(
        World::$soon,
        static fn (string $one): bool => strncmp($one, "$hook ", strlen($hook) + 1) === 0
    );
    return $known !== [];
}

function as_unschedule_all_actions(string $hook, array $arguments, string $group): void
{
    World::$soon = array_values(array_filter(
        World::$soon,
        static fn (string $one): bool => explode(' ', $one)[0] !== $hook
    ));
}

/** @param array<string, mixed> $query @return list<int> */
function as_get_scheduled_actions(array $query, string $shape): array
{
    return array_keys(array_filter(
        World::$scheduled,
        static fn (array $one): bool => $one[1] === $query['hook']
    ));
}
