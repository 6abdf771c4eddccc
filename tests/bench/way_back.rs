//! Stages that come back: the receiver beside pgbench's one-row inserts, calls for a mass change,
//! and the time from a move to the shop.

use crate::{
    database::Database,
    intake::{CLIENTS, pgbench, whole},
    report::{Bar, Report, quantile},
    served::{KEY, Served, order, until},
    size,
};
use axum::{Router, body::Bytes, extract::State, routing::post};
use b24_bridge::sandbox::{Delivery, Options, Plan, Sandbox};
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const TOKEN: &str = "bench-application-token";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// What a portal takes for an answer.
const LATENCY: Duration = Duration::from_millis(100);

pub(crate) async fn run(report: &mut Report) {
    receiver(report).await;
    calls(report).await;
    slow_shop(report).await;
    for webhooks in [true, false] {
        times(report, webhooks).await;
    }
}

fn settings(portal: &str, callback: Option<&str>, reconcile: u64) -> String {
    let callback = callback.map_or(String::new(), |url| {
        format!("callback_url = \"{url}\"\ncallback_secret = \"{SECRET}\"")
    });
    format!(
        r#"
        [portals.main]
        webhook_url = "{portal}"
        event_tokens = ["{TOKEN}"]
        [worker]
        reconcile_seconds = {reconcile}
        [shops.main]
        portal = "main"
        api_keys = ["{KEY}"]
        {callback}
        [[shops.main.statuses]]
        status = "N"
        stage = "NEW"
        [[shops.main.statuses]]
        status = "A"
        stage = "PREPARATION"
        "#
    )
}

/// Notifications a second with durable commits, and how long the portal waits for its answer.
async fn receiver(report: &mut Report) {
    let database = Database::new().await;
    let text = settings("http://127.0.0.1:9/rest/1/none/", None, 3_600);
    let app = Served::with(&database.url, &text, "api").await;
    let seconds = size("BENCH_SECONDS", 5);
    let table = "CREATE TABLE public.bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                 portal text NOT NULL, event text NOT NULL, deal_id bigint, body jsonb NOT NULL, \
                 received_at timestamptz NOT NULL DEFAULT now())";
    sqlx::query(table).execute(&database.pool).await.unwrap();
    let script = "INSERT INTO public.bare (portal, event, deal_id, body) VALUES ('main', \
                  'ONCRMDEALUPDATE', 7405, \
                  '{\"event\":\"ONCRMDEALUPDATE\",\"event_handler_id\":\"975\",\
                  \"data\":{\"FIELDS\":{\"ID\":\"7405\"}},\"ts\":\"1766047124\"}');";
    let more = ["-T", &seconds.to_string()];
    let mut sum = 0;
    for clients in CLIENTS {
        let mut bare = pgbench(&database, script, clients, &more).await;
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..clients {
            tasks.spawn(notify(app.port, started + Duration::from_secs(seconds)));
        }
        let mut took: Vec<f64> = tasks.join_all().await.concat();
        let rate = took.len() as f64 / started.elapsed().as_secs_f64();
        bare = f64::midpoint(bare, pgbench(&database, script, clients, &more).await);
        let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM bridge.inbox")
            .fetch_one(&database.pool)
            .await
            .unwrap();
        sum += took.len();
        assert_eq!(usize::try_from(stored).unwrap(), sum);
        let p99 = quantile(&mut took, 0.99) * 1000.0;
        report.add(
            &format!("POST /webhooks/bitrix24/{{portal}}, {clients} clients, durable"),
            format!("{rate:.0}/s, p99 {p99:.1} ms"),
            format!("pgbench, one-row inserts, {clients} clients: {bare:.0}/s"),
            rate / bare,
            &Bar::AtLeast(0.6),
        );
    }
}

