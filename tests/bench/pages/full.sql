-- Orders of a month, `bench.orders` of them, with what pages show of them. What is open is of the
-- newest hundred thousand: each fiftieth of those waits, each twentieth differs, has an open
-- letter, or is a conflict. Of a thousand orders one is a second shop's, of thirty thousand one has
-- a rare status. For an empty database: ids of events count from one.
INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, version, updated_at,
  occurred_at, body, fingerprint, received_at, state, settled_at)
SELECT 'main', CASE WHEN i % 1000 = 3 THEN 'second' ELSE 'main' END, 'WEB-' || (1000000 + i),
  'https://bench.example', 'e' || i, 'saved', 1, at, at,
  jsonb_build_object('id', 'e' || i, 'source', 'https://bench.example', 'specversion', '1.0',
    'type', 'shop.order.saved.v1', 'data', jsonb_build_object(
      'number', 'WEB-' || (1000000 + i), 'version', 1, 'status',
      CASE WHEN i % 30000 = 7 THEN 'F' ELSE (ARRAY['N', 'P'])[1 + i % 2] END,
      'currency', 'RUB', 'total', '5970.00',
      'customer', jsonb_build_object('id', 'c' || i / 3, 'kind', 'person',
        'name', (ARRAY['Анна', 'Пётр', 'Олег', 'Мария', 'Константин'])[1 + i % 5],
        'last_name', (ARRAY['Иванова', 'Смирнов', 'Кузнецов', 'Попова'])[1 + i / 5 % 4] || i / 20,
        'phones', jsonb_build_array('+7 916 ' || lpad((i / 3)::text, 7, '0')),
        'emails', jsonb_build_array('user' || i / 3 || '@example.ru')),
      'items', (SELECT jsonb_agg(jsonb_build_object('name', 'Чай чёрный, жестяная банка ' || g,
                  'sku', 'TEA-' || g, 'quantity', g, 'price', '1990.00', 'unit', 'шт'))
                FROM generate_series(1, 4) g),
      'comment', md5(i::text) || md5((i + 1)::text))),
  sha256(i::text::bytea), at, CASE WHEN waits THEN 'pending' ELSE 'done' END,
  CASE WHEN NOT waits THEN at + (i % 60) * interval '1 second' END
FROM (SELECT i, i % 50 = 0 AND i > orders - 100000 AS waits,
        now() - interval '1 minute' - (orders - i) * (interval '30 days' / orders) AS at
      FROM (SELECT current_setting('bench.orders')::int AS orders) AS s,
        generate_series(1, orders) AS i) AS one;
INSERT INTO bridge.orders (shop, number, portal, head_id, head_version, head_updated_at, due_at,
  waits_since, known, deal_id, contact_id, status, stage, in_sync, attempts, error_code,
  error_message, first_failed_at)
