//! Reservations and counts over HTTP, beside pgbench and COPY on the same Postgres.

use crate::{
    database::Database,
    intake::{pgbench, whole},
    report::{Bar, Report, quantile, timed},
    served::{KEY, Served},
    size,
};
use axum::{Router, http::StatusCode, routing::post};
use serde_json::json;
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

const CLIENTS: usize = 64;
const PRODUCTS: u64 = 100_000;
static NEXT: AtomicU64 = AtomicU64::new(0);
static OVER: AtomicBool = AtomicBool::new(false);

const SETTINGS: &str = r#"
[portals.main]
webhook_url = "http://127.0.0.1:9/rest/1/none/"
[shops.main]
portal = "main"
api_keys = ["bench-key-0123456789"]
[[shops.main.statuses]]
status = "N"
stage = "NEW"
[stock.main]
shops = ["main"]
master = "shop"
[[stock.main.stores]]
name = "a"
"#;

/// What a shop without a bridge would do: a guarded counter and a row for each sale.
const PLAIN: &str = "
    CREATE TABLE public.plain (product bigint PRIMARY KEY, available bigint NOT NULL);
    CREATE TABLE public.sales (
        id uuid PRIMARY KEY, product bigint NOT NULL, quantity bigint NOT NULL);
    CREATE TABLE public.counted (product text NOT NULL, quantity numeric NOT NULL);
    INSERT INTO public.plain SELECT n, 1000000000 FROM generate_series(0, 100000) n;
    INSERT INTO bridge.stock_product_keys
    SELECT 'main', 'product_id', 'p' || n, 'p' || n FROM generate_series(0, 100000) n;
    INSERT INTO bridge.stock_levels (stock, product, store, on_hand)
    SELECT 'main', 'p' || n, 'a', 1000000000 FROM generate_series(0, 100000) n;
    ANALYZE";

pub(crate) async fn run(report: &mut Report) {
    let database = Database::new().await;
    let app = Served::with(&database.url, SETTINGS, "all").await;
    let prepare = sqlx::raw_sql(PLAIN).execute(&database.pool).await;
    prepare.unwrap();
    let seconds = size("BENCH_SECONDS", 5);
    for (what, products, least) in [
        ("one product", 1, 5.0),
        ("over 100,000 products", PRODUCTS, 0.6),
    ] {
        let mut bare = sales(&database, products, seconds).await;
        let ours = puts(app.port, products, CLIENTS, seconds).await;
        bare = f64::midpoint(bare, sales(&database, products, seconds).await);
        report.add(
            &format!("PUT /v1/reservations/{{shop}}/{{id}}, {what}, {CLIENTS} clients"),
            format!("{ours:.0}/s"),
            format!(
                "pgbench, guarded UPDATE with a row for the sale, {CLIENTS} clients: {bare:.0}/s"
            ),
            ours / bare,
            &Bar::AtLeast(least),
        );
    }
    counts(report, &database, &app, seconds).await;
    drop(app);
    told(report).await;
}

/// From the POST of a receipt until its shop has the newest level, when nothing else goes on.
async fn told(report: &mut Report) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let callback = listener.local_addr().unwrap();
    let (sender, mut heard) = mpsc::unbounded_channel();
    let take = move |body: String| {
        let _ = sender.send(body);
        async { StatusCode::NO_CONTENT }
    };
    let router = Router::new().route("/", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let database = Database::new().await;
    let called = format!(
        "api_keys = [\"bench-key-0123456789\"]\ncallback_url = \"http://{callback}/\"\n\
         callback_secret = \"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\""
    );
    let settings = SETTINGS.replace("api_keys = [\"bench-key-0123456789\"]", &called);
    let app = Served::with(&database.url, &settings, "all").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://127.0.0.1:{}/v1/events", app.port);
    let tell = async |kind: &str, id: usize, data: serde_json::Value| {
        let event = json!({ "specversion": "1.0", "type": kind, "source": "bench",
            "id": id.to_string(), "data": data });
        let sent = client.post(&url).bearer_auth(KEY).json(&event).send();
        assert_eq!(sent.await.unwrap().status(), 202);
    };
    let moves = json!([{ "line": "1", "product": "kettle", "quantity": 1_000 }]);
    let came = json!({ "store": "a", "moves": moves });
    tell("shop.stock.moved.v1", 0, came).await;
    heard.recv().await.unwrap();
    let (mut took, mut answered) = (Vec::new(), Vec::new());
    for nth in 1..=100 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let lines = json!([{ "product_id": "kettle", "quantity": 1, "price": 1 }]);
        let data = json!({ "receipt": nth.to_string(), "till": "T", "store": "a", "kind": "sale",
            "closed_at": chrono::Utc::now(), "currency": "RUB", "total": 1, "lines": lines });
        let sent = Instant::now();
        tell("pos.receipt.saved.v1", nth, data).await;
        answered.push(sent.elapsed().as_secs_f64() * 1000.0);
        let newest = format!("\"on_hand\":\"{}\"", 1_000 - nth);
        while !heard.recv().await.unwrap().contains(&newest) {}
        took.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    let (p50, p99) = (quantile(&mut took, 0.5), quantile(&mut took, 0.99));
    report.add(
        "POST of a receipt to the shop's receipt of the level, idle, p99",
        format!("{p99:.0} ms (p50 {p50:.0} ms)"),
        format!("its own answer: {:.0} ms", quantile(&mut answered, 0.99)),
        p99,
        &Bar::AtMost(200.0),
    );
}

