-- Reservations: whole or nothing, changed by the difference. HTTP and SQL use the same functions.
-- Locks, in this order: reservations (an advisory lock each, by key), stores, levels (by stock,
-- product, store).

CREATE TABLE bridge.reservations (
    shop       text NOT NULL,
    id         text NOT NULL,
    stock      text NOT NULL,
    number     text,
    store      text,
    state      text NOT NULL
               CONSTRAINT reservations_state_known CHECK (state IN ('held', 'shipped', 'released',
                   'expired', 'short')),
    paid       boolean NOT NULL DEFAULT false,
    version    bigint,
    revision   bigint NOT NULL,
    held_at    timestamptz NOT NULL,
    expires_at timestamptz,
    changed_at timestamptz NOT NULL,
    CONSTRAINT reservations_pkey PRIMARY KEY (shop, id),
    CONSTRAINT reservations_only_held_expire CHECK (expires_at IS NULL OR state = 'held')
);
CREATE INDEX reservations_expiring ON bridge.reservations (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX reservations_number ON bridge.reservations (shop, number) WHERE number IS NOT NULL;
COMMENT ON TABLE bridge.reservations IS 'Goods that are held for somebody.';
COMMENT ON COLUMN bridge.reservations.shop IS 'The shop.';
COMMENT ON COLUMN bridge.reservations.id IS 'Its id there.';
COMMENT ON COLUMN bridge.reservations.stock IS 'The stock it is taken from.';
COMMENT ON COLUMN bridge.reservations.number IS 'The order it is for, once there is one.';
COMMENT ON COLUMN bridge.reservations.store IS 'Where it is picked up.';
COMMENT ON COLUMN bridge.reservations.state IS
    'held until it is shipped, released, expired, or lost to a shortage.';
COMMENT ON COLUMN bridge.reservations.paid IS 'Whether its order is paid: then it does not expire.';
COMMENT ON COLUMN bridge.reservations.version IS 'The newest version that the shop gave it.';
COMMENT ON COLUMN bridge.reservations.revision IS
    'Grows with every change: the version of its moves.';
COMMENT ON COLUMN bridge.reservations.held_at IS 'When it was first held.';
COMMENT ON COLUMN bridge.reservations.expires_at IS 'When it runs out; null: it does not.';
COMMENT ON COLUMN bridge.reservations.changed_at IS 'When it was last changed.';

CREATE TABLE bridge.reservation_lines (
    shop     text NOT NULL,
    id       text NOT NULL,
    line     text NOT NULL,
    store    text NOT NULL,
    nth      integer NOT NULL,
    stock    text NOT NULL,
    product  text NOT NULL,
    quantity numeric NOT NULL CONSTRAINT reservation_lines_quantity_positive CHECK (quantity > 0),
    shipped  numeric NOT NULL DEFAULT 0,
    CONSTRAINT reservation_lines_pkey PRIMARY KEY (shop, id, line, store),
    CONSTRAINT reservation_lines_shipped_within CHECK (shipped >= 0 AND shipped <= quantity)
);
CREATE INDEX reservation_lines_product ON bridge.reservation_lines (stock, product, store);
COMMENT ON TABLE bridge.reservation_lines IS
    'What each reservation holds, and where; a line taken from several stores has a row for each.';
COMMENT ON COLUMN bridge.reservation_lines.shop IS 'The shop.';
COMMENT ON COLUMN bridge.reservation_lines.id IS 'The reservation.';
COMMENT ON COLUMN bridge.reservation_lines.line IS 'The line.';
COMMENT ON COLUMN bridge.reservation_lines.store IS 'The store.';
COMMENT ON COLUMN bridge.reservation_lines.nth IS
    'Its place among the lines, as the shop wrote them.';
COMMENT ON COLUMN bridge.reservation_lines.stock IS 'The stock.';
COMMENT ON COLUMN bridge.reservation_lines.product IS 'The product.';
COMMENT ON COLUMN bridge.reservation_lines.quantity IS 'How much of it, what was shipped included.';
COMMENT ON COLUMN bridge.reservation_lines.shipped IS
    'How much of that was shipped. The rest counts as reserved while the reservation is held.';

CREATE TABLE bridge.reservation_shipments (
    shop     text NOT NULL,
    id       text NOT NULL,
    shipment text NOT NULL,
    answer   jsonb NOT NULL,
    at       timestamptz NOT NULL,
    CONSTRAINT reservation_shipments_pkey PRIMARY KEY (shop, id, shipment)
);
COMMENT ON TABLE bridge.reservation_shipments IS
    'Shipments that were named, so that one said twice leaves once.';
COMMENT ON COLUMN bridge.reservation_shipments.shop IS 'The shop.';
COMMENT ON COLUMN bridge.reservation_shipments.id IS 'The reservation.';
COMMENT ON COLUMN bridge.reservation_shipments.shipment IS 'The shop''s name for the shipment.';
COMMENT ON COLUMN bridge.reservation_shipments.answer IS
    'What was answered, and is answered again.';
COMMENT ON COLUMN bridge.reservation_shipments.at IS 'When it was shipped.';

-- One after the other for each reservation, also for one that is not there yet. In the order of
-- keys.
CREATE FUNCTION bridge.stock_lock_reservations(shops text[], ids text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1397704523, key)
    FROM (SELECT DISTINCT hashtext(r.shop || '/' || r.id) AS key FROM unnest(shops, ids) AS r (shop,
        id)
          ORDER BY key OFFSET 0) k;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_lock_reservations(text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_lock_reservations(text[], text[]) IS
    'Keeps others from changing these reservations until the end of the transaction.';

CREATE FUNCTION bridge.reservation_body(r bridge.reservations) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
    SELECT jsonb_build_object(
        'id', r.id, 'number', r.number, 'state', r.state, 'expires_at', r.expires_at,
        'lines', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                      'line', l.line, 'product', l.product, 'store', l.store, 'quantity',
                          trim_scale(l.quantity)::text,
                      'shipped', trim_scale(l.shipped)::text) ORDER BY l.nth, l.store), '[]')
                  FROM bridge.reservation_lines l WHERE (l.shop, l.id) = (r.shop, r.id))));
