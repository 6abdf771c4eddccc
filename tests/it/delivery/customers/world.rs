//! The binary on a database, with two shops on one sandbox portal.

use crate::{
    portal::sandbox::client,
    support::{
        database::Database,
        free_port,
        process::{self, Running},
        settings::{KEY, Settings},
    },
};
use b24_bridge::sandbox::{Options, Plan, Sandbox};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub(super) const OPERATOR: &str = "operator-key-0123456789";
const SECOND: &str = "second-key-0123456789";
const WOO: &str = "woo-secret-0123456789";

pub(super) struct World {
    pub(super) portal: Sandbox,
    pub(super) database: Database,
    folder: TempDir,
    port: u16,
    sent: usize,
    app: Running,
}

impl World {
    pub(super) async fn new() -> Self {
        let portal = Sandbox::start(Options::default().plan(Plan::Unlimited)).await;
        let portal = portal.unwrap();
        let (database, folder) = (Database::new().await, tempfile::tempdir().unwrap());
        let (port, settings) = (free_port(), folder.path().join("bridge.toml"));
        Settings::new(&portal.url())
            .listen(port)
            .rate(500, 500)
            .hasty()
            .set(
                "shops.main.placeholders",
                "[\"kassa@shop.example\", \"Розница\"]",
            )
            .text("shops.main.woocommerce.secret", WOO)
            .status("N", "NEW")
            .tables(&format!(
                "[shops.second]\nportal = \"main\"\napi_keys = [{SECOND:?}]\n\
                 [[shops.second.statuses]]\nstatus = \"N\"\nstage = \"NEW\"\n\
                 [operators.anna]\nkey = {OPERATOR:?}\nrole = \"operator\""
            ))
            .write(&settings);
        let app = process::serve(&settings, &database.url);
        Self {
            portal,
            database,
            folder,
            port,
            sent: 0,
            app,
        }
    }

    pub(super) fn settings(&self) -> PathBuf {
        self.folder.path().join("bridge.toml")
    }

