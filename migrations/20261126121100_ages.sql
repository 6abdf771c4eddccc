-- How new the newest state of an order is known to be. What one event carries is not forgotten when the next one carries nothing.

ALTER TABLE bridge.orders ADD COLUMN age jsonb;
ALTER TABLE bridge.orders ADD COLUMN doubtful boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN bridge.orders.age IS
    'Of which head, the last known version and time of change and when that came in, and what the head says that has an order in time.';
COMMENT ON COLUMN bridge.orders.doubtful IS
    'A state was left aside for its time alone that says what the head does not: the shop''s clock may have been set back.';

-- A small database is read through at once, for what newer events without version and time have made it forget. A large one is not:
-- there the head's own version and time are what is known.
DO $$
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM bridge.outbox LIMIT 20001) AS counted) <= 20000 THEN
        UPDATE bridge.orders o
        SET age = jsonb_build_object(
                'head', o.head_id, 'version', k.version, 'counted', o.head_version IS NOT NULL,
                'updated_at', k.updated_at, 'timed', o.head_updated_at IS NOT NULL, 'dated', k.dated,
                'seen', coalesce(h.received_at, now()),
                'says', jsonb_build_object(
                    'status', o.said ->> 'status', 'status_at', o.said -> 'since', 'paid', coalesce((o.said ->> 'paid')::boolean, false),
                    'cancelled', coalesce((o.said ->> 'cancelled')::boolean, false),
                    'deleted', coalesce((o.said ->> 'deleted')::boolean, false)))
        FROM (SELECT e.shop, e.number, max(e.version) AS version, max(e.updated_at) AS updated_at, max(e.received_at) AS dated
              FROM bridge.outbox e GROUP BY e.shop, e.number) AS k
             JOIN bridge.orders p USING (shop, number) LEFT JOIN bridge.outbox h ON h.id = p.head_id
        WHERE o.shop = k.shop AND o.number = k.number AND o.head_id IS NOT NULL
          AND (o.head_version IS NULL AND k.version IS NOT NULL OR o.head_updated_at IS NULL AND k.updated_at IS NOT NULL);
    END IF;
END
$$;
