//! Reservations over HTTP: whole or nothing, idempotent, changed by the difference, shipped in
//! parts.

use super::world::{OTHER, VIKTOR, one, serve, settings, world};
use reqwest::{Method, StatusCode};
use serde_json::json;

const OK: StatusCode = StatusCode::OK;
const CONFLICT: StatusCode = StatusCode::CONFLICT;
const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

fn pair(on_hand: &str, reserved: &str) -> (String, String) {
    (on_hand.to_owned(), reserved.to_owned())
}

#[tokio::test]
async fn the_last_piece_goes_to_one_buyer_and_the_other_is_told_what_there_is() {
    let api = world().await;
    api.bring("a", "kettle", "1").await;
    api.bring("back", "kettle", "4").await;
    let (status, held) = api.put("r1", &one("kettle", 1)).await;
    assert_eq!((status, &held["state"]), (OK, &json!("held")));
    assert_eq!(held["lines"][0]["store"], "a");
    assert!(held["expires_at"].is_string());
    let (status, short) = api.put("r2", &one("kettle", 2)).await;
    assert_eq!((status, &short["code"]), (CONFLICT, &json!("STOCK-SHORT")));
    let line = json!({ "line": "1", "product": "kettle", "wanted": "2", "available": "0",
        "elsewhere": [{ "store": "back", "available": "4" }] });
    assert_eq!(short["short"], json!([line]));
    let (status, _) = api.ask(Method::GET, "/v1/reservations/main/r2", None).await;
    assert_eq!(
        status,
        StatusCode::NOT_FOUND,
        "a refused one leaves nothing"
    );
    assert_eq!(api.level("kettle", "a").await, pair("1", "1"));
    api.prove().await;
}

#[tokio::test]
async fn the_same_again_changes_nothing_and_another_changes_by_the_difference() {
    let api = world().await;
    api.bring("a", "cup", "5").await;
    let first = api.put("r", &one("cup", 2)).await;
    let again = api.put("r", &one("cup", 2)).await;
    assert_eq!(first, again);
    let (status, more) = api.put("r", &one("cup", "4.5")).await;
    assert_eq!((status, &more["lines"][0]["quantity"]), (OK, &json!("4.5")));
    assert_eq!(more["expires_at"], first.1["expires_at"]);
    let (status, short) = api.put("r", &one("cup", 6)).await;
    assert_eq!(
        (status, &short["short"][0]["available"]),
        (CONFLICT, &json!("5"))
    );
    assert_eq!(
        api.level("cup", "a").await,
        pair("5", "4.5"),
        "what was held stays"
    );
    api.put("r", &one("cup", 1)).await;
    assert_eq!(api.level("cup", "a").await, pair("5", "1"));
    let moves = api.app.stock.stock_ledger("main", "cup").await.unwrap();
    let reserved: Vec<_> = moves.iter().map(|row| row.reserved.as_str()).collect();
    assert_eq!(reserved, ["0", "2", "2.5", "-3.5"]);
    api.prove().await;
}

#[tokio::test]
async fn all_lines_are_taken_from_one_store_unless_they_may_be_split() {
    let lines = json!({ "lines": [
        { "line": "1", "product": "tea", "quantity": 3 },
        { "line": "2", "product": "tea", "quantity": 2 },
        { "line": "3", "product": "cup", "quantity": 1 },
    ] });
    for split in [false, true] {
        let api = serve(&settings().set("stock.main.split", split)).await;
        api.bring("a", "tea", "4").await;
        api.bring("b", "tea", "4").await;
        api.bring("b", "cup", "1").await;
        let (status, answer) = api.put("r", &lines).await;
        if split {
            assert_eq!(status, OK, "{answer}");
            let of = |line: &str, store: &str| {
                let lines = answer["lines"].as_array().unwrap();
                let found = lines
                    .iter()
                    .find(|l| l["line"] == line && l["store"] == store);
                found.map(|line| line["quantity"].as_str().unwrap().to_owned())
            };
            assert_eq!(of("1", "a").as_deref(), Some("3"));
            assert_eq!(
                of("2", "b").as_deref(),
                Some("2"),
                "whole from the first that has it"
            );
            assert_eq!(of("3", "b").as_deref(), Some("1"));
        } else {
            assert_eq!(
                status, CONFLICT,
                "two lines of one product are not each held against all of it"
            );
            api.bring("b", "tea", "1").await;
            let (status, answer) = api.put("r", &lines).await;
            let stores: Vec<_> = answer["lines"]
                .as_array()
                .unwrap()
                .iter()
                .map(|l| l["store"].as_str().unwrap_or_default())
                .collect();
            assert_eq!((status, stores), (OK, vec!["b", "b", "b"]));
        }
        api.prove().await;
    }
}

