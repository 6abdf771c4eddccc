-- Pages of many orders. Parts of numbers, names, addresses and phone numbers are looked for in a
-- narrow table, not in the events' bodies. Orders that wait, and orders whose sides differ, are
-- found the newest first, however few or many they are.

CREATE TABLE bridge.order_words (
    event  bigint CONSTRAINT order_words_pkey PRIMARY KEY,
    words  text NOT NULL,
    phones text NOT NULL
);
COMMENT ON TABLE bridge.order_words IS
    'What parts of are looked for: one row for each event in bridge.outbox.';
COMMENT ON COLUMN bridge.order_words.event IS
    'The event in bridge.outbox; not a foreign key, which would cost each event a look-up: pruning removes both.';
COMMENT ON COLUMN bridge.order_words.words IS
    'The number of its order, the customer''s names and e-mail addresses, in lower case.';
COMMENT ON COLUMN bridge.order_words.phones IS
    'The digits of the customer''s phone numbers, each number followed by a comma.';

CREATE TABLE bridge.order_words_unread (
    below bigint NOT NULL CONSTRAINT order_words_unread_pkey PRIMARY KEY
);
INSERT INTO bridge.order_words_unread (below)
    SELECT max(id) + 1 FROM bridge.outbox HAVING max(id) IS NOT NULL;
COMMENT ON TABLE bridge.order_words_unread IS
    'Events from before bridge.order_words, which a worker reads for it and for bridge.contacts, the newest first; no row: all are read.';
COMMENT ON COLUMN bridge.order_words_unread.below IS
    'Events with a smaller id are still to be read.';
-- What was left to do for the keys is done with the words.
DELETE FROM bridge.contacts_unread;
COMMENT ON TABLE bridge.contacts_unread IS 'No longer used: see bridge.order_words_unread.';

-- Large tables get theirs from the worker.
DO $$
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM bridge.orders LIMIT 20001) AS counted) <= 20000 THEN
        CREATE INDEX orders_waiting_heads ON bridge.orders (head_id) WHERE due_at IS NOT NULL;
        CREATE INDEX orders_differing ON bridge.orders (head_id)
            WHERE due_at IS NULL AND (NOT in_sync OR doubtful);
    END IF;
    IF (SELECT count(*) FROM (SELECT FROM bridge.agreements LIMIT 20001) AS counted) <= 20000 THEN
        CREATE INDEX agreements_unsettled ON bridge.agreements (shop, number)
            WHERE standing IS NOT NULL OR waiting IS NOT NULL OR writing IS NOT NULL
               OR gone_at IS NOT NULL;
    END IF;
    IF (SELECT count(*) FROM (SELECT FROM bridge.decisions LIMIT 20001) AS counted) <= 20000 THEN
        CREATE INDEX decisions_made ON bridge.decisions (id) WHERE action <> 'agree';
    END IF;
END
$$;
