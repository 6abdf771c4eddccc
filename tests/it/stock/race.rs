//! One product, many hands: at any concurrency, across processes and crashes as much is held as
//! there is, and not a piece more.

use super::world::{one, settings, world};
use crate::support::{database::Database, free_port, process::serve, settings::KEY};
use b24_bridge::{app::stock::ReservationAnswer, domain::ShopName, stock::Reservation};
use reqwest::{Client, StatusCode};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

const CLIENTS: usize = 64;

#[tokio::test]
async fn of_a_thousand_pieces_sixty_four_clients_hold_a_thousand() {
    let api = world().await;
    api.bring("a", "hot", "1000").await;
    let app = api.app.clone();
    let next = Arc::new(AtomicUsize::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (app, next) = (app.clone(), Arc::clone(&next));
        clients.spawn(async move {
            let shop = ShopName::parse("main").unwrap();
            let wanted = Reservation::read(&one("hot", 1)).unwrap();
            let (mut held, mut short) = (0, 0);
            loop {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                if nth >= 1_300 {
                    return (held, short);
                }
                // Each asks twice, as somebody whose answer was lost.
                let id = nth.to_string();
                let (first, again) = tokio::join!(
                    app.stock.reserve(&shop, &id, &wanted),
                    app.stock.reserve(&shop, &id, &wanted)
                );
                match (first.unwrap(), again.unwrap()) {
                    (ReservationAnswer::Reserved(_), ReservationAnswer::Reserved(_)) => held += 1,
                    (ReservationAnswer::Short(_), ReservationAnswer::Short(_)) => short += 1,
                    other => panic!("{other:?}"),
                }
            }
        });
    }
    let (mut held, mut short) = (0, 0);
    while let Some(one) = clients.join_next().await {
        let one = one.unwrap();
        held += one.0;
        short += one.1;
    }
    assert_eq!((held, short), (1_000, 300));
    assert_eq!(
        api.level("hot", "a").await,
        ("1000".to_owned(), "1000".to_owned())
    );
    api.prove().await;
}

#[tokio::test]
async fn who_holds_a_lock_keeps_nobody_from_other_products_for_longer_than_a_second_or_two() {
    let api = world().await;
    for product in ["locked", "free"] {
        api.bring("a", product, "9").await;
    }
    let mut tx = api.db.pool.begin().await.unwrap();
    let lock = "SELECT FROM bridge.stock_levels WHERE product = 'locked' FOR UPDATE";
    sqlx::query(lock).execute(&mut *tx).await.unwrap();
    let began = Instant::now();
    let locked = one("locked", 1);
    let waiting = api.put("w", &locked);
    let others = async {
        let mut all = Vec::new();
        for nth in 0..20 {
            let id = format!("f{nth}");
            all.push(api.put(&id, &one("free", "0.1")).await.0);
        }
        let took = began.elapsed();
        tx.rollback().await.unwrap();
        (all, took)
    };
    let ((status, _), (all, took)) = tokio::join!(waiting, others);
    assert_eq!(status, StatusCode::OK, "it got its lock in the end");
    assert!(
        all.iter().all(|status| *status == StatusCode::OK),
        "{all:?}"
    );
    assert!(took < Duration::from_secs(5), "{took:?}");
    api.prove().await;
}

#[tokio::test]
async fn lines_in_any_order_never_end_in_a_circle() {
    let api = world().await;
    let products = ["x", "y", "z"];
    for product in products {
        api.bring("a", product, "100000").await;
    }
    let mut tasks = JoinSet::new();
    for nth in 0..24 {
        let app = api.app.clone();
        tasks.spawn(async move {
            let shop = ShopName::parse("main").unwrap();
            for turn in 0..20 {
                let line = |at: usize| {
                    json!(
                        {
                            "line": at.to_string(), "product": products[(at + nth + turn) % 3],
                                "quantity": 1 + at
                        }
                    )
                };
                let lines: Vec<_> = (0..3).map(line).collect();
                let wanted = Reservation::read(&json!({ "lines": lines })).unwrap();
                let id = format!("c{}", (nth + turn) % 12);
                let answer = app.stock.reserve(&shop, &id, &wanted).await.unwrap();
                assert!(
                    matches!(answer, ReservationAnswer::Reserved(_)),
                    "{answer:?}"
                );
                if turn % 5 == 4 {
                    app.stock.release(&shop, &id).await.unwrap();
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    api.prove().await;
}

/// A process of the bridge that is killed and started again, at one address.
struct Place {
    url: String,
    settings: std::path::PathBuf,
}

impl Place {
    fn new(folder: &std::path::Path) -> Self {
        let port = free_port();
        let file = folder.join(format!("{port}.toml"));
        settings().listen(port).write(&file);
        Self {
            url: format!("http://127.0.0.1:{port}"),
            settings: file,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_killed_and_connections_lost_and_still_each_piece_has_one_holder() {
    let db = Database::new().await;
    let folder = tempfile::tempdir().unwrap();
    let places = [Place::new(folder.path()), Place::new(folder.path())];
    let mut running: Vec<_> = places
        .iter()
        .map(|p| Some(serve(&p.settings, &db.url)))
        .collect();
    let client = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    let urls: Vec<String> = places.iter().map(|place| place.url.clone()).collect();
    until_up(&client, &urls[0]).await;
    until_up(&client, &urls[1]).await;
    let moves = json!([{ "line": "1", "product": "hot", "quantity": 100 }]);
    let bring = super::world::event(
        "shop.stock.moved.v1",
        json!({ "store": "a", "moves": moves }),
    );
    let taken = client
        .post(format!("{}/v1/events", urls[0]))
        .bearer_auth(KEY)
        .json(&bring)
        .send()
        .await;
    assert_eq!(taken.unwrap().status(), StatusCode::ACCEPTED);
    let next = Arc::new(AtomicUsize::new(0));
    let mut buyers = JoinSet::new();
    for _ in 0..16 {
        buyers.spawn(buy(client.clone(), urls.clone(), Arc::clone(&next)));
    }
    for turn in 0..4 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        // By SIGKILL; then it is started again.
        running[turn % 2] = None;
        running[turn % 2] = Some(serve(&places[turn % 2].settings, &db.url));
    }
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    while let Some(got) = buyers.join_next().await {
        for status in got.unwrap() {
            *answers.entry(status).or_default() += 1;
        }
    }
    assert_eq!(answers, BTreeMap::from([(200, 100), (409, 60)]));
    let held: i64 = sqlx::query_scalar("SELECT sum(reserved)::bigint FROM bridge.stock_moves")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(held, 100);
}

async fn until_up(client: &Client, url: &str) {
    let until = Instant::now() + Duration::from_mins(1);
    while client.get(format!("{url}/healthz")).send().await.is_err() {
        assert!(Instant::now() < until, "{url} does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Asks for a piece until there is an answer, wherever one is to be had.
async fn buy(client: Client, urls: Vec<String>, next: Arc<AtomicUsize>) -> Vec<u16> {
    let mut got = Vec::new();
    loop {
        let nth = next.fetch_add(1, Ordering::Relaxed);
        if nth >= 160 {
            return got;
        }
        let mut tries = nth;
        let status = loop {
            tries += 1;
            let url = format!("{}/v1/reservations/main/b{nth}", urls[tries % 2]);
            let asked = client
                .put(url)
                .bearer_auth(KEY)
                .json(&one("hot", 1))
                .send()
                .await;
            match asked {
                Ok(answer) if answer.status() != StatusCode::SERVICE_UNAVAILABLE => {
                    break answer.status().as_u16();
                }
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        got.push(status);
    }
}
