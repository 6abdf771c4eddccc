//! What strangers, clumsy shops and hostile portals may use of the process: connections, bytes,
//! lines of faults.

use crate::support::{
    api::Api,
    database::Database,
    free_port,
    process::{self, Running},
    settings::{KEY, Settings},
    shop::event,
};
use futures_util::future::join_all;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

const MIB: usize = 1024 * 1024;
/// The head of HTTP/2, and a frame of settings: all that a client of it says before it is answered.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Whether the other end closes the connection in time.
async fn is_cut(stream: &mut TcpStream, within: Duration) -> bool {
    let mut rest = Vec::new();
    let closed = timeout(within, stream.read_to_end(&mut rest)).await;
    closed.is_ok()
}

#[tokio::test]
async fn connections_that_say_nothing_or_speak_another_protocol_are_cut() {
    let api = Api::new().await;
    let connect = async |said: &'static [u8]| {
        let mut stream = TcpStream::connect(&api.address).await.unwrap();
        stream.write_all(said).await.unwrap();
        stream
    };
    let mut all = Vec::new();
    for said in [&b""[..], PREFACE, b"GET /healthz HTTP/1.1\r\nhost: a"] {
        for _ in 0..20 {
            all.push(connect(said).await);
        }
    }
    let cut = all
        .iter_mut()
        .map(|stream| is_cut(stream, Duration::from_secs(20)));
    let cut = join_all(cut).await;
    let stayed = cut.iter().filter(|cut| !**cut).count();
    assert_eq!(stayed, 0, "{cut:?}");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_refused_before_it_grows() {
    let api = Api::new().await;
    let mut stream = TcpStream::connect(&api.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\na: ").await.unwrap();
    let mut sent = 0;
    while sent < MIB && stream.write_all(&[b'x'; 1024]).await.is_ok() {
        sent += 1024;
    }
    assert!(is_cut(&mut stream, Duration::from_secs(2)).await);
}

#[tokio::test]
async fn a_hundred_thousand_faults_are_answered_in_a_thousand_lines_and_counted() {
    let api = Api::new().await;
    let faulty = |nth: usize| {
        let mut event = event(&format!("e{nth}"), &format!("A-{nth}"), 1);
        event["data"]["items"] = json!(vec![1; 100]);
        event["data"]["total"] = json!("x");
        event
    };
    let post = async |body: &Value| {
        let request = api.client.post(format!("{}/v1/events", api.url));
        let answer = request.bearer_auth(KEY).json(body).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (
            status,
            text.len(),
            serde_json::from_str::<Value>(&text).unwrap(),
        )
    };
    let batch: Vec<Value> = (0..1_000).map(faulty).collect();
    let (status, length, told) = post(&json!(batch)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let results = told["results"].as_array().unwrap();
    let faults = |result: &Value| result["faults"].as_array().unwrap().len();
    let lines: usize = results.iter().map(faults).sum();
    assert!(results.iter().all(|result| faults(result) >= 1));
    assert!((1_000..=3_100).contains(&lines), "{lines}");
    assert!(length < MIB, "{length}");
    let last = results[999]["faults"].as_array().unwrap().last().unwrap();
    assert!(
        last["detail"].as_str().unwrap().starts_with("and 1"),
        "{last}"
    );

    let (status, length, told) = post(&faulty(1)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(told["errors"].as_array().unwrap().len(), 101, "{told}");
    assert!(length < 20_000);

    let mut long = event("e1", "A-1", 1);
    long["source"] = json!("s".repeat(MIB));
    long["data"]["properties"] = json!({ "k".repeat(MIB): "\0" });
    let (_, length, told) = post(&json!([long])).await;
    assert!(length < 10_000, "{length}");
    assert_eq!(told["results"][0]["result"], "invalid");
}

/// A portal that answers everything with a text that unpacks to a thousand times its length.
async fn hostile() -> MockServer {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..64 * 1024 {
        std::io::Write::write_all(&mut gzip, &[b' '; 1024]).unwrap();
    }
    let server = MockServer::start().await;
    let bomb = ResponseTemplate::new(200)
        .insert_header("content-encoding", "gzip")
        .set_body_raw(gzip.finish().unwrap(), "application/json");
    Mock::given(matchers::any())
        .respond_with(bomb)
        .mount(&server)
        .await;
    server
}

/// The most memory that the process ever had, in MiB.
fn peak(process: &Running) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", process.0.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<usize>().unwrap() / 1024
}

async fn ready(client: &Client, url: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = client.get(format!("{url}/readyz")).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
        assert!(Instant::now() < until, "it does not start");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Sends a body to an address, many times at once; the statuses of the answers, 0 for none.
async fn at_once(client: &Client, times: usize, url: &str, key: &str, body: &[u8]) -> Vec<u16> {
    let one = || async {
        let request = client.post(url).bearer_auth(key);
        let request = request.header("content-type", "application/json");
        let answer = request.body(body.to_vec()).send().await;
        answer.map_or(0, |answer| answer.status().as_u16())
    };
    join_all((0..times).map(|_| one())).await
}

/// Bodies below the limit: one of small values, one of long orders, one of orders full of faults.
#[cfg(target_os = "linux")]
fn bodies() -> [Vec<u8>; 3] {
    // What takes eighty times its length as values, what takes ten times, and lists of faults.
    let small = format!("[{}]", vec!["{\"a\":1}"; MIB - 2].join(",")).into_bytes();
    let orders = json!(
        (0..1_000)
            .map(|nth| {
                let mut event = event(&format!("m{nth}"), &format!("M-{nth}"), 1);
                event["data"]["comment"] = json!("c".repeat(6_000));
                event
            })
            .collect::<Vec<_>>()
    );
    let orders = serde_json::to_vec(&orders).unwrap();
    assert!(
        small.len() < 8 * MIB + 2 && orders.len() < 8 * MIB,
        "{}",
        orders.len()
    );
    let faulty = json!(
        (0..1_000)
            .map(|nth| {
                let mut event = event(&format!("f{nth}"), &format!("F-{nth}"), 1);
                event["data"]["items"] = json!(vec![1; 100]);
                event
            })
            .collect::<Vec<_>>()
    );
    let faulty = serde_json::to_vec(&faulty).unwrap();
    [small, orders, faulty]
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_stays_within_256_mib_whatever_strangers_shops_and_portals_send() {
    crate::support::provider();
    let (portal, db) = (hostile().await, Database::new().await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b24-bridge.toml");
    let port = free_port();
    Settings::new(&format!("{}/rest/1/secret/", portal.uri()))
        .status("N", "NEW")
        .listen(port)
        // A call has the time that it has by default: what it is sent takes long to unpack.
        .set("worker.poll_seconds", 1)
        .set("worker.doubt_seconds", 1)
        .set("worker.backoff_base_seconds", 1)
        .set("worker.backoff_cap_seconds", 2)
        .tables("[shops.main.woocommerce]\nsecret = \"woo-secret-0123456789\"")
        .write(&file);
    let process = process::serve(&file, &db.url);
    let client = Client::builder().no_proxy().build().unwrap();
    let url = format!("http://127.0.0.1:{port}");
    ready(&client, &url).await;
    let events = format!("{url}/v1/events");
    let order = serde_json::to_vec(&event("e1", "A-1", 1)).unwrap();
    assert_eq!(at_once(&client, 1, &events, KEY, &order).await, [202]);

    let mut silent = Vec::new();
    for nth in 0..600 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        if nth % 2 == 0 {
            stream.write_all(PREFACE).await.unwrap();
        }
        silent.push(stream);
    }
    let [small, orders, faulty] = bodies();
    let woo = format!("{url}/v1/woocommerce/main");
    let (of_small, of_orders, of_faults, of_strangers) = tokio::join!(
        at_once(&client, 16, &events, KEY, &small),
        at_once(&client, 16, &events, KEY, &orders),
        at_once(&client, 16, &events, KEY, &faulty),
        at_once(&client, 16, &woo, "", &small),
    );
    for (found, allowed) in [
        (of_small, &[408, 413, 503][..]),
        (of_orders, &[202, 408, 503]),
        (of_faults, &[408, 422, 503]),
        (of_strangers, &[401, 408, 413, 503]),
    ] {
        assert!(
            found.iter().all(|status| allowed.contains(status)),
            "{found:?}"
        );
    }
    // Who knows a key is served while and after strangers knock.
    assert_eq!(at_once(&client, 1, &events, KEY, &orders).await, [202]);
    let until = Instant::now() + Duration::from_secs(90);
    while portal.received_requests().await.unwrap().len() < 3 {
        assert!(Instant::now() < until, "the portal is not asked");
        sleep(Duration::from_millis(100)).await;
    }
    let troubles = "SELECT message FROM bridge.troubles WHERE code = 'B24-TOO-LARGE'";
    let told = loop {
        if let Some(told) = sqlx::query_scalar::<_, String>(troubles)
            .fetch_optional(&db.pool)
            .await
            .unwrap()
        {
            break told;
        }
        assert!(Instant::now() < until, "nobody is told");
        sleep(Duration::from_millis(100)).await;
    };
    assert!(told.contains("larger than"), "{told}");
    let peak = peak(&process);
    assert!(peak <= 256, "{peak} MiB");
}

/// The bridge without settings, on this database.
fn unconfigured(folder: &Path, database: &str, port: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_b24-bridge"));
    command
        .arg("serve")
        .current_dir(folder)
        .env("DATABASE_URL", database)
        .env("BRIDGE_HTTP__LISTEN", format!("127.0.0.1:{port}"));
    command
}

#[tokio::test]
async fn demo_values_open_no_database_but_the_demo_s_own() {
    let folder = tempfile::tempdir().unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let refused = |database: &str| {
        let done = unconfigured(folder.path(), database, free_port()).output();
        let done = done.unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("not the demo's"), "{said}");
    };
    // A database with somebody's orders in it.
    let db = Database::new().await;
    let app = crate::support::shop::app(&db.pool, &["main"]);
    let shop = crate::support::shop::main_shop();
    let order = [event("e1", "A-1", 1)];
    app.intake.accept_events(Some(&shop), &order).await.unwrap();
    refused(&db.url);

    // An empty one is the demo's from then on, until a configuration serves it.
    let db = Database::new().await;
    for _ in 0..2 {
        let port = free_port();
        let _running = process::quiet(unconfigured(folder.path(), &db.url, port));
        ready(&client, &format!("http://127.0.0.1:{port}")).await;
    }
    let file = folder.path().join("settings.toml");
    let settings = |port| {
        Settings::new("https://example.bitrix24.ru/rest/1/secret/")
            .status("N", "NEW")
            .listen(port)
    };
    let port = free_port();
    settings(port).write(&file);
    {
        let _running = process::serve(&file, &db.url);
        ready(&client, &format!("http://127.0.0.1:{port}")).await;
    }
    refused(&db.url);

    // And the demo's keys are taken in no configuration.
    settings(free_port())
        .tables("[operators.anna]\nkey = \"demo-operator-key-not-for-production\"")
        .write(&file);
    let done = process::command(&["serve"], &file, &db.url)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        !done.status.success() && said.contains("operators.anna.key"),
        "{said}"
    );
}

#[tokio::test]
async fn wrong_keys_are_slowed_where_they_come_from_and_a_right_one_never_is() {
    let api = Api::new().await;
    let get = async |key: &str, from: &str| {
        let request = api.client.get(format!("{}/v1/dead-letters", api.url));
        let request = request.bearer_auth(key).header("x-forwarded-for", from);
        request.send().await.unwrap()
    };
    let began = Instant::now();
    let mut slowed = 0;
    for nth in 0..25 {
        let answer = get(&format!("wrong-key-{nth}"), "203.0.113.66").await;
        let status = answer.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.headers().contains_key("retry-after"));
            let told: Value = answer.json().await.unwrap();
            assert_eq!(told["code"], "SHOP-KEY");
            slowed += 1;
        } else {
            assert_eq!(status, StatusCode::UNAUTHORIZED);
        }
    }
    assert!((3..=5).contains(&slowed), "{slowed}");
    assert!(began.elapsed() >= Duration::from_secs(3));
    assert_eq!(get(KEY, "203.0.113.66").await.status(), StatusCode::OK);
    let elsewhere = get("wrong-key", "203.0.113.67").await;
    assert_eq!(elsewhere.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn meters_with_a_listener_of_their_own_are_not_shown_to_everybody() {
    let db = Database::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b24-bridge.toml");
    let (api, meters) = (free_port(), free_port());
    Settings::new("https://example.bitrix24.ru/rest/1/secret/")
        .status("N", "NEW")
        .listen(api)
        .text("http.metrics_listen", &format!("127.0.0.1:{meters}"))
        .write(&file);
    let _running = process::serve(&file, &db.url);
    let client = Client::builder().no_proxy().build().unwrap();
    ready(&client, &format!("http://127.0.0.1:{api}")).await;
    ready(&client, &format!("http://127.0.0.1:{meters}")).await;
    let status = async |port: u16, path: &str| {
        let answer = client.get(format!("http://127.0.0.1:{port}{path}"));
        answer.send().await.unwrap().status()
    };
    assert_eq!(status(api, "/metrics").await, StatusCode::NOT_FOUND);
    assert_eq!(status(meters, "/metrics").await, StatusCode::OK);
    assert_eq!(status(meters, "/v1/status").await, StatusCode::NOT_FOUND);
}
