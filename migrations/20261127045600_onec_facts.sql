-- Payments and shipments that 1C speaks of: the shop is told each change once.

CREATE TABLE bridge.onec_facts (
    base       text NOT NULL,
    shop       text NOT NULL,
    number     text NOT NULL,
    kind       text NOT NULL CONSTRAINT onec_facts_kind_known
               CHECK (kind IN ('payment', 'shipment')),
    id         text NOT NULL,
    data       jsonb NOT NULL,
    told       boolean NOT NULL,
    formed_at  timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT onec_facts_pkey PRIMARY KEY (base, shop, number, kind, id)
);
COMMENT ON TABLE bridge.onec_facts IS 'Payments and shipments of orders, as 1C last said them.';
COMMENT ON COLUMN bridge.onec_facts.base IS 'The base.';
COMMENT ON COLUMN bridge.onec_facts.shop IS 'The shop.';
COMMENT ON COLUMN bridge.onec_facts.number IS 'The order.';
COMMENT ON COLUMN bridge.onec_facts.kind IS 'payment or shipment.';
COMMENT ON COLUMN bridge.onec_facts.id IS '`Ид` of the document.';
COMMENT ON COLUMN bridge.onec_facts.data IS
    'As it is told to the shop, without the order''s number.';
COMMENT ON COLUMN bridge.onec_facts.told IS
    'The shop was told; false: it only gives back what the bridge wrote, or is not to be told.';
COMMENT ON COLUMN bridge.onec_facts.formed_at IS 'When 1C made the file in which it came.';
COMMENT ON COLUMN bridge.onec_facts.changed_at IS 'When it last changed.';

ALTER TABLE bridge.onec_documents
    ADD COLUMN beside boolean NOT NULL DEFAULT false,
    ADD COLUMN basis text;
COMMENT ON COLUMN bridge.onec_documents.beside IS
    'It holds payments or shipments without their order: it stands for no other document.';
COMMENT ON COLUMN bridge.onec_documents.basis IS
    'The order that such a document names: `Основание`, or the order''s `Ид` in its own.';

ALTER TABLE bridge.shop_messages DROP CONSTRAINT shop_messages_kind_known,
    ADD CONSTRAINT shop_messages_kind_known
        CHECK (kind IN ('bridge.reservation.short.v1', 'bridge.receipt.saved.v1',
                        'bridge.order.payment.v1', 'bridge.order.shipment.v1',
                        'bridge.order.contents.v1')) NOT VALID;
