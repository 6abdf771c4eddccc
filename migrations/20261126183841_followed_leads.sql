-- A lead that is converted in the portal leaves no sign but the deal that names it: it is looked for.

ALTER TABLE bridge.subjects ADD COLUMN follow_at timestamptz
    CONSTRAINT subjects_follows_lead CHECK (follow_at IS NULL OR lead_id IS NOT NULL);
CREATE INDEX subjects_follow ON bridge.subjects (portal, follow_at) WHERE follow_at IS NOT NULL;
COMMENT ON COLUMN bridge.subjects.follow_at IS 'When to look next whether a deal was made of its lead; null: never.';
UPDATE bridge.subjects SET follow_at = now()
WHERE done_at IS NOT NULL AND lead_id IS NOT NULL AND deal_id IS NULL;
