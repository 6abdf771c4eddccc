-- 1C's products flow into a shop's catalogue in the portal, where 1C is declared to own it.

ALTER TABLE bridge.onec_products ADD COLUMN due boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN bridge.onec_products.due IS
    'It changed, and the catalogue of its shops in the portal was not told yet.';
CREATE INDEX onec_products_due ON bridge.onec_products (base, id) WHERE due;
CREATE INDEX onec_products_variations ON bridge.onec_products (base, (split_part(id, '#', 1)))
    WHERE strpos(id, '#') > 0;
