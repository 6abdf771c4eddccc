-- More is reserved than there is: who loses, by rule or by a person's word, on record.

CREATE TABLE bridge.shortages (
    id            bigint NOT NULL DEFAULT nextval('bridge.conflicts_id_seq')
                  CONSTRAINT shortages_pkey PRIMARY KEY,
    stock         text NOT NULL,
    product       text NOT NULL,
    store         text NOT NULL,
    cause         text,
    rule          text NOT NULL CONSTRAINT shortages_rule_known
                  CHECK (rule IN ('move', 'drop_newest_unpaid', 'review')),
    sentence      text NOT NULL,
    inputs        jsonb NOT NULL,
    outcome       jsonb NOT NULL,
    level_version bigint NOT NULL,
    opened_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ruled_at      timestamptz,
    ruled_by      text,
    closed_at     timestamptz,
    closed_how    text CONSTRAINT shortages_closed_how_known
                  CHECK (closed_how IN ('rule', 'ruled', 'vanished')),
    CONSTRAINT shortages_closed_whole CHECK ((closed_at IS NULL) = (closed_how IS NULL))
);
CREATE UNIQUE INDEX shortages_one_open ON bridge.shortages (stock, product, store)
    WHERE closed_at IS NULL;
CREATE INDEX shortages_closed ON bridge.shortages (closed_at) WHERE closed_at IS NOT NULL;
COMMENT ON TABLE bridge.shortages IS
    'Every decision about goods of which more was reserved than there was.';
COMMENT ON COLUMN bridge.shortages.id IS 'One row of numbers with bridge.conflicts.';
COMMENT ON COLUMN bridge.shortages.stock IS 'The stock.';
COMMENT ON COLUMN bridge.shortages.product IS 'The product.';
COMMENT ON COLUMN bridge.shortages.store IS 'The store.';
COMMENT ON COLUMN bridge.shortages.cause IS
    'What took the goods last: the cause of the move; null: unknown.';
COMMENT ON COLUMN bridge.shortages.rule IS 'What was done, or review: a person is asked.';
COMMENT ON COLUMN bridge.shortages.sentence IS 'What was decided, in one sentence.';
COMMENT ON COLUMN bridge.shortages.inputs IS 'The figures and the reservations at that time.';
COMMENT ON COLUMN bridge.shortages.outcome IS 'Who lost or moved: by the rule, or one by one.';
COMMENT ON COLUMN bridge.shortages.level_version IS 'The version of the level that was judged.';
COMMENT ON COLUMN bridge.shortages.opened_at IS 'When it was seen.';
COMMENT ON COLUMN bridge.shortages.ruled_at IS 'When a person last decided about it.';
COMMENT ON COLUMN bridge.shortages.ruled_by IS 'Who.';
COMMENT ON COLUMN bridge.shortages.closed_at IS 'When it was over.';
COMMENT ON COLUMN bridge.shortages.closed_how IS
    'rule: settled at once; ruled: by a person; vanished: goods came, or somebody let go.';

-- What a reservation still holds of a product in one store is held in another from now on. Whoever
-- calls holds the reservation's lock and those of both levels.
CREATE FUNCTION bridge.stock_carry(
    of_shop text, of_id text, of_product text, from_store text, to_store text
) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found   bridge.reservations;
    moves   bridge.stock_moves[];
    instant timestamptz := clock_timestamp();
BEGIN
    SELECT r.* INTO found FROM bridge.reservations r WHERE (r.shop, r.id) = (of_shop, of_id)
        AND r.state = 'held';
    SELECT array_agg((0, l.stock, l.product, x.store, 0, x.sign * (l.quantity - l.shipped), NULL,
                      'reservation', l.shop, l.id, l.line, found.revision + 1, instant,
                      x.note)::bridge.stock_moves)
    INTO moves
    FROM bridge.reservation_lines l
    CROSS JOIN (VALUES (from_store, -1, 'carried to ' || to_store),
                       (to_store, 1, 'carried from ' || from_store)) AS x (store, sign, note)
    WHERE (l.shop, l.id, l.product, l.store) = (of_shop, found.id, of_product, from_store)
      AND l.quantity > l.shipped;
    IF moves IS NULL THEN
        RETURN false;
    END IF;
    PERFORM bridge.stock_post(moves);
    INSERT INTO bridge.reservation_lines AS t
           (shop, id, line, store, nth, stock, product, quantity, shipped)
    SELECT l.shop, l.id, l.line, to_store, l.nth, l.stock, l.product, l.quantity - l.shipped, 0
    FROM bridge.reservation_lines l
    WHERE (l.shop, l.id, l.product, l.store) = (of_shop, of_id, of_product, from_store)
      AND l.quantity > l.shipped
    ON CONFLICT (shop, id, line, store) DO UPDATE SET quantity = t.quantity + excluded.quantity;
    DELETE FROM bridge.reservation_lines l
    WHERE (l.shop, l.id, l.product, l.store) = (of_shop, of_id, of_product, from_store)
      AND l.shipped = 0;
    UPDATE bridge.reservation_lines l SET quantity = l.shipped
    WHERE (l.shop, l.id, l.product, l.store) = (of_shop, of_id, of_product, from_store)
      AND l.quantity > l.shipped;
    UPDATE bridge.reservations r SET revision = r.revision + 1, changed_at = instant
    WHERE (r.shop, r.id) = (of_shop, of_id);
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_carry(text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_carry(text, text, text, text, text) IS
    'Holds in another store what a reservation still holds in one; false: it holds nothing there.';

-- Says to the shop why its reservation was lost, in the transaction that loses it.
CREATE FUNCTION bridge.stock_explain(
    of_shop text, of_id text, because text, words text, wanted jsonb
) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE bridge.shop_messages m
    SET body = m.body || jsonb_strip_nulls(jsonb_build_object(
        'rule', because, 'reason', words,
        'lines', CASE WHEN m.body -> 'lines' = '[]' THEN wanted END))
    WHERE m.id = (SELECT max(w.id) FROM bridge.shop_messages w
                  WHERE w.shop = of_shop AND w.subject = of_id AND w.seq IS NULL
                    AND w.kind = 'bridge.reservation.short.v1');
END
$$;
REVOKE ALL ON FUNCTION bridge.stock_explain(text, text, text, text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION bridge.stock_explain(text, text, text, text, jsonb) IS
    'Completes the message about a reservation that was lost just now.';
