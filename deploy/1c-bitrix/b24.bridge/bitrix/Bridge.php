<?php

declare(strict_types=1);

namespace B24Bridge;

use Bitrix\Main\Application;
use Bitrix\Main\Loader;
use Bitrix\Main\Type\DateTime as BitrixTime;
use Bitrix\Sale\Order;

/** What is sent, and when: the agent, cron, the sweeps. */
final class Bridge
{
    /** The agent's own call, by which the site knows it. */
    public const AGENT = '\B24Bridge\Bridge::agent();';
    /**
     * How far back the sweep looks beyond where it came last, in seconds: an order's transaction
     * may take that long.
     */
    private const OVERLAP = 600;
    /** How often it looks, in seconds. */
    private const REST = 60;
    private const PAGE = 200;
    /** The most products that are read in one go, and after a visitor's page. */
    private const PRODUCTS = 200;
    private const FEW = 20;
    /** The most pages of the catalogue that are gone through at a time. */
    private const PAGES = 5;

    public static function spool(): Spool
    {
        return new Spool(new BitrixDatabase());
    }

    public static function catalogue(): Catalogue
    {
        return new Catalogue(new BitrixDatabase(), self::spool());
    }

    /**
     * The agent. Where agents run from cron it sends; on a visitor's hit only when the page is
     * already delivered, so that nobody waits, and only for moments.
     */
    public static function agent(string $sapi = PHP_SAPI): string
    {
        if ($sapi === 'cli') {
            self::quietly(static function (): void {
                self::send(20);
            });
        } elseif (method_exists(Application::class, 'addBackgroundJob')) {
            self::quietly(static function (): void {
                Application::getInstance()->addBackgroundJob(static function (): void {
                    self::quietly(static function (): void {
                        self::send(1, self::FEW);
                    });
                });
            });
        }
        return self::AGENT;
    }

    /** @return array{sent: int, refused: int, trouble: ?string} */
    public static function send(int $seconds, int $products = self::PRODUCTS): array
    {
        if (!Settings::complete()) {
            return ['sent' => 0, 'refused' => 0, 'trouble' => 'the settings are not complete'];
        }
        $settings = Settings::read();
        self::quietly(static function (): void {
            self::sweep();
        });
        self::quietly(static function () use ($products): void {
            self::products($products);
        });
        $bridge = new Http($settings['url'], $settings['key']);
        return (new Sender(self::spool(), $bridge, null, $settings['forms']))->run($seconds);
    }

    /**
     * Spools what the handler missed: the `sale` module saves an order without a transaction of its
     * own, so a process may die between the order and the event; old code may write past the event.
     * An order that is in the spool already makes no second event.
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
        $since = BitrixTime::createFromTimestamp($from - self::OVERLAP);
        [$last, $seen] = [0, 0];
        do {
            // By id, so that a page ends nowhere inside a pile of orders changed in one second.
            $page = Order::getList([
                'select' => ['ID'],
                'filter' => ['>=DATE_UPDATE' => $since, '>ID' => $last],
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

    /** Reads the products that were marked, and spools those that are not as the bridge knows. */
    public static function products(int $most = self::PRODUCTS): int
    {
        $settings = Settings::read();
        if (!$settings['products'] || !BitrixProducts::there()) {
            return 0;
        }
        $products = new BitrixProducts($settings);
        self::quietly(static function () use ($products, $most): void {
            self::catalogue()->search($products, time(), $most < self::PRODUCTS ? 1 : self::PAGES);
        });
        return self::catalogue()->spool(
            $products,
            $settings['source'],
            time(),
            $most,
            static function (string $id, \Throwable $error): void {
                self::log("product $id: " . $error->getMessage());
            }
        );
    }

    /** Spools the order as it is. Without a shop's name it waits for the sweep. */
    public static function keep(Order $order): void
    {
        if (self::ours((string) $order->getField('LID')) && Settings::complete()) {
            $source = Settings::read()['source'];
            self::spool()->add(Snapshot::saved(BitrixOrders::fields($order), $source), time());
        }
    }

    /** Whether orders of this site (LID) are sent. */
    public static function ours(string $site): bool
    {
        $sites = Settings::read()['sites'];
        return $sites === [] || in_array($site, $sites, true);
    }

    /** Whatever happens here, the shop goes on; the sweep makes up for it. */
    public static function quietly(callable $what): void
    {
        try {
            $what();
        } catch (\Throwable $error) {
            self::log(get_class($error) . ': ' . $error->getMessage());
        }
    }

    /** Into the site's log, which few sites keep, and for the page of settings. */
    public static function log(string $words): void
    {
        AddMessage2Log('b24-bridge: ' . $words, Settings::MODULE);
        try {
            self::spool()->trouble((string) Charset::in($words), time());
        } catch (\Throwable $error) {
            // The database is what fails.
        }
    }
}