    /// Kills the bridge, and starts it again.
    pub(super) fn restart(&mut self) {
        let _ = self.app.0.kill();
        let _ = self.app.0.wait();
        self.app = process::serve(&self.settings(), &self.database.url);
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The shop `main` posts an order with this customer, and it is settled.
    pub(super) async fn order(&mut self, number: &str, customer: &Value) {
        self.order_of("main", number, json!({ "customer": customer }))
            .await;
    }

    /// A shop posts an order with these members, and it is settled.
    pub(super) async fn order_of(&mut self, shop: &str, number: &str, members: Value) {
        self.sent += 1;
        let mut data = json!({
            "number": number, "version": self.sent, "status": "N", "currency": "RUB", "total": 0
        });
        for (member, value) in members.as_object().unwrap() {
            data[member] = value.clone();
        }
        let event = json!({
            "specversion": "1.0", "type": "shop.order.saved.v1", "source": format!(
                "https://{shop}.example"
            ),
            "id": format!("e{}", self.sent), "data": data
        });
        let url = self.url("/v1/events");
        let key = if shop == "main" { KEY } else { SECOND };
        self.until("the order is taken", async || {
            let request = client().post(&url).bearer_auth(key).json(&event);
            let sent = request.send().await;
            sent.is_ok_and(|answer| answer.status() == 202)
        })
        .await;
        self.settled().await;
    }

    /// WooCommerce sends an order of the shop `main`, and it is settled.
    pub(super) async fn woocommerce(&self, order: &Value) {
        let body = order.to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(WOO.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let url = self.url("/v1/woocommerce/main");
        self.until("the order is taken", async || {
            let request = client().post(&url).body(body.clone());
            let request = request
                .header("content-type", "application/json")
                .header("x-wc-webhook-topic", "order.updated")
                .header("x-wc-webhook-signature", &signature);
            let sent = request.send().await;
            sent.is_ok_and(|answer| answer.status() == 202)
        })
        .await;
        self.settled().await;
    }

    pub(super) async fn settled(&self) {
        self.until("the orders are settled", async || {
            let waiting = sqlx::query_scalar::<_, i64>(
                "SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL",
            );
            waiting.fetch_one(&self.database.pool).await.unwrap() == 0
        })
        .await;
    }

    pub(super) async fn until(&self, what: &str, mut wanted: impl AsyncFnMut() -> bool) {
        let bound = Instant::now() + Duration::from_mins(2);
        while !wanted().await {
            assert!(Instant::now() < bound, "{what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// An order of `main` as the API shows it.
    pub(super) async fn view(&self, number: &str) -> Value {
        let url = self.url(&format!("/v1/orders/main/{number}"));
        let got = client().get(url).bearer_auth(KEY).send().await.unwrap();
        got.json().await.unwrap()
    }

    /// An operator says that a card is not an order's: the status of the answer.
    pub(super) async fn not_customer(&self, order: &str, body: &Value) -> u16 {
        self.not_customer_by(OPERATOR, order, body).await
    }

    pub(super) async fn not_customer_by(&self, key: &str, order: &str, body: &Value) -> u16 {
        let url = self.url(&format!("/v1/orders/{order}/not-customer"));
        let sent = client().post(url).bearer_auth(key).json(body).send().await;
        sent.unwrap().status().as_u16()
    }

    pub(super) fn deal(&self, number: &str) -> Value {
        let deals = self.portal.deals();
        let deal = deals.into_iter().find(|deal| deal["ORIGIN_ID"] == number);
        deal.unwrap()
    }

    /// The contact of an order's deal.
    pub(super) fn contact_of(&self, number: &str) -> Value {
        let deal = self.deal(number);
        let contacts = self.portal.contacts();
        let contact = contacts
            .into_iter()
            .find(|card| card["ID"] == deal["CONTACT_ID"]);
        contact.unwrap_or_else(|| panic!("{number} has no contact: {deal}"))
    }

    /// The company of an order's deal, if it has one.
    pub(super) fn company_of(&self, number: &str) -> Option<Value> {
        let deal = self.deal(number);
        let companies = self.portal.companies();
        companies
            .into_iter()
            .find(|card| card["ID"] == deal["COMPANY_ID"])
    }

    /// Calls a method of the portal, as a person or another integration does.
    pub(super) async fn call(&self, method: &str, body: &Value) -> Value {
        let url = format!("{}{method}", self.portal.url());
        let answer = client().post(url).json(body).send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Which card stands for which customer or firm.
    pub(super) async fn links(&self) -> Vec<(String, i64)> {
        let links = sqlx::query_as(
            "SELECT entity || ' ' || key, bitrix_id FROM bridge.links
             WHERE entity IN ('contact', 'company') ORDER BY 1",
        );
        links.fetch_all(&self.database.pool).await.unwrap()
    }
}

pub(super) fn person(id: &str, name: &str, last: &str, phone: &str, email: &str) -> Value {
    let list = |one: &str| {
        if one.is_empty() {
            json!([])
        } else {
            json!([one])
        }
    };
    json!({"id": id, "name": name, "last_name": last, "phones": list(phone), "emails": list(email)})
}

/// The same with a company.
pub(super) fn of_firm(mut customer: Value, title: &str, inn: &str, kpp: &str) -> Value {
    customer["company"] = json!({"title": title, "inn": inn, "kpp": kpp});
    customer
}

/// A card's id.
pub(super) fn id(card: &Value) -> u64 {
    card["ID"].as_str().unwrap().parse().unwrap()
}

/// The phones and addresses on a card, sorted.
pub(super) fn numbers(card: &Value) -> Vec<&str> {
    let all = ["PHONE", "EMAIL"]
        .into_iter()
        .filter_map(|field| card[field].as_array());
    let values = all.flatten().filter_map(|one| one["VALUE"].as_str());
    let mut values: Vec<&str> = values.collect();
    values.sort_unstable();
    values
}
