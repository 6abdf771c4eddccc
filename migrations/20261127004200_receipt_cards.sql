-- Receipts as deals, and notes on cards, such as what is to be done about goods that were lost:
-- subjects of two more kinds. A receipt is a snapshot: its newest version counts, also while an
-- older one is under way.

ALTER TABLE bridge.subjects DROP CONSTRAINT subjects_kind_known,
    ADD CONSTRAINT subjects_kind_known
        CHECK (kind IN ('form', 'activity', 'receipt', 'note')) NOT VALID;
ALTER TABLE bridge.subjects ADD COLUMN revision bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN bridge.subjects.revision IS 'Grows with each newer version of it.';

-- A note on the card of an order or of a sale waits until that is brought to the portal.
CREATE FUNCTION bridge.subject_waits(of_kind text, of_shop text, of_number text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT of_kind = 'note' AND (
        EXISTS (SELECT FROM bridge.subjects s
                WHERE (s.shop, s.key) = (of_shop, of_number) AND s.due_at IS NOT NULL
                  AND s.deal_id IS NULL)
        OR EXISTS (SELECT FROM bridge.orders o
                   WHERE (o.shop, o.number) = (of_shop, of_number) AND o.due_at IS NOT NULL
                     AND o.deal_id IS NULL AND o.lead_id IS NULL))
$$;
REVOKE ALL ON FUNCTION bridge.subject_waits(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION bridge.subject_waits(text, text, text) IS
    'Whether the card on which a subject is put is still to be made.';

-- Letters about parked lines leave the key of a receipt to its deal.
UPDATE bridge.dead_letters SET subject = 'receipt-parked:' || substr(subject, 9)
WHERE closed_at IS NULL AND subject LIKE 'receipt:%';

ALTER TABLE bridge.shop_messages DROP CONSTRAINT shop_messages_kind_known,
    ADD CONSTRAINT shop_messages_kind_known
        CHECK (kind IN ('bridge.reservation.short.v1', 'bridge.receipt.saved.v1')) NOT VALID;

-- What is forgotten of old receipts, and of the events that told of them.
CREATE INDEX receipts_bodies ON bridge.receipts (changed_at) WHERE body <> '{}';
CREATE INDEX stock_events_receipts ON bridge.stock_events (received_at) WHERE kind = 'receipt';
