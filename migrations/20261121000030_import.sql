-- History whose deals are imported: the worker that makes them, now or after a crash, knows it from here.
ALTER TABLE bridge.orders ADD COLUMN by_import boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN bridge.orders.by_import IS 'While the head is history: its new deal is imported, which starts none of the portal''s automation.';
