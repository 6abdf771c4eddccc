-- What shops are told beside changes of status: once each, in the same lane.

CREATE TABLE bridge.shop_messages (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT shop_messages_pkey PRIMARY KEY,
    shop          text NOT NULL,
    message_id    text NOT NULL DEFAULT gen_random_uuid()::text,
    kind          text NOT NULL CONSTRAINT shop_messages_kind_known
                  CHECK (kind IN ('bridge.reservation.short.v1')),
    subject       text NOT NULL,
    number        text,
    body          jsonb NOT NULL,
    made_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    seq           bigint,
    state         text NOT NULL DEFAULT 'waiting' CONSTRAINT shop_messages_state_known
                  CHECK (state IN ('waiting', 'delivered', 'dropped', 'dead')),
    due_at        timestamptz NOT NULL DEFAULT now(),
    attempts      integer NOT NULL DEFAULT 0,
    first_sent_at timestamptz,
    settled_at    timestamptz,
    error_code    text,
    error_message text,
    CONSTRAINT shop_messages_settled_has_time
        CHECK ((state = 'waiting') = (settled_at IS NULL))
);
CREATE INDEX shop_messages_waiting ON bridge.shop_messages (shop, due_at) WHERE state = 'waiting';
CREATE INDEX shop_messages_unnumbered ON bridge.shop_messages (shop, id) WHERE seq IS NULL;
CREATE UNIQUE INDEX shop_messages_seq ON bridge.shop_messages (shop, seq) WHERE seq IS NOT NULL;
CREATE INDEX shop_messages_settled ON bridge.shop_messages (settled_at)
    WHERE settled_at IS NOT NULL;
COMMENT ON TABLE bridge.shop_messages IS
    'Messages to shops that are no change of status: sent to the callback, or read from the feed.';
COMMENT ON COLUMN bridge.shop_messages.shop IS 'The shop.';
COMMENT ON COLUMN bridge.shop_messages.message_id IS
    'The identity of the message: the same however often it is sent, never of two messages.';
COMMENT ON COLUMN bridge.shop_messages.kind IS 'CloudEvents type.';
COMMENT ON COLUMN bridge.shop_messages.subject IS 'What it is about, such as a reservation by its id.';
COMMENT ON COLUMN bridge.shop_messages.number IS 'The order it concerns, if there is one.';
COMMENT ON COLUMN bridge.shop_messages.body IS 'CloudEvents data.';
COMMENT ON COLUMN bridge.shop_messages.made_at IS 'When it was made.';
COMMENT ON COLUMN bridge.shop_messages.seq IS
    'Its place in the feed, given once it is committed; null: not yet.';
COMMENT ON COLUMN bridge.shop_messages.state IS
    'waiting; delivered: taken or read; dropped: let go; dead: see bridge.dead_letters.';
COMMENT ON COLUMN bridge.shop_messages.due_at IS 'When it is sent next.';
COMMENT ON COLUMN bridge.shop_messages.attempts IS 'Tries that the shop judged and refused.';
COMMENT ON COLUMN bridge.shop_messages.first_sent_at IS 'When it was first sent.';
COMMENT ON COLUMN bridge.shop_messages.settled_at IS 'When nothing was left to be done.';
COMMENT ON COLUMN bridge.shop_messages.error_code IS 'Code of the last refusal.';
COMMENT ON COLUMN bridge.shop_messages.error_message IS 'The words of the last refusal.';

ALTER TABLE bridge.feeds ADD COLUMN message_seq bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN bridge.feeds.message_seq IS 'The newest place in the feed of messages.';

ALTER TABLE bridge.dead_letters DROP CONSTRAINT dead_letters_about_known,
    ADD CONSTRAINT dead_letters_about_known
        CHECK (about IN ('comparison', 'origin', 'notification', 'move', 'delivery', 'message'));

-- Gives messages their places, with the shop's feed locked: a reader never has to look below the
-- place it was given.
CREATE FUNCTION bridge.number_messages(of_shop text) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    newest bigint;
    numbered bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM bridge.shop_messages m WHERE m.shop = of_shop AND m.seq IS NULL)
    THEN
        RETURN 0;
    END IF;
    INSERT INTO bridge.feeds (shop) VALUES (of_shop) ON CONFLICT DO NOTHING;
    SELECT f.message_seq INTO newest FROM bridge.feeds f WHERE f.shop = of_shop
        FOR NO KEY UPDATE;
    UPDATE bridge.shop_messages m SET seq = newest + n.nth
    FROM (SELECT w.id, row_number() OVER (ORDER BY w.id) AS nth FROM bridge.shop_messages w
          WHERE w.shop = of_shop AND w.seq IS NULL) n
    WHERE m.id = n.id AND m.seq IS NULL;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    UPDATE bridge.feeds f SET message_seq = newest + numbered WHERE f.shop = of_shop;
    RETURN numbered;
END
$$;
REVOKE ALL ON FUNCTION bridge.number_messages(text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.number_messages(text) IS
    'Gives a shop''s new messages their places in its feed; says how many.';

-- Whatever loses a reservation: its shop is told once.
CREATE FUNCTION bridge.reservation_lost() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    because text := 'placed';
    words   text := 'the order was placed, and there was not enough of its goods';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.state = 'short' THEN
            RETURN NULL;
        ELSIF OLD.state = 'held' THEN
            because := 'shortage';
            words := 'more was sold than there was';
        ELSIF OLD.state = 'expired' AND NEW.paid THEN
            because := 'late_payment';
            words := 'the payment came after the hold had run out, and there was not enough left';
        END IF;
    END IF;
    INSERT INTO bridge.shop_messages (shop, kind, subject, number, body)
    SELECT NEW.shop, 'bridge.reservation.short.v1', NEW.id, NEW.number, jsonb_build_object(
        'id', NEW.id, 'number', NEW.number, 'rule', because, 'reason', words,
        'decided_at', NEW.changed_at,
        'lines', coalesce((
            SELECT jsonb_agg(jsonb_build_object(
                       'line', l.line, 'product', l.product, 'store', l.store,
                       'quantity', trim_scale(l.quantity - l.shipped)::text)
                   ORDER BY l.nth, l.store)
            FROM bridge.reservation_lines l
            WHERE (l.shop, l.id) = (NEW.shop, NEW.id) AND l.quantity > l.shipped), '[]'));
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION bridge.reservation_lost() FROM PUBLIC;
COMMENT ON FUNCTION bridge.reservation_lost() IS
    'Writes the message to the shop whose reservation became short.';

CREATE TRIGGER reservations_lost AFTER INSERT OR UPDATE OF state ON bridge.reservations
    FOR EACH ROW WHEN (NEW.state = 'short') EXECUTE FUNCTION bridge.reservation_lost();
