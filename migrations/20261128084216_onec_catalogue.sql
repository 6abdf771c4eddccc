-- type=get_catalog: how far a session has given the shops' products to 1C.
ALTER TABLE bridge.onec_sessions
    ADD COLUMN catalogue_part  text CONSTRAINT onec_sessions_catalogue_part_known
        CHECK (catalogue_part IN ('groups', 'goods', 'offers', 'over')),
    ADD COLUMN catalogue_shop  text,
    ADD COLUMN catalogue_after text,
    ADD COLUMN catalogue_given bigint NOT NULL DEFAULT 0
        CONSTRAINT onec_sessions_catalogue_given_not_negative CHECK (catalogue_given >= 0),
    ADD CONSTRAINT onec_sessions_catalogue_place
        CHECK ((catalogue_part IS NULL) = (catalogue_shop IS NULL)
               AND (catalogue_part IS NULL) = (catalogue_after IS NULL));
COMMENT ON COLUMN bridge.onec_sessions.catalogue_part IS 'get_catalog: what is given next; null: it has not begun.';
COMMENT ON COLUMN bridge.onec_sessions.catalogue_shop IS 'Whose products are given next.';
COMMENT ON COLUMN bridge.onec_sessions.catalogue_after IS 'The last product that was given of that part, by its key; empty: none.';
COMMENT ON COLUMN bridge.onec_sessions.catalogue_given IS 'How many of that part were given.';
