<?php

declare(strict_types=1);

// What the plugin uses of WordPress, WooCommerce and the plugins for forms, over SQLite.

define('ABSPATH', __DIR__);
define('DAY_IN_SECONDS', 86400);

final class World
{
    /** @var array<string, list<callable>> */
    public static array $hooks = [];
    /** @var array<int, WC_Order> */
    public static array $orders = [];
    /** @var array<int, WC_Webhook> */
    public static array $webhooks = [];
    /** @var array<string, mixed> */
    public static array $options = [];
    /** @var list<array{0: int, 1: string, 2: list<int>}> */
    public static array $scheduled = [];
    /** @var list<string> hooks that Action Scheduler runs soon, or again and again */
    public static array $soon = [];
    /** @var array<int, WC_Product> by their posts */
    public static array $products = [];
    /** @var array<int, string> */
    public static array $categories = [];
    /** @var list<array{0: string, 1: string, 2: array<string, mixed>}> what was asked by HTTP */
    public static array $asked = [];
    /** @var array<string, array{0: int, 1: string}> answers by the beginnings of addresses */
    public static array $answers = [];
    /** @var list<string> */
    public static array $log = [];
    /** @var callable|null */
    public static $route;
    public static string $locale = 'en_US';
    public static bool $allowed = true;
    public static ?string $menu = null;

    public static function fresh(): void
    {
        self::$orders = self::$webhooks = self::$options = self::$scheduled = [];
        self::$soon = self::$products = self::$categories = self::$asked = self::$log = [];
        self::$answers = [];
        self::$locale = 'en_US';
        self::$allowed = true;
        $_POST = [];
        $_SERVER['REQUEST_METHOD'] = 'GET';
        $GLOBALS['wpdb'] = new wpdb();
        // What happens once in a request happens once in a test.
        (new ReflectionProperty(B24Bridge\Plugin::class, 'asked'))->setValue(null, false);
    }
}

/** MySQL's dialect over SQLite. Errors are told by an answer and by `last_error`. */
class wpdb
{
    public string $prefix = 'wp7_';
    public string $posts = 'wp7_posts';
    public string $last_error = '';
    public PDO $pdo;
    public bool $broken = false;
    private const ESCAPED = '{f00f00}';

    public function __construct()
    {
        $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION];
        $this->pdo = new PDO('sqlite::memory:', null, null, $options);
    }

    public function suppress_errors(bool $quiet): bool
    {
        return false;
    }

    /** As in WordPress, a percent sign is hidden until the query is made. */
    public function prepare(string $format, string $value): string
    {
        $value = str_replace(["'", '%'], ["''", self::ESCAPED], $value);
        return str_replace('%s', "'$value'", $format);
    }

    private function translated(string $sql): string
    {
        if ($this->broken) {
            throw new PDOException('the server has gone away');
        }
        $sql = str_replace(self::ESCAPED, '%', $sql);
        if (preg_match('/^SHOW COLUMNS FROM (\w+)$/', $sql, $parts) === 1) {
            return "SELECT name AS Field FROM pragma_table_info('$parts[1]')";
        }
        return strtr($sql, [
            'INSERT IGNORE' => 'INSERT OR IGNORE',
            'BIGINT AUTO_INCREMENT PRIMARY KEY' => 'INTEGER PRIMARY KEY AUTOINCREMENT',
            ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4' => '',
        ]);
    }

    public function query(string $sql): int|bool
    {
        $this->last_error = '';
        try {
            $changed = (int) $this->pdo->exec($this->translated($sql));
            return preg_match('/^\s*(CREATE|ALTER|DROP)/', $sql) === 1 ? true : $changed;
        } catch (PDOException $error) {
            $this->last_error = $error->getMessage();
            return false;
        }
    }

    /** @return list<array<string, string|null>> numbers come as texts; an error is an empty list */
    public function get_results(string $sql, string $shape): array
    {
        $this->last_error = '';
        try {
            $rows = $this->pdo->query($this->translated($sql))->fetchAll(PDO::FETCH_ASSOC);
        } catch (PDOException $error) {
            $this->last_error = $error->getMessage();
            return [];
        }
        return array_map(static fn (array $row): array => array_map(
            static fn ($value): ?string => $value === null ? null : (string) $value,
            $row
        ), $rows);
    }
}

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

class WP_Term
{
    public function __construct(public int $term_id, public string $name)
    {
    }
}

class WP_Error
{
    public function __construct(private string $code, private string $words)
    {
    }

