//! The search for orders in a large table.

use crate::support::{
    database::Database,
    shop::{app, event, main_shop},
};
use b24_bridge::{
    app::{App, OrderFilter, OrderPage, OrderQuery, OrderState},
    storage,
};
use serde_json::{Value, json};
use sqlx::PgPool;

/// Events from before the search knew of customers.
const ORDERS: &str =
    "INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, body,
                        fingerprint, state, settled_at)
     SELECT 'main', 'main', 'N-' || i, 's', 'e' || i, 'saved',
            jsonb_build_object('data', jsonb_build_object('customer',
            jsonb_build_object('phones', ARRAY['8 (916) ' || lpad(i::text, 7, '0'), '1'], 'email',
              'Anna' || i || '@Example.ru'))),
            sha256(i::text::bytea), 'done', now()
     FROM generate_series(1, 20000) i;
     INSERT INTO bridge.order_words_unread SELECT max(id) + 1 FROM bridge.outbox;
     INSERT INTO bridge.orders (shop, number, portal, head_id) SELECT shop, number, portal, id
       FROM bridge.outbox;
     ANALYZE";

/// How often the index was used, and how often the tables were read from end to end, by this one
/// connection.
async fn used(pool: &PgPool) -> (i64, i64) {
    sqlx::query("SELECT pg_stat_force_next_flush()")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query_as(
        "SELECT (SELECT coalesce(sum(idx_scan), 0)::bigint FROM pg_stat_user_indexes
           WHERE indexrelname = 'order_words_keys'),
                (SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables WHERE schemaname = 'bridge'
                  AND relname IN ('orders', 'outbox'))",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

/// A snapshot of an order of somebody with an address.
fn of_customer(id: &str, number: &str, version: i64) -> Value {
    let mut event = event(id, number, version);
    event["data"]["customer"] =
        json!({"id": "7", "kind": "person", "name": "Анна", "emails": ["new@example.ru"]});
    event
}

/// What is found by these words.
async fn look(app: &App, words: &str) -> OrderPage {
    let filter = OrderFilter {
        text: Some(words.to_owned()),
        ..OrderFilter::default()
    };
    app.operations.list_orders(&filter).await.unwrap()
}

fn numbers(page: &OrderPage) -> Vec<&str> {
    page.items
        .iter()
        .map(|order| order.number.as_str())
        .collect()
}

#[tokio::test]
async fn a_customer_is_found_by_an_index_also_with_events_from_before_it() {
    let db = Database::new().await;
    let one = storage::connect_with(db.url.parse().unwrap(), 1)
        .await
        .unwrap();
    let here = app(&one, &["main"]);
    sqlx::raw_sql(ORDERS).execute(&one).await.unwrap();
    let other = app(&db.pool, &["main"]);
    loop {
        // Of two that read at the same time one leaves it to the other.
        let (a, b) = tokio::join!(
            here.intake.backfill_search_keys(),
            other.intake.backfill_search_keys()
        );
        if !a.unwrap() && !b.unwrap() {
            break;
        }
    }
    here.intake
        .accept_events(Some(&main_shop()), &[of_customer("e20001", "N-20001", 1)])
        .await
        .unwrap();
    sqlx::query("ANALYZE").execute(&one).await.unwrap();
    let (index, whole) = used(&one).await;
    for (words, number) in [
        ("+7 916 001-23-45", "N-12345"),
        ("ANNA12345@example.ru", "N-12345"),
        ("anna1@example.ru", "N-1"),
        ("N-12345", "N-12345"),
        ("NEW@example.ru", "N-20001"),
    ] {
        let found = look(&here, words).await;
        assert_eq!(numbers(&found), [number], "{words}");
        assert_eq!(found.next, None);
    }
    let newest = here
        .operations
        .list_orders(&OrderFilter::default())
        .await
        .unwrap();
    assert_eq!(newest.items.len(), 50);
    assert_eq!(newest.items[0].number, "N-20001");
    assert_eq!(used(&one).await, (index + 4, whole));
}

#[tokio::test]
async fn what_an_order_was_found_by_goes_with_its_events() {
    let db = Database::new().await;
    let here = app(&db.pool, &["main"]);
    for (id, number, version) in [("a", "1", 1), ("b", "1", 2), ("c", "2", 1)] {
        here.intake
            .accept_events(Some(&main_shop()), &[of_customer(id, number, version)])
            .await
            .unwrap();
    }
    // An event that an earlier version took.
    sqlx::query(
        "INSERT INTO bridge.contacts SELECT min(id), 'e:old@example.ru' FROM bridge.outbox",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    let keys = || {
        sqlx::query_scalar::<_, i64>(
            "SELECT (SELECT count(*) FROM bridge.contacts)
                  + (SELECT coalesce(sum(cardinality(keys)), 0) FROM bridge.order_words)",
        )
        .fetch_one(&db.pool)
    };
    assert_eq!(keys().await.unwrap(), 4);
    sqlx::raw_sql(
        "UPDATE bridge.outbox SET settled_at = now() - interval '1 day' WHERE state <> 'pending'",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    let mut one = db.pool.acquire().await.unwrap();
    assert_eq!(
        storage::queue::outbox::prune(&mut one, 60.0, 100)
            .await
            .unwrap(),
        1
    );
    assert_eq!(keys().await.unwrap(), 2);
}

#[tokio::test]
async fn an_order_that_an_earlier_version_took_is_found_by_what_that_stored() {
    let db = Database::new().await;
    let here = app(&db.pool, &["main"]);
    let taken = here
        .intake
        .accept_events(Some(&main_shop()), &[of_customer("a", "1", 1)])
        .await
        .unwrap();
    assert_eq!(taken.len(), 1);
    sqlx::raw_sql(
        "UPDATE bridge.order_words SET keys = NULL;
         INSERT INTO bridge.contacts (event, key)
         SELECT id, 'e:new@example.ru' FROM bridge.outbox",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    for words in ["NEW@example.ru", "new@EXAMPLE.ru"] {
        assert_eq!(numbers(&look(&here, words).await), ["1"], "{words}");
    }
    sqlx::query("DELETE FROM bridge.order_words")
        .execute(&db.pool)
        .await
        .unwrap();
    assert_eq!(numbers(&look(&here, "new@example.ru").await), ["1"]);
}

/// Orders of three people, and one of a company.
async fn four(app: &App) {
    for (number, customer) in [
        (
            "WEB-1001",
            json!({"kind": "person", "name": "Анна", "last_name": "Иванова",
                   "phones": ["+7 (916) 000-00-01"], "emails": ["anna@example.ru"]}),
        ),
        (
            "WEB-1002",
            json!({"kind": "person", "name": "Пётр", "last_name": "Иванов",
                   "phones": ["8 916 222 33 44"]}),
        ),
        ("TEL_100%", json!({"kind": "person", "name": "Олег"})),
        (
            "TEL-2",
            json!({"kind": "company", "company": {"title": "ООО Ромашка"}}),
        ),
    ] {
        let mut event = event(&format!("e-{number}"), number, 1);
        event["data"]["customer"] = customer;
        let taken = app
            .intake
            .accept_events(Some(&main_shop()), &[event])
            .await
            .unwrap();
        assert_eq!(taken.len(), 1);
    }
}

#[tokio::test]
async fn orders_are_found_by_parts_of_numbers_names_addresses_and_phones() {
    let db = Database::new().await;
    let here = app(&db.pool, &["main"]);
    four(&here).await;
    for (words, found) in [
        ("1001", vec!["WEB-1001"]),
        ("web-100", vec!["WEB-1002", "WEB-1001"]),
        ("Иванов", vec!["WEB-1002", "WEB-1001"]),
        ("Иванова Анна", vec!["WEB-1001"]),
        ("Анна Пётр", vec![]),
        ("Ромашка", vec!["TEL-2"]),
        ("@example", vec!["WEB-1001"]),
        ("222-33", vec!["WEB-1002"]),
        // What has a meaning in patterns means itself.
        ("100%", vec!["TEL_100%"]),
        ("L_1", vec!["TEL_100%"]),
        ("name", vec![]),
    ] {
        assert_eq!(numbers(&look(&here, words).await), found, "{words}");
    }
    let named = look(&here, "WEB-1001").await.items.remove(0);
    assert_eq!(named.customer.as_deref(), Some("Анна Иванова"));
    let company = look(&here, "TEL-2").await.items.remove(0);
    assert_eq!(company.customer.as_deref(), Some("ООО Ромашка"));
}

#[tokio::test]
async fn a_list_is_filtered_by_state_status_shop_and_time_and_its_pages_leave_no_order_out() {
    let db = Database::new().await;
    let here = app(&db.pool, &["main"]);
    four(&here).await;
    sqlx::raw_sql(
        "UPDATE bridge.orders SET due_at = NULL, waits_since = NULL,
                                  in_sync = number = 'WEB-1001'
         WHERE number LIKE 'WEB-100%';
         INSERT INTO bridge.dead_letters
             (outbox_id, portal, shop, number, code, message, payload, attempts, first_failed_at)
         SELECT head_id, portal, shop, number, 'B24-REFUSED', 'no', '{}', 1, now()
         FROM bridge.orders WHERE number = 'TEL-2';
         UPDATE bridge.outbox SET received_at = now() - interval '3 days'
         WHERE number = 'WEB-1001'",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    let yesterday: Option<String> =
        sqlx::query_scalar("SELECT to_char(now() - interval '1 day', 'YYYY-MM-DD')")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    let all = OrderQuery::default();
    let state = |state: &str| OrderQuery {
        state: Some(state.to_owned()),
        ..all.clone()
    };
    let of = |shop: &str| OrderQuery {
        shop: Some(shop.to_owned()),
        ..all.clone()
    };
    let everything = vec!["TEL-2", "TEL_100%", "WEB-1002", "WEB-1001"];
    for (query, found) in [
        (state("dead"), vec!["TEL-2"]),
        (state("on_its_way"), vec!["TEL_100%"]),
        (state("not_in_sync"), vec!["WEB-1002"]),
        (state("in_sync"), vec!["WEB-1001"]),
        (of("main"), everything.clone()),
        (of("other"), vec![]),
        (
            OrderQuery {
                since: yesterday.clone(),
                ..all.clone()
            },
            vec!["TEL-2", "TEL_100%", "WEB-1002"],
        ),
        (
            OrderQuery {
                until: yesterday.clone(),
                ..all.clone()
            },
            vec!["WEB-1001"],
        ),
        (
            OrderQuery {
                status: Some("nothing like it".to_owned()),
                ..all.clone()
            },
            vec![],
        ),
    ] {
        let page = here.operations.list_orders(&query.parse().unwrap()).await;
        assert_eq!(numbers(&page.unwrap()), found, "{query:?}");
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let filter = OrderFilter {
            before,
            limit: 1,
            ..OrderFilter::default()
        };
        let page = here.operations.list_orders(&filter).await.unwrap();
        seen.extend(page.items.iter().map(|order| order.number.clone()));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, everything);
}

/// Twelve settled orders; of most it cannot be said that both sides agree.
const DIFFERING: &str = "
    INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, body, fingerprint,
                               state, settled_at)
    SELECT 'main', 'main', 'N-' || i, 's', 'e' || i, 'saved', '{}', sha256(i::text::bytea), 'done',
           now()
    FROM generate_series(1, 12) i;
    INSERT INTO bridge.orders (shop, number, portal, head_id, in_sync)
    SELECT shop, number, portal, id, true FROM bridge.outbox;
    UPDATE bridge.orders SET in_sync = false WHERE number IN ('N-1', 'N-10', 'N-11');
    UPDATE bridge.orders SET doubtful = true WHERE number = 'N-2';
    INSERT INTO bridge.comparisons (shop, number, portal, why)
      VALUES ('main', 'N-3', 'main', 'event');
    INSERT INTO bridge.status_changes (shop, seq, portal, number, decision_id, status,
                                       previous_status, stage, reason, decided_at, state,
                                       settled_at)
    VALUES ('main', 1, 'main', 'N-4', 1, 'P', 'N', 'NEW', 'r', now(), 'waiting', NULL),
           ('main', 2, 'main', 'N-5', 1, 'P', 'N', 'NEW', 'r', now(), 'dead', now());
    INSERT INTO bridge.agreements (shop, number, standing, waiting, writing, gone_at)
    VALUES ('main', 'N-6', '{}', NULL, NULL, NULL), ('main', 'N-7', NULL, '{}', NULL, NULL),
           ('main', 'N-8', NULL, NULL, '{}', NULL), ('main', 'N-9', NULL, NULL, NULL, now()),
           ('main', 'N-12', NULL, NULL, NULL, NULL);
    UPDATE bridge.orders SET due_at = now(), waits_since = now() WHERE number = 'N-10';
    INSERT INTO bridge.dead_letters (portal, shop, number, code, message, payload)
      VALUES ('main', 'main', 'N-11', 'B24-REFUSED', 'no', '{}')";

#[tokio::test]
async fn what_is_not_in_sync_is_found_for_each_reason_and_page_by_page() {
    let db = Database::new().await;
    let here = app(&db.pool, &["main"]);
    sqlx::raw_sql(DIFFERING).execute(&db.pool).await.unwrap();
    let in_state = async |state, before, limit| {
        let filter = OrderFilter {
            state: Some(state),
            before,
            limit,
            ..OrderFilter::default()
        };
        here.operations.list_orders(&filter).await.unwrap()
    };
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let page = in_state(OrderState::NotInSync, before, 2).await;
        found.extend(page.items.iter().map(|order| order.number.clone()));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    let all: Vec<String> = (1..10).rev().map(|nth| format!("N-{nth}")).collect();
    assert_eq!(found, all);
    for (state, number) in [
        (OrderState::OnItsWay, "N-10"),
        (OrderState::Dead, "N-11"),
        (OrderState::InSync, "N-12"),
    ] {
        assert_eq!(numbers(&in_state(state, None, 50).await), [number]);
    }
}

#[tokio::test]
async fn what_waits_is_found_at_once_among_many_that_wait_and_many_that_do_not() {
    let db = Database::new().await;
    let one = storage::connect_with(db.url.parse().unwrap(), 1)
        .await
        .unwrap();
    let here = app(&one, &["main"]);
    sqlx::raw_sql(ORDERS).execute(&one).await.unwrap();
    sqlx::raw_sql(
        "UPDATE bridge.orders SET due_at = now(), waits_since = now()
         WHERE head_id % 2 = 0 OR head_id > 19000;
         UPDATE bridge.orders SET in_sync = true WHERE head_id > 10;
         ANALYZE",
    )
    .execute(&one)
    .await
    .unwrap();
    let (_, whole) = used(&one).await;
    let state = |state: &str| OrderQuery {
        state: Some(state.to_owned()),
        ..OrderQuery::default()
    };
    let waiting = state("on_its_way").parse().unwrap();
    let page = here.operations.list_orders(&waiting).await.unwrap();
    assert_eq!(page.items.len(), 50);
    assert_eq!(page.items[0].number, "N-20000");
    let differing = state("not_in_sync").parse().unwrap();
    let page = here.operations.list_orders(&differing).await.unwrap();
    assert_eq!(numbers(&page), ["N-9", "N-7", "N-5", "N-3", "N-1"]);
    assert_eq!(used(&one).await.1, whole);
}

#[tokio::test]
async fn how_far_words_are_read_after_an_upgrade_is_told_and_what_is_read_is_found() {
    let db = Database::new().await;
    let here = app(&db.pool, &["main"]);
    sqlx::raw_sql(ORDERS).execute(&db.pool).await.unwrap();
    let page = look(&here, "n-1999").await;
    assert!(page.items.is_empty() && page.next.is_some() && page.looked_back_to.is_some());
    while here.intake.backfill_search_keys().await.unwrap() {}
    let mut found = Vec::new();
    let mut before = None;
    loop {
        let filter = OrderFilter {
            text: Some("n-1999".to_owned()),
            before,
            ..OrderFilter::default()
        };
        let page = here.operations.list_orders(&filter).await.unwrap();
        found.extend(page.items.into_iter().map(|order| order.number));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!((found.len(), found[0].as_str()), (11, "N-19999"));
    let newest = look(&here, "anna19995@").await;
    assert_eq!(numbers(&newest), ["N-19995"]);
    assert_eq!(numbers(&look(&here, "916 001-99-9").await).len(), 10);
}

/// Three orders, and three more after ids that nobody has.
const GAP: &str = "
    INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, body, fingerprint,
                               state, settled_at)
    SELECT 'main', 'main', 'N-' || i, 's', 'e' || i, 'saved', '{}', sha256(i::text::bytea), 'done',
           now()
    FROM generate_series(1, 3) i;
    ALTER TABLE bridge.outbox ALTER COLUMN id RESTART WITH 90000000;
    INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, body, fingerprint,
                               state, settled_at)
    SELECT 'main', 'main', 'N-' || i, 's', 'e' || i, 'saved', '{}', sha256(i::text::bytea), 'done',
           now()
    FROM generate_series(4, 6) i;
    INSERT INTO bridge.orders (shop, number, portal, head_id, in_sync, status)
    SELECT shop, number, portal, id, true, 'P' FROM bridge.outbox;
    INSERT INTO bridge.order_words (event, words, phones)
    SELECT id, lower(number), '' FROM bridge.outbox";

#[tokio::test]
async fn what_lies_beyond_ids_that_nobody_has_is_found_in_a_few_looks() {
    let db = Database::new().await;
    let here = app(&db.pool, &["main"]);
    sqlx::raw_sql(GAP).execute(&db.pool).await.unwrap();
    let by_words = OrderFilter {
        text: Some("n-".to_owned()),
        ..OrderFilter::default()
    };
    let query = OrderQuery {
        status: Some("P".to_owned()),
        since: Some("2020-01-01".to_owned()),
        ..OrderQuery::default()
    };
    for mut filter in [by_words, query.parse().unwrap()] {
        let mut found = Vec::new();
        for _ in 0..3 {
            let page = here.operations.list_orders(&filter).await.unwrap();
            found.extend(page.items.into_iter().map(|order| order.number));
            filter.before = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(found, ["N-6", "N-5", "N-4", "N-3", "N-2", "N-1"]);
        assert_eq!(filter.before, None);
    }
}
