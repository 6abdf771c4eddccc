-- What can be sold of a product is written into the portal's catalogue with the product: its row in
-- the queue becomes due again, however often its levels change before it is taken up.

ALTER TABLE bridge.stocks ADD COLUMN shown bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN bridge.stocks.shown IS
    'The place in the feed of changed levels up to which products are due for their portals.';

CREATE TABLE bridge.product_variations (
    shop text NOT NULL,
    key  text NOT NULL,
    id   text NOT NULL,
    CONSTRAINT product_variations_pkey PRIMARY KEY (shop, key, id)
);
CREATE INDEX product_variations_id ON bridge.product_variations (shop, id);
COMMENT ON TABLE bridge.product_variations IS 'Which product each variation is of.';
COMMENT ON COLUMN bridge.product_variations.shop IS 'The shop.';
COMMENT ON COLUMN bridge.product_variations.key IS 'The product''s key in the queue.';
COMMENT ON COLUMN bridge.product_variations.id IS 'The shop''s id of the variation.';

INSERT INTO bridge.product_variations (shop, key, id)
SELECT DISTINCT s.shop, s.key, v ->> 'id'
FROM bridge.subjects s
CROSS JOIN LATERAL jsonb_array_elements(
    CASE WHEN jsonb_typeof(s.body #> '{data,variations}') = 'array'
         THEN s.body #> '{data,variations}' ELSE '[]' END) v
WHERE s.kind = 'product' AND v ->> 'id' IS NOT NULL;

CREATE FUNCTION bridge.product_has_variations(of_shop text, of_key text, ids text[])
    RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM bridge.product_variations v
    WHERE (v.shop, v.key) = (of_shop, of_key) AND v.id <> ALL (ids);
    INSERT INTO bridge.product_variations (shop, key, id)
    SELECT DISTINCT of_shop, of_key, u.id FROM unnest(ids) AS u (id)
    ON CONFLICT DO NOTHING;
    RETURN cardinality(ids) > 0;
END
$$;
REVOKE ALL ON FUNCTION bridge.product_has_variations(text, text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION bridge.product_has_variations(text, text, text[]) IS
    'Writes down which variations a product has.';

CREATE FUNCTION bridge.stock_available(only_stock text, products text[]) RETURNS jsonb
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
    SELECT coalesce(jsonb_object_agg(a.product, a.quantity), '{}')
    FROM (SELECT p.product, trim_scale(greatest(sum(l.on_hand - l.reserved), 0))::text AS quantity
          FROM (SELECT DISTINCT u.product FROM unnest(products) AS u (product)) p
          CROSS JOIN LATERAL (SELECT v.on_hand, v.reserved FROM bridge.stock_levels v
                              WHERE (v.stock, v.product) = (only_stock, p.product) OFFSET 0) l
          GROUP BY p.product) a);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_available(text, text[]) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_available(text, text[]) IS
    'What can be sold of products in all stores together, never below zero; none: nobody knows it.';

CREATE FUNCTION bridge.stock_show(only_stock text, of_shops text[], most integer) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    from_seq bigint;
    to_seq   bigint;
    products text[];
BEGIN
    SELECT c.shown INTO from_seq FROM bridge.stocks c
    WHERE c.stock = only_stock FOR NO KEY UPDATE SKIP LOCKED;
    SELECT max(l.seq), array_agg(DISTINCT l.product) INTO to_seq, products
    FROM (SELECT v.seq, v.product FROM bridge.stock_levels v
          WHERE v.stock = only_stock AND v.seq > from_seq ORDER BY v.seq LIMIT most) l;
    IF to_seq IS NULL THEN
        RETURN 0;
    END IF;
    -- What was given up stays so: another figure does not mend it.
    UPDATE bridge.subjects s
    SET revision = s.revision + 1, done_at = NULL,
        due_at = coalesce(s.due_at, greatest(now(), (SELECT u.lands_until FROM bridge.under_way u
                                                     WHERE (u.shop, u.number) = (s.shop, s.key)))),
        waits_since = coalesce(s.waits_since, now())
    FROM (SELECT h.shop, 'product:' || p.product AS key
          FROM unnest(of_shops) AS h (shop) CROSS JOIN unnest(products) AS p (product)
          UNION
          SELECT v.shop, v.key FROM bridge.product_variations v
          WHERE v.shop = ANY (of_shops) AND v.id = ANY (products)) k
    WHERE (s.shop, s.key) = (k.shop, k.key) AND s.kind = 'product'
      AND (s.due_at IS NOT NULL OR s.done_at IS NOT NULL);
    UPDATE bridge.stocks c SET shown = to_seq WHERE c.stock = only_stock;
    RETURN cardinality(products);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_show(text, text[], integer) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_show(text, text[], integer) IS
    'Makes the products of changed levels due for their portals; returns of how many products.';
