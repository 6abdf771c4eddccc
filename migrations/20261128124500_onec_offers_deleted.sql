-- A card of 1C and its offer are each marked as withdrawn for itself: a product is gone when either
-- says so, and what one takes back does not undo the other.
ALTER TABLE bridge.onec_products ADD COLUMN offer_deleted boolean;
COMMENT ON COLUMN bridge.onec_products.deleted IS 'Whether its card in the catalogue is withdrawn.';
COMMENT ON COLUMN bridge.onec_products.offer_deleted IS
    'Whether its offer is withdrawn; null: no offer has said it.';
UPDATE bridge.onec_products SET offer_deleted = true, deleted = false
WHERE deleted AND product IS NULL;
-- Who marked the others is not known: what comes next of them is read anew.
UPDATE bridge.onec_prints e SET print = NULL
FROM bridge.onec_products p
WHERE e.number = p.number AND p.product IS NOT NULL AND p.variant IS NOT NULL
  AND e.print IS NOT NULL;
