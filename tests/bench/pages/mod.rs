//! The console's pages of a bridge that holds many orders: a hundred thousand, or `BENCH_ORDERS`.

use crate::{
    database::Database,
    report::{Bar, Report, quantile},
    served::{Served, client},
    size,
};
use std::time::Instant;

/// What a person waits for, in milliseconds, and what they load, in bytes.
const SLOWEST: f64 = 150.0;
const HEAVIEST: f64 = 60_000.0;
/// How often each page of a kind is asked for.
const OFTEN: usize = 50;
const KEY: &str = "bench-operator-key-0123456789";
const FULL: &str = include_str!("full.sql");

/// Lists whole and filtered, found and not found, and one of each kind of page. `DAY` is one ten
/// days ago.
const PAGES: [&str; 32] = [
    "",
    "/orders",
    "/orders?state=dead",
    "/orders?state=on_its_way",
    "/orders?state=not_in_sync",
    "/orders?state=in_sync&sort=customer&dir=asc",
    "/orders?status=P",
    "/orders?status=F",
    "/orders?status=nothing-like-it",
    "/orders?shop=second",
    "/orders?until=DAY",
    "/orders?q=0999",
    "/orders?q=1050000",
    "/orders?q=%D0%9F%D0%BE%D0%BF%D0%BE%D0%B2%D0%B0",
    "/orders?q=no-such-words",
    "/orders?before=50000",
    "/orders/main/WEB-1050001",
    "/dead-letters",
    "/dead-letters?code=B24-EMAIL",
    "/dead-letters?text=%D0%A7%D0%B0%D0%B9",
    "/dead-letters?text=no-such-words",
    "/conflicts",
    "/conflicts/decisions",
    "/stock",
    "/stock/ledger?stock=main&product=p1",
    "/stock/receipts",
    "/shops/main/products",
    "/shops/main/products?only=open",
    "/shops/main/forms",
    "/portals",
    "/portals/main",
    "/audit",
];

/// Pages of a kind, and what a person waits for each, in milliseconds, in ninety-nine of a hundred
/// times.
const KINDS: [(&str, f64, &[&str]); 4] = [
    ("overview", 47.0, &[""]),
    (
        "order list",
        17.0,
        &[
            "/orders",
            "/orders?before=50000",
            "/orders?state=on_its_way",
            "/orders?status=P",
        ],
    ),
    (
        "search",
        44.0,
        &[
            "/orders?q=WEB-1050000",
            "/orders?q=%2B7+916+0016666",
            "/orders?q=user16666%40example.ru",
            "/orders?q=%D0%9F%D0%BE%D0%BF%D0%BE%D0%B2%D0%B0",
            "/orders?q=no-such-words",
        ],
    ),
    (
        "order",
        4.0,
        &["/orders/main/WEB-1050001", "/orders/main/WEB-1000042"],
    ),
];

fn settings() -> String {
    format!(
        r#"
        [portals.main]
        webhook_url = "http://127.0.0.1:9/rest/1/secret/"
        [shops.main]
        portal = "main"
        api_keys = ["bench-key-0123456789"]
        [[shops.main.statuses]]
        status = "N"
        stage = "NEW"
        [[shops.main.statuses]]
        status = "P"
        stage = "PREPARATION"
        [shops.main.catalogue]
        prefix = "main:"
        [shops.second]
        portal = "main"
        api_keys = ["bench-second-0123456789"]
        [stock.main]
        shops = ["main"]
        [[stock.main.stores]]
        name = "centre"
        [tills.centre]
        shop = "main"
        token = "bench-till-token-0123456789"
        store = "centre"
        [operators.anna]
        key = "{KEY}"
        "#
    )
}

/// Whoever looks at the console of a process.
struct Visitor {
    client: reqwest::Client,
    console: String,
    cookie: String,
    day: String,
}

impl Visitor {
    async fn signed_in(port: u16) -> Self {
        let console = format!("http://127.0.0.1:{port}/console");
        let client = client();
        // The session stands in the answer that leads on to the console.
        let staying = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let signed_in = staying
            .post(format!("{console}/sign-in"))
            .form(&[("key", KEY)])
            .send()
            .await
            .unwrap();
        let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let day = chrono::Utc::now() - chrono::TimeDelta::days(10);
        Self {
            client,
            console,
            cookie,
            day: day.format("%Y-%m-%d").to_string(),
        }
    }

    /// How many milliseconds a page takes, and how many bytes it has.
    async fn look(&self, page: &str) -> (f64, f64) {
        let page = page.replace("DAY", &self.day);
        let began = Instant::now();
        let request = self.client.get(format!("{}{page}", self.console));
        let answer = request.header("cookie", &self.cookie).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{page}");
        let bytes = answer.text().await.unwrap().len() as f64;
        (began.elapsed().as_secs_f64() * 1e3, bytes)
    }
}

pub(crate) async fn run(report: &mut Report) {
    let orders = size("BENCH_ORDERS", 100_000).max(100_000);
    let database = Database::new().await;
    let fill = format!("SET statement_timeout = 0; SET bench.orders = {orders}; {FULL}");
    let mut db = database.pool.acquire().await.unwrap();
    for sql in [&*fill, "VACUUM ANALYZE"] {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut *db).await.unwrap();
    }
    drop(db);
    let orders = grouped(orders);
    let served = Served::with(&database.url, &settings(), "api").await;
    let visitor = Visitor::signed_in(served.port).await;
    all(report, &visitor, &orders).await;
    for (kind, bar, pages) in KINDS {
        let mut took = Vec::new();
        for _ in 0..OFTEN {
            for page in pages {
                took.push(visitor.look(page).await.0);
            }
        }
        report.add(
            &format!("the console with {orders} orders: {kind}, p99"),
            format!("{:.0} ms", quantile(&mut took, 0.99)),
            format!(
                "p50 {:.1} ms of {} pages",
                quantile(&mut took, 0.5),
                took.len()
            ),
            quantile(&mut took, 0.99),
            &Bar::AtMost(bar),
        );
    }
}

/// Every page: the slowest and the heaviest.
async fn all(report: &mut Report, visitor: &Visitor, orders: &str) {
    let times = size("BENCH_TIMES", 10);
    let (mut slowest, mut heaviest) = ((0.0, ""), (0.0, ""));
    for page in PAGES {
        let mut took = Vec::new();
        // The first is of a process that has read nothing yet.
        let (first, bytes) = visitor.look(page).await;
        for _ in 0..times {
            took.push(visitor.look(page).await.0);
        }
        let (usual, worst) = (quantile(&mut took, 0.5), quantile(&mut took, 1.0));
        println!(
            "{page}: {usual:.0} ms, at most {worst:.0}, the first {first:.0}; {:.0} kB",
            bytes / 1e3
        );
        if usual > slowest.0 {
            slowest = (usual, page);
        }
        if bytes > heaviest.0 {
            heaviest = (bytes, page);
        }
    }
    report.add(
        &format!("the slowest page of {orders} orders"),
        format!("{:.0} ms: /console{}", slowest.0, slowest.1),
        "",
        slowest.0,
        &Bar::AtMost(SLOWEST),
    );
    report.add(
        &format!("the heaviest page of {orders} orders, before compression"),
        format!("{:.0} kB: /console{}", heaviest.0 / 1e3, heaviest.1),
        "",
        heaviest.0,
        &Bar::AtMost(HEAVIEST),
    );
}

/// A number as people write it: `3,000,000`.
fn grouped(number: u64) -> String {
    if number < 1_000 {
        return number.to_string();
    }
    format!("{},{:03}", grouped(number / 1_000), number % 1_000)
}
