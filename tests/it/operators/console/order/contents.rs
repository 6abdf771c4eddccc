//! The order's page shows the order.

use super::{
    Page, World, event,
    journey::{conflict, order_is},
};
use crate::support::shop::main_shop;
use reqwest::StatusCode;
use serde_json::json;

const HOSTILE: &str = "<script>window.hacked = 1</script>";

#[tokio::test]
async fn the_page_of_an_order_shows_who_ordered_what_for_how_much_and_hostile_text_as_text() {
    let world = World::without_worker().await;
    let mut order = event("e1", "A-1", 1);
    let data = &mut order["data"];
    data["total"] = json!("2290.50");
    data["paid"] = json!(true);
    data["customer"] = json!({
        "kind": "company", "name": "Анна", "last_name": "Петрова", "phones": ["8 916 000-00-01"],
        "emails": ["Anna@example.ru"], "company": {"title": "ООО «Ромашка»", "inn": "7707083893"},
    });
    data["items"] = json!([
        {"name": format!("Чай {HOSTILE}"), "sku": "T-1", "quantity": "1.500", "unit": "кг",
         "price": "1427"},
    ]);
    data["delivery"] = json!({"method": "Курьер", "price": 150, "address": "Москва, Тверская, 1"});
    data["payment"] = json!({"method": "Картой"});
    data["comment"] = json!(HOSTILE);
    world.post(&order).await;

    let page = Page::anna(&world).await;
    let answer = page.get("/orders/main/A-1").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let shown = answer.text().await.unwrap();
    for told in [
        "2,290.50 RUB",
        "Анна Петрова",
        "tel:+79160000001",
        "mailto:anna@example.ru",
        "ООО «Ромашка»",
        "7707083893",
        "T-1",
        "1.5 кг",
        "1,427.00",
        "2,140.50",
        "Курьер",
        "150.00",
        "Москва, Тверская, 1",
        "Картой",
        "&lt;script&gt;",
    ] {
        assert!(shown.contains(told), "{told} in {shown}");
    }
    assert!(!shown.contains(HOSTILE));

    // What the API and the command line show is the same.
    let view = world.app.operations.order_view(&main_shop(), "A-1").await;
    let contents = view.unwrap().unwrap().contents.unwrap();
    assert_eq!(contents.items[0].sum.as_deref(), Some("2140.50"));
    assert!(contents.paid);
}

#[tokio::test]
async fn the_page_of_an_order_whose_events_are_gone_says_so() {
    let world = World::without_worker().await;
    world.post(&event("e1", "A-1", 1)).await;
    sqlx::query("UPDATE bridge.orders SET head_id = NULL")
        .execute(&world.db.pool)
        .await
        .unwrap();
    let page = Page::anna(&world).await;
    let answer = page.get("/orders/main/A-1").await;
    assert_eq!(answer.status(), StatusCode::OK);
    let shown = answer.text().await.unwrap();
    assert!(shown.contains("no longer stored"), "{shown}");
}

/// Where an act on a page leads.
async fn leads_to(page: &Page<'_>, act: &str, form: &[(&str, &str)]) -> String {
    let answer = page.post(act, form).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{act}");
    answer.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_open_of_an_order_is_decided_and_put_right_on_its_own_page() {
    let world = World::new().await;
    world.post(&event("e1", "A-1", 1)).await;
    let mut unknown = event("e2", "A-2", 1);
    unknown["data"]["status"] = json!("UNKNOWN");
    world.post(&unknown).await;
    order_is(&world, "A-1", |order| order.in_sync).await;
    order_is(&world, "A-2", |order| order.dead == 1).await;
    conflict(&world, "A-1").await;

    let page = Page::anna(&world).await;
    let shown = page.get("/orders/main/A-1").await.text().await.unwrap();
    let answers = "action=\"/console/conflicts/1/resolve\"";
    assert_eq!(shown.matches(answers).count(), 2, "{shown}");
    let ruling = [("winner", "shop"), ("back", "order")];
    let page_after = leads_to(&page, "/conflicts/1/resolve", &ruling).await;
    assert_eq!(page_after, "/console/orders/main/A-1?done=resolved");

    let shown = page.get("/orders/main/A-2").await.text().await.unwrap();
    for act in ["retry", "mend#mend"] {
        let form = format!("action=\"/console/dead-letters/1/{act}\"");
        assert!(shown.contains(&form), "{act}: {shown}");
    }
    let page_after = leads_to(&page, "/dead-letters/1/retry", &[("back", "order")]).await;
    assert_eq!(page_after, "/console/orders/main/A-2?done=queued");
}
