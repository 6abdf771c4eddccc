-- A count that fails the same way each time is set aside with a letter, and holds up none that
-- comes after it. Its lines are kept for whoever tries it again.
ALTER TABLE bridge.dead_letters DROP CONSTRAINT dead_letters_about_known,
    ADD CONSTRAINT dead_letters_about_known
        CHECK (about IN ('comparison', 'origin', 'notification', 'move', 'delivery', 'message',
                         'document', 'push', 'count')) NOT VALID;
ALTER TABLE bridge.dead_letters VALIDATE CONSTRAINT dead_letters_about_known;
COMMENT ON COLUMN bridge.dead_letters.about IS
    'What it is about, where it is neither an event nor a message to a shop: comparison, origin, notification (of a portal), move (a row of the portal''s stage history), delivery (of a shop''s webhook), message (to a shop, other than a change of status), document (of 1C), push (of an order to 1C), count (of goods).';
COMMENT ON COLUMN bridge.stock_events.done_at IS
    'When all of it was applied, or when it was set aside: then a letter says why.';

CREATE FUNCTION bridge.stock_count_step(event bridge.stock_events, most integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    names      text[];
    products   text[];
    quantities numeric[];
    places     integer[];
    known      boolean;
BEGIN
    -- Towards the end of a complete one nothing may come that it has not seen.
    PERFORM FROM bridge.stock_stores s WHERE (s.stock, s.store) = (event.stock, event.store)
        AND event.applied = event.lines
    FOR UPDATE;
    PERFORM FROM bridge.stock_stores s WHERE (s.stock, s.store) = (event.stock, event.store)
        AND event.applied < event.lines
    FOR SHARE;
    IF event.applied < event.lines THEN
        SELECT array_agg(l.product ORDER BY l.nth), array_agg(l.quantity ORDER BY l.nth),
            array_agg(l.nth ORDER BY l.nth), bool_and(l.known)
        INTO names, quantities, places, known
        FROM bridge.stock_count_lines l
        WHERE l.event = event.id AND l.nth > event.applied AND l.nth <= event.applied + most;
        products := CASE WHEN known THEN names
                         ELSE bridge.stock_learn(event.stock, event.shop, names) END;
    ELSIF event.complete AND NOT EXISTS (
        -- A newer one has said all that there is.
        SELECT FROM bridge.stock_stores s
        WHERE (s.stock, s.store) = (event.stock, event.store) AND s.counted_as_of > event.as_of)
    THEN
        SELECT array_agg(z.product), array_agg(0::numeric), array_agg(event.lines + z.nth)
            INTO products, quantities, places
        FROM (SELECT l.product, row_number() OVER (ORDER BY l.product)::integer AS nth
            FROM bridge.stock_levels l
              WHERE (l.stock, l.store) = (event.stock, event.store)
                AND (l.counted_as_of IS NULL OR l.counted_as_of < event.as_of)
              ORDER BY l.product LIMIT most) z;
    END IF;
    IF products IS NULL THEN
        IF event.complete THEN
            UPDATE bridge.stock_stores s SET counted_as_of = greatest(s.counted_as_of, event.as_of)
            WHERE (s.stock, s.store) = (event.stock, event.store);
        END IF;
        DELETE FROM bridge.stock_count_lines l WHERE l.event = event.id;
        UPDATE bridge.stock_events e SET done_at = clock_timestamp() WHERE e.id = event.id;
        RETURN;
    END IF;
    PERFORM bridge.stock_apply_count(event, products, quantities, places);
    UPDATE bridge.stock_events e SET applied = least(e.applied + most, e.lines)
        WHERE e.id = event.id;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_count_step(bridge.stock_events, integer) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_count_step(bridge.stock_events, integer) IS
    'Applies the next part of a count. Whoever calls has locked it.';

CREATE OR REPLACE FUNCTION bridge.stock_count_part(only_stock text, most integer)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout TO '1s'
SET jit TO 'off'
SET enable_seqscan TO 'off'
SET enable_hashjoin TO 'off'
AS $$
DECLARE
    event bridge.stock_events;
    done  boolean;
BEGIN
    SELECT e.* INTO event FROM bridge.stock_events e WHERE e.stock = only_stock
        AND e.done_at IS NULL
    ORDER BY e.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF event.id IS NULL THEN
        RETURN false;
    END IF;
    BEGIN
        PERFORM bridge.stock_count_step(event, most);
    EXCEPTION
        -- What passes is tried again; these say the same each time.
        WHEN data_exception OR integrity_constraint_violation OR cardinality_violation
            OR program_limit_exceeded THEN
        UPDATE bridge.stock_events e SET done_at = clock_timestamp() WHERE e.id = event.id;
        INSERT INTO bridge.dead_letters AS d (about, shop, code, message, attempts, payload)
        VALUES ('count', nullif(event.shop, ''), 'BRIDGE-BUG',
                format('a count of the store `%s` of the stock `%s` cannot be applied: %s',
                       event.store, event.stock, SQLERRM), 1,
                jsonb_build_object('about', 'count', 'stock', event.stock, 'count', event.id))
        ON CONFLICT (about, (coalesce(portal, '')), (coalesce(shop, '')), (md5(payload::text)))
            WHERE closed_at IS NULL AND about IS NOT NULL
        DO UPDATE SET last_failed_at = now(), attempts = d.attempts + 1, code = excluded.code,
                      message = excluded.message;
        RETURN true;
    END;
    -- A part that is lost in a crash is done again; the last waits for the disk, with all before.
    SELECT e.done_at IS NOT NULL INTO done FROM bridge.stock_events e WHERE e.id = event.id;
    IF NOT done THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    RETURN true;
END
$$;
