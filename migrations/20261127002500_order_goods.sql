-- Of an order each piece leaves once, in whatever order its status, its calls and its receipts
-- come: what a status has said is kept, and said again where a receipt that had sold it is changed.

CREATE TABLE bridge.order_goods (
    shop    text NOT NULL,
    number  text NOT NULL,
    product text NOT NULL,
    stock   text NOT NULL,
    claimed numeric NOT NULL,
    taken   numeric NOT NULL DEFAULT 0,
    called  numeric NOT NULL DEFAULT 0,
    store   text,
    at      timestamptz NOT NULL,
    CONSTRAINT order_goods_pkey PRIMARY KEY (shop, number, product),
    CONSTRAINT order_goods_not_negative CHECK (claimed >= 0 AND taken >= 0 AND called >= 0)
);
COMMENT ON TABLE bridge.order_goods IS
    'What of each order has left, as its status says, and by calls.';
COMMENT ON COLUMN bridge.order_goods.shop IS 'The shop.';
COMMENT ON COLUMN bridge.order_goods.number IS
    'The order; of a reservation that names none, its id.';
COMMENT ON COLUMN bridge.order_goods.product IS 'The product.';
COMMENT ON COLUMN bridge.order_goods.stock IS 'The stock.';
COMMENT ON COLUMN bridge.order_goods.claimed IS 'How much has left, as the status says.';
COMMENT ON COLUMN bridge.order_goods.taken IS
    'How much of that was taken from the shelf, and was held by no reservation.';
COMMENT ON COLUMN bridge.order_goods.called IS 'How much was shipped by calls.';
COMMENT ON COLUMN bridge.order_goods.store IS 'Where the order is fetched, if anywhere.';
COMMENT ON COLUMN bridge.order_goods.at IS 'When the order got that status, or was shipped.';

-- What was claimed of orders that left before is known as far as it was taken.
INSERT INTO bridge.order_goods (shop, number, product, stock, claimed, taken, at)
SELECT m.shop, m.cause_id, m.product, min(m.stock), greatest(sum(-m.stated), 0),
       greatest(sum(-m.stated), 0), max(m.at)
FROM bridge.stock_moves m
WHERE m.cause = 'order' AND m.line = ''
GROUP BY m.shop, m.cause_id, m.product;

CREATE OR REPLACE FUNCTION bridge.stock_left_unclaimed(only_stock text, of_shop text,
    of_number text, only_product text) RETURNS numeric
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
    SELECT coalesce(sum(x.quantity), 0)
    FROM (SELECT l.shipped AS quantity
          FROM bridge.reservations r JOIN bridge.reservation_lines l USING (shop, id)
          WHERE r.shop = of_shop AND (r.number = of_number OR r.id = of_number)
            AND r.stock = only_stock AND l.product = only_product
          UNION ALL
          SELECT t.taken FROM bridge.order_goods t
          WHERE (t.shop, t.number, t.product) = (of_shop, of_number, only_product)
          UNION ALL
          SELECT -(g.held + g.gone + g.returned) FROM bridge.receipt_goods g
          WHERE g.shop = of_shop AND g.number = of_number AND g.product = only_product) x);
END
$$;

-- Pieces of an order that have left already, with a receipt or its status, and were held by no
-- reservation: they are those of a reservation from now on. Whoever calls holds the lock of the
-- order.
CREATE FUNCTION bridge.stock_had_left(of_shop text, numbers text[], only_product text,
    most numeric) RETURNS numeric
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one  record;
    part numeric;
    had  numeric := 0;
