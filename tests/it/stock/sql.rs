//! Reserving in a shop's own transaction, and events about goods from SQL.

use super::world::{event, one, settings_of, world};
use crate::support::process::command;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};

async fn reserve(db: &mut PgConnection, request: &Value) -> Result<Value, sqlx::Error> {
    sqlx::query_scalar("SELECT bridge.reserve($1)")
        .bind(request)
        .fetch_one(db)
        .await
}

fn request(id: &str, product: &str, quantity: u32) -> Value {
    let mut request = one(product, quantity);
    request["shop"] = json!("main");
    request["id"] = json!(id);
    request
}

#[tokio::test]
async fn a_reservation_lives_and_dies_with_the_transaction_that_made_it() {
    let api = world().await;
    api.bring("a", "cup", "2").await;
    let mut tx = api.db.pool.begin().await.unwrap();
    let held = reserve(&mut tx, &request("s", "cup", 2)).await.unwrap();
    assert_eq!(held["state"], "held");
    tx.rollback().await.unwrap();
    assert_eq!(api.level("cup", "a").await.1, "0");
    let mut tx = api.db.pool.begin().await.unwrap();
    reserve(&mut tx, &request("s", "cup", 2)).await.unwrap();
    tx.commit().await.unwrap();
    let (status, _) = api.put("h", &one("cup", 1)).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let mut db = api.db.pool.acquire().await.unwrap();
    let short = reserve(&mut db, &request("s2", "cup", 1)).await.unwrap();
    assert_eq!(short["code"], "STOCK-SHORT");
    let released: Value = sqlx::query_scalar("SELECT bridge.release('main', 's')")
        .fetch_one(&mut *db)
        .await
        .unwrap();
    assert_eq!(released["state"], "released");
    api.prove().await;
}

#[tokio::test]
async fn a_request_that_cannot_be_used_raises_and_says_where() {
    let api = world().await;
    api.bring("a", "cup", "2").await;
    let mut db = api.db.pool.acquire().await.unwrap();
    for (wrong, place) in [
        (json!({ "shop": "main", "id": "x" }), "/lines"),
        (request("x", "cup", 0), "/lines/0/quantity"),
        (request("", "cup", 1), "/id"),
        (request("x", "moon", 1), "/lines/0/product"),
        (json!([1]), "object"),
        (
            {
                let mut r = request("x", "cup", 1);
                r["hold"] = json!("91d");
                r
            },
            "/hold",
        ),
        (
            {
                let mut r = request("x", "cup", 1);
                r["lines"][0]["quantity"] = json!("1.0001");
                r
            },
            "/lines/0/quantity",
        ),
        (
            {
                let mut r = request("x", "cup", 1);
                r["store"] = json!("b");
                r
            },
            "/store",
        ),
        (
            {
                let mut r = request("x", "cup", 1);
                r["expire_at"] = json!("2026-01-15T10:00:00Z");
                r
            },
            "/expire_at: there is no member",
        ),
        (
            {
                let mut r = request("x", "cup", 1);
                r["lines"][0]["qty"] = json!(2);
                r
            },
            "/lines/0/qty",
        ),
    ] {
        let error = reserve(&mut db, &wrong).await.unwrap_err().to_string();
        assert!(error.contains(place), "{wrong}: {error}");
    }
    let mut brief = request("ok", "cup", 1);
    brief["hold"] = json!("15 min");
    assert_eq!(reserve(&mut db, &brief).await.unwrap()["state"], "held");
}

#[tokio::test]
async fn a_role_reserves_for_the_shops_it_may_publish_for() {
    let api = world().await;
    api.bring("a", "cup", "2").await;
    let mut db = PgConnection::connect(&api.db.url).await.unwrap();
    let name = format!("buyer_{}", std::process::id());
    let statements = format!(
        "CREATE ROLE {name}; GRANT USAGE ON SCHEMA bridge TO {name};
         GRANT EXECUTE ON FUNCTION bridge.reserve(jsonb), bridge.release(text, text) TO {name};
         INSERT INTO bridge.publishers VALUES ('{name}', 'other'); SET ROLE {name}"
    );
    db.execute(sqlx::AssertSqlSafe(statements)).await.unwrap();
    let error = reserve(&mut db, &request("r", "cup", 1))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("may not reserve for the shop main"),
        "{error}"
    );
    let mut own = request("r", "cup", 1);
    own["shop"] = json!("other");
    assert_eq!(reserve(&mut db, &own).await.unwrap()["state"], "held");
    let looked = db.execute("SELECT * FROM bridge.stock_levels").await;
    assert!(looked.is_err(), "nothing else is open to it");
    let dropped = format!("RESET ROLE; DROP OWNED BY {name}; DROP ROLE {name}");
    db.execute(sqlx::AssertSqlSafe(dropped)).await.unwrap();
}

