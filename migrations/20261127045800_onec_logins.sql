-- Who sent a document: what its sender may not say is not carried out.

ALTER TABLE bridge.onec_documents ADD COLUMN login text;
COMMENT ON COLUMN bridge.onec_documents.login IS
    'The login that sent it last; null: it came before that was kept.';
