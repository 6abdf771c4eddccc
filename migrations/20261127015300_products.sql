-- Products of shops are brought to the portal's catalogue: newest state wins, one row a product.

ALTER TABLE bridge.subjects DROP CONSTRAINT subjects_kind_known,
    ADD CONSTRAINT subjects_kind_known
        CHECK (kind IN ('form', 'activity', 'receipt', 'note', 'product')) NOT VALID;
COMMENT ON COLUMN bridge.subjects.key IS 'Its identity within the shop: form:ID, call:ID, mail:ID, message:ID, product:ID.';
COMMENT ON COLUMN bridge.subjects.body IS 'What was received: a form by its name and its fields, else the event.';

ALTER TABLE bridge.links DROP CONSTRAINT links_entity_known;
ALTER TABLE bridge.links ADD CONSTRAINT links_entity_known
    CHECK (entity IN ('deal', 'lead', 'contact', 'company', 'product'));
COMMENT ON COLUMN bridge.links.key IS 'The shop''s thing: SHOP/NUMBER, SHOP/CUSTOMER, SHOP/inn/INN/KPP, SHOP/PRODUCT.';

CREATE TABLE bridge.product_events (
    shop        text NOT NULL,
    source      text NOT NULL,
    event_id    text NOT NULL,
    fingerprint bytea NOT NULL CONSTRAINT product_events_fingerprint_sha256 CHECK (octet_length(fingerprint) = 32),
    received_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT product_events_pkey PRIMARY KEY (shop, source, event_id)
);
CREATE INDEX product_events_received ON bridge.product_events (received_at);
COMMENT ON TABLE bridge.product_events IS 'Events that told of products: tells repetitions.';
COMMENT ON COLUMN bridge.product_events.shop IS 'The shop.';
COMMENT ON COLUMN bridge.product_events.source IS 'The event''s source; with its id the identity.';
COMMENT ON COLUMN bridge.product_events.event_id IS 'The event''s id.';
COMMENT ON COLUMN bridge.product_events.fingerprint IS 'SHA-256 of the event: another one under the same identity is refused.';
COMMENT ON COLUMN bridge.product_events.received_at IS 'When it was received.';

-- What is put on a card waits for the card: a note until its order or its sale is brought to the
-- portal, an activity no longer than an order of today takes.
CREATE OR REPLACE FUNCTION bridge.subject_waits(of_kind text, of_shop text, of_number text)
    RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT of_kind IN ('note', 'activity') AND (
        of_kind = 'note' AND EXISTS (
            SELECT FROM bridge.subjects s
            WHERE (s.shop, s.key) = (of_shop, of_number) AND s.due_at IS NOT NULL
              AND s.deal_id IS NULL)
        OR EXISTS (
            SELECT FROM bridge.orders o
            WHERE (o.shop, o.number) = (of_shop, of_number) AND o.due_at IS NOT NULL
              AND o.deal_id IS NULL AND o.lead_id IS NULL AND (of_kind = 'note' OR NOT o.later)))
$$;
