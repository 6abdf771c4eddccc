-- A line of 1C's count that is in another unit than the shop sells the product in is not taken: it
-- waits until one of the two is mended.
ALTER TABLE bridge.onec_counts ADD COLUMN other_unit boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN bridge.onec_counts.other_unit IS
    'Not taken: 1C counts it in another unit than the shops sell it in.';
CREATE INDEX onec_counts_other_unit ON bridge.onec_counts (base, store) WHERE other_unit;
DROP INDEX bridge.onec_counts_new;
CREATE INDEX onec_counts_new ON bridge.onec_counts (base, store, formed_at)
    WHERE counted_at IS DISTINCT FROM formed_at AND NOT other_unit;

CREATE FUNCTION bridge.stock_odd_unit(only_stock text, of_product text, of_base text, id text)
    RETURNS boolean
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    counted text;
BEGIN
    SELECT bridge.unit_code(p.product ->> 'unit') INTO counted FROM bridge.onec_products p
    WHERE p.base = of_base AND p.id IN (stock_odd_unit.id,
                                        split_part(stock_odd_unit.id, '#', 1))
    ORDER BY p.id <> stock_odd_unit.id LIMIT 1;
    IF counted IS NULL THEN
        RETURN false;
    END IF;
    RETURN coalesce((
    SELECT bool_and(k.unit <> counted)
    FROM (SELECT bridge.unit_code(s.body #>> '{data,unit}') AS unit
          FROM bridge.stock_shops h
          JOIN bridge.subjects s ON s.shop = h.shop AND s.kind = 'product'
              AND s.key = 'product:' || of_product
          WHERE h.stock = only_stock
          UNION ALL
          SELECT bridge.unit_code(s.body #>> '{data,unit}')
          FROM bridge.stock_shops h
          JOIN bridge.product_variations v ON v.shop = h.shop AND v.id = of_product
          JOIN bridge.subjects s ON s.shop = v.shop AND s.key = v.key AND s.kind = 'product'
          WHERE h.stock = only_stock) k), false);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_odd_unit(text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_odd_unit(text, text, text, text) IS
    'Whether a base counts a product in another unit than every shop that says one.';

CREATE OR REPLACE FUNCTION bridge.stock_count_of_onec(only_stock text, by_shop text, of_base text,
    at_stores text[], says_available boolean, most integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    instant    timestamptz := clock_timestamp();
    warehouse  text;
    formed     timestamptz;
    at_store   text;
    ids        text[];
    quantities numeric[];
    products   text[];
    odd        text[];
    made       bigint;
BEGIN
    UPDATE bridge.onec_counts c SET other_unit = false
    WHERE c.base = of_base AND c.store = ANY (at_stores) AND c.other_unit
      AND NOT EXISTS (SELECT FROM bridge.stock_product_keys k
                      WHERE (k.stock, k.value, k.kind) = (only_stock, c.product, 'xml_id')
                        AND bridge.stock_odd_unit(only_stock, k.product, of_base, c.product));
    SELECT c.store, c.formed_at INTO warehouse, formed FROM bridge.onec_counts c
    WHERE c.base = of_base AND c.store = ANY (at_stores) AND NOT c.other_unit
      AND c.counted_at IS DISTINCT FROM c.formed_at
    ORDER BY c.formed_at, c.store LIMIT 1;
    at_store := bridge.stock_store(only_stock, nullif(warehouse, ''));
    IF formed IS NULL OR at_store IS NULL THEN
        RETURN 0;
    END IF;
    SELECT array_agg(n.product ORDER BY n.product), array_agg(n.quantity ORDER BY n.product)
    INTO ids, quantities
    FROM (SELECT c.product, c.quantity FROM bridge.onec_counts c
          WHERE (c.base, c.store, c.formed_at) = (of_base, warehouse, formed)
            AND NOT c.other_unit AND c.counted_at IS DISTINCT FROM c.formed_at
          ORDER BY c.product LIMIT most FOR UPDATE SKIP LOCKED) n;
    IF ids IS NULL THEN
        -- Another process has them.
        RETURN 0;
    END IF;
    products := bridge.stock_learn_of_onec(only_stock, by_shop, of_base, ids);
    SELECT array_agg(n.id) FILTER (WHERE n.odd),
           array_agg(n.id ORDER BY n.nth) FILTER (WHERE NOT n.odd),
           array_agg(n.product ORDER BY n.nth) FILTER (WHERE NOT n.odd),
           array_agg(n.quantity ORDER BY n.nth) FILTER (WHERE NOT n.odd)
    INTO odd, ids, products, quantities
    FROM (SELECT u.*, bridge.stock_odd_unit(only_stock, u.product, of_base, u.id) AS odd
          FROM unnest(ids, products, quantities)
              WITH ORDINALITY AS u (id, product, quantity, nth) OFFSET 0) n;
    UPDATE bridge.onec_counts c SET other_unit = true
    WHERE (c.base, c.store, c.formed_at) = (of_base, warehouse, formed) AND c.product = ANY (odd);
    IF ids IS NULL THEN
        RETURN bridge.stock_count_of_onec(only_stock, by_shop, of_base, at_stores, says_available,
                                          most);
    END IF;
    INSERT INTO bridge.stock_events (stock, shop, source, event_id, fingerprint, kind, store,
                                     received_at, as_of, available, lines)
    VALUES (only_stock, by_shop, '/onec/' || of_base, gen_random_uuid()::text,
            sha256(convert_to(warehouse || formed::text, 'UTF8')), 'counted', at_store, instant,
            least(formed, instant), says_available, cardinality(ids))
    RETURNING id INTO made;
    INSERT INTO bridge.stock_count_lines (event, nth, product, quantity)
    SELECT made, n.nth, n.product, n.quantity
    FROM unnest(products, quantities)
        WITH ORDINALITY AS n (product, quantity, nth);
    UPDATE bridge.onec_counts c SET counted_at = c.formed_at
    WHERE (c.base, c.store, c.formed_at) = (of_base, warehouse, formed)
      AND c.product = ANY (ids);
    RETURN cardinality(ids);
END
$$;
