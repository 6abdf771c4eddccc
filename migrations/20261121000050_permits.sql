-- One bucket for all processes: who does not own a lane asks its owner for a place in the portal's request limit.

CREATE TABLE bridge.permits (
    id         bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT permits_pkey PRIMARY KEY,
    portal     text NOT NULL,
    asked_at   timestamptz NOT NULL DEFAULT now(),
    granted_at timestamptz
);
CREATE INDEX permits_open ON bridge.permits (portal, id) WHERE granted_at IS NULL;
COMMENT ON TABLE bridge.permits IS 'Requests that processes without the lane want to send. Short-lived: taken away by whoever asked, or after a while.';
COMMENT ON COLUMN bridge.permits.portal IS 'The portal.';
COMMENT ON COLUMN bridge.permits.asked_at IS 'When it was asked for.';
COMMENT ON COLUMN bridge.permits.granted_at IS 'When the lane''s owner counted it in its bucket; null: not yet.';
