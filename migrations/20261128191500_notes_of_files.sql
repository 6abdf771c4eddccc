-- What is told of a file of 1C is data from here on, so that 1C's user and the operator read it in
-- their own languages. `message` has the same in English; rows of earlier versions have it alone.
ALTER TABLE bridge.onec_imports ADD COLUMN notes jsonb NOT NULL DEFAULT '[]';
COMMENT ON COLUMN bridge.onec_imports.notes IS
    'What message says, as data: one element a line; empty in rows of earlier versions.';
