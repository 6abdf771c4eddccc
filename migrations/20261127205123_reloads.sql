-- A person asks the running processes to read their settings again, and each answers.
CREATE TABLE bridge.reloads (
    id       bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT reloads_pkey PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE bridge.reloads IS 'One row each time somebody asked for it.';
COMMENT ON COLUMN bridge.reloads.id IS 'Grows: a process takes up what is newer than it has seen.';
COMMENT ON COLUMN bridge.reloads.asked_at IS 'When.';
CREATE TABLE bridge.reload_answers (
    reload bigint CONSTRAINT reload_answers_reload REFERENCES bridge.reloads ON DELETE CASCADE,
    owner  text,
    failed boolean NOT NULL,
    lines  text[] NOT NULL,
    CONSTRAINT reload_answers_pkey PRIMARY KEY (reload, owner)
);
COMMENT ON TABLE bridge.reload_answers IS 'What came of it in each process.';
COMMENT ON COLUMN bridge.reload_answers.reload IS 'What it answers.';
COMMENT ON COLUMN bridge.reload_answers.owner IS 'The process.';
COMMENT ON COLUMN bridge.reload_answers.failed IS 'Whether the settings could not be used: then the old ones go on.';
COMMENT ON COLUMN bridge.reload_answers.lines IS 'What changed, what needs a restart, or what is wrong: a sentence each.';
ALTER TABLE bridge.processes ADD COLUMN answers_until timestamptz;
COMMENT ON COLUMN bridge.processes.answers_until IS
    'Until when it answers to a reload, unless it says so again; null: it reads its settings once.';