    public function get_error_message(): string
    {
        return $this->words;
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

function add_action(string $hook, callable $what, int $priority = 10, int $arguments = 1): void
{
    World::$hooks[$hook][] = static fn (mixed ...$given): mixed
        => $what(...array_slice($given, 0, $arguments));
}

function add_filter(string $hook, callable $what, int $priority = 10, int $arguments = 1): void
{
    add_action($hook, $what, $priority, $arguments);
}

/** Takes the last one away: nothing here adds two that differ. */
function remove_filter(string $hook, callable $what): bool
{
    array_pop(World::$hooks[$hook]);
    return true;
}

function do_action(string $hook, mixed ...$arguments): void
{
    foreach (World::$hooks[$hook] ?? [] as $what) {
        $what(...$arguments);
    }
}

function apply_filters(string $hook, mixed $value, mixed ...$arguments): mixed
{
    foreach (World::$hooks[$hook] ?? [] as $what) {
        $value = $what($value, ...$arguments);
    }
    return $value;
}

function register_activation_hook(string $file, callable $what): void
{
    add_action('activate', $what);
}

function register_deactivation_hook(string $file, callable $what): void
{
    add_action('deactivate', $what);
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

function wc_get_product(int $id): WC_Product|false
{
    return World::$products[$id] ?? false;
}

/** @param array<string, mixed> $query @return list<object> */
function get_posts(array $query): array
{
    $where = $query['suppress_filters'] ? '' : apply_filters('posts_where', '');
    $last = preg_match('/ AND wp7_posts\.ID > (\d+)$/', $where, $parts) === 1 ? (int) $parts[1] : 0;
    $since = $query['date_query'][0]['after'] ?? '';
    $found = array_filter(
        World::$products,
        static fn (WC_Product $one): bool
            => in_array($one->data['status'], $query['post_status'], true)
            && $one->modified >= $since && $one->id > $last
    );
    ksort($found);
    return array_map(
        static fn (WC_Product $one): object => (object) ['ID' => (string) $one->id],
        array_slice($found, 0, $query['posts_per_page'])
    );
}

function get_post_type(int $post): string|false
{
    $product = World::$products[$post] ?? null;
    if ($product === null) {
        return $post === 5 ? 'page' : false;
    }
    return $product->data['parent'] > 0 ? 'product_variation' : 'product';
}

function get_post_status(int $post): string|false
{
    return World::$products[$post]->data['status'] ?? false;
}

function wp_get_post_parent_id(int $post): int
{
    return World::$products[$post]->data['parent'] ?? 0;
}

/** @return list<int> from the nearest to the top */
function get_ancestors(int $term, string $taxonomy, string $kind): array
{
    return $term === 8 ? [7] : [];
}

function get_term(int $term, string $taxonomy): ?WP_Term
{
    $name = World::$categories[$term] ?? null;
    return $name === null ? null : new WP_Term($term, $name);
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

function home_url(string $path): string
{
    return 'https://shop.example' . $path;
}

function rest_url(string $path): string
{
    return 'https://shop.example/wp-json/' . $path;
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

function get_option(string $name, mixed $usual = false): mixed
{
    return World::$options[$name] ?? $usual;
}

function update_option(string $name, mixed $value, bool $autoload = true): bool
{
    World::$options[$name] = $value;
    return true;
}

function delete_option(string $name): bool
{
    unset(World::$options[$name]);
    return true;
}

function get_user_locale(): string
{
    return World::$locale;
}

function get_current_user_id(): int
{
    return 42;
}

function current_user_can(string $what): bool
{
    return World::$allowed && $what === 'manage_woocommerce';
}

function check_admin_referer(string $action): void
{
    if (($_POST['_wpnonce'] ?? '') !== $action) {
        throw new DomainException('The link you followed has expired.');
    }
}

function wp_nonce_field(string $action): void
{
    echo '<input type="hidden" name="_wpnonce" value="' . $action . '">';
}

function add_submenu_page(string ...$arguments): void
{
}

/** WordPress puts slashes before quotes in whatever comes in. */
function wp_unslash(mixed $value): mixed
{
    return is_array($value) ? array_map('wp_unslash', $value) : stripslashes((string) $value);
}

function esc_html(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES);
}

function esc_attr(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES);
}

function esc_textarea(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES);
}

function wp_strip_all_tags(string $text): string
{
    return trim(strip_tags($text));
}

function wp_date(string $format, int $at): string
{
    return date($format, $at);
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

function is_wp_error(mixed $thing): bool
{
    return $thing instanceof WP_Error;
}

/** @param array<string, mixed>|WP_Error $answer as in WordPress, an error has no code */
function wp_remote_retrieve_response_code(mixed $answer): int|string
{
    return is_array($answer) ? $answer['response']['code'] : '';
}

/** @param array<string, mixed>|WP_Error $answer */
function wp_remote_retrieve_body(mixed $answer): string
{
    return is_array($answer) ? $answer['body'] : '';
}

/** @param array<string, mixed> $request @return array<string, mixed>|WP_Error */
function wp_remote_post(string $url, array $request): array|WP_Error
{
    return world_asked('POST', $url, $request);
}

/** @param array<string, mixed> $request @return array<string, mixed>|WP_Error */
function wp_remote_get(string $url, array $request): array|WP_Error
{
    return world_asked('GET', $url, $request);
}

/** Addresses of the server's own network are refused. */
function wp_safe_remote_post(string $url, array $request): array|WP_Error
{
    if (preg_match('/\/\/(127|10|192\.168)\./', $url) === 1) {
        return new WP_Error('http_request_failed', 'A valid URL was not provided.');
    }
    return world_asked('POST', $url, $request);
}

/** @param array<string, mixed> $request @return array<string, mixed>|WP_Error */
function world_asked(string $method, string $url, array $request): array|WP_Error
{
    World::$asked[] = [$method, $url, $request];
    foreach (World::$answers as $beginning => [$status, $body]) {
        if (strncmp($url, $beginning, strlen($beginning)) === 0) {
            return $status === 0
                ? new WP_Error('http_request_failed', $body)
                : ['response' => ['code' => $status], 'body' => $body];
        }
    }
    $events = json_decode((string) ($request['body'] ?? ''), true);
    $results = array_fill(0, is_array($events) ? count($events) : 0, ['result' => 'queued']);
    $body = (string) json_encode(['results' => $results]);
    $status = strpos($url, '/v1/events') !== false ? 202 : 200;
    return ['response' => ['code' => $status], 'body' => $body];
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
