-- What is told about goods: moves, applied in the transaction that accepts them, and counts, which
-- wait and are applied in parts.

CREATE TABLE bridge.stock_events (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT stock_events_pkey PRIMARY KEY,
    stock       text NOT NULL,
    shop        text NOT NULL,
    source      text NOT NULL,
    event_id    text NOT NULL,
    fingerprint bytea NOT NULL,
    kind        text NOT NULL CONSTRAINT stock_events_kind_known CHECK (kind IN ('moved',
        'counted')),
    store       text NOT NULL,
    received_at timestamptz NOT NULL,
    as_of       timestamptz,
    available   boolean NOT NULL DEFAULT false,
    complete    boolean NOT NULL DEFAULT false,
    lines       integer NOT NULL,
    applied     integer NOT NULL DEFAULT 0,
    done_at     timestamptz,
    CONSTRAINT stock_events_identity UNIQUE (shop, source, event_id)
);
CREATE INDEX stock_events_waiting ON bridge.stock_events (stock, id) WHERE done_at IS NULL;
COMMENT ON TABLE bridge.stock_events IS
    'Moves and counts that were told, and how far each count is applied.';
COMMENT ON COLUMN bridge.stock_events.id IS 'The cause_id of its moves in the ledger.';
COMMENT ON COLUMN bridge.stock_events.stock IS 'The stock.';
COMMENT ON COLUMN bridge.stock_events.shop IS 'Who told it; empty: an operator.';
COMMENT ON COLUMN bridge.stock_events.source IS
    'CloudEvents source: with event_id the identity of the event.';
COMMENT ON COLUMN bridge.stock_events.event_id IS 'CloudEvents id.';
COMMENT ON COLUMN bridge.stock_events.fingerprint IS
    'SHA-256 of the event: tells a repetition from another event with the same identity.';
COMMENT ON COLUMN bridge.stock_events.kind IS
    'moved: goods came or went; counted: an absolute figure of the master.';
COMMENT ON COLUMN bridge.stock_events.store IS 'The store.';
COMMENT ON COLUMN bridge.stock_events.received_at IS 'When it came.';
COMMENT ON COLUMN bridge.stock_events.as_of IS 'The time of which a count is true.';
COMMENT ON COLUMN bridge.stock_events.available IS
    'Whether the count says what can be sold, and not what is on the shelf.';
COMMENT ON COLUMN bridge.stock_events.complete IS
    'Whether what the count does not name is not there.';
COMMENT ON COLUMN bridge.stock_events.lines IS 'How many lines it has.';
COMMENT ON COLUMN bridge.stock_events.applied IS 'How many lines of a count are applied.';
COMMENT ON COLUMN bridge.stock_events.done_at IS 'When all of it was applied.';

CREATE TABLE bridge.stock_count_lines (
    event    bigint NOT NULL,
    nth      integer NOT NULL,
    product  text NOT NULL,
    quantity numeric NOT NULL,
    CONSTRAINT stock_count_lines_pkey PRIMARY KEY (event, nth)
);
COMMENT ON TABLE bridge.stock_count_lines IS 'The lines of counts that wait to be applied.';
COMMENT ON COLUMN bridge.stock_count_lines.event IS 'The count.';
COMMENT ON COLUMN bridge.stock_count_lines.nth IS 'The line''s place.';
COMMENT ON COLUMN bridge.stock_count_lines.product IS 'The product, as it was named.';
COMMENT ON COLUMN bridge.stock_count_lines.quantity IS 'How much there is.';