END
$$;
REVOKE ALL ON FUNCTION bridge.reservation_body(bridge.reservations) FROM PUBLIC;
COMMENT ON FUNCTION bridge.reservation_body(bridge.reservations) IS
    'A reservation as it is answered.';

-- Ends held reservations: what they still hold is free again. Whoever calls holds their locks.
CREATE FUNCTION bridge.stock_end(shops text[], ids text[], ended text,
    due timestamptz) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_shops text[];
    found_ids   text[];
    moves       bridge.stock_moves[];
    instant     timestamptz := clock_timestamp();
BEGIN
    SELECT array_agg(r.shop), array_agg(r.id) INTO found_shops, found_ids
    FROM bridge.reservations r
    JOIN (SELECT DISTINCT * FROM unnest(shops, ids) AS u (shop, id)) k USING (shop, id)
    WHERE r.state = 'held' AND (due IS NULL OR r.expires_at <= due);
    IF found_ids IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM FROM bridge.stock_levels v
    WHERE (v.stock, v.product, v.store) IN (
        SELECT l.stock, l.product, l.store FROM bridge.reservation_lines l
        JOIN unnest(found_shops, found_ids) AS k (shop, id) USING (shop, id)
            WHERE l.quantity > l.shipped)
    ORDER BY v.stock, v.product, v.store FOR NO KEY UPDATE;
    SELECT array_agg((0, l.stock, l.product, l.store, 0, l.shipped - l.quantity, NULL,
        'reservation', l.shop, l.id,
                      l.line, r.revision + 1, instant, ended)::bridge.stock_moves)
    INTO moves
    FROM bridge.reservation_lines l JOIN unnest(found_shops, found_ids) AS k (shop, id) USING (shop,
        id)
    JOIN bridge.reservations r USING (shop, id)
    WHERE l.quantity > l.shipped;
    IF moves IS NOT NULL THEN
        PERFORM bridge.stock_post(moves);
    END IF;
    UPDATE bridge.reservations r
    SET state = ended, expires_at = NULL, revision = r.revision + 1, changed_at = instant
    FROM unnest(found_shops, found_ids) AS k (shop, id) WHERE (r.shop, r.id) = (k.shop, k.id);
    RETURN cardinality(found_ids);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_end(text[], text[], text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_end(text[], text[], text, timestamptz) IS
    'Ends held reservations, or only those that are due; says how many.';

-- Writes down what has run out, for some products or for all; what somebody is changing now is left
-- to him.
CREATE FUNCTION bridge.stock_expire(only_stock text, only_products text[],
    most integer) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '1s'
AS $$
DECLARE
    shops   text[];
    ids     text[];
    instant timestamptz := clock_timestamp();
BEGIN
    IF only_products IS NULL THEN
        SELECT array_agg(d.shop), array_agg(d.id) INTO shops, ids
        FROM (SELECT r.shop, r.id FROM bridge.reservations r
              WHERE r.expires_at <= instant AND (only_stock IS NULL OR r.stock = only_stock)
              ORDER BY r.expires_at LIMIT most) d
        WHERE pg_try_advisory_xact_lock(1397704523, hashtext(d.shop || '/' || d.id));
    ELSE
        SELECT array_agg(d.shop), array_agg(d.id) INTO shops, ids
        FROM (SELECT r.shop, r.id FROM bridge.reservations r
              WHERE r.expires_at <= instant AND r.stock = only_stock
                AND EXISTS (SELECT FROM bridge.reservation_lines l
                            WHERE (l.shop, l.id) = (r.shop, r.id)
                                AND l.product = ANY (only_products))
              ORDER BY r.expires_at LIMIT most) d
        WHERE pg_try_advisory_xact_lock(1397704523, hashtext(d.shop || '/' || d.id));
    END IF;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    RETURN bridge.stock_end(shops, ids, 'expired', instant);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_expire(text, text[], integer) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_expire(text, text[], integer) IS
    'Writes down which reservations have run out; says how many.';
