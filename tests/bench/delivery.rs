//! From the event to the deal: calls, time, and the portal's limit.

use crate::{
    database::Database,
    report::{Bar, Report, quantile, timed},
    served::{Limit, Served, order, orders, until},
};
use b24_bridge::{
    clients::{
        bitrix24::{Client, Credentials, Options, Priority, Rate},
        connections::Connections,
    },
    sandbox::{self, Plan, Sandbox},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const STANDARD: Limit = Limit {
    per_second: 2,
    burst: 50,
};
/// Next to no burst: what is left when it is used up.
const SUSTAINED: Limit = Limit {
    per_second: 2,
    burst: 4,
};

pub(crate) async fn run(report: &mut Report) {
    thousand(report).await;
    sustained(report).await;
    three_workers(report).await;
    idle(report).await;
}

async fn portal(plan: Plan) -> Sandbox {
    let options = sandbox::Options::default()
        .plan(plan)
        .latency(Duration::from_millis(100));
    Sandbox::start(options).await.unwrap()
}

fn made(portal: &Sandbox, method: &str) -> u64 {
    portal.stats().methods.get(method).copied().unwrap_or(0)
}

/// Waits until so many deals have their rows.
async fn delivered(portal: &Sandbox, count: u64) {
    until("the last order's rows", || {
        made(portal, "crm.deal.productrows.set") >= count
    })
    .await;
}

/// Whether a call is of no order: it reads the stage history, or asks who the bridge is.
fn reads_back(call: &sandbox::Call) -> bool {
    let mut commands = call.commands.iter().map(String::as_str);
    call.commands.is_empty() || commands.any(|one| one == "crm.stagehistory.list")
}

/// Calls for a thousand orders, and their time beside what the limiter alone asks for.
async fn thousand(report: &mut Report) {
    let (portal, database) = (portal(Plan::Standard).await, Database::new().await);
    let app = Served::start(&database.url, &portal.url(), &STANDARD, "all").await;
    let before = portal.stats().requests;
    let orders = orders(0, 1000);
    let ((), took) = timed(async {
        app.post(&orders).await;
        delivered(&portal, 1000).await;
    })
    .await;
    let calls = (portal.stats().requests - before) as f64;
    let of_the_way_back = portal
        .calls()
        .iter()
        .filter(|call| reads_back(call))
        .count();
    assert_eq!(portal.deals().len(), 1000);
    assert_eq!(portal.contacts().len(), 1000);
    report.add(
        "portal calls for 1,000 orders of new customers",
        format!(
            "{calls} calls ({of_the_way_back} of the way back), {:.1} orders a call",
            1000.0 / calls
        ),
        "16.7 orders a call is the limit",
        calls,
        &Bar::AtMost(72.0),
    );
    let alone = (calls - 50.0).max(1.0) / 2.0;
    report.add(
        "the same under 2/s, burst 50, portal at 100 ms",
        format!("{took:.1} s"),
        format!("the limiter alone: {alone:.1} s"),
        took / alone,
        &Bar::AtMost(1.25),
    );
}

/// Orders a second once the burst is gone, beside a call for each thing, and the bound.
async fn sustained(report: &mut Report) {
    let plan = Plan::Custom {
        per_second: 2,
        burst: 4,
    };
    let (ours, database) = (portal(plan).await, Database::new().await);
    let app = Served::start(&database.url, &ours.url(), &SUSTAINED, "all").await;
    let orders = orders(0, 400);
    let ((), took) = timed(async {
        app.post(&orders).await;
        delivered(&ours, 400).await;
    })
    .await;
    drop(app);
    let theirs = portal(plan).await;
    let ((), alone) = timed(one_by_one(&theirs, 12)).await;
    let (here, there) = (400.0 / took, 12.0 / alone);
    report.add(
        "orders a second, sustained at 2 calls a second",
        format!("{here:.1}/s"),
        format!("four calls an order: {there:.2}/s; bound of the limiter (16.7 an order): 33.3/s"),
        here / there,
        &Bar::None,
    );
}

/// The straightforward way: look for the deal, make the customer, the deal, its rows.
async fn one_by_one(portal: &Sandbox, orders: usize) {
    let options = Options {
        rate: Rate {
            per_second: 2.0,
            burst: 4,
        },
        full_burst: true,
        ..Options::default()
    };
    let credentials = Credentials::Webhook(portal.url().into());
    let client = Client::new(credentials, &Connections::new().unwrap(), &options);
    let call = async |method: &str, params: Value| {
        let answer = client.call(method, &params, Priority::Live).await;
        answer.unwrap().result
    };
    for number in 0..orders {
        let origin = format!("B{number}");
        let filter =
            json!({"filter": {"ORIGINATOR_ID": "main", "ORIGIN_ID": origin}, "select": ["ID"]});
        call("crm.deal.list", filter).await;
        let contact = json!(
            {
                "fields": {
                    "NAME": "Анна", "PHONE": [
                        {"VALUE": format!("+7916{number:07}"), "VALUE_TYPE": "WORK"}
                    ]
                }
            }
        );
        let contact = call("crm.contact.add", contact).await;
        let deal = json!(
            {
                "fields": {
                    "TITLE": origin, "ORIGINATOR_ID": "main", "ORIGIN_ID": origin, "CONTACT_ID":
                        contact
                }
            }
        );
        let deal = call("crm.deal.add", deal).await;
        let rows =
            json!({"id": deal, "rows": [{"PRODUCT_NAME": "Чай", "PRICE": 33.5, "QUANTITY": 3}]});
        call("crm.deal.productrows.set", rows).await;
    }
}

/// Three workers, of which the one at work is killed twice.
async fn three_workers(report: &mut Report) {
    let (portal, database) = (portal(Plan::Standard).await, Database::new().await);
    let api = Served::start(&database.url, &portal.url(), &STANDARD, "api").await;
    let mut workers = Vec::new();
    for _ in 0..3 {
        workers.push(Served::start(&database.url, &portal.url(), &STANDARD, "worker").await);
    }
    api.post(&orders(0, 1500)).await;
    for goal in [300, 800] {
        delivered(&portal, goal).await;
        let owner: String =
            sqlx::query_scalar("SELECT owner FROM bridge.lanes WHERE portal = 'main'")
                .fetch_one(&database.pool)
                .await
                .unwrap();
        let pid: u32 = owner.split('/').nth(1).unwrap().parse().unwrap();
        let at_work = workers.iter().position(|one: &Served| one.pid() == pid);
        workers.remove(at_work.unwrap()).kill();
        workers.push(Served::start(&database.url, &portal.url(), &STANDARD, "worker").await);
    }
    until("all deals", || made(&portal, "crm.deal.add") >= 1500).await;
    delivered(&portal, 1500).await;
    let throttled = portal.stats().throttled as f64;
    report.add(
        "QUERY_LIMIT_EXCEEDED with three workers, two killed",
        format!("{throttled}"),
        format!("{} requests", portal.stats().requests),
        throttled,
        &Bar::AtMost(0.0),
    );
}

/// One order at a time.
async fn idle(report: &mut Report) {
    let (portal, database) = (portal(Plan::Unlimited).await, Database::new().await);
    let limit = Limit {
        per_second: 500,
        burst: 500,
    };
    let app = Served::start(&database.url, &portal.url(), &limit, "all").await;
    let mut took = Vec::new();
    for number in 0..100 {
        let sent = Instant::now();
        app.post(&[order(number)]).await;
        let wanted = number as u64 + 1;
        until("the deal", || made(&portal, "crm.deal.add") >= wanted).await;
        took.push(sent.elapsed().as_secs_f64() * 1000.0);
        delivered(&portal, wanted).await;
        tokio::time::sleep(Duration::from_millis(20 + (number as u64 * 37) % 400)).await;
    }
    let (p50, p99) = (quantile(&mut took, 0.5), quantile(&mut took, 0.99));
    report.add(
        "event to deal, idle, portal at 100 ms, p99",
        format!("{p99:.0} ms (p50 {p50:.0} ms)"),
        "2 round trips + 80 ms: 280 ms",
        p99,
        &Bar::AtMost(280.0),
    );
}
