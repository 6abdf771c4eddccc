-- An order's goods are matched by product: what of it was shipped keeps its line, wherever the
-- order names the product by now. A shop that knows its products by other names than product_id has
-- them found by those.

-- A name by which a shop's product is found, one of an order's line (`names`) if it is one.
CREATE FUNCTION bridge.stock_name_of(of_stock text, kinds text[], of_product text, names jsonb)
    RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF 'product_id' = ANY (kinds) THEN
        RETURN of_product;
    END IF;
    RETURN coalesce((
        SELECT names ->> n.kind FROM unnest(kinds) WITH ORDINALITY AS n (kind, nth)
        WHERE bridge.stock_named(of_stock, kinds, names ->> n.kind) = ARRAY[of_product]
        ORDER BY n.nth LIMIT 1), (
        SELECT k.value FROM bridge.stock_product_keys k
        WHERE k.stock = of_stock AND k.product = of_product AND k.kind = ANY (kinds)
          AND bridge.stock_named(of_stock, kinds, k.value) = ARRAY[of_product]
        ORDER BY array_position(kinds, k.kind), k.value LIMIT 1), of_product);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_name_of(text, text[], text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_name_of(text, text[], text, jsonb) IS
    'A name by which a product is found, of the kinds by which a shop knows its products.';

-- The lines of an order as its reservation is to have them. What has been shipped of a line stays
-- in that line, also where the order wants less of the product by now, or none.
CREATE FUNCTION bridge.stock_order_lines(of_stock text, kinds text[], of_shop text, of_id text,
    names text[], products text[], quantities numeric[]) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
    WITH wanted AS (
        SELECT w.* FROM unnest(names, products, quantities) WITH ORDINALITY
                            AS w (name, product, quantity, nth)),
    gone AS (
        SELECT l.line, l.product, sum(l.shipped) AS shipped,
               row_number() OVER (PARTITION BY l.product ORDER BY min(l.nth), l.line) AS place
        FROM bridge.reservation_lines l
        WHERE (l.shop, l.id) = (of_shop, of_id) AND l.shipped > 0 GROUP BY l.line, l.product),
    lines AS (
        SELECT 0 AS nth, g.line, bridge.stock_name_of(of_stock, kinds, g.product, NULL) AS name,
               g.shipped + CASE WHEN g.place = 1 THEN greatest(0,
                   coalesce((SELECT sum(w.quantity) FROM wanted w WHERE w.product = g.product), 0)
                   - (SELECT sum(s.shipped) FROM gone s WHERE s.product = g.product))
               ELSE 0 END AS quantity
        FROM gone g
        UNION ALL
        SELECT w.nth, CASE WHEN w.nth::text IN (SELECT g.line FROM gone g)
                           THEN w.nth || '/' || w.product ELSE w.nth::text END,
               w.name, w.quantity
        FROM wanted w WHERE w.product NOT IN (SELECT g.product FROM gone g))
    SELECT jsonb_agg(jsonb_build_object('line', l.line, 'product', l.name,
                                        'quantity', l.quantity::text) ORDER BY l.nth, l.line)
    FROM lines l);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_order_lines(text, text[], text, text, text[], text[], numeric[])
    FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_order_lines(text, text[], text, text, text[], text[], numeric[]) IS
    'The lines of an order as its reservation is to have them.';

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
    IF others > 1 OR (others = 1 AND own.state = 'held')
       OR (own.state = 'expired' AND NOT is_paid) OR own.state = 'shipped' THEN
        RETURN did;
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
