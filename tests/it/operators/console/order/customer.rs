//! The order's page says by what its customer was recognised, and an operator can say: this is not
//! he.

use super::{
    Page, World,
    browser::{Browser, program},
    event,
    journey::order_is,
    world::ANNA,
};
use crate::portal::sandbox::client;
use b24_bridge::domain::ShopName;
use reqwest::StatusCode;
use serde_json::{Value, json};

const HOSTILE: &str = "<script>window.hacked = 1</script>";
const PAGE: &str = "/orders/main/A-1";
const ACT: &str = "/orders/main/A-1/not-customer";

/// A contact that a manager made.
async fn contact(world: &World, fields: Value) -> u64 {
    let url = format!("{}crm.contact.add", world.portal.url());
    let body = json!({ "fields": fields });
    let made: Value = client()
        .post(url)
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    made["result"].as_u64().unwrap()
}

/// An order whose phone found a card without a name, and passed over one of somebody else.
async fn recognised(world: &World) -> u64 {
    let phone = json!([{"VALUE": "89160000001", "VALUE_TYPE": "WORK"}]);
    let found = contact(world, json!({"NAME": "Клиент", "PHONE": phone})).await;
    let other = json!({"NAME": "Борис", "LAST_NAME": format!("Сидоров {HOSTILE}"), "PHONE": phone});
    contact(world, other).await;
    let mut event = event("e1", "A-1", 1);
    event["data"]["customer"]["last_name"] = json!("Петрова");
    world.post(&event).await;
    order_is(world, "A-1", |order| order.in_sync).await;
    assert_eq!(contact_of(world).await, Some(found));
    found
}

async fn contact_of(world: &World) -> Option<u64> {
    let shop = ShopName::parse("main").unwrap();
    let order = world.app.operations.order_view(&shop, "A-1").await.unwrap();
    order.unwrap().contact_id
}

#[tokio::test]
async fn the_page_explains_each_match_in_both_languages_and_escapes_what_stands_on_cards() {
    let world = World::new().await;
    recognised(&world).await;
    let page = Page::anna(&world).await;
    let text = page.get(PAGE).await.text().await.unwrap();
    for told in [
        "Who the customer is",
        "a phone is the same (+79160000001)",
        "its name is another's",
        "Борис Сидоров",
        "This is somebody else",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains(HOSTILE), "{text}");
    let request = page.client.get(world.at(PAGE));
    let request = request.header("cookie", format!("{}; b24_lang=ru", page.cookie));
    let text = request.send().await.unwrap().text().await.unwrap();
    for told in [
        "Кто покупатель",
        "совпадает телефон (+79160000001)",
        "телефон или почта те же, но имя другое",
        "Это другой человек",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[tokio::test]
async fn only_an_operator_on_his_own_page_takes_a_card_back_and_it_is_on_record() {
    let world = World::new().await;
    let found = recognised(&world).await;
    let card = found.to_string();
    let form = [("card", "contact"), ("id", card.as_str())];
    let viewer = Page::viktor(&world).await;
    let text = viewer.get(PAGE).await.text().await.unwrap();
    let (_, act) = text.split_once("/not-customer\"").unwrap();
    let (button, _) = act.split_once("</form>").unwrap();
    assert!(button.contains("disabled"), "{button}");
    assert_eq!(
        viewer.post(ACT, &form).await.status(),
        StatusCode::FORBIDDEN
    );
    let anna = Page::anna(&world).await;
    let forged = anna.client.post(world.at(ACT));
    let forged = forged.header("cookie", &anna.cookie).form(&form);
    assert_eq!(
        forged.send().await.unwrap().status(),
        StatusCode::FORBIDDEN,
        "without the page's own token"
    );
    let wrong = anna
        .post(ACT, &[("card", "contact"), ("id", "999999")])
        .await;
    let place = wrong.headers()["location"].to_str().unwrap().to_owned();
    assert!(place.ends_with("?done=another-card"), "{place}");
    let text = anna.get(&format!("{PAGE}?done=another-card")).await;
    let text = text.text().await.unwrap();
    assert!(text.contains("nothing was changed"), "{text}");
    for unusable in [
        &[("card", "contact"), ("id", "x")],
        &[("card", "deal"), ("id", "1")],
    ] {
        let answer = anna.post(ACT, unusable).await.status();
        assert_eq!(answer, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let nowhere = anna.post("/orders/main/A-9/not-customer", &form).await;
    assert_ne!(nowhere.status(), StatusCode::OK);
    assert_eq!(contact_of(&world).await, Some(found));
    let said = anna.post(ACT, &form).await;
    assert_eq!(said.status(), StatusCode::SEE_OTHER);
    let place = said.headers()["location"].to_str().unwrap().to_owned();
    assert!(place.ends_with("?done=not-customer"), "{place}");
    order_is(&world, "A-1", |order| {
        order.pending == 0 && order.contact_id.is_some_and(|id| id != found)
    })
    .await;
    let text = anna.get(PAGE).await.text().await.unwrap();
    for told in ["made for this customer", "an operator said that it is not"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let audit = anna.get("/audit").await.text().await.unwrap();
    assert!(audit.contains("order.not_customer"), "{audit}");
}

#[tokio::test]
async fn a_wrong_match_is_taken_back_with_one_click() {
    let Some(program) = program() else { return };
    let world = World::new().await;
    let found = recognised(&world).await;
    let mut browser = Browser::start(&program).await;
    browser.go(&world.at(PAGE)).await;
    browser.fill("input[name=name]", "anna").await;
    browser.fill("input[name=password]", ANNA).await;
    browser.click("main form button").await;
    browser.picture("order-recognised", 1400).await;
    browser.picture("order-recognised", 390).await;
    let text = browser.text().await;
    assert!(
        text.contains("a phone is the same (+79160000001)"),
        "{text}"
    );
    browser.click("form[action$='/not-customer'] button").await;
    let text = browser.text().await;
    assert!(text.contains("another card is looked for"), "{text}");
    order_is(&world, "A-1", |order| {
        order.pending == 0 && order.contact_id.is_some_and(|id| id != found)
    })
    .await;
    browser.go(&world.at("/language/ru?back=%2Fconsole")).await;
    browser.go(&world.at(PAGE)).await;
    let text = browser.text().await;
    assert!(
        text.contains("карточка создана для этого покупателя"),
        "{text}"
    );
    assert!(browser.eval("window.hacked === undefined").await == true);
}
