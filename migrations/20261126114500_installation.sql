-- Whose database this is: keys that everybody knows must not open one that is somebody's.

CREATE TABLE bridge.installation (
    single boolean CONSTRAINT installation_pkey PRIMARY KEY DEFAULT true CONSTRAINT installation_single CHECK (single),
    demo boolean NOT NULL
);
COMMENT ON TABLE bridge.installation IS 'Whose database this is: one row, made when the bridge first served it.';
COMMENT ON COLUMN bridge.installation.single IS 'There is one row.';
COMMENT ON COLUMN bridge.installation.demo IS 'Whether it is the demo''s: then demo values, whose keys everybody knows, may serve it.';
