<?php

declare(strict_types=1);

namespace B24Bridge;

/** WooCommerce's products, as the bridge takes them. */
final class WooProducts implements Products
{
    /** The product that a post is, or whose variation it is; null: neither, or not yet one. */
    public static function meant(int $post): ?string
    {
        $type = get_post_type($post);
        if ($type === 'product_variation') {
            $post = (int) wp_get_post_parent_id($post);
            $type = $post === 0 ? '' : get_post_type($post);
        }
        if ($type !== 'product' || get_post_status($post) === 'auto-draft') {
            return null;
        }
        return (string) $post;
    }

    public function after(int $last, int $most, ?int $since): array
    {
        $query = [
            'post_type' => ['product', 'product_variation'], 'posts_per_page' => $most,
            'post_status' => ['publish', 'private', 'draft', 'pending', 'future'],
            'orderby' => 'ID', 'order' => 'ASC', 'suppress_filters' => false,
        ];
        if ($since !== null) {
            $query['date_query'] = [[
                'column' => 'post_modified_gmt', 'after' => gmdate('Y-m-d H:i:s', $since),
                'inclusive' => true,
            ]];
        }
        $behind = static function ($where) use ($last): string {
            global $wpdb;
            return $where . " AND {$wpdb->posts}.ID > $last";
        };
        add_filter('posts_where', $behind);
        try {
            $posts = get_posts($query);
        } finally {
            remove_filter('posts_where', $behind);
        }
        $found = [];
        foreach ($posts as $post) {
            $found[(int) $post->ID] = self::meant((int) $post->ID);
        }
        return $found;
    }

    public function product(string $id): ?array
    {
        $product = wc_get_product((int) $id);
        if (!$product instanceof \WC_Product || $product->get_status() === 'trash') {
            return null;
        }
        $text = trim((string) $product->get_description());
        $text = $text === '' ? trim((string) $product->get_short_description()) : $text;
        $data = self::present([
            'id' => $id,
            'sku' => self::cut((string) $product->get_sku('edit'), 255),
            'name' => self::name($product),
            'description' => self::cut($text, 200000),
            'section' => self::section($product->get_category_ids()),
            'prices' => self::prices($product),
            'vat' => self::vat($product),
            'barcode' => self::barcode($product),
        ]);
        $data['pictures'] = self::pictures($product);
        $data['vat_included'] = wc_prices_include_tax();
        $data['active'] = in_array($product->get_status(), ['publish', 'private'], true);
        if ($product->is_type('variable')) {
            foreach ($product->get_children() as $child) {
                $variation = wc_get_product($child);
                if ($variation instanceof \WC_Product && $variation->get_status() !== 'trash') {
                    $data['variations'][] = self::variation($variation);
                }
            }
            unset($data['prices']);
        }
        return $data;
    }

    /** @return array<string, mixed> */
    private static function variation(\WC_Product $variation): array
    {
        return self::present([
            'id' => (string) $variation->get_id(),
            // Without one of its own it would show the product's.
            'sku' => self::cut((string) $variation->get_sku('edit'), 255),
            'name' => self::name($variation),
            'prices' => self::prices($variation),
            'barcode' => self::barcode($variation),
            // The same of its picture; the product's stands with the product.
            'pictures' => self::addresses([$variation->get_image_id('edit')]),
        ]) + ['active' => $variation->get_status() === 'publish'];
    }

    /** Names are kept as they are shown: with HTML. */
    private static function name(\WC_Product $product): string
    {
        $text = wp_strip_all_tags((string) $product->get_name());
        $text = trim(html_entity_decode($text, ENT_QUOTES | ENT_HTML5, 'UTF-8'));
        // A product may be without a name; the bridge takes none such.
        return self::cut($text === '' ? '#' . $product->get_id() : $text, 255);
    }

    /** @return list<array<string, string>> the regular one: sales come and go */
    private static function prices(\WC_Product $product): array
    {
        $price = (string) $product->get_regular_price();
        $price = $price === '' ? (string) $product->get_price() : $price;
        if (!is_numeric($price)) {
            return [];
        }
        return [['price' => $price, 'currency' => get_woocommerce_currency()]];
    }

    /** The GTIN, UPC, EAN or ISBN, which shops have since WooCommerce 9.2. */
    private static function barcode(\WC_Product $product): string
    {
        if (!method_exists($product, 'get_global_unique_id')) {
            return '';
        }
        return self::cut(trim((string) $product->get_global_unique_id('edit')), 255);
    }

    /** @return list<array<string, string>> the main one first; none is said, too */
    private static function pictures(\WC_Product $product): array
    {
        return self::addresses(
            array_merge([$product->get_image_id()], $product->get_gallery_image_ids())
        );
    }

    /**
     * @param list<int|string> $images
     * @return list<array<string, string>>
     */
    private static function addresses(array $images): array
    {
        $pictures = [];
        foreach ($images as $id) {
            $url = (int) $id > 0 ? wp_get_attachment_url((int) $id) : false;
            if (is_string($url) && $url !== '') {
                $pictures[] = ['url' => $url];
            }
        }
        return $pictures;
    }

    /** In percent, where the shop's own place has exactly one rate. */
    private static function vat(\WC_Product $product): ?string
    {
        if (!wc_tax_enabled() || $product->get_tax_status() !== 'taxable') {
            return null;
        }
        $rates = array_values(\WC_Tax::get_base_tax_rates($product->get_tax_class()));
        $rate = count($rates) === 1 ? ($rates[0]['rate'] ?? null) : null;
        return is_numeric($rate) ? (string) (float) $rate : null;
    }

    /**
     * The longest way from the top: a product is in its category and often in those above it, too.
     *
     * @param list<int> $categories
     * @return list<string>
     */
    private static function section(array $categories): array
    {
        $longest = [];
        sort($categories);
        foreach ($categories as $category) {
            $path = array_reverse(get_ancestors($category, 'product_cat', 'taxonomy'));
            $names = [];
            foreach (array_merge($path, [$category]) as $id) {
                $term = get_term($id, 'product_cat');
                $name = $term instanceof \WP_Term ? $term->name : '';
                $names[] = html_entity_decode($name, ENT_QUOTES | ENT_HTML5, 'UTF-8');
            }
            $names = array_values(array_filter($names, 'strlen'));
            $longest = count($names) > count($longest) ? $names : $longest;
        }
        return $longest;
    }

    private static function cut(string $text, int $most): string
    {
        return mb_substr(str_replace("\0", '', $text), 0, $most, 'UTF-8');
    }

    /**
     * @param array<string, mixed> $members
     * @return array<string, mixed>
     */
    private static function present(array $members): array
    {
        return array_filter(
            $members,
            static fn ($value): bool => $value !== null && $value !== '' && $value !== []
        );
    }
}
