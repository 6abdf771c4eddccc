-- What orders are found by stands in a table of its own. An index over the events' bodies has to read each body again in every statement that
-- stores or settles events: as long as storing one takes without it.

CREATE TABLE bridge.contacts (
    event bigint NOT NULL,
    key   text COLLATE "C" NOT NULL,
    CONSTRAINT contacts_pkey PRIMARY KEY (event, key)
);
CREATE INDEX contacts_key ON bridge.contacts (key);
COMMENT ON TABLE bridge.contacts IS 'What orders are found by: the e-mail addresses and phone numbers of the customers in bridge.outbox.';
COMMENT ON COLUMN bridge.contacts.event IS 'The event in bridge.outbox; not a foreign key, which would cost each event a look-up: pruning removes both.';
COMMENT ON COLUMN bridge.contacts.key IS 'e: and an e-mail address in lower case, or p: and the last ten digits of a phone number.';

CREATE TABLE bridge.contacts_unread (
    below bigint NOT NULL CONSTRAINT contacts_unread_pkey PRIMARY KEY
);
INSERT INTO bridge.contacts_unread (below) SELECT max(id) + 1 FROM bridge.outbox HAVING max(id) IS NOT NULL;
COMMENT ON TABLE bridge.contacts_unread IS 'Events from before bridge.contacts, which a worker reads for it, the newest first; no row: all are read.';
COMMENT ON COLUMN bridge.contacts_unread.below IS 'Events with a smaller id are still to be read.';

DROP INDEX IF EXISTS bridge.outbox_contacts;
DROP FUNCTION bridge.contact_keys(jsonb);
