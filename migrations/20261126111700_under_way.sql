-- What is being written for orders, stored before it is sent: after a crash or a lost answer it is known what may still land, and until when.

CREATE TABLE bridge.under_way (
    shop        text NOT NULL,
    number      text NOT NULL,
    portal      text NOT NULL,
    epoch       bigint NOT NULL,
    what        jsonb NOT NULL,
    lands_until timestamptz NOT NULL,
    CONSTRAINT under_way_pkey PRIMARY KEY (shop, number)
);
COMMENT ON TABLE bridge.under_way IS 'Orders with writes that may still land in the portal: stored before a wave writes, removed by the settlement that heard all answers.';
COMMENT ON COLUMN bridge.under_way.shop IS 'The order''s shop.';
COMMENT ON COLUMN bridge.under_way.number IS 'The order''s number.';
COMMENT ON COLUMN bridge.under_way.portal IS 'The portal that is written to.';
COMMENT ON COLUMN bridge.under_way.epoch IS 'The turn of the lane''s owner that wrote.';
COMMENT ON COLUMN bridge.under_way.what IS 'What may have been written, and a fingerprint of all that was to be written.';
COMMENT ON COLUMN bridge.under_way.lands_until IS 'After this nothing of it can land any more: the portal''s own limit for a call, and a margin.';
