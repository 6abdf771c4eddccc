<?php

declare(strict_types=1);

namespace B24Bridge;

/** What the receiver needs to know of a shop. */
interface Shop
{
    /**
     * The order as it is now, or null. `paid_statuses` are those that do not deny a payment.
     *
     * @return array{status: string, status_changed_at: ?string, paid?: bool, cancelled?: bool,
     *     delivered?: bool, paid_statuses?: list<string>}|null
     */
    public function order(string $number): ?array;

    /**
     * The whole order, for an answer that contradicts; null if the bridge hears of it in another
     * way.
     *
     * @return array<string, mixed>|null
     */
    public function snapshot(string $number): ?array;

    /** Sets the status, or throws `Refused` if the shop itself will not have it. */
    public function setStatus(string $number, string $status, string $note): void;

    /** Whether this message was taken before. */
    public function knows(string $id): bool;

    /** Remembers that this message was taken. */
    public function remember(string $id): void;
}

/** The shop will not have the status: saying it again does not help. */
final class Refused extends \RuntimeException
{
}

/**
 * Receives status callbacks: from a request to a status and a JSON answer.
 *
 * A callback is applied only to an order that is where the bridge thinks it is, and of which it
 * denies nothing: a paid order is not cancelled. Any other order is answered with 409 and its
 * snapshot: the bridge decides afresh, knowing it.
 */
final class Receiver
{
    public const TYPE = 'bridge.order.status.v1';
    private const LARGEST = 262144;

    private Signature $signature;
    private Shop $shop;

    public function __construct(Signature $signature, Shop $shop)
    {
        $this->signature = $signature;
        $this->shop = $shop;
    }

    /**
     * @param array<string, string> $headers names in lower case
     * @return array{0: int, 1: array<string, mixed>} status and answer
     */
    public function handle(string $method, array $headers, string $body, int $now): array
    {
        if ($method !== 'POST') {
            return [405, ['error' => 'only POST is taken']];
        }
        if (strlen($body) > self::LARGEST) {
            return [413, ['error' => 'the message is too large']];
        }
        $id = $headers['webhook-id'] ?? '';
        $timestamp = $headers['webhook-timestamp'] ?? '';
        $signatures = $headers['webhook-signature'] ?? '';
        if (!$this->signature->verify($id, $timestamp, $signatures, $body, $now)) {
            return [401, ['error' => 'the signature is wrong, or the message is too old']];
        }
        $event = json_decode($body, true);
        if (!is_array($event) || ($event['type'] ?? null) !== self::TYPE) {
            return [200, ['result' => 'ignored']];
        }
        $data = $event['data'] ?? null;
        $number = is_array($data) ? self::text($data, 'number') : null;
        $status = is_array($data) ? self::text($data, 'status') : null;
        if (!is_array($data) || $number === null || $status === null) {
            return [422, ['error' => 'the message has no number or no status']];
        }
        if ($this->shop->knows($id)) {
            return [200, ['result' => 'duplicate']];
        }
        return $this->apply($id, $number, $status, $data);
    }

    /**
     * @param array<string, mixed> $data
     * @return array{0: int, 1: array<string, mixed>}
     */
    private function apply(string $id, string $number, string $status, array $data): array
    {
        $order = $this->shop->order($number);
        if ($order === null) {
            return [404, ['error' => 'there is no such order']];
        }
        if ($order['status'] === $status) {
            $this->shop->remember($id);
            return [200, ['result' => 'unchanged']];
        }
        $denied = self::denied($order, $status, $data);
        if ($denied !== null || $this->moved($order, $data)) {
            $snapshot = $this->shop->snapshot($number);
            $why = $denied === null ? 'the order has another status' : "the order is $denied";
            $answer = ['error' => $why];
            return [409, $snapshot === null ? $answer : $answer + ['snapshot' => $snapshot]];
        }
        try {
            $this->shop->setStatus($number, $status, self::text($data, 'reason') ?? '');
        } catch (Refused $refused) {
            return [422, ['error' => $refused->getMessage()]];
        }
        $this->shop->remember($id);
        return [200, ['result' => 'changed']];
    }

    /**
     * What the order is by now and the message would deny: above all, money that was taken. A
     * bridge that does not say what its message denies is answered by the shop's own list of
     * statuses.
     *
     * @param array<string, mixed> $order
     * @param array<string, mixed> $data
     */
    private static function denied(array $order, string $status, array $data): ?string
    {
        if (!is_array($data['denies'] ?? null)) {
            $harmless = in_array($status, $order['paid_statuses'] ?? [], true);
            return !empty($order['paid']) && !$harmless ? 'paid' : null;
        }
        foreach (['paid', 'cancelled', 'delivered'] as $fact) {
            if (!empty($order[$fact]) && in_array($fact, $data['denies'], true)) {
                return $fact;
            }
        }
        return null;
    }

    /**
     * Whether the order went elsewhere without the bridge knowing.
     *
     * @param array<string, mixed> $order
     * @param array<string, mixed> $data
     */
    private function moved(array $order, array $data): bool
    {
        $previous = self::text($data, 'previous_status');
        if ($previous !== null) {
            return $order['status'] !== $previous;
        }
        $changed = strtotime($order['status_changed_at'] ?? '');
        $decided = strtotime(self::text($data, 'decided_at') ?? '');
        return $changed !== false && $decided !== false && $changed > $decided;
    }

    /** @param array<string, mixed> $data */
    private static function text(array $data, string $name): ?string
    {
        $value = $data[$name] ?? null;
        $text = is_string($value) || is_int($value) ? (string) $value : '';
        return $text === '' ? null : $text;
    }
}
