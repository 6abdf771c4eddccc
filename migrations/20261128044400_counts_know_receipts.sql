-- What a base of 1C counts holds the receipts that it had been given by then, and no others; and a
-- count changes its thousand levels in one statement.

ALTER TABLE bridge.stocks ADD COLUMN base text;
COMMENT ON COLUMN bridge.stocks.base IS 'The 1C base that counts it; null: none does.';
ALTER TABLE bridge.stock_shops ADD COLUMN gives_receipts boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN bridge.stock_shops.gives_receipts IS
    'Whether the base that counts the stock gets the receipts of the shop''s tills as documents.';

ALTER TABLE bridge.onec_orders ADD COLUMN given_at timestamptz;
COMMENT ON COLUMN bridge.onec_orders.given_at IS
    'When the base first confirmed it; -infinity: it was made there. Null: not yet.';
UPDATE bridge.onec_orders SET given_at = confirmed_at WHERE confirmed_at IS NOT NULL;

CREATE TABLE bridge.receipt_versions (
    shop       text NOT NULL,
    till       text NOT NULL,
    receipt    text NOT NULL,
    revision   bigint NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT receipt_versions_pkey PRIMARY KEY (shop, till, receipt, revision)
);
COMMENT ON TABLE bridge.receipt_versions IS
    'When receipts that were changed came with other contents. The first came with the receipt.';
COMMENT ON COLUMN bridge.receipt_versions.shop IS 'The shop.';
COMMENT ON COLUMN bridge.receipt_versions.till IS 'The till.';
COMMENT ON COLUMN bridge.receipt_versions.receipt IS 'The receipt.';
COMMENT ON COLUMN bridge.receipt_versions.revision IS 'The first revision with these contents.';
COMMENT ON COLUMN bridge.receipt_versions.changed_at IS 'When they came.';
-- Which of its revisions came when was not kept before: all count as the newest.
INSERT INTO bridge.receipt_versions (shop, till, receipt, revision, changed_at)
SELECT shop, till, receipt, 0, changed_at FROM bridge.receipts WHERE changed_at > received_at;

CREATE TABLE bridge.onec_receipts_given (
    base       text NOT NULL,
    shop       text NOT NULL,
    number     text NOT NULL,
    changed_at timestamptz NOT NULL,
    given_at   timestamptz NOT NULL,
    CONSTRAINT onec_receipts_given_pkey PRIMARY KEY (base, shop, number, changed_at)
);
CREATE INDEX onec_receipts_given_at ON bridge.onec_receipts_given (base, given_at);
COMMENT ON TABLE bridge.onec_receipts_given IS
    'Which version of each receipt a base has confirmed.';
COMMENT ON COLUMN bridge.onec_receipts_given.base IS 'The configured name.';
COMMENT ON COLUMN bridge.onec_receipts_given.shop IS 'The shop.';
COMMENT ON COLUMN bridge.onec_receipts_given.number IS 'The key in bridge.onec_receipts.';
COMMENT ON COLUMN bridge.onec_receipts_given.changed_at IS
    'Which version: the time when it came.';
COMMENT ON COLUMN bridge.onec_receipts_given.given_at IS 'When the base confirmed it.';
INSERT INTO bridge.onec_receipts_given (base, shop, number, changed_at, given_at)
SELECT c.base, c.shop, c.number, c.changed_at, k.confirmed_at
FROM bridge.onec_receipts c JOIN bridge.onec_orders k USING (base, shop, number)
WHERE k.confirmed_at IS NOT NULL AND NOT k.waits;

-- As moves name receipts.
CREATE INDEX receipts_cause ON bridge.receipts (shop, (till || '/' || receipt));

-- A receipt that the base is still to get is in none of its counts; one that does not go there
-- counts by its time, as everything else does.
CREATE FUNCTION bridge.stock_not_given(of_shop text, of_cause text, of_revision bigint,
    before timestamptz) RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_base text;
    r       bridge.receipts;
    up      bridge.onec_receipts;
    came    timestamptz;
    given   timestamptz;
