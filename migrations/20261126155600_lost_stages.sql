-- A stage that was sent, was given up for lost and may land yet: then it is ours, and no manager's.

ALTER TABLE bridge.agreements ADD COLUMN lost jsonb;
COMMENT ON COLUMN bridge.agreements.lost IS 'A stage whose answer was lost and that did not land in time, as it was being written; it may land yet.';
