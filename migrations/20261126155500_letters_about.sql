-- What a letter is about that is neither an event nor a message to a shop: what met a fault of the bridge while it was worked on.

ALTER TABLE bridge.dead_letters ADD COLUMN about text
    CONSTRAINT dead_letters_about_known CHECK (about IN ('comparison', 'notification', 'move', 'delivery'));
COMMENT ON COLUMN bridge.dead_letters.about IS
    'comparison: of an order''s status and stage; notification: of the portal; move: a row of the portal''s stage history; delivery: of a shop''s webhook; null: an event, or a message to a shop.';
CREATE UNIQUE INDEX dead_letters_one_open_about ON bridge.dead_letters
    (about, (coalesce(portal, '')), (coalesce(shop, '')), (md5(payload::text)))
    WHERE closed_at IS NULL AND about IS NOT NULL;

CREATE OR REPLACE VIEW bridge.open_dead_letters AS
    SELECT d.id, d.shop, d.portal, d.number, d.code, d.message, coalesce(c.remedy, '') AS remedy, d.attempts,
           d.first_failed_at, d.last_failed_at, d.payload, d.outbox_id, d.change_seq, d.about
    FROM bridge.dead_letters d LEFT JOIN bridge.codes c USING (code)
    WHERE d.closed_at IS NULL;
