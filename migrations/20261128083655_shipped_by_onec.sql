-- What 1C has shipped of an order has left the shelf, whatever the rest waits for. `quantities` are
-- of all its shipments together, so that each piece leaves once, however often they are said.
CREATE FUNCTION bridge.stock_ship_of_onec(of_shop text, of_number text, of_base text, ids text[],
    quantities numeric[], shipped_at timestamptz) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_stock text;
    at_store text;
    held     text[];
    products text[];
    amounts  numeric[];
BEGIN
    SELECT s.stock INTO of_stock FROM bridge.stock_shops s WHERE s.shop = of_shop;
    IF of_stock IS NULL THEN
        RETURN false;
    END IF;
    SELECT array_agg(r.id) INTO held FROM bridge.reservations r
    WHERE r.shop = of_shop AND (r.number = of_number OR r.id = of_number);
    held := coalesce(held, '{}') || of_number;
    PERFORM bridge.stock_lock_reservations(array_fill(of_shop, ARRAY[cardinality(held)]), held);
    -- Where it is fetched, if a reservation says so.
    SELECT min(r.store) INTO at_store FROM bridge.reservations r
    WHERE r.shop = of_shop AND r.id = ANY (held);
    -- What 1C counts in another unit than the shop sells it in is no number of its pieces.
    SELECT array_agg(n.product ORDER BY n.nth), array_agg(n.quantity ORDER BY n.nth)
    INTO products, amounts
    FROM unnest(bridge.stock_learn_of_onec(of_stock, of_shop, of_base, ids), ids, quantities)
        WITH ORDINALITY AS n (product, id, quantity, nth)
    WHERE n.quantity > 0 AND NOT bridge.stock_odd_unit(of_stock, n.product, of_base, n.id);
    RETURN products IS NOT NULL AND bridge.stock_ship_order(of_stock, of_shop, of_number, at_store,
        products, amounts, least(shipped_at, clock_timestamp()));
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_ship_of_onec(text, text, text, text[], numeric[], timestamptz)
    FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_ship_of_onec(text, text, text, text[], numeric[], timestamptz) IS
    'Takes what 1C has shipped of an order from the shelf; false: that had left already.';
