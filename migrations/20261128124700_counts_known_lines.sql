-- A count of many lines in less time: its names are looked up once, when it comes, and not once
-- more with each part. A whole count that comes after a newer one ends.
ALTER TABLE bridge.stock_count_lines ADD COLUMN known boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN bridge.stock_count_lines.known IS
    'Whether `product` is the stock''s own name of the product; else it is as it was named.';

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
        INSERT INTO bridge.stock_count_lines (event, nth, product, quantity, known)
        SELECT made, n.nth, n.name, n.quantity, products IS NOT NULL
        FROM unnest(coalesce(products, names), quantities)
            WITH ORDINALITY AS n (name, quantity, nth);
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
    event      bridge.stock_events;
    names      text[];
    products   text[];
    quantities numeric[];
    places     integer[];
    known      boolean;
BEGIN
    SELECT e.* INTO event FROM bridge.stock_events e WHERE e.stock = only_stock
        AND e.done_at IS NULL
    ORDER BY e.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF event.id IS NULL THEN
        RETURN false;
    END IF;
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
        RETURN true;
    END IF;
    PERFORM bridge.stock_apply_count(event, products, quantities, places);
    UPDATE bridge.stock_events e SET applied = least(e.applied + most, e.lines)
        WHERE e.id = event.id;
    -- A part that is lost in a crash is done again; the last waits for the disk, with all before.
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN true;
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
    INSERT INTO bridge.stock_count_lines (event, nth, product, quantity, known)
    SELECT made, n.nth, n.product, n.quantity, true
    FROM unnest(products, quantities)
        WITH ORDINALITY AS n (product, quantity, nth);
    UPDATE bridge.onec_counts c SET counted_at = c.formed_at
    WHERE (c.base, c.store, c.formed_at) = (of_base, warehouse, formed)
      AND c.product = ANY (ids);
    RETURN cardinality(ids);
END
$$;

