-- A line of an order that fits several products may be known to be one of them: it is named by
-- `product` then, the stock's own name of it.
CREATE OR REPLACE FUNCTION bridge.stock_order_product(only_stock text, kinds text[], names jsonb)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    named text;
    found text[];
    made  text;
BEGIN
    IF names ->> 'product' IS NOT NULL THEN
        RETURN names ->> 'product';
    END IF;
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
