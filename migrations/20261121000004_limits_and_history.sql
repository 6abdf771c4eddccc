-- The portal's request limit outlives the worker that used it; history waits behind what happens now; hot tables are kept small.

ALTER TABLE bridge.lanes ADD COLUMN limit_until timestamptz;
COMMENT ON COLUMN bridge.lanes.limit_until IS 'When all that was sent to the portal has left its request bucket, at the latest; null: nothing was sent yet.';

ALTER TABLE bridge.orders ADD COLUMN later boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN bridge.orders.later IS 'The head is history that is loaded: it is sent when nothing else is due.';

DROP INDEX bridge.orders_due;
CREATE INDEX orders_due ON bridge.orders (portal, later, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE bridge.backfills (
    file       bytea NOT NULL CONSTRAINT backfills_file_sha256 CHECK (octet_length(file) = 32),
    shop       text NOT NULL,
    lines      bigint NOT NULL DEFAULT 0,
    refused    bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT backfills_pkey PRIMARY KEY (file, shop)
);
COMMENT ON TABLE bridge.backfills IS 'How far each file of history has been loaded.';
COMMENT ON COLUMN bridge.backfills.file IS 'SHA-256 of the file.';
COMMENT ON COLUMN bridge.backfills.shop IS 'The shop whose orders they are.';
COMMENT ON COLUMN bridge.backfills.lines IS 'Lines that are done with: accepted or refused.';
COMMENT ON COLUMN bridge.backfills.refused IS 'How many of them were refused.';
COMMENT ON COLUMN bridge.backfills.started_at IS 'When the file was first seen.';
COMMENT ON COLUMN bridge.backfills.changed_at IS 'When it last went on.';

-- A share of the table is a lot of dead rows once the table is large: vacuum by count. An order is written several times in its life.
ALTER TABLE bridge.orders SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
                               autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE bridge.outbox SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
                               autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
ALTER TABLE bridge.lanes SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
