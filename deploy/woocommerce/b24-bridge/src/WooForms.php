<?php

declare(strict_types=1);

namespace B24Bridge;

/** What visitors write into the forms of Contact Form 7, Elementor Pro and Gravity Forms. */
final class WooForms
{
    /** Fields in which a visitor writes nothing. */
    private const SILENT = [
        'honeypot', 'recaptcha', 'recaptcha_v3', 'captcha', 'step', 'html', 'page', 'section',
        'password',
    ];

    /**
     * Contact Form 7 is done with a submission. That its mail could not be sent is no reason to
     * forget what was written.
     *
     * @param object $form
     * @param mixed $result
     */
    public static function contactForm7($form, $result): void
    {
        $status = is_array($result) ? ($result['status'] ?? '') : '';
        $submission = class_exists('WPCF7_Submission') ? \WPCF7_Submission::get_instance() : null;
        if (!in_array($status, ['mail_sent', 'mail_failed'], true) || $submission === null) {
            return;
        }
        $answers = [];
        foreach ((array) $submission->get_posted_data() as $name => $value) {
            if (strncmp((string) $name, '_', 1) !== 0) {
                $answers[] = [(string) $name, $value];
            }
        }
        foreach (array_keys((array) $submission->uploaded_files()) as $name) {
            $answers[] = [(string) $name, 'file'];
        }
        self::keep('cf7:' . $form->id(), $answers, (string) $submission->get_meta('url'));
    }

    /**
     * Elementor Pro has taken a submission.
     *
     * @param object $record
     */
    public static function elementor($record): void
    {
        $answers = [];
        foreach ((array) $record->get('fields') as $id => $field) {
            $type = (string) ($field['type'] ?? '');
            $title = trim((string) ($field['title'] ?? ''));
            // Ids that nobody has chosen say nothing.
            $chosen = preg_match('/^field_[0-9a-z]+$/', (string) $id) === 0;
            if (!in_array($type, self::SILENT, true)) {
                $name = $chosen || $title === '' ? (string) $id : $title;
                $answers[] = [self::named($type, $name), $field['value'] ?? ''];
            }
        }
        $meta = (array) $record->get('meta');
        $told = $meta['page_url'] ?? null;
        $page = is_array($told) ? (string) ($told['value'] ?? '') : '';
        $page = $page === '' && is_string($_POST['referrer'] ?? null) ? $_POST['referrer'] : $page;
        self::keep('elementor:' . $record->get_form_settings('form_name'), $answers, $page);
    }

    /**
     * Gravity Forms has kept an entry.
     *
     * @param mixed $entry
     * @param mixed $form
     */
    public static function gravity($entry, $form): void
    {
        if (!is_array($entry) || !is_array($form) || ($entry['status'] ?? '') === 'spam') {
            return;
        }
        $answers = [];
        foreach ($form['fields'] ?? [] as $field) {
            $type = (string) $field->type;
            if (!in_array($type, self::SILENT, true)) {
                $answers = array_merge($answers, self::entered($type, $field, $entry));
            }
        }
        self::keep('gravity:' . $form['id'], $answers, (string) ($entry['source_url'] ?? ''));
    }

    /**
     * A field of Gravity Forms: one value under its number, or parts under `5.3` and `5.6`.
     *
     * @param object $field
     * @param array<string, mixed> $entry
     * @return list<array{0: string, 1: mixed}>
     */
    private static function entered(string $type, $field, array $entry): array
    {
        $label = trim((string) $field->label);
        $name = self::named($type, $label === '' ? 'field ' . $field->id : $label);
        $inputs = is_array($field->inputs ?? null) ? $field->inputs : [];
        $whole = $entry[(string) $field->id] ?? '';
        // The second input of an address is its confirmation.
        if ($inputs === [] || $type === 'email') {
            return [[$name, $whole]];
        }
        $values = [];
        foreach ($inputs as $input) {
            $part = (string) ($input['id'] ?? '');
            $values[substr((string) strrchr($part, '.'), 1)] = $entry[$part] ?? '';
        }
        if ($type === 'name') {
            $first = trim(($values['3'] ?? '') . ' ' . ($values['4'] ?? ''));
            return [['name', $first], ['last name', $values['6'] ?? '']];
        }
        if ($type === 'consent') {
            return [['consent', $values['1'] ?? '']];
        }
        $given = array_filter($values, static fn ($value): bool => (string) $value !== '');
        return [[$name, implode(', ', $given)]];
    }

    /** What a field is for is told by its type, whatever it is called. */
    private static function named(string $type, string $name): string
    {
        $known = ['tel' => 'phone', 'phone' => 'phone', 'email' => 'email'];
        return $known[$type] ?? $name;
    }

    /** @param list<array{0: string, 1: mixed}> $answers */
    private static function keep(string $form, array $answers, string $page): void
    {
        Plugin::quietly(static function () use ($form, $answers, $page): void {
            $form = mb_substr($form, 0, 150, 'UTF-8');
            $forms = Settings::read()['forms'];
            $fields = Form::fields($answers, $page);
            if (($forms[$form] ?? $forms['*'] ?? '') !== '' && $fields !== []) {
                Plugin::spool()->addForm($form, $fields, time());
                Plugin::soon();
            }
            Plugin::seen($form);
        });
    }
}