#[tokio::test]
async fn a_line_larger_than_any_store_is_split_over_them_where_that_may_be() {
    let api = serve(&settings().set("stock.main.split", true)).await;
    api.bring("a", "tea", "4").await;
    api.bring("b", "tea", "4").await;
    let (status, answer) = api.put("r", &one("tea", 7)).await;
    assert_eq!(status, OK);
    assert_eq!(answer["lines"].as_array().unwrap().len(), 2);
    let (status, short) = api.put("r", &one("tea", 9)).await;
    assert_eq!(
        (status, &short["short"][0]["available"]),
        (CONFLICT, &json!("8"))
    );
    let (status, shipped) = api
        .ship("r", &json!({ "lines": [{ "line": "1", "quantity": 5 }] }))
        .await;
    assert_eq!(status, OK);
    assert_eq!(shipped["lines"][0]["shipped"], "4");
    assert_eq!(shipped["lines"][1]["shipped"], "1");
    api.prove().await;
}

#[tokio::test]
async fn what_is_picked_up_is_taken_from_its_store_alone() {
    let api = world().await;
    api.bring("a", "lamp", "1").await;
    api.bring("b", "lamp", "5").await;
    let at = |store: &str, quantity: u32| {
        let mut body = one("lamp", quantity);
        body["store"] = json!(store);
        body
    };
    let (status, short) = api.put("r", &at("A-1", 2)).await;
    assert_eq!(status, CONFLICT);
    assert_eq!(short["short"][0]["available"], "1");
    assert_eq!(
        short["short"][0]["elsewhere"],
        json!([{ "store": "b", "available": "5" }])
    );
    let (status, held) = api.put("r", &at("A-1", 1)).await;
    assert_eq!((status, &held["lines"][0]["store"]), (OK, &json!("a")));
    let (status, answer) = api.put("r2", &at("b", 1)).await;
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (UNPROCESSABLE, &json!("/store"))
    );
    let mut line = one("lamp", 1);
    line["lines"][0]["store"] = json!("b");
    let (status, held) = api.put("r3", &line).await;
    assert_eq!((status, &held["lines"][0]["store"]), (OK, &json!("b")));
}

#[tokio::test]
async fn goods_leave_in_parts_and_each_piece_once() {
    let api = world().await;
    api.bring("a", "cup", "5").await;
    api.put("r", &one("cup", 4)).await;
    let part = json!({ "shipment": "s1", "lines": [{ "line": "1", "quantity": 3 }] });
    let first = api.ship("r", &part).await;
    assert_eq!(
        (first.0, &first.1["lines"][0]["shipped"]),
        (OK, &json!("3"))
    );
    assert_eq!(
        api.ship("r", &part).await,
        first,
        "said twice, it leaves once"
    );
    assert_eq!(api.level("cup", "a").await, pair("2", "1"));
    let more = json!({ "lines": [{ "line": "1", "quantity": 2 }] });
    let (status, answer) = api.ship("r", &more).await;
    assert_eq!(
        (status, &answer["short"][0]["available"]),
        (CONFLICT, &json!("1"))
    );
    let (status, answer) = api
        .ship("r", &json!({ "lines": [{ "line": "9", "quantity": 1 }] }))
        .await;
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (UNPROCESSABLE, &json!("/lines/0/line"))
    );
    let (status, answer) = api.put("r", &one("cup", 2)).await;
    assert_eq!(
        (status, &answer["errors"][0]["pointer"]),
        (UNPROCESSABLE, &json!("/lines/0/quantity"))
    );
    let (status, all) = api.ship("r", &json!({})).await;
    assert_eq!((status, &all["state"]), (OK, &json!("shipped")));
    assert_eq!(api.ship("r", &json!({})).await.1, all);
    let php = api.ship("r", &json!([])).await;
    assert_eq!(php.1, all, "an empty list is how PHP writes no members");
    assert_eq!(
        api.put("r", &one("cup", 1)).await.1,
        all,
        "shipped is shipped"
    );
    assert_eq!(api.ship("r", &part).await, first);
    assert_eq!(api.level("cup", "a").await, pair("1", "0"));
    api.prove().await;
}

