-- What operators need: every judged try on record, jobs over many letters, and the usual questions as views.

CREATE TABLE bridge.attempts (
    id        bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT attempts_pkey PRIMARY KEY,
    outbox_id bigint NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    nth       integer NOT NULL,
    code      text NOT NULL,
    message   text NOT NULL
);
CREATE INDEX attempts_event ON bridge.attempts (outbox_id, id);
COMMENT ON TABLE bridge.attempts IS 'Every try of an event that the portal judged and refused; kept as long as closed letters.';
COMMENT ON COLUMN bridge.attempts.id IS 'Grows with time.';
COMMENT ON COLUMN bridge.attempts.outbox_id IS 'The event; not a foreign key, since settled events are pruned.';
COMMENT ON COLUMN bridge.attempts.at IS 'When it was refused.';
COMMENT ON COLUMN bridge.attempts.nth IS 'Which try; it begins at 1 again when a person retries.';
COMMENT ON COLUMN bridge.attempts.code IS 'What happened: see bridge.codes.';
COMMENT ON COLUMN bridge.attempts.message IS 'The portal''s own words, at most 2,000 characters.';

CREATE TABLE bridge.bulk_jobs (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT bulk_jobs_pkey PRIMARY KEY,
    action      text NOT NULL CONSTRAINT bulk_jobs_action_known CHECK (action IN ('retry', 'discard')),
    filter      jsonb NOT NULL,
    reason      text,
    recreate    boolean NOT NULL DEFAULT false,
    actor       text NOT NULL,
    expected    bigint NOT NULL,
    upto        bigint NOT NULL,
    reached     bigint NOT NULL DEFAULT 0,
    done        bigint NOT NULL DEFAULT 0,
    failed      bigint NOT NULL DEFAULT 0,
    last_fault  text,
    state       text NOT NULL DEFAULT 'running' CONSTRAINT bulk_jobs_state_known CHECK (state IN ('running', 'done', 'stopped')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    stopped_by  text,
    CONSTRAINT bulk_jobs_discard_has_reason CHECK (action <> 'discard' OR reason IS NOT NULL),
    CONSTRAINT bulk_jobs_ended_has_time CHECK ((state = 'running') = (ended_at IS NULL))
);
CREATE INDEX bulk_jobs_running ON bridge.bulk_jobs (id) WHERE state = 'running';
COMMENT ON TABLE bridge.bulk_jobs IS 'Retries and discards of many letters, worked off in small batches; they survive a restart and can be stopped.';
COMMENT ON COLUMN bridge.bulk_jobs.id IS 'The job.';
COMMENT ON COLUMN bridge.bulk_jobs.action IS 'retry or discard.';
COMMENT ON COLUMN bridge.bulk_jobs.filter IS 'Which letters.';
COMMENT ON COLUMN bridge.bulk_jobs.reason IS 'Why they are let go; with discard always there.';
COMMENT ON COLUMN bridge.bulk_jobs.recreate IS 'With retry: make new deals where the old ones are gone.';
COMMENT ON COLUMN bridge.bulk_jobs.actor IS 'Who asked for it.';
COMMENT ON COLUMN bridge.bulk_jobs.expected IS 'How many letters there were, as the person had seen.';
COMMENT ON COLUMN bridge.bulk_jobs.upto IS 'The last letter there was then: younger ones are left alone.';
COMMENT ON COLUMN bridge.bulk_jobs.reached IS 'The last letter looked at.';
COMMENT ON COLUMN bridge.bulk_jobs.done IS 'Letters closed.';
COMMENT ON COLUMN bridge.bulk_jobs.failed IS 'Letters that stay open, since they could not be tried again.';
COMMENT ON COLUMN bridge.bulk_jobs.last_fault IS 'Why the last of those could not.';
COMMENT ON COLUMN bridge.bulk_jobs.state IS 'running, done or stopped.';
COMMENT ON COLUMN bridge.bulk_jobs.created_at IS 'When it was asked for.';
COMMENT ON COLUMN bridge.bulk_jobs.ended_at IS 'When it was done or stopped.';
COMMENT ON COLUMN bridge.bulk_jobs.stopped_by IS 'Who stopped it.';

CREATE INDEX dead_letters_order ON bridge.dead_letters (shop, number);
COMMENT ON COLUMN bridge.dead_letters.id IS 'The letter, as `dead-letters show` takes it.';
COMMENT ON COLUMN bridge.audit.id IS 'Grows with time.';
COMMENT ON COLUMN bridge.audit.actor IS 'Who: operator:NAME, shop:NAME, cli:USER, or bridge.';
COMMENT ON COLUMN bridge.audit.action IS 'What, such as letter.retry, letter.discard, letters.import, bulk.start, bulk.stop, portal.pause, portal.resume.';
COMMENT ON COLUMN bridge.audit.target IS 'To what: a letter''s or a job''s id, a portal''s name.';
COMMENT ON COLUMN bridge.audit.detail IS 'With which options; never a secret.';

CREATE VIEW bridge.dead_letters_by_code AS
    SELECT d.code, count(*) AS letters, min(d.first_failed_at) AS oldest, max(d.last_failed_at) AS newest,
           coalesce(c.sentence, '') AS sentence, coalesce(c.remedy, '') AS remedy
    FROM bridge.dead_letters d LEFT JOIN bridge.codes c USING (code)
    WHERE d.closed_at IS NULL
    GROUP BY d.code, c.sentence, c.remedy
    ORDER BY count(*) DESC, d.code;
COMMENT ON VIEW bridge.dead_letters_by_code IS 'Open letters by code, with what to do about them; the most first.';

CREATE VIEW bridge.dead_letters_by_shop AS
    SELECT d.shop, d.portal, d.code, count(*) AS letters, count(DISTINCT d.number) AS orders,
           min(d.first_failed_at) AS oldest, max(d.last_failed_at) AS newest
    FROM bridge.dead_letters d
    WHERE d.closed_at IS NULL
    GROUP BY d.shop, d.portal, d.code
    ORDER BY d.shop, count(*) DESC, d.code;
COMMENT ON VIEW bridge.dead_letters_by_shop IS 'Open letters by shop and code.';

CREATE VIEW bridge.dead_letters_by_hour AS
    SELECT date_trunc('hour', d.last_failed_at) AS hour, d.code, count(*) AS died,
           count(*) FILTER (WHERE d.closed_at IS NULL) AS still_open
    FROM bridge.dead_letters d
    GROUP BY date_trunc('hour', d.last_failed_at), d.code
    ORDER BY hour DESC, died DESC;
COMMENT ON VIEW bridge.dead_letters_by_hour IS 'When letters came about, open and closed, the newest hour first.';

CREATE VIEW bridge.oldest_dead_letters AS
    SELECT d.id, now() - d.first_failed_at AS age, d.shop, d.number, d.code, d.message
    FROM bridge.dead_letters d
    WHERE d.closed_at IS NULL
    ORDER BY d.first_failed_at, d.id;
COMMENT ON VIEW bridge.oldest_dead_letters IS 'Open letters, the one that waits longest first.';
