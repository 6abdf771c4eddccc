//! One wrong field is put right in a form, in the reader's language, with the JSON behind it.

use super::{dead, idle, world::Page};
use crate::support::shop::{claim, event, lease, main_shop, refused, tries};
use b24_bridge::app::LetterFilter;
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_letter_shows_the_field_its_code_points_at_and_a_refused_correction_stays_as_typed() {
    let (world, app) = idle().await;
    let id = dead(&app, &world, "A-1", "hello").await;
    let anna = Page::anna(&world).await;
    let letter = format!("/dead-letters/{id}");
    let page = anna.get(&letter).await.text().await.unwrap();
    assert!(
        page.contains(r#"<input name="/data/status" value="N""#),
        "{page}"
    );
    assert!(
        page.contains("<summary>The event (JSON)</summary>"),
        "{page}"
    );
    let mend = format!("{letter}/mend");
    let russian = anna.client.get(world.at("/language/ru?back=%2Fconsole"));
    let chosen = russian.header("cookie", &anna.cookie).send().await.unwrap();
    let cookie = chosen.headers()["set-cookie"].to_str().unwrap();
    let language = cookie.split(';').next().unwrap();
    let form = [
        ("csrf", &*anna.csrf),
        ("/data/status", ""),
        ("/data/currency", "рубли"),
        ("/data/total", "200.00"),
    ];
    let request = anna.client.post(world.at(&mend)).form(&form);
    let cookies = format!("{}; {language}", anna.cookie);
    let answer = request.header("cookie", cookies).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = answer.text().await.unwrap();
    for words in [
        "`status`: обязательно",
        "три буквы (ISO 4217)",
        r#"<input name="/data/currency" value="рубли""#,
        r#"<input name="/data/total" value="200.00""#,
        "Валюта ",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(app.dead_letters.dead_letter(id).await.unwrap().is_some());
    let form = [("/data/status", "P"), ("/data/total", "200.00")];
    let answer = anna.post(&mend, &form).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let order = app.operations.order_view(&main_shop(), "A-1").await;
    let order = order.unwrap().unwrap();
    assert_eq!((order.status.as_deref(), order.pending), (Some("P"), 1));
    assert_eq!(order.contents.unwrap().total, "200.00");
}

#[tokio::test]
async fn an_order_that_is_still_tried_is_put_right_or_given_up_on_its_page() {
    let (world, app) = idle().await;
    let anna = Page::anna(&world).await;
    let lease = lease(&world.db.pool, "w").await.unwrap();
    for number in ["B-1", "B-2"] {
        let mut bad = event(number, number, 1);
        bad["data"]["customer"]["emails"] = json!(["anna@"]);
        world.post(&bad).await;
        let due = claim(&app, &lease).await;
        let found = due.into_iter().find(|(one, _)| one.number == number);
        let (claimed, _) = found.unwrap();
        let ended = vec![(claimed, refused())];
        app.delivery.settle(&lease, &tries(), ended).await.unwrap();
        let path = format!("/orders/main/{number}");
        let page = anna.get(&path).await.text().await.unwrap();
        let field = r#"<input name="/data/customer/emails/0" value="anna@""#;
        assert!(page.contains(field), "{page}");
        let (_, rest) = page.split_once(r#"name="event" value=""#).unwrap();
        let event = rest.split('"').next().unwrap();
        let field = "/data/customer/emails/0";
        let (act, more) = match number {
            "B-1" => ("mend", (field, "anna@example.org")),
            _ => ("give-up", ("reason", "no longer wanted")),
        };
        let viktor = Page::viktor(&world).await;
        let act = format!("{path}/{act}");
        let form = [("event", event), more];
        let denied = viktor.post(&act, &form).await;
        assert_eq!(denied.status(), StatusCode::FORBIDDEN);
        let stale = anna.post(&act, &[("event", "0"), more]).await;
        let place = stale.headers()["location"].to_str().unwrap().to_owned();
        assert!(place.ends_with("done=no-longer-tried"), "{place}");
        if number == "B-1" {
            let wrong = [("event", event), ("/data/total", "much")];
            let answer = anna.post(&act, &wrong).await;
            assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
            let page = answer.text().await.unwrap();
            assert!(page.contains(r#"value="much""#), "{page}");
        }
        let answer = anna.post(&act, &form).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let page = anna.get(&path).await.text().await.unwrap();
        assert!(!page.contains(r#"name="event""#), "{page}");
    }
    let every = LetterFilter::default();
    let open = app.dead_letters.dead_letters(&every).await.unwrap();
    assert_eq!(open.items, []);
}
