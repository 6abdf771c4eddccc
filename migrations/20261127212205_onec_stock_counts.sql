-- What 1C's files count reaches the stock whose master 1C is.
ALTER TABLE bridge.onec_counts ADD COLUMN counted_at timestamptz;
COMMENT ON COLUMN bridge.onec_counts.counted_at IS
    'The time of the file whose figure a stock has taken; null: of none.';
CREATE INDEX onec_counts_new ON bridge.onec_counts (base, store, formed_at)
    WHERE counted_at IS DISTINCT FROM formed_at;

-- The products that ids of 1C mean, in their order: by what the shop's products are known by, of
-- which 1C tells its id (xml_id), the article and the barcodes. Who is not known becomes known.
CREATE FUNCTION bridge.stock_learn_of_onec(only_stock text, by_shop text, of_base text, ids text[])
    RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kinds text[];
    found text[];
BEGIN
    SELECT products_by INTO kinds FROM bridge.stock_shops WHERE shop = by_shop;
    kinds := coalesce(kinds, ARRAY['product_id', 'xml_id', 'sku', 'barcode']);
    SELECT array_agg(coalesce(f.product, n.id) ORDER BY n.nth) INTO found
    FROM unnest(ids) WITH ORDINALITY AS n (id, nth)
    LEFT JOIN bridge.onec_products p ON (p.base, p.id) = (of_base, n.id)
    LEFT JOIN LATERAL (
        SELECT min(k.product) AS product
        FROM (VALUES ('xml_id', n.id), ('product_id', n.id), ('sku', p.sku)
              UNION ALL SELECT 'barcode', b.code FROM unnest(p.barcodes) AS b (code))
             AS v (kind, value)
        JOIN bridge.stock_product_keys k ON (k.stock, k.value, k.kind)
            = (only_stock, v.value, v.kind)
        WHERE v.kind = ANY (kinds)
        GROUP BY v.kind HAVING count(DISTINCT k.product) = 1
        ORDER BY array_position(kinds, v.kind) LIMIT 1) f ON true;
    INSERT INTO bridge.stock_product_keys (stock, kind, value, product)
    SELECT DISTINCT only_stock, v.kind, v.value, f.product
    FROM unnest(ids, found) AS f (id, product)
    LEFT JOIN bridge.onec_products p ON (p.base, p.id) = (of_base, f.id)
    CROSS JOIN LATERAL (
        VALUES ('xml_id', f.id), ('product_id', f.id), ('sku', p.sku)
        UNION ALL SELECT 'barcode', b.code FROM unnest(p.barcodes) AS b (code)) AS v (kind, value)
    WHERE v.value <> '' AND (v.kind = 'xml_id' OR f.product = f.id)
      AND NOT EXISTS (SELECT FROM bridge.stock_product_keys k
                      WHERE (k.stock, k.value, k.kind) = (only_stock, v.value, v.kind)
                        AND k.product <> f.product)
    ORDER BY 1, 3, 2
    ON CONFLICT DO NOTHING;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_learn_of_onec(text, text, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_learn_of_onec(text, text, text, text[]) IS
    'The products that ids of 1C mean; unknown ones become known.';

-- Hands what a base has counted in these warehouses to a stock: of one warehouse and one file at a
-- time, the oldest first. Says how many lines; 0: nothing is left.
CREATE FUNCTION bridge.stock_count_of_onec(only_stock text, by_shop text, of_base text,
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
    made       bigint;
BEGIN
    SELECT c.store, c.formed_at INTO warehouse, formed FROM bridge.onec_counts c
    WHERE c.base = of_base AND c.store = ANY (at_stores)
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
            AND c.counted_at IS DISTINCT FROM c.formed_at
          ORDER BY c.product LIMIT most FOR UPDATE SKIP LOCKED) n;
    IF ids IS NULL THEN
        -- Another process has them.
        RETURN 0;
    END IF;
    INSERT INTO bridge.stock_events (stock, shop, source, event_id, fingerprint, kind, store,
                                     received_at, as_of, available, lines)
    VALUES (only_stock, by_shop, '/onec/' || of_base, gen_random_uuid()::text,
            sha256(convert_to(warehouse || formed::text, 'UTF8')), 'counted', at_store, instant,
            least(formed, instant), says_available, cardinality(ids))
    RETURNING id INTO made;
    INSERT INTO bridge.stock_count_lines (event, nth, product, quantity)
    SELECT made, n.nth, n.product, n.quantity
    FROM unnest(bridge.stock_learn_of_onec(only_stock, by_shop, of_base, ids), quantities)
        WITH ORDINALITY AS n (product, quantity, nth);
    UPDATE bridge.onec_counts c SET counted_at = c.formed_at
    WHERE (c.base, c.store, c.formed_at) = (of_base, warehouse, formed)
      AND c.product = ANY (ids);
    RETURN cardinality(ids);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_count_of_onec(text, text, text, text[], boolean, integer)
    FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_count_of_onec(text, text, text, text[], boolean, integer) IS
    'Hands what 1C has counted to the stock whose master it is, as counts that wait.';
