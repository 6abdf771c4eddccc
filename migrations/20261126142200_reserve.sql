-- The question whether goods can be had, and its answer: `bridge.reserve`.

CREATE TYPE bridge.stock_wish AS (
    n integer, nth integer, line text, named text, products text[], store text, store_named text,
        quantity numeric, base integer
);
COMMENT ON TYPE bridge.stock_wish IS
    'A line of a request: n is the request, base the first place that has the product.';
CREATE TYPE bridge.stock_piece AS (
    n integer, nth integer, line text, product text, store text, quantity numeric, shipped numeric,
        place integer
);
COMMENT ON TYPE bridge.stock_piece IS 'What a line holds in a store.';
CREATE TYPE bridge.stock_place AS (stock text, product text, store text, online boolean);
COMMENT ON TYPE bridge.stock_place IS 'A level that is locked, by product and rank.';

-- What is free at places from `base` on, for the answer that it is not enough.
CREATE FUNCTION bridge.stock_elsewhere(
    places bridge.stock_place[], free numeric[], base integer, but text[]
) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object('store', p.store, 'available',
        trim_scale(free[p.k])::text)
                              ORDER BY p.k), '[]')
    FROM unnest(places) WITH ORDINALITY AS p (stock, product, store, online, k)
    WHERE p.k >= base AND (p.stock, p.product) = (places[base].stock, places[base].product)
      AND free[p.k] > 0 AND p.store <> ALL (but));
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_elsewhere(bridge.stock_place[], numeric[], integer, text[])
    FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_elsewhere(bridge.stock_place[], numeric[], integer, text[]) IS
    'Other stores that have some of a product.';

