-- Whose a value is: the few people who told a phone, an address or a customer id. A value that several use identifies nobody.

CREATE TABLE bridge.bearers (
    portal      text NOT NULL,
    shop        text NOT NULL,
    value       text COLLATE "C" NOT NULL,
    bearer      text COLLATE "C" NOT NULL,
    customer_id text,
    names       jsonb NOT NULL,
    contact_id  bigint,
    CONSTRAINT bearers_pkey PRIMARY KEY (portal, shop, value, bearer)
);
COMMENT ON TABLE bridge.bearers IS 'Who uses a value: at most eight people for each, which is enough to tell that it identifies nobody.';
COMMENT ON COLUMN bridge.bearers.portal IS 'The portal of contact_id.';
COMMENT ON COLUMN bridge.bearers.shop IS 'The shop whose customers they are.';
COMMENT ON COLUMN bridge.bearers.value IS 'id: and a customer id, a phone in E.164, or an e-mail address in lower case.';
COMMENT ON COLUMN bridge.bearers.bearer IS 'The customer id and the name in one spelling: tells one from another.';
COMMENT ON COLUMN bridge.bearers.customer_id IS 'The customer id; null for a guest.';
COMMENT ON COLUMN bridge.bearers.names IS 'First, last and second name, as the shop told them.';
COMMENT ON COLUMN bridge.bearers.contact_id IS 'The contact that stands for this person, if one is known.';
