<?php

declare(strict_types=1);

namespace B24Bridge\Tests;

/** @param mixed $wanted @param mixed $found */
function same($wanted, $found): void
{
    if ($wanted !== $found) {
        throw new \RuntimeException(
            'wanted ' . var_export($wanted, true) . ', found ' . var_export($found, true)
        );
    }
}

/** @param array<string, callable> $tests */
function check(array $tests): void
{
    $failed = 0;
    foreach ($tests as $name => $test) {
        try {
            $test();
            echo "ok    $name\n";
        } catch (\Throwable $error) {
            $failed++;
            $where = $error->getFile() . ':' . $error->getLine();
            echo "FAIL  $name\n      {$error->getMessage()} ($where)\n";
        }
    }
    echo count($tests) . " tests, $failed failed\n";
    exit($failed === 0 ? 0 : 1);
}
