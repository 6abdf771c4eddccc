-- A product is counted in one unit: grams are never added to kilograms. The unit is what the shop's
-- product says, and what 1C's catalogue says of it.

CREATE FUNCTION bridge.unit_code(named text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    told text := rtrim(translate(lower(btrim(named)), 'АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ',
                                 'абвгдежзийклмнопрстуфхцчшщъыьэюя'), '.');
BEGIN
    IF told ~ '^[0-9]{1,9}$' THEN
        RETURN told::integer::text;
    END IF;
    RETURN coalesce((
        SELECT u.code FROM (VALUES
            ('шт', '796'), ('штука', '796'), ('штук', '796'), ('pcs', '796'), ('pc', '796'),
            ('pce', '796'), ('piece', '796'), ('ea', '796'),
            ('кг', '166'), ('килограмм', '166'), ('kg', '166'),
            ('г', '163'), ('гр', '163'), ('грамм', '163'), ('g', '163'),
            ('т', '168'), ('тонна', '168'),
            ('л', '112'), ('литр', '112'), ('l', '112'),
            ('мл', '111'), ('ml', '111'),
            ('м', '6'), ('метр', '6'), ('m', '6'),
            ('пог. м', '18'), ('пог.м', '18'), ('п.м', '18'), ('пм', '18'),
            ('м2', '55'), ('м²', '55'), ('кв.м', '55'), ('m2', '55'),
            ('м3', '113'), ('м³', '113'), ('куб.м', '113'), ('m3', '113'),
            ('упак', '778'), ('уп', '778'), ('упаковка', '778'), ('pack', '778'),
            ('компл', '839'), ('комплект', '839'), ('set', '839'),
            ('пар', '715'), ('пара', '715'), ('pair', '715'),
            ('ч', '356'), ('час', '356'), ('h', '356'), ('hour', '356'),
            ('мес', '362'), ('месяц', '362'), ('month', '362'),
            ('усл', '876'), ('усл. ед', '876'), ('усл.ед', '876'), ('услуга', '876')
        ) AS u (name, code) WHERE u.name = told), nullif(told, ''));
END
$$;
REVOKE ALL ON FUNCTION bridge.unit_code(text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.unit_code(text) IS
    'The OKEI code of a unit, as orders'' lines have it; of one that is not known its word.';

CREATE INDEX stock_product_keys_product ON bridge.stock_product_keys (stock, product, kind);

CREATE FUNCTION bridge.stock_other_units(only_stock text, of_product text, unit text)
    RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bridge.unit_code(unit) IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN (
    SELECT array_agg(DISTINCT btrim(k.unit) ORDER BY btrim(k.unit))
    FROM (SELECT s.body #>> '{data,unit}' AS unit
          FROM bridge.stock_shops h
          JOIN bridge.subjects s ON s.shop = h.shop AND s.kind = 'product'
              AND s.key = 'product:' || of_product
          WHERE h.stock = only_stock
          UNION ALL
          SELECT s.body #>> '{data,unit}'
          FROM bridge.stock_shops h
          JOIN bridge.product_variations v ON v.shop = h.shop AND v.id = of_product
          JOIN bridge.subjects s ON s.shop = v.shop AND s.key = v.key AND s.kind = 'product'
          WHERE h.stock = only_stock
          UNION ALL
          SELECT p.product ->> 'unit'
          FROM bridge.stock_product_keys n
          CROSS JOIN bridge.onec_bases b
          JOIN bridge.onec_products p ON p.base = b.base
              AND p.id IN (n.value, split_part(n.value, '#', 1))
          WHERE (n.stock, n.product, n.kind) = (only_stock, of_product, 'xml_id')) k
    WHERE bridge.unit_code(k.unit) IS NOT NULL
    HAVING bool_and(bridge.unit_code(k.unit) <> bridge.unit_code(stock_other_units.unit)));
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_other_units(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_other_units(text, text, text) IS
    'The units in which a product is counted, where this is none of them.';

-- A line in another unit is parked as one of an unknown product is.
CREATE OR REPLACE FUNCTION bridge.stock_receipt_products(only_stock text, kinds text[],
    names jsonb) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    named text;
    found text[];
BEGIN
    FOREACH named IN ARRAY kinds LOOP
        -- Tills know goods that came from 1C by 1C's GUID, as their own product id.
        SELECT array_agg(k.product ORDER BY k.product) INTO found
        FROM bridge.stock_product_keys k
        WHERE k.stock = only_stock AND k.kind = named
          AND k.value = names ->> CASE named WHEN 'xml_id' THEN 'product_id' ELSE named END;
        IF cardinality(found) = 1
           AND bridge.stock_other_units(only_stock, found[1], names ->> 'unit') IS NOT NULL THEN
            RETURN '{}';
        ELSIF found IS NOT NULL THEN
            RETURN found;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION bridge.stock_receipt_products(text, text[], jsonb) IS
    'The products that a receipt''s line may mean; null: none is known; empty: of another unit.';
