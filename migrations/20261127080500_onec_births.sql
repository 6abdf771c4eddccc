-- Orders and customers that were made in 1C: what the shop was told of them.

CREATE TABLE bridge.onec_births (
    base      text NOT NULL,
    id        text NOT NULL,
    number    text NOT NULL,
    shop      text NOT NULL,
    snapshot  jsonb NOT NULL,
    status    text,
    said      text,
    formed_at timestamptz,
    after     bigint NOT NULL,
    made_at   timestamptz NOT NULL DEFAULT now(),
    answered  text,
    taken_as  text,
    taken_at  timestamptz,
    CONSTRAINT onec_births_pkey PRIMARY KEY (base, id),
    CONSTRAINT onec_births_taken_whole CHECK ((taken_as IS NULL) = (taken_at IS NULL))
);
CREATE INDEX onec_births_number ON bridge.onec_births (base, number);
CREATE INDEX onec_births_open ON bridge.onec_births (base, shop) WHERE taken_as IS NULL;
COMMENT ON TABLE bridge.onec_births IS
    'Orders that were made in 1C, of which the shop was told: until it has them, and a while after.';
COMMENT ON COLUMN bridge.onec_births.base IS 'The base.';
COMMENT ON COLUMN bridge.onec_births.id IS '`Ид` there, else `Номер`: the same one is told once.';
COMMENT ON COLUMN bridge.onec_births.number IS '`Номер` there.';
COMMENT ON COLUMN bridge.onec_births.shop IS 'The shop that was told.';
COMMENT ON COLUMN bridge.onec_births.snapshot IS 'The order as it was last told.';
COMMENT ON COLUMN bridge.onec_births.status IS 'Its status as told, in the shop''s words.';
COMMENT ON COLUMN bridge.onec_births.said IS 'Its status in 1C''s words.';
COMMENT ON COLUMN bridge.onec_births.formed_at IS 'When 1C made the file in which it last came.';
COMMENT ON COLUMN bridge.onec_births.after IS
    'The newest event when it was first told: the shop''s own comes later.';
COMMENT ON COLUMN bridge.onec_births.made_at IS 'When it was first told.';
COMMENT ON COLUMN bridge.onec_births.answered IS
    'The number that the shop answered to give it; null: it answered none.';
COMMENT ON COLUMN bridge.onec_births.taken_as IS 'The shop''s number of it; null: it has none yet.';
COMMENT ON COLUMN bridge.onec_births.taken_at IS 'When the shop was seen to have it.';

CREATE TABLE bridge.onec_customers (
    base       text NOT NULL,
    id         text NOT NULL,
    data       jsonb NOT NULL,
    formed_at  timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT onec_customers_pkey PRIMARY KEY (base, id)
);
COMMENT ON TABLE bridge.onec_customers IS
    'Counterparties that 1C sent without an order, as the shop was last told of them.';
COMMENT ON COLUMN bridge.onec_customers.base IS 'The base.';
COMMENT ON COLUMN bridge.onec_customers.id IS '`Ид`, else the taxpayer numbers, else the name.';
COMMENT ON COLUMN bridge.onec_customers.data IS 'In the shape of a snapshot''s customer.';
COMMENT ON COLUMN bridge.onec_customers.formed_at IS 'When 1C made the file in which it came.';
COMMENT ON COLUMN bridge.onec_customers.changed_at IS 'When it last changed.';

ALTER TABLE bridge.shop_messages DROP CONSTRAINT shop_messages_kind_known,
    ADD CONSTRAINT shop_messages_kind_known
        CHECK (kind IN ('bridge.reservation.short.v1', 'bridge.receipt.saved.v1',
                        'bridge.order.payment.v1', 'bridge.order.shipment.v1',
                        'bridge.order.contents.v1', 'bridge.order.created.v1',
                        'bridge.customer.saved.v1')) NOT VALID;

-- What is kept for a while only is found by its time.
CREATE INDEX onec_documents_settled ON bridge.onec_documents (base, decided_at)
    WHERE state IN ('applied', 'overtaken', 'discarded');
CREATE INDEX onec_facts_changed ON bridge.onec_facts (changed_at);
CREATE INDEX onec_imports_ended ON bridge.onec_imports (base, ended_at);
