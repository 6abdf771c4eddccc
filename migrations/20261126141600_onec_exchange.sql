-- The exchange with 1C: sessions, what was offered and confirmed, and the files that came.

CREATE TABLE bridge.onec_bases (
    base         text CONSTRAINT onec_bases_pkey PRIMARY KEY,
    since        timestamptz NOT NULL DEFAULT now(),
    cursor       bigint NOT NULL DEFAULT 0,
    id_kind      text,
    prefixes     jsonb,
    exchanged_at timestamptz
);
COMMENT ON TABLE bridge.onec_bases IS '1C bases, from the first time they are spoken with.';
COMMENT ON COLUMN bridge.onec_bases.base IS 'The configured name.';
COMMENT ON COLUMN bridge.onec_bases.since IS 'When the base was first seen in the configuration.';
COMMENT ON COLUMN bridge.onec_bases.cursor IS 'Events of the outbox up to this one are in bridge.onec_orders.';
COMMENT ON COLUMN bridge.onec_bases.id_kind IS 'What `Ид` was when the first order was confirmed: id or number. It is fixed from then on.';
COMMENT ON COLUMN bridge.onec_bases.prefixes IS 'The number prefixes by shop when the first order was confirmed.';
COMMENT ON COLUMN bridge.onec_bases.exchanged_at IS 'When the first order was confirmed.';

CREATE TABLE bridge.onec_sessions (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT onec_sessions_pkey PRIMARY KEY,
    token      bytea NOT NULL CONSTRAINT onec_sessions_token_key UNIQUE,
    base       text NOT NULL,
    kind       text NOT NULL,
    login      text NOT NULL,
    version    text,
    subordinate boolean NOT NULL DEFAULT false,
    round      integer NOT NULL DEFAULT 1,
    batch      integer NOT NULL DEFAULT 0,
    shown      boolean NOT NULL DEFAULT false,
    started_at timestamptz NOT NULL DEFAULT now(),
    last_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX onec_sessions_newest ON bridge.onec_sessions (base, id);
COMMENT ON TABLE bridge.onec_sessions IS 'Exchange sessions. Any process answers any request of a session.';
COMMENT ON COLUMN bridge.onec_sessions.token IS 'SHA-256 of the cookie''s value, which is the value of sessid, too.';
COMMENT ON COLUMN bridge.onec_sessions.kind IS 'The type that it was opened with: sale, catalog, get_catalog, listen.';
COMMENT ON COLUMN bridge.onec_sessions.version IS 'The version that is spoken; null: the client asked for none.';
COMMENT ON COLUMN bridge.onec_sessions.subordinate IS 'Payments and shipments stand inside their orders.';
COMMENT ON COLUMN bridge.onec_sessions.round IS 'Grows with each init: a query confirms only what was offered in its own round.';
COMMENT ON COLUMN bridge.onec_sessions.batch IS 'Grows with each query.';
COMMENT ON COLUMN bridge.onec_sessions.shown IS 'A request has shown the cookie or sessid: the login alone does not find it any more.';

CREATE TABLE bridge.onec_orders (
    base         text NOT NULL,
    shop         text NOT NULL,
    number       text NOT NULL,
    head         bigint NOT NULL,
    waits        boolean NOT NULL DEFAULT true,
    waits_since  timestamptz NOT NULL DEFAULT now(),
    doc_id       text,
    doc_number   text,
    confirmed    bigint,
    confirmed_at timestamptz,
    sent_at      timestamptz,
    sent_version text,
    resends      integer NOT NULL DEFAULT 0,
    held_by      text,
    held_code    text,
    held_why     text,
    CONSTRAINT onec_orders_pkey PRIMARY KEY (base, shop, number),
    CONSTRAINT onec_orders_doc_id_key UNIQUE (base, doc_id),
    CONSTRAINT onec_orders_doc_number_key UNIQUE (base, doc_number),
    CONSTRAINT onec_orders_named_whole CHECK ((doc_id IS NULL) = (doc_number IS NULL))
);
CREATE INDEX onec_orders_waiting ON bridge.onec_orders (base, head) WHERE waits;
CREATE INDEX onec_orders_held ON bridge.onec_orders (base, held_by) WHERE held_by IS NOT NULL;
CREATE INDEX onec_orders_head ON bridge.onec_orders (head);
COMMENT ON TABLE bridge.onec_orders IS 'What a base has of each order, and what it is to get.';
COMMENT ON COLUMN bridge.onec_orders.head IS 'The order''s newest event; it is kept as long as it stands here.';
COMMENT ON COLUMN bridge.onec_orders.waits IS 'The base is to get the newest event.';
COMMENT ON COLUMN bridge.onec_orders.doc_id IS '`Ид` as first offered, for ever.';
COMMENT ON COLUMN bridge.onec_orders.doc_number IS '`Номер` as first offered, for ever.';
COMMENT ON COLUMN bridge.onec_orders.confirmed IS 'The newest event that the base has confirmed.';
COMMENT ON COLUMN bridge.onec_orders.sent_version IS '`НомерВерсии` as last confirmed.';
COMMENT ON COLUMN bridge.onec_orders.resends IS 'How often a person had it sent again: it counts in НомерВерсии.';
COMMENT ON COLUMN bridge.onec_orders.held_by IS 'The filter that holds it back: where it changes, the order is looked at again.';
COMMENT ON COLUMN bridge.onec_orders.held_code IS 'The code, where it cannot be written.';
COMMENT ON COLUMN bridge.onec_orders.held_why IS 'Why it does not go, in one sentence.';

CREATE TABLE bridge.onec_offers (
    session    bigint NOT NULL REFERENCES bridge.onec_sessions ON DELETE CASCADE,
    batch      integer NOT NULL,
    shop       text NOT NULL,
    number     text NOT NULL,
    round      integer NOT NULL,
    head       bigint NOT NULL,
    version    text NOT NULL,
    state      text NOT NULL CONSTRAINT onec_offers_state_known
               CHECK (state IN ('sending', 'offered', 'written', 'cut', 'confirmed')),
    offered_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT onec_offers_pkey PRIMARY KEY (session, shop, number, batch)
);
COMMENT ON TABLE bridge.onec_offers IS 'Orders that were written in answers, each with its version: what a success confirms.';
COMMENT ON COLUMN bridge.onec_offers.head IS 'The event that was offered.';
COMMENT ON COLUMN bridge.onec_offers.version IS '`НомерВерсии` in the answer.';
COMMENT ON COLUMN bridge.onec_offers.state IS
    'sending: the answer is being written; offered: all but its last bytes; written: to its last byte; cut: it broke off; confirmed: 1C has it.';
