//! Who the customer is, through the whole service: the binary on a database, and a sandbox portal.

use crate::{
    sandbox::client,
    support::{
        database::Database,
        free_port,
        process::{self, Running},
        settings::{KEY, Settings},
    },
};
use b24_bridge::sandbox::{Options, Plan, Sandbox};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const OPERATOR: &str = "operator-key-0123456789";

struct World {
    portal: Sandbox,
    database: Database,
    folder: TempDir,
    port: u16,
    sent: usize,
    _bridge: Running,
}

impl World {
    async fn new() -> Self {
        let portal = Sandbox::start(Options::default().plan(Plan::Unlimited)).await;
        let portal = portal.unwrap();
        let (database, folder) = (Database::new().await, tempfile::tempdir().unwrap());
        let (port, settings) = (free_port(), folder.path().join("bridge.toml"));
        Settings::new(&portal.url())
            .listen(port)
            .rate(500, 500)
            .hasty()
            .set("shops.main.placeholders", "[\"kassa@shop.example\"]")
            .status("N", "NEW")
            .tables(&format!(
                "[operators.anna]\nkey = {OPERATOR:?}\nrole = \"operator\""
            ))
            .write(&settings);
        let bridge = process::serve(&settings, &database.url);
        Self {
            portal,
            database,
            folder,
            port,
            sent: 0,
            _bridge: bridge,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The shop posts an order with this customer, and it is settled.
    async fn order(&mut self, number: &str, customer: &Value) {
        self.sent += 1;
        let data = json!({
            "number": number, "version": self.sent, "status": "N", "currency": "RUB", "total": 0, "customer": customer
        });
        let event = json!({
            "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://shop.example",
            "id": format!("e{}", self.sent), "data": data
        });
        let url = self.url("/v1/events");
        self.until("the order is taken", async || {
            let sent = client()
                .post(&url)
                .bearer_auth(KEY)
                .json(&event)
                .send()
                .await;
            sent.is_ok_and(|answer| answer.status() == 202)
        })
        .await;
        self.settled().await;
    }

    async fn settled(&self) {
        self.until("the orders are settled", async || {
            let waiting = sqlx::query_scalar::<_, i64>(
                "SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL",
            );
            waiting.fetch_one(&self.database.pool).await.unwrap() == 0
        })
        .await;
    }

    async fn until(&self, what: &str, mut wanted: impl AsyncFnMut() -> bool) {
        let bound = Instant::now() + Duration::from_mins(1);
        while !wanted().await {
            assert!(Instant::now() < bound, "{what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn view(&self, number: &str) -> Value {
        let url = self.url(&format!("/v1/orders/main/{number}"));
        let got = client().get(url).bearer_auth(KEY).send().await.unwrap();
        got.json().await.unwrap()
    }

    /// The contact of an order's deal.
    fn contact_of(&self, number: &str) -> Value {
        let deals = self.portal.deals();
        let deal = deals
            .iter()
            .find(|deal| deal["ORIGIN_ID"] == number)
            .unwrap();
        let contacts = self.portal.contacts();
        let contact = contacts
            .into_iter()
            .find(|card| card["ID"] == deal["CONTACT_ID"]);
        contact.unwrap()
    }

    async fn links(&self) -> Vec<(String, i64)> {
        sqlx::query_as(
            "SELECT key, bitrix_id FROM bridge.links WHERE entity = 'contact' ORDER BY key",
        )
        .fetch_all(&self.database.pool)
        .await
        .unwrap()
    }
}

fn person(id: &str, name: &str, last: &str, phone: &str, email: &str) -> Value {
    json!({"id": id, "name": name, "last_name": last, "phones": [phone], "emails": [email]})
}

fn numbers(card: &Value) -> Vec<&str> {
    let all = ["PHONE", "EMAIL"]
        .into_iter()
        .filter_map(|field| card[field].as_array());
    all.flatten()
        .filter_map(|one| one["VALUE"].as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_follows_its_customer_and_no_link_or_card_of_another_changes() {
    let mut world = World::new().await;
    let anna = person("5", "Анна", "Петрова", "+79161000001", "anna@example.com");
    let boris = person("6", "Борис", "Сидоров", "+79161000002", "boris@example.com");
    world.order("A1", &anna).await;
    world.order("A2", &boris).await;
    let before = world.links().await;
    world.order("A1", &boris).await;
    assert_eq!(world.contact_of("A1"), world.contact_of("A2"));
    assert_eq!(world.links().await, before);
    let annas = world
        .portal
        .contacts()
        .into_iter()
        .find(|card| card["LAST_NAME"] == "Петрова");
    assert_eq!(
        numbers(&annas.unwrap()),
        ["+79161000001", "anna@example.com"]
    );
    // Two who are known by their ids and share a phone stay two.
    world
        .order(
            "A3",
            &person("7", "Анна", "Ким", "+79161000001", "kim@example.com"),
        )
        .await;
    assert_eq!(world.contact_of("A3")["LAST_NAME"], "Ким");
    // Nothing is left that a later event would write again.
    let updates = world.portal.stats().methods.get("crm.deal.update").copied();
    world.order("A1", &boris).await;
    assert_eq!(
        world.portal.stats().methods.get("crm.deal.update").copied(),
        updates
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_several_use_identify_nobody_in_the_end() {
    let mut world = World::new().await;
    let names = [
        ("Анна", "Петрова"),
        ("Борис", "Сидоров"),
        ("Вера", "Кузнецова"),
        ("Глеб", "Орлов"),
    ];
    for (at, (name, last)) in names.into_iter().enumerate() {
        let mut customer = person(
            "1",
            name,
            last,
            &format!("+7916100000{at}"),
            "operator@shop.example",
        );
        customer["phones"] = json!([format!("+7916100000{at}"), "+74951000000"]);
        world.order(&format!("B{at}"), &customer).await;
    }
    for (at, (_, last)) in names.into_iter().enumerate() {
        let card = world.contact_of(&format!("B{at}"));
        assert_eq!(card["LAST_NAME"], last);
        assert!(numbers(&card).contains(&format!("+7916100000{at}").as_str()));
    }
    let last = world.contact_of("B3");
    assert_eq!(numbers(&last), ["+79161000003"], "{last}");
    world
        .order(
            "B9",
            &person("9", "Зоя", "Лис", "+79161000009", "kassa@shop.example"),
        )
        .await;
    assert_eq!(numbers(&world.contact_of("B9")), ["+79161000009"]);
    let deals = world.portal.deals();
    let deal = deals.iter().find(|deal| deal["ORIGIN_ID"] == "B9").unwrap();
    assert!(
        deal["COMMENTS"]
            .as_str()
            .unwrap()
            .contains("kassa@shop.example")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_says_this_is_not_he_and_the_order_leaves_the_card_for_good() {
    let mut world = World::new().await;
    world
        .order(
            "C1",
            &person("", "Сан", "", "+79161000001", "a@example.com"),
        )
        .await;
    let first = world.contact_of("C1");
    let other = person("8", "Клара", "", "+79161000001", "k@example.com");
    world.order("C2", &other).await;
    assert_eq!(
        world.contact_of("C2")["ID"],
        first["ID"],
        "nothing speaks against it"
    );
    let view = world.view("C2").await;
    assert_eq!(view["recognised"]["version"], 1, "{view}");
    assert_eq!(view["recognised"]["contact"]["evidence"][0], "phone");
    let id: u64 = first["ID"].as_str().unwrap().parse().unwrap();
    let say = async |key: &str| {
        let url = world.url("/v1/orders/main/C2/not-customer");
        let body = json!({ "id": id });
        let sent = client().post(url).bearer_auth(key).json(&body).send().await;
        sent.unwrap().status().as_u16()
    };
    assert_eq!(say(KEY).await, 403);
    assert_eq!(say(OPERATOR).await, 200);
    assert_eq!(
        say(OPERATOR).await,
        404,
        "the order has that card no longer"
    );
    world.settled().await;
    let own = world.contact_of("C2");
    assert_ne!(own["ID"], first["ID"]);
    let view = world.view("C2").await;
    assert_eq!(
        view["recognised"]["contact"]["passed"][0]["because"],
        "operator"
    );
    assert!(
        world
            .links()
            .await
            .iter()
            .all(|(_, linked)| u64::try_from(*linked).unwrap() != id)
    );
    world.order("C3", &other).await;
    assert_eq!(
        world.contact_of("C3")["ID"],
        own["ID"],
        "the word is kept for the next order"
    );
    // The command says it, too.
    let settings = world.folder.path().join("bridge.toml");
    let said = ["orders", "not-customer", "main", "C3"];
    let mut command = process::command(&said, &settings, &world.database.url);
    assert!(command.status().unwrap().success());
    world.settled().await;
    assert_ne!(world.contact_of("C3")["ID"], own["ID"]);
}