#[tokio::test]
async fn an_event_about_goods_from_sql_is_taken_and_a_wrong_one_is_a_dead_letter() {
    let api = world().await;
    let data = |store: &str| {
        json!(
            { "store": store, "moves": [{ "line": "1", "product": "cup", "quantity": 4 }] }
        )
    };
    let mut good = event("shop.stock.moved.v1", data("a"));
    let mut wrong = event("shop.stock.moved.v1", data("moon"));
    for event in [&mut good, &mut wrong] {
        event["shop"] = json!("main");
        let publish = sqlx::query("SELECT bridge.publish_event($1)").bind(&*event);
        publish.execute(&api.db.pool).await.unwrap();
    }
    let order = json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "s", "id": "o",
        "shop": "main",
        "data": { "number": "1", "status": "N", "currency": "RUB", "total": 1 } });
    let publish = sqlx::query("SELECT bridge.publish_event($1)").bind(order);
    publish.execute(&api.db.pool).await.unwrap();
    assert_eq!(api.app.intake.ingest_sql_events().await.unwrap(), 3);
    assert_eq!(api.level("cup", "a").await.0, "4");
    let outcomes: Vec<String> =
        sqlx::query_scalar("SELECT outcome FROM bridge.published ORDER BY id")
            .fetch_all(&api.db.pool)
            .await
            .unwrap();
    assert_eq!(outcomes, ["queued", "dead", "queued"]);
    let message: String = sqlx::query_scalar("SELECT message FROM bridge.open_dead_letters")
        .fetch_one(&api.db.pool)
        .await
        .unwrap();
    assert!(message.contains("`moon` is no store"), "{message}");
}

#[tokio::test]
async fn operators_count_show_and_prove_from_the_command_line() {
    let api = world().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b24-bridge.toml");
    settings_of("bridge").write(&file);
    let counts = folder.path().join("counts.txt");
    std::fs::write(&counts, "# product;quantity\ncup;3\ntea;1,5\n").unwrap();
    let counts = counts.to_str().unwrap();
    let run = |arguments: Vec<&str>| {
        let output = command(&arguments, &file, &api.db.url).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), text, said)
    };
    let (done, _, said) = run(vec!["stock", "count", "main", counts, "--store", "a"]);
    assert!(done, "{said}");
    let (done, shown, _) = run(vec!["stock", "show", "main", "--product", "tea", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert!(done && shown["items"][0]["available"] == "1.5", "{shown}");
    api.put("r", &one("cup", 1)).await;
    let (done, released, _) = run(vec!["stock", "release", "main", "r"]);
    assert!(done && released.contains("released"), "{released}");
    let (done, ledger, _) = run(vec!["stock", "ledger", "main", "cup"]);
    assert!(
        done && ledger.contains("counted by an operator") && ledger.contains("set free"),
        "{ledger}"
    );
    let (done, newest, said) = run(vec!["stock", "ledger", "main", "cup", "--last", "1"]);
    assert!(done && newest.contains("set free"), "{newest}");
    assert!(!newest.contains("counted by an operator"), "{newest}");
    assert!(said.contains("older lines are left out"), "{said}");
    assert!(run(vec!["stock", "check", "main"]).0);
    let broken = "UPDATE bridge.stock_levels SET on_hand = 9 WHERE product = 'cup'";
    sqlx::query(broken).execute(&api.db.pool).await.unwrap();
    let (done, odd, _) = run(vec!["stock", "check", "main"]);
    assert!(!done && odd.contains("the level says 9 on hand"), "{odd}");
    let (_, doctor, said) = run(vec!["doctor"]);
    assert!(
        doctor.contains("the level says 9 on hand"),
        "{doctor}{said}"
    );
    let acts: Vec<String> = sqlx::query_scalar("SELECT action FROM bridge.audit ORDER BY id")
        .fetch_all(&api.db.pool)
        .await
        .unwrap();
    assert_eq!(acts, ["stock.count", "stock.release"]);
}

/// What a function answers to a group of requests, and what that leaves behind; then it is undone.
async fn tried(pool: &sqlx::PgPool, function: &str, requests: &Value) -> (Option<Value>, Value) {
    const LEFT: &str = "SELECT jsonb_build_object(
        'levels', (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.product, l.store)
                   FROM bridge.stock_levels l),
        'moves', (SELECT jsonb_agg(to_jsonb(m) - '{id,at}'::text[]
                                   ORDER BY m.cause_id, m.line, m.version, m.store, m.product)
                  FROM bridge.stock_moves m WHERE m.cause = 'reservation'),
        'reservations', (SELECT jsonb_agg(to_jsonb(r) - '{held_at,expires_at,changed_at}'::text[]
                                          || jsonb_build_object('hold', CASE r.revision WHEN 1
                                              THEN r.expires_at - r.held_at END)
                                          ORDER BY r.id) FROM bridge.reservations r),
        'lines', (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.id, l.line, l.store)
                  FROM bridge.reservation_lines l))";
    let mut tx = pool.begin().await.unwrap();
    let ask = format!("SELECT bridge.{function}($1)");
    let ask = sqlx::query_scalar(sqlx::AssertSqlSafe(ask)).bind(requests);
    let mut answers: Option<Value> = ask.fetch_one(&mut *tx).await.unwrap();
    let left: Value = sqlx::query_scalar(LEFT).fetch_one(&mut *tx).await.unwrap();
    for answer in answers
        .iter_mut()
        .flat_map(|all| all.as_array_mut().unwrap())
    {
        if let Some(body) = answer["body"].as_object_mut() {
            body.remove("expires_at");
        }
    }
    tx.rollback().await.unwrap();
    (answers, left)
}

