//! `POST /v1/events` beside pgbench's one-row inserts, same Postgres, same clients, durable
//! commits.

use crate::{
    database::{Database, binaries},
    report::{Bar, Report, quantile},
    served::{KEY, Limit, Served, order},
    size,
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Few clients at once, whose requests share a commit with few others, and many.
pub(crate) const CLIENTS: [usize; 2] = [16, 64];
/// Clients that post 500 events a request, each beside as many that post one.
const BATCHING: [usize; 2] = [1, 4];
/// How often one at a time and batches are measured in turn.
const ROUNDS: usize = 5;
static NEXT: AtomicUsize = AtomicUsize::new(0);

pub(crate) async fn run(report: &mut Report) {
    let database = Database::new().await;
    let durable: (String, String) =
        sqlx::query_as("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            .fetch_one(&database.pool)
            .await
            .unwrap();
    assert_eq!(durable, ("on".to_owned(), "on".to_owned()));
    let limit = Limit {
        per_second: 2,
        burst: 50,
    };
    // Nobody delivers meanwhile.
    let app = Served::start(
        &database.url,
        "http://127.0.0.1:9/rest/1/none/",
        &limit,
        "api",
    )
    .await;
    let seconds = size("BENCH_SECONDS", 5);
    rows_table(&database).await;
    for clients in CLIENTS {
        let mut bare = inserts(&database, clients, seconds).await;
        let single = posts(app.port, 1, clients, seconds).await;
        bare = f64::midpoint(bare, inserts(&database, clients, seconds).await);
        report.add(
            &format!("POST /v1/events, one event a request, {clients} clients"),
            format!("{single:.0}/s"),
            format!("pgbench, one-row inserts, {clients} clients: {bare:.0}/s"),
            single / bare,
            &Bar::AtLeast(0.8),
        );
    }
    for clients in BATCHING {
        let (mut single, mut batches) = (Vec::new(), Vec::new());
        // In turn, and the median of the ratios: what one at a time costs is mostly the disk's
        // wait, which is another from minute to minute.
        for _ in 0..ROUNDS {
            single.push(posts(app.port, 1, clients, seconds).await);
            batches.push(posts(app.port, 500, clients, seconds).await);
        }
        let mut ratios: Vec<f64> = batches.iter().zip(&single).map(|(b, s)| b / s).collect();
        let ratio = quantile(&mut ratios, 0.5);
        let bound = 500.0 * inserts_at_once(&database, 500, clients, seconds).await;
        report.add(
            &format!("the same, 500 events a request, clients: {clients}"),
            format!("{:.0}/s", quantile(&mut batches, 0.5)),
            format!(
                "single, as many clients: {:.0}/s, in {ROUNDS} rounds {:.1} to {:.1} times; \
                 pgbench, 500 bare rows a statement: {bound:.0}/s",
                quantile(&mut single, 0.5),
                quantile(&mut ratios, 0.0),
                quantile(&mut ratios, 1.0)
            ),
            ratio,
            &Bar::AtLeast(10.0),
        );
    }
}

/// A table that keeps the same event under the same identity.
async fn rows_table(database: &Database) {
    let sql = "CREATE TABLE public.bare (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, shop text NOT NULL,
        source text NOT NULL,
        event_id text NOT NULL,
        body jsonb NOT NULL, received_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (shop, source, event_id))";
    sqlx::query(sql).execute(&database.pool).await.unwrap();
}

/// Transactions a second, one row in each.
async fn inserts(database: &Database, clients: usize, seconds: u64) -> f64 {
    inserts_at_once(database, 1, clients, seconds).await
}

/// Transactions a second, so many rows in each.
async fn inserts_at_once(database: &Database, rows: usize, clients: usize, seconds: u64) -> f64 {
    let body = order(1).to_string().replace('\'', "''");
    let rows = (rows > 1).then(|| format!(" FROM generate_series(1, {rows})"));
    let script = format!(
        "INSERT INTO public.bare (shop, source, event_id, body) SELECT 'main', \
         'https://bench.example', gen_random_uuid()::text, '{body}'{};",
        rows.unwrap_or_default()
    );
    pgbench(database, &script, clients, &["-T", &seconds.to_string()]).await
}

/// Beside the server's own programs, else where packages put it.
fn program() -> std::path::PathBuf {
    let beside = binaries().join("pgbench");
    if beside.exists() {
        return beside;
    }
    let packaged = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let found = packaged
        .map(|entry| entry.path().join("bin/pgbench"))
        .find(|path| path.exists());
    found.expect("pgbench is not installed")
}

/// Transactions a second of a script.
pub(crate) async fn pgbench(
    database: &Database,
    script: &str,
    clients: usize,
    more: &[&str],
) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script.sql");
    std::fs::write(&file, script).unwrap();
    let done = tokio::process::Command::new(program())
        .args(["-n", "-M", "prepared", "-c"])
        .arg(clients.to_string())
        .args(["-j", if clients > 1 { "2" } else { "1" }])
        .args(more)
        .arg("-f")
        .arg(&file)
        .arg(&database.url)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let line = text
        .lines()
        .find(|line| line.starts_with("tps = "))
        .unwrap();
    line.split_whitespace().nth(2).unwrap().parse().unwrap()
}

/// Events a second that are answered with 202. All clients on one thread, which leaves the
/// processor to those who are measured.
async fn posts(port: u16, batch: usize, clients: usize, seconds: u64) -> f64 {
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
                tasks.spawn(client(port, batch, until));
            }
            let taken: usize = tasks.join_all().await.into_iter().sum();
            taken as f64 / started.elapsed().as_secs_f64()
        })
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// One connection, one request after the other. A bare client, so that it does not compete for the
/// processor.
async fn client(port: u16, batch: usize, until: Instant) -> usize {
    let template = order(7_000_001).to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut taken, mut answer) = (0, vec![0; 256 * 1024]);
    while Instant::now() < until {
        let numbers = NEXT.fetch_add(batch, Ordering::Relaxed)..;
        let events: Vec<String> = numbers
            .take(batch)
            .map(|number| template.replace("7000001", &format!("{number:07}")))
            .collect();
        let (kind, body) = if batch == 1 {
            (
                "application/cloudevents+json",
                events.into_iter().next().unwrap(),
            )
        } else {
            (
                "application/cloudevents-batch+json",
                format!("[{}]", events.join(",")),
            )
        };
        let request = format!(
            "POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer \
             {KEY}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
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
        assert!(
            answer.starts_with(b"HTTP/1.1 202"),
            "{}",
            String::from_utf8_lossy(&answer[..got])
        );
        taken += batch;
    }
    taken
}

/// Whether an answer with a length is complete.
pub(crate) fn whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).expect("a length");
    let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
    answer.len() >= end + 4 + length
}
