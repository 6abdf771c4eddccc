-- Calls, mails and messages of a shop: each is put once on a card of the portal.

ALTER TABLE bridge.subjects DROP CONSTRAINT subjects_kind_known;
ALTER TABLE bridge.subjects ADD CONSTRAINT subjects_kind_known CHECK (kind IN ('form', 'activity'));
ALTER TABLE bridge.subjects ADD COLUMN order_number text;
CREATE INDEX subjects_order ON bridge.subjects (shop, order_number) WHERE order_number IS NOT NULL;
COMMENT ON COLUMN bridge.subjects.order_number IS 'The order that it is about, if one was named.';

CREATE TABLE bridge.activities (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT activities_pkey PRIMARY KEY,
    shop        text NOT NULL,
    source      text NOT NULL,
    event_id    text NOT NULL,
    kind        text NOT NULL CONSTRAINT activities_kind_known CHECK (kind IN ('call', 'mail', 'message')),
    fingerprint bytea NOT NULL CONSTRAINT activities_fingerprint_sha256 CHECK (octet_length(fingerprint) = 32),
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT activities_once UNIQUE (shop, source, event_id)
);
COMMENT ON TABLE bridge.activities IS 'Events that told of calls, mails and messages: tells repetitions.';
COMMENT ON COLUMN bridge.activities.id IS 'Its number: the subject is call:ID, mail:ID or message:ID.';
COMMENT ON COLUMN bridge.activities.shop IS 'The shop.';
COMMENT ON COLUMN bridge.activities.source IS 'The event''s source; with its id the identity.';
COMMENT ON COLUMN bridge.activities.event_id IS 'The event''s id.';
COMMENT ON COLUMN bridge.activities.kind IS 'What it was.';
COMMENT ON COLUMN bridge.activities.fingerprint IS 'SHA-256 of the event: another one under the same identity is refused.';
COMMENT ON COLUMN bridge.activities.received_at IS 'When it was received.';
