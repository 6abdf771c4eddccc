<?php

declare(strict_types=1);

namespace B24Bridge;

use Bitrix\Main\Event;
use Bitrix\Main\EventManager;
use Bitrix\Main\Loader;
use Bitrix\Main\Type\DateTime as BitrixTime;
use Bitrix\Sale\Order;

/** What hangs in the site: event handlers, the agent, and what they share. */
final class Bridge
{
    /** How far back the sweep looks beyond where it came last, in seconds: an order's transaction may take that long. */
    private const OVERLAP = 600;
    /** How often it looks, in seconds. */
    private const REST = 60;
    private const PAGE = 200;

    /** @return array{url: string, key: string, source: string, callback_secret: string, sites: list<string>} */
    public static function config(): array
    {
        return require dirname(__DIR__) . '/config.php';
    }

    public static function spool(): Spool
    {
        return new Spool(new BitrixDatabase());
    }

    /** Hangs in the handlers. Called from `init.php`. */
    public static function register(): void
    {
        $events = EventManager::getInstance();
        $events->addEventHandler('sale', 'OnSaleOrderSaved', [self::class, 'onSaved']);
        $events->addEventHandler('sale', 'OnSaleOrderDeleted', [self::class, 'onDeleted']);
    }

    /** The order was saved: its snapshot goes into the spool, by the same connection. */
    public static function onSaved(Event $event): void
    {
        self::quietly(static function () use ($event): void {
            $order = $event->getParameter('ENTITY');
            if ($order instanceof Order) {
                self::keep($order);
            }
        });
    }

    public static function onDeleted(Event $event): void
    {
        self::quietly(static function () use ($event): void {
            $order = $event->getParameter('ENTITY');
            // The event is sent for a deletion that failed, too.
            if ($event->getParameter('VALUE') !== false && $order instanceof Order && self::ours((string) $order->getField('LID'))) {
                $fields = ['ID' => $order->getId(), 'ACCOUNT_NUMBER' => $order->getField('ACCOUNT_NUMBER')];
                $now = new \DateTimeImmutable();
                self::spool()->add(Snapshot::deleted($fields, self::config()['source'], $now), $now->getTimestamp());
            }
        });
    }

    /** The agent. Sends only from the command line: on a visitor's hit it would make the visitor wait. */
    public static function agent(string $sapi = PHP_SAPI): string
    {
        if ($sapi === 'cli') {
            self::quietly(static function (): void {
                self::send(20);
            });
        }
        return '\B24Bridge\Bridge::agent();';
    }

    /** @return array{sent: int, refused: int, trouble: ?string} */
    public static function send(int $seconds): array
    {
        $config = self::config();
        self::quietly(static function (): void {
            self::sweep();
        });
        return (new Sender(self::spool(), new Http($config['url'], $config['key'])))->run($seconds);
    }

    /**
     * Spools what the handler missed: the `sale` module saves an order without a transaction of its own, so a process may die between the
     * order and the event; old code may write past the event. An order that is in the spool already makes no second event.
     */
    public static function sweep(): int
    {
        Loader::requireModule('sale');
        $spool = self::spool();
        $now = time();
        $from = $spool->state('swept_until');
        if ($from === 0) {
            $spool->setState('swept_until', $now);
            return 0;
        }
        if ($now - $from < self::REST) {
            return 0;
        }
        [$last, $seen] = [0, 0];
        do {
            // By id, so that a page ends nowhere inside a pile of orders changed in one second.
            $page = Order::getList([
                'select' => ['ID'],
                'filter' => ['>=DATE_UPDATE' => BitrixTime::createFromTimestamp($from - self::OVERLAP), '>ID' => $last],
                'order' => ['ID' => 'ASC'],
                'limit' => self::PAGE,
            ])->fetchAll();
            foreach ($page as $row) {
                $last = (int) $row['ID'];
                // One order that cannot be read holds up no other; the overlap comes back to it.
                self::quietly(static function () use ($last): void {
                    $order = Order::load($last);
                    if ($order instanceof Order) {
                        self::keep($order);
                    }
                });
            }
            $seen += count($page);
        } while (count($page) === self::PAGE);
        $spool->setState('swept_until', $now);
        return $seen;
    }

    /** The next sweep goes back to this moment: older orders are sent, too. */
    public static function since(int $moment): void
    {
        self::spool()->setState('swept_until', max(1, $moment));
    }

    private static function keep(Order $order): void
    {
        if (self::ours((string) $order->getField('LID'))) {
            $event = Snapshot::saved(BitrixOrders::fields($order), self::config()['source']);
            self::spool()->add($event, time());
        }
    }

    private static function ours(string $site): bool
    {
        $sites = self::config()['sites'];
        return $sites === [] || in_array($site, $sites, true);
    }

    /** Whatever happens here, the shop goes on; the sweep makes up for it. */
    private static function quietly(callable $what): void
    {
        try {
            $what();
        } catch (\Throwable $error) {
            AddMessage2Log('b24-bridge: ' . get_class($error) . ': ' . $error->getMessage(), 'sale');
        }
    }
}
