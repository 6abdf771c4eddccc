//! One request limit for all processes on one portal: workers, the one that takes over, and
//! operators' commands.

use crate::support::{
    database::Database,
    free_port, process,
    settings::{KEY, Settings},
};
use b24_bridge::sandbox::{Options, Plan, Sandbox};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

const ORDERS: usize = 240;

fn order(number: usize) -> Value {
    json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://limit.example",
            "id": format!("e{number}"),
        "data": {
            "number": format!("L{number}"), "status": "N", "currency": "RUB", "total": "100.00",
            "customer": {
                "id": format!("k{number}"), "name": "Имя", "phones": [format!("+7916{number:07}")]
            },
            "items": [{"name": "Чай", "quantity": 1, "price": "100.00"}]
        }
    })
}

fn settings(folder: &Path, portal: &Sandbox, port: u16) -> PathBuf {
    let file = folder.join(format!("{port}.toml"));
    Settings::new(&portal.url())
        .listen(port)
        .rate(10, 20)
        .hasty()
        .set("worker.wave", 8)
        .set("worker.reconcile_seconds", 5)
        .status("N", "NEW")
        .write(&file);
    file
}

/// Who holds the lane, by process.
async fn owner(database: &Database) -> Option<u32> {
    let held = "SELECT owner FROM bridge.lanes WHERE portal = 'main' AND lease_until > now()";
    let owner: Option<Option<String>> = sqlx::query_scalar(held)
        .fetch_optional(&database.pool)
        .await
        .unwrap();
    owner.flatten()?.split('/').nth(1)?.parse().ok()
}

async fn left(database: &Database) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL")
        .fetch_one(&database.pool)
        .await
        .unwrap()
}

async fn post(port: u16, bound: Instant) {
    let events: Vec<Value> = (0..ORDERS).map(order).collect();
    let url = format!("http://127.0.0.1:{port}/v1/events");
    let request = crate::portal::sandbox::client()
        .post(url)
        .bearer_auth(KEY)
        .header("content-type", "application/cloudevents-batch+json")
        .json(&events);
    loop {
        let sent = request.try_clone().unwrap().send().await;
        if sent.is_ok_and(|answer| answer.status() == 202) {
            return;
        }
        assert!(Instant::now() < bound, "the orders are not taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_workers_a_kill_and_operators_commands_beside_them_never_send_too_much() {
    let plan = Plan::Custom {
        per_second: 10,
        burst: 20,
    };
    let portal = Options::default()
        .plan(plan)
        .latency(Duration::from_millis(20));
    let portal = Sandbox::start(portal).await.unwrap();
    let (database, folder) = (Database::new().await, tempfile::tempdir().unwrap());
    let ports = [free_port(), free_port(), free_port()];
    let files = ports.map(|port| settings(folder.path(), &portal, port));
    let mut workers: Vec<_> = files
        .iter()
        .map(|file| process::serve(file, &database.url))
        .collect();
    let bound = Instant::now() + Duration::from_mins(2);
    post(ports[0], bound).await;
    let commands: [&[&str]; 5] = [
        &["doctor"],
        &["statuses", "check"],
        &["portals", "test", "main"],
        &["reconcile", "--dry-run"],
        &["reconcile"],
    ];
    let (mut round, mut busy, mut killed) = (0, 0, false);
    // Once around at least, and for as long as there is anything to send: two commands at a time.
    while round < commands.len() || left(&database).await > 0 {
        assert!(Instant::now() < bound, "it does not end");
        if !killed && left(&database).await < 180 {
            let pid = owner(&database).await.expect("somebody sends");
            workers.retain(|worker| worker.0.id() != pid);
            killed = workers.len() == 2;
        }
        busy += usize::from(left(&database).await > 0);
        let pair = [
            commands[round % commands.len()],
            commands[(round + 2) % commands.len()],
        ];
        let started = pair.map(|args| {
            let mut command = process::command(args, &files[0], &database.url);
            command.stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().unwrap()
        });
        for (args, child) in pair.into_iter().zip(started) {
            let ended = tokio::task::spawn_blocking(move || child.wait_with_output()).await;
            let ended = ended.unwrap().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr);
            // The doctor finds that nobody tells of changes here.
            assert!(
                ended.status.success() || args == ["doctor"],
                "{args:?}: {said}"
            );
        }
        round += 1;
    }
    assert!(
        killed && busy > 0,
        "nothing was going on beside the commands"
    );
    assert_eq!(portal.deals().len(), ORDERS);
    assert_eq!(
        portal.stats().throttled,
        0,
        "of {}",
        portal.stats().requests
    );
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM bridge.permits")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(waiting, 0, "each place that was asked for is used");
}
