-- Orders whose status counts differently, with no new snapshot of the shop: 1C is to get them.

CREATE TABLE bridge.onec_news (
    id     bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT onec_news_pkey PRIMARY KEY,
    shop   text NOT NULL,
    number text NOT NULL,
    at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX onec_news_shop ON bridge.onec_news (shop);
COMMENT ON TABLE bridge.onec_news IS
    'Orders whose status counts differently since, until their base has taken that up.';
COMMENT ON COLUMN bridge.onec_news.shop IS 'The shop.';
COMMENT ON COLUMN bridge.onec_news.number IS 'The order.';
COMMENT ON COLUMN bridge.onec_news.at IS 'When it was noted.';

-- Notes are only added here: whoever decides about many orders waits for no exchange.
CREATE FUNCTION bridge.status_counts_differently() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO bridge.onec_news (shop, number)
    SELECT NEW.shop, NEW.number WHERE EXISTS (SELECT FROM bridge.onec_bases);
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION bridge.status_counts_differently() FROM PUBLIC;
COMMENT ON FUNCTION bridge.status_counts_differently() IS
    'Notes that the status of an order counts differently.';

CREATE TRIGGER agreements_status AFTER UPDATE OF agreed ON bridge.agreements
    FOR EACH ROW
    WHEN (OLD.agreed #>> '{told,-1,at}' IS DISTINCT FROM NEW.agreed #>> '{told,-1,at}')
    EXECUTE FUNCTION bridge.status_counts_differently();

ALTER TABLE bridge.onec_offers ADD COLUMN resends integer;
COMMENT ON COLUMN bridge.onec_offers.resends IS
    'How often the order was to be sent again by then; null: offered by an earlier version.';
