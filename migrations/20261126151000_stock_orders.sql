-- Orders and their reservations: an order is never refused for lack of goods, and each of its
-- pieces leaves once, whoever says it first.

-- The product of an order's line, by the names it has; one that nobody knows becomes known.
CREATE FUNCTION bridge.stock_order_product(only_stock text, kinds text[], names jsonb) RETURNS text
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    named text;
    found text[];
    made  text;
BEGIN
    FOREACH named IN ARRAY kinds LOOP
        SELECT array_agg(k.product) INTO found FROM bridge.stock_product_keys k
        WHERE k.stock = only_stock AND k.kind = named AND k.value = names ->> named;
        IF found IS NOT NULL THEN
            RETURN CASE WHEN cardinality(found) = 1 THEN found[1] END;
        END IF;
        made := coalesce(made, names ->> named);
    END LOOP;
    IF made IS NULL THEN
        RETURN NULL;
    END IF;
    made := coalesce(names ->> 'product_id', made);
    INSERT INTO bridge.stock_product_keys (stock, kind, value, product)
    SELECT only_stock, n.key, n.value, made FROM jsonb_each_text(names) n
    WHERE n.value IS NOT NULL AND (n.key = ANY (kinds) OR n.key = 'product_id')
    ORDER BY 3, 2 ON CONFLICT DO NOTHING;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_order_product(text, text[], jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_order_product(text, text[], jsonb) IS
    'The product of an order''s line; null: several are known by its name, or it has none.';

-- Takes what an order still has to get from the shelf: first what is held for it, then the rest.
CREATE FUNCTION bridge.stock_ship_order(
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
                AND m.cause_id = of_number AND m.line = '' AND m.product = ANY (products)) g
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
REVOKE ALL ON FUNCTION bridge.stock_ship_order(text, text, text, text, text[], numeric[],
    timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_ship_order(text, text, text, text, text[], numeric[], timestamptz)
    IS 'Takes what is left of an order from the shelf, reserved or not; false: nothing was left.';

-- What the newest snapshot of an order does to goods. Says held, short, kept, shipped, released;
-- null: nothing.
CREATE FUNCTION bridge.stock_order(o jsonb) RETURNS text
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
    lines      jsonb;
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

    SELECT jsonb_agg(jsonb_build_object('line', x.nth::text, 'product', x.product,
                                        'quantity', x.quantity) ORDER BY x.nth),
           array_agg(x.product), array_agg(x.quantity::numeric)
    INTO lines, products, quantities
    FROM (SELECT l.nth, l.line ->> 'quantity' AS quantity,
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
            FROM (SELECT jsonb_agg(jsonb_build_object('line', l.line, 'product', l.product,
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
    IF act <> 'hold' OR lines IS NULL THEN
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
        'shop', of_shop, 'id', other, 'number', of_number, 'lines', lines,
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
    RETURN 'short';
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_order(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_order(jsonb) IS
    'What the newest snapshot of an order does to goods: held, kept, short, shipped, released.';
