-- Contents of orders that 1C has otherwise than the shop: told once.

ALTER TABLE bridge.onec_orders
    ADD COLUMN version text,
    ADD COLUMN contents text;
COMMENT ON COLUMN bridge.onec_orders.version IS
    '`НомерВерсии` of 1C''s document whose contents were last compared.';
COMMENT ON COLUMN bridge.onec_orders.contents IS
    'SHA-256 of 1C''s contents, as told, where they are others than the shop''s; null: the same.';
