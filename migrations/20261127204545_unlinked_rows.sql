-- Rows of deals that name products which the catalogue does not have yet.
CREATE TABLE bridge.unlinked_rows (
    portal text NOT NULL,
    key    text NOT NULL,
    shop   text NOT NULL,
    number text NOT NULL,
    CONSTRAINT unlinked_rows_pkey PRIMARY KEY (portal, key, shop, number),
    CONSTRAINT unlinked_rows_order FOREIGN KEY (shop, number) REFERENCES bridge.orders (shop, number)
        ON UPDATE CASCADE ON DELETE CASCADE
);
COMMENT ON TABLE bridge.unlinked_rows IS 'Orders whose deals have rows of products that the catalogue does not have yet: they are tried again when it does.';
COMMENT ON COLUMN bridge.unlinked_rows.portal IS 'The portal.';
COMMENT ON COLUMN bridge.unlinked_rows.key IS 'The product, as its link will name it: SHOP/PRODUCT.';
COMMENT ON COLUMN bridge.unlinked_rows.shop IS 'The shop.';
COMMENT ON COLUMN bridge.unlinked_rows.number IS 'The order''s number there.';
CREATE INDEX unlinked_rows_of ON bridge.unlinked_rows (shop, number);
