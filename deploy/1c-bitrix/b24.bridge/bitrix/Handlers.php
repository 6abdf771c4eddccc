<?php

declare(strict_types=1);

namespace B24Bridge;

use Bitrix\Catalog\PriceTable;
use Bitrix\Main\Event;
use Bitrix\Sale\Order;

/** What hangs in the site. A handler writes one row and never fails: the shop goes on. */
final class Handlers
{
    /** Events that carry an object. */
    public const EVENTS = [
        ['sale', 'OnSaleOrderSaved', 'onOrderSaved'],
        ['sale', 'OnSaleOrderDeleted', 'onOrderDeleted'],
        ['catalog', 'Bitrix\Catalog\Model\Price::OnAfterAdd', 'onPrice'],
        ['catalog', 'Bitrix\Catalog\Model\Price::OnAfterUpdate', 'onPrice'],
        ['catalog', 'Bitrix\Catalog\Model\Price::OnDelete', 'onPriceDelete'],
        ['catalog', 'Bitrix\Catalog\Model\Price::OnAfterDelete', 'onPriceDeleted'],
        ['catalog', 'Bitrix\Catalog\Model\Product::OnAfterAdd', 'onGoods'],
        ['catalog', 'Bitrix\Catalog\Model\Product::OnAfterUpdate', 'onGoods'],
    ];
    /** Events of the older kind, which carry their arguments one by one. */
    public const OLDER = [
        ['iblock', 'OnAfterIBlockElementAdd', 'onElement'],
        ['iblock', 'OnAfterIBlockElementUpdate', 'onElement'],
        ['iblock', 'OnIBlockElementDelete', 'onElementDelete'],
        ['iblock', 'OnAfterIBlockElementDelete', 'onElementDeleted'],
        ['iblock', 'OnAfterIBlockElementSetPropertyValues', 'onProperties'],
        ['iblock', 'OnAfterIBlockElementSetPropertyValuesEx', 'onProperties'],
        ['catalog', 'OnPriceAdd', 'onOldPrice'],
        ['catalog', 'OnPriceUpdate', 'onOldPrice'],
        ['form', 'onAfterResultAdd', 'onForm'],
    ];

    /** @var array<int, string> products that are being deleted, by their elements */
    private static array $leaving = [];
    /** @var array<int, int> elements whose prices are being deleted, by the prices */
    private static array $unpriced = [];

    /** The order was saved: its snapshot goes into the spool, by the same connection. */
    public static function onOrderSaved(Event $event): void
    {
        Bridge::quietly(static function () use ($event): void {
            $order = $event->getParameter('ENTITY');
            if ($order instanceof Order) {
                Bridge::keep($order);
            }
        });
    }

    public static function onOrderDeleted(Event $event): void
    {
        Bridge::quietly(static function () use ($event): void {
            $order = $event->getParameter('ENTITY');
            // The event is sent for a deletion that failed, too.
            $gone = $event->getParameter('VALUE') !== false && $order instanceof Order;
            if (!$gone || !Settings::complete()) {
                return;
            }
            if (Bridge::ours((string) $order->getField('LID'))) {
                $fields = Charset::in([
                    'ID' => $order->getId(),
                    'ACCOUNT_NUMBER' => $order->getField('ACCOUNT_NUMBER'),
                ]);
                $now = new \DateTimeImmutable();
                $deleted = Snapshot::deleted($fields, Settings::read()['source'], $now);
                Bridge::spool()->add($deleted, $now->getTimestamp());
            }
        });
    }

    /**
     * An element was added or changed. It is called for what failed, too, and twice where a block
     * takes part in the workflow: for the element and for its copy.
     *
     * @param array<string, mixed> $fields
     */
    public static function onElement($fields): void
    {
        if (is_array($fields) && ($fields['RESULT'] ?? true) !== false) {
            self::mark((int) ($fields['ID'] ?? 0));
        }
    }

