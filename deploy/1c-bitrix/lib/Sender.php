<?php

declare(strict_types=1);

namespace B24Bridge;

/** Posts to the bridge. */
interface Transport
{
    /** @return array{0: int, 1: string} status and answer; status 0: nobody answered */
    public function post(string $body): array;
}

/** Over HTTP, with short time-outs: it never waits longer than ten seconds. */
final class Http implements Transport
{
    private string $url;
    private string $key;

    public function __construct(string $url, string $key)
    {
        $this->url = rtrim($url, '/') . '/v1/events';
        $this->key = $key;
    }

    public function post(string $body): array
    {
        $curl = curl_init($this->url);
        if ($curl === false) {
            return [0, 'curl cannot be used'];
        }
        curl_setopt_array($curl, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_CONNECTTIMEOUT => 3,
            CURLOPT_TIMEOUT => 10,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_HTTPHEADER => [
                'Authorization: Bearer ' . $this->key,
                'Content-Type: application/cloudevents-batch+json',
                'Expect:',
            ],
        ]);
        $answer = curl_exec($curl);
        $status = (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        $words = curl_error($curl);
        curl_close($curl);
        return is_string($answer) ? [$status, $answer] : [0, $words];
    }
}

/**
 * Empties the spool: oldest first, in batches, pausing longer and longer while the bridge is away.
 *
 * An event is sent again until the bridge says what became of it; the bridge knows those that it has.
 */
final class Sender
{
    private const BATCH = 100;
    private const BYTES = 1000000;
    private const LOCK = 60;
    private const FIRST_PAUSE = 5;
    private const LONGEST_PAUSE = 300;

    private Spool $spool;
    private Transport $transport;
    /** @var callable(): int */
    private $clock;

    public function __construct(Spool $spool, Transport $transport, ?callable $clock = null)
    {
        $this->spool = $spool;
        $this->transport = $transport;
        $this->clock = $clock ?? 'time';
    }

    /**
     * Sends what waits, until nothing does, the bridge is away, or `$seconds` are over.
     *
     * @return array{sent: int, refused: int, trouble: ?string}
     */
    public function run(int $seconds): array
    {
        $done = ['sent' => 0, 'refused' => 0, 'trouble' => null];
        $now = ($this->clock)();
        if ($this->spool->state('pause_until') > $now) {
            $done['trouble'] = 'pausing';
            return $done;
        }
        if (!$this->spool->lock($now, $now + $seconds + self::LOCK)) {
            $done['trouble'] = 'another process is sending';
            return $done;
        }
        try {
            $until = $now + $seconds;
            $most = self::BATCH;
            do {
                $batch = $this->spool->waiting($most, self::BYTES);
                if ($batch === []) {
                    break;
                }
                $most = $this->one($batch, $done);
            } while ($most > 0 && ($this->clock)() < $until);
            $this->spool->prune(($this->clock)());
        } finally {
            $this->spool->unlock();
        }
        return $done;
    }

    /**
     * @param list<array{id: int, body: string}> $batch
     * @param array{sent: int, refused: int, trouble: ?string} $done
     * @return int how many to send next; 0 to stop
     */
    private function one(array $batch, array &$done): int
    {
        [$status, $answer] = $this->transport->post('[' . implode(',', array_column($batch, 'body')) . ']');
        $said = json_decode($answer, true);
        $results = is_array($said) && is_array($said['results'] ?? null) ? $said['results'] : null;
        if (($status === 202 || $status === 422) && $results !== null && count($results) === count($batch)) {
            $this->settle($batch, array_values($results), $done);
            $this->spool->setState('pause', 0);
            return self::BATCH;
        }
        if ($status === 413 && count($batch) > 1) {
            return max(1, intdiv(count($batch), 2));
        }
        if ($status === 413) {
            $this->spool->refused($batch[0]['id'], 'too large for the bridge');
            $done['refused']++;
            return self::BATCH;
        }
        // The bridge is away, or does not know us: the events are right and wait.
        $pause = min(self::LONGEST_PAUSE, max(self::FIRST_PAUSE, 2 * $this->spool->state('pause')));
        $this->spool->setState('pause', $pause);
        $this->spool->setState('pause_until', ($this->clock)() + $pause);
        $done['trouble'] = "the bridge answered $status: " . mb_substr($answer, 0, 300, 'UTF-8');
        return 0;
    }

    /**
     * @param list<array{id: int, body: string}> $batch
     * @param list<mixed> $results
     * @param array{sent: int, refused: int, trouble: ?string} $done
     */
    private function settle(array $batch, array $results, array &$done): void
    {
        foreach ($batch as $at => $row) {
            $result = is_array($results[$at]) ? $results[$at] : [];
            if (in_array($result['result'] ?? '', ['queued', 'duplicate'], true)) {
                $this->spool->sent($row['id'], ($this->clock)());
                $done['sent']++;
            } else {
                $this->spool->refused($row['id'], Snapshot::json($result));
                $done['refused']++;
            }
        }
    }
}
