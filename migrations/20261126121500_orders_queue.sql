-- What is due is found shop by shop, so that a flood of one shop is not walked through for another. It stands for orders_waiting, which it
-- counts as well as. A large table is left to the worker, as before.
DO $$
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM bridge.orders LIMIT 20001) AS counted) <= 20000 THEN
        CREATE INDEX orders_queue ON bridge.orders (portal, shop, later, due_at) INCLUDE (waits_since, attempts, stalls)
            WHERE due_at IS NOT NULL;
        DROP INDEX IF EXISTS bridge.orders_waiting, bridge.orders_due;
    END IF;
END
$$;
