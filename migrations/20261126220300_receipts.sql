-- Receipts of tills: what was sold and brought back, each known by its till and its id there. A
-- changed receipt posts the difference; one that is the pick-up of an order ships what is held.

ALTER TABLE bridge.stock_moves DROP CONSTRAINT stock_moves_cause_known,
    ADD CONSTRAINT stock_moves_cause_known
        CHECK (cause IN ('reservation', 'shipment', 'order', 'count', 'moved', 'receipt'))
        NOT VALID;
ALTER TABLE bridge.stock_events DROP CONSTRAINT stock_events_kind_known,
    ADD CONSTRAINT stock_events_kind_known CHECK (kind IN ('moved', 'counted', 'receipt'))
        NOT VALID;
COMMENT ON COLUMN bridge.stock_events.kind IS
    'moved: goods came or went; counted: an absolute figure of the master; receipt: of a till.';

CREATE TABLE bridge.receipts (
    shop        text NOT NULL,
    till        text NOT NULL,
    receipt     text NOT NULL,
    stock       text NOT NULL,
    store       text,
    store_named text,
    kind        text NOT NULL CONSTRAINT receipts_kind_known CHECK (kind IN ('sale', 'refund')),
    number      text,
    version     bigint,
    cancelled   boolean NOT NULL,
    closed_at   timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL,
    revision    bigint NOT NULL,
    contents    bytea NOT NULL,
    body        jsonb NOT NULL,
    lines       jsonb NOT NULL,
    parked      jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT receipts_pkey PRIMARY KEY (shop, till, receipt)
);
CREATE INDEX receipts_changed ON bridge.receipts (changed_at);
CREATE INDEX receipts_parked ON bridge.receipts (shop, till, receipt) WHERE parked <> '[]';
COMMENT ON TABLE bridge.receipts IS 'The newest version of each receipt of a till.';
COMMENT ON COLUMN bridge.receipts.shop IS 'The shop.';
COMMENT ON COLUMN bridge.receipts.till IS
    'The till: its configured name, or what the shop calls it.';
COMMENT ON COLUMN bridge.receipts.receipt IS 'Its id there.';
COMMENT ON COLUMN bridge.receipts.stock IS 'The stock.';
COMMENT ON COLUMN bridge.receipts.store IS 'The store where the till stands; null: not known.';
COMMENT ON COLUMN bridge.receipts.store_named IS 'The store, as it was named.';
COMMENT ON COLUMN bridge.receipts.kind IS 'sale: goods went; refund: they came back.';
COMMENT ON COLUMN bridge.receipts.number IS 'The order of which it is the pick-up.';
COMMENT ON COLUMN bridge.receipts.version IS 'Grows with each change, where the till says it.';
COMMENT ON COLUMN bridge.receipts.cancelled IS 'Whether it was annulled: then it moves nothing.';
COMMENT ON COLUMN bridge.receipts.closed_at IS 'When it was closed, by the till''s clock.';
COMMENT ON COLUMN bridge.receipts.received_at IS 'When it first came.';
COMMENT ON COLUMN bridge.receipts.changed_at IS 'When its newest version came.';
COMMENT ON COLUMN bridge.receipts.revision IS 'Grows with each posting: the version of its moves.';
COMMENT ON COLUMN bridge.receipts.contents IS
    'SHA-256 of what counts in it: tells a repetition from a changed receipt.';
COMMENT ON COLUMN bridge.receipts.body IS 'The receipt, as it came.';
COMMENT ON COLUMN bridge.receipts.lines IS 'Its goods: line, names, quantity.';
COMMENT ON COLUMN bridge.receipts.parked IS
    'The lines that could not be posted, as their product or store is not known.';

CREATE TABLE bridge.receipt_goods (
    shop     text NOT NULL,
    till     text NOT NULL,
    receipt  text NOT NULL,
    product  text NOT NULL,
    number   text NOT NULL,
    store    text NOT NULL,
    at       timestamptz NOT NULL,
    held     numeric NOT NULL,
    gone     numeric NOT NULL,
    sold     numeric NOT NULL,
    returned numeric NOT NULL,
    refunded numeric NOT NULL,
    CONSTRAINT receipt_goods_pkey PRIMARY KEY (shop, till, receipt, product, number),
    CONSTRAINT receipt_goods_not_negative
        CHECK (held >= 0 AND gone >= 0 AND sold >= 0 AND returned >= 0 AND refunded >= 0)
);
CREATE INDEX receipt_goods_number ON bridge.receipt_goods (shop, number, product)
    WHERE number <> '';
COMMENT ON TABLE bridge.receipt_goods IS 'What each receipt has posted of each product.';
COMMENT ON COLUMN bridge.receipt_goods.shop IS 'The shop.';
COMMENT ON COLUMN bridge.receipt_goods.till IS 'The till.';
COMMENT ON COLUMN bridge.receipt_goods.receipt IS 'The receipt.';
COMMENT ON COLUMN bridge.receipt_goods.product IS 'The product.';
COMMENT ON COLUMN bridge.receipt_goods.number IS 'The order that was picked up; empty: none.';
COMMENT ON COLUMN bridge.receipt_goods.store IS 'The store it was taken from, or came back to.';
COMMENT ON COLUMN bridge.receipt_goods.at IS 'When.';
COMMENT ON COLUMN bridge.receipt_goods.held IS
    'Pieces that were held for the order; they left with this receipt.';
COMMENT ON COLUMN bridge.receipt_goods.gone IS
    'Pieces of the order that had left already, by a call or its status: this moved nothing.';
COMMENT ON COLUMN bridge.receipt_goods.sold IS 'Pieces that nobody held: a plain sale.';
COMMENT ON COLUMN bridge.receipt_goods.returned IS
    'Pieces that had been held for the order and were put back when the receipt was changed.';
COMMENT ON COLUMN bridge.receipt_goods.refunded IS 'Pieces that came back.';

-- The products that the names of a line may mean, of the first kind that is known.
CREATE FUNCTION bridge.stock_receipt_products(only_stock text, kinds text[], names jsonb)
    RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    named text;
    found text[];
BEGIN
    FOREACH named IN ARRAY kinds LOOP
        -- Tills know goods that came from 1C by 1C's GUID, as their own product id.
        SELECT array_agg(k.product ORDER BY k.product) INTO found
        FROM bridge.stock_product_keys k
        WHERE k.stock = only_stock AND k.kind = named
          AND k.value = names ->> CASE named WHEN 'xml_id' THEN 'product_id' ELSE named END;
        IF found IS NOT NULL THEN
            RETURN found;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_receipt_products(text, text[], jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_receipt_products(text, text[], jsonb) IS
    'The products that the names of a receipt''s line may mean; null: none is known by them.';
