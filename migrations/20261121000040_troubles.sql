-- What a lane meets lately without stopping for it: seen by people even when it is over after a second.
CREATE TABLE bridge.troubles (
    lane     text NOT NULL,
    code     text NOT NULL,
    message  text NOT NULL,
    times    bigint NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at  timestamptz NOT NULL DEFAULT now(),
    over_at  timestamptz,
    CONSTRAINT troubles_pkey PRIMARY KEY (lane, code)
);
COMMENT ON TABLE bridge.troubles IS 'What the calls of each lane met lately, one row for each code.';
COMMENT ON COLUMN bridge.troubles.lane IS 'The portal.';
COMMENT ON COLUMN bridge.troubles.code IS 'What: see bridge.codes.';
COMMENT ON COLUMN bridge.troubles.message IS 'In the words of the last time.';
COMMENT ON COLUMN bridge.troubles.times IS 'How often since first_at.';
COMMENT ON COLUMN bridge.troubles.first_at IS 'When this stretch of it began: one that comes back within a quarter of an hour goes on.';
COMMENT ON COLUMN bridge.troubles.over_at IS 'When it was over; NULL while it lasts.';

-- Few rows, however many orders wait: only what was refused and is tried again.
CREATE INDEX orders_refused ON bridge.orders (portal, shop, error_code) WHERE due_at IS NOT NULL AND error_code IS NOT NULL;
CREATE INDEX status_changes_refused ON bridge.status_changes (shop, error_code) WHERE state = 'waiting' AND error_code IS NOT NULL;
