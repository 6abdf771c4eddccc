-- Rows as the first version wrote them. The portal's deals stand in `deals`.
CREATE FUNCTION pg_temp.deal(of_order text) RETURNS bigint LANGUAGE sql
AS $$ SELECT d.id FROM deals d WHERE d.number = of_order $$;

CREATE FUNCTION pg_temp.event(number text, version bigint, status text) RETURNS jsonb LANGUAGE sql
AS $$
    SELECT jsonb_build_object(
        'specversion', '1.0', 'type', 'shop.order.saved.v1', 'source', 'https://shop.example',
        'id', number || '-' || version,
        'data', jsonb_build_object(
            'number', number, 'version', version, 'status', status, 'currency', 'RUB',
            'total', '100.00',
            'customer', jsonb_build_object('id', 'c-' || number, 'name', 'Анна'),
            'items', '[{"name": "Чай", "quantity": 1, "price": "100.00"}]'::jsonb))
$$;

-- An event in the outbox; says its id.
CREATE FUNCTION pg_temp.stored(number text, version bigint, status text, state text)
    RETURNS bigint LANGUAGE sql
AS $$
    INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, version, body,
                               fingerprint, state, settled_at)
    SELECT 'main', 'main', number, 'https://shop.example', number || '-' || version, 'saved',
           version, e.body, sha256(convert_to(e.body::text, 'UTF8')), state,
           CASE WHEN state <> 'pending' THEN now() END
    FROM (SELECT pg_temp.event(number, version, status)) AS e (body)
    RETURNING id
$$;

-- An order with one event: due if that is pending.
CREATE FUNCTION pg_temp.ordered(number text, status text, state text) RETURNS void LANGUAGE sql
AS $$
    INSERT INTO bridge.orders (shop, number, portal, head_id, head_version, due_at, waits_since,
                               status, stage, deal_id, in_sync, known)
    SELECT 'main', number, 'main', pg_temp.stored(number, 1, status, state), 1,
           CASE WHEN state = 'pending' THEN now() END, CASE WHEN state = 'pending' THEN now() END,
           status, CASE WHEN state = 'done' THEN 'NEW' END,
           CASE WHEN state = 'done' THEN pg_temp.deal(number) END, state = 'done',
           CASE WHEN state = 'done' THEN jsonb_build_object(
               'target', jsonb_build_object('deal', pg_temp.deal(number)),
               'contact_id', NULL, 'company_id', NULL,
               'written', jsonb_build_object(
                   'fields', jsonb_build_object('TITLE', 'Order ' || number, 'CURRENCY_ID', 'RUB'),
                   'rows', '[]'::jsonb, 'status', status, 'contacts', '[]'::jsonb))
               ELSE '{}' END
$$;

-- A dead order and its letter.
CREATE FUNCTION pg_temp.died(of_order text, code text) RETURNS void LANGUAGE sql
AS $$
    SELECT pg_temp.ordered(of_order, 'N', 'dead');
    UPDATE bridge.orders SET attempts = 5, first_failed_at = now(), error_code = code,
                             error_message = 'no'
    WHERE number = of_order;
    INSERT INTO bridge.dead_letters (outbox_id, portal, shop, number, code, message, attempts,
                                     payload)
    SELECT o.head_id, 'main', 'main', of_order, code, 'no', 5, pg_temp.event(of_order, 1, 'N')
    FROM bridge.orders o WHERE o.number = of_order
$$;

-- The lane's worker is gone, and a person has paused it.
INSERT INTO bridge.lanes (portal, owner, epoch, lease_until, paused_at, paused_by, paused_reason)
VALUES ('main', 'a worker that died', 5, now() - interval '1 hour', now(), 'operator:anna',
        'the portal is tidied up');

SELECT pg_temp.ordered('F-queued', 'N', 'pending');

SELECT pg_temp.ordered('F-refused', 'N', 'pending');
UPDATE bridge.orders SET attempts = 2, first_failed_at = now(), error_code = 'B24-EMAIL',
                         error_message = 'no', due_at = now() + interval '1 second'
WHERE number = 'F-refused';

-- The deal was made, and the answer lost.
SELECT pg_temp.ordered('F-doubt', 'N', 'pending');
UPDATE bridge.orders SET stalls = 1 WHERE number = 'F-doubt';

SELECT pg_temp.stored('F-newer', 0, 'N', 'superseded');
SELECT pg_temp.ordered('F-newer', 'N', 'pending');
UPDATE bridge.outbox e SET superseded_by = o.head_id FROM bridge.orders o
WHERE e.number = 'F-newer' AND o.number = 'F-newer' AND e.state = 'superseded';

SELECT pg_temp.ordered('F-settled', 'N', 'done');

-- It was written before its status was known to be.
SELECT pg_temp.ordered('F-untold', 'N', 'done');
UPDATE bridge.orders SET known = jsonb_set(known, '{written,status}', 'null')
WHERE number = 'F-untold';

SELECT pg_temp.died('F-dead', 'B24-EMAIL');

-- Its deal was deleted.
SELECT pg_temp.died('F-gone', 'B24-DEAL-GONE');
UPDATE bridge.orders
SET deal_id = 999999,
    known = '{"target": {"deal": 999999}, "contact_id": null, "company_id": null, "written": null}'
WHERE number = 'F-gone';

-- No version reads this event.
SELECT pg_temp.ordered('F-unreadable', 'N', 'pending');
UPDATE bridge.outbox SET body = '{"data": {"number": "F-unreadable"}}'
WHERE number = 'F-unreadable';

-- The shop deleted it since.
SELECT pg_temp.ordered('F-deleted', 'N', 'done');
WITH deleted AS (
    INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, body, fingerprint)
    VALUES ('main', 'main', 'F-deleted', 'https://shop.example', 'F-deleted-2', 'deleted',
            '{"specversion": "1.0", "type": "shop.order.deleted.v1", "id": "F-deleted-2",
              "source": "https://shop.example", "data": {"number": "F-deleted"}}',
            sha256('F-deleted'))
    RETURNING id)
UPDATE bridge.orders o
SET head_id = d.id, head_version = NULL, due_at = now(), waits_since = now(), in_sync = false
FROM deleted d WHERE o.number = 'F-deleted';

-- Published by SQL, and not taken up yet.
INSERT INTO bridge.published (event)
VALUES (pg_temp.event('F-published', 1, 'N') || '{"shop": "main"}');
