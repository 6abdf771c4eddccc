-- Which conflicts wait for a person is said once, for lists, figures and meters alike.
ALTER TABLE bridge.conflicts
    ADD COLUMN waits boolean NOT NULL
        GENERATED ALWAYS AS (closed_at IS NULL AND ruled_at IS NULL) STORED;
COMMENT ON COLUMN bridge.conflicts.waits IS 'Whether it waits for a person: open, and not ruled.';
CREATE INDEX conflicts_waiting ON bridge.conflicts (shop, code) WHERE waits;
