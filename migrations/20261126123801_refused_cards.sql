-- Cards of which an operator said that they are not a customer's: never taken for him again.

CREATE TABLE bridge.refused_cards (
    portal    text NOT NULL,
    shop      text NOT NULL,
    entity    text NOT NULL CONSTRAINT refused_cards_entity_known CHECK (entity IN ('contact', 'company')),
    value     text COLLATE "C" NOT NULL,
    bitrix_id bigint NOT NULL CONSTRAINT refused_cards_id_positive CHECK (bitrix_id > 0),
    person    jsonb NOT NULL,
    number    text NOT NULL,
    actor     text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT refused_cards_pkey PRIMARY KEY (portal, shop, entity, value, bitrix_id)
);
COMMENT ON TABLE bridge.refused_cards IS 'Cards that are not a customer''s, by an operator''s word: kept for ever, a row for each value that he is known by.';
COMMENT ON COLUMN bridge.refused_cards.portal IS 'The portal.';
COMMENT ON COLUMN bridge.refused_cards.shop IS 'The shop.';
COMMENT ON COLUMN bridge.refused_cards.entity IS 'The kind of card.';
COMMENT ON COLUMN bridge.refused_cards.value IS 'What the customer is known by: id: and a customer id, a phone, an address, order: and a number.';
COMMENT ON COLUMN bridge.refused_cards.bitrix_id IS 'The card.';
COMMENT ON COLUMN bridge.refused_cards.person IS 'Who he is, as the shop told it then.';
COMMENT ON COLUMN bridge.refused_cards.number IS 'The order on whose page it was said.';
COMMENT ON COLUMN bridge.refused_cards.actor IS 'Who said it.';
COMMENT ON COLUMN bridge.refused_cards.at IS 'When.';
