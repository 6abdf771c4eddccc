-- What 1C said of payments and shipments is kept as long as its order is: nothing looks for it by
-- its time any more.
DROP INDEX IF EXISTS bridge.onec_facts_changed;
