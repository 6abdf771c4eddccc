<?php

declare(strict_types=1);

namespace B24Bridge;

/** Over HTTP as WordPress does it: with the site's proxy, and at most ten seconds. */
final class WpTransport implements Transport
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
        return self::answer(wp_remote_post($this->url, self::request($body, [
            'Authorization' => 'Bearer ' . $this->key,
            'Content-Type' => 'application/cloudevents-batch+json',
        ])));
    }

    public function form(string $address, string $body): array
    {
        return self::answer(wp_remote_post($address, self::request($body, [
            'Content-Type' => 'application/x-www-form-urlencoded; charset=utf-8',
        ])));
    }

    /**
     * Asks as WooCommerce delivers its webhooks: signed, and by the same rules, which forbid
     * addresses in the server's own network and unusual ports.
     *
     * @return array{0: int, 1: string} 200: the bridge knows the shop and the secret
     */
    public static function checkWebhook(string $address, string $secret): array
    {
        $body = 'webhook_id=0';
        return self::answer(wp_safe_remote_post($address, self::request($body, [
            'Content-Type' => 'application/x-www-form-urlencoded',
            'X-WC-Webhook-Signature' => base64_encode(hash_hmac('sha256', $body, $secret, true)),
        ])));
    }

    /** @return array{0: int, 1: string} 202: the bridge knows the key */
    public function check(): array
    {
        return $this->post('[]');
    }

    /** @return array{0: int, 1: string} 200: there is such a form */
    public static function checkForm(string $address): array
    {
        return self::answer(wp_remote_get($address, ['timeout' => 10, 'redirection' => 0]));
    }

    /**
     * @param array<string, string> $headers
     * @return array<string, mixed>
     */
    private static function request(string $body, array $headers): array
    {
        return ['timeout' => 10, 'redirection' => 0, 'body' => $body, 'headers' => $headers];
    }

    /**
     * @param mixed $answer
     * @return array{0: int, 1: string}
     */
    public static function answer($answer): array
    {
        if (is_wp_error($answer)) {
            return [0, $answer->get_error_message()];
        }
        $status = (int) wp_remote_retrieve_response_code($answer);
        return [$status, (string) wp_remote_retrieve_body($answer)];
    }
}
