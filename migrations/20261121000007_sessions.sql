-- Who is signed in to the console, for every process alike.

CREATE TABLE bridge.sessions (
    id_hash    bytea CONSTRAINT sessions_pkey PRIMARY KEY CONSTRAINT sessions_id_hash_sha256 CHECK (octet_length(id_hash) = 32),
    operator   text NOT NULL,
    stamp      bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_expires ON bridge.sessions (expires_at);
COMMENT ON TABLE bridge.sessions IS 'Who is signed in to the console.';
COMMENT ON COLUMN bridge.sessions.id_hash IS 'SHA-256 of what the browser''s cookie holds: the table alone opens no session.';
COMMENT ON COLUMN bridge.sessions.operator IS 'The name under [operators].';
COMMENT ON COLUMN bridge.sessions.stamp IS 'Digest of the operator''s key and password hash: a changed one ends the session.';
COMMENT ON COLUMN bridge.sessions.expires_at IS 'When it ends whatever happens.';
