<?php

declare(strict_types=1);

namespace B24Bridge;

use Bitrix\Main\Loader;

/** The forms of the module `form`. */
final class BitrixForms
{
    /** @return array<string, string> the forms' names by their ids, in the site's charset */
    public static function all(): array
    {
        if (!Loader::includeModule('form')) {
            return [];
        }
        [$by, $order, $filtered] = ['s_name', 'asc', false];
        $found = \CForm::GetList($by, $order, [], $filtered);
        $forms = [];
        while (is_object($found) && ($row = $found->Fetch())) {
            $forms[(string) (int) $row['ID']] = (string) $row['NAME'];
        }
        return $forms;
    }

    /**
     * What was written, by the questions as visitors read them.
     *
     * @return list<array{0: string, 1: string}>
     */
    public static function answers(int $result): array
    {
        [$row, $answers] = [[], []];
        \CFormResult::GetDataByID($result, [], $row, $answers);
        $fields = [];
        foreach (is_array($answers) ? $answers : [] as $sid => $given) {
            foreach (is_array($given) ? $given : [] as $answer) {
                $title = trim(strip_tags((string) ($answer['TITLE'] ?? '')));
                // Whatever it is for, it is nobody's to read in the portal.
                if (($answer['FIELD_TYPE'] ?? '') === 'password') {
                    continue;
                }
                $fields[] = [$title === '' ? (string) $sid : $title, self::value($answer)];
            }
        }
        return Charset::in($fields);
    }

    /**
     * Of a choice the text that was chosen; of anything else what was typed, or a file's name.
     *
     * @param array<string, mixed> $answer
     */
    private static function value(array $answer): string
    {
        $chosen = ['radio', 'checkbox', 'dropdown', 'multiselect'];
        if (in_array($answer['FIELD_TYPE'] ?? '', $chosen, true)) {
            $text = trim((string) ($answer['ANSWER_TEXT'] ?? ''));
            // A box without words of its own was ticked.
            return $text === '' ? 'Y' : $text;
        }
        return (string) ($answer['USER_TEXT'] ?? $answer['USER_FILE_NAME'] ?? '');
    }
}