SELECT shop, number, portal, id, 1, now(),
  CASE WHEN state = 'pending' THEN now() + interval '1 day' END,
  CASE WHEN state = 'pending' THEN received_at END,
  jsonb_build_object('target', jsonb_build_object('entity', 'deal', 'id', id),
    'written', body #> '{data,items}'),
  id, id / 3, body #>> '{data,status}', (ARRAY['NEW', 'PREPARATION'])[1 + id % 2],
  id % 20 <> 0 OR NOT newest,
  (id % 500 = 0 AND newest)::int, CASE WHEN id % 500 = 0 AND newest THEN 'B24-REFUSED' END,
  CASE WHEN id % 500 = 0 AND newest THEN 'no' END,
  CASE WHEN id % 500 = 0 AND newest THEN now() END
FROM (SELECT *, id > current_setting('bench.orders')::int - 100000 AS newest
      FROM bridge.outbox) AS e
ORDER BY id;
INSERT INTO bridge.order_words (event, words, phones, keys)
SELECT id, lower(concat_ws(' ', number, c ->> 'name', c ->> 'last_name', c #>> '{emails,0}')),
  regexp_replace(c #>> '{phones,0}', '[^0-9]', '', 'g') || ',', (
    SELECT array_agg(('x' || encode(substr(sha256(key::bytea), 1, 8), 'hex'))::bit(64)::bigint)
    FROM (VALUES ('e:user' || id / 3 || '@example.ru'),
                 ('p:916' || lpad((id / 3)::text, 7, '0'))) k (key))
FROM (SELECT id, number, body #> '{data,customer}' AS c FROM bridge.outbox) e;
INSERT INTO bridge.agreements (shop, number, agreed, standing)
SELECT shop, number, '{}', CASE WHEN head_id % 20 = 1
  AND head_id > current_setting('bench.orders')::int - 100000 THEN '{}'::jsonb END
FROM bridge.orders;
INSERT INTO bridge.timeline (shop, number, at, kind, text, detail)
SELECT shop, number, received_at, 'accepted', 'accepted', '{}' FROM bridge.outbox,
  generate_series(1, 3);
INSERT INTO bridge.decisions (portal, shop, number, at, action, basis, winner, sentence, inputs,
  outcome)
SELECT portal, shop, number, received_at,
  CASE WHEN id % 40 = 1 THEN 'review' WHEN id % 20 = 3 THEN 'write_portal' ELSE 'agree' END,
  'latest', 'shop', 'the shop says P', '{}', '{}' FROM bridge.outbox, generate_series(1, 2);
INSERT INTO bridge.conflicts (portal, shop, number, decision_id, code, sentence, status, stage,
  closed_at, closed_how)
SELECT portal, shop, number, id, 'SYNC-REVIEW', 'shop says P, portal says WON: which is right?',
  'P', 'WON', CASE WHEN NOT newest THEN now() END, CASE WHEN NOT newest THEN 'vanished' END
FROM (SELECT *, id > current_setting('bench.orders')::int - 100000 AS newest
      FROM bridge.outbox) AS e
WHERE id % 20 = 1;
INSERT INTO bridge.dead_letters (outbox_id, portal, shop, number, code, message, payload, attempts,
  closed_at, closed_how)
SELECT id, portal, shop, number,
  (ARRAY['B24-REFUSED', 'B24-EMAIL', 'MAP-STATUS', 'B24-CURRENCY'])[1 + id / 20 % 4],
  'the portal said: a field is wrong', body, 3, CASE WHEN NOT opens THEN now() END,
  CASE WHEN NOT opens THEN 'retried' END
FROM (SELECT *, id % 20 = 2 AND id > current_setting('bench.orders')::int - 100000 AS opens
      FROM bridge.outbox) AS e
WHERE id % 20 IN (2, 3);
INSERT INTO bridge.status_changes (shop, seq, portal, number, decision_id, status, previous_status,
  stage, reason, decided_at, state, settled_at)
SELECT shop, id, portal, number, id, 'P', 'N', 'PREPARATION', 'moved', now(), 'delivered', now()
FROM bridge.outbox WHERE id % 3 = 1;
INSERT INTO bridge.audit (actor, action, target, detail)
SELECT 'operator:anna', 'letter.retry', i::text, '{"mended": true}'
FROM generate_series(1, 100000) i;
INSERT INTO bridge.subjects (shop, key, kind, portal, body, known, due_at, waits_since, done_at)
SELECT 'main', 'product:' || i, 'product', 'main',
  jsonb_build_object('data', jsonb_build_object('name', 'Чай ' || i, 'pad', repeat('x', 600))),
  jsonb_build_object('product', jsonb_build_object('own', jsonb_build_object('id', i))),
  CASE WHEN i % 100 = 0 THEN now() + interval '1 day' END, CASE WHEN i % 100 = 0 THEN now() END,
  CASE WHEN i % 100 <> 0 THEN now() END
FROM generate_series(1, 20000) i;
INSERT INTO bridge.submissions (shop, form, verdict, named, fingerprint, has_phone)
SELECT 'main', 'callback', 'taken', false, sha256(i::text::bytea), true
FROM generate_series(1, 20000) i;
INSERT INTO bridge.stock_levels (stock, product, store, on_hand, reserved)
SELECT 'main', 'p' || i, 'centre', 100, i % 5 FROM generate_series(1, 100000) i;
INSERT INTO bridge.stock_moves (stock, product, store, on_hand, reserved, cause, shop, cause_id,
  line, version, at, note)
SELECT 'main', 'p1', 'centre', 1, 0, cause, 'main', i::text, '1', i, now(), 'moved'
FROM generate_series(1, 20000) i, (SELECT 'moved' AS cause) c;
INSERT INTO bridge.receipts (shop, till, receipt, stock, store, kind, cancelled, closed_at,
  received_at, changed_at, revision, contents, body, lines)
SELECT 'main', 'centre', 'R-' || i, 'main', 'centre', 'sale', false, now(), now(),
  now() - i * interval '1 minute', i, sha256(i::text::bytea), '{"total": "100.00"}', '[]'
FROM generate_series(1, 50000) i;
