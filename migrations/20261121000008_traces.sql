-- Which request an event came with, so that a trace goes on where the worker takes the event up.

ALTER TABLE bridge.outbox ADD COLUMN traceparent text
    CONSTRAINT outbox_traceparent_w3c CHECK (octet_length(traceparent) = 55);
COMMENT ON COLUMN bridge.outbox.traceparent IS 'W3C trace context of the request that brought it, if there was one.';
