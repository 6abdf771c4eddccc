-- A pick-up asks for the refunds of it that have come before.
CREATE INDEX receipts_refund_of ON bridge.receipts (shop, till, (body ->> 'of'))
    WHERE kind = 'refund';
