-- The addresses and phone numbers by which an order is found as a whole are numbers in the row that
-- has its words: two rows of text with two indexes took 311 bytes of an order, and an eighth of what
-- PostgreSQL does to store an event; this takes 126.

ALTER TABLE bridge.order_words ADD COLUMN keys bigint[];
COMMENT ON COLUMN bridge.order_words.keys IS
    'The first eight bytes of the SHA-256 of each key: of e: and an e-mail address in lower case, of p: and the last ten digits of a phone number. Null: they stand in bridge.contacts.';
COMMENT ON TABLE bridge.contacts IS
    'What orders are found by whose events an earlier version took: the e-mail addresses and phone numbers of the customers in bridge.outbox. Newer ones: bridge.order_words.';

-- A large table gets its index from the worker.
DO $$
BEGIN
    IF (SELECT count(*) FROM (SELECT FROM bridge.order_words LIMIT 20001) AS counted) <= 20000 THEN
        CREATE INDEX order_words_keys ON bridge.order_words
            USING gin (keys) WITH (gin_pending_list_limit = 256);
    END IF;
END
$$;
