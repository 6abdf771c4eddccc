-- Rows as the version wrote them that told shops of moves and recorded what it was about to write.

-- What a snapshot says of its status, and how new it is: with the order since then.
CREATE FUNCTION pg_temp.said(of_order text) RETURNS void LANGUAGE sql
AS $$
    UPDATE bridge.orders o
    SET said = jsonb_build_object(
            'status', o.status, 'since', NULL, 'made', NULL, 'paid', o.status = 'P',
            'cancelled', false, 'deleted', false, 'seen', now()),
        age = jsonb_build_object(
            'head', o.head_id, 'version', o.head_version, 'counted', true, 'updated_at', NULL,
            'timed', false, 'dated', NULL, 'seen', now(),
            'says', jsonb_build_object('status', o.status, 'paid', o.status = 'P',
                                       'cancelled', false, 'deleted', false))
    WHERE o.number = of_order
$$;

CREATE FUNCTION pg_temp.stage(id text) RETURNS jsonb LANGUAGE sql
AS $$ SELECT jsonb_build_object('funnel', 0, 'id', id) $$;

CREATE FUNCTION pg_temp.agreed(status text, stage text) RETURNS jsonb LANGUAGE sql
AS $$
    SELECT jsonb_build_object('status', status, 'stage', pg_temp.stage(stage),
                              'portal_since', NULL, 'told', '[]'::jsonb)
$$;

-- A settled order whose two sides agreed; a comparison is due.
CREATE FUNCTION pg_temp.both(of_order text, status text) RETURNS void LANGUAGE sql
AS $$
    SELECT pg_temp.ordered(of_order, status, 'done');
    SELECT pg_temp.said(of_order);
    INSERT INTO bridge.agreements (shop, number, agreed)
    VALUES ('main', of_order, pg_temp.agreed('N', 'NEW'));
    INSERT INTO bridge.comparisons (shop, number, portal, why)
    VALUES ('main', of_order, 'main', 'a notification');
$$;

-- A pending order whose deal was about to be made when the worker died.
CREATE FUNCTION pg_temp.making(of_order text) RETURNS void LANGUAGE sql
AS $$
    SELECT pg_temp.ordered(of_order, 'N', 'pending');
    SELECT pg_temp.said(of_order);
    INSERT INTO bridge.under_way (shop, number, portal, epoch, what, lands_until)
    VALUES ('main', of_order, 'main', 5,
            jsonb_build_object(
                'plan', 'aa', 'who', '[]'::jsonb,
                'open', jsonb_build_object('making', jsonb_build_object(
                    'status', 'N', 'stage', pg_temp.stage('NEW')))),
            now() + interval '1 second')
$$;

-- A status that the shop is to be told, as the agreement and the message have it.
CREATE FUNCTION pg_temp.told(of_order text, place bigint, state text) RETURNS void LANGUAGE sql
AS $$
    SELECT pg_temp.both(of_order, 'N');
    UPDATE bridge.agreements a
    SET agreed = pg_temp.agreed('A', 'PREPAYMENT_INVOICE') || jsonb_build_object(
        'told', jsonb_build_array(jsonb_build_object(
            'status', 'A', 'previous', 'N', 'at', now(), 'first_sent_at', NULL,
            'delivered_at', NULL, 'before', jsonb_build_object(
                'status', 'N', 'stage', pg_temp.stage('NEW'), 'portal_since', NULL))))
    WHERE a.number = of_order;
    INSERT INTO bridge.status_changes (shop, seq, portal, number, decision_id, status,
                                       previous_status, stage, reason, decided_at, state,
                                       settled_at)
    VALUES ('main', place, 'main', of_order, 1, 'A', 'N', 'PREPAYMENT_INVOICE', 'moved', now(),
            state, CASE WHEN state <> 'waiting' THEN now() END)
$$;

INSERT INTO bridge.cursors (portal, history_id) VALUES ('main', 1);
INSERT INTO bridge.feeds (shop, last_seq, read_seq, given_seq) VALUES ('main', 4, 0, 4);