-- The store that a name means; none named: the only one there is.
CREATE FUNCTION bridge.stock_store(only_stock text, named text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found text[];
BEGIN
    SELECT array_agg(s.store ORDER BY s.store IS DISTINCT FROM named) INTO found
    FROM bridge.stock_stores s
    WHERE s.stock = only_stock AND s.active AND (named IS NULL OR s.store = named
        OR named = ANY (s.ids));
    RETURN CASE WHEN named IS NOT NULL OR cardinality(found) = 1 THEN found[1] END;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_store(text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_store(text, text) IS
    'The store that a name or id means; null: none, or not to be told.';

-- The products that names mean, in their order. One that nobody knows becomes known: its name is
-- its product_id.
CREATE FUNCTION bridge.stock_learn(only_stock text, by_shop text, names text[]) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kinds text[];
    found text[];
BEGIN
    SELECT products_by INTO kinds FROM bridge.stock_shops WHERE shop = by_shop;
    kinds := coalesce(kinds, ARRAY['product_id', 'xml_id', 'sku', 'barcode']);
    SELECT array_agg(coalesce(p.products[1], n.name) ORDER BY n.nth) INTO found
    FROM unnest(names) WITH ORDINALITY AS n (name, nth)
    CROSS JOIN LATERAL (SELECT bridge.stock_named(only_stock, kinds, n.name) AS products) p;
    INSERT INTO bridge.stock_product_keys (stock, kind, value, product)
    SELECT DISTINCT only_stock, k.kind, f.product, f.product
    FROM unnest(found, names) AS f (product, name) CROSS JOIN unnest(ARRAY['product_id',
        kinds[1]]) AS k (kind)
    WHERE f.product = f.name
    ORDER BY 1, 3, 2
    ON CONFLICT DO NOTHING;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_learn(text, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_learn(text, text, text[]) IS
    'The products that names mean; unknown ones become known.';

-- Stores an event once. Says queued, duplicate or conflict; or what is wrong: `store`, `ahead`, or
-- a sentence about a product.
CREATE FUNCTION bridge.stock_event(event bridge.stock_events, store_named text, names text[],
    quantities numeric[],
                                   times timestamptz[], ids text[], reason text) RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made    bigint;
    known   bytea;
    instant timestamptz := clock_timestamp();
    at_store text := bridge.stock_store(event.stock, store_named);
    odd     text;
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
    SELECT format('`%s` may mean the products `%s`', a.name, string_agg(a.product, '` and `'
        ORDER BY a.product)) INTO odd
    FROM (SELECT n.name, k.kind, k.product, min(array_position(s.products_by,
        k.kind)) OVER (PARTITION BY n.name) AS first,
                 array_position(s.products_by, k.kind) AS place
          FROM (SELECT DISTINCT u.name FROM unnest(names) AS u (name)) n
          JOIN bridge.stock_shops s ON s.shop = event.shop
          JOIN bridge.stock_product_keys k ON k.stock = event.stock AND k.value = n.name
              AND k.kind = ANY (s.products_by)) a
    WHERE a.place = a.first GROUP BY a.name HAVING count(*) > 1 ORDER BY a.name LIMIT 1;
    IF odd IS NOT NULL THEN
        DELETE FROM bridge.stock_events e WHERE e.id = made;
        RETURN odd;
    END IF;
    IF event.kind = 'counted' THEN
        INSERT INTO bridge.stock_count_lines (event, nth, product, quantity)
        SELECT made, n.nth, n.name, n.quantity FROM unnest(names, quantities)
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
REVOKE ALL ON FUNCTION bridge.stock_event(bridge.stock_events, text, text[], numeric[],
    timestamptz[], text[], text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_event(bridge.stock_events, text, text[], numeric[], timestamptz[],
    text[], text) IS
    'Stores what was told about goods, once; moves are applied with it.';

-- On hand is the count, and what came or went after it. Whoever calls has locked the levels.
CREATE FUNCTION bridge.stock_apply_count(event bridge.stock_events, products text[],
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
    JOIN bridge.stock_levels l ON (l.stock, l.product, l.store) = (event.stock, n.product,
        event.store)
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
    PERFORM bridge.stock_post(moves);
    UPDATE bridge.stock_levels l SET counted_as_of = event.as_of
    FROM unnest(moves) m
    WHERE (l.stock, l.product, l.store) = (m.stock, m.product, m.store) AND m.note = 'counted';
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_apply_count(bridge.stock_events, text[], numeric[], integer[])
    FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_apply_count(bridge.stock_events, text[], numeric[], integer[]) IS
    'Applies some lines of a count.';

-- One part of the oldest count that nobody else is at. Says whether there was one.
CREATE FUNCTION bridge.stock_count_part(only_stock text, most integer) RETURNS boolean
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
    PERFORM FROM bridge.stock_levels l
    WHERE (l.stock, l.product, l.store) IN (SELECT event.stock, p.product, event.store
        FROM unnest(products) AS p (product))
    ORDER BY l.stock, l.product, l.store FOR NO KEY UPDATE;
    PERFORM bridge.stock_apply_count(event, products, quantities, places);
    UPDATE bridge.stock_events e SET applied = least(e.applied + most, e.lines)
        WHERE e.id = event.id;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_count_part(text, integer) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_count_part(text, integer) IS
    'Applies the next part of the oldest count; false: there is none.';
