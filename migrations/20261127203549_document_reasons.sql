-- Why a document of 1C is not carried out, as data beside its sentence.
ALTER TABLE bridge.onec_documents ADD COLUMN what jsonb;
COMMENT ON COLUMN bridge.onec_documents.what IS
    'The message as data; null: there is none, it is the words of a fault, or the row is of an earlier version.';
