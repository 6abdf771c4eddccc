-- What else is done with reservations, the way in for a shop's own transaction, and the feed of
-- changed levels.

-- Each answers {status, body}. They go by the state that is written: what has run out, and nobody
-- has written it, can still be used.
CREATE FUNCTION bridge.stock_release(shop text, id text) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found bridge.reservations;
BEGIN
    PERFORM bridge.stock_lock_reservations(ARRAY[shop], ARRAY[id]);
    PERFORM bridge.stock_end(ARRAY[shop], ARRAY[id], 'released', NULL);
    SELECT r.* INTO found FROM bridge.reservations r WHERE (r.shop, r.id) = (stock_release.shop,
        stock_release.id);
    IF found IS NULL OR found.id IS NULL THEN
        RETURN jsonb_build_object('status', 404);
    END IF;
    RETURN jsonb_build_object('status', 200, 'body', bridge.reservation_body(found));
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_release(text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_release(text, text) IS 'Sets free what a reservation still holds.';

CREATE FUNCTION bridge.stock_extend(shop text, id text, hold double precision) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found bridge.reservations;
BEGIN
    PERFORM bridge.stock_lock_reservations(ARRAY[shop], ARRAY[id]);
    SELECT r.* INTO found FROM bridge.reservations r WHERE (r.shop, r.id) = (stock_extend.shop,
        stock_extend.id);
    IF found.id IS NULL THEN
        RETURN jsonb_build_object('status', 404);
    ELSIF found.state <> 'held' THEN
        RETURN jsonb_build_object('status', 409, 'body', jsonb_build_object('code',
            'STOCK-NOT-HELD', 'state', found.state));
    END IF;
    IF NOT found.paid THEN
        UPDATE bridge.reservations r
        SET expires_at = clock_timestamp() + make_interval(secs => hold),
            changed_at = clock_timestamp()
        WHERE (r.shop, r.id) = (stock_extend.shop, stock_extend.id)
        RETURNING r.* INTO found;
    END IF;
    RETURN jsonb_build_object('status', 200, 'body', bridge.reservation_body(found));
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_extend(text, text, double precision) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_extend(text, text, double precision) IS
    'Holds a reservation for so many seconds from now.';

CREATE FUNCTION bridge.stock_ship(shop text, id text, shipment text, lines jsonb) RETURNS jsonb
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
BEGIN
    PERFORM bridge.stock_lock_reservations(ARRAY[shop], ARRAY[id]);
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
                      found.revision + 1, instant, 'shipped')::bridge.stock_moves) FILTER (WHERE
                          t.part > 0)
    INTO short, moves FROM taken t;
    IF short IS NOT NULL THEN
        RETURN jsonb_build_object('status', 409, 'body', jsonb_build_object('code', 'STOCK-SHORT',
            'short', short));
    END IF;
    IF moves IS NOT NULL THEN
        PERFORM bridge.stock_post_facts(moves);
        UPDATE bridge.reservation_lines l SET shipped = l.shipped - m.stated
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
REVOKE ALL ON FUNCTION bridge.stock_ship(text, text, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_ship(text, text, text, jsonb) IS
    'Takes what a reservation holds, or some of it, from the shelf.';

CREATE FUNCTION bridge.stock_reservation(shop text, id text) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found   bridge.reservations;
    instant timestamptz := clock_timestamp();
BEGIN
    SELECT r.* INTO found FROM bridge.reservations r WHERE (r.shop, r.id) = (stock_reservation.shop,
        stock_reservation.id);
    IF found.expires_at <= instant THEN
        PERFORM bridge.stock_lock_reservations(ARRAY[shop], ARRAY[id]);
        PERFORM bridge.stock_end(ARRAY[shop], ARRAY[id], 'expired', instant);
        SELECT r.* INTO found FROM bridge.reservations r WHERE (r.shop,
            r.id) = (stock_reservation.shop, stock_reservation.id);
    END IF;
    IF found.id IS NULL THEN
        RETURN jsonb_build_object('status', 404);
    END IF;
    RETURN jsonb_build_object('status', 200, 'body', bridge.reservation_body(found));
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_reservation(text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_reservation(text, text) IS
    'A reservation as it is now; that it has run out is written first.';

-- For a shop's own transaction.
CREATE FUNCTION bridge.stock_check_caller(shop text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT bridge.may_publish(bridge.publisher(), shop)
       AND (EXISTS (SELECT FROM bridge.publishers p JOIN pg_roles g ON g.rolname = p.role
                    WHERE pg_has_role(bridge.publisher()::name, g.oid, 'MEMBER'))
            OR (SELECT count(*) FROM bridge.stock_shops) > 1) THEN
        RAISE EXCEPTION 'the role % may not reserve for the shop %', bridge.publisher(), shop
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'The owner of the schema adds it to bridge.publishers.';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_check_caller(text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_check_caller(text) IS
    'Raises unless the role that calls may act for the shop.';

CREATE FUNCTION bridge.stock_refuse(pointer text, detail text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%: %', pointer, detail USING ERRCODE = 'invalid_parameter_value';
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_refuse(text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_refuse(text, text) IS 'Raises for input that cannot be used.';

CREATE FUNCTION bridge.stock_text(value jsonb, pointer text, needed boolean) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    told text := btrim(value #>> '{}');
BEGIN
    IF jsonb_typeof(value) NOT IN ('string', 'number', 'null')
       OR length(told) > 128 OR told ~ '[[:cntrl:]]' OR (needed AND coalesce(told, '') = '') THEN
        PERFORM bridge.stock_refuse(pointer,
            'this must be a text of 1 to 128 characters, none of them a control character');
    END IF;
    RETURN nullif(told, '');
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_text(jsonb, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_text(jsonb, text, boolean) IS 'A short text, or raises.';

CREATE FUNCTION bridge.reserve(request jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    checked jsonb;
    lines   jsonb := '[]';
    given   jsonb;
    told    text;
    held    double precision;
    answer  jsonb;
BEGIN
    IF request IS NULL OR jsonb_typeof(request) <> 'object' THEN
        PERFORM bridge.stock_refuse('',
            'bridge.reserve takes one JSON object with `shop`, `id` and `lines`');
    END IF;
    PERFORM bridge.stock_check_caller(bridge.stock_text(request -> 'shop', '/shop', true));
    IF jsonb_typeof(request -> 'lines') IS DISTINCT FROM 'array'
       OR jsonb_array_length(request -> 'lines') NOT BETWEEN 1 AND 500 THEN
        PERFORM bridge.stock_refuse('/lines', '`lines` is a list of 1 to 500 lines');
    END IF;
    FOR i IN 0 .. jsonb_array_length(request -> 'lines') - 1 LOOP
        given := request -> 'lines' -> i;
        told := btrim(given ->> 'quantity');
        IF told IS NULL OR told !~ '^[0-9]{1,12}(\.[0-9]{1,10})?$' THEN
            PERFORM bridge.stock_refuse(format('/lines/%s/quantity', i),
                '`quantity` is a decimal above zero and below 1e12');
        ELSIF told::numeric = 0 OR scale(trim_scale(told::numeric)) > 3 THEN
            PERFORM bridge.stock_refuse(format('/lines/%s/quantity', i),
                '`quantity` is above zero, with at most three digits after the point');
        END IF;
        lines := lines || jsonb_strip_nulls(jsonb_build_object(
            'line', bridge.stock_text(given -> 'line', format('/lines/%s/line', i), true),
            'product', bridge.stock_text(given -> 'product', format('/lines/%s/product', i), true),
            'store', bridge.stock_text(given -> 'store', format('/lines/%s/store', i), false),
            'quantity', told));
    END LOOP;
    IF (SELECT count(DISTINCT l ->> 'line')
        FROM jsonb_array_elements(lines) l) < jsonb_array_length(lines) THEN
        PERFORM bridge.stock_refuse('/lines', 'two lines have the same `line`');
    END IF;
    told := bridge.stock_text(request -> 'hold', '/hold', false);
    IF told IS NOT NULL THEN
        IF told !~ '^[0-9]{1,8} ?(s|m|min|h|d)$' THEN
            PERFORM bridge.stock_refuse('/hold', 'write a number and s, m, h or d: "3d"');
        END IF;
        held := extract(epoch FROM replace(replace(told, 'min', 'm'), 'm', 'min')::interval);
        IF held NOT BETWEEN 1 AND 7776000 THEN
            PERFORM bridge.stock_refuse('/hold', 'a hold is 1 second to 90 days');
        END IF;
    END IF;
    IF coalesce(request ->> 'version', '0') !~ '^-?[0-9]{1,18}$' THEN
        PERFORM bridge.stock_refuse('/version', '`version` is a whole number');
    END IF;
    checked := jsonb_strip_nulls(jsonb_build_object(
        'shop', btrim(request ->> 'shop'),
        'id', bridge.stock_text(request -> 'id', '/id', true),
        'number', bridge.stock_text(request -> 'number', '/number', false),
        'store', bridge.stock_text(request -> 'store', '/store', false),
        'hold', held, 'version', request ->> 'version', 'lines', lines));
    answer := bridge.stock_reserve(jsonb_build_array(checked)) -> 0;
    IF answer ->> 'status' = '422' THEN
        PERFORM bridge.stock_refuse(answer #>> '{body,faults,0,pointer}',
            answer #>> '{body,faults,0,detail}');
    END IF;
    RETURN answer -> 'body';
END
$$;
REVOKE ALL ON FUNCTION bridge.reserve(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.reserve(jsonb) IS
    'Reserves with the transaction that calls it: the body of PUT with shop and id.';

CREATE FUNCTION bridge.release(shop text, id text) RETURNS jsonb
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM bridge.stock_check_caller(shop);
    RETURN bridge.stock_release(shop, id) -> 'body';
END
$$;
REVOKE ALL ON FUNCTION bridge.release(text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.release(text, text) IS
    'Sets a reservation free with the transaction that calls it. Returns it; null: there is none.';

-- One teller at a time gives changed levels their places, and commits: no reader ever passes one
-- that is not committed yet.
CREATE FUNCTION bridge.stock_tell(only_stock text, most integer) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET enable_seqscan = off
    SET lock_timeout = '200ms'
AS $$
DECLARE
    last_seq bigint;
    products text[];
    stores   text[];
BEGIN
    SELECT told INTO last_seq FROM bridge.stocks
        WHERE stock = only_stock FOR NO KEY UPDATE SKIP LOCKED;
    IF last_seq IS NULL THEN
        RETURN 0;
    END IF;
    BEGIN
        SELECT array_agg(l.product), array_agg(l.store) INTO products, stores
        FROM (SELECT v.product, v.store FROM bridge.stock_levels v
              WHERE v.stock = only_stock AND v.untold
              ORDER BY v.product, v.store LIMIT most FOR NO KEY UPDATE) l;
    EXCEPTION WHEN lock_not_available THEN
        -- Somebody's transaction is long: his levels are told when it is over.
        SELECT array_agg(l.product), array_agg(l.store) INTO products, stores
        FROM (SELECT v.product, v.store FROM bridge.stock_levels v
              WHERE v.stock = only_stock AND v.untold
              ORDER BY v.product, v.store LIMIT most FOR NO KEY UPDATE SKIP LOCKED) l;
    END;
    IF products IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE bridge.stock_levels v SET untold = false, seq = last_seq + k.nth
    FROM unnest(products, stores) WITH ORDINALITY AS k (product, store, nth)
    WHERE (v.stock, v.product, v.store) = (only_stock, k.product, k.store);
    UPDATE bridge.stocks SET told = last_seq + cardinality(products) WHERE stock = only_stock;
    RETURN cardinality(products);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_tell(text, integer) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_tell(text, integer) IS
    'Gives changed levels their places in the feed; says how many.';
