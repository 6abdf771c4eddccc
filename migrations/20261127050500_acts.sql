-- What a person did, as data.

ALTER TABLE bridge.audit ADD COLUMN what jsonb;
COMMENT ON COLUMN bridge.audit.what IS
    'The act as data: v is the version, kind says what it is. Null: an earlier version wrote it.';
