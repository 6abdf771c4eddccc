-- Until when a lane goes slower because the portal complained of its request limit, which the bridge keeps: for those who look from outside.
ALTER TABLE bridge.lanes ADD COLUMN lowered_until timestamptz;
COMMENT ON COLUMN bridge.lanes.lowered_until IS 'The portal said QUERY_LIMIT_EXCEEDED: half the pace until then. Somebody else uses this address.';
