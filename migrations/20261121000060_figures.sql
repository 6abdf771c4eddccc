-- What pages and meters ask, however many orders are settled: counted from indexes alone. What is new enters no index that it did not enter before.
-- Small tables get theirs at once; large ones are left to the worker, which builds them while the table is used, and drops those they stand for.
DO $$
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM bridge.orders LIMIT 20001) AS counted) <= 20000 THEN
        -- In the place of orders_due: what waits is counted without a look at the orders.
        CREATE INDEX orders_waiting ON bridge.orders (portal, later, due_at) INCLUDE (shop, waits_since, attempts, stalls)
            WHERE due_at IS NOT NULL;
        DROP INDEX bridge.orders_due;
        -- Few rows: only what was tried, or told anew, while it waited. All others wait since they are due.
        CREATE INDEX orders_put_off ON bridge.orders (portal, waits_since) WHERE due_at > waits_since;
        -- In the place of orders_refused: one order of each reason is found, too.
        CREATE INDEX orders_tried ON bridge.orders (portal, shop, error_code, number) WHERE due_at IS NOT NULL AND error_code IS NOT NULL;
        DROP INDEX bridge.orders_refused;
    END IF;
    IF (SELECT count(*) FROM (SELECT FROM bridge.dead_letters LIMIT 20001) AS counted) <= 20000 THEN
        CREATE INDEX dead_letters_reasons ON bridge.dead_letters (portal, shop, code) INCLUDE (change_seq, id, first_failed_at)
            WHERE closed_at IS NULL;
    END IF;
END
$$;