BEGIN
    SELECT c.base INTO of_base FROM bridge.stock_shops s JOIN bridge.stocks c USING (stock)
    WHERE s.shop = of_shop AND s.gives_receipts;
    IF of_base IS NULL THEN
        RETURN false;
    END IF;
    SELECT f.* INTO r FROM bridge.receipts f
    WHERE f.shop = of_shop AND f.till || '/' || f.receipt = of_cause LIMIT 1;
    came := coalesce((SELECT v.changed_at FROM bridge.receipt_versions v
                      WHERE (v.shop, v.till, v.receipt) = (r.shop, r.till, r.receipt)
                        AND v.revision <= of_revision
                      ORDER BY v.revision DESC LIMIT 1), r.received_at);
    SELECT c.* INTO up FROM bridge.onec_receipts c
    WHERE (c.base, c.shop, c.till, c.receipt) = (of_base, r.shop, r.till, r.receipt);
    SELECT min(g.given_at) INTO given FROM bridge.onec_receipts_given g
    WHERE (g.base, g.shop, g.number) = (of_base, up.shop, up.number) AND g.changed_at >= came;
    IF given IS NOT NULL THEN
        RETURN given > before;
    ELSIF up.changed_at >= r.changed_at THEN
        RETURN (SELECT k.waits FROM bridge.onec_orders k
                WHERE (k.base, k.shop, k.number) = (of_base, up.shop, up.number));
    END IF;
    -- It is not taken up yet; or it is one of those before the base got any.
    RETURN coalesce(r.changed_at >= (SELECT c.cursor_at FROM bridge.onec_receipt_cursors c
                                     WHERE c.base = of_base), false);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_not_given(text, text, bigint, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_not_given(text, text, bigint, timestamptz) IS
    'Whether the base that counts a stock is to get a revision of a receipt, and had not by then.';

CREATE FUNCTION bridge.stock_not_counted(of_stock text, at_store text, products text[],
    before timestamptz) RETURNS TABLE (product text, quantity numeric)
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_base text;
    shops   text[];
BEGIN
    SELECT c.base, array_agg(s.shop) INTO of_base, shops
    FROM bridge.stocks c JOIN bridge.stock_shops s USING (stock)
    WHERE c.stock = of_stock AND c.base IS NOT NULL AND s.gives_receipts GROUP BY c.base;
    IF of_base IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH late AS (
        SELECT c.shop, c.till, c.receipt FROM bridge.onec_orders k
        JOIN bridge.onec_receipts c USING (base, shop, number)
        WHERE k.base = of_base AND k.waits
        UNION
        SELECT c.shop, c.till, c.receipt FROM bridge.onec_receipts_given g
        JOIN bridge.onec_receipts c USING (base, shop, number)
        WHERE g.base = of_base AND g.given_at > before
        UNION
        SELECT r.shop, r.till, r.receipt FROM bridge.receipts r
        WHERE r.changed_at >= (SELECT c.cursor_at FROM bridge.onec_receipt_cursors c
                               WHERE c.base = of_base))
    SELECT m.product, sum(m.stated)
    FROM (SELECT DISTINCT l.shop, l.till || '/' || l.receipt AS cause, g.product
          FROM late l JOIN bridge.receipt_goods g USING (shop, till, receipt)
          WHERE l.shop = ANY (shops) AND g.product = ANY (products)) o
    JOIN bridge.stock_moves m ON (m.stock, m.product, m.store, m.cause, m.shop, m.cause_id)
        = (of_stock, o.product, at_store, 'receipt', o.shop, o.cause)
    WHERE m.at <= before AND bridge.stock_not_given(m.shop, m.cause_id, m.version, before)
    GROUP BY m.product;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_not_counted(text, text, text[], timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_not_counted(text, text, text[], timestamptz) IS
    'What tills moved until then of products that their base counts, and it had not been given.';

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
         CASE WHEN m.at > b.before OR b.before IS NULL
                OR m.cause = 'receipt'
                   AND bridge.stock_not_given(m.shop, m.cause_id, m.version, b.before)
              THEN m.stated ELSE 0 END,
         m.reserved, m.stated, m.cause, m.shop, m.cause_id, m.line, m.version, m.at,
             m.note)::bridge.stock_moves))
    FROM unnest(moves) m
    JOIN bridge.stock_levels l USING (stock, product, store)
    JOIN bridge.stocks c USING (stock)
    LEFT JOIN bridge.stock_stores s USING (stock, store)
    CROSS JOIN LATERAL (
        SELECT greatest(l.counted_as_of, s.counted_as_of) - c.count_tolerance AS before) b;
END
$$;

COMMENT ON COLUMN bridge.stock_moves.note IS
    'held, released, expired, shipped, counted and what was there then, stale, moved, or the reason '
    'that was given.';

-- Locks the levels, in the order of their keys; of a product that is said twice the last counts.
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
    stands   numeric[];
    times    timestamptz[];
    rows     tid[];
    missed   numeric[];
