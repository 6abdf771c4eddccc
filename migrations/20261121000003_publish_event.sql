-- The way in for a shop that shares the database: one call inside the shop's own transaction.

CREATE TABLE bridge.published (
    id           bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT published_pkey PRIMARY KEY,
    event        jsonb NOT NULL,
    published_by text NOT NULL DEFAULT session_user,
    published_at timestamptz NOT NULL DEFAULT now(),
    taken_at     timestamptz,
    outcome      text CONSTRAINT published_outcome_known CHECK (outcome IN ('queued', 'duplicate', 'dead')),
    CONSTRAINT published_taken_has_outcome CHECK ((taken_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX published_waiting ON bridge.published (id) WHERE taken_at IS NULL;
CREATE INDEX published_taken ON bridge.published (taken_at) WHERE taken_at IS NOT NULL;
COMMENT ON TABLE bridge.published IS 'Events from SQL, raw. The worker takes them up with the same checks that HTTP makes.';
COMMENT ON COLUMN bridge.published.event IS 'The event as it was published.';
COMMENT ON COLUMN bridge.published.published_by IS 'The database role that published it.';
COMMENT ON COLUMN bridge.published.published_at IS 'When its transaction began.';
COMMENT ON COLUMN bridge.published.taken_at IS 'When the bridge took it up.';
COMMENT ON COLUMN bridge.published.outcome IS 'queued: in the outbox; duplicate: was there before; dead: in the dead letters.';

CREATE FUNCTION bridge.publish_event(event jsonb) RETURNS bigint
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made bigint;
BEGIN
    IF event IS NULL OR jsonb_typeof(event) <> 'object' THEN
        RAISE EXCEPTION 'bridge.publish_event takes one CloudEvents event: a JSON object'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(event::text) > 1048576 THEN
        RAISE EXCEPTION 'bridge.publish_event takes at most 1 MiB'
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    INSERT INTO bridge.published (event) VALUES (publish_event.event) RETURNING id INTO made;
    PERFORM pg_catalog.pg_notify('bridge_published', '');
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION bridge.publish_event(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.publish_event(jsonb) IS
    'Publishes one event with the transaction that calls it. A role needs USAGE on the schema bridge and EXECUTE on this function, nothing else.';