BEGIN
    FOR one IN
        SELECT g.till, g.receipt, g.number, g.sold FROM bridge.receipt_goods g
        WHERE g.shop = of_shop AND g.number = ANY (numbers) AND g.number <> ''
          AND g.product = only_product AND g.sold > 0
        ORDER BY g.at, g.till, g.receipt, g.number
    LOOP
        EXIT WHEN had >= most;
        part := least(one.sold, most - had);
        UPDATE bridge.receipt_goods g SET sold = g.sold - part, held = g.held + part
        WHERE (g.shop, g.till, g.receipt, g.product, g.number)
            = (of_shop, one.till, one.receipt, only_product, one.number);
        had := had + part;
    END LOOP;
    FOR one IN
        SELECT t.number, t.taken FROM bridge.order_goods t
        WHERE t.shop = of_shop AND t.number = ANY (numbers) AND t.product = only_product
          AND t.taken > 0
        ORDER BY t.number
    LOOP
        EXIT WHEN had >= most;
        part := least(one.taken, most - had);
        UPDATE bridge.order_goods t SET taken = t.taken - part
        WHERE (t.shop, t.number, t.product) = (of_shop, one.number, only_product);
        had := had + part;
    END LOOP;
    RETURN had;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_had_left(text, text[], text, numeric) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_had_left(text, text[], text, numeric) IS
    'Counts pieces of an order that have left already as shipped; says how many.';

