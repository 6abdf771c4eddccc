-- What happened, as data beside the sentence. Rows of before have only their sentence.

ALTER TABLE bridge.timeline ADD COLUMN what jsonb;
ALTER TABLE bridge.decisions ADD COLUMN what jsonb;
ALTER TABLE bridge.conflicts ADD COLUMN what jsonb;
COMMENT ON COLUMN bridge.timeline.what IS
    'What happened: v is the version, kind says what, the rest depends on that. Null: an earlier '
    'version wrote the row.';
COMMENT ON COLUMN bridge.timeline.text IS 'What happened, in one sentence, made from what.';
COMMENT ON COLUMN bridge.decisions.what IS 'What was decided and why, like bridge.timeline.what.';
COMMENT ON COLUMN bridge.decisions.sentence IS 'One plain sentence, made from what.';
COMMENT ON COLUMN bridge.conflicts.what IS 'Why it waits, like bridge.timeline.what.';
COMMENT ON COLUMN bridge.conflicts.sentence IS 'Why, in one sentence, made from what.';
