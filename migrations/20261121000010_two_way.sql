-- Stages that come back: what was heard from the portal, what is agreed, what was decided, and what the shop is told.

ALTER TABLE bridge.orders ADD COLUMN said jsonb;
COMMENT ON COLUMN bridge.orders.said IS 'What the newest snapshot says of the status: status, since, seen, paid, cancelled; deleted: the shop deleted the order.';
CREATE INDEX orders_deal ON bridge.orders (portal, deal_id) WHERE deal_id IS NOT NULL;

ALTER TABLE bridge.timeline ADD COLUMN detail jsonb;
COMMENT ON COLUMN bridge.timeline.detail IS 'What it refers to, and the times of all clocks: event, deal, move, decision, change.';

CREATE TABLE bridge.inbox (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT inbox_pkey PRIMARY KEY,
    portal      text NOT NULL,
    event       text NOT NULL,
    deal_id     bigint,
    body        jsonb NOT NULL,
    sent_at     timestamptz,
    received_at timestamptz NOT NULL DEFAULT now(),
    state       text NOT NULL DEFAULT 'new' CONSTRAINT inbox_state_known CHECK (state IN ('new', 'done', 'ignored'))
);
CREATE INDEX inbox_new ON bridge.inbox (portal, id) WHERE state = 'new';
COMMENT ON TABLE bridge.inbox IS 'Notifications of portals, raw, without their tokens. A hint that a deal is worth reading, never the truth about it.';
COMMENT ON COLUMN bridge.inbox.portal IS 'The portal whose token it carried.';
COMMENT ON COLUMN bridge.inbox.event IS 'The event, in upper case: ONCRMDEALUPDATE.';
COMMENT ON COLUMN bridge.inbox.deal_id IS 'The deal it names.';
COMMENT ON COLUMN bridge.inbox.body IS 'What was sent, without auth.';
COMMENT ON COLUMN bridge.inbox.sent_at IS 'When the portal sent it, by its own clock.';
COMMENT ON COLUMN bridge.inbox.received_at IS 'When it came.';
COMMENT ON COLUMN bridge.inbox.state IS 'new: not looked at; done: its deal was put on the list of comparisons; ignored: nothing that the bridge acts on.';

CREATE TABLE bridge.moves (
    portal   text NOT NULL,
    id       bigint NOT NULL,
    deal_id  bigint NOT NULL,
    funnel   bigint NOT NULL,
    stage    text NOT NULL,
    kind     smallint NOT NULL,
    moved_at timestamptz NOT NULL,
    seen_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT moves_pkey PRIMARY KEY (portal, id)
);
CREATE INDEX moves_deal ON bridge.moves (portal, deal_id, id);
CREATE INDEX moves_seen ON bridge.moves (seen_at);
COMMENT ON TABLE bridge.moves IS 'The portal''s own record of its deals'' stages, as far as it was read.';
COMMENT ON COLUMN bridge.moves.id IS 'Id of the row in crm.stagehistory.list: grows over the whole portal.';
COMMENT ON COLUMN bridge.moves.deal_id IS 'The deal.';
COMMENT ON COLUMN bridge.moves.funnel IS 'The funnel (CATEGORY_ID) it went to.';
COMMENT ON COLUMN bridge.moves.stage IS 'The stage it went to.';
COMMENT ON COLUMN bridge.moves.kind IS 'TYPE_ID: 1 made, 2 moved, 3 ended, 5 another funnel.';
COMMENT ON COLUMN bridge.moves.moved_at IS 'When, by the portal''s clock.';
COMMENT ON COLUMN bridge.moves.seen_at IS 'When the bridge read it.';

CREATE TABLE bridge.cursors (
    portal       text CONSTRAINT cursors_pkey PRIMARY KEY,
    history_id   bigint NOT NULL,
    read_at      timestamptz NOT NULL DEFAULT now(),
    sweep_shop   text NOT NULL DEFAULT '',
    sweep_number text NOT NULL DEFAULT ''
);
COMMENT ON TABLE bridge.cursors IS 'How far each portal''s stage history was read.';
COMMENT ON COLUMN bridge.cursors.history_id IS 'Rows above this id are read again: newer ones, and those so young that one with a lower id may still be committed.';
COMMENT ON COLUMN bridge.cursors.read_at IS 'When it was read last.';
COMMENT ON COLUMN bridge.cursors.sweep_shop IS 'Where the slow walk over all deals stands: shop.';
COMMENT ON COLUMN bridge.cursors.sweep_number IS 'Where the slow walk over all deals stands: order.';