-- What is reserved for an order after it has left is not held. An order that somebody is at is left
-- to its shipment, which asks the same.
CREATE FUNCTION bridge.stock_take_over(rows bridge.reservations[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one   record;
    had   numeric;
    moves bridge.stock_moves[] := '{}';
BEGIN
    FOR one IN
        SELECT r.shop, r.id, r.number, r.revision, r.changed_at, l.line, l.stock, l.product,
               l.store, l.quantity - l.shipped AS rest
        FROM unnest(rows) u JOIN bridge.reservations r ON (r.shop, r.id) = (u.shop, u.id)
        JOIN bridge.reservation_lines l ON (l.shop, l.id) = (r.shop, r.id)
        WHERE l.quantity > l.shipped
          AND (EXISTS (SELECT FROM bridge.receipt_goods g
                       WHERE g.shop = r.shop AND g.number IN (r.number, r.id) AND g.number <> ''
                         AND g.product = l.product AND g.sold > 0)
               OR EXISTS (SELECT FROM bridge.order_goods t
                          WHERE t.shop = r.shop AND t.number IN (r.number, r.id)
                            AND t.product = l.product AND t.taken > 0))
        ORDER BY r.shop, r.id, l.nth, l.store
    LOOP
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(1397704523,
            hashtext(one.shop || '/' || coalesce(one.number, one.id)));
        had := bridge.stock_had_left(one.shop, ARRAY[one.number, one.id], one.product, one.rest);
        CONTINUE WHEN had = 0;
        moves := moves || (0, one.stock, one.product, one.store, 0, -had, 0, 'shipment', one.shop,
            one.id, one.line, one.revision, one.changed_at, 'picked up')::bridge.stock_moves;
    END LOOP;
    IF cardinality(moves) = 0 THEN
        RETURN;
    END IF;
    PERFORM bridge.stock_post(moves);
    UPDATE bridge.reservation_lines l SET shipped = l.shipped - m.reserved
    FROM unnest(moves) m
    WHERE (l.shop, l.id, l.line, l.store) = (m.shop, m.cause_id, m.line, m.store);
    UPDATE bridge.reservations r SET state = 'shipped', expires_at = NULL
    FROM (SELECT l.shop, l.id FROM bridge.reservation_lines l
          WHERE (l.shop, l.id) IN (SELECT m.shop, m.cause_id FROM unnest(moves) m)
          GROUP BY l.shop, l.id HAVING bool_and(l.shipped = l.quantity)) b
    WHERE (r.shop, r.id) = (b.shop, b.id);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_take_over(bridge.reservations[]) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_take_over(bridge.reservations[]) IS
    'Counts as shipped what reservations hold of orders whose pieces have left already.';

CREATE OR REPLACE FUNCTION bridge.stock_write_reservations(
    changed integer[], rows bridge.reservations[], olds bridge.stock_piece[],
        news bridge.stock_piece[]
) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moves bridge.stock_moves[];
    known text[];
BEGIN
    IF cardinality(changed) = 0 THEN
        RETURN;
    END IF;
    -- One row for a line in a store, whether something of it has been shipped or not.
    SELECT array_agg((n, nth, line, product, store, quantity, shipped, NULL)::bridge.stock_piece)
        INTO news
    FROM (SELECT n, min(nth) AS nth, line, product, store, sum(quantity) AS quantity,
        sum(shipped) AS shipped
          FROM unnest(news) GROUP BY n, line, product, store) x;
    SELECT array_agg((0, r.stock, d.product, d.store, 0, d.delta, NULL, 'reservation', r.shop, r.id,
        d.line, r.revision,
                      r.changed_at, 'held')::bridge.stock_moves)
    INTO moves
    FROM (SELECT n, line, product, store, sum(delta) AS delta
          FROM (SELECT n, line, product, store, quantity - shipped AS delta FROM unnest(news)
                UNION ALL
                SELECT o.n, o.line, o.product, o.store, o.shipped - o.quantity
                FROM unnest(olds) o JOIN unnest(changed, rows) AS c (n, shop, id, stock, number,
                    pickup, state, paid, version,
                         revision, held_at, expires_at, changed_at) USING (n)
                JOIN bridge.reservations e ON (e.shop, e.id) = (c.shop, c.id)
                    AND e.state = 'held') b
          GROUP BY n, line, product, store HAVING sum(delta) <> 0) d
    JOIN unnest(changed, rows) AS r (n, shop, id, stock, number, pickup, state, paid, version,
        revision, held_at,
                                     expires_at, changed_at) USING (n);
    IF moves IS NOT NULL THEN
        PERFORM bridge.stock_post(moves);
    END IF;
    SELECT array_agg(r.id) INTO known FROM unnest(rows) r WHERE r.revision > 1;
    INSERT INTO bridge.reservations AS e SELECT * FROM unnest(rows)
    ON CONFLICT (shop, id) DO UPDATE
    SET stock = excluded.stock, store = excluded.store, state = excluded.state,
        -- What was shipped for an order stays that order's.
        number = CASE WHEN EXISTS (SELECT FROM bridge.reservation_lines l
                                   WHERE (l.shop, l.id) = (e.shop, e.id) AND l.shipped > 0)
                      THEN coalesce(e.number, excluded.number) ELSE excluded.number END,
        version = excluded.version, revision = excluded.revision, held_at = excluded.held_at,
        expires_at = excluded.expires_at, changed_at = excluded.changed_at;
    IF known IS NOT NULL THEN
        DELETE FROM bridge.reservation_lines l USING unnest(rows) r
        WHERE (l.shop, l.id) = (r.shop, r.id) AND r.revision > 1;
    END IF;
    INSERT INTO bridge.reservation_lines (shop, id, line, store, nth, stock, product, quantity,
        shipped)
    SELECT r.shop, r.id, x.line, x.store, x.nth, r.stock, x.product, x.quantity, x.shipped
    FROM unnest(news) x
    JOIN unnest(changed, rows) AS r (n, shop, id, stock, number, pickup, state, paid, version,
        revision, held_at,
                                     expires_at, changed_at) USING (n);
    PERFORM bridge.stock_take_over(rows);
END
$$;

CREATE OR REPLACE FUNCTION bridge.stock_ship(shop text, id text, shipment text, lines jsonb)
    RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found  bridge.reservations;
    said   jsonb;
    faults jsonb;
    short  jsonb;
    moves  bridge.stock_moves[];
    answer jsonb;
    instant timestamptz;
    one    bridge.stock_moves;
    had    numeric;
BEGIN
    -- With its order: what left with the order's receipts or its status does not leave again.
    PERFORM bridge.stock_lock_reservations(ARRAY[shop, shop], ARRAY[id, coalesce(
        (SELECT r.number FROM bridge.reservations r
         WHERE (r.shop, r.id) = (stock_ship.shop, stock_ship.id)), id)]);
    instant := clock_timestamp();
    SELECT r.* INTO found FROM bridge.reservations r WHERE (r.shop, r.id) = (stock_ship.shop,
        stock_ship.id);
    IF found.id IS NULL THEN
        RETURN jsonb_build_object('status', 404);
    END IF;
    SELECT s.answer INTO said FROM bridge.reservation_shipments s
    WHERE (s.shop, s.id, s.shipment) = (stock_ship.shop, stock_ship.id, stock_ship.shipment);
    IF said IS NOT NULL THEN
        RETURN jsonb_build_object('status', 200, 'body', said);
    ELSIF found.state = 'shipped' AND lines IS NULL THEN
        RETURN jsonb_build_object('status', 200, 'body', bridge.reservation_body(found));
    ELSIF found.state NOT IN ('held', 'shipped') THEN
        RETURN jsonb_build_object('status', 409, 'body', jsonb_build_object('code',
            'STOCK-NOT-HELD', 'state', found.state));
    END IF;
    SELECT jsonb_agg(jsonb_build_object('pointer', format('/lines/%s/line', x.nth - 1),
                                        'detail', format('the reservation has no line `%s`',
                                            x.line ->> 'line')))
    INTO faults
    FROM jsonb_array_elements(lines) WITH ORDINALITY AS x (line, nth)
    WHERE NOT EXISTS (SELECT FROM bridge.reservation_lines l
                      WHERE (l.shop, l.id, l.line) = (stock_ship.shop, stock_ship.id,
                          x.line ->> 'line'));
    IF faults IS NOT NULL THEN
        RETURN jsonb_build_object('status', 422, 'body', jsonb_build_object('faults', faults));
    END IF;
    -- Of a line that lies in several stores the first is emptied first.
    WITH wanted AS (
        SELECT x.line ->> 'line' AS line, sum((x.line ->> 'quantity')::numeric) AS quantity
        FROM jsonb_array_elements(lines) AS x (line) GROUP BY 1),
    pieces AS (
        SELECT l.*, l.quantity - l.shipped AS rest,
               coalesce(sum(l.quantity - l.shipped) OVER (PARTITION BY l.line ORDER BY l.store
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS earlier,
               sum(l.quantity - l.shipped) OVER (PARTITION BY l.line) AS whole
        FROM bridge.reservation_lines l WHERE (l.shop, l.id) = (stock_ship.shop, stock_ship.id)),
    taken AS (
        SELECT p.*, w.quantity AS wanted,
               CASE WHEN lines IS NULL THEN p.rest ELSE least(p.rest,
                   greatest(w.quantity - p.earlier, 0)) END AS part
        FROM pieces p LEFT JOIN wanted w USING (line) WHERE lines IS NULL OR w.line IS NOT NULL)
    SELECT (SELECT jsonb_agg(jsonb_build_object('line', t.line, 'product', t.product, 'wanted',
        trim_scale(t.wanted)::text,
                                                'available', trim_scale(t.whole)::text, 'elsewhere',
                                                    '[]'::jsonb) ORDER BY t.nth)
            FROM (SELECT DISTINCT ON (line) * FROM taken WHERE wanted > whole) t),
           array_agg((0, t.stock, t.product, t.store, 0, -t.part, -t.part, 'shipment', t.shop, t.id,
               t.line,
                      found.revision + 1, instant, 'shipped')::bridge.stock_moves
                     ORDER BY t.nth, t.store) FILTER (WHERE t.part > 0)
    INTO short, moves FROM taken t;
    IF short IS NOT NULL THEN
        RETURN jsonb_build_object('status', 409, 'body', jsonb_build_object('code', 'STOCK-SHORT',
            'short', short));
    END IF;
    IF moves IS NOT NULL THEN
        FOR i IN 1 .. cardinality(moves) LOOP
            one := moves[i];
            had := bridge.stock_had_left(shop, ARRAY[found.number, id], one.product,
                -one.reserved);
            one.stated := one.stated + had;
            IF one.stated = 0 THEN
                one.note := 'picked up';
            END IF;
            moves[i] := one;
        END LOOP;
        PERFORM bridge.stock_post_facts(moves);
        INSERT INTO bridge.order_goods AS g (shop, number, product, stock, claimed, called, at)
        SELECT found.shop, coalesce(found.number, found.id), m.product, found.stock, 0,
               sum(-m.stated), instant
        FROM unnest(moves) m WHERE m.stated < 0 GROUP BY m.product ORDER BY m.product
        ON CONFLICT ON CONSTRAINT order_goods_pkey DO UPDATE
        SET called = g.called + excluded.called;
        UPDATE bridge.reservation_lines l SET shipped = l.shipped - m.reserved
        FROM unnest(moves) m WHERE (l.shop, l.id, l.line, l.store) = (m.shop, m.cause_id, m.line,
            m.store);
    END IF;
    UPDATE bridge.reservations r
    SET revision = r.revision + 1, changed_at = instant,
        state = CASE WHEN b.done THEN 'shipped' ELSE r.state END,
        expires_at = CASE WHEN b.done THEN NULL ELSE r.expires_at END
    FROM (SELECT bool_and(l.shipped = l.quantity) AS done FROM bridge.reservation_lines l
          WHERE (l.shop, l.id) = (stock_ship.shop, stock_ship.id)) b
    WHERE (r.shop, r.id) = (stock_ship.shop, stock_ship.id)
    RETURNING r.* INTO found;
    answer := bridge.reservation_body(found);
    IF shipment IS NOT NULL THEN
        INSERT INTO bridge.reservation_shipments VALUES (shop, id, shipment, answer, instant);
    END IF;
    RETURN jsonb_build_object('status', 200, 'body', answer);
END
$$;

CREATE OR REPLACE FUNCTION bridge.stock_ship_order(
    only_stock text, of_shop text, of_number text, at_store text, products text[],
    quantities numeric[], shipped_at timestamptz
) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moves    bridge.stock_moves[];
    revised  bigint;
    fallback text;
BEGIN
    INSERT INTO bridge.order_goods AS g (shop, number, product, stock, claimed, store, at)
    SELECT of_shop, of_number, w.product, only_stock, sum(w.quantity), at_store, shipped_at
    FROM unnest(products, quantities) AS w (product, quantity) GROUP BY w.product
    ORDER BY w.product
    ON CONFLICT (shop, number, product) DO UPDATE
    SET claimed = excluded.claimed, store = excluded.store, at = excluded.at
    WHERE g.claimed < excluded.claimed;
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
              SELECT t.product, t.taken FROM bridge.order_goods t
              WHERE t.shop = of_shop AND t.number = of_number AND t.product = ANY (products)
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
    UPDATE bridge.order_goods g SET taken = g.taken - m.stated
    FROM unnest(moves) m
    WHERE m.cause = 'order' AND (g.shop, g.number, g.product) = (of_shop, of_number, m.product);
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

-- A receipt of an order was changed: what another receipt has sold may be what the status took, and
-- what the status claims may lie on the shelf again. Whoever calls holds the lock of the order.
CREATE FUNCTION bridge.stock_settle_order(of_number text, changed bridge.receipts) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    good      record;
    one       record;
    claim     record;
    unclaimed numeric;
    excess    numeric;
    sales     numeric;
    pick_ups  numeric;
    part      numeric;
    moves     bridge.stock_moves[] := '{}';
BEGIN
    FOR good IN
        SELECT g.product, sum(g.sold) AS sold, sum(g.held) AS held,
               sum(g.held + g.gone + g.sold) AS said, coalesce(max(t.claimed), 0) AS claimed,
               coalesce(max(t.called), 0) AS called
        FROM bridge.receipt_goods g
        LEFT JOIN bridge.order_goods t ON (t.shop, t.number, t.product)
                                        = (g.shop, g.number, g.product)
        WHERE g.shop = changed.shop AND g.number = of_number
        GROUP BY g.product HAVING sum(g.sold + g.held) > 0 ORDER BY g.product
    LOOP
        unclaimed := bridge.stock_left_unclaimed(changed.stock, changed.shop, of_number,
            good.product);
        excess := least(unclaimed, good.said + unclaimed - good.claimed);
        sales := least(excess, good.sold);
        -- What was shipped by a call beside a pick-up was another piece.
        pick_ups := least(excess - sales, good.held, unclaimed - good.called);
        FOR one IN
            SELECT g.* FROM bridge.receipt_goods g
            WHERE g.shop = changed.shop AND g.number = of_number AND g.product = good.product
              AND g.sold + g.held > 0
            ORDER BY g.at, g.till, g.receipt
        LOOP
            EXIT WHEN sales <= 0 AND pick_ups <= 0;
            part := greatest(0, least(one.sold, sales));
            sales := sales - part;
            one.held := greatest(0, least(one.held, pick_ups));
            pick_ups := pick_ups - one.held;
            CONTINUE WHEN part + one.held = 0;
            moves := moves || (0, changed.stock, one.product, one.store, 0, 0, part + one.held,
                'receipt', one.shop, one.till || '/' || one.receipt,
                format('=%s=%s/%s', of_number, changed.till, changed.receipt), changed.revision,
                one.at, 'changed')::bridge.stock_moves;
            UPDATE bridge.receipt_goods g
            SET sold = g.sold - part, held = g.held - one.held, gone = g.gone + part + one.held,
                returned = g.returned + one.held
            WHERE (g.shop, g.till, g.receipt, g.product, g.number)
                = (one.shop, one.till, one.receipt, one.product, one.number);
        END LOOP;
    END LOOP;
    IF cardinality(moves) > 0 THEN
        PERFORM bridge.stock_post_facts(moves);
    END IF;
    FOR claim IN
        SELECT t.store, t.at, array_agg(t.product ORDER BY t.product) AS products,
               array_agg(t.claimed ORDER BY t.product) AS quantities
        FROM bridge.order_goods t
        WHERE t.shop = changed.shop AND t.number = of_number AND t.claimed > 0
        GROUP BY t.store, t.at ORDER BY t.at, t.store
    LOOP
        PERFORM bridge.stock_ship_order(changed.stock, changed.shop, of_number, claim.store,
            claim.products, claim.quantities, claim.at);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_settle_order(text, bridge.receipts) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_settle_order(text, bridge.receipts) IS
    'What the change of a receipt means for the other pieces of its order.';

CREATE OR REPLACE FUNCTION bridge.stock_post_receipt(r bridge.receipts, number_before text) RETURNS jsonb
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
    free    numeric;
    claimed numeric;
    of_both text;
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
            -- What the status claims and no other receipt has is this one's, before what is held.
            free := was.gone
                + bridge.stock_left_unclaimed(r.stock, r.shop, was.number, was.product);
            claimed := coalesce((SELECT t.claimed FROM bridge.order_goods t
                WHERE (t.shop, t.number, t.product) = (r.shop, was.number, was.product)), 0)
                - coalesce((SELECT sum(g.held + g.gone + g.sold) FROM bridge.receipt_goods g
                    WHERE (g.shop, g.number, g.product) = (r.shop, was.number, was.product)
                      AND (g.till, g.receipt) <> (r.till, r.receipt)), 0);
            gone := greatest(0, least(rest, free, greatest(was.gone, claimed - keeps)));
            rest := rest - gone;
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
            part := greatest(0, least(rest, free - gone));
            gone := gone + part;
            rest := rest - part;
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
    FOR of_both IN
        SELECT DISTINCT n.number FROM unnest(ARRAY[r.number, number_before]) AS n (number)
        WHERE n.number <> '' ORDER BY 1
    LOOP
        PERFORM bridge.stock_settle_order(of_both, r);
    END LOOP;
    RETURN jsonb_build_object('parked', waits, 'picked', trim_scale(picked)::text,
                              'moved', cardinality(moves));
END
$$;
