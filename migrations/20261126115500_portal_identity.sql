-- Which account stands behind a portal's name, and which orders are to be found again by their origin because it is another one, or an
-- older state of the same.
CREATE TABLE bridge.portals (
    portal     text CONSTRAINT portals_pkey PRIMARY KEY,
    address    text,
    generation bigint NOT NULL DEFAULT 1,
    history_id bigint NOT NULL DEFAULT 0,
    checked_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz,
    code       text,
    message    text,
    CONSTRAINT portals_change_whole CHECK ((changed_at IS NULL) = (code IS NULL) AND (changed_at IS NULL) = (message IS NULL))
);
COMMENT ON TABLE bridge.portals IS 'What is known of each portal''s identity: an id alone is never proof that it is the same one.';
COMMENT ON COLUMN bridge.portals.portal IS 'The portal.';
COMMENT ON COLUMN bridge.portals.address IS 'Its member id, where an application tells it; else the host of its webhook.';
COMMENT ON COLUMN bridge.portals.generation IS 'Grows each time another portal, or an older state of it, was found under the name.';
COMMENT ON COLUMN bridge.portals.history_id IS 'The highest id of its stage history that was seen.';
COMMENT ON COLUMN bridge.portals.checked_at IS 'When it was last seen to be the same.';
COMMENT ON COLUMN bridge.portals.changed_at IS 'When it was last found to be another one, or to have gone back.';
COMMENT ON COLUMN bridge.portals.code IS 'Which of these: see bridge.codes.';
COMMENT ON COLUMN bridge.portals.message IS 'What was found, in one sentence.';

ALTER TABLE bridge.orders ADD COLUMN unverified boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN bridge.orders.unverified IS 'Its link was let go, because it did not hold in the portal: it is to be looked up by its origin.';
CREATE INDEX orders_unverified ON bridge.orders (portal, shop, number) WHERE unverified;
