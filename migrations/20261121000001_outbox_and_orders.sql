-- Accepted events, and the orders they speak of. The order is the unit of the queue: it has at most one pending event,
-- its newest snapshot, so a claim never has to look for the head of a chain.

CREATE TABLE bridge.outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_pkey PRIMARY KEY,
    portal        text NOT NULL,
    shop          text NOT NULL,
    number        text NOT NULL,
    source        text NOT NULL,
    event_id      text NOT NULL,
    kind          text NOT NULL CONSTRAINT outbox_kind_known CHECK (kind IN ('saved', 'deleted')),
    version       bigint,
    updated_at    timestamptz,
    occurred_at   timestamptz,
    body          jsonb NOT NULL,
    fingerprint   bytea NOT NULL CONSTRAINT outbox_fingerprint_sha256 CHECK (octet_length(fingerprint) = 32),
    received_at   timestamptz NOT NULL DEFAULT now(),
    state         text NOT NULL DEFAULT 'pending'
                  CONSTRAINT outbox_state_known CHECK (state IN ('pending', 'done', 'superseded', 'dead')),
    settled_at    timestamptz,
    superseded_by bigint,
    CONSTRAINT outbox_identity UNIQUE (shop, source, event_id),
    CONSTRAINT outbox_settled_has_time CHECK ((state = 'pending') = (settled_at IS NULL)),
    CONSTRAINT outbox_superseded_names_by CHECK (superseded_by IS NULL OR state = 'superseded')
);
CREATE INDEX outbox_settled ON bridge.outbox (settled_at) WHERE settled_at IS NOT NULL;

COMMENT ON TABLE bridge.outbox IS 'Accepted events. Each ends as exactly one of done, superseded, dead; only settled ones are pruned.';
COMMENT ON COLUMN bridge.outbox.portal IS 'The portal the shop belonged to when the event was accepted.';
COMMENT ON COLUMN bridge.outbox.shop IS 'The shop that sent it.';
COMMENT ON COLUMN bridge.outbox.number IS 'The order it speaks of.';
COMMENT ON COLUMN bridge.outbox.source IS 'CloudEvents source: with event_id the identity of the event.';
COMMENT ON COLUMN bridge.outbox.event_id IS 'CloudEvents id.';
COMMENT ON COLUMN bridge.outbox.kind IS 'saved: a snapshot of the order; deleted: the shop deleted the order.';
COMMENT ON COLUMN bridge.outbox.version IS 'The snapshot''s version, if the shop counts them: first thing that decides which snapshot is newer.';
COMMENT ON COLUMN bridge.outbox.updated_at IS 'The snapshot''s updated_at: second thing that decides; then arrival.';
COMMENT ON COLUMN bridge.outbox.occurred_at IS 'CloudEvents time.';
COMMENT ON COLUMN bridge.outbox.body IS 'The whole event as it was sent.';
COMMENT ON COLUMN bridge.outbox.fingerprint IS 'SHA-256 of the canonical JSON: tells a repetition from another event with the same identity.';
COMMENT ON COLUMN bridge.outbox.received_at IS 'When it was accepted.';
COMMENT ON COLUMN bridge.outbox.state IS 'pending until settled.';
COMMENT ON COLUMN bridge.outbox.settled_at IS 'When it was settled.';
COMMENT ON COLUMN bridge.outbox.superseded_by IS 'The newer event of the same order; not a foreign key, since settled rows are pruned.';

CREATE TABLE bridge.orders (
    shop            text NOT NULL,
    number          text NOT NULL,
    portal          text NOT NULL,
    head_id         bigint,
    head_version    bigint,
    head_updated_at timestamptz,
    due_at          timestamptz,
    waits_since     timestamptz,
    attempts        integer NOT NULL DEFAULT 0 CONSTRAINT orders_attempts_not_negative CHECK (attempts >= 0),
    stalls          integer NOT NULL DEFAULT 0 CONSTRAINT orders_stalls_not_negative CHECK (stalls >= 0),
    first_failed_at timestamptz,
    error_code      text,
    error_message   text,
    recreate        boolean NOT NULL DEFAULT false,
    known           jsonb NOT NULL DEFAULT '{}',
    deal_id         bigint,
    lead_id         bigint,
    contact_id      bigint,
    company_id      bigint,
    status          text,
    stage           text,
    in_sync         boolean NOT NULL DEFAULT false,
    CONSTRAINT orders_pkey PRIMARY KEY (shop, number),
    CONSTRAINT orders_due_waits CHECK ((due_at IS NULL) = (waits_since IS NULL))
);
CREATE INDEX orders_due ON bridge.orders (portal, due_at) WHERE due_at IS NOT NULL;

