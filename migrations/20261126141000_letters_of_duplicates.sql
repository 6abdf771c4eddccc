-- A letter that was tried again and turned out to be of an event that was accepted before is neither sent again nor overtaken.
ALTER TABLE bridge.dead_letters DROP CONSTRAINT dead_letters_closed_how_known;
ALTER TABLE bridge.dead_letters ADD CONSTRAINT dead_letters_closed_how_known
    CHECK (closed_how IN ('retried', 'discarded', 'overtaken', 'duplicate')) NOT VALID;
ALTER TABLE bridge.dead_letters VALIDATE CONSTRAINT dead_letters_closed_how_known;
COMMENT ON COLUMN bridge.dead_letters.closed_how IS
    'retried: tried again; discarded: let go; overtaken: something newer of the order got through; duplicate: its event was accepted before.';
COMMENT ON COLUMN bridge.dead_letters.reason IS 'Why it was let go, or closed by itself.';

-- Events whose letters were overtaken, or mended, did not stay dead.
UPDATE bridge.outbox e
SET state = 'superseded', superseded_by = o.head_id
FROM bridge.dead_letters d JOIN bridge.orders o USING (shop, number)
WHERE d.outbox_id = e.id AND d.closed_how IN ('overtaken', 'retried') AND e.state = 'dead' AND o.head_id <> e.id
  AND NOT EXISTS (SELECT FROM bridge.dead_letters n
                  WHERE n.outbox_id = e.id AND (n.closed_at IS NULL OR n.closed_how = 'discarded'));
