-- Who offers many installations must not keep others from being judged.

ALTER TABLE bridge.grants ADD COLUMN source text;
CREATE INDEX grants_waiting ON bridge.grants (portal, source, id DESC) WHERE settled_at IS NULL;
COMMENT ON COLUMN bridge.grants.source IS 'The address it came from; null: an operator began it.';
