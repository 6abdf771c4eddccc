-- Orders are found by their customer's phone and e-mail address.

CREATE FUNCTION bridge.contact_keys(body jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(array_agg(key), '{}') FROM (
        SELECT 'e:' || left(lower(value #>> '{}'), 320) AS key
        FROM (SELECT jsonb_path_query(body, '$.data.customer.emails[*]')
              UNION ALL SELECT jsonb_path_query(body, '$.data.customer.email')) AS email (value)
        UNION ALL
        SELECT 'p:' || right(digits, 10)
        FROM (SELECT left(regexp_replace(value #>> '{}', '\D', '', 'g'), 40)
              FROM (SELECT jsonb_path_query(body, '$.data.customer.phones[*]')
                    UNION ALL SELECT jsonb_path_query(body, '$.data.customer.phone')) AS phone (value)) AS written (digits)
        WHERE length(digits) >= 7
        LIMIT 40
    ) AS keys;
END;
COMMENT ON FUNCTION bridge.contact_keys(jsonb) IS
    'What an event''s customer is found by: e: and each e-mail address in lower case, p: and the last ten digits of each phone number.';

-- Building an index holds back whoever writes the table. A small one is done at once; a large one is left to the worker, which builds it
-- while the table is used (CREATE INDEX CONCURRENTLY cannot run in a migration's transaction).
DO $$
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM bridge.outbox LIMIT 20001) AS counted) <= 20000 THEN
        CREATE INDEX outbox_contacts ON bridge.outbox USING gin (bridge.contact_keys(body)) WITH (fastupdate = off);
    END IF;
END
$$;
