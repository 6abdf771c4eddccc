-- Tills whose vendor has an API: how far it was read, and what its webhooks told of.

CREATE TABLE bridge.till_cursors (
    till      text NOT NULL CONSTRAINT till_cursors_pkey PRIMARY KEY,
    cursor_at timestamptz NOT NULL,
    read_at   timestamptz
);
COMMENT ON TABLE bridge.till_cursors IS 'How far the API of a till''s vendor was read.';
COMMENT ON COLUMN bridge.till_cursors.till IS 'The till.';
COMMENT ON COLUMN bridge.till_cursors.cursor_at IS
    'The newest change that was read; at first, when the till was first seen.';
COMMENT ON COLUMN bridge.till_cursors.read_at IS 'When it was last read to its end.';

CREATE TABLE bridge.till_hints (
    till     text NOT NULL,
    entity   text NOT NULL,
    document text NOT NULL,
    told_at  timestamptz NOT NULL,
    CONSTRAINT till_hints_pkey PRIMARY KEY (till, entity, document)
);
COMMENT ON TABLE bridge.till_hints IS 'Documents that a webhook told of, until they are read.';
COMMENT ON COLUMN bridge.till_hints.till IS 'The till.';
COMMENT ON COLUMN bridge.till_hints.entity IS 'The kind of document.';
COMMENT ON COLUMN bridge.till_hints.document IS 'Its id.';
COMMENT ON COLUMN bridge.till_hints.told_at IS 'When it was last told of.';