    /**
     * An element is about to go: what it is can still be read.
     *
     * @param int|string $id
     */
    public static function onElementDelete($id): void
    {
        $id = (int) $id;
        Bridge::quietly(static function () use ($id): void {
            $product = self::meant($id);
            if ($product !== null) {
                self::$leaving[$id] = $product;
                Bridge::catalogue()->mark($product, time());
            }
        });
    }

    /**
     * It is gone: a sender that looked in between has seen it there.
     *
     * @param array<string, mixed> $fields
     */
    public static function onElementDeleted($fields): void
    {
        $id = is_array($fields) ? (int) ($fields['ID'] ?? 0) : 0;
        Bridge::quietly(static function () use ($id): void {
            $product = self::$leaving[$id] ?? null;
            unset(self::$leaving[$id]);
            if ($product !== null) {
                Bridge::catalogue()->mark($product, time());
            }
        });
    }

    /**
     * Properties alone were written: an article, or whose variation it is.
     *
     * @param int|string $element
     */
    public static function onProperties($element): void
    {
        self::mark((int) $element);
    }

    /** A price: an update may carry what has changed and nothing else. */
    public static function onPrice(Event $event): void
    {
        $fields = $event->getParameter('fields');
        $product = is_array($fields) ? (int) ($fields['PRODUCT_ID'] ?? 0) : 0;
        self::markPriced((int) $event->getParameter('id'), $product);
    }

    /** A price is about to go: whose it is can still be read. */
    public static function onPriceDelete(Event $event): void
    {
        Bridge::quietly(static function () use ($event): void {
            if (Settings::read()['products'] && BitrixProducts::there()) {
                $price = (int) $event->getParameter('id');
                $row = PriceTable::getRowById($price);
                self::$unpriced[$price] = (int) ($row['PRODUCT_ID'] ?? 0);
            }
        });
    }

    public static function onPriceDeleted(Event $event): void
    {
        $price = (int) $event->getParameter('id');
        $element = self::$unpriced[$price] ?? 0;
        unset(self::$unpriced[$price]);
        self::mark($element);
    }

    /**
     * @param int|string $id
     * @param array<string, mixed> $fields
     */
    public static function onOldPrice($id, $fields = []): void
    {
        $product = is_array($fields) ? (int) ($fields['PRODUCT_ID'] ?? 0) : 0;
        self::markPriced((int) $id, $product);
    }

    /** VAT, unit, whether prices include VAT. */
    public static function onGoods(Event $event): void
    {
        self::mark((int) $event->getParameter('id'));
    }

    /**
     * @param int|string $form
     * @param int|string $result
     */
    public static function onForm($form, $result): void
    {
        Bridge::quietly(static function () use ($form, $result): void {
            $name = (string) (int) $form;
            $forms = Settings::read()['forms'];
            if (($forms[$name] ?? $forms['*'] ?? '') === '') {
                return;
            }
            $page = (string) Charset::in((string) ($_SERVER['HTTP_REFERER'] ?? ''));
            $fields = Form::fields(BitrixForms::answers((int) $result), $page);
            if ($fields !== []) {
                Bridge::spool()->addForm($name, $fields, time());
            }
        });
    }

    private static function markPriced(int $price, int $product): void
    {
        Bridge::quietly(static function () use ($price, $product): void {
            if (!Settings::read()['products'] || !BitrixProducts::there()) {
                return;
            }
            $row = $product === 0 ? PriceTable::getRowById($price) : null;
            self::mark($product === 0 ? (int) ($row['PRODUCT_ID'] ?? 0) : $product);
        });
    }

    private static function mark(int $element): void
    {
        Bridge::quietly(static function () use ($element): void {
            $product = self::meant($element);
            if ($product !== null) {
                Bridge::catalogue()->mark($product, time());
            }
        });
    }

    /** The product that an element is or belongs to, if products are sent. */
    private static function meant(int $element): ?string
    {
        $settings = Settings::read();
        if (!$settings['products'] || !BitrixProducts::there()) {
            return null;
        }
        return (new BitrixProducts($settings))->meant($element);
    }
}
