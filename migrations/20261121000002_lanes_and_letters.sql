-- Who drives which lane, what cannot be delivered, and who did what about it.

CREATE TABLE bridge.codes (
    code     text CONSTRAINT codes_pkey PRIMARY KEY,
    sentence text NOT NULL,
    remedy   text NOT NULL
);
COMMENT ON TABLE bridge.codes IS 'What each code means and what to do about it; kept up to date by the bridge at each migration.';
COMMENT ON COLUMN bridge.codes.code IS 'The code.';
COMMENT ON COLUMN bridge.codes.sentence IS 'What happened.';
COMMENT ON COLUMN bridge.codes.remedy IS 'What to do about it.';

CREATE TABLE bridge.lanes (
    portal        text CONSTRAINT lanes_pkey PRIMARY KEY,
    owner         text,
    epoch         bigint NOT NULL DEFAULT 0,
    lease_until   timestamptz,
    paused_at     timestamptz,
    paused_by     text,
    paused_code   text,
    paused_reason text,
    resume_at     timestamptz,
    failures      integer NOT NULL DEFAULT 0,
    CONSTRAINT lanes_owned CHECK ((owner IS NULL) = (lease_until IS NULL)),
    CONSTRAINT lanes_resume_only_paused CHECK (paused_at IS NOT NULL OR resume_at IS NULL)
);
COMMENT ON TABLE bridge.lanes IS 'One row per portal: who may send to it, and whether anybody should.';
COMMENT ON COLUMN bridge.lanes.portal IS 'The portal.';
COMMENT ON COLUMN bridge.lanes.owner IS 'The worker that holds the lease.';
COMMENT ON COLUMN bridge.lanes.epoch IS 'Grows with each change of owner; settling checks it.';
COMMENT ON COLUMN bridge.lanes.lease_until IS 'When the lease ends unless renewed.';
COMMENT ON COLUMN bridge.lanes.paused_at IS 'Since when nothing is sent.';
COMMENT ON COLUMN bridge.lanes.paused_by IS 'The person who paused it; null if a fault did.';
COMMENT ON COLUMN bridge.lanes.paused_code IS 'The code of the fault.';
COMMENT ON COLUMN bridge.lanes.paused_reason IS 'Why, in one sentence.';
COMMENT ON COLUMN bridge.lanes.resume_at IS 'When the lane tries again by itself; null: when a person resumes it.';
COMMENT ON COLUMN bridge.lanes.failures IS 'Failures of the portal in a row.';

CREATE TABLE bridge.dead_letters (
    id              bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT dead_letters_pkey PRIMARY KEY,
    outbox_id       bigint,
    portal          text,
    shop            text,
    number          text,
    code            text NOT NULL,
    message         text NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    first_failed_at timestamptz NOT NULL DEFAULT now(),
    last_failed_at  timestamptz NOT NULL DEFAULT now(),
    payload         jsonb NOT NULL,
    closed_at       timestamptz,
    closed_how      text CONSTRAINT dead_letters_closed_how_known CHECK (closed_how IN ('retried', 'discarded', 'overtaken')),
    closed_by       text,
    reason          text,
    CONSTRAINT dead_letters_closed_whole CHECK ((closed_at IS NULL) = (closed_how IS NULL))
);
CREATE UNIQUE INDEX dead_letters_one_open_per_event ON bridge.dead_letters (outbox_id) WHERE closed_at IS NULL;
CREATE INDEX dead_letters_open ON bridge.dead_letters (id) WHERE closed_at IS NULL;
CREATE INDEX dead_letters_open_order ON bridge.dead_letters (shop, number) WHERE closed_at IS NULL;
COMMENT ON TABLE bridge.dead_letters IS 'Events that will not be tried again by themselves.';
COMMENT ON COLUMN bridge.dead_letters.outbox_id IS 'The accepted event; null for one that was published by SQL and could not be accepted.';
COMMENT ON COLUMN bridge.dead_letters.portal IS 'The portal.';
COMMENT ON COLUMN bridge.dead_letters.shop IS 'The shop.';
COMMENT ON COLUMN bridge.dead_letters.number IS 'The order.';
COMMENT ON COLUMN bridge.dead_letters.code IS 'What happened: see bridge.codes.';
COMMENT ON COLUMN bridge.dead_letters.message IS 'What exactly, in the words of whoever refused.';
COMMENT ON COLUMN bridge.dead_letters.attempts IS 'Tries that the remote side judged.';
COMMENT ON COLUMN bridge.dead_letters.first_failed_at IS 'When it first failed.';
COMMENT ON COLUMN bridge.dead_letters.last_failed_at IS 'When it last failed.';
COMMENT ON COLUMN bridge.dead_letters.payload IS 'The event.';
COMMENT ON COLUMN bridge.dead_letters.closed_at IS 'When it was dealt with; null: open.';
COMMENT ON COLUMN bridge.dead_letters.closed_how IS 'retried: tried again; discarded: let go; overtaken: a newer snapshot of the order was settled.';
COMMENT ON COLUMN bridge.dead_letters.closed_by IS 'Who dealt with it.';
COMMENT ON COLUMN bridge.dead_letters.reason IS 'Why it was let go.';

CREATE VIEW bridge.open_dead_letters AS
    SELECT d.id, d.shop, d.portal, d.number, d.code, d.message, coalesce(c.remedy, '') AS remedy, d.attempts,
           d.first_failed_at, d.last_failed_at, d.payload, d.outbox_id
    FROM bridge.dead_letters d LEFT JOIN bridge.codes c USING (code)
    WHERE d.closed_at IS NULL;
COMMENT ON VIEW bridge.open_dead_letters IS 'What waits for a person, with the remedy.';

CREATE TABLE bridge.audit (
    id     bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT audit_pkey PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    actor  text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE bridge.audit IS 'Who did what by hand.';
COMMENT ON COLUMN bridge.audit.at IS 'When.';
COMMENT ON COLUMN bridge.audit.actor IS 'Who.';
COMMENT ON COLUMN bridge.audit.action IS 'What: letter.retry, letter.discard, portal.pause, portal.resume.';
COMMENT ON COLUMN bridge.audit.target IS 'To what: a letter''s id, a portal''s name.';
COMMENT ON COLUMN bridge.audit.detail IS 'With which options.';
