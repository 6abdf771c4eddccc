-- A large count in less time: its lines wait as lists, a row for each part, and not as a row each
-- that is written, read and deleted. Parts are of different products, so that two may be applied
-- at once. A level is written without being locked before; where somebody was at it meanwhile, it
-- is locked and looked at again.
CREATE TABLE bridge.stock_count_parts (
    event      bigint NOT NULL,
    part       integer NOT NULL,
    products   text[] NOT NULL,
    quantities numeric[] NOT NULL,
    places     integer[] NOT NULL,
    CONSTRAINT stock_count_parts_pkey PRIMARY KEY (event, part),
    CONSTRAINT stock_count_parts_side_by_side CHECK (
        cardinality(products) = cardinality(quantities)
        AND cardinality(products) = cardinality(places))
);
-- They live for seconds: packing them takes longer than writing them.
ALTER TABLE bridge.stock_count_parts ALTER COLUMN products SET STORAGE EXTERNAL,
    ALTER COLUMN quantities SET STORAGE EXTERNAL, ALTER COLUMN places SET STORAGE EXTERNAL;
COMMENT ON TABLE bridge.stock_count_parts IS
    'The lines of large counts that wait to be applied: each part is applied and removed at once.';
COMMENT ON COLUMN bridge.stock_count_parts.event IS 'The count.';
COMMENT ON COLUMN bridge.stock_count_parts.part IS
    'Its place: parts are in the order of their products, and no two of a count share one.';
COMMENT ON COLUMN bridge.stock_count_parts.products IS
    'Its products, as the stock names them, in order.';
COMMENT ON COLUMN bridge.stock_count_parts.quantities IS 'How much there is of each.';
COMMENT ON COLUMN bridge.stock_count_parts.places IS 'The place of each among the count''s lines.';
COMMENT ON TABLE bridge.stock_count_lines IS
    'The lines of counts that wait to be applied, of those that are small or name new products.';
COMMENT ON COLUMN bridge.stock_events.applied IS
    'How many of the lines of a count in bridge.stock_count_lines are applied.';

