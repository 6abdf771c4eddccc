<?php

declare(strict_types=1);

namespace B24Bridge;

/** What the receiver needs to know of a shop. */
interface Shop
{
    /**
     * The order as it is now, or null.
     *
     * @return array{status: string, status_changed_at: ?string}|null
     */
    public function order(string $number): ?array;

    /**
     * The whole order, for an answer that contradicts; null if the bridge hears of it in another way.
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
 * A callback is applied only to an order that is where the bridge thinks it is. Any other order is answered with 409 and its snapshot: the
 * bridge decides afresh, knowing it.
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
        if ($this->moved($order, $data)) {
            $snapshot = $this->shop->snapshot($number);
            $answer = ['error' => 'the order has another status'];
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
     * Whether the order went elsewhere without the bridge knowing.
     *
     * @param array{status: string, status_changed_at: ?string} $order
     * @param array<string, mixed> $data
     */
    private function moved(array $order, array $data): bool
    {
        $previous = self::text($data, 'previous_status');
        if ($previous !== null) {
            return $order['status'] !== $previous;
        }
        $changed = $order['status_changed_at'] === null ? false : strtotime($order['status_changed_at']);
        $decided = strtotime(self::text($data, 'decided_at') ?? '');
        return $changed !== false && $decided !== false && $changed > $decided;
    }

    /** @param array<string, mixed> $data */
    private static function text(array $data, string $name): ?string
    {
        $value = $data[$name] ?? null;
        return (is_string($value) || is_int($value)) && (string) $value !== '' ? (string) $value : null;
    }
}