CREATE TABLE bridge.comparisons (
    shop   text NOT NULL,
    number text NOT NULL,
    portal text NOT NULL,
    due_at timestamptz NOT NULL DEFAULT now(),
    asked  bigint NOT NULL DEFAULT 1,
    why    text NOT NULL,
    CONSTRAINT comparisons_pkey PRIMARY KEY (shop, number)
);
CREATE INDEX comparisons_due ON bridge.comparisons (portal, due_at);
COMMENT ON TABLE bridge.comparisons IS 'Orders whose status and stage are to be compared: each once, however often it was asked for.';
COMMENT ON COLUMN bridge.comparisons.due_at IS 'When.';
COMMENT ON COLUMN bridge.comparisons.asked IS 'Grows with each request, so that one that comes in the middle of a comparison is not lost.';
COMMENT ON COLUMN bridge.comparisons.why IS 'Who asked last.';

CREATE TABLE bridge.agreements (
    shop       text NOT NULL,
    number     text NOT NULL,
    agreed     jsonb,
    turns      jsonb NOT NULL DEFAULT '[]',
    writing    jsonb,
    waiting    jsonb,
    ruling     jsonb,
    standing   jsonb,
    gone_at    timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agreements_pkey PRIMARY KEY (shop, number)
);
COMMENT ON TABLE bridge.agreements IS 'What both sides were last known to agree on, and what is under way about it.';
COMMENT ON COLUMN bridge.agreements.agreed IS 'The last status and stage known to be the same thing; null before the first.';
COMMENT ON COLUMN bridge.agreements.turns IS 'What was written lately, to either side.';
COMMENT ON COLUMN bridge.agreements.writing IS 'A stage that is being written: looked up in the history before anything else is decided.';
COMMENT ON COLUMN bridge.agreements.waiting IS 'The difference that waits for a person.';
COMMENT ON COLUMN bridge.agreements.ruling IS 'A person''s word, until it is carried out.';
COMMENT ON COLUMN bridge.agreements.standing IS 'A difference that stays, because it was refused or waits: status, stage, why.';
COMMENT ON COLUMN bridge.agreements.gone_at IS 'When the deal was found to be missing.';

CREATE TABLE bridge.decisions (
    id       bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT decisions_pkey PRIMARY KEY,
    portal   text NOT NULL,
    shop     text NOT NULL,
    number   text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    action   text NOT NULL,
    basis    text NOT NULL,
    winner   text,
    sentence text NOT NULL,
    inputs   jsonb NOT NULL,
    outcome  jsonb NOT NULL
);
CREATE INDEX decisions_order ON bridge.decisions (shop, number, id);
COMMENT ON TABLE bridge.decisions IS 'Every decision about a difference, with what it rests on.';
COMMENT ON COLUMN bridge.decisions.action IS 'agree, write_portal, tell_shop, refused, review.';
COMMENT ON COLUMN bridge.decisions.basis IS 'What it rests on: consistent, one_side, rule, default, latest, undated, final, ruling.';
COMMENT ON COLUMN bridge.decisions.winner IS 'shop or portal; null where nobody had to be right.';
COMMENT ON COLUMN bridge.decisions.sentence IS 'One plain sentence.';
COMMENT ON COLUMN bridge.decisions.inputs IS 'Both observations, what was agreed, the clocks, the history.';
COMMENT ON COLUMN bridge.decisions.outcome IS 'The whole decision.';

CREATE TABLE bridge.conflicts (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT conflicts_pkey PRIMARY KEY,
    portal      text NOT NULL,
    shop        text NOT NULL,
    number      text NOT NULL,
    decision_id bigint NOT NULL,
    code        text NOT NULL,
    sentence    text NOT NULL,
    status      text NOT NULL,
    stage       text NOT NULL,
    opened_at   timestamptz NOT NULL DEFAULT now(),
    ruled_at    timestamptz,
    ruled_by    text,
    winner      text CONSTRAINT conflicts_winner_known CHECK (winner IN ('shop', 'portal')),
    closed_at   timestamptz,
    closed_how  text CONSTRAINT conflicts_closed_how_known CHECK (closed_how IN ('ruled', 'vanished')),
    CONSTRAINT conflicts_closed_whole CHECK ((closed_at IS NULL) = (closed_how IS NULL))
);
CREATE UNIQUE INDEX conflicts_one_open ON bridge.conflicts (shop, number) WHERE closed_at IS NULL;
CREATE INDEX conflicts_open ON bridge.conflicts (id) WHERE closed_at IS NULL;
COMMENT ON TABLE bridge.conflicts IS 'Differences that wait, or waited, for a person.';
COMMENT ON COLUMN bridge.conflicts.decision_id IS 'The decision that asks: see bridge.decisions; not a foreign key, since both are pruned.';
COMMENT ON COLUMN bridge.conflicts.code IS 'Why: see bridge.codes.';
COMMENT ON COLUMN bridge.conflicts.sentence IS 'Why, in one sentence.';
COMMENT ON COLUMN bridge.conflicts.status IS 'What the shop says.';
COMMENT ON COLUMN bridge.conflicts.stage IS 'What the portal says.';
COMMENT ON COLUMN bridge.conflicts.ruled_by IS 'Who decided.';
COMMENT ON COLUMN bridge.conflicts.winner IS 'Who was said to be right.';
COMMENT ON COLUMN bridge.conflicts.closed_how IS 'ruled: a person''s word was carried out; vanished: the sides came to agree by themselves.';

