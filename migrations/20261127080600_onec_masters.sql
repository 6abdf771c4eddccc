-- Contents of orders whose master is 1C: what counts, whatever the shop's snapshots say.

CREATE TABLE bridge.onec_contents (
    shop       text NOT NULL,
    number     text NOT NULL,
    base       text NOT NULL,
    data       jsonb NOT NULL,
    head       bigint NOT NULL,
    shops      text,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT onec_contents_pkey PRIMARY KEY (shop, number)
);
CREATE INDEX onec_contents_base ON bridge.onec_contents (base);
COMMENT ON TABLE bridge.onec_contents IS 'Lines and sums of orders as 1C has them, where they are 1C''s to say.';
COMMENT ON COLUMN bridge.onec_contents.shop IS 'The shop.';
COMMENT ON COLUMN bridge.onec_contents.number IS 'The order.';
COMMENT ON COLUMN bridge.onec_contents.base IS 'The base.';
COMMENT ON COLUMN bridge.onec_contents.data IS 'The parts of a snapshot that stand in the place of the shop''s.';
COMMENT ON COLUMN bridge.onec_contents.head IS 'The newest event of the shop that was looked at for other contents.';
COMMENT ON COLUMN bridge.onec_contents.shops IS
    'SHA-256 of the shop''s contents that were last told to be others; null: the same.';
COMMENT ON COLUMN bridge.onec_contents.changed_at IS 'When 1C''s last changed.';

COMMENT ON COLUMN bridge.decisions.basis IS
    'What it rests on: consistent, one_side, rule, default, latest, undated, final, source, ruling.';

-- That 1C has an order as paid protects it like the shop's own word, until the shop says something
-- newer.
ALTER TABLE bridge.onec_orders ADD COLUMN paid_heard_at timestamptz;
COMMENT ON COLUMN bridge.onec_orders.paid_heard_at IS
    'When 1C was heard to say that it is paid; null: it never said so, or took it back.';
CREATE INDEX onec_orders_paid ON bridge.onec_orders (shop, number)
    WHERE paid_heard_at IS NOT NULL;
