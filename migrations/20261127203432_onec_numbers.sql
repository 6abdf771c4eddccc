-- By what number people of 1C know an order: it goes back to 1C with the order.

ALTER TABLE bridge.onec_orders ADD COLUMN onec_number text;
COMMENT ON COLUMN bridge.onec_orders.onec_number IS
    '`Номер1С` of the newest document of the order that 1C sent; null: it has told none.';

UPDATE bridge.onec_orders k SET onec_number = d.onec_number
FROM (SELECT DISTINCT ON (base, shop, order_number) base, shop, order_number, onec_number
      FROM bridge.onec_documents
      WHERE state = 'applied' AND NOT beside AND onec_number IS NOT NULL AND shop IS NOT NULL
      ORDER BY base, shop, order_number, id DESC) d
WHERE k.base = d.base AND k.shop = d.shop AND k.number = d.order_number;
