-- One truth of what can be sold: the ledger of moves, and the levels that it comes to.

CREATE TABLE bridge.stocks (
    stock           text NOT NULL CONSTRAINT stocks_pkey PRIMARY KEY,
    hold            interval NOT NULL,
    split           boolean NOT NULL,
    count_tolerance interval NOT NULL,
    told            bigint NOT NULL DEFAULT 0,
    CONSTRAINT stocks_hold_bounded CHECK (hold > interval '0' AND hold <= interval '90 days')
);
COMMENT ON TABLE bridge.stocks IS
    'The stocks, as the configuration has them: written when the bridge starts.';
COMMENT ON COLUMN bridge.stocks.stock IS 'Its name: the key under [stock].';
COMMENT ON COLUMN bridge.stocks.hold IS
    'How long a reservation is held that does not say it itself.';
COMMENT ON COLUMN bridge.stocks.split IS
    'Whether the lines of a reservation may be taken from several stores.';
COMMENT ON COLUMN bridge.stocks.count_tolerance IS
    'How much earlier than a count a move may be that the count does not hold.';
COMMENT ON COLUMN bridge.stocks.told IS 'The last number that was given to a changed level.';

CREATE TABLE bridge.stock_shops (
    shop         text NOT NULL CONSTRAINT stock_shops_pkey PRIMARY KEY,
    stock        text NOT NULL,
    products_by  text[] NOT NULL
);
COMMENT ON TABLE bridge.stock_shops IS 'Which shop sells from which stock.';
COMMENT ON COLUMN bridge.stock_shops.shop IS 'The shop.';
COMMENT ON COLUMN bridge.stock_shops.stock IS 'The stock.';
COMMENT ON COLUMN bridge.stock_shops.products_by IS
    'By what the shop names products; the first that is known wins.';

CREATE TABLE bridge.stock_stores (
    stock      text NOT NULL,
    store      text NOT NULL,
    ids        text[] NOT NULL,
    rank       integer NOT NULL,
    online     boolean NOT NULL,
    pickup     boolean NOT NULL,
    active     boolean NOT NULL DEFAULT true,
    counted_as_of timestamptz,
    CONSTRAINT stock_stores_pkey PRIMARY KEY (stock, store)
);
COMMENT ON TABLE bridge.stock_stores IS 'The places that hold goods.';
COMMENT ON COLUMN bridge.stock_stores.stock IS 'The stock.';
COMMENT ON COLUMN bridge.stock_stores.store IS 'The store''s name.';
COMMENT ON COLUMN bridge.stock_stores.ids IS 'What others call it.';
COMMENT ON COLUMN bridge.stock_stores.rank IS 'The lowest is taken from first.';
COMMENT ON COLUMN bridge.stock_stores.online IS
    'Whether reservations that name no store are taken from it.';
COMMENT ON COLUMN bridge.stock_stores.pickup IS 'Whether customers fetch goods there.';
COMMENT ON COLUMN bridge.stock_stores.active IS
    'Whether the configuration still has it. Its levels stay.';
COMMENT ON COLUMN bridge.stock_stores.counted_as_of IS 'As of when it was last counted completely.';

CREATE TABLE bridge.stock_product_keys (
    stock   text NOT NULL,
    kind    text NOT NULL
            CONSTRAINT stock_product_keys_kind_known CHECK (kind IN ('product_id', 'xml_id', 'sku',
                'barcode')),
    value   text NOT NULL,
    product text NOT NULL,
    CONSTRAINT stock_product_keys_pkey PRIMARY KEY (stock, value, kind, product)
);
COMMENT ON TABLE bridge.stock_product_keys IS
    'The products that a stock knows, and by what each is named.';
COMMENT ON COLUMN bridge.stock_product_keys.stock IS 'The stock.';
COMMENT ON COLUMN bridge.stock_product_keys.kind IS 'What kind of name it is.';
COMMENT ON COLUMN bridge.stock_product_keys.value IS 'The name.';
COMMENT ON COLUMN bridge.stock_product_keys.product IS 'The product, by its product_id.';

