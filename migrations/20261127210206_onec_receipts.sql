-- Receipts of tills as documents of a 1C base. They go there as orders do: each has its row in
-- bridge.onec_orders, by a key of its own in the place of a number.

CREATE TABLE bridge.onec_receipt_cursors (
    base      text CONSTRAINT onec_receipt_cursors_pkey PRIMARY KEY,
    since     timestamptz NOT NULL DEFAULT now(),
    from_at   timestamptz NOT NULL DEFAULT 'infinity',
    cursor_at timestamptz NOT NULL DEFAULT 'infinity'
);
COMMENT ON TABLE bridge.onec_receipt_cursors IS
    'Bases that get receipts, from the first time that they are to get them.';
COMMENT ON COLUMN bridge.onec_receipt_cursors.base IS 'The configured name.';
COMMENT ON COLUMN bridge.onec_receipt_cursors.since IS
    'When the base was first to get receipts: with since = "now" older ones go only after they change.';
COMMENT ON COLUMN bridge.onec_receipt_cursors.from_at IS
    'The time from which on receipts are looked through; infinity: they were not yet.';
COMMENT ON COLUMN bridge.onec_receipt_cursors.cursor_at IS
    'Receipts that changed between that time and this one are in bridge.onec_receipts.';

CREATE TABLE bridge.onec_receipts (
    base        text NOT NULL,
    shop        text NOT NULL,
    number      text NOT NULL,
    till        text NOT NULL,
    receipt     text NOT NULL,
    changed_at  timestamptz NOT NULL,
    status      text,
    posted      boolean,
    cancelled   boolean,
    document    bigint,
    document_at timestamptz,
    CONSTRAINT onec_receipts_pkey PRIMARY KEY (base, shop, number),
    CONSTRAINT onec_receipts_receipt_key UNIQUE (base, shop, till, receipt)
);
CREATE INDEX onec_receipts_receipt ON bridge.onec_receipts (shop, till, receipt);
COMMENT ON TABLE bridge.onec_receipts IS
    'Receipts that are documents of a base, and what 1C says of them. How far each has gone, and its number in 1C, are in bridge.onec_orders.';
COMMENT ON COLUMN bridge.onec_receipts.number IS
    'The key in bridge.onec_orders and in what is kept of 1C''s documents.';
COMMENT ON COLUMN bridge.onec_receipts.till IS 'The till.';
COMMENT ON COLUMN bridge.onec_receipts.receipt IS 'The receipt''s id there.';
COMMENT ON COLUMN bridge.onec_receipts.changed_at IS
    'Which version of the receipt is taken up: the time when it came.';
COMMENT ON COLUMN bridge.onec_receipts.status IS 'The status that 1C last said of it.';
COMMENT ON COLUMN bridge.onec_receipts.posted IS '1C has posted it (Проведен).';
COMMENT ON COLUMN bridge.onec_receipts.cancelled IS '1C has cancelled it, or marked it for deletion.';
COMMENT ON COLUMN bridge.onec_receipts.document IS 'The last document of 1C''s about it.';
COMMENT ON COLUMN bridge.onec_receipts.document_at IS 'When 1C made the file in which that came.';
