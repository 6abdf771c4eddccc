//! Products on their way to the portal, and forms beside them.

use crate::{
    database::Database,
    report::{Bar, Report, quantile},
    served::{KEY, Served, client, until},
    size,
};
use b24_bridge::sandbox::{self, Plan, Sandbox};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const TOKEN: &str = "a-form-of-the-bench-0123456789";
/// Products made in one go, to see how many a call makes.
const NEW: u64 = 1_000;
/// Codes in one look-up, and look-ups in one call.
const A_CALL: u64 = 2_500;

pub(crate) async fn run(report: &mut Report) {
    in_step(report).await;
    forms_beside(report).await;
}

async fn portal(plan: Plan, latency: Duration) -> Sandbox {
    let options = sandbox::Options::default().plan(plan).latency(latency);
    Sandbox::start(options).await.unwrap()
}

async fn served(database: &Database, portal: &Sandbox, limit: (u32, u32)) -> Served {
    let (per_second, burst) = limit;
    let url = portal.url();
    let text = format!(
        r#"
        [portals.main]
        webhook_url = "{url}"
        rate = {{ per_second = {per_second}, burst = {burst} }}
        [shops.main]
        portal = "main"
        api_keys = ["{KEY}"]
        [[shops.main.statuses]]
        status = "N"
        stage = "NEW"
        [shops.main.catalogue]
        [[shops.main.forms]]
        name = "callback"
        token = "{TOKEN}"
        as = "lead"
        "#
    );
    Served::with(&database.url, &text, "all").await
}

/// States of products, each in a section and with a price.
fn products(event: &str, count: u64) -> Vec<Value> {
    let one = |id| {
        json!({
            "specversion": "1.0", "type": "shop.product.saved.v1",
            "source": "https://bench.example", "id": format!("{event}-{id}"),
            "data": {"id": format!("{id}"), "name": format!("Чай № {id}"), "sku": format!("T-{id}"),
                     "section": ["Чай"], "vat": 20, "unit": "шт",
                     "prices": [{"price": "350.50", "currency": "RUB"}]}
        })
    };
    (0..count).map(one).collect()
}

fn made(portal: &Sandbox, method: &str) -> u64 {
    portal.stats().methods.get(method).copied().unwrap_or(0)
}

/// Commands about the catalogue that were carried out, by whether they write.
fn commands(portal: &Sandbox) -> (u64, u64) {
    let stats = portal.stats();
    let of = |writes: bool| {
        let all = stats.methods.iter().filter(move |(method, _)| {
            let reads = [".list", ".get", ".getfields"];
            let reads = reads.iter().any(|end| method.to_lowercase().ends_with(end));
            method.starts_with("catalog.") && reads != writes
        });
        all.map(|(_, count)| count).sum()
    };
    (of(false), of(true))
}

/// Waits until nothing waits for the portal.
async fn quiet(database: &Database) {
    let waits = "SELECT count(*) FROM bridge.subjects WHERE due_at IS NOT NULL";
    let begun = Instant::now();
    loop {
        let count: i64 = sqlx::query_scalar(waits)
            .fetch_one(&database.pool)
            .await
            .unwrap();
        if count == 0 {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(10),
            "{count} products still wait"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// New products, the same again, and the same after their links were lost.
async fn in_step(report: &mut Report) {
    let many = size("BENCH_PRODUCTS", 50_000);
    let portal = portal(Plan::Unlimited, Duration::ZERO).await;
    let database = Database::new().await;
    let app = served(&database, &portal, (500, 500)).await;
    app.post(&products("new", NEW.min(many))).await;
    quiet(&database).await;
    let is_add = |call: &&sandbox::Call| {
        let mut commands = call.commands.iter();
        commands.any(|method| method == "catalog.product.add")
    };
    let adding = portal.calls().iter().filter(is_add).count();
    let a_call = made(&portal, "catalog.product.add") as f64 / adding as f64;
    report.add(
        "new products with a price, in a call that makes them",
        format!("{a_call:.1}"),
        "25 is the limit",
        a_call,
        &Bar::AtLeast(22.0),
    );
    app.post(&products("all", many)).await;
    quiet(&database).await;
    assert_eq!(made(&portal, "catalog.product.add"), many);
    let (before, begun) = (commands(&portal), Instant::now());
    app.post(&products("again", many)).await;
    quiet(&database).await;
    let after = commands(&portal);
    let asked = (after.0 + after.1 - before.0 - before.1) as f64;
    report.add(
        &format!("{many} unchanged products sent again, linked: commands"),
        format!("{asked} in {:.1} s", begun.elapsed().as_secs_f64()),
        "none is needed",
        asked,
        &Bar::AtMost(0.0),
    );
    let before = (commands(&portal), made(&portal, "catalog.product.list"));
    let lost = "UPDATE bridge.subjects SET known = '{}', done_at = NULL, due_at = now(), \
                waits_since = now()";
    sqlx::query(lost).execute(&database.pool).await.unwrap();
    quiet(&database).await;
    let lists = made(&portal, "catalog.product.list") - before.1;
    let calls = lists.div_ceil(50) as f64;
    let writes = commands(&portal).1 - before.0.1;
    assert_eq!(writes, 0, "nothing differs");
    let few = many.div_ceil(A_CALL) as f64;
    report.add(
        &format!("the same, links lost: calls for the list of products, {writes} writes"),
        format!("{calls}"),
        format!("{few}, of {A_CALL} each"),
        calls,
        &Bar::AtMost(few),
    );
}

/// A form every two seconds while products wait: when its answer comes, and when its lead is there.
async fn forms_beside(report: &mut Report) {
    let waiting = size("BENCH_PRODUCTS", 50_000);
    // Of fewer the 99th of a hundred would be the slowest.
    let forms = size("BENCH_FORMS", 100);
    let portal = portal(Plan::Standard, Duration::from_millis(100)).await;
    let database = Database::new().await;
    let app = served(&database, &portal, (2, 50)).await;
    app.post(&products("new", waiting)).await;
    let url = format!("http://127.0.0.1:{}/forms/main/callback/{TOKEN}", app.port);
    let (mut answers, mut leads) = (Vec::new(), Vec::new());
    let client = client();
    for nth in 0..forms {
        let fields = [
            ("name", "Анна".to_owned()),
            ("phone", format!("+7916{nth:07}")),
        ];
        let sent = Instant::now();
        let answer = client.post(&url).form(&fields).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answers.push(sent.elapsed().as_secs_f64() * 1000.0);
        until("the lead", || made(&portal, "crm.lead.add") > nth).await;
        leads.push(sent.elapsed().as_secs_f64() * 1000.0);
        let next = Duration::from_secs(2).saturating_sub(sent.elapsed());
        tokio::time::sleep(next).await;
    }
    let left: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM bridge.subjects WHERE kind = 'product' AND due_at IS NOT NULL",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap();
    let (answer, lead) = (quantile(&mut answers, 0.99), quantile(&mut leads, 0.99));
    let half = quantile(&mut leads, 0.5);
    report.add(
        &format!("form to lead, {waiting} products queued, portal at 100 ms, p99"),
        format!("{lead:.0} ms, half in {half:.0} ({left} products left)"),
        "4 round trips + 100 ms: 500 ms",
        lead,
        &Bar::AtMost(500.0),
    );
    report.add(
        "the form's own answer, p99",
        format!("{answer:.0} ms"),
        format!("half in {:.0} ms", quantile(&mut answers, 0.5)),
        answer,
        &Bar::AtMost(50.0),
    );
}
