-- A message's id is made when it is decided and never again: numbers of the feed come back with a restored database.

ALTER TABLE bridge.status_changes ADD COLUMN message_id text;
-- What was decided before keeps the id that the shop may have seen.
UPDATE bridge.status_changes SET message_id = shop || '-' || seq;
ALTER TABLE bridge.status_changes ALTER COLUMN message_id SET DEFAULT gen_random_uuid()::text;
ALTER TABLE bridge.status_changes ALTER COLUMN message_id SET NOT NULL;
COMMENT ON COLUMN bridge.status_changes.message_id IS 'The identity of the message: the same however often it is sent, never of two messages.';

ALTER TABLE bridge.status_changes ADD COLUMN denies text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN bridge.status_changes.denies IS 'Facts (paid, delivered, cancelled) that did not hold when it was decided and that it would deny.';
