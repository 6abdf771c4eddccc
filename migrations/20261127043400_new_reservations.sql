-- Most requests are for reservations that nobody has heard of, name no store, and find enough. A
-- group of such is answered with sets, and not one after the other: for each row it costs little
-- more than its inserts.

-- Answers null where one of the requests is anything else, or there is too little; then nothing is
-- written, and they are answered one after the other. Plans are made once and for any number of
-- rows: what is a handful when a bridge begins is millions later.
CREATE FUNCTION bridge.stock_reserve_new(requests jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
DECLARE
    instant    timestamptz;
    shops      text[];
    ids        text[];
    numbers    text[];
    versions   bigint[];
    holds      double precision[];
    stocks     text[];
    expiries   timestamptz[];
    -- Of each line.
    nths       integer[];
    requests_  integer[];
    lines      text[];
    of_stock   text[];
    products   text[];
    stores     text[];
    quantities numeric[];
    usual      interval[];
    plain      boolean;
BEGIN
    SELECT array_agg(r.request ->> 'shop' ORDER BY r.n), array_agg(r.request ->> 'id' ORDER BY r.n),
           array_agg(nullif(r.request ->> 'number', '') ORDER BY r.n),
           array_agg((r.request ->> 'version')::bigint ORDER BY r.n),
           array_agg((r.request ->> 'hold')::double precision ORDER BY r.n),
           count(DISTINCT (r.request ->> 'shop', r.request ->> 'id')) = count(*)
               AND bool_and(r.request ->> 'store' IS NULL)
    INTO shops, ids, numbers, versions, holds, plain
    FROM jsonb_array_elements(requests) WITH ORDINALITY AS r (request, n);
    IF plain IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    PERFORM bridge.stock_lock_reservations(shops, ids);
    IF EXISTS (SELECT FROM unnest(shops, ids) AS r (shop, id)
               CROSS JOIN LATERAL (SELECT FROM bridge.reservations e
                                   WHERE (e.shop, e.id) = (r.shop, r.id) OFFSET 0) e) THEN
        RETURN NULL;
    END IF;

    WITH sold_by AS MATERIALIZED (
        SELECT s.shop, s.stock, s.products_by, c.hold,
               (SELECT t.store FROM bridge.stock_stores t
                WHERE t.stock = s.stock AND t.online AND t.active
                ORDER BY t.rank, t.store LIMIT 1) AS store
        FROM (SELECT DISTINCT u.shop FROM unnest(shops) AS u (shop)) u
        JOIN bridge.stock_shops s USING (shop) JOIN bridge.stocks c USING (stock))
    SELECT array_agg(r.n), array_agg(l.nth), array_agg(l.line ->> 'line'), array_agg(s.stock),
           array_agg(m.product), array_agg(s.store), array_agg((l.line ->> 'quantity')::numeric),
           array_agg(s.hold),
           bool_and(m.product IS NOT NULL AND s.store IS NOT NULL AND l.line ->> 'store' IS NULL)
               AND count(DISTINCT r.n) = cardinality(ids)
    INTO requests_, nths, lines, of_stock, products, stores, quantities, usual, plain
    FROM jsonb_array_elements(requests) WITH ORDINALITY AS r (request, n)
    JOIN sold_by s ON s.shop = r.request ->> 'shop'
    CROSS JOIN jsonb_array_elements(r.request -> 'lines') WITH ORDINALITY AS l (line, nth)
    LEFT JOIN LATERAL (
        SELECT CASE WHEN count(*) = 1 THEN min(k.product) END AS product
        FROM bridge.stock_product_keys k
        WHERE k.stock = s.stock AND k.value = l.line ->> 'product' AND k.kind = ANY (s.products_by)
        GROUP BY k.kind ORDER BY array_position(s.products_by, k.kind) LIMIT 1) m ON true;
    IF plain IS NOT TRUE THEN
        RETURN NULL;
    END IF;

    -- All levels of the products, as for requests that are answered one after the other.
    SELECT count(*) = (SELECT count(DISTINCT (u.stock, u.product))
                       FROM unnest(of_stock, products) AS u (stock, product))
               AND bool_and(l.free >= l.wanted)
    INTO plain
    FROM (SELECT v.store, d.store AS first, v.on_hand - v.reserved AS free, d.wanted
          FROM (SELECT u.stock, u.product, u.store, sum(u.quantity) AS wanted
                FROM unnest(of_stock, products, stores, quantities)
                         AS u (stock, product, store, quantity)
                GROUP BY 1, 2, 3 ORDER BY 1, 2 OFFSET 0) d
          CROSS JOIN LATERAL (
              SELECT e.* FROM bridge.stock_levels e
              WHERE (e.stock, e.product) = (d.stock, d.product)
              ORDER BY e.store FOR NO KEY UPDATE) v) l
    WHERE l.store = l.first;
    IF plain IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    -- What a till sold or an order took before is told apart line by line.
    IF EXISTS (SELECT FROM unnest(requests_, products) AS w (n, product)
               WHERE EXISTS (SELECT FROM bridge.receipt_goods g
                             WHERE g.shop = shops[w.n] AND g.number IN (numbers[w.n], ids[w.n])
                               AND g.number <> '' AND g.product = w.product AND g.sold > 0)
                  OR EXISTS (SELECT FROM bridge.order_goods t
                             WHERE t.shop = shops[w.n] AND t.number IN (numbers[w.n], ids[w.n])
                               AND t.product = w.product AND t.taken > 0)) THEN
        RETURN NULL;
    END IF;

    instant := clock_timestamp();
    INSERT INTO bridge.stock_moves (stock, product, store, on_hand, reserved, stated, cause, shop,
                                    cause_id, line, version, at, note)
    SELECT w.stock, w.product, w.store, 0, w.quantity, NULL, 'reservation', shops[w.n], ids[w.n],
           w.line, 1, instant, 'held'
    FROM unnest(requests_, of_stock, products, stores, quantities, lines)
             AS w (n, stock, product, store, quantity, line);
    UPDATE bridge.stock_levels l
    SET reserved = l.reserved + d.wanted, version = l.version + 1, untold = true
    FROM (SELECT u.stock, u.product, u.store, sum(u.quantity) AS wanted
          FROM unnest(of_stock, products, stores, quantities)
                   AS u (stock, product, store, quantity)
          GROUP BY 1, 2, 3) d
    WHERE (l.stock, l.product, l.store) = (d.stock, d.product, d.store);
    SELECT array_agg(w.stock ORDER BY w.n),
           array_agg(instant + coalesce(make_interval(secs => holds[w.n]), w.hold) ORDER BY w.n)
    INTO stocks, expiries
    FROM unnest(requests_, nths, of_stock, usual) AS w (n, nth, stock, hold) WHERE w.nth = 1;
    INSERT INTO bridge.reservations (shop, id, stock, number, state, paid, version, revision,
                                     held_at, expires_at, changed_at)
    SELECT r.shop, r.id, r.stock, r.number, 'held', false, r.version, 1, instant, r.expires_at,
           instant
    FROM unnest(shops, ids, stocks, numbers, versions, expiries)
             AS r (shop, id, stock, number, version, expires_at);
    INSERT INTO bridge.reservation_lines (shop, id, line, store, nth, stock, product, quantity)
    SELECT shops[w.n], ids[w.n], w.line, w.store, w.nth, w.stock, w.product, w.quantity
    FROM unnest(requests_, nths, lines, stores, of_stock, products, quantities)
             AS w (n, nth, line, store, stock, product, quantity);
    -- The same body as bridge.reservation_body makes.
    RETURN (
    SELECT jsonb_agg(jsonb_build_object('status', 200, 'body', jsonb_build_object(
               'id', ids[b.n], 'number', numbers[b.n], 'state', 'held',
               'expires_at', expiries[b.n], 'lines', b.lines)) ORDER BY b.n)
    FROM (SELECT w.n, jsonb_agg(jsonb_build_object(
                     'line', w.line, 'product', w.product, 'store', w.store,
                     'quantity', trim_scale(w.quantity)::text, 'shipped', '0') ORDER BY w.nth)
                     AS lines
          FROM unnest(requests_, nths, lines, products, stores, quantities)
                   AS w (n, nth, line, product, store, quantity)
          GROUP BY w.n) b);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_reserve_new(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_reserve_new(jsonb) IS
    'Answers requests that are all new, name no store and find enough; null: some are not.';

-- Any requests: new ones together, else round by round as before.
ALTER FUNCTION bridge.stock_reserve(jsonb) RENAME TO stock_reserve_rounds;
COMMENT ON FUNCTION bridge.stock_reserve_rounds(jsonb) IS
    'Answers requests, each as {status, body}: several of one reservation one after the other, and '
    'what is refused once more after what has run out.';
CREATE FUNCTION bridge.stock_reserve(requests jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET jit = off
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
BEGIN
    RETURN coalesce(bridge.stock_reserve_new(requests), bridge.stock_reserve_rounds(requests));
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_reserve(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_reserve(jsonb) IS
    'Answers requests, each as {status, body}: one way for HTTP and SQL.';