#[tokio::test]
async fn a_released_one_is_free_once_and_made_anew_when_asked_for() {
    let api = world().await;
    api.bring("a", "cup", "2").await;
    let mut body = one("cup", 2);
    body["number"] = json!("A-17");
    api.put("r", &body).await;
    let (status, released) = api.release("r").await;
    assert_eq!((status, &released["state"]), (OK, &json!("released")));
    assert_eq!(api.release("r").await, (OK, released));
    let (status, answer) = api.ship("r", &json!({})).await;
    assert_eq!(
        (status, &answer["code"]),
        (CONFLICT, &json!("STOCK-NOT-HELD"))
    );
    let extend = "/v1/reservations/main/r/extend";
    let (status, _) = api
        .ask(Method::POST, extend, Some(&json!({ "hold": "1h" })))
        .await;
    assert_eq!(status, CONFLICT);
    let (status, held) = api.put("r", &one("cup", 1)).await;
    assert_eq!(
        (status, &held["state"], &held["number"]),
        (OK, &json!("held"), &json!("A-17"))
    );
    let (status, longer) = api
        .ask(Method::POST, extend, Some(&json!({ "hold": "90d" })))
        .await;
    assert_eq!(status, OK);
    assert!(longer["expires_at"].as_str() > held["expires_at"].as_str());
    let (status, _) = api.release("nobody").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    api.prove().await;
}

#[tokio::test]
async fn an_older_version_is_answered_with_what_is() {
    let api = world().await;
    api.bring("a", "cup", "9").await;
    let version = |version: i64, quantity: u32| {
        let mut body = one("cup", quantity);
        body["version"] = json!(version);
        body
    };
    api.put("r", &version(2, 3)).await;
    let (status, answer) = api.put("r", &version(1, 7)).await;
    assert_eq!((status, &answer["lines"][0]["quantity"]), (OK, &json!("3")));
    api.put("r", &version(3, 1)).await;
    assert_eq!(api.level("cup", "a").await, pair("9", "1"));
}

#[tokio::test]
async fn what_has_run_out_is_free_for_the_next_who_asks_and_for_whoever_looks() {
    let api = world().await;
    api.bring("a", "cup", "1").await;
    let mut brief = one("cup", 1);
    brief["hold"] = json!("1s");
    for look in ["put", "get", "level", "schedule"] {
        let id = format!("brief-{look}");
        assert_eq!(api.put(&id, &brief).await.0, OK, "{look}");
        let over =
            "UPDATE bridge.reservations SET expires_at = now() - interval '1 second' WHERE id = $1";
        sqlx::query(over)
            .bind(&id)
            .execute(&api.db.pool)
            .await
            .unwrap();
        match look {
            "put" => {
                assert_eq!(api.put("next", &one("cup", 1)).await.0, OK);
                api.release("next").await;
            }
            "get" => {}
            "level" => assert_eq!(api.level("cup", "a").await, pair("1", "0")),
            _ => assert_eq!(api.app.stock.expire_reservations().await.unwrap(), 1),
        }
        assert_eq!(api.get_reservation(&id).await["state"], "expired", "{look}");
        assert_eq!(api.level("cup", "a").await, pair("1", "0"));
    }
    api.prove().await;
}