BEGIN
    SELECT c.base, event.as_of - c.count_tolerance, s.counted_as_of
    INTO of_base, before, complete
    FROM bridge.stocks c
    LEFT JOIN bridge.stock_stores s ON (s.stock, s.store) = (c.stock, event.store)
    WHERE c.stock = event.stock;
    SELECT array_agg(n.product), array_agg(n.quantity), array_agg(n.nth)
    INTO products, quantities, places
    FROM (SELECT DISTINCT ON (g.product) g.*
          FROM unnest(products, quantities, places) AS g (product, quantity, nth)
          ORDER BY g.product, g.nth DESC) n;
    FOR turn IN 1 .. 2 LOOP
        SELECT array_agg(l.on_hand), array_agg(l.counted_as_of), array_agg(l.ctid)
        INTO stands, times, rows
        FROM (SELECT u.product FROM unnest(products) AS u (product) OFFSET 0) n
        CROSS JOIN LATERAL (
            SELECT v.ctid, v.on_hand, v.counted_as_of FROM bridge.stock_levels v
            WHERE (v.stock, v.product, v.store) = (event.stock, n.product, event.store)
            FOR NO KEY UPDATE) l;
        EXIT WHEN cardinality(rows) = cardinality(products);
        INSERT INTO bridge.stock_levels (stock, product, store)
        SELECT event.stock, n.product, event.store FROM unnest(products) AS n (product)
        ON CONFLICT DO NOTHING;
    END LOOP;
    IF of_base IS NOT NULL THEN
        SELECT array_agg(u.quantity ORDER BY n.nth) INTO missed
        FROM unnest(products) WITH ORDINALITY AS n (product, nth)
        LEFT JOIN bridge.stock_not_counted(event.stock, event.store, products, before)
            AS u (product, quantity) USING (product);
    END IF;
    -- A locked row stays where it is until it is written.
    WITH n AS MATERIALIZED (
        SELECT u.row, u.product, u.nth, x.stale,
               u.quantity + x.held AS said,
               CASE WHEN x.stale THEN 0 ELSE u.quantity + x.held - u.stands
                   + coalesce(u.missed, 0)
                   + coalesce((SELECT sum(m.stated) FROM bridge.stock_moves m
                               WHERE (m.stock, m.product, m.store)
                                   = (event.stock, u.product, event.store)
                                 AND m.stated IS NOT NULL AND m.at > before), 0) END AS change
        FROM unnest(rows, products, quantities, places, stands, times, missed)
                 AS u (row, product, quantity, nth, stands, counted_as_of, missed)
        CROSS JOIN LATERAL (
            SELECT coalesce(event.as_of < greatest(u.counted_as_of, complete), false) AS stale,
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
    posted AS (
        INSERT INTO bridge.stock_moves (stock, product, store, on_hand, reserved, stated, cause,
                                        shop, cause_id, line, version, at, note)
        SELECT event.stock, n.product, event.store, n.change, 0, NULL, 'count', event.shop,
               event.id::text, n.nth::text, 1, event.as_of,
               CASE WHEN n.stale THEN 'stale' ELSE 'counted ' || trim_scale(n.said) END
        FROM n)
    UPDATE bridge.stock_levels l
    SET on_hand = l.on_hand + n.change, counted_as_of = event.as_of,
        version = l.version + (n.change <> 0)::integer, untold = l.untold OR n.change <> 0
    FROM n
    WHERE l.ctid = n.row AND NOT n.stale;
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
    PERFORM bridge.stock_apply_count(event, products, quantities, places);
    UPDATE bridge.stock_events e SET applied = least(e.applied + most, e.lines)
        WHERE e.id = event.id;
    -- A part that is lost in a crash is done again; the last waits for the disk, with all before it.
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN true;
END
$$;

-- Most names are of the first kind: the others are asked where it knows none.
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
    SELECT array_agg(coalesce(m.product, m.name) ORDER BY m.nth),
           array_agg(m.name) FILTER (WHERE m.product IS NULL)
    INTO found, unknown
    FROM (SELECT n.nth, n.name, coalesce(
              (SELECT k.product FROM bridge.stock_product_keys k
               WHERE (k.stock, k.value, k.kind) = (only_stock, n.name, kinds[1])
               ORDER BY k.product LIMIT 1),
              (SELECT k.product FROM bridge.stock_product_keys k
               WHERE k.stock = only_stock AND k.value = n.name AND k.kind = ANY (kinds)
               ORDER BY array_position(kinds, k.kind), k.product LIMIT 1)) AS product
          FROM unnest(names) WITH ORDINALITY AS n (name, nth) OFFSET 0) m;
    IF unknown IS NOT NULL THEN
        INSERT INTO bridge.stock_product_keys (stock, kind, value, product)
        SELECT DISTINCT only_stock, k.kind, u.name, u.name
        FROM unnest(unknown) AS u (name)
        CROSS JOIN unnest(ARRAY['product_id', kinds[1]]) AS k (kind)
        ORDER BY 1, 3, 2
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN found;
END
$$;

-- Says with which revision other contents came.
CREATE OR REPLACE FUNCTION bridge.stock_receipt(said jsonb, by_hand boolean) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $$
DECLARE
    made     bigint;
    known    bytea;
    r        bridge.receipts;
    is_newer boolean;
    is_older boolean;
    before   text;
    given    bigint := (said ->> 'version')::bigint;
    annuls   boolean := (said ->> 'cancelled')::boolean;
    is_like  bytea := decode(said ->> 'contents', 'hex');
    instant  timestamptz := clock_timestamp();
BEGIN
    INSERT INTO bridge.stock_events (stock, shop, source, event_id, fingerprint, kind, store,
                                     received_at, lines, done_at)
    VALUES (said ->> 'stock', said ->> 'shop', said ->> 'source', said ->> 'event_id',
            decode(said ->> 'fingerprint', 'hex'), 'receipt', coalesce(said ->> 'store', ''),
            instant, jsonb_array_length(said -> 'lines'), instant)
    ON CONFLICT (shop, source, event_id) DO NOTHING RETURNING id INTO made;
    IF made IS NULL AND NOT by_hand THEN
        SELECT e.fingerprint INTO known FROM bridge.stock_events e
        WHERE (e.shop, e.source, e.event_id)
            = (said ->> 'shop', said ->> 'source', said ->> 'event_id');
        RETURN jsonb_build_object('result',
            CASE WHEN known = decode(said ->> 'fingerprint', 'hex') THEN 'duplicate'
                 ELSE 'conflict' END);
    END IF;
    INSERT INTO bridge.receipts (shop, till, receipt, stock, kind, cancelled, closed_at,
                                 received_at, changed_at, revision, contents, body, lines)
    VALUES (said ->> 'shop', said ->> 'till', said ->> 'receipt', said ->> 'stock',
            said ->> 'kind', annuls, coalesce((said ->> 'closed_at')::timestamptz, instant),
            instant, instant, 0, is_like, said -> 'body', '[]')
    ON CONFLICT (shop, till, receipt) DO NOTHING;
    SELECT f.* INTO r FROM bridge.receipts f
    WHERE (f.shop, f.till, f.receipt) = (said ->> 'shop', said ->> 'till', said ->> 'receipt')
    FOR UPDATE;
    IF r.revision > 0 THEN
        -- A till that counts no versions can still annul, and what came before that is older.
        is_newer := by_hand OR given > r.version OR (given IS NOT NULL AND r.version IS NULL)
            OR (given IS NULL AND r.version IS NULL AND annuls AND NOT r.cancelled);
        is_older := given < r.version
            OR (given IS NULL AND r.version IS NULL AND r.cancelled AND NOT annuls);
        IF is_newer IS NOT TRUE THEN
            RETURN jsonb_build_object('result', CASE WHEN is_older THEN 'older'
                WHEN r.contents = is_like THEN 'duplicate' ELSE 'changed' END);
        END IF;
    END IF;
    before := r.number;
    UPDATE bridge.receipts f
    SET stock = said ->> 'stock', store = said ->> 'store', store_named = said ->> 'store_named',
        kind = said ->> 'kind', number = said ->> 'number', version = coalesce(given, f.version),
        cancelled = annuls, closed_at = coalesce((said ->> 'closed_at')::timestamptz, f.closed_at),
        changed_at = instant, revision = f.revision + 1, contents = is_like,
        body = said -> 'body', lines = said -> 'lines'
    WHERE (f.shop, f.till, f.receipt) = (r.shop, r.till, r.receipt)
    RETURNING f.* INTO r;
    IF r.revision > 1 THEN
        INSERT INTO bridge.receipt_versions (shop, till, receipt, revision, changed_at)
        VALUES (r.shop, r.till, r.receipt, r.revision, r.changed_at);
    END IF;
    RETURN bridge.stock_post_receipt(r, before)
        || jsonb_build_object('result', 'queued', 'revision', r.revision);
END
$$;

-- Whether names are ambiguous is asked of those that may be.
CREATE OR REPLACE FUNCTION bridge.stock_event(event bridge.stock_events, store_named text,
    names text[],
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
          FROM (SELECT DISTINCT u.name FROM unnest(names) AS u (name)
                -- One row can mean no two products: most names have one.
                WHERE (SELECT count(*) FROM (
                           SELECT FROM bridge.stock_product_keys e
                           WHERE e.stock = event.stock AND e.value = u.name LIMIT 2) e) = 2) n
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