CREATE TABLE bridge.status_changes (
    shop            text NOT NULL,
    seq             bigint NOT NULL,
    portal          text NOT NULL,
    number          text NOT NULL,
    decision_id     bigint NOT NULL,
    status          text NOT NULL,
    previous_status text NOT NULL,
    stage           text NOT NULL,
    reason          text NOT NULL,
    decided_at      timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'waiting'
                    CONSTRAINT status_changes_state_known CHECK (state IN ('waiting', 'delivered', 'dropped', 'dead')),
    due_at          timestamptz NOT NULL DEFAULT now(),
    attempts        integer NOT NULL DEFAULT 0,
    first_sent_at   timestamptz,
    settled_at      timestamptz,
    error_code      text,
    error_message   text,
    CONSTRAINT status_changes_pkey PRIMARY KEY (shop, seq),
    CONSTRAINT status_changes_settled_has_time CHECK ((state = 'waiting') = (settled_at IS NULL))
);
CREATE INDEX status_changes_waiting ON bridge.status_changes (shop, due_at) WHERE state = 'waiting';
CREATE INDEX status_changes_waiting_order ON bridge.status_changes (shop, number, seq) WHERE state = 'waiting';
CREATE INDEX status_changes_settled ON bridge.status_changes (settled_at) WHERE settled_at IS NOT NULL;
COMMENT ON TABLE bridge.status_changes IS 'What each shop is told: by callback, or read from the feed.';
COMMENT ON COLUMN bridge.status_changes.seq IS 'Counts the shop''s changes without a gap, in the order in which they are committed.';
COMMENT ON COLUMN bridge.status_changes.decided_at IS 'When it was decided: with the order, the identity of the message.';
COMMENT ON COLUMN bridge.status_changes.state IS 'waiting; delivered: acknowledged or read; dropped: overtaken before it was sent; dead: see bridge.dead_letters.';
COMMENT ON COLUMN bridge.status_changes.attempts IS 'Tries that the shop judged and refused.';
COMMENT ON COLUMN bridge.status_changes.first_sent_at IS 'When it was first sent.';

CREATE TABLE bridge.feeds (
    shop     text CONSTRAINT feeds_pkey PRIMARY KEY,
    last_seq bigint NOT NULL DEFAULT 0,
    read_seq bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE bridge.feeds IS 'One row per shop: its changes are counted here, so that they are committed in the order of their numbers.';
COMMENT ON COLUMN bridge.feeds.last_seq IS 'The newest change.';
COMMENT ON COLUMN bridge.feeds.read_seq IS 'The newest change that the shop is known to have read from the feed.';

CREATE TABLE bridge.clocks (
    system      text CONSTRAINT clocks_pkey PRIMARY KEY,
    samples     jsonb NOT NULL,
    measured_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE bridge.clocks IS 'How far the clocks of others are off.';
COMMENT ON COLUMN bridge.clocks.system IS 'portal:NAME or shop:NAME.';
COMMENT ON COLUMN bridge.clocks.samples IS 'The samples from which the offset is estimated.';

ALTER TABLE bridge.dead_letters ADD COLUMN change_seq bigint;
COMMENT ON COLUMN bridge.dead_letters.change_seq IS 'The change that the shop could not be told, where the letter is about one.';
CREATE UNIQUE INDEX dead_letters_one_open_per_change ON bridge.dead_letters (shop, change_seq) WHERE closed_at IS NULL AND change_seq IS NOT NULL;

CREATE OR REPLACE VIEW bridge.open_dead_letters AS
    SELECT d.id, d.shop, d.portal, d.number, d.code, d.message, coalesce(c.remedy, '') AS remedy, d.attempts,
           d.first_failed_at, d.last_failed_at, d.payload, d.outbox_id, d.change_seq
    FROM bridge.dead_letters d LEFT JOIN bridge.codes c USING (code)
    WHERE d.closed_at IS NULL;
