-- What is brought to a portal beside orders. A submission of a form is the first kind.

CREATE TABLE bridge.subjects (
    shop            text NOT NULL,
    key             text NOT NULL,
    kind            text NOT NULL CONSTRAINT subjects_kind_known CHECK (kind IN ('form')),
    portal          text NOT NULL,
    body            jsonb NOT NULL,
    received_at     timestamptz NOT NULL DEFAULT now(),
    due_at          timestamptz,
    waits_since     timestamptz,
    attempts        integer NOT NULL DEFAULT 0 CONSTRAINT subjects_attempts_not_negative CHECK (attempts >= 0),
    stalls          integer NOT NULL DEFAULT 0 CONSTRAINT subjects_stalls_not_negative CHECK (stalls >= 0),
    first_failed_at timestamptz,
    error_code      text,
    error_message   text,
    known           jsonb NOT NULL DEFAULT '{}',
    deal_id         bigint,
    lead_id         bigint,
    contact_id      bigint,
    company_id      bigint,
    done_at         timestamptz,
    CONSTRAINT subjects_pkey PRIMARY KEY (shop, key),
    CONSTRAINT subjects_due_waits CHECK ((due_at IS NULL) = (waits_since IS NULL)),
    CONSTRAINT subjects_done_rests CHECK (done_at IS NULL OR due_at IS NULL)
);
CREATE INDEX subjects_due ON bridge.subjects (portal, kind, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX subjects_done ON bridge.subjects (done_at) WHERE done_at IS NOT NULL;
COMMENT ON TABLE bridge.subjects IS 'One row for each thing that is brought to a portal and is no order.';
COMMENT ON COLUMN bridge.subjects.shop IS 'The shop.';
COMMENT ON COLUMN bridge.subjects.key IS 'Its identity within the shop, and ORIGIN_ID in the portal: form:ID.';
COMMENT ON COLUMN bridge.subjects.kind IS 'What it is.';
COMMENT ON COLUMN bridge.subjects.portal IS 'The lane it waits in.';
COMMENT ON COLUMN bridge.subjects.body IS 'What was received: a form by its name, and its fields.';
COMMENT ON COLUMN bridge.subjects.received_at IS 'When it was received.';
COMMENT ON COLUMN bridge.subjects.due_at IS 'When it is to be sent; null: nothing to do.';
COMMENT ON COLUMN bridge.subjects.waits_since IS 'Since when it has had something to do.';
COMMENT ON COLUMN bridge.subjects.attempts IS 'Tries that the portal judged and refused.';
COMMENT ON COLUMN bridge.subjects.stalls IS 'Tries that nobody judged: they only make the next one wait longer.';
COMMENT ON COLUMN bridge.subjects.first_failed_at IS 'When it was first refused.';
COMMENT ON COLUMN bridge.subjects.error_code IS 'Code of the last refusal.';
COMMENT ON COLUMN bridge.subjects.error_message IS 'The portal''s words.';
COMMENT ON COLUMN bridge.subjects.known IS 'What the planner knows of it: its target, contact, and what was last written.';
COMMENT ON COLUMN bridge.subjects.deal_id IS 'The deal, for people and queries; known has it too.';
COMMENT ON COLUMN bridge.subjects.lead_id IS 'The lead.';
COMMENT ON COLUMN bridge.subjects.contact_id IS 'The contact.';
COMMENT ON COLUMN bridge.subjects.company_id IS 'The company.';
COMMENT ON COLUMN bridge.subjects.done_at IS 'When the portal was known to hold it.';

CREATE TABLE bridge.submissions (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT submissions_pkey PRIMARY KEY,
    shop        text NOT NULL,
    form        text NOT NULL,
    verdict     text NOT NULL CONSTRAINT submissions_verdict_known CHECK (verdict IN ('taken', 'robot', 'no_consent')),
    named       boolean NOT NULL,
    fingerprint bytea NOT NULL CONSTRAINT submissions_fingerprint_sha256 CHECK (octet_length(fingerprint) = 32),
    has_phone   boolean NOT NULL,
    body        jsonb,
    received_at timestamptz NOT NULL DEFAULT now(),
    restored_by text,
    CONSTRAINT submissions_kept_whole CHECK ((verdict = 'taken') = (body IS NULL))
);
CREATE INDEX submissions_same ON bridge.submissions (shop, form, fingerprint, received_at);
CREATE INDEX submissions_form ON bridge.submissions (shop, form, id);
CREATE INDEX submissions_kept ON bridge.submissions (id) WHERE verdict <> 'taken';
COMMENT ON TABLE bridge.submissions IS 'What forms have posted: tells repetitions, and keeps what was not delivered.';
COMMENT ON COLUMN bridge.submissions.shop IS 'The shop.';
COMMENT ON COLUMN bridge.submissions.form IS 'The form''s name in the configuration.';
COMMENT ON COLUMN bridge.submissions.verdict IS 'taken: it is a subject; robot, no_consent: kept here for a week.';
COMMENT ON COLUMN bridge.submissions.named IS 'Whether the fingerprint is that of an id of the service: then it never comes twice.';
COMMENT ON COLUMN bridge.submissions.fingerprint IS 'SHA-256 of the service''s id, else of the contents.';
COMMENT ON COLUMN bridge.submissions.has_phone IS 'Whether a telephone was found in it.';
COMMENT ON COLUMN bridge.submissions.body IS 'The fields, while it is kept and not delivered.';
COMMENT ON COLUMN bridge.submissions.received_at IS 'When it was received.';
COMMENT ON COLUMN bridge.submissions.restored_by IS 'Who had it delivered after all.';

ALTER TABLE bridge.dead_letters ADD COLUMN subject text;
CREATE UNIQUE INDEX dead_letters_one_open_per_subject ON bridge.dead_letters (shop, subject)
    WHERE closed_at IS NULL AND subject IS NOT NULL;
COMMENT ON COLUMN bridge.dead_letters.subject IS 'Key of the subject it is about; null: it is about an order or a change.';
