-- Words of closed lists that no constraint held yet. Rows from before are not looked at: each has
-- been written by the same words.

ALTER TABLE bridge.onec_sessions ADD CONSTRAINT onec_sessions_kind_known
    CHECK (kind IN ('sale', 'catalog', 'get_catalog', 'listen', 'by_hand')) NOT VALID;
COMMENT ON COLUMN bridge.onec_sessions.kind IS
    'What is exchanged: sale, catalog, get_catalog, listen; by_hand: a person had a file taken in.';

ALTER TABLE bridge.onec_files ADD CONSTRAINT onec_files_kind_known
    CHECK (kind IN ('sale', 'catalog', 'get_catalog', 'listen', 'by_hand')) NOT VALID;
COMMENT ON COLUMN bridge.onec_files.kind IS
    'The type of the exchange in which it came, as in bridge.onec_sessions.';

ALTER TABLE bridge.onec_bases ADD CONSTRAINT onec_bases_id_kind_known
    CHECK (id_kind IN ('id', 'number')) NOT VALID;

ALTER TABLE bridge.till_hints ADD CONSTRAINT till_hints_entity_known
    CHECK (entity IN ('retaildemand', 'retailsalesreturn')) NOT VALID;
COMMENT ON COLUMN bridge.till_hints.entity IS
    'The kind of document: retaildemand, retailsalesreturn.';
