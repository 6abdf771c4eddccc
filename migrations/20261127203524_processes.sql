-- Processes of one database share the lanes evenly: each says that it is alive, and which lanes it knows.
CREATE TABLE bridge.processes (
    owner       text CONSTRAINT processes_pkey PRIMARY KEY,
    lanes       text,
    joined_at   timestamptz NOT NULL DEFAULT now(),
    alive_until timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE bridge.processes IS 'One row per running process: alive as long as it says so.';
COMMENT ON COLUMN bridge.processes.owner IS 'The process, as in the leases of its lanes.';
COMMENT ON COLUMN bridge.processes.lanes IS
    'A fingerprint of the names of all lanes that it knows: processes with the same share them; null: it drives none.';
COMMENT ON COLUMN bridge.processes.joined_at IS 'Since when it is alive with these lanes: the oldest have the lanes that are left over.';
COMMENT ON COLUMN bridge.processes.alive_until IS 'When it counts as dead, unless it says again that it is alive.';
