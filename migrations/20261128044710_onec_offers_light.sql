-- An answer with many orders is an offer of each: to store them costs less.

-- What is offered in a session is removed with it by one statement, and not looked up row by row.
ALTER TABLE bridge.onec_offers DROP CONSTRAINT onec_offers_session_fkey;
-- An offer becomes another thing where it stands: offered, written, confirmed.
ALTER TABLE bridge.onec_offers SET (fillfactor = 45);