CREATE TABLE bridge.stock_levels (
    stock    text NOT NULL,
    product  text NOT NULL,
    store    text NOT NULL,
    on_hand  numeric NOT NULL DEFAULT 0,
    reserved numeric NOT NULL DEFAULT 0 CONSTRAINT stock_levels_reserved_not_negative
        CHECK (reserved >= 0),
    version  bigint NOT NULL DEFAULT 0,
    counted_as_of timestamptz,
    untold   boolean NOT NULL DEFAULT true,
    seq      bigint,
    short    boolean NOT NULL GENERATED ALWAYS AS (on_hand < reserved) STORED,
    CONSTRAINT stock_levels_pkey PRIMARY KEY (stock, product, store)
) WITH (fillfactor = 70);
CREATE INDEX stock_levels_untold ON bridge.stock_levels (stock, product, store) WHERE untold;
CREATE INDEX stock_levels_seq ON bridge.stock_levels (stock, seq) WHERE seq IS NOT NULL;
CREATE INDEX stock_levels_short ON bridge.stock_levels (stock, product, store) WHERE short;
COMMENT ON TABLE bridge.stock_levels IS
    'What each store has of each product: the sums of bridge.stock_moves, kept beside them.';
COMMENT ON COLUMN bridge.stock_levels.stock IS 'The stock.';
COMMENT ON COLUMN bridge.stock_levels.product IS 'The product.';
COMMENT ON COLUMN bridge.stock_levels.store IS 'The store.';
COMMENT ON COLUMN bridge.stock_levels.on_hand IS
    'What is on the shelf; below zero where more was sold than was known of.';
COMMENT ON COLUMN bridge.stock_levels.reserved IS 'What of it is held for somebody.';
COMMENT ON COLUMN bridge.stock_levels.version IS 'Grows with every change.';
COMMENT ON COLUMN bridge.stock_levels.counted_as_of IS 'As of when it was last counted.';
COMMENT ON COLUMN bridge.stock_levels.untold IS
    'Whether it has changed since it got its place in the feed. A flag, to keep updates hot.';
COMMENT ON COLUMN bridge.stock_levels.seq IS 'Its place in the feed of changed levels.';
COMMENT ON COLUMN bridge.stock_levels.short IS 'Whether more is reserved than there is.';

CREATE TABLE bridge.stock_moves (
    id          bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT stock_moves_pkey PRIMARY KEY,
    stock       text NOT NULL,
    product     text NOT NULL,
    store       text NOT NULL,
    on_hand     numeric NOT NULL,
    reserved    numeric NOT NULL,
    stated      numeric,
    cause       text NOT NULL CONSTRAINT stock_moves_cause_known
                CHECK (cause IN ('reservation', 'shipment', 'order', 'count', 'moved')),
    shop        text NOT NULL,
    cause_id    text NOT NULL,
    line        text NOT NULL,
    version     bigint NOT NULL,
    at          timestamptz NOT NULL,
    note        text NOT NULL,
    CONSTRAINT stock_moves_identity UNIQUE (stock, product, store, cause, shop, cause_id, line,
        version)
);
CREATE INDEX stock_moves_later ON bridge.stock_moves (stock, product, store, at)
    WHERE stated IS NOT NULL;
COMMENT ON TABLE bridge.stock_moves IS
    'The ledger: every change of a level, appended, never changed. Levels are its sums.';
COMMENT ON COLUMN bridge.stock_moves.stock IS 'The stock.';
COMMENT ON COLUMN bridge.stock_moves.product IS 'The product.';
COMMENT ON COLUMN bridge.stock_moves.store IS 'The store.';
COMMENT ON COLUMN bridge.stock_moves.on_hand IS 'By how much it changed what is on hand.';
COMMENT ON COLUMN bridge.stock_moves.reserved IS 'By how much it changed what is reserved.';
COMMENT ON COLUMN bridge.stock_moves.stated IS
    'Goods that came or went, as stated: on_hand differs where a count held them. Else null.';
