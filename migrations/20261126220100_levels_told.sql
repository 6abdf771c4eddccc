-- How far each shop that is called has been told of changed levels.

CREATE TABLE bridge.stock_told (
    shop     text NOT NULL CONSTRAINT stock_told_pkey PRIMARY KEY,
    stock    text NOT NULL,
    seq      bigint NOT NULL DEFAULT 0,
    due_at   timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE bridge.stock_told IS
    'Which changed levels the callback of each shop has taken: a state, never a queue.';
COMMENT ON COLUMN bridge.stock_told.shop IS 'The shop.';
COMMENT ON COLUMN bridge.stock_told.stock IS 'The stock whose levels they are.';
COMMENT ON COLUMN bridge.stock_told.seq IS
    'The place in the feed of changed levels up to which it has been told.';
COMMENT ON COLUMN bridge.stock_told.due_at IS 'When the next message may be sent.';
COMMENT ON COLUMN bridge.stock_told.attempts IS 'Refusals since the last that was taken.';
