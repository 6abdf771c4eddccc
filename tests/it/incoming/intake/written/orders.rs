//! Orders as shops' systems send them over HTTP, and what stands in the portal in the end.

use crate::support::connections;
use crate::support::{
    api::Api,
    shop::{event, main_shop},
};
use b24_bridge::{
    app::LetterFilter,
    clients::bitrix24::{Client, Credentials, Options, Rate},
    domain::PortalName,
    sandbox::{self, Plan, Sandbox},
    worker,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::StatusCode;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A small order as WooCommerce sends it.
fn order() -> Value {
    serde_json::from_str(include_str!("woocommerce.json")).unwrap()
}

struct World {
    api: Api,
    portal: Sandbox,
    stop: CancellationToken,
    work: JoinHandle<Result<(), worker::Error>>,
}

impl World {
    async fn new() -> Self {
        let api = Api::new().await;
        let options = sandbox::Options::default().plan(Plan::Unlimited);
        let portal = Sandbox::start(options).await.unwrap();
        let rate = Rate {
            per_second: 500.0,
            burst: 500,
        };
        let options = Options {
            rate,
            full_burst: true,
            timeout: Duration::from_secs(5),
        };
        let client = Client::new(
            Credentials::webhook(&portal.url()).unwrap(),
            &connections(),
            &options,
        );
        let lanes = worker::Lanes::of(BTreeMap::from([(
            PortalName::parse("main").unwrap(),
            client,
        )]));
        let options = worker::Settings {
            poll: Duration::from_millis(50),
            ..worker::Settings::default()
        };
        let stop = CancellationToken::new();
        let app = api.app.clone();
        let work = tokio::spawn(worker::run(app, lanes, options, stop.clone()));
        Self {
            api,
            portal,
            stop,
            work,
        }
    }

    /// Posts a body of WooCommerce's, signed.
    async fn woocommerce(&self, body: &Value) -> (StatusCode, Value) {
        let body = body.to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(b"woo-secret-0123456789").unwrap();
        mac.update(body.as_bytes());
        let url = format!("{}/v1/woocommerce/main", self.api.url);
        let answer = self
            .api
            .client
            .post(url)
            .header("content-type", "application/json");
        let answer = answer
            .header("x-wc-webhook-topic", "order.updated")
            .header(
                "x-wc-webhook-signature",
                STANDARD.encode(mac.finalize().into_bytes()),
            )
            .body(body);
        let answer = answer.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// Brings an order of WooCommerce's to the portal: its deal.
    async fn brought(&self, body: &Value) -> Value {
        let (status, answer) = self.woocommerce(body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        self.deal(&body["id"].to_string()).await
    }

    /// The deal of an order, as soon as the order is settled.
    async fn deal(&self, number: &str) -> Value {
        let begun = Instant::now();
        loop {
            let view = self
                .api
                .app
                .operations
                .order_view(&main_shop(), number)
                .await
                .unwrap();
            let settled = view.is_some_and(|view| view.pending == 0 || view.dead > 0);
            let deals = self.portal.deals();
            let deal = deals.into_iter().find(|deal| deal["ORIGIN_ID"] == number);
            if let Some(deal) = deal.filter(|_| settled) {
                return deal;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{number} is not there"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn rows(&self, deal: &Value) -> Vec<Value> {
        self.portal
            .rows(deal["ID"].as_str().unwrap().parse().unwrap())
    }

    fn contact(&self, deal: &Value) -> Value {
        let contacts = self.portal.contacts();
        let own = contacts
            .into_iter()
            .find(|one| one["ID"] == deal["CONTACT_ID"]);
        own.unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        self.work.await.unwrap().unwrap();
    }
}

fn comment(deal: &Value) -> &str {
    deal["COMMENTS"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_options_taxes_and_addresses_of_woocommerce_arrive_as_people_mean_them() {
    let world = World::new().await;

    let mut html = order();
    html["line_items"][0]["name"] = json!("Шарф &quot;Иней&quot; 30&#215;180");
    html["line_items"][0]["meta_data"] = json!(
        [
            {
                "key": "pa_color", "value": "blue", "display_key": "Цвет", "display_value":
                    "<p>синий</p>"
            }
        ]
    );
    let deal = world.brought(&html).await;
    assert_eq!(
        world.rows(&deal)[0]["PRODUCT_NAME"],
        "Шарф \"Иней\" 30×180 (Цвет: синий)"
    );

    let mut no_email = order();
    no_email["id"] = json!(8103);
    no_email["billing"]["email"] = json!("не пользуюсь");
    no_email["billing"]["phone"] = json!("+7 909 200-30-41");
    let deal = world.brought(&no_email).await;
    assert!(comment(&deal).contains("не пользуюсь"), "{deal}");
    let contact = world.contact(&deal);
    assert!(contact.to_string().contains("+79092003041"), "{contact}");

    let mut pasted = order();
    pasted["id"] = json!(8104);
    pasted["billing"]["email"] = json!("");
    pasted["billing"]["phone"] =
        json!("\u{202a}8 909 200 30 42\u{202c} доб. 7 / тел. 8 909 200 30 43");
    let deal = world.brought(&pasted).await;
    let contact = world.contact(&deal).to_string();
    assert!(
        contact.contains("+79092003042") && contact.contains("+79092003043"),
        "{contact}"
    );
    assert!(comment(&deal).contains("доб. 7"), "{deal}");

    let mut taxed = order();
    taxed["id"] = json!(8105);
    taxed["tax_lines"] = json!([{"rate_id": 3, "rate_percent": 20}]);
    taxed["shipping_lines"] = json!([{
        "method_title": "Почта", "method_id": "flat_rate", "total": "100.00", "total_tax": "20.00",
        "taxes": [{"id": 3, "total": "20.00"}]
    }]);
    taxed["total"] = json!("1620.00");
    let deal = world.brought(&taxed).await;
    let rows = world.rows(&deal);
    assert_eq!(
        (&rows[1]["TAX_RATE"], &rows[1]["PRICE"]),
        (&json!(20), &json!(120)),
        "{rows:?}"
    );
    assert_eq!(deal["IS_MANUAL_OPPORTUNITY"], "N");

    let mut fetched = order();
    fetched["id"] = json!(8108);
    fetched["shipping_lines"] =
        json!([{"method_title": "Самовывоз", "method_id": "local_pickup", "total": "0.00"}]);
    let deal = world.brought(&fetched).await;
    assert!(
        comment(&deal).contains("Самовывоз") && !comment(&deal).contains("Садовая"),
        "{deal}"
    );

    let mut part = order();
    part["id"] = json!(8109);
    part["parent_id"] = json!(8101);
    let (status, answer) = world.woocommerce(&part).await;
    assert_eq!(
        (status, &answer["result"]),
        (StatusCode::OK, &json!("ignored"))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floats_and_phps_ways_of_saying_nothing_cost_no_order() {
    let world = World::new().await;
    let mut body = event("f1", "F-1", 1);
    body["data"]["total"] = json!(3_299.400_000_000_000_5);
    body["data"]["items"] =
        json!([{"name": "Чай", "quantity": "3", "price": 1_099.800_000_000_000_2, "vat_rate": ""}]);
    body["data"]["properties"] = json!([]);
    body["data"]["delivery"] = json!([]);
    body["data"]["paid"] = json!("0");
    body["data"]["paid_at"] = json!("");
    body["data"]["comment"] = json!("я".repeat(20_000));
    body["data"]["customer"] = json!({
        "id": 5, "name": "Вера ".repeat(40), "phones": "8 909 200-30-44", "emails": [
            "vera@example.com; v2@example.com", ""
        ],
        "company": []
    });
    let posted = world
        .api
        .app
        .intake
        .accept_events(Some(&main_shop()), &[body])
        .await
        .unwrap();
    assert_eq!(format!("{posted:?}"), "[Queued]");
    let deal = world.deal("F-1").await;
    let sum: Decimal = deal["OPPORTUNITY"].as_str().unwrap().parse().unwrap();
    assert_eq!(sum, "3299.40".parse().unwrap());
    assert!(comment(&deal).chars().count() < 11_000);
    let contact = world.contact(&deal).to_string();
    assert!(
        contact.contains("vera@example.com") && contact.contains("v2@example.com"),
        "{contact}"
    );
    let view = world
        .api
        .app
        .operations
        .order_view(&main_shop(), "F-1")
        .await
        .unwrap()
        .unwrap();
    let told: Vec<_> = view
        .timeline
        .iter()
        .map(|entry| entry.text.as_str())
        .collect();
    assert!(
        told.iter()
            .any(|text| text.contains("comment was shortened")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|text| text.contains("name was shortened")),
        "{told:?}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_place_of_an_order_is_acknowledged_and_the_operator_is_told_until_one_comes()
{
    let world = World::new().await;
    let denied = json!(
        {"code": "woocommerce_rest_cannot_view", "message": "Нельзя", "data": {"status": 401}}
    );
    for _ in 0..6 {
        let (status, answer) = world.woocommerce(&denied).await;
        assert_eq!(
            (status, &answer["result"]),
            (StatusCode::OK, &json!("ignored"))
        );
    }
    let notices = world.api.app.operations.status().await.unwrap().notices;
    assert_eq!(
        (notices[0].code.as_str(), notices[0].times),
        ("SHOP-WEBHOOK-OWNER", 6)
    );
    assert!(notices[0].message.contains("Нельзя"));
    let glance = world.api.app.operations.overview().await.unwrap();
    assert!(
        glance
            .incidents
            .iter()
            .any(|one| one.code == "SHOP-WEBHOOK-OWNER" && one.over_at.is_none())
    );
    world.brought(&order()).await;
    assert!(
        world
            .api
            .app
            .operations
            .status()
            .await
            .unwrap()
            .notices
            .is_empty()
    );
    world.end().await;
}

/// Puts a value where a pointer leads, whether there was one or not.
fn put(body: &mut Value, pointer: &str, value: &Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value.clone();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_odd_order_of_woocommerce_arrives_as_its_row_says_or_is_a_letter() {
    let world = World::new().await;
    let cases = include_str!("woocommerce_cases.json");
    let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
    let mut letters = 0;
    for (nth, case) in cases.iter().enumerate() {
        let mut body = order();
        body["id"] = json!(8_200 + nth);
        body["billing"]["email"] = json!(format!("odd-{nth}@example.com"));
        body["billing"]["phone"] = json!(format!("+7909300{nth:04}"));
        for (pointer, value) in case["change"].as_object().unwrap() {
            put(&mut body, pointer, value);
        }
        if case["dead"] == true {
            let (status, answer) = world.woocommerce(&body).await;
            let told = (status, &answer["result"]);
            assert_eq!(told, (StatusCode::ACCEPTED, &json!("dead")), "{case}");
            letters += 1;
            continue;
        }
        let deal = world.brought(&body).await;
        if let Some(rows) = case["rows"].as_array() {
            let row = |row: &Value| {
                let name = row["PRODUCT_NAME"].as_str().unwrap();
                json!(format!("{name} | {} | {}", row["PRICE"], row["QUANTITY"]))
            };
            let there: Vec<Value> = world.rows(&deal).iter().map(row).collect();
            assert_eq!(&there, rows, "{case}");
        }
        if let Some(sum) = case["sum"].as_str() {
            let there: Decimal = deal["OPPORTUNITY"].as_str().unwrap().parse().unwrap();
            assert_eq!(there, sum.parse().unwrap(), "{case}");
        }
        if let Some(part) = case["comment"].as_str() {
            assert!(comment(&deal).contains(part), "{case}: {deal}");
        }
        if let Some(name) = case["contact"].as_str() {
            assert_eq!(world.contact(&deal)["NAME"], name, "{case}");
        }
    }
    let all = LetterFilter::default();
    let page = world.api.app.dead_letters.dead_letters(&all).await.unwrap();
    assert_eq!(page.items.len(), letters);
    world.end().await;
}
