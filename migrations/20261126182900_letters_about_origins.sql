-- An order that could not be looked up by its origin, because the bridge failed at it, has a letter as well.

ALTER TABLE bridge.dead_letters DROP CONSTRAINT dead_letters_about_known,
    ADD CONSTRAINT dead_letters_about_known
        CHECK (about IN ('comparison', 'origin', 'notification', 'move', 'delivery'));
COMMENT ON COLUMN bridge.dead_letters.about IS
    'comparison: of an order''s status and stage; origin: an order is looked up by it; notification: of the portal; '
    'move: a row of the portal''s stage history; delivery: of a shop''s webhook; '
    'null: an event, or a message to a shop.';