COMMENT ON COLUMN bridge.stock_moves.cause IS 'What kind of thing moved it.';
COMMENT ON COLUMN bridge.stock_moves.shop IS
    'The shop whose reservation, order or event it was; empty: nobody''s.';
COMMENT ON COLUMN bridge.stock_moves.cause_id IS 'The reservation, shipment, order or event.';
COMMENT ON COLUMN bridge.stock_moves.line IS 'Its line.';
COMMENT ON COLUMN bridge.stock_moves.version IS
    'The revision of that thing: a move is written once.';
COMMENT ON COLUMN bridge.stock_moves.at IS 'When it happened.';
COMMENT ON COLUMN bridge.stock_moves.note IS
    'held, released, expired, shipped, counted, stale, moved, or the reason that was given.';

-- Writes moves and what they come to. Whoever calls has locked the levels, in order.
CREATE FUNCTION bridge.stock_post(moves bridge.stock_moves[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO bridge.stock_moves
           (stock, product, store, on_hand, reserved, stated, cause, shop, cause_id, line, version,
               at, note)
    SELECT stock, product, store, on_hand, reserved, stated, cause, shop, cause_id, line, version,
        at, note
    FROM unnest(moves);
    UPDATE bridge.stock_levels l
    SET on_hand = l.on_hand + m.on_hand, reserved = l.reserved + m.reserved,
        version = l.version + 1, untold = true
    FROM (SELECT stock, product, store, sum(on_hand) AS on_hand, sum(reserved) AS reserved
          FROM unnest(moves) GROUP BY stock, product, store) m
    WHERE (l.stock, l.product, l.store) = (m.stock, m.product, m.store) AND (m.on_hand,
        m.reserved) <> (0, 0);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_post(bridge.stock_moves[]) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_post(bridge.stock_moves[]) IS
    'Appends moves to the ledger and adds them to the levels.';

-- Goods that came or went. What a newer count holds already changes nothing; it is written down all
-- the same.
CREATE FUNCTION bridge.stock_post_facts(moves bridge.stock_moves[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- A complete count gives the store its time, also for products that come later: not while it is
    -- at its end.
    PERFORM FROM bridge.stock_stores s
    WHERE (s.stock, s.store) IN (SELECT m.stock, m.store FROM unnest(moves) m)
    ORDER BY s.stock, s.store FOR SHARE;
    INSERT INTO bridge.stock_levels (stock, product, store)
    SELECT DISTINCT m.stock, m.product, m.store FROM unnest(moves) m ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING;
    PERFORM FROM bridge.stock_levels l
    WHERE (l.stock, l.product, l.store) IN (SELECT m.stock, m.product, m.store FROM unnest(moves) m)
    ORDER BY l.stock, l.product, l.store FOR NO KEY UPDATE;
    PERFORM bridge.stock_post(array_agg(
        (m.id, m.stock, m.product, m.store,
         CASE WHEN m.at <= greatest(l.counted_as_of, s.counted_as_of) - c.count_tolerance THEN 0
             ELSE m.stated END,
         m.reserved, m.stated, m.cause, m.shop, m.cause_id, m.line, m.version, m.at,
             m.note)::bridge.stock_moves))
    FROM unnest(moves) m
    JOIN bridge.stock_levels l USING (stock, product, store)
    JOIN bridge.stocks c USING (stock)
    LEFT JOIN bridge.stock_stores s USING (stock, store);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_post_facts(bridge.stock_moves[]) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_post_facts(bridge.stock_moves[]) IS
    'Goods that came or went: on hand is the newest count and what came after it.';

-- The products that a name may mean, of the first kind that is known.
CREATE FUNCTION bridge.stock_named(stock text, products_by text[], named text) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
    SELECT array_agg(k.product ORDER BY k.product) FROM bridge.stock_product_keys k
    WHERE k.stock = stock_named.stock AND k.value = stock_named.named
        AND k.kind = ANY (stock_named.products_by)
    GROUP BY k.kind ORDER BY array_position(stock_named.products_by, k.kind) LIMIT 1);
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_named(text, text[], text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_named(text, text[], text) IS
    'The products that a name may mean; null: none is known by it.';
