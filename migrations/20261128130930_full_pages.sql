-- Pages of orders and events are filled. Room was kept on them for updates that touch no index; but
-- what an order is due at and when an event was settled stand in indexes, so that of 20,000 orders
-- and events not one was updated so. 250 bytes an order. New pages alone are filled; what is there
-- is left as it is.

ALTER TABLE bridge.orders SET (fillfactor = 100);
ALTER TABLE bridge.outbox SET (fillfactor = 100);
