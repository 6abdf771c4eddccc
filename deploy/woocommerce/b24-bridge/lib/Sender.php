<?php

declare(strict_types=1);

namespace B24Bridge;

/** Posts to the bridge. */
interface Transport
{
    /** @return array{0: int, 1: string} status and answer; status 0: nobody answered */
    public function post(string $body): array;

    /**
     * Posts a form to its own address.
     *
     * @return array{0: int, 1: string} status and answer; status 0: nobody answered
     */
    public function form(string $address, string $body): array;
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
        $type = 'Content-Type: application/cloudevents-batch+json';
        return self::ask($this->url, ['Authorization: Bearer ' . $this->key, $type], $body);
    }

    public function form(string $address, string $body): array
    {
        $type = 'Content-Type: application/x-www-form-urlencoded; charset=utf-8';
        return self::ask($address, [$type], $body);
    }

    /**
     * Whether the bridge is there and knows the key: an empty batch is taken and changes nothing.
     *
     * @return array{0: int, 1: string} 202: all is well
     */
    public function check(): array
    {
        return $this->post('[]');
    }

    /**
     * Whether there is such a form at the bridge.
     *
     * @return array{0: int, 1: string} 200: there is
     */
    public static function checkForm(string $address): array
    {
        return self::ask($address, [], null);
    }

    /**
     * @param list<string> $headers
     * @return array{0: int, 1: string}
     */
    private static function ask(string $url, array $headers, ?string $body): array
    {
        $curl = function_exists('curl_init') ? curl_init($url) : false;
        if ($curl === false) {
            return [0, 'curl cannot be used'];
        }
        $headers[] = 'Expect:';
        curl_setopt_array($curl, [
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_CONNECTTIMEOUT => 3,
            CURLOPT_TIMEOUT => 10,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_HTTPHEADER => $headers,
        ]);
        if ($body !== null) {
            curl_setopt_array($curl, [CURLOPT_POST => true, CURLOPT_POSTFIELDS => $body]);
        }
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
 * An event is sent again until the bridge says what became of it; the bridge knows those that it
 * has.
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
    /** @var array<string, string> */
    private array $forms;
    /** @var callable(): int */
    private $clock;

    /** @param array<string, string> $forms the addresses of forms at the bridge */
    public function __construct(
        Spool $spool,
        Transport $transport,
        ?callable $clock = null,
        array $forms = []
    ) {
        $this->spool = $spool;
        $this->transport = $transport;
        $this->clock = $clock ?? 'time';
        $this->forms = $forms;
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
            // Of forms that cannot be delivered orders know nothing, and the other way round.
            $this->forms($until, $done);
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
     * Sends what visitors have written, first of all: somebody waits for a call.
     *
     * @param array{sent: int, refused: int, trouble: ?string} $done
     */
    private function forms(int $until, array &$done): void
    {
        if ($this->spool->state('forms_pause_until') > ($this->clock)()) {
            return;
        }
        foreach ($this->spool->waitingForms(self::BATCH) as $row) {
            $address = $this->forms[$row['form']] ?? $this->forms['*'] ?? '';
            if ($address === '') {
                $this->refuse($row['id'], 'the settings name no address of this form', $done);
                continue;
            }
            [$status, $answer] = $this->transport->form($address, self::encoded($row['fields']));
            $this->spool->heard($status, $answer, ($this->clock)());
            if ($status === 200 || $status === 303) {
                $this->spool->sent($row['id'], ($this->clock)());
                $this->spool->setState('forms_pause', 0);
                $done['sent']++;
            } elseif ($status === 404) {
                $words = 'the bridge has no such form: see the address in the settings';
                $this->refuse($row['id'], $words, $done);
            } elseif ($status === 413) {
                $this->refuse($row['id'], 'too large for the bridge', $done);
            } else {
                $this->away('forms_pause', $status, $answer, $done);
                return;
            }
            if (($this->clock)() >= $until) {
                return;
            }
        }
    }

    /** @param list<array{0: string, 1: string}> $fields */
    private static function encoded(array $fields): string
    {
        $pairs = array_map(
            static fn (array $field): string
                => rawurlencode((string) $field[0]) . '=' . rawurlencode((string) $field[1]),
            $fields
        );
        return implode('&', $pairs);
    }

    /**
     * @param list<array{id: int, body: string}> $batch
     * @param array{sent: int, refused: int, trouble: ?string} $done
     * @return int how many to send next; 0 to stop
     */
    private function one(array $batch, array &$done): int
    {
        $body = '[' . implode(',', array_column($batch, 'body')) . ']';
        [$status, $answer] = $this->transport->post($body);
        $this->spool->heard($status, $status === 202 ? '' : $answer, ($this->clock)());
        $said = json_decode($answer, true);
        $results = is_array($said) ? ($said['results'] ?? null) : null;
        $all = is_array($results) && count($results) === count($batch);
        if (($status === 202 || $status === 422) && $all) {
            $this->settle($batch, array_values($results), $done);
            $this->spool->setState('pause', 0);
            return self::BATCH;
        }
        if ($status === 413 && count($batch) > 1) {
            return max(1, intdiv(count($batch), 2));
        }
        if ($status === 413) {
            $this->refuse($batch[0]['id'], 'too large for the bridge', $done);
            return self::BATCH;
        }
        $this->away('pause', $status, $answer, $done);
        return 0;
    }

    /** @param array{sent: int, refused: int, trouble: ?string} $done */
    private function refuse(int $id, string $words, array &$done): void
    {
        $this->spool->refused($id, $words);
        $done['refused']++;
    }

    /** @param array{sent: int, refused: int, trouble: ?string} $done */
    private function away(string $pausing, int $status, string $answer, array &$done): void
    {
        // The bridge is away, or does not know us: the events are right and wait.
        $longer = max(self::FIRST_PAUSE, 2 * $this->spool->state($pausing));
        $pause = min(self::LONGEST_PAUSE, $longer);
        $this->spool->setState($pausing, $pause);
        $this->spool->setState($pausing . '_until', ($this->clock)() + $pause);
        $done['trouble'] = "the bridge answered $status: " . mb_substr($answer, 0, 300, 'UTF-8');
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
                $this->refuse($row['id'], Json::ascii($result), $done);
            }
        }
    }
}
