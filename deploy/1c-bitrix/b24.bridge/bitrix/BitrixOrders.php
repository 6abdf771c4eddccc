<?php

declare(strict_types=1);

namespace B24Bridge;

use Bitrix\Catalog\StoreTable;
use Bitrix\Main\Config\Option;
use Bitrix\Main\Loader;
use Bitrix\Main\Type\DateTime as BitrixTime;
use Bitrix\Main\UserTable;
use Bitrix\Sale\Order;
use Bitrix\Sale\OrderStatus;

/** The `sale` module's orders, as plain arrays; and the one thing that is done to them. */
final class BitrixOrders implements Shop
{
    private Spool $spool;

    public function __construct(Spool $spool)
    {
        Loader::requireModule('sale');
        $this->spool = $spool;
    }

    /**
     * Everything that a snapshot is made of, in UTF-8.
     *
     * @return array<string, mixed>
     */
    public static function fields(Order $order): array
    {
        $fields = self::values($order->getFields()->getValues());
        $fields['ID'] = $order->getId();
        $fields['PRICE'] = $order->getPrice();
        $fields['PRICE_DELIVERY'] = $order->getDeliveryPrice();
        $fields['basket'] = [];
        foreach ($order->getBasket() as $item) {
            // What is inside a set is in the set's own price.
            if (!method_exists($item, 'isBundleChild') || !$item->isBundleChild()) {
                $row = self::values($item->getFields()->getValues());
                $row['properties'] = [];
                $chosen = $item->getPropertyCollection()->getPropertyValues();
                foreach ($chosen as $code => $property) {
                    if (in_array((string) $code, ['ARTNUMBER', 'ARTICLE', 'CML2_ARTICLE'], true)) {
                        $row['ARTICLE'] = $property['VALUE'] ?? null;
                    }
                    $row['properties'][] = [
                        'CODE' => (string) $code,
                        'NAME' => $property['NAME'] ?? null,
                        'VALUE' => $property['VALUE'] ?? null,
                    ];
                }
                $fields['basket'][] = $row;
            }
        }
        $fields['properties'] = [];
        foreach ($order->getPropertyCollection() as $property) {
            $about = $property->getProperty();
            $fields['properties'][] = [
                'CODE' => $about['CODE'] ?? '',
                'VALUE' => $property->getValue(),
                'IS_EMAIL' => $about['IS_EMAIL'] ?? 'N',
                'IS_PHONE' => $about['IS_PHONE'] ?? 'N',
                'IS_PAYER' => $about['IS_PAYER'] ?? 'N',
                'IS_PROFILE_NAME' => $about['IS_PROFILE_NAME'] ?? 'N',
                'IS_ADDRESS' => $about['IS_ADDRESS'] ?? 'N',
            ];
        }
        $fields['shipments'] = [];
        foreach ($order->getShipmentCollection() as $shipment) {
            if (!$shipment->isSystem()) {
                $row = self::values($shipment->getFields()->getValues());
                $taxed = method_exists($shipment, 'getVatRate');
                $row['VAT_RATE'] = $taxed ? $shipment->getVatRate() : null;
                $fields['shipments'][] = $row + self::store((int) $shipment->getStoreId());
            }
        }
        $fields['payments'] = [];
        foreach ($order->getPaymentCollection() as $payment) {
            $fields['payments'][] = self::values($payment->getFields()->getValues());
        }
        $fields['anonymous'] = self::anonymous((int) $order->getUserId());
        $fields['user'] = UserTable::getRowById((int) $order->getUserId()) ?: [];
        return Charset::in($fields);
    }

    /**
     * The store where a shipment is fetched; nothing if there is none, or the shop has no stores.
     *
     * @return array<string, mixed>
     */
    private static function store(int $id): array
    {
        if ($id === 0 || !Loader::includeModule('catalog')) {
            return [];
        }
        $store = StoreTable::getRowById($id) ?: [];
        return [
            'STORE_ID' => $id,
            'STORE_TITLE' => $store['TITLE'] ?? null,
            'STORE_ADDRESS' => $store['ADDRESS'] ?? null,
        ];
    }

    /**
     * The user that stands for all guests. Asking the `sale` module itself would make one where
     * there is none.
     */
    private static function anonymous(int $user): bool
    {
        return $user === 0 || $user === (int) Option::get('sale', 'anonymous_user_id', '0');
    }

    public function order(string $number): ?array
    {
        $order = self::find($number);
        if ($order === null) {
            return null;
        }
        $at = $order->getField('DATE_STATUS');
        return [
            'status' => (string) $order->getField('STATUS_ID'),
            'status_changed_at' => $at instanceof BitrixTime ? $at->format('c') : null,
            'paid' => $order->getField('PAYED') === 'Y',
            'cancelled' => $order->getField('CANCELED') === 'Y',
            'paid_statuses' => Settings::read()['paid_statuses'],
        ];
    }

    public function snapshot(string $number): ?array
    {
        $order = self::find($number);
        return $order === null ? null : Snapshot::data(self::fields($order));
    }

    public function setStatus(string $number, string $status, string $note): void
    {
        if (!in_array($status, OrderStatus::getAllStatuses(), true)) {
            throw new Refused("the shop has no status `$status`");
        }
        $order = self::find($number);
        if ($order === null) {
            throw new Refused('there is no such order');
        }
        $result = $order->setField('STATUS_ID', $status);
        if ($result->isSuccess()) {
            $result = $order->save();
        }
        if (!$result->isSuccess()) {
            throw new Refused((string) Charset::in(implode(' ', $result->getErrorMessages())));
        }
    }

    private static function find(string $number): ?Order
    {
        $order = Order::loadByAccountNumber((string) Charset::out($number));
        return $order instanceof Order ? $order : null;
    }

    public function knows(string $id): bool
    {
        return $this->spool->knows($id);
    }

    public function remember(string $id): void
    {
        $this->spool->remember($id, time());
    }

    /**
     * Bitrix's moments as PHP's.
     *
     * @param array<string, mixed> $values
     * @return array<string, mixed>
     */
    private static function values(array $values): array
    {
        foreach ($values as $name => $value) {
            if ($value instanceof BitrixTime) {
                $values[$name] = (new \DateTimeImmutable())->setTimestamp($value->getTimestamp());
            }
        }
        return $values;
    }
}
