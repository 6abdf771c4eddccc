-- A shop is told what an order that has grown could not have: what was held for it stays held, or
-- what has left stays so, and the part that is new is lost, like that of any loser. Each thing is
-- told once, however often the order comes again.
CREATE TABLE bridge.orders_short (
    shop   text NOT NULL,
    number text NOT NULL,
    lines  jsonb NOT NULL,
    CONSTRAINT orders_short_pkey PRIMARY KEY (shop, number)
);
COMMENT ON TABLE bridge.orders_short IS
    'Orders that want more than there is, until they have it or want it no more.';
COMMENT ON COLUMN bridge.orders_short.shop IS 'The shop.';
COMMENT ON COLUMN bridge.orders_short.number IS 'The order''s number there.';
COMMENT ON COLUMN bridge.orders_short.lines IS
    'What of it is neither held nor has left, as its shop was told.';

-- What an order wants and cannot have is told to its shop, unless that is what it was told last;
-- says whether it is new. `was`: `held` where something stays with the order; else the state in
-- which its own reservation was before it became short, of which the loss itself is told.
CREATE FUNCTION bridge.stock_tell_short(of_shop text, of_number text, of_id text, was text,
    ids text[], places bigint[], products text[], quantities numeric[], short jsonb)
    RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing jsonb;
    known   jsonb;
BEGIN
    SELECT jsonb_agg(jsonb_build_object('line', m.nth::text, 'product', m.product,
                                        'quantity', trim_scale(m.quantity)::text) ORDER BY m.nth)
    INTO missing
    FROM (SELECT min(w.nth) AS nth, w.product,
                 sum(w.quantity) - coalesce((
                     SELECT sum(CASE WHEN r.state = 'held' THEN l.quantity ELSE l.shipped END)
                     FROM bridge.reservations r JOIN bridge.reservation_lines l USING (shop, id)
                     WHERE r.shop = of_shop AND r.id = ANY (ids) AND l.product = w.product), 0)
                 - coalesce((SELECT t.taken FROM bridge.order_goods t
                             WHERE (t.shop, t.number, t.product)
                                 = (of_shop, of_number, w.product)), 0)
                 - coalesce((SELECT sum(f.sold) FROM bridge.receipt_goods f
                             WHERE (f.shop, f.number, f.product)
                                 = (of_shop, of_number, w.product)), 0) AS quantity
          FROM unnest(places, products, quantities) AS w (nth, product, quantity)
          GROUP BY w.product) m
    WHERE m.quantity > 0;
    IF missing IS NULL THEN
        -- It wants no more than it has, but elsewhere.
        SELECT jsonb_agg(jsonb_build_object('line', s ->> 'line', 'product', s ->> 'product',
                                            'quantity', s ->> 'wanted'))
        INTO missing FROM jsonb_array_elements(short) AS s;
    END IF;
    SELECT s.lines INTO known FROM bridge.orders_short s
    WHERE (s.shop, s.number) = (of_shop, of_number);
    IF known = missing AND was IN ('held', 'short') THEN
        RETURN false;
    END IF;
    INSERT INTO bridge.orders_short (shop, number, lines) VALUES (of_shop, of_number, missing)
    ON CONFLICT (shop, number) DO UPDATE SET lines = excluded.lines;
    -- The loss of a reservation is told where it is written.
    IF was = 'held' OR (was = 'short' AND known IS NOT NULL) THEN
        INSERT INTO bridge.shop_messages (shop, kind, subject, number, body)
        VALUES (of_shop, 'bridge.reservation.short.v1', of_id, of_number, jsonb_build_object(
            'id', of_id, 'number', of_number, 'lines', missing,
            'rule', CASE was WHEN 'held' THEN 'grown' ELSE 'placed' END,
            'reason', CASE was
                WHEN 'held' THEN 'the order has grown, and there is not enough for what is new: '
                    'what it had before stays as it was'
                ELSE 'the order was changed, and there is still not enough of its goods' END,
            'decided_at', clock_timestamp()));
    ELSE
        -- What it held once is not what it wants now.
        UPDATE bridge.shop_messages m SET body = m.body || jsonb_build_object('lines', missing)
        WHERE m.id = (SELECT max(w.id) FROM bridge.shop_messages w
                      WHERE w.shop = of_shop AND w.subject = of_id AND w.seq IS NULL
                        AND w.made_at >= now() AND w.kind = 'bridge.reservation.short.v1')
          AND m.body -> 'lines' <> '[]';
    END IF;
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_tell_short(text, text, text, text, text[], bigint[], text[],
    numeric[], jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_tell_short(text, text, text, text, text[], bigint[], text[],
    numeric[], jsonb) IS
    'Tells a shop once what an order wants and cannot have.';

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
    places     bigint[];
    whole      numeric[];
    all_goods  text[];
    is_lost    boolean := false;
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

    IF act IN ('release', 'ship') THEN
        DELETE FROM bridge.orders_short s WHERE (s.shop, s.number) = (of_shop, of_number);
    END IF;
    IF act = 'release' THEN
        IF bridge.stock_end(array_fill(of_shop, ARRAY[cardinality(ids)]), ids, 'released', NULL) > 0
        THEN
            did := 'released';
        END IF;
        RETURN did;
    END IF;

    SELECT array_agg(bridge.stock_name_of(of_stock, kinds, x.product, x.names) ORDER BY x.nth),
           array_agg(x.product ORDER BY x.nth), array_agg(x.quantity::numeric ORDER BY x.nth),
           array_agg(x.nth ORDER BY x.nth)
    INTO names, products, quantities, places
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

    all_goods := products;
    whole := quantities;
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
            DELETE FROM bridge.orders_short s WHERE (s.shop, s.number) = (of_shop, of_number);
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
        DELETE FROM bridge.orders_short s WHERE (s.shop, s.number) = (of_shop, of_number);
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
        DELETE FROM bridge.orders_short s WHERE (s.shop, s.number) = (of_shop, of_number);
        RETURN CASE WHEN own.state = 'held' AND did IS NULL THEN 'kept' ELSE 'held' END;
    ELSIF grows THEN
        -- What has left stays as it was.
        UPDATE bridge.reservations r SET state = 'shipped', expires_at = NULL
        WHERE (r.shop, r.id) = (of_shop, other);
    END IF;
    IF answer ->> 'status' <> '409' THEN
        RETURN did;
    END IF;
    IF NOT grows AND others = 0 AND own.state IS DISTINCT FROM 'held' THEN
        is_lost := true;
        INSERT INTO bridge.reservations AS r
               (shop, id, stock, number, state, paid, revision, held_at, changed_at)
        VALUES (of_shop, of_number, of_stock, of_number, 'short', is_paid, 1, clock_timestamp(),
                clock_timestamp())
        ON CONFLICT (shop, id) DO UPDATE
        SET state = 'short', paid = excluded.paid, revision = r.revision + 1,
            changed_at = excluded.changed_at;
    END IF;
    RETURN CASE WHEN bridge.stock_tell_short(
                         of_shop, of_number, other,
                         CASE WHEN NOT is_lost THEN 'held' ELSE coalesce(own.state, 'none') END,
                         ids, places, all_goods, whole, answer -> 'body' -> 'short')
           THEN 'short' ELSE did END;
END
$$;
