<?php

declare(strict_types=1);

namespace B24Bridge;

/** WooCommerce's orders, known by their id. */
final class WooShop implements Shop
{
    private Spool $spool;

    public function __construct(Spool $spool)
    {
        $this->spool = $spool;
    }

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

    /**
     * The bridge knows WooCommerce's orders by their webhooks: it gets this one now, before it gets
     * the answer.
     */
    public function snapshot(string $number): ?array
    {
        foreach (Webhooks::all() as $webhook) {
            $active = $webhook->get_status() === 'active';
            if ($active && $webhook->get_topic() === 'order.updated') {
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
        return $this->spool->knows($id);
    }

    public function remember(string $id): void
    {
        $this->spool->remember($id, time());
    }

    private static function find(string $number): ?\WC_Order
    {
        $order = ctype_digit($number) ? wc_get_order((int) $number) : false;
        return $order instanceof \WC_Order ? $order : null;
    }
}