SELECT pg_temp.making('M-landed');
SELECT pg_temp.making('M-lost');

-- History that is loaded from a file.
SELECT pg_temp.ordered('M-history', 'N', 'pending');
SELECT pg_temp.said('M-history');
UPDATE bridge.orders SET later = true WHERE number = 'M-history';

SELECT pg_temp.both('M-agreed', 'N');

-- The stage was on its way when the worker died.
SELECT pg_temp.both('M-writing', 'P');
SELECT pg_temp.both('M-written', 'P');
UPDATE bridge.agreements
SET writing = jsonb_build_object(
    'stage', pg_temp.stage('EXECUTING'), 'guard', NULL, 'agreed', pg_temp.agreed('P', 'EXECUTING'),
    'decision', 1, 'sent', now() - interval '10 seconds')
WHERE number IN ('M-writing', 'M-written');

SELECT pg_temp.told('M-told', 1, 'waiting');

-- The shop refused the message.
SELECT pg_temp.told('M-refused', 2, 'dead');
INSERT INTO bridge.dead_letters (portal, shop, number, code, message, attempts, payload, change_seq)
VALUES ('main', 'main', 'M-refused', 'SHOP-CALLBACK', 'no', 5, '{"status": "A"}', 2);

-- Messages of the past.
INSERT INTO bridge.status_changes (shop, seq, portal, number, decision_id, status, previous_status,
                                   stage, reason, decided_at, state, settled_at)
SELECT 'main', seq, 'main', 'M-agreed', 1, 'A', 'N', 'PREPAYMENT_INVOICE', 'moved',
       now() - interval '1 hour', state, now()
FROM (VALUES (3, 'delivered'), (4, 'dropped')) AS s (seq, state);

-- The shop says A, a manager moved the deal to EXECUTING: a person is asked, or has spoken.
SELECT pg_temp.both('M-conflict', 'A');
SELECT pg_temp.both('M-ruled', 'A');
INSERT INTO bridge.conflicts (portal, shop, number, decision_id, code, sentence, status, stage,
                              ruled_at, ruled_by, winner)
VALUES ('main', 'main', 'M-conflict', 1, 'REVIEW', 'a person decides', 'A', 'EXECUTING', NULL,
        NULL, NULL),
       ('main', 'main', 'M-ruled', 1, 'REVIEW', 'a person decides', 'A', 'EXECUTING', now(),
        'operator:anna', 'shop');
UPDATE bridge.agreements
SET waiting = jsonb_build_object('status', 'A', 'stage', pg_temp.stage('EXECUTING'))
WHERE number IN ('M-conflict', 'M-ruled');
UPDATE bridge.agreements
SET ruling = jsonb_build_object('of', waiting, 'winner', 'shop') WHERE number = 'M-ruled';

INSERT INTO bridge.inbox (portal, event, deal_id, body, state)
SELECT 'main', 'ONCRMDEALUPDATE', pg_temp.deal('M-agreed'),
       jsonb_build_object('event', 'ONCRMDEALUPDATE', 'data', jsonb_build_object(
           'FIELDS', jsonb_build_object('ID', pg_temp.deal('M-agreed')::text))), state
FROM unnest(ARRAY['new', 'done', 'ignored']) AS s (state);

-- A person had all letters of a code tried again when the worker died.
SELECT pg_temp.died('M-bulk', 'B24-CURRENCY');
SELECT pg_temp.said('M-bulk');
INSERT INTO bridge.bulk_jobs (action, filter, actor, expected, upto, reached, state, ended_at)
SELECT 'retry', '{"code": "B24-CURRENCY"}', 'operator:anna', 1,
       (SELECT max(id) FROM bridge.dead_letters), 0, state,
       CASE WHEN state <> 'running' THEN now() END
FROM unnest(ARRAY['running', 'done', 'stopped']) AS s (state);