/// Sales a second with a guarded counter.
async fn sales(database: &Database, products: u64, seconds: u64) -> f64 {
    let last = products - 1;
    let script = format!(
        "\\set p random(0, {last})\n\
         WITH sold AS (UPDATE public.plain SET available = available - 1 \
         WHERE product = :p AND available >= 1 RETURNING product)\n\
         INSERT INTO public.sales SELECT gen_random_uuid(), product, 1 FROM sold;"
    );
    pgbench(database, &script, CLIENTS, &["-T", &seconds.to_string()]).await
}

/// Reservations a second. All clients on one thread, which leaves the processor to who is measured.
async fn puts(port: u16, products: u64, clients: usize, seconds: u64) -> f64 {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let started = Instant::now();
            let until = started + Duration::from_secs(seconds);
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..clients {
                tasks.spawn(client(port, products, until));
            }
            let held: usize = tasks.join_all().await.into_iter().sum();
            held as f64 / started.elapsed().as_secs_f64()
        })
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// One connection, one request after the other, until then or until it is over.
async fn client(port: u16, products: u64, until: Instant) -> usize {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut held, mut answer) = (0, vec![0; 16 * 1024]);
    while Instant::now() < until && !OVER.load(Ordering::Relaxed) {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        // Far from each other, as chance would have it.
        let product = nth.wrapping_mul(0x9E37_79B9_7F4A_7C15) % products;
        let body = format!(r#"{{"lines":[{{"line":"1","product":"p{product}","quantity":1}}]}}"#);
        let request = format!(
            "PUT /v1/reservations/main/b{nth} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer \
             {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut got = 0;
        while got == 0 || !whole(&answer[..got]) {
            let read = stream.read(&mut answer[got..]).await.unwrap();
            assert!(read > 0, "the connection was closed");
            got += read;
        }
        let said = String::from_utf8_lossy(&answer[..got]);
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        held += 1;
    }
    held
}

/// A count of 100,000 lines beside COPY and one update, and reservations while it is applied.
async fn counts(report: &mut Report, database: &Database, app: &Served, seconds: u64) {
    let alone = puts(app.port, PRODUCTS, 8, seconds).await;
    let quiet = count(database, app, "quiet").await;
    let bare = copied(database).await;
    report.add(
        "count of 100,000 lines, one event",
        format!("{quiet:.2} s"),
        format!("COPY and one UPDATE: {bare:.2} s"),
        quiet / bare,
        &Bar::AtMost(3.0),
    );
    let port = app.port;
    let during = tokio::spawn(puts(port, PRODUCTS, 8, 600));
    count(database, app, "busy").await;
    OVER.store(true, Ordering::Relaxed);
    let beside = during.await.unwrap();
    OVER.store(false, Ordering::Relaxed);
    report.add(
        "reservations while a count is applied, 8 clients",
        format!("{beside:.0}/s"),
        format!("without a count: {alone:.0}/s"),
        alone / beside,
        &Bar::AtMost(2.0),
    );
}

/// Seconds from the POST of a count until all of it is applied.
async fn count(database: &Database, app: &Served, id: &str) -> f64 {
    let line = |n: u64| json!({ "product": format!("p{n}"), "quantity": 1_000_000 });
    let counts: Vec<_> = (0..PRODUCTS).map(line).collect();
    let as_of = chrono::Utc::now();
    let event = json!({ "specversion": "1.0", "type": "shop.stock.counted.v1", "source": "bench",
        "id": id, "data": { "store": "a", "as_of": as_of, "counts": counts } });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://127.0.0.1:{}/v1/events", app.port);
    let post = client.post(url).bearer_auth(KEY).json(&event);
    let ((), took) = timed(async {
        assert_eq!(post.send().await.unwrap().status(), 202);
        let done =
            "SELECT count(*) FROM bridge.stock_events WHERE event_id = $1 AND done_at IS NOT NULL";
        loop {
            let done = sqlx::query_scalar(done).bind(id);
            let done: i64 = done.fetch_one(&database.pool).await.unwrap();
            if done == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    took
}

/// Seconds of the same lines by COPY and one update.
async fn copied(database: &Database) -> f64 {
    let mut rows = String::new();
    for n in 0..PRODUCTS {
        rows.extend([n.to_string().as_str(), "\t1000000\n"]);
    }
    let mut db = database.pool.acquire().await.unwrap();
    let ((), took) = timed(async {
        let mut copy = db
            .copy_in_raw("COPY public.counted FROM STDIN")
            .await
            .unwrap();
        copy.send(rows.as_bytes()).await.unwrap();
        copy.finish().await.unwrap();
        let update = "UPDATE public.plain p SET available = c.quantity
                      FROM public.counted c WHERE p.product = c.product::bigint";
        sqlx::query(update).execute(&mut *db).await.unwrap();
    })
    .await;
    took
}
