-- A form with more fields than are read is kept, and not delivered in part.

ALTER TABLE bridge.submissions DROP CONSTRAINT submissions_verdict_known;
ALTER TABLE bridge.submissions ADD CONSTRAINT submissions_verdict_known
    CHECK (verdict IN ('taken', 'robot', 'no_consent', 'too_many')) NOT VALID;
ALTER TABLE bridge.submissions VALIDATE CONSTRAINT submissions_verdict_known;
COMMENT ON COLUMN bridge.submissions.verdict IS
    'taken: it is a subject; robot, no_consent, too_many (fields): kept here for a week.';
