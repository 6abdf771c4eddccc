-- Levels are found one by one by their key, whatever the planner believes of a table that has just
-- been filled: a count locks its thousand levels without reading all the others.

CREATE FUNCTION bridge.stock_lock_levels(stocks text[], products text[], stores text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM (SELECT DISTINCT * FROM unnest(stocks, products, stores) AS u (stock, product,
        store)
                  ORDER BY 1, 2, 3 OFFSET 0) k
    CROSS JOIN LATERAL (
        SELECT FROM bridge.stock_levels v
        WHERE (v.stock, v.product, v.store) = (k.stock, k.product, k.store)
        FOR NO KEY UPDATE) l;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_lock_levels(text[], text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_lock_levels(text[], text[], text[]) IS
    'Locks levels, in the order of their keys.';

CREATE OR REPLACE FUNCTION bridge.stock_end(shops text[], ids text[], ended text,
    due timestamptz) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_shops text[];
    found_ids   text[];
    moves       bridge.stock_moves[];
    instant     timestamptz := clock_timestamp();
BEGIN
    SELECT array_agg(r.shop), array_agg(r.id) INTO found_shops, found_ids
    FROM bridge.reservations r
    JOIN (SELECT DISTINCT * FROM unnest(shops, ids) AS u (shop, id)) k USING (shop, id)
    WHERE r.state = 'held' AND (due IS NULL OR r.expires_at <= due);
    IF found_ids IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM bridge.stock_lock_levels(array_agg(l.stock), array_agg(l.product), array_agg(l.store))
    FROM bridge.reservation_lines l
    JOIN unnest(found_shops, found_ids) AS k (shop, id) USING (shop, id)
    WHERE l.quantity > l.shipped;
    SELECT array_agg((0, l.stock, l.product, l.store, 0, l.shipped - l.quantity, NULL,
        'reservation', l.shop, l.id,
                      l.line, r.revision + 1, instant, ended)::bridge.stock_moves)
    INTO moves
    FROM bridge.reservation_lines l JOIN unnest(found_shops, found_ids) AS k (shop, id) USING (shop,
        id)
    JOIN bridge.reservations r USING (shop, id)
    WHERE l.quantity > l.shipped;
    IF moves IS NOT NULL THEN
        PERFORM bridge.stock_post(moves);
    END IF;
    UPDATE bridge.reservations r
    SET state = ended, expires_at = NULL, revision = r.revision + 1, changed_at = instant
    FROM unnest(found_shops, found_ids) AS k (shop, id) WHERE (r.shop, r.id) = (k.shop, k.id);
    RETURN cardinality(found_ids);
END
$$;

CREATE OR REPLACE FUNCTION bridge.stock_post_facts(moves bridge.stock_moves[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A complete count gives the store its time, also for products that come later: not while it is
    -- at its end.
    PERFORM FROM bridge.stock_stores s
    WHERE (s.stock, s.store) IN (SELECT m.stock, m.store FROM unnest(moves) m)
    ORDER BY s.stock, s.store FOR SHARE;
    INSERT INTO bridge.stock_levels (stock, product, store)
    SELECT DISTINCT m.stock, m.product, m.store FROM unnest(moves) m ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING;
    PERFORM bridge.stock_lock_levels(array_agg(m.stock), array_agg(m.product), array_agg(m.store))
    FROM unnest(moves) m;
    PERFORM bridge.stock_post(array_agg(
        (m.id, m.stock, m.product, m.store,
         CASE WHEN m.at <= greatest(l.counted_as_of, s.counted_as_of) - c.count_tolerance THEN 0
             ELSE m.stated END,
         m.reserved, m.stated, m.cause, m.shop, m.cause_id, m.line, m.version, m.at,
             m.note)::bridge.stock_moves))
    FROM unnest(moves) m
    JOIN bridge.stock_levels l USING (stock, product, store)
    JOIN bridge.stocks c USING (stock)
    LEFT JOIN bridge.stock_stores s USING (stock, store);
END
$$;

CREATE OR REPLACE FUNCTION bridge.stock_apply_count(event bridge.stock_events, products text[],
    quantities numeric[], places integer[])
    RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moves bridge.stock_moves[];
BEGIN
    SELECT array_agg(
        (0, event.stock, l.product, event.store, CASE WHEN x.stale THEN 0
            ELSE n.quantity + x.later + x.held - l.on_hand END, 0, NULL,
         'count', event.shop, event.id::text, n.nth::text, 1, event.as_of,
         CASE WHEN x.stale THEN 'stale' ELSE 'counted' END)::bridge.stock_moves)
    INTO moves
    FROM (SELECT DISTINCT ON (g.product) g.* FROM unnest(products, quantities,
        places) AS g (product, quantity, nth)
          ORDER BY g.product, g.nth DESC) n
    CROSS JOIN LATERAL (
        SELECT v.* FROM bridge.stock_levels v
        WHERE (v.stock, v.product, v.store) = (event.stock, n.product, event.store) OFFSET 0) l
    JOIN bridge.stocks c ON c.stock = event.stock
    LEFT JOIN bridge.stock_stores s ON (s.stock, s.store) = (event.stock, event.store)
    CROSS JOIN LATERAL (
        SELECT coalesce(event.as_of < greatest(l.counted_as_of, s.counted_as_of), false) AS stale,
               coalesce((SELECT sum(m.stated) FROM bridge.stock_moves m
                         WHERE (m.stock, m.product, m.store) = (l.stock, l.product, l.store)
                           AND m.stated IS NOT NULL AND m.at > event.as_of - c.count_tolerance),
                               0) AS later,
               CASE WHEN event.available THEN coalesce((
                         SELECT sum(m.reserved) FROM bridge.stock_moves m
                         WHERE (m.stock, m.product, m.store) = (l.stock, l.product, l.store)
                             AND m.at <= event.as_of), 0)
                    ELSE 0 END AS held) x;
    -- What bridge.stock_post does, with the time of the count in the same update.
    INSERT INTO bridge.stock_moves (stock, product, store, on_hand, reserved, stated, cause, shop,
                                    cause_id, line, version, at, note)
    SELECT stock, product, store, on_hand, reserved, stated, cause, shop, cause_id, line, version,
        at,
           note
    FROM unnest(moves);
    UPDATE bridge.stock_levels l
    SET on_hand = l.on_hand + m.on_hand, counted_as_of = event.as_of,
        version = l.version + (m.on_hand <> 0)::integer, untold = l.untold OR m.on_hand <> 0
    FROM unnest(moves) m
    WHERE (l.stock, l.product, l.store) = (m.stock, m.product, m.store) AND m.note = 'counted';
END
$$;

CREATE OR REPLACE FUNCTION bridge.stock_count_part(only_stock text, most integer) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '1s'
    SET jit = off
    SET enable_seqscan = off
    SET enable_hashjoin = off
AS $$
DECLARE
    event      bridge.stock_events;
    names      text[];
    products   text[];
    quantities numeric[];
    places     integer[];
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
            array_agg(l.nth ORDER BY l.nth)
        INTO names, quantities, places
        FROM bridge.stock_count_lines l
        WHERE l.event = event.id AND l.nth > event.applied AND l.nth <= event.applied + most;
        products := bridge.stock_learn(event.stock, event.shop, names);
        INSERT INTO bridge.stock_levels (stock, product, store)
        SELECT DISTINCT event.stock, p.product, event.store FROM unnest(products) AS p (product)
        WHERE (SELECT true FROM bridge.stock_levels v
               WHERE (v.stock, v.product, v.store) = (event.stock, p.product, event.store)) IS NULL
        ORDER BY 2
        ON CONFLICT DO NOTHING;
    ELSIF event.complete THEN
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
    PERFORM bridge.stock_lock_levels(array_fill(event.stock, ARRAY[cardinality(products)]),
        products,
                                     array_fill(event.store, ARRAY[cardinality(products)]));
    PERFORM bridge.stock_apply_count(event, products, quantities, places);
    UPDATE bridge.stock_events e SET applied = least(e.applied + most, e.lines)
        WHERE e.id = event.id;
    RETURN true;
END
$$;

-- The products that names mean, in their order: with one look for all of them.
CREATE OR REPLACE FUNCTION bridge.stock_learn(only_stock text, by_shop text, names text[])
    RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kinds   text[];
    found   text[];
    unknown text[];
BEGIN
    SELECT products_by INTO kinds FROM bridge.stock_shops WHERE shop = by_shop;
    kinds := coalesce(kinds, ARRAY['product_id', 'xml_id', 'sku', 'barcode']);
    SELECT array_agg(coalesce(m.means[1], n.name) ORDER BY n.nth),
           array_agg(n.name) FILTER (WHERE m.means IS NULL)
    INTO found, unknown
    FROM unnest(names) WITH ORDINALITY AS n (name, nth)
    LEFT JOIN LATERAL (
        SELECT array_agg(k.product ORDER BY k.product) AS means FROM bridge.stock_product_keys k
        WHERE k.stock = only_stock AND k.value = n.name AND k.kind = ANY (kinds)
        GROUP BY k.kind ORDER BY array_position(kinds, k.kind) LIMIT 1) m ON true;
    INSERT INTO bridge.stock_product_keys (stock, kind, value, product)
    SELECT DISTINCT only_stock, k.kind, u.name, u.name
    FROM unnest(unknown) AS u (name) CROSS JOIN unnest(ARRAY['product_id', kinds[1]]) AS k (kind)
    ORDER BY 1, 3, 2
    ON CONFLICT DO NOTHING;
    RETURN found;
END
$$;
