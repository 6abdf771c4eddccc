<?php

declare(strict_types=1);

namespace B24Bridge;

/**
 * Signatures of the Standard Webhooks specification: HMAC-SHA256 over `id.timestamp.body`.
 */
final class Signature
{
    /** How far the sender's clock and ours may be apart, in seconds. */
    public const TOLERANCE = 300;

    private string $key;

    /** @param string $secret `whsec_` and base64; the prefix may be missing */
    public function __construct(string $secret)
    {
        $secret = trim($secret);
        $text = strncmp($secret, 'whsec_', 6) === 0 ? substr($secret, 6) : $secret;
        $key = base64_decode($text, true);
        if ($key === false || $key === '') {
            throw new \InvalidArgumentException('the callback secret is not `whsec_` and base64');
        }
        $this->key = $key;
    }

    public function sign(string $id, int $timestamp, string $body): string
    {
        return 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $this->key, true));
    }

    /**
     * Whether one of the signatures in `$header`, separated by spaces, is ours and the message is
     * fresh.
     */
    public function verify(
        string $id,
        string $timestamp,
        string $header,
        string $body,
        int $now
    ): bool {
        if ($id === '' || strlen($timestamp) > 12 || !ctype_digit($timestamp)) {
            return false;
        }
        if (abs($now - (int) $timestamp) > self::TOLERANCE) {
            return false;
        }
        $expected = $this->sign($id, (int) $timestamp, $body);
        $right = false;
        foreach (explode(' ', $header) as $given) {
            // No early end: the time taken says nothing about which one was right.
            $right = hash_equals($expected, $given) || $right;
        }
        return $right;
    }
}
