-- A reader of the feed goes on only from where this database has let it: any other place is of a life that was restored away.

ALTER TABLE bridge.feeds ADD COLUMN given_seq bigint NOT NULL DEFAULT 0;
UPDATE bridge.feeds SET given_seq = last_seq;
COMMENT ON COLUMN bridge.feeds.given_seq IS 'The newest number that the shop was given by the feed.';