/// One connection that posts one notification after the other; how long each took, in seconds.
async fn notify(port: u16, until: Instant) -> Vec<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let body = format!(
        "event=ONCRMDEALUPDATE&event_handler_id=975&data%5BFIELDS%5D%5BID%5D=7405&ts=1766047124\
         &auth%5Bdomain%5D=example.bitrix24.ru&auth%5Bapplication_token%5D={TOKEN}"
    );
    let request = format!(
        "POST /webhooks/bitrix24/main HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: \
         application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (mut took, mut answer) = (Vec::new(), vec![0; 64 * 1024]);
    while Instant::now() < until {
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut got = 0;
        loop {
            let read = stream.read(&mut answer[got..]).await.unwrap();
            assert!(read > 0, "the connection was closed");
            got += read;
            if whole(&answer[..got]) {
                break;
            }
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"));
        took.push(sent.elapsed().as_secs_f64());
    }
    took
}

type Heard = Arc<Mutex<HashMap<String, Instant>>>;

/// A shop that takes whatever it is told, remembers when, and answers after so long.
async fn shop(answers_after: Duration) -> (Heard, String) {
    async fn called(State((heard, answers_after)): State<(Heard, Duration)>, body: Bytes) {
        let message: Value = serde_json::from_slice(&body).unwrap();
        let number = message["data"]["number"].as_str().unwrap().to_owned();
        heard.lock().unwrap().insert(number, Instant::now());
        tokio::time::sleep(answers_after).await;
    }
    let heard = Heard::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/", post(called))
        .with_state((Arc::clone(&heard), answers_after));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (heard, url)
}

struct World {
    portal: Sandbox,
    app: Served,
    heard: Heard,
    _database: Database,
}

async fn world(webhooks: bool, reconcile: u64, orders: usize, shop_takes: Duration) -> World {
    let options = Options {
        delivery: Delivery::default(),
        ..Options::default().plan(Plan::Standard).latency(LATENCY)
    };
    let portal = Sandbox::start(options).await.unwrap();
    let database = Database::new().await;
    let (heard, url) = shop(shop_takes).await;
    let text = settings(&portal.url(), Some(&url), reconcile);
    let app = Served::with(&database.url, &text, "all").await;
    let all: Vec<Value> = (0..orders).map(order).collect();
    app.post(&all).await;
    until("every deal", || portal.deals().len() == orders).await;
    // The limit's burst comes back, and the last settlements are made.
    tokio::time::sleep(Duration::from_secs(30)).await;
    if webhooks {
        let url = format!("http://127.0.0.1:{}/webhooks/bitrix24/main", app.port);
        portal.add_webhook(&url, TOKEN);
    }
    World {
        portal,
        app,
        heard,
        _database: database,
    }
}

/// Portal calls until the shop knows of 1,000 deals that were moved at once.
async fn calls(report: &mut Report) {
    let many = 1_000;
    let world = world(true, 30, many, Duration::ZERO).await;
    let before = world.portal.stats().requests;
    let started = Instant::now();
    for deal in 1..=many as u64 {
        world.portal.move_deal(deal, "PREPARATION");
    }
    until("every callback", || {
        world.heard.lock().unwrap().len() == many
    })
    .await;
    let took = started.elapsed().as_secs_f64();
    let calls = world.portal.stats().requests - before;
    report.add(
        "portal calls to take in 1,000 moved deals",
        format!("{calls}, all told after {took:.1} s"),
        "one call a notification: 1000",
        calls as f64,
        &Bar::AtMost(25.0),
    );
    drop(world.app);
}

/// A thousand changes told to a shop that takes its time, beside what its own time asks for where
/// eight are always on their way.
async fn slow_shop(report: &mut Report) {
    let (many, at_once, takes) = (1_000, 8, Duration::from_millis(200));
    let world = world(true, 30, many, takes).await;
    for deal in 1..=many as u64 {
        world.portal.move_deal(deal, "PREPARATION");
    }
    until("every callback", || {
        world.heard.lock().unwrap().len() == many
    })
    .await;
    let heard = world.heard.lock().unwrap();
    let (first, last) = (heard.values().min().unwrap(), heard.values().max().unwrap());
    let took = (last.duration_since(*first) + takes).as_secs_f64();
    let alone = takes.as_secs_f64() * many as f64 / f64::from(at_once);
    report.add(
        "1,000 changes told to a shop that answers in 200 ms",
        format!("{took:.1} s"),
        format!("eight always on their way: {alone:.1} s"),
        took / alone,
        &Bar::AtMost(1.2),
    );
}

/// From a manager's move to the shop's callback.
async fn times(report: &mut Report, webhooks: bool) {
    let (moves, interval) = (40, 5);
    let world = world(webhooks, interval, moves, Duration::ZERO).await;
    let mut took = Vec::new();
    for deal in world.portal.deals() {
        let id = deal["ID"].as_str().unwrap().parse().unwrap();
        let number = deal["ORIGIN_ID"].as_str().unwrap();
        let moved = Instant::now();
        world.portal.move_deal(id, "PREPARATION");
        until("the callback", || {
            world.heard.lock().unwrap().contains_key(number)
        })
        .await;
        took.push(
            world.heard.lock().unwrap()[number]
                .duration_since(moved)
                .as_secs_f64(),
        );
        // At no particular moment of the interval, and within the limit.
        tokio::time::sleep(Duration::from_millis(900 + id * 37 % 400)).await;
    }
    let (p50, p99) = (quantile(&mut took, 0.5), quantile(&mut took, 0.99));
    let trip = LATENCY.as_secs_f64();
    let (name, most) = if webhooks {
        (
            "from a move to the callback, with webhooks",
            1.0 + 2.0 * trip,
        )
    } else {
        (
            "the same without webhooks, read every 5 s",
            interval as f64 + 1.0 + 3.0 * trip,
        )
    };
    report.add(
        name,
        format!("p50 {p50:.2} s, p99 {p99:.2} s"),
        format!("a portal round trip: {trip:.1} s"),
        p99,
        &Bar::AtMost(most),
    );
}