-- Stores the lines of a count, whose products are the stock's own names or, where they are not
-- `known`, as they were named.
CREATE FUNCTION bridge.stock_keep_count(event bigint, products text[], quantities numeric[],
    known boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $$
BEGIN
    IF NOT known OR cardinality(products) <= 1000 THEN
        INSERT INTO bridge.stock_count_lines (event, nth, product, quantity, known)
        SELECT stock_keep_count.event, n.nth, n.product, n.quantity, stock_keep_count.known
        FROM unnest(products, quantities) WITH ORDINALITY AS n (product, quantity, nth);
        RETURN;
    END IF;
    -- Of several lines of a product the last counts.
    INSERT INTO bridge.stock_count_parts (event, part, products, quantities, places)
    SELECT stock_keep_count.event, s.part, array_agg(s.product ORDER BY s.place),
           array_agg(s.quantity ORDER BY s.place), array_agg(s.nth ORDER BY s.place)
    FROM (SELECT d.product, d.quantity, d.nth::integer, d.place, (d.place - 1) / 1000 AS part
          FROM (SELECT o.*, row_number() OVER () AS place
                FROM (SELECT DISTINCT ON (n.product) n.product, n.quantity, n.nth
                      FROM unnest(products, quantities) WITH ORDINALITY
                               AS n (product, quantity, nth)
                      ORDER BY n.product, n.nth DESC) o) d) s
    GROUP BY s.part;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_keep_count(bigint, text[], numeric[], boolean) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_keep_count(bigint, text[], numeric[], boolean) IS
    'Stores the lines of a count that waits.';

CREATE OR REPLACE FUNCTION bridge.stock_event(
    event bridge.stock_events, store_named text, names text[], quantities numeric[],
    times timestamptz[], ids text[], reason text)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made    bigint;
    known   bytea;
    instant timestamptz := clock_timestamp();
    at_store text := bridge.stock_store(event.stock, store_named);
    odd     text;
    kinds    text[];
    products text[];
    twice    text[];
BEGIN
    SELECT e.fingerprint INTO known FROM bridge.stock_events e
    WHERE (e.shop, e.source, e.event_id) = (event.shop, event.source, event.event_id);
    IF known IS NULL AND at_store IS NULL THEN
        RETURN 'store';
    ELSIF known IS NULL AND event.kind = 'counted'
        AND event.as_of > instant + interval '5 minutes' THEN
        RETURN 'ahead';
    END IF;
    IF known IS NULL THEN
        INSERT INTO bridge.stock_events (stock, shop, source, event_id, fingerprint, kind, store,
            received_at, as_of, available,
                                         complete, lines, done_at)
        VALUES (event.stock, event.shop, event.source, event.event_id, event.fingerprint,
            event.kind, at_store, instant,
                least(event.as_of, instant), event.available, event.complete, cardinality(names),
                CASE WHEN event.kind = 'moved' THEN instant END)
        ON CONFLICT (shop, source, event_id) DO NOTHING RETURNING id INTO made;
        IF made IS NULL THEN
            SELECT e.fingerprint INTO known FROM bridge.stock_events e
            WHERE (e.shop, e.source, e.event_id) = (event.shop, event.source, event.event_id);
        END IF;
    END IF;
    IF known IS NOT NULL THEN
        RETURN CASE WHEN known = event.fingerprint THEN 'duplicate' ELSE 'conflict' END;
    END IF;
    SELECT s.products_by INTO kinds FROM bridge.stock_shops s WHERE s.shop = event.shop;
    -- One look at each name: which product it is, and whether it may mean two.
    SELECT array_agg(m.product ORDER BY m.nth), array_agg(m.name) FILTER (WHERE m.hits > 1)
    INTO products, twice
    FROM (SELECT n.nth, n.name, h.hits, h.product
          FROM unnest(names) WITH ORDINALITY AS n (name, nth)
          CROSS JOIN LATERAL (
              SELECT count(*) AS hits,
                     min(k.product) FILTER (WHERE k.kind = coalesce(kinds[1], 'product_id'))
                         AS product
              FROM bridge.stock_product_keys k
              WHERE k.stock = event.stock AND k.value = n.name OFFSET 0) h) m;
    IF twice IS NOT NULL THEN
        SELECT format('`%s` may mean the products `%s`', a.name,
                      string_agg(a.product, '` and `' ORDER BY a.product)) INTO odd
        FROM (SELECT n.name, k.product, array_position(kinds, k.kind) AS place,
                     min(array_position(kinds, k.kind)) OVER (PARTITION BY n.name) AS first
              FROM (SELECT DISTINCT u.name FROM unnest(twice) AS u (name)) n
              JOIN bridge.stock_product_keys k ON k.stock = event.stock AND k.value = n.name
                  AND k.kind = ANY (kinds)) a
        WHERE a.place = a.first GROUP BY a.name HAVING count(*) > 1 ORDER BY a.name LIMIT 1;
    END IF;
    IF odd IS NOT NULL THEN
        DELETE FROM bridge.stock_events e WHERE e.id = made;
        RETURN odd;
    END IF;
    IF event.kind = 'counted' THEN
        -- What nobody has named before becomes known part by part.
        IF array_position(products, NULL) IS NOT NULL THEN
            products := NULL;
        END IF;
        PERFORM bridge.stock_keep_count(made, coalesce(products, names), quantities,
                                        products IS NOT NULL);
    ELSE
        PERFORM bridge.stock_post_facts(array_agg(
            (0, event.stock, n.product, at_store, 0, 0, n.quantity, 'moved', event.shop, made::text,
                n.line, 1,
             least(coalesce(n.at, event.as_of, instant), instant), reason)::bridge.stock_moves))
        FROM unnest(bridge.stock_learn(event.stock, event.shop, names), quantities, times,
            ids) AS n (product, quantity, at, line);
    END IF;
    RETURN 'queued';
END
$$;

CREATE OR REPLACE FUNCTION bridge.stock_count_of_onec(
    only_stock text, by_shop text, of_base text, at_stores text[], says_available boolean,
    most integer)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    instant    timestamptz := clock_timestamp();
    warehouse  text;
    formed     timestamptz;
    at_store   text;
    ids        text[];
    quantities numeric[];
    products   text[];
    odd        text[];
    made       bigint;
BEGIN
    UPDATE bridge.onec_counts c SET other_unit = false
    WHERE c.base = of_base AND c.store = ANY (at_stores) AND c.other_unit
      AND NOT EXISTS (SELECT FROM bridge.stock_product_keys k
                      WHERE (k.stock, k.value, k.kind) = (only_stock, c.product, 'xml_id')
                        AND bridge.stock_odd_unit(only_stock, k.product, of_base, c.product));
    SELECT c.store, c.formed_at INTO warehouse, formed FROM bridge.onec_counts c
    WHERE c.base = of_base AND c.store = ANY (at_stores) AND NOT c.other_unit
      AND c.counted_at IS DISTINCT FROM c.formed_at
    ORDER BY c.formed_at, c.store LIMIT 1;
    at_store := bridge.stock_store(only_stock, nullif(warehouse, ''));
    IF formed IS NULL OR at_store IS NULL THEN
        RETURN 0;
    END IF;
    SELECT array_agg(n.product ORDER BY n.product), array_agg(n.quantity ORDER BY n.product)
    INTO ids, quantities
    FROM (SELECT c.product, c.quantity FROM bridge.onec_counts c
          WHERE (c.base, c.store, c.formed_at) = (of_base, warehouse, formed)
            AND NOT c.other_unit AND c.counted_at IS DISTINCT FROM c.formed_at
          ORDER BY c.product LIMIT most FOR UPDATE SKIP LOCKED) n;
    IF ids IS NULL THEN
        -- Another process has them.
        RETURN 0;
    END IF;
    products := bridge.stock_learn_of_onec(only_stock, by_shop, of_base, ids);
    SELECT array_agg(n.id) FILTER (WHERE n.odd),
           array_agg(n.id ORDER BY n.nth) FILTER (WHERE NOT n.odd),
           array_agg(n.product ORDER BY n.nth) FILTER (WHERE NOT n.odd),
           array_agg(n.quantity ORDER BY n.nth) FILTER (WHERE NOT n.odd)
    INTO odd, ids, products, quantities
    FROM (SELECT u.*, bridge.stock_odd_unit(only_stock, u.product, of_base, u.id) AS odd
          FROM unnest(ids, products, quantities)
              WITH ORDINALITY AS u (id, product, quantity, nth) OFFSET 0) n;
    UPDATE bridge.onec_counts c SET other_unit = true
    WHERE (c.base, c.store, c.formed_at) = (of_base, warehouse, formed) AND c.product = ANY (odd);
    IF ids IS NULL THEN
        RETURN bridge.stock_count_of_onec(only_stock, by_shop, of_base, at_stores, says_available,
                                          most);
    END IF;
    INSERT INTO bridge.stock_events (stock, shop, source, event_id, fingerprint, kind, store,
                                     received_at, as_of, available, lines)
    VALUES (only_stock, by_shop, '/onec/' || of_base, gen_random_uuid()::text,
            sha256(convert_to(warehouse || formed::text, 'UTF8')), 'counted', at_store, instant,
            least(formed, instant), says_available, cardinality(ids))
    RETURNING id INTO made;
    PERFORM bridge.stock_keep_count(made, products, quantities, true);
    UPDATE bridge.onec_counts c SET counted_at = c.formed_at
    WHERE (c.base, c.store, c.formed_at) = (of_base, warehouse, formed)
      AND c.product = ANY (ids);
    RETURN cardinality(ids);
END
$$;

-- On hand is the count, and what came or went after it. The products are in order, each once.
CREATE OR REPLACE FUNCTION bridge.stock_apply_count(event bridge.stock_events, products text[],
    quantities numeric[], places integer[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_mergejoin = off
AS $$
DECLARE
    of_base  text;
    before   timestamptz;
    complete timestamptz;
    missed   numeric[];
    done     integer[];
BEGIN
    SELECT c.base, event.as_of - c.count_tolerance, s.counted_as_of
    INTO of_base, before, complete
    FROM bridge.stocks c
    LEFT JOIN bridge.stock_stores s ON (s.stock, s.store) = (c.stock, event.store)
    WHERE c.stock = event.stock;
    FOR turn IN 1 .. 2 LOOP
        IF turn = 2 THEN
            INSERT INTO bridge.stock_levels (stock, product, store)
            SELECT event.stock, n.product, event.store FROM unnest(products) AS n (product)
            ON CONFLICT DO NOTHING;
            PERFORM FROM (SELECT u.product FROM unnest(products) AS u (product) OFFSET 0) n
            CROSS JOIN LATERAL (
                SELECT FROM bridge.stock_levels v
                WHERE (v.stock, v.product, v.store) = (event.stock, n.product, event.store)
                FOR NO KEY UPDATE) l;
        END IF;
        IF of_base IS NOT NULL THEN
            SELECT array_agg(u.quantity ORDER BY n.nth) INTO missed
            FROM unnest(products) WITH ORDINALITY AS n (product, nth)
            LEFT JOIN bridge.stock_not_counted(event.stock, event.store, products, before)
                AS u (product, quantity) USING (product);
        END IF;
        -- A row that somebody has changed since it was read here stands elsewhere: it is left to
        -- the second turn, as one that was not there is.
        WITH n AS MATERIALIZED (
            SELECT l.row, u.product, u.nth, x.stale,
                   u.quantity + x.held AS said,
                   CASE WHEN x.stale THEN 0 ELSE u.quantity + x.held - l.stands
                       + coalesce(u.missed, 0)
                       + coalesce((SELECT sum(m.stated) FROM bridge.stock_moves m
                                   WHERE (m.stock, m.product, m.store)
                                       = (event.stock, u.product, event.store)
                                     AND m.stated IS NOT NULL AND m.at > before), 0) END AS change
            FROM unnest(products, quantities, places, missed)
                     AS u (product, quantity, nth, missed)
            CROSS JOIN LATERAL (
                SELECT v.ctid AS row, v.on_hand AS stands, v.counted_as_of
                FROM bridge.stock_levels v
                WHERE (v.stock, v.product, v.store) = (event.stock, u.product, event.store)
                OFFSET 0) l
            CROSS JOIN LATERAL (
                SELECT coalesce(event.as_of < greatest(l.counted_as_of, complete), false) AS stale,
                       CASE WHEN event.available THEN coalesce((
                             SELECT sum(m.reserved) FROM bridge.stock_moves m
                             WHERE (m.stock, m.product, m.store)
                                 = (event.stock, u.product, event.store)
                               AND m.at <= event.as_of
                               -- 1C takes off what is held for orders that it has.
                               AND (of_base IS NULL OR EXISTS (
                                   SELECT FROM bridge.reservations v
                                   JOIN bridge.onec_orders k ON (k.base, k.shop) = (of_base, v.shop)
                                       AND k.number IN (v.number, v.id)
                                   WHERE (v.shop, v.id) = (m.shop, m.cause_id)
                                     AND k.given_at <= event.as_of))), 0)
                       ELSE 0 END AS held
                OFFSET 0) x),
        changed AS (
            UPDATE bridge.stock_levels l
            SET on_hand = l.on_hand + n.change, counted_as_of = event.as_of,
                version = l.version + (n.change <> 0)::integer, untold = l.untold OR n.change <> 0
            FROM n
            WHERE l.ctid = n.row AND NOT n.stale
            RETURNING n.product, n.nth, n.change, 'counted ' || trim_scale(n.said) AS note),
        applied AS MATERIALIZED (
            SELECT * FROM changed
            UNION ALL SELECT n.product, n.nth, 0, 'stale' FROM n WHERE n.stale),
        posted AS (
            INSERT INTO bridge.stock_moves (stock, product, store, on_hand, reserved, stated, cause,
                                            shop, cause_id, line, version, at, note)
            SELECT event.stock, a.product, event.store, a.change, 0, NULL, 'count', event.shop,
                   event.id::text, a.nth::text, 1, event.as_of, a.note
            FROM applied a)
        SELECT array_agg(a.nth) INTO done FROM applied a;
        EXIT WHEN cardinality(done) = cardinality(products);
        SELECT array_agg(u.product ORDER BY u.place), array_agg(u.quantity ORDER BY u.place),
               array_agg(u.nth ORDER BY u.place)
        INTO products, quantities, places
        FROM unnest(products, quantities, places) WITH ORDINALITY
                 AS u (product, quantity, nth, place)
        WHERE u.nth <> ALL (coalesce(done, '{}'));
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION bridge.stock_count_step(event bridge.stock_events, most integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    products   text[];
    quantities numeric[];
    places     integer[];
    known      boolean;
    at_end     boolean;
BEGIN
    SELECT array_agg(l.product ORDER BY l.nth), array_agg(l.quantity ORDER BY l.nth),
        array_agg(l.nth ORDER BY l.nth), bool_and(l.known)
    INTO products, quantities, places, known
    FROM bridge.stock_count_lines l
    WHERE l.event = event.id AND l.nth > event.applied AND l.nth <= event.applied + most;
    at_end := products IS NULL;
    -- Towards the end of a complete one nothing may come that it has not seen.
    PERFORM FROM bridge.stock_stores s WHERE (s.stock, s.store) = (event.stock, event.store)
        AND at_end
    FOR UPDATE;
    PERFORM FROM bridge.stock_stores s WHERE (s.stock, s.store) = (event.stock, event.store)
        AND NOT at_end
    FOR SHARE;
    IF NOT at_end THEN
        IF NOT known THEN
            products := bridge.stock_learn(event.stock, event.shop, products);
        END IF;
        -- Of several lines of a product the last counts.
        SELECT array_agg(n.product), array_agg(n.quantity), array_agg(n.nth)
        INTO products, quantities, places
        FROM (SELECT DISTINCT ON (g.product) g.*
              FROM unnest(products, quantities, places) AS g (product, quantity, nth)
              ORDER BY g.product, g.nth DESC) n;
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
        UPDATE bridge.stock_events e SET done_at = clock_timestamp(), applied = e.lines
        WHERE e.id = event.id;
        RETURN;
    END IF;
    PERFORM bridge.stock_apply_count(event, products, quantities, places);
    UPDATE bridge.stock_events e SET applied = least(e.applied + most, e.lines)
        WHERE e.id = event.id AND NOT at_end;
END
$$;

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
    oldest bigint;
    event  bridge.stock_events;
    part   bridge.stock_count_parts;
    done   boolean;
BEGIN
    SELECT e.id INTO oldest FROM bridge.stock_events e
    WHERE e.stock = only_stock AND e.done_at IS NULL ORDER BY e.id LIMIT 1;
    SELECT p.* INTO part FROM bridge.stock_count_parts p
    WHERE p.event = oldest ORDER BY p.part LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF part.event IS NOT NULL THEN
        SELECT e.* INTO event FROM bridge.stock_events e WHERE e.id = oldest;
    ELSE
        -- What is not in parts, and the end, is for one alone.
        SELECT e.* INTO event FROM bridge.stock_events e
        WHERE e.id = oldest AND e.done_at IS NULL
          AND NOT EXISTS (SELECT FROM bridge.stock_count_parts p WHERE p.event = oldest)
        FOR NO KEY UPDATE SKIP LOCKED;
    END IF;
    IF event.id IS NULL THEN
        RETURN false;
    END IF;
    BEGIN
        IF part.event IS NULL THEN
            PERFORM bridge.stock_count_step(event, most);
        ELSE
            PERFORM FROM bridge.stock_stores s
            WHERE (s.stock, s.store) = (event.stock, event.store) FOR SHARE;
            PERFORM bridge.stock_apply_count(event, part.products, part.quantities, part.places);
            DELETE FROM bridge.stock_count_parts p
            WHERE (p.event, p.part) = (part.event, part.part);
        END IF;
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