-- Writes what a round came to: the differences as moves, then reservations and lines as they are
-- now.
CREATE FUNCTION bridge.stock_write_reservations(
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
    SET stock = excluded.stock, number = excluded.number, store = excluded.store,
        state = excluded.state,
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
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_write_reservations(integer[], bridge.reservations[],
    bridge.stock_piece[], bridge.stock_piece[])
    FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_write_reservations(integer[], bridge.reservations[],
    bridge.stock_piece[], bridge.stock_piece[]) IS
    'Writes what a round of reservations came to.';

-- Each reservation at most once. Locks, decides one after the other in memory, and writes what came
-- of all at once.
CREATE FUNCTION bridge.stock_reserve_round(requests jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    instant  timestamptz;
    shops    text[];
    ids      text[];
    of_stock text[];
    of_product text[];
    wishes   bridge.stock_wish[];
    olds     bridge.stock_piece[];
    news     bridge.stock_piece[] := '{}';
    kept     bridge.stock_piece[];
    places   bridge.stock_place[];
    free     numeric[];
    before   numeric[];
    answers  jsonb[];
    rows     bridge.reservations[] := '{}';
    changed  integer[] := '{}';
    q        record;
    w        bridge.stock_wish;
    o        bridge.stock_piece;
    at_wish  integer := 1;
    at_old   integer := 1;
    last_wish integer;
    last_old integer;
    i        integer;
    j        integer;
    k        integer;
    taken    integer;
    faults   jsonb;
    short    jsonb;
    best     jsonb;
    had      numeric;
    left_    numeric;
    total    numeric;
    current_ text;
    candidate text;
    candidates text[];
    tried    text;
    done     boolean;
    same     boolean;
BEGIN
    SELECT array_agg(r.request ->> 'shop' ORDER BY r.n), array_agg(r.request ->> 'id' ORDER BY r.n)
        INTO shops, ids
    FROM jsonb_array_elements(requests) WITH ORDINALITY AS r (request, n);
    PERFORM bridge.stock_lock_reservations(shops, ids);

    SELECT array_agg((r.n, l.nth, l.line ->> 'line', l.line ->> 'product',
                      m.means, t.store, coalesce(l.line ->> 'store', r.request ->> 'store'),
                      (l.line ->> 'quantity')::numeric, NULL)::bridge.stock_wish)
    INTO wishes
    FROM jsonb_array_elements(requests) WITH ORDINALITY AS r (request, n)
    JOIN bridge.stock_shops s ON s.shop = r.request ->> 'shop'
    CROSS JOIN jsonb_array_elements(r.request -> 'lines') WITH ORDINALITY AS l (line, nth)
    LEFT JOIN LATERAL (
        SELECT array_agg(k.product ORDER BY k.product) AS means FROM bridge.stock_product_keys k
        WHERE k.stock = s.stock AND k.value = l.line ->> 'product' AND k.kind = ANY (s.products_by)
        GROUP BY k.kind ORDER BY array_position(s.products_by, k.kind) LIMIT 1) m ON true
    LEFT JOIN LATERAL (
        SELECT a.store FROM bridge.stock_stores a
        WHERE a.stock = s.stock AND a.active
          AND (a.store = coalesce(r.request ->> 'store', l.line ->> 'store')
               OR coalesce(r.request ->> 'store', l.line ->> 'store') = ANY (a.ids))
        ORDER BY a.store <> coalesce(r.request ->> 'store', l.line ->> 'store') LIMIT 1) t ON true;

    SELECT array_agg((r.n, l.nth, l.line, l.product, l.store, l.quantity, l.shipped,
        NULL)::bridge.stock_piece
                     ORDER BY r.n, l.nth)
    INTO olds
    FROM unnest(shops, ids) WITH ORDINALITY AS r (shop, id, n)
    JOIN bridge.reservation_lines l ON (l.shop, l.id) = (r.shop, r.id);

    SELECT array_agg(d.stock), array_agg(d.product) INTO of_stock, of_product
    FROM (SELECT DISTINCT s.stock, x.product
          FROM (SELECT n, products[1] AS product FROM unnest(wishes) UNION ALL SELECT n, product
              FROM unnest(olds)) x
          JOIN bridge.stock_shops s ON s.shop = shops[x.n]
          WHERE x.product IS NOT NULL) d;
    SELECT array_agg((l.stock, l.product, l.store, l.online)::bridge.stock_place ORDER BY l.stock,
        l.product, l.rank, l.store),
           array_agg(l.free ORDER BY l.stock, l.product, l.rank, l.store)
    INTO places, free
    FROM (SELECT v.stock, v.product, v.store, coalesce(t.rank, 0) AS rank,
        v.on_hand - v.reserved AS free,
                 coalesce(t.online AND t.active, false) AS online
          FROM unnest(of_stock, of_product) AS d (stock, product)
          JOIN bridge.stock_levels v USING (stock, product)
          LEFT JOIN bridge.stock_stores t USING (stock, store)
          ORDER BY v.stock, v.product, v.store FOR NO KEY UPDATE OF v) l;

    -- Lines of a named store come first: the others find their places around them.
    SELECT array_agg((x.n, x.nth, x.line, x.named, x.products, x.store, x.store_named, x.quantity,
        p.base)::bridge.stock_wish
                     ORDER BY x.n, x.store IS NULL, x.nth)
    INTO wishes
    FROM unnest(wishes) x JOIN bridge.stock_shops s ON s.shop = shops[x.n]
    LEFT JOIN (SELECT y.stock, y.product, min(y.k) AS base
               FROM unnest(places) WITH ORDINALITY AS y (stock, product, store, online,
                   k) GROUP BY 1, 2) p
           ON (p.stock, p.product) = (s.stock, x.products[1]);
    SELECT array_agg((x.n, x.nth, x.line, x.product, x.store, x.quantity, x.shipped,
        y.k)::bridge.stock_piece
                     ORDER BY x.n, x.nth)
    INTO olds
    FROM unnest(olds) x JOIN bridge.stock_shops s ON s.shop = shops[x.n]
    LEFT JOIN unnest(places) WITH ORDINALITY AS y (stock, product, store, online, k)
           ON (y.stock, y.product, y.store) = (s.stock, x.product, x.store);
    wishes := coalesce(wishes, '{}');
    olds := coalesce(olds, '{}');
    instant := clock_timestamp();

    FOR q IN
        SELECT r.n, r.request, s.stock, c.split, r.shop, r.id,
               nullif(r.request ->> 'number', '') AS number,
                   (r.request ->> 'version')::bigint AS version,
               r.request ->> 'store' AS pickup_named, p.store AS pickup,
               make_interval(secs => (r.request ->> 'hold')::double precision) AS hold,
                   c.hold AS usual_hold,
               e.state, e.version AS old_version, e.revision, e.held_at, e.expires_at, e.paid,
                   e.number AS old_number,
               e.store AS old_pickup, e.changed_at,
               (SELECT array_agg(t.store ORDER BY t.rank, t.store) FROM bridge.stock_stores t
                WHERE t.stock = s.stock AND t.online AND t.active) AS online
        FROM (SELECT k.shop, k.id, k.n, requests -> (k.n::integer - 1) AS request
              FROM unnest(shops, ids) WITH ORDINALITY AS k (shop, id, n)) r
        LEFT JOIN bridge.stock_shops s ON s.shop = r.shop
        LEFT JOIN bridge.stocks c ON c.stock = s.stock
        LEFT JOIN bridge.reservations e ON (e.shop, e.id) = (r.shop, r.id)
        LEFT JOIN LATERAL (
            SELECT t.store FROM bridge.stock_stores t
            WHERE t.stock = s.stock AND t.active AND t.pickup
              AND (t.store = r.request ->> 'store' OR r.request ->> 'store' = ANY (t.ids))
            ORDER BY t.store <> r.request ->> 'store' LIMIT 1) p ON true
        ORDER BY r.n
    LOOP
        last_wish := at_wish - 1;
        WHILE last_wish < cardinality(wishes) AND wishes[last_wish + 1].n = q.n LOOP
            last_wish := last_wish + 1;
        END LOOP;
        last_old := at_old - 1;
        WHILE last_old < cardinality(olds) AND olds[last_old + 1].n = q.n LOOP
            last_old := last_old + 1;
        END LOOP;

        faults := '[]';
        IF q.stock IS NULL THEN
            faults := jsonb_build_array(jsonb_build_object('pointer', '/shop',
                'detail', format('the shop `%s` sells from no stock', q.shop)));
        ELSIF q.pickup_named IS NOT NULL AND q.pickup IS NULL THEN
            faults := jsonb_build_array(jsonb_build_object('pointer', '/store',
                'detail', format('`%s` is no store of the stock where goods are picked up',
                    q.pickup_named)));
        END IF;
        -- What is the older word, or is done with, is answered as it stands.
        same := q.state = 'shipped' OR q.version < q.old_version;
        IF faults = '[]' AND same IS NOT TRUE THEN
            FOR i IN at_wish .. last_wish LOOP
                w := wishes[i];
                IF w.products IS NULL OR cardinality(w.products) > 1 THEN
                    faults := faults || jsonb_build_object('pointer', format('/lines/%s/product',
                        w.nth - 1),
                        'code', 'STOCK-UNKNOWN-PRODUCT',
                        'detail', CASE WHEN w.products IS NULL
                            THEN format('no product is known as `%s`', w.named)
                                  ELSE format('`%s` may mean the products %s', w.named,
                                              '`' || array_to_string(w.products,
                                                  '` and `') || '`') END);
                END IF;
                IF w.store_named IS NOT NULL AND w.store IS NULL THEN
                    faults := faults || jsonb_build_object('pointer', format('/lines/%s/store',
                        w.nth - 1),
                        'detail', format('`%s` is no store of the stock', w.store_named));
                END IF;
                had := 0;
                FOR j IN at_old .. last_old LOOP
                    IF olds[j].line = w.line AND olds[j].shipped > 0 THEN
                        had := had + olds[j].shipped;
                        IF olds[j].product <> w.products[1] THEN
                            had := w.quantity + 1;
                        END IF;
                    END IF;
                END LOOP;
                IF had > w.quantity THEN
                    faults := faults || jsonb_build_object('pointer', format('/lines/%s/quantity',
                        w.nth - 1),
                        'detail', 'more of this line has been shipped already');
                END IF;
            END LOOP;
            FOR j IN at_old .. last_old LOOP
                o := olds[j];
                IF o.shipped > 0 AND NOT EXISTS (
                    SELECT FROM unnest(wishes[at_wish:last_wish]) x WHERE x.line = o.line) THEN
                    faults := faults || jsonb_build_object('pointer', '/lines',
                        'detail',
                            format('the line `%s` is missing, of which something has been shipped',
                                o.line));
                END IF;
            END LOOP;
        END IF;

        IF faults <> '[]' THEN
            answers[q.n] := jsonb_build_object('status', 422, 'body', jsonb_build_object('faults',
                faults));
        ELSIF same IS NOT TRUE THEN
            before := free;
            current_ := NULL;
            FOR j IN at_old .. last_old LOOP
                o := olds[j];
                IF q.state = 'held' AND o.quantity > o.shipped AND o.place IS NOT NULL THEN
                    free[o.place] := free[o.place] + o.quantity - o.shipped;
                    current_ := coalesce(current_, o.store);
                END IF;
            END LOOP;
            -- With one store for all, each is tried: the one it is in, then by rank. Else one try
            -- is enough.
            IF q.split OR q.pickup IS NOT NULL THEN
                candidates := ARRAY[NULL::text];
            ELSE
                candidates := coalesce(q.online, ARRAY[NULL::text]);
                IF current_ = ANY (candidates) THEN
                    candidates := current_ || array_remove(candidates, current_);
                END IF;
            END IF;
            best := NULL;
            done := false;
            FOREACH candidate IN ARRAY candidates LOOP
                kept := '{}';
                short := '[]';
                FOR i IN at_wish .. last_wish LOOP
                    w := wishes[i];
                    left_ := w.quantity;
                    total := 0;
                    FOR j IN at_old .. last_old LOOP
                        o := olds[j];
                        IF o.line = w.line AND o.shipped > 0 THEN
                            kept := kept || (q.n, w.nth, w.line, o.product, o.store, o.shipped,
                                o.shipped, o.place)::bridge.stock_piece;
                            left_ := left_ - o.shipped;
                            total := total + o.shipped;
                        END IF;
                    END LOOP;
                    tried := coalesce(w.store, candidate);
                    taken := NULL;
                    k := w.base;
                    WHILE k <= cardinality(places) AND places[k].product = w.products[1]
                        AND places[k].stock = q.stock LOOP
                        IF places[k].store = tried OR tried IS NULL AND places[k].online
                            AND q.split THEN
                            IF tried IS NULL AND places[k].store = current_
                                AND free[k] >= left_ THEN
                                taken := k;
                                EXIT;
                            END IF;
                            IF taken IS NULL AND free[k] >= left_ THEN
                                taken := k;
                                EXIT WHEN tried IS NOT NULL OR current_ IS NULL;
                            END IF;
                            total := total + greatest(free[k], 0);
                        END IF;
                        k := k + 1;
                    END LOOP;
                    IF left_ = 0 THEN
                        CONTINUE;
                    ELSIF taken IS NOT NULL THEN
                        kept := kept || (q.n, w.nth, w.line, w.products[1], places[taken].store,
                            left_, 0, taken)::bridge.stock_piece;
                        free[taken] := free[taken] - left_;
                    ELSIF tried IS NULL AND total >= w.quantity THEN
                        k := w.base;
                        WHILE left_ > 0 LOOP
                            IF places[k].online AND free[k] > 0 THEN
                                had := least(free[k], left_);
                                kept := kept || (q.n, w.nth, w.line, w.products[1], places[k].store,
                                    had, 0, k)::bridge.stock_piece;
                                free[k] := free[k] - had;
                                left_ := left_ - had;
                            END IF;
                            k := k + 1;
                        END LOOP;
                    ELSE
                        short := short || jsonb_build_object(
                            'line', w.line, 'product', w.products[1], 'wanted',
                                trim_scale(w.quantity)::text,
                            'available', trim_scale(total)::text,
                            'elsewhere', bridge.stock_elsewhere(places, free, w.base,
                                CASE WHEN tried IS NOT NULL THEN ARRAY[tried] WHEN q.split
                                    THEN coalesce(q.online, '{}')
                                     ELSE '{}' END));
                    END IF;
                END LOOP;
                done := short = '[]';
                EXIT WHEN done;
                -- Taken back: the next store is tried with all that there was.
                FOR j IN 1 .. cardinality(kept) LOOP
                    IF kept[j].place IS NOT NULL THEN
                        free[kept[j].place] := free[kept[j].place] + kept[j].quantity -
                            kept[j].shipped;
                    END IF;
                END LOOP;
                IF best IS NULL OR jsonb_array_length(short) < jsonb_array_length(best) THEN
                    best := short;
                END IF;
            END LOOP;

            IF NOT done THEN
                free := before;
                answers[q.n] := jsonb_build_object('status', 409, 'body',
                    jsonb_build_object('code', 'STOCK-SHORT', 'short', best));
            ELSE
                news := news || kept;
                changed := changed || q.n::integer;
                -- Nothing is left to be held where all of it was shipped before.
                done := EXISTS (SELECT FROM unnest(kept) x WHERE x.quantity > x.shipped);
                rows := rows || (
                    q.shop, q.id, q.stock, coalesce(q.number, q.old_number), q.pickup,
                    CASE WHEN done THEN 'held' ELSE 'shipped' END, coalesce(q.paid, false),
                    coalesce(q.version, q.old_version), coalesce(q.revision, 0) + 1,
                    CASE WHEN q.state = 'held' THEN q.held_at ELSE instant END,
                    CASE WHEN q.paid OR NOT done THEN NULL
                         WHEN q.hold IS NOT NULL THEN instant + q.hold
                         WHEN q.state = 'held' THEN q.expires_at ELSE instant + q.usual_hold END,
                    instant)::bridge.reservations;
            END IF;
        END IF;
        at_wish := last_wish + 1;
        at_old := last_old + 1;
    END LOOP;

    PERFORM bridge.stock_write_reservations(changed, rows, olds, news);
    -- The same body as bridge.reservation_body makes, of all at once.
    SELECT array_agg(coalesce(answers[r.n], jsonb_build_object('status', 200, 'body',
        jsonb_build_object('id', e.id, 'number', e.number, 'state', e.state,
                           'expires_at', e.expires_at, 'lines', coalesce(b.lines, '[]'))))
                               ORDER BY r.n)
    INTO answers
    FROM unnest(shops, ids) WITH ORDINALITY AS r (shop, id, n)
    LEFT JOIN bridge.reservations e ON (e.shop, e.id) = (r.shop, r.id) AND answers[r.n] IS NULL
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_object(
                   'line', l.line, 'product', l.product, 'store', l.store,
                   'quantity', trim_scale(l.quantity)::text,
                   'shipped', trim_scale(l.shipped)::text) ORDER BY l.nth, l.store) AS lines
        FROM bridge.reservation_lines l WHERE (l.shop, l.id) = (e.shop, e.id)) b ON true;
    RETURN to_jsonb(answers);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_reserve_round(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_reserve_round(jsonb) IS
    'Answers requests of reservations that are all different.';

-- Any requests: several of one reservation one after the other, and what is refused once more after
-- what has run out.
CREATE FUNCTION bridge.stock_reserve(requests jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET jit = off
AS $$
DECLARE
    answers  jsonb[] := array_fill(NULL::jsonb, ARRAY[jsonb_array_length(requests)]);
    places   integer[];
    batch     jsonb;
    got      jsonb;
    round    integer := 0;
    refused  integer[];
    freed    bigint;
BEGIN
    LOOP
        round := round + 1;
        SELECT array_agg(x.n ORDER BY x.n), jsonb_agg(x.request ORDER BY x.n) INTO places, batch
        FROM (SELECT r.n, r.request, row_number() OVER (PARTITION BY r.request ->> 'shop',
            r.request ->> 'id' ORDER BY r.n) AS nth
              FROM jsonb_array_elements(requests) WITH ORDINALITY AS r (request, n)) x
        WHERE x.nth = round;
        EXIT WHEN batch IS NULL;
        FOR attempt IN 1 .. 2 LOOP
            got := bridge.stock_reserve_round(batch);
            FOR i IN 1 .. cardinality(places) LOOP
                answers[places[i]] := got -> (i - 1);
            END LOOP;
            SELECT array_agg(p.n ORDER BY p.n), jsonb_agg(requests -> (p.n - 1) ORDER BY p.n)
                INTO refused, batch
            FROM unnest(places) AS p (n) WHERE answers[p.n] ->> 'status' = '409';
            EXIT WHEN refused IS NULL OR attempt = 2;
            SELECT sum(bridge.stock_expire(s.stock, s.products, 1000)) INTO freed
            FROM (SELECT s.stock, array_agg(DISTINCT l ->> 'product') AS products
                  FROM unnest(refused) AS p (n)
                  JOIN bridge.stock_shops s ON s.shop = requests -> (p.n - 1) ->> 'shop'
                  CROSS JOIN jsonb_array_elements(answers[p.n] -> 'body' -> 'short') l
                  GROUP BY s.stock) s;
            EXIT WHEN freed = 0;
            places := refused;
        END LOOP;
    END LOOP;
    RETURN to_jsonb(answers);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_reserve(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_reserve(jsonb) IS
    'Answers requests, each as {status, body}: one way for HTTP and SQL.';

CREATE FUNCTION bridge.stock_reserve_group(requests jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '1s'
AS $$
BEGIN
    RETURN (
    SELECT bridge.stock_reserve(requests));
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_reserve_group(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_reserve_group(jsonb) IS
    'The same for a group: it waits at most a second for a lock.';
