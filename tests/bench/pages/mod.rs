//! The console's pages of a bridge that holds a hundred thousand orders.

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
const KEY: &str = "bench-operator-key-0123456789";
const FULL: &str = include_str!("full.sql");

/// Lists whole and filtered, found and not found, and one of each kind of page.
const PAGES: [&str; 29] = [
    "",
    "/orders",
    "/orders?state=dead",
    "/orders?state=on_its_way",
    "/orders?state=not_in_sync",
    "/orders?state=in_sync&sort=customer&dir=asc",
    "/orders?status=P",
    "/orders?status=nothing-like-it",
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

pub(crate) async fn run(report: &mut Report) {
    let database = Database::new().await;
    sqlx::raw_sql(FULL).execute(&database.pool).await.unwrap();
    sqlx::raw_sql("VACUUM ANALYZE")
        .execute(&database.pool)
        .await
        .unwrap();
    let served = Served::with(&database.url, &settings(), "api").await;
    let console = format!("http://127.0.0.1:{}/console", served.port);
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
    let times = usize::try_from(size("BENCH_TIMES", 10)).unwrap();
    let (mut slowest, mut heaviest) = ((0.0, ""), (0.0, ""));
    for page in PAGES {
        let mut took = Vec::new();
        let mut bytes = 0.0;
        // The first is of a process that has read nothing yet.
        for _ in 0..=times {
            let began = Instant::now();
            let request = client.get(format!("{console}{page}"));
            let answer = request.header("cookie", &cookie).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{page}");
            bytes = answer.text().await.unwrap().len() as f64;
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        let first = took.remove(0);
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
        "the slowest page of 100,000 orders",
        format!("{:.0} ms: /console{}", slowest.0, slowest.1),
        "",
        slowest.0,
        &Bar::AtMost(SLOWEST),
    );
    report.add(
        "the heaviest page of 100,000 orders, before compression",
        format!("{:.0} kB: /console{}", heaviest.0 / 1e3, heaviest.1),
        "",
        heaviest.0,
        &Bar::AtMost(HEAVIEST),
    );
}