#[tokio::test]
async fn what_is_not_known_is_refused_with_its_place_and_its_neighbours_are_not() {
    let api = world().await;
    api.bring("a", "cup", "5").await;
    let add = "INSERT INTO bridge.stock_product_keys VALUES ('main', 'sku', 'S', 'cup'), ('main', \
               'sku', 'S', 'mug'), ('main', 'sku', 'C', 'cup')";
    sqlx::query(add).execute(&api.db.pool).await.unwrap();
    let lines = json!({ "lines": [
        { "line": "1", "product": "nothing", "quantity": 1 },
        { "line": "2", "product": "S", "quantity": 1 },
        { "line": "3", "product": "cup", "quantity": 1, "store": "moon" },
    ] });
    let good = one("C", 2);
    let (bad, good) = tokio::join!(api.put("bad", &lines), api.put("good", &good));
    assert_eq!(
        (good.0, &good.1["lines"][0]["product"]),
        (OK, &json!("cup"))
    );
    assert_eq!(
        (bad.0, &bad.1["code"]),
        (UNPROCESSABLE, &json!("STOCK-UNKNOWN-PRODUCT"))
    );
    let errors = bad.1["errors"].as_array().unwrap();
    let pointers: Vec<_> = errors
        .iter()
        .map(|e| e["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        pointers,
        ["/lines/0/product", "/lines/1/product", "/lines/2/store"]
    );
    assert!(
        errors[1]["detail"]
            .as_str()
            .unwrap()
            .contains("`cup` and `mug`"),
        "{errors:?}"
    );
    for body in [
        json!({}),
        json!({ "lines": [{ "line": 1, "product": "cup", "quantity": -1 }] }),
    ] {
        assert_eq!(api.put("bad", &body).await.0, UNPROCESSABLE);
    }
}

#[tokio::test]
async fn a_misspelt_member_is_refused_by_name_and_changes_nothing() {
    let api = world().await;
    api.bring("a", "cup", "5").await;
    let line = json!([{ "line": "1", "product": "cup", "quantity": 1 }]);
    let held = api.put("r", &one("cup", 1)).await.1;
    let path = |act: &str| format!("/v1/reservations/main/r{act}");
    for (method, path, body, place) in [
        (
            Method::PUT,
            path(""),
            json!({ "expire_at": "2026-01-15T10:00:00Z", "lines": line }),
            "/expire_at",
        ),
        (Method::PUT, path(""), held.clone(), "/lines/0/shipped"),
        (
            Method::POST,
            path("/ship"),
            json!({ "line": line }),
            "/line",
        ),
        (
            Method::POST,
            path("/extend"),
            json!({ "hold": "1h", "holdd": "2h" }),
            "/holdd",
        ),
    ] {
        let (status, answer) = api.ask(method, &path, Some(&body)).await;
        assert_eq!(status, UNPROCESSABLE, "{path}: {answer}");
        assert_eq!(answer["errors"][0]["pointer"], place, "{answer}");
    }
    assert_eq!(api.get_reservation("r").await, held);
    api.prove().await;
}

#[tokio::test]
async fn nobody_sees_or_changes_the_reservations_of_another_shop() {
    let api = world().await;
    api.bring("a", "cup", "5").await;
    api.put("r", &one("cup", 1)).await;
    let path = "/v1/reservations/main/r";
    for (method, path, body) in [
        (Method::GET, path.to_owned(), None),
        (Method::DELETE, path.to_owned(), None),
        (Method::PUT, path.to_owned(), Some(one("cup", 1))),
        (Method::POST, format!("{path}/ship"), Some(json!({}))),
        (
            Method::POST,
            format!("{path}/extend"),
            Some(json!({ "hold": "1h" })),
        ),
    ] {
        let (status, _) = api
            .ask_as(OTHER, method.clone(), &path, body.as_ref())
            .await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}");
        if method != Method::GET {
            let (status, _) = api
                .ask_as(VIKTOR, method.clone(), &path, body.as_ref())
                .await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
        }
    }
    let own = "/v1/reservations/other/r";
    let (status, _) = api
        .ask_as(OTHER, Method::PUT, own, Some(&one("cup", 4)))
        .await;
    assert_eq!(
        status, OK,
        "the same id of another shop is another reservation"
    );
    let (status, _) = api
        .ask_as(OTHER, Method::PUT, own, Some(&one("cup", 5)))
        .await;
    assert_eq!(status, CONFLICT, "of the same goods");
}
