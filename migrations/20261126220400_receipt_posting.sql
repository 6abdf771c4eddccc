-- A receipt is posted in the transaction that accepts it, by the difference to what it had posted.
-- Locks, in this order: the receipt, the reservations of its order, stores, levels.

-- What of a product of an order has left by a call or its status, and no receipt has claimed.
CREATE FUNCTION bridge.stock_left_unclaimed(only_stock text, of_shop text, of_number text,
    only_product text) RETURNS numeric
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
    SELECT coalesce(sum(x.quantity), 0)
    FROM (SELECT l.shipped AS quantity
          FROM bridge.reservations r JOIN bridge.reservation_lines l USING (shop, id)
          WHERE r.shop = of_shop AND (r.number = of_number OR r.id = of_number)
            AND l.product = only_product
          UNION ALL
          SELECT -m.stated
          FROM bridge.stock_stores s
          JOIN bridge.stock_moves m
            ON (m.stock, m.product, m.store, m.cause, m.shop, m.cause_id, m.line)
             = (s.stock, only_product, s.store, 'order', of_shop, of_number, '')
          WHERE s.stock = only_stock
          UNION ALL
          SELECT -(g.held + g.gone + g.returned) FROM bridge.receipt_goods g
          WHERE g.shop = of_shop AND g.number = of_number AND g.product = only_product) x);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_left_unclaimed(text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_left_unclaimed(text, text, text, text) IS
    'What of an order''s product has left otherwise than by a receipt, and is on none.';

-- Posts the difference between what a receipt says and what it has posted. Whoever calls has locked
-- the receipt. Says what is parked, and how many pieces an order had held.
CREATE FUNCTION bridge.stock_post_receipt(r bridge.receipts, number_before text) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kinds    text[];
    ids      text[];
    instant  timestamptz;
    named    jsonb;
    waits    jsonb;
    was      record;
    piece    record;
    rest     numeric;
    part     numeric;
    keeps    numeric;
    picks    numeric;
    gone     numeric;
    before   numeric;
    after    numeric;
    picked   numeric := 0;
    same     boolean;
    note     text := CASE WHEN r.cancelled THEN 'annulled' WHEN r.kind = 'refund' THEN 'refunded'
                     ELSE 'sold' END;
    moves    bridge.stock_moves[] := '{}';
    leaving  bridge.stock_moves[] := '{}';
BEGIN
    SELECT s.products_by INTO kinds FROM bridge.stock_shops s WHERE s.shop = r.shop;
    kinds := coalesce(kinds, ARRAY['product_id', 'xml_id', 'sku', 'barcode']);
    SELECT array_agg(DISTINCT x.id) INTO ids
    FROM (SELECT v.id FROM bridge.reservations v
          WHERE v.shop = r.shop AND v.number IN (r.number, number_before)
          UNION ALL SELECT r.number UNION ALL SELECT number_before) x
    WHERE x.id IS NOT NULL;
    IF ids IS NOT NULL THEN
        PERFORM bridge.stock_lock_reservations(array_fill(r.shop, ARRAY[cardinality(ids)]), ids);
    END IF;
    instant := least(r.closed_at, clock_timestamp());

    SELECT jsonb_agg(jsonb_build_object('line', l.line, 'products', p.products)),
           coalesce(jsonb_agg(l.line || jsonb_build_object('products', p.products))
                    FILTER (WHERE r.store IS NULL OR cardinality(p.products) IS DISTINCT FROM 1),
                    '[]')
    INTO named, waits
    FROM jsonb_array_elements(r.lines) AS l (line)
    CROSS JOIN LATERAL (SELECT bridge.stock_receipt_products(r.stock, kinds, l.line -> 'names')
                               AS products) p;
    IF r.cancelled THEN
        waits := '[]';
    END IF;

    FOR was IN
        SELECT product, number, coalesce(w.quantity, 0) AS wanted, g.store, g.at,
               coalesce(g.held, 0) AS held, coalesce(g.gone, 0) AS gone,
               coalesce(g.sold, 0) AS sold, coalesce(g.returned, 0) AS returned,
               coalesce(g.refunded, 0) AS refunded
        FROM (SELECT n.it -> 'products' ->> 0 AS product,
                     CASE WHEN r.kind = 'sale' THEN coalesce(r.number, '') ELSE '' END AS number,
                     sum((n.it -> 'line' ->> 'quantity')::numeric) AS quantity
              FROM jsonb_array_elements(named) AS n (it)
              WHERE NOT r.cancelled AND r.store IS NOT NULL
                AND jsonb_array_length(nullif(n.it -> 'products', 'null')) = 1
              GROUP BY 1, 2) w
        FULL JOIN (SELECT * FROM bridge.receipt_goods f
                   WHERE (f.shop, f.till, f.receipt) = (r.shop, r.till, r.receipt)) g
             USING (product, number)
        ORDER BY product, number
    LOOP
        keeps := 0;
        picks := 0;
        gone := 0;
        rest := was.wanted;
        IF was.number <> '' AND rest > 0 THEN
            keeps := least(rest, was.held);
            rest := rest - keeps;
            FOR piece IN
                SELECT l.*, v.revision FROM bridge.reservations v
                JOIN bridge.reservation_lines l USING (shop, id)
                WHERE v.shop = r.shop AND (v.number = was.number OR v.id = was.number)
                  AND v.state = 'held' AND l.product = was.product AND l.quantity > l.shipped
                ORDER BY l.store <> r.store, l.id, l.nth, l.store
            LOOP
                EXIT WHEN rest = 0;
                part := least(rest, piece.quantity - piece.shipped);
                leaving := leaving || (0, r.stock, was.product, piece.store, 0, -part, 0,
                    'shipment', r.shop, piece.id, piece.line, piece.revision + 1, instant,
                    'picked up')::bridge.stock_moves;
                picks := picks + part;
                rest := rest - part;
            END LOOP;
            IF rest > 0 THEN
                gone := greatest(0, least(rest, was.gone
                    + bridge.stock_left_unclaimed(r.stock, r.shop, was.number, was.product)));
                rest := rest - gone;
            END IF;
        END IF;
        picked := picked + picks;
        before := was.refunded - was.held - was.sold;
        after := CASE WHEN r.kind = 'refund' THEN rest ELSE -(keeps + picks + rest) END;
        same := was.store IS NOT DISTINCT FROM r.store AND was.at IS NOT DISTINCT FROM instant;
        IF before <> 0 AND after <> 0 AND NOT same THEN
            moves := moves
                || (0, r.stock, was.product, was.store, 0, 0, -before, 'receipt', r.shop,
                    r.till || '/' || r.receipt, '-' || was.number, r.revision, was.at,
                    'changed')::bridge.stock_moves
                || (0, r.stock, was.product, r.store, 0, 0, after, 'receipt', r.shop,
                    r.till || '/' || r.receipt, was.number, r.revision, instant,
                    note)::bridge.stock_moves;
        ELSIF after <> before THEN
            moves := moves || (0, r.stock, was.product,
                CASE WHEN before = 0 THEN r.store ELSE was.store END, 0, 0, after - before,
                'receipt', r.shop, r.till || '/' || r.receipt, was.number, r.revision,
                CASE WHEN before = 0 THEN instant ELSE was.at END,
                CASE WHEN before = 0 OR r.cancelled THEN note ELSE 'changed' END
                )::bridge.stock_moves;
        END IF;
        INSERT INTO bridge.receipt_goods AS f
               (shop, till, receipt, product, number, store, at, held, gone, sold, returned,
                refunded)
        VALUES (r.shop, r.till, r.receipt, was.product, was.number, coalesce(r.store, was.store),
                instant, keeps + picks, gone, CASE WHEN r.kind = 'sale' THEN rest ELSE 0 END,
                was.returned + was.held - keeps, CASE WHEN r.kind = 'refund' THEN rest ELSE 0 END)
        ON CONFLICT (shop, till, receipt, product, number) DO UPDATE
        SET store = excluded.store, at = excluded.at, held = excluded.held, gone = excluded.gone,
            sold = excluded.sold, returned = excluded.returned, refunded = excluded.refunded;
    END LOOP;

    IF cardinality(moves) + cardinality(leaving) > 0 THEN
        PERFORM bridge.stock_post_facts(moves || leaving);
        UPDATE bridge.reservation_lines l SET shipped = l.shipped - m.reserved
        FROM unnest(leaving) m
        WHERE (l.shop, l.id, l.line, l.store) = (m.shop, m.cause_id, m.line, m.store);
        UPDATE bridge.reservations v
        SET revision = v.revision + 1, changed_at = clock_timestamp(),
            state = CASE WHEN b.done THEN 'shipped' ELSE v.state END,
            expires_at = CASE WHEN b.done THEN NULL ELSE v.expires_at END
        FROM (SELECT l.shop, l.id, bool_and(l.shipped = l.quantity) AS done
              FROM bridge.reservation_lines l
              WHERE (l.shop, l.id) IN (SELECT m.shop, m.cause_id FROM unnest(leaving) m)
              GROUP BY l.shop, l.id) b
        WHERE (v.shop, v.id) = (b.shop, b.id);
    END IF;
    UPDATE bridge.receipts f SET parked = waits
    WHERE (f.shop, f.till, f.receipt) = (r.shop, r.till, r.receipt);
    RETURN jsonb_build_object('parked', waits, 'picked', trim_scale(picked)::text,
                              'moved', cardinality(moves));
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_post_receipt(bridge.receipts, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_post_receipt(bridge.receipts, text) IS
    'Posts what a receipt says, by the difference to what it has posted.';

-- Stores a receipt, and posts it. Says queued, older, duplicate, conflict (another event of that
-- identity) or changed: another receipt under the same id, and not a newer one.
CREATE FUNCTION bridge.stock_receipt(said jsonb, by_hand boolean) RETURNS jsonb
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
    RETURN bridge.stock_post_receipt(r, before)
        || jsonb_build_object('result', 'queued', 'revision', r.revision);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_receipt(jsonb, boolean) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_receipt(jsonb, boolean) IS
    'Stores a receipt once, and posts it; by hand: whatever its version.';

-- Posts a receipt again whose lines were parked; the store may be known by now.
CREATE FUNCTION bridge.stock_receipt_again(of_shop text, of_till text, of_receipt text,
    known_store text) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $$
DECLARE
    r bridge.receipts;
BEGIN
    UPDATE bridge.receipts f
    SET store = coalesce(f.store, known_store), revision = f.revision + 1
    WHERE (f.shop, f.till, f.receipt) = (of_shop, of_till, of_receipt) AND f.parked <> '[]'
    RETURNING f.* INTO r;
    IF r.shop IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN bridge.stock_post_receipt(r, r.number);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_receipt_again(text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_receipt_again(text, text, text, text) IS
    'Posts a receipt again whose lines were parked; null: none are.';

-- What the receipts of an order have sold has left, too; what they have put back has not.
CREATE OR REPLACE FUNCTION bridge.stock_ship_order(
    only_stock text, of_shop text, of_number text, at_store text, products text[],
    quantities numeric[], shipped_at timestamptz
) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moves    bridge.stock_moves[];
    held     bridge.stock_moves[];
    revised  bigint;
    fallback text;
BEGIN
    SELECT s.store INTO fallback FROM bridge.stock_stores s
    WHERE s.stock = only_stock AND s.active
    ORDER BY s.store IS DISTINCT FROM at_store, NOT s.online, s.rank, s.store LIMIT 1;
    SELECT coalesce(max(m.version), 0) + 1 INTO revised FROM bridge.stock_moves m
    WHERE m.stock = only_stock AND m.cause = 'order' AND m.shop = of_shop
      AND m.cause_id = of_number AND m.product = ANY (products);
    WITH wanted AS (
        SELECT w.product, sum(w.quantity) AS quantity
        FROM unnest(products, quantities) AS w (product, quantity) GROUP BY w.product),
    named AS (
        SELECT r.* FROM bridge.reservations r
        WHERE r.shop = of_shop AND (r.number = of_number OR r.id = of_number)),
    gone AS (
        SELECT g.product, sum(g.quantity) AS quantity
        FROM (SELECT l.product, l.shipped AS quantity
              FROM named r JOIN bridge.reservation_lines l USING (shop, id)
              UNION ALL
              SELECT m.product, -m.stated FROM bridge.stock_moves m
              WHERE m.stock = only_stock AND m.cause = 'order' AND m.shop = of_shop
                AND m.cause_id = of_number AND m.line = '' AND m.product = ANY (products)
              UNION ALL
              SELECT f.product, f.sold - f.returned FROM bridge.receipt_goods f
              WHERE f.shop = of_shop AND f.number = of_number AND f.product = ANY (products)) g
        GROUP BY g.product),
    left_over AS (
        SELECT w.product, w.quantity - coalesce(g.quantity, 0) AS quantity
        FROM wanted w LEFT JOIN gone g USING (product)
        WHERE w.quantity > coalesce(g.quantity, 0)),
    pieces AS (
        SELECT l.*, r.revision, o.quantity AS wanted, l.quantity - l.shipped AS rest,
               coalesce(sum(l.quantity - l.shipped) OVER (
                   PARTITION BY l.product ORDER BY l.id, l.nth, l.store
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS earlier
        FROM named r JOIN bridge.reservation_lines l USING (shop, id)
        JOIN left_over o USING (product)
        WHERE r.state = 'held' AND l.quantity > l.shipped),
    taken AS (
        SELECT p.*, least(p.rest, greatest(p.wanted - p.earlier, 0)) AS part FROM pieces p),
    facts AS (
        SELECT t.product, t.store, t.part, t.part AS freed, t.id, t.line, t.revision + 1 AS version
        FROM taken t WHERE t.part > 0
        UNION ALL
        SELECT o.product, fallback, o.quantity - coalesce(t.part, 0), 0, of_number, '', revised
        FROM left_over o
        LEFT JOIN (SELECT product, sum(part) AS part FROM taken GROUP BY product) t USING (product)
        WHERE o.quantity > coalesce(t.part, 0))
    SELECT array_agg((0, only_stock, f.product, f.store, 0, -f.freed, -f.part,
                      CASE WHEN f.freed > 0 THEN 'shipment' ELSE 'order' END, of_shop, f.id, f.line,
                      f.version, shipped_at, 'shipped')::bridge.stock_moves)
    INTO moves FROM facts f;
    IF moves IS NULL THEN
        RETURN false;
    END IF;
    PERFORM bridge.stock_post_facts(moves);
    UPDATE bridge.reservation_lines l SET shipped = l.shipped - m.stated
    FROM unnest(moves) m
    WHERE m.cause = 'shipment'
      AND (l.shop, l.id, l.line, l.store) = (m.shop, m.cause_id, m.line, m.store);
    UPDATE bridge.reservations r
    SET revision = r.revision + 1, changed_at = clock_timestamp(),
        state = CASE WHEN b.done THEN 'shipped' ELSE r.state END,
        expires_at = CASE WHEN b.done THEN NULL ELSE r.expires_at END
    FROM (SELECT l.shop, l.id, bool_and(l.shipped = l.quantity) AS done
          FROM bridge.reservation_lines l
          WHERE (l.shop, l.id) IN (SELECT m.shop, m.cause_id FROM unnest(moves) m
                                   WHERE m.cause = 'shipment')
          GROUP BY l.shop, l.id) b
    WHERE (r.shop, r.id) = (b.shop, b.id);
    RETURN true;
END
$$;
