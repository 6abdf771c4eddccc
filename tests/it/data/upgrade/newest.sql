-- Rows as the newest version writes them, in every state that the schema knows.

-- A settled order whose two sides agreed; a comparison is due, asked for in one of the known words.
CREATE OR REPLACE FUNCTION pg_temp.both(of_order text, status text) RETURNS void LANGUAGE sql
AS $$
    SELECT pg_temp.ordered(of_order, status, 'done');
    SELECT pg_temp.said(of_order);
    INSERT INTO bridge.agreements (shop, number, agreed)
    VALUES ('main', of_order, pg_temp.agreed('N', 'NEW'));
    INSERT INTO bridge.comparisons (shop, number, portal, why)
    VALUES ('main', of_order, 'main', 'notification');
$$;

SELECT pg_temp.making('N-landed');
SELECT pg_temp.making('N-lost');

-- A stage was given up for lost, and landed.
SELECT pg_temp.both('N-late', 'P');
UPDATE bridge.agreements
SET lost = jsonb_build_object(
    'stage', pg_temp.stage('EXECUTING'), 'guard', NULL, 'agreed', pg_temp.agreed('P', 'EXECUTING'),
    'decision', 1, 'sent', now() - interval '1 minute', 'from', pg_temp.stage('NEW'), 'turn', NULL,
    'tries', 0, 'next_try', NULL, 'restores', false)
WHERE number = 'N-late';

INSERT INTO bridge.shop_messages (shop, kind, subject, body, state, settled_at)
SELECT 'main', 'bridge.reservation.short.v1', 'r-' || state, '{"id": "r"}', state,
       CASE WHEN state <> 'waiting' THEN now() END
FROM unnest(ARRAY['waiting', 'delivered', 'dropped', 'dead']) AS s (state);

INSERT INTO bridge.reservations (shop, id, stock, state, revision, held_at, changed_at)
SELECT 'main', 'r-' || state, 'goods', state, 1, now(), now()
FROM unnest(ARRAY['held', 'shipped', 'released', 'expired', 'short']) AS s (state);

INSERT INTO bridge.receipts (shop, till, receipt, stock, kind, cancelled, closed_at, received_at,
                             changed_at, revision, contents, body, lines)
SELECT 'main', 'till', kind, 'goods', kind, false, now(), now(), now(), 1, '\x00', '{}', '[]'
FROM unnest(ARRAY['sale', 'refund']) AS s (kind);

INSERT INTO bridge.onec_bases (base) VALUES ('trade');
WITH session AS (
    INSERT INTO bridge.onec_sessions (token, base, kind, login, expires_at)
    VALUES ('\x01', 'trade', 'sale', '1c', now()) RETURNING id)
INSERT INTO bridge.onec_offers (session, batch, shop, number, round, head, version, state)
SELECT session.id, nth, 'main', 'F-settled', 1, 1, '1', state
FROM session, unnest(ARRAY['sending', 'offered', 'written', 'cut', 'confirmed'])
     WITH ORDINALITY AS s (state, nth);
INSERT INTO bridge.onec_imports (base, file, state, ended_at)
SELECT 'trade', nth, state, CASE WHEN state <> 'working' THEN now() END
FROM unnest(ARRAY['working', 'taken', 'refused']) WITH ORDINALITY AS s (state, nth);
INSERT INTO bridge.onec_documents (base, import, kind, print, raw, state, code, message)
SELECT 'trade', 1, 'document', convert_to(state, 'UTF8'), '<Документ/>', state, 'ONEC-LATER',
       'kept'
FROM unnest(ARRAY['waiting', 'applied', 'refused', 'overtaken', 'discarded']) AS s (state);
INSERT INTO bridge.onec_pushes (base, shop, number, head, version, resends, state, due_at)
SELECT 'trade', 'main', 'F-push-' || state, 1, '1', 0, state, now()
FROM unnest(ARRAY['sending', 'waiting', 'refused']) AS s (state);