#[tokio::test]
async fn a_group_of_new_requests_comes_to_what_they_come_to_one_after_the_other() {
    let api = world().await;
    for (store, product, quantity) in [
        ("a", "cup", "40"),
        ("b", "cup", "9"),
        ("a", "tea", "25.5"),
        ("b", "saw", "30"),
    ] {
        api.bring(store, product, quantity).await;
    }
    let mut seed = 7_u64;
    let mut pick = |of: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % of
    };
    let mut together = 0;
    for round in 0..150_u64 {
        let mut requests = Vec::new();
        for nth in 0..=pick(5) {
            let lines = (0..=pick(3)).map(|line| {
                let product = ["cup", "tea", "cup", "tea", "tea", "saw", "moon"];
                let product =
                    product[usize::try_from(pick(if round % 3 == 0 { 7 } else { 5 })).unwrap()];
                let quantity = if pick(4) == 0 { "0.25" } else { "1" };
                json!({ "line": line.to_string(), "product": product, "quantity": quantity })
            });
            let lines: Vec<_> = lines.collect();
            let id = if pick(6) == 0 {
                pick(4)
            } else {
                100 + round * 10 + nth
            };
            let mut request =
                json!({ "shop": "main", "id": format!("{id}-{nth}"), "lines": lines });
            if pick(5) == 0 {
                request["number"] = json!(format!("A-{id}"));
                request["hold"] = json!(600);
                request["version"] = json!(round);
            }
            if pick(12) == 0 {
                request["store"] = json!("a");
            }
            requests.push(request);
        }
        let requests = json!(requests);
        let one_by_one = tried(&api.db.pool, "stock_reserve_round", &requests).await;
        assert_eq!(
            tried(&api.db.pool, "stock_reserve", &requests).await,
            one_by_one,
            "{requests}"
        );
        let (new, left) = tried(&api.db.pool, "stock_reserve_new", &requests).await;
        if new.is_some() {
            together += 1;
            assert_eq!((new, left), one_by_one);
        }
        let ask = sqlx::query("SELECT bridge.stock_reserve($1)").bind(&requests);
        if pick(3) == 0 {
            ask.execute(&api.db.pool).await.unwrap();
        }
    }
    assert!(
        together > 20,
        "{together} of 150 groups were answered together"
    );
    api.prove().await;
}