COMMENT ON TABLE bridge.orders IS 'One row per order: the unit of the queue, and what is known of the order.';
COMMENT ON COLUMN bridge.orders.shop IS 'The shop.';
COMMENT ON COLUMN bridge.orders.number IS 'The order''s number there.';
COMMENT ON COLUMN bridge.orders.portal IS 'The lane it waits in.';
COMMENT ON COLUMN bridge.orders.head_id IS 'The newest event of the order in bridge.outbox, settled or not.';
COMMENT ON COLUMN bridge.orders.head_version IS 'The head''s version.';
COMMENT ON COLUMN bridge.orders.head_updated_at IS 'The head''s updated_at.';
COMMENT ON COLUMN bridge.orders.due_at IS 'When the head is to be sent; null: nothing to do.';
COMMENT ON COLUMN bridge.orders.waits_since IS 'Since when the order has had something to do.';
COMMENT ON COLUMN bridge.orders.attempts IS 'Tries of the head that the portal judged and refused.';
COMMENT ON COLUMN bridge.orders.stalls IS 'Tries of the head that nobody judged: they only make the next one wait longer.';
COMMENT ON COLUMN bridge.orders.first_failed_at IS 'When the head was first refused.';
COMMENT ON COLUMN bridge.orders.error_code IS 'Code of the last refusal of the head.';
COMMENT ON COLUMN bridge.orders.error_message IS 'The portal''s words.';
COMMENT ON COLUMN bridge.orders.recreate IS 'An operator said: make a new deal if the known one is gone.';
COMMENT ON COLUMN bridge.orders.known IS 'What the planner knows of the order: its target, contact, company, and what was last written.';
COMMENT ON COLUMN bridge.orders.deal_id IS 'The deal, for people and queries; known has it too.';
COMMENT ON COLUMN bridge.orders.lead_id IS 'The lead, where the shop''s rules made one.';
COMMENT ON COLUMN bridge.orders.contact_id IS 'The contact.';
COMMENT ON COLUMN bridge.orders.company_id IS 'The company.';
COMMENT ON COLUMN bridge.orders.status IS 'The shop''s status in the newest snapshot.';
COMMENT ON COLUMN bridge.orders.stage IS 'The stage, as last read from or written to the portal.';
COMMENT ON COLUMN bridge.orders.in_sync IS 'Whether the portal holds the newest snapshot.';

CREATE TABLE bridge.links (
    portal     text NOT NULL,
    entity     text NOT NULL CONSTRAINT links_entity_known CHECK (entity IN ('deal', 'lead', 'contact', 'company')),
    key        text NOT NULL,
    bitrix_id  bigint NOT NULL CONSTRAINT links_id_positive CHECK (bitrix_id > 0),
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT links_pkey PRIMARY KEY (portal, entity, key)
);
COMMENT ON TABLE bridge.links IS 'Which thing in the portal stands for which thing of a shop.';
COMMENT ON COLUMN bridge.links.portal IS 'The portal.';
COMMENT ON COLUMN bridge.links.entity IS 'Kind of thing in the portal.';
COMMENT ON COLUMN bridge.links.key IS 'The shop''s thing: SHOP/NUMBER, SHOP/CUSTOMER, SHOP/inn/INN/KPP.';
COMMENT ON COLUMN bridge.links.bitrix_id IS 'Its id in the portal.';
COMMENT ON COLUMN bridge.links.changed_at IS 'When the link was made or last changed.';

CREATE TABLE bridge.timeline (
    id     bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT timeline_pkey PRIMARY KEY,
    shop   text NOT NULL,
    number text NOT NULL,
    at     timestamptz NOT NULL DEFAULT now(),
    kind   text NOT NULL,
    text   text NOT NULL
);
CREATE INDEX timeline_order ON bridge.timeline (shop, number, id);
COMMENT ON TABLE bridge.timeline IS 'The life of every order, in sentences.';
COMMENT ON COLUMN bridge.timeline.shop IS 'The shop.';
COMMENT ON COLUMN bridge.timeline.number IS 'The order.';
COMMENT ON COLUMN bridge.timeline.at IS 'When it happened.';
COMMENT ON COLUMN bridge.timeline.kind IS 'What kind of thing happened.';
COMMENT ON COLUMN bridge.timeline.text IS 'What happened, in one sentence.';
