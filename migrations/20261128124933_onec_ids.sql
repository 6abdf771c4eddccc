-- By what 1C itself names an order: a payment or a shipment that was made in 1C may name nothing
-- else. What is no GUID may be another order's number, and names nothing.

ALTER TABLE bridge.onec_orders ADD COLUMN onec_id text;
COMMENT ON COLUMN bridge.onec_orders.onec_id IS
    '`Ид` of the newest document of the order that 1C sent, where that is a GUID of its own; null: '
    'it has told none.';

UPDATE bridge.onec_orders k SET onec_id = d.doc_id
FROM (SELECT DISTINCT ON (base, shop, order_number) base, shop, order_number, doc_id
      FROM bridge.onec_documents
      WHERE state = 'applied' AND NOT beside AND shop IS NOT NULL
        AND doc_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      ORDER BY base, shop, order_number, id DESC) d
WHERE k.base = d.base AND k.shop = d.shop AND k.number = d.order_number
  AND k.doc_id IS DISTINCT FROM d.doc_id;

CREATE INDEX onec_orders_onec_id ON bridge.onec_orders (base, onec_id) WHERE onec_id IS NOT NULL;
