-- Applications: their tokens, and what was offered as such and is not judged yet.

CREATE TABLE bridge.tokens (
    portal            text CONSTRAINT tokens_pkey PRIMARY KEY,
    version           bigint NOT NULL DEFAULT 1,
    sealed            bytea NOT NULL,
    member_id         text,
    application_token bytea,
    probe             bytea,
    stored_at         timestamptz NOT NULL DEFAULT now(),
    installed_at      timestamptz NOT NULL DEFAULT now(),
    refused_at        timestamptz,
    refused_reason    text,
    renewer           uuid,
    renewer_until     timestamptz,
    CONSTRAINT tokens_refused_whole CHECK ((refused_at IS NULL) = (refused_reason IS NULL)),
    CONSTRAINT tokens_renewer_whole CHECK ((renewer IS NULL) = (renewer_until IS NULL))
);
COMMENT ON TABLE bridge.tokens IS 'The tokens of each portal''s application.';
COMMENT ON COLUMN bridge.tokens.portal IS 'The portal.';
COMMENT ON COLUMN bridge.tokens.version IS 'Grows with every change of the tokens; who stores new ones shows which they replace.';
COMMENT ON COLUMN bridge.tokens.sealed IS 'Access token, refresh token and address, encrypted and bound to the portal''s name.';
COMMENT ON COLUMN bridge.tokens.member_id IS 'The portal''s identity, whatever its address.';
COMMENT ON COLUMN bridge.tokens.application_token IS 'SHA-256 of the token that the application''s notifications carry; null: not learnt yet.';
COMMENT ON COLUMN bridge.tokens.probe IS 'SHA-256 of a secret that the portal was asked to send back, so as to learn the application token.';
COMMENT ON COLUMN bridge.tokens.stored_at IS 'When these tokens were stored.';
COMMENT ON COLUMN bridge.tokens.installed_at IS 'When the application was last installed or authorised.';
COMMENT ON COLUMN bridge.tokens.refused_at IS 'Since when the portal refuses to renew them; null: it does not.';
COMMENT ON COLUMN bridge.tokens.refused_reason IS 'In whose words.';
COMMENT ON COLUMN bridge.tokens.renewer IS 'Who is renewing them.';
COMMENT ON COLUMN bridge.tokens.renewer_until IS 'Until when that one is waited for.';

CREATE TABLE bridge.grants (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT grants_pkey PRIMARY KEY,
    portal      text NOT NULL,
    sealed      bytea,
    received_at timestamptz NOT NULL DEFAULT now(),
    due_at      timestamptz DEFAULT now(),
    tries       integer NOT NULL DEFAULT 0,
    settled_at  timestamptz,
    refused     text,
    CONSTRAINT grants_open_or_settled CHECK ((settled_at IS NULL) = (sealed IS NOT NULL) AND (settled_at IS NULL) = (due_at IS NOT NULL))
);
CREATE INDEX grants_open ON bridge.grants (portal, due_at) WHERE settled_at IS NULL;
CREATE INDEX grants_settled ON bridge.grants (settled_at) WHERE settled_at IS NOT NULL;
COMMENT ON TABLE bridge.grants IS 'Installations and authorisations that somebody told of: judged in the background.';
COMMENT ON COLUMN bridge.grants.portal IS 'The portal it claims to be of.';
COMMENT ON COLUMN bridge.grants.sealed IS 'Tokens or code, encrypted; gone once judged.';
COMMENT ON COLUMN bridge.grants.received_at IS 'When it came in.';
COMMENT ON COLUMN bridge.grants.due_at IS 'When it is judged, or judged again.';
COMMENT ON COLUMN bridge.grants.tries IS 'How often that was begun.';
COMMENT ON COLUMN bridge.grants.settled_at IS 'When it was judged.';
COMMENT ON COLUMN bridge.grants.refused IS 'Why it was refused; null if it was not.';

CREATE TABLE bridge.authorisations (
    state      bytea CONSTRAINT authorisations_pkey PRIMARY KEY,
    portal     text NOT NULL,
    expires_at timestamptz NOT NULL,
    grant_id   bigint
);
COMMENT ON TABLE bridge.authorisations IS 'Authorisations in a browser that were begun.';
COMMENT ON COLUMN bridge.authorisations.state IS 'SHA-256 of the state that comes back with the code.';
COMMENT ON COLUMN bridge.authorisations.portal IS 'The portal.';
COMMENT ON COLUMN bridge.authorisations.expires_at IS 'Until when it may come back.';
COMMENT ON COLUMN bridge.authorisations.grant_id IS 'What came back with it.';
