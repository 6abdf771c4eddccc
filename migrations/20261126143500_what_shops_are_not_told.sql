-- A message to a shop that died, or was let go, is a difference until the shop has it or the
-- sides agree on something else. Until then it stays dead; and what an order's state is, is said
-- in one place.
COMMENT ON COLUMN bridge.status_changes.state IS
    'waiting; delivered: acknowledged or read; dropped: nothing waits for it any more; dead: given up or let go, which is a difference.';

-- A large table gets it from the worker.
DO $$
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM bridge.status_changes LIMIT 20001) AS counted) <= 20000 THEN
        CREATE INDEX status_changes_dead ON bridge.status_changes (shop, number, seq) WHERE state = 'dead';
    END IF;
END
$$;

-- What the sides have agreed to wait for, and was not told.
CREATE VIEW bridge.awaited AS
    SELECT a.shop, a.number, (t ->> 'at')::timestamptz AS decided_at
    FROM (SELECT shop, number FROM bridge.dead_letters WHERE change_seq IS NOT NULL
          UNION SELECT shop, number FROM bridge.status_changes WHERE state = 'dead') AS k
    JOIN bridge.agreements a USING (shop, number)
    CROSS JOIN LATERAL jsonb_array_elements(
        CASE WHEN jsonb_typeof(a.agreed -> 'told') = 'array' THEN a.agreed -> 'told' ELSE '[]' END) AS t
    WHERE t ->> 'delivered_at' IS NULL;

-- Dead ones that were pruned come back from their letters.
INSERT INTO bridge.status_changes (shop, seq, portal, number, decision_id, status, previous_status, stage, reason, decided_at, state,
                                   attempts, settled_at, message_id)
SELECT DISTINCT ON (d.shop, d.change_seq)
       d.shop, d.change_seq, coalesce(d.portal, o.portal), d.number, coalesce((d.payload #>> '{data,decision_id}')::bigint, 0),
       d.payload #>> '{data,status}', coalesce(d.payload #>> '{data,previous_status}', ''), coalesce(d.payload #>> '{data,stage}', ''),
       coalesce(d.payload #>> '{data,reason}', ''), w.decided_at, 'dead', d.attempts, d.last_failed_at,
       coalesce(d.payload ->> 'id', gen_random_uuid()::text)
FROM bridge.dead_letters d
JOIN bridge.orders o USING (shop, number)
JOIN bridge.awaited w ON w.shop = d.shop AND w.number = d.number AND w.decided_at = (d.payload #>> '{data,decided_at}')::timestamptz
WHERE d.change_seq IS NOT NULL AND (d.closed_at IS NULL OR d.closed_how = 'discarded') AND d.payload #>> '{data,status}' IS NOT NULL
ORDER BY d.shop, d.change_seq, d.id DESC
ON CONFLICT (shop, seq) DO NOTHING;

-- Nobody waits for the others any more.
UPDATE bridge.status_changes c SET state = 'dropped'
WHERE c.state = 'dead'
  AND NOT EXISTS (SELECT FROM bridge.awaited w WHERE w.shop = c.shop AND w.number = c.number AND w.decided_at = c.decided_at);
UPDATE bridge.dead_letters d
SET closed_at = now(), closed_how = 'overtaken', closed_by = 'bridge', reason = 'the sides agree on something else by now'
WHERE d.change_seq IS NOT NULL AND d.closed_at IS NULL
  AND NOT EXISTS (SELECT FROM bridge.status_changes c WHERE c.shop = d.shop AND c.seq = d.change_seq AND c.state IN ('waiting', 'dead'));
DROP VIEW bridge.awaited;

CREATE VIEW bridge.order_states AS
    SELECT o.shop, o.number, o.portal, o.deal_id, o.lead_id, o.contact_id, o.company_id, o.status, o.stage, o.head_id,
           o.due_at IS NOT NULL AS waits,
           EXISTS (SELECT FROM bridge.dead_letters d WHERE d.shop = o.shop AND d.number = o.number AND d.closed_at IS NULL) AS dead,
           o.in_sync AND NOT o.doubtful AND o.due_at IS NULL
           AND NOT EXISTS (SELECT FROM bridge.dead_letters d WHERE d.shop = o.shop AND d.number = o.number AND d.closed_at IS NULL)
           AND NOT EXISTS (SELECT FROM bridge.comparisons c WHERE c.shop = o.shop AND c.number = o.number)
           AND NOT EXISTS (SELECT FROM bridge.status_changes s WHERE s.shop = o.shop AND s.number = o.number AND s.state = 'waiting')
           -- Of an order that the shop has deleted nothing is told any more.
           AND (coalesce(o.said ->> 'deleted', 'false') = 'true'
                OR NOT EXISTS (SELECT FROM bridge.status_changes s
                               WHERE s.shop = o.shop AND s.number = o.number AND s.state = 'dead'))
           AND NOT EXISTS (SELECT FROM bridge.agreements a
                           WHERE a.shop = o.shop AND a.number = o.number
                             AND (a.standing IS NOT NULL OR a.waiting IS NOT NULL OR a.writing IS NOT NULL OR a.gone_at IS NOT NULL)) AS in_sync
    FROM bridge.orders o;
COMMENT ON VIEW bridge.order_states IS
    'How each order stands. waits: something of it is to be sent; dead: a letter is open; in_sync: both sides are known to hold the same and nothing is on its way.';
