-- Documents of 1C are taken in: what each came to, and what 1C says of each order.

ALTER TABLE bridge.onec_documents
    ADD COLUMN state text NOT NULL DEFAULT 'refused'
        CONSTRAINT onec_documents_state_known
        CHECK (state IN ('waiting', 'applied', 'refused', 'overtaken', 'discarded')),
    ADD COLUMN shop text,
    ADD COLUMN order_number text,
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN after timestamptz;
ALTER TABLE bridge.onec_documents ALTER COLUMN code DROP NOT NULL;
CREATE INDEX onec_documents_order ON bridge.onec_documents (shop, order_number, id)
    WHERE state IN ('waiting', 'refused');
CREATE INDEX onec_documents_waiting ON bridge.onec_documents (id) WHERE state = 'waiting';
CREATE INDEX onec_documents_unknown ON bridge.onec_documents (id)
    WHERE state = 'refused' AND code = 'ONEC-UNKNOWN';
CREATE INDEX onec_documents_import ON bridge.onec_documents (import);
COMMENT ON COLUMN bridge.onec_documents.state IS
    'waiting: it is decided by itself once something else is; applied; refused: for its code; overtaken: a newer document of its order stands for it; discarded: by a person.';
COMMENT ON COLUMN bridge.onec_documents.shop IS 'The shop of the order that it is about, where one was found.';
COMMENT ON COLUMN bridge.onec_documents.order_number IS 'That order.';
COMMENT ON COLUMN bridge.onec_documents.after IS 'What it says was said after this; null: that is not known.';
COMMENT ON COLUMN bridge.onec_documents.code IS 'Why it is not carried out; null: it is, or waits.';

ALTER TABLE bridge.onec_orders
    ADD COLUMN said text,
    ADD COLUMN cancelled boolean NOT NULL DEFAULT false,
    ADD COLUMN before_cancel text,
    ADD COLUMN agreed text,
    ADD COLUMN won text,
    ADD COLUMN paid_on text,
    ADD COLUMN shipped_on text,
    ADD COLUMN document bigint,
    ADD COLUMN document_at timestamptz;
COMMENT ON COLUMN bridge.onec_orders.said IS 'The status that 1C last said itself: its id or name there.';
COMMENT ON COLUMN bridge.onec_orders.cancelled IS '1C has cancelled it.';
COMMENT ON COLUMN bridge.onec_orders.before_cancel IS 'The order''s status before 1C cancelled it.';
COMMENT ON COLUMN bridge.onec_orders.agreed IS 'The order''s status that 1C is last known to have had, in the shop''s words.';
COMMENT ON COLUMN bridge.onec_orders.won IS 'The status that the order got by 1C''s word.';
COMMENT ON COLUMN bridge.onec_orders.paid_on IS 'When 1C says that it was paid.';
COMMENT ON COLUMN bridge.onec_orders.shipped_on IS 'When 1C says that it was shipped.';
COMMENT ON COLUMN bridge.onec_orders.document IS 'The last document of it that was applied.';
COMMENT ON COLUMN bridge.onec_orders.document_at IS 'When 1C made the file in which that came.';

ALTER TABLE bridge.onec_offers ADD COLUMN status text;
COMMENT ON COLUMN bridge.onec_offers.status IS 'The order''s status that was offered.';

ALTER TABLE bridge.status_changes
    ADD COLUMN source text NOT NULL DEFAULT 'portal'
        CONSTRAINT status_changes_source_known CHECK (source IN ('portal', 'onec')),
    ADD COLUMN document bigint,
    ADD CONSTRAINT status_changes_documents CHECK ((source = 'onec') = (document IS NOT NULL));
COMMENT ON COLUMN bridge.status_changes.source IS 'Whose word it is: portal or onec.';
COMMENT ON COLUMN bridge.status_changes.document IS 'The document of 1C that says so.';
COMMENT ON COLUMN bridge.decisions.winner IS 'shop, portal or onec; null where nobody had to be right.';

ALTER TABLE bridge.dead_letters DROP CONSTRAINT dead_letters_about_known,
    ADD CONSTRAINT dead_letters_about_known
        CHECK (about IN ('comparison', 'origin', 'notification', 'move', 'delivery', 'message', 'document'));
COMMENT ON COLUMN bridge.dead_letters.about IS
    'What it is about, where it is neither an event nor a message to a shop: comparison, origin, notification (of a portal), move (a row of the portal''s stage history), delivery (of a shop''s webhook), message (to a shop, other than a change of status), document (of 1C).';
