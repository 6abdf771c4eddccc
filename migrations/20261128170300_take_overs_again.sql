-- What is reserved for an order after it has left is counted as shipped in the next second where
-- somebody was at the order just then. It had stayed held until the order's next word.
CREATE TABLE bridge.stock_take_overs (
    shop text NOT NULL,
    id   text NOT NULL,
    CONSTRAINT stock_take_overs_pkey PRIMARY KEY (shop, id)
);
COMMENT ON TABLE bridge.stock_take_overs IS
    'Reservations that may hold pieces of an order that have left already: they are looked at again.';
COMMENT ON COLUMN bridge.stock_take_overs.shop IS 'The shop.';
COMMENT ON COLUMN bridge.stock_take_overs.id IS 'The shop''s id of the reservation.';

CREATE OR REPLACE FUNCTION bridge.stock_take_over(rows bridge.reservations[]) RETURNS void
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
        IF NOT pg_try_advisory_xact_lock(1397704523,
            hashtext(one.shop || '/' || coalesce(one.number, one.id))) THEN
            INSERT INTO bridge.stock_take_overs (shop, id) VALUES (one.shop, one.id)
            ON CONFLICT DO NOTHING;
            CONTINUE;
        END IF;
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

-- The next that was left to later, and whose order nobody is at now, is looked at. Says whether
-- there was one.
CREATE FUNCTION bridge.stock_take_over_again() RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '1s'
AS $$
DECLARE
    one  bridge.stock_take_overs;
    held bridge.reservations;
BEGIN
    FOR one IN
        SELECT t.* FROM bridge.stock_take_overs t ORDER BY t.shop, t.id FOR UPDATE SKIP LOCKED
    LOOP
        CONTINUE WHEN NOT (
            SELECT bool_and(pg_try_advisory_xact_lock(1397704523,
                                                      hashtext(one.shop || '/' || k.id)))
            FROM (SELECT one.id UNION
                  SELECT r.number FROM bridge.reservations r
                  WHERE (r.shop, r.id) = (one.shop, one.id) AND r.number IS NOT NULL) k (id));
        UPDATE bridge.reservations r SET revision = r.revision + 1, changed_at = clock_timestamp()
        WHERE (r.shop, r.id) = (one.shop, one.id) AND r.state = 'held'
        RETURNING r.* INTO held;
        IF held.id IS NOT NULL THEN
            PERFORM bridge.stock_lock_levels(array_agg(l.stock), array_agg(l.product),
                                             array_agg(l.store))
            FROM bridge.reservation_lines l WHERE (l.shop, l.id) = (held.shop, held.id);
            PERFORM bridge.stock_take_over(ARRAY[held]);
        END IF;
        DELETE FROM bridge.stock_take_overs t WHERE (t.shop, t.id) = (one.shop, one.id);
        RETURN true;
    END LOOP;
    RETURN false;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_take_over_again() FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_take_over_again() IS
    'Counts as shipped what a reservation holds that has left already, where that was left to later.';
