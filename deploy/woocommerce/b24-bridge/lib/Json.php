<?php

declare(strict_types=1);

namespace B24Bridge;

/** JSON as it is sent: broken text is mended, never refused. */
final class Json
{
    private const FLAGS = JSON_UNESCAPED_SLASHES
        | JSON_INVALID_UTF8_SUBSTITUTE
        | JSON_THROW_ON_ERROR;

    /** @param mixed $value */
    public static function text($value): string
    {
        return json_encode($value, self::FLAGS | JSON_UNESCAPED_UNICODE);
    }

    /**
     * In ASCII alone: a shop's connection to its database may be in any charset, and none spoils
     * it.
     *
     * @param mixed $value
     */
    public static function ascii($value): string
    {
        return json_encode($value, self::FLAGS);
    }
}
