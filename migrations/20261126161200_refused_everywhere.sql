-- A phone, an address or a taxpayer number says the same in every shop of a portal: there the shop is empty. What was said of the
-- cards of a portal whose place another one took is kept, and counts no longer.

ALTER TABLE bridge.refused_cards
    ADD COLUMN left_at timestamptz,
    DROP CONSTRAINT refused_cards_pkey,
    ADD CONSTRAINT refused_cards_pkey PRIMARY KEY (portal, shop, value, entity, bitrix_id);

INSERT INTO bridge.refused_cards (portal, shop, entity, value, bitrix_id, person, number, actor, at)
SELECT portal, '', entity, value, bitrix_id, person, number, actor, at
FROM bridge.refused_cards
WHERE value NOT LIKE 'id:%' AND value NOT LIKE 'order:%'
ON CONFLICT DO NOTHING;
DELETE FROM bridge.refused_cards WHERE shop <> '' AND value NOT LIKE 'id:%' AND value NOT LIKE 'order:%';

COMMENT ON COLUMN bridge.refused_cards.shop IS 'The shop; empty where the value says the same in every shop: a phone, an address, a taxpayer number.';
COMMENT ON COLUMN bridge.refused_cards.value IS 'What he is known by: id: and a customer id, a phone, an address, inn: and a taxpayer number, firm: and a name, order: and a number.';
COMMENT ON COLUMN bridge.refused_cards.person IS 'Who he, or which firm it, is, as the shop told it then.';
COMMENT ON COLUMN bridge.refused_cards.left_at IS 'When another portal took the place of the one whose card it is: it says nothing of that one''s cards.';
