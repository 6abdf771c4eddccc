-- An order that has left whole and then grows has what is new held for it, by the difference, like
-- one that has left in part: the goods are sold with the edit. Where there is not enough, what has
-- left stays as it was, and the order's life says so.
CREATE OR REPLACE FUNCTION bridge.stock_order(o jsonb) RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $$
DECLARE
    of_shop    text := o ->> 'shop';
    of_number  text := o ->> 'number';
    act        text := o ->> 'act';
    is_paid    boolean := (o ->> 'paid')::boolean;
    of_stock   text;
    kinds      text[];
    at_store   text;
    ids        text[];
    names      text[];
    products   text[];
    quantities numeric[];
    other      text;
    others     integer;
    own        bridge.reservations;
    late       bridge.reservations;
    answer     jsonb;
    did        text;
    left_with  text[];
    grows      boolean := false;
BEGIN
    SELECT s.stock, s.products_by INTO of_stock, kinds FROM bridge.stock_shops s
    WHERE s.shop = of_shop;
    IF of_stock IS NULL OR NOT EXISTS (
        SELECT FROM bridge.orders r JOIN bridge.outbox e ON e.id = r.head_id
        WHERE (r.shop, r.number) = (of_shop, of_number)
          AND (e.source, e.event_id) = (o ->> 'source', o ->> 'event_id')) THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(r.id) INTO ids FROM bridge.reservations r
    WHERE r.shop = of_shop AND (r.number = of_number OR r.id = of_number);
    ids := coalesce(ids, '{}') || of_number;
    PERFORM bridge.stock_lock_reservations(array_fill(of_shop, ARRAY[cardinality(ids)]), ids);

    IF act = 'release' THEN
        IF bridge.stock_end(array_fill(of_shop, ARRAY[cardinality(ids)]), ids, 'released', NULL) > 0
        THEN
            did := 'released';
        END IF;
        RETURN did;
    END IF;

    SELECT array_agg(bridge.stock_name_of(of_stock, kinds, x.product, x.names) ORDER BY x.nth),
           array_agg(x.product ORDER BY x.nth), array_agg(x.quantity::numeric ORDER BY x.nth)
    INTO names, products, quantities
    FROM (SELECT l.nth, l.line ->> 'quantity' AS quantity, l.line -> 'names' AS names,
                 bridge.stock_order_product(of_stock, kinds, l.line -> 'names') AS product
          FROM jsonb_array_elements(o -> 'lines') WITH ORDINALITY AS l (line, nth)) x
    WHERE x.product IS NOT NULL;
    SELECT s.store INTO at_store FROM bridge.stock_stores s
    WHERE s.stock = of_stock AND s.active
      AND (s.store = o ->> 'store' OR o ->> 'store' = ANY (s.ids))
    ORDER BY s.store <> o ->> 'store' LIMIT 1;

    IF act = 'ship' THEN
        IF bridge.stock_ship_order(of_stock, of_shop, of_number, at_store, products, quantities,
               least((o ->> 'at')::timestamptz, clock_timestamp())) THEN
            did := 'shipped';
        END IF;
        PERFORM bridge.stock_end(array_fill(of_shop, ARRAY[cardinality(ids)]), ids, 'released',
                                 NULL);
        RETURN did;
    END IF;

    -- A payment that was taken back holds nothing for ever.
    UPDATE bridge.reservations r
    SET paid = false,
        expires_at = CASE WHEN r.state = 'held' THEN clock_timestamp() + c.hold END
    FROM bridge.stocks c
    WHERE c.stock = of_stock AND r.shop = of_shop AND r.id = ANY (ids) AND r.paid AND NOT is_paid;
    IF is_paid THEN
        UPDATE bridge.reservations r SET paid = true, expires_at = NULL
        WHERE r.shop = of_shop AND r.id = ANY (ids) AND r.state = 'held' AND NOT r.paid;
        -- A payment that came too late brings back what it was for, unless something is held.
        FOR late IN
            SELECT r.* FROM bridge.reservations r
            WHERE r.shop = of_shop AND r.id = ANY (ids) AND r.state = 'expired'
              AND (r.id <> of_number OR act = 'keep')
              AND NOT EXISTS (SELECT FROM bridge.reservations h
                              WHERE h.shop = of_shop AND h.id = ANY (ids) AND h.state = 'held')
            ORDER BY r.id
        LOOP
            SELECT bridge.stock_reserve(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
                'shop', of_shop, 'id', late.id, 'store', late.store, 'lines', x.lines)))) -> 0
            INTO answer
            FROM (SELECT jsonb_agg(jsonb_build_object('line', l.line,
                             'product', bridge.stock_name_of(of_stock, kinds, l.product, NULL),
                             'quantity', l.quantity::text)) AS lines
                  FROM (SELECT line, product, sum(quantity) AS quantity
                        FROM bridge.reservation_lines
                        WHERE (shop, id) = (of_shop, late.id) GROUP BY line, product) l) x;
            did := CASE WHEN answer ->> 'status' = '200' THEN 'held' ELSE 'short' END;
            UPDATE bridge.reservations r
            SET paid = true, expires_at = NULL,
                state = CASE WHEN did = 'held' THEN r.state ELSE 'short' END
            WHERE (r.shop, r.id) = (of_shop, late.id);
        END LOOP;
    END IF;
    IF act <> 'hold' OR products IS NULL THEN
        RETURN did;
    END IF;

    SELECT count(*), min(r.id) INTO others, other FROM bridge.reservations r
    WHERE r.shop = of_shop AND r.id = ANY (ids) AND r.id <> of_number AND r.state = 'held';
    SELECT r.* INTO own FROM bridge.reservations r WHERE (r.shop, r.id) = (of_shop, of_number);
    IF others > 1 OR (others = 1 AND own.state IN ('held', 'shipped'))
       OR (own.state = 'expired' AND NOT is_paid) THEN
        RETURN did;
    END IF;
    SELECT array_agg(r.id ORDER BY r.id <> of_number, r.id) INTO left_with
    FROM bridge.reservations r
    WHERE r.shop = of_shop AND r.id = ANY (ids) AND r.state = 'shipped';
    IF left_with IS NOT NULL AND others = 0 AND own.state IS DISTINCT FROM 'held' THEN
        -- What has left is not held anew; what the order has wanted since is goods to be sold.
        SELECT array_agg(w.name ORDER BY w.nth), array_agg(w.product ORDER BY w.nth),
               array_agg(w.quantity - g.elsewhere ORDER BY w.nth),
               bool_or(w.quantity > g.elsewhere + g.here + g.otherwise)
        INTO names, products, quantities, grows
        FROM (SELECT min(u.nth) AS nth, min(u.name) AS name, u.product,
                     sum(u.quantity) AS quantity
              FROM unnest(names, products, quantities) WITH ORDINALITY
                       AS u (name, product, quantity, nth)
              GROUP BY u.product) w
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(l.shipped) FILTER (WHERE l.id = left_with[1]), 0) AS here,
                   coalesce(sum(l.shipped) FILTER (WHERE l.id <> left_with[1]), 0) AS elsewhere,
                   coalesce((SELECT t.taken FROM bridge.order_goods t
                             WHERE (t.shop, t.number, t.product)
                                 = (of_shop, of_number, w.product)), 0)
                   + coalesce((SELECT sum(f.sold) FROM bridge.receipt_goods f
                               WHERE (f.shop, f.number, f.product)
                                   = (of_shop, of_number, w.product)), 0) AS otherwise
            FROM bridge.reservation_lines l
            WHERE l.shop = of_shop AND l.id = ANY (ids) AND l.product = w.product) g
        WHERE w.quantity > g.elsewhere;
        IF grows IS NOT TRUE THEN
            RETURN did;
        END IF;
        other := left_with[1];
        UPDATE bridge.reservations r
        SET state = 'held', held_at = clock_timestamp(), paid = is_paid,
            expires_at = CASE WHEN NOT is_paid THEN clock_timestamp() + c.hold END
        FROM bridge.stocks c
        WHERE c.stock = of_stock AND (r.shop, r.id) = (of_shop, other);
    END IF;
    other := coalesce(other, of_number);
    IF others = 1 AND NOT EXISTS (
        SELECT product, sum(quantity) FROM unnest(products, quantities) AS w (product, quantity)
        GROUP BY product
        EXCEPT
        SELECT product, sum(quantity) FROM bridge.reservation_lines
        WHERE (shop, id) = (of_shop, other) GROUP BY product)
       AND NOT EXISTS (SELECT FROM bridge.reservation_lines l
                       WHERE (l.shop, l.id) = (of_shop, other) AND l.product <> ALL (products)) THEN
        RETURN did;
    END IF;
    answer := bridge.stock_reserve(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
        'shop', of_shop, 'id', other, 'number', of_number,
        'lines', bridge.stock_order_lines(of_stock, kinds, of_shop, other, names, products,
                                          quantities),
        'store', (SELECT s.store FROM bridge.stock_stores s
                  WHERE s.stock = of_stock AND s.store = at_store AND s.pickup))))) -> 0;
    IF answer ->> 'status' = '200' THEN
        UPDATE bridge.reservations r SET paid = true, expires_at = NULL
        WHERE (r.shop, r.id) = (of_shop, other) AND is_paid AND NOT r.paid;
        RETURN CASE WHEN own.state = 'held' AND did IS NULL THEN 'kept' ELSE 'held' END;
    ELSIF grows THEN
        -- What has left stays as it was.
        UPDATE bridge.reservations r SET state = 'shipped', expires_at = NULL
        WHERE (r.shop, r.id) = (of_shop, other);
    ELSIF answer ->> 'status' = '409' AND others = 0 AND own.state IS DISTINCT FROM 'held' THEN
        INSERT INTO bridge.reservations AS r
               (shop, id, stock, number, state, paid, revision, held_at, changed_at)
        VALUES (of_shop, of_number, of_stock, of_number, 'short', is_paid, 1, clock_timestamp(),
                clock_timestamp())
        ON CONFLICT (shop, id) DO UPDATE
        SET state = 'short', paid = excluded.paid, revision = r.revision + 1,
            changed_at = excluded.changed_at;
    END IF;
    RETURN CASE WHEN answer ->> 'status' = '409' THEN 'short' ELSE did END;
END
$$;
