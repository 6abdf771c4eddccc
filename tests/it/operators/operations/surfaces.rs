//! Every number that people see is the same on every surface: API, command line, console, meters.

use crate::two_way::world::{OPERATOR, Plot, World};
use serde_json::Value;

/// Conflicts that wait, one of them with a letter about the same, one that a person has ruled and
/// one that is closed; letters of an order, of a change and of no order; one that is closed.
const WORLD: &str = "
    INSERT INTO bridge.conflicts
        (portal, shop, number, decision_id, code, sentence, status, stage, ruled_at, ruled_by,
         winner, closed_at, closed_how)
    VALUES ('main', 'main', 'C-1', 1, 'SYNC-REVIEW', 's', 'A', 'WON', NULL, NULL, NULL, NULL, NULL),
           ('main', 'main', 'C-2', 2, 'B24-DEAL-GONE', 's', 'A', '', NULL, NULL, NULL, NULL, NULL),
           ('main', 'main', 'C-3', 3, 'B24-DEAL-GONE', 's', 'A', '', NULL, NULL, NULL, NULL, NULL),
           ('main', 'main', 'C-4', 4, 'SYNC-REVIEW', 's', 'A', 'WON', now(), 'a', 'shop', NULL,
            NULL),
           ('main', 'main', 'C-5', 5, 'SYNC-REVIEW', 's', 'A', 'WON', now(), 'a', 'shop', now(),
            'ruled');
    INSERT INTO bridge.dead_letters (portal, shop, number, code, message, payload)
    VALUES ('main', 'main', 'C-2', 'B24-DEAL-GONE', 'm', '{}'),
           ('main', 'main', 'O-1', 'B24-REFUSED', 'm', '{}'),
           (NULL, NULL, NULL, 'EVENT-INVALID', 'm', '{}');
    INSERT INTO bridge.dead_letters (portal, shop, number, code, message, payload, closed_at,
                                     closed_how)
    VALUES ('main', 'main', 'O-2', 'B24-REFUSED', 'm', '{}', now(), 'discarded')";

async fn page(world: &World, cookie: &str, path: &str) -> String {
    let request = world.http.get(format!("{}/console{path}", world.url));
    let answer = request.header("cookie", cookie).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    answer.text().await.unwrap()
}

async fn sign_in(world: &World) -> String {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let request = client.post(format!("{}/console/sign-in", world.url));
    let answer = request.form(&[("key", OPERATOR)]).send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn command(world: &World, args: &[&str]) -> Value {
    let mut all = args.to_vec();
    all.push("--json");
    let (fine, told) = world.command(&all).await;
    assert!(fine, "{args:?}: {told}");
    serde_json::from_str(&told).unwrap()
}

/// Every list has the same shape for programs.
async fn lists(world: &World) {
    for listing in [
        &["orders", "list"][..],
        &["orders", "search", "S-1"],
        &["dead-letters", "list"],
        &["dead-letters", "jobs"],
        &["conflicts", "list"],
        &["audit", "list"],
        &["portals", "list"],
        &["forms", "list"],
        &["tills", "list"],
        &["onec", "status"],
        &["statuses", "apply", "--dry-run"],
    ] {
        let listed = command(world, listing).await;
        assert!(listed["items"].is_array(), "{listing:?}: {listed}");
        assert!(listed.get("next").is_some(), "{listing:?}: {listed}");
    }
}

/// The sum of a meter's series with this label.
fn meter(meters: &str, name: &str, label: &str) -> String {
    let series = meters
        .lines()
        .filter(|line| line.starts_with(name) && line.contains(label));
    let sum: f64 = series
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    sum.to_string()
}

fn tile(page: &str, path: &str) -> i64 {
    let (_, rest) = page
        .split_once(&format!("href=\"{path}\"><b>"))
        .unwrap_or_else(|| panic!("{path}: {page}"));
    rest.split('<').next().unwrap().parse().unwrap()
}

fn count(value: &Value) -> i64 {
    i64::try_from(value.as_array().unwrap().len()).unwrap()
}

fn sum(rows: &Value, name: &str) -> i64 {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row[name].as_i64().unwrap()).sum()
}

/// What each surface says of one number.
async fn conflicts(world: &World, cookie: &str) -> Vec<i64> {
    let listed = page(world, cookie, "/conflicts").await;
    vec![
        count(&world.get("/v1/conflicts", OPERATOR).await["items"]),
        sum(
            &world.get("/v1/status", OPERATOR).await["shops"],
            "conflicts",
        ),
        count(&command(world, &["conflicts", "list"]).await["items"]),
        sum(&command(world, &["status"]).await["shops"], "conflicts"),
        tile(&page(world, cookie, "").await, "/console/conflicts"),
        i64::try_from(listed.matches("<section class=\"card\">").count()).unwrap(),
    ]
}

async fn letters(world: &World, cookie: &str) -> Vec<i64> {
    let listed = page(world, cookie, "/dead-letters").await;
    let (_, total) = listed
        .split_once("<h1>Dead letters <span class=\"quiet\">")
        .unwrap();
    vec![
        count(&world.get("/v1/dead-letters", OPERATOR).await["items"]),
        world.get("/v1/dead-letters/counts", OPERATOR).await["total"]
            .as_i64()
            .unwrap(),
        sum(&world.get("/v1/status", OPERATOR).await["dead"], "count"),
        count(&command(world, &["dead-letters", "list"]).await["items"]),
        sum(&command(world, &["status"]).await["dead"], "count"),
        tile(&page(world, cookie, "").await, "/console/dead-letters"),
        total.split('<').next().unwrap().parse().unwrap(),
    ]
}

/// How many orders are in a state, as each surface says it.
async fn orders(world: &World, cookie: &str, state: &str, badge: &str) -> Vec<i64> {
    let query = format!("/v1/orders?state={state}");
    let listed = page(world, cookie, &format!("/orders?state={state}")).await;
    let listed = listed.matches(&format!("\">{badge}</span>")).count();
    let all = world.get("/v1/orders", OPERATOR).await["items"].clone();
    let all = all.as_array().unwrap().iter();
    let mut each = 0;
    for order in all.filter(|order| order["state"] == state) {
        let number = order["number"].as_str().unwrap();
        let shown = page(world, cookie, &format!("/orders/main/{number}")).await;
        each += i64::from(shown.contains(&format!("\">{badge}</span>")));
        assert_eq!(world.order(number).await["state"], state);
    }
    vec![
        count(&world.get(&query, OPERATOR).await["items"]),
        count(&command(world, &["orders", "list", "--state", state]).await["items"]),
        i64::try_from(listed).unwrap(),
        each,
    ]
}

#[tokio::test]
async fn every_number_is_the_same_in_api_command_line_console_and_meters() {
    // Nothing comes late from the portal: what is counted stands still.
    let plot = Plot {
        webhooks: false,
        reconcile_seconds: 3600,
        ..Plot::default()
    };
    let world = World::new(plot).await;
    for number in ["S-1", "S-2", "S-3", "O-1"] {
        world.ordered(number).await;
    }
    let pause = world
        .post(
            "/v1/portals/main/pause",
            OPERATOR,
            serde_json::json!({"reason": "counting"}),
        )
        .await;
    assert_eq!(pause.0, 200, "{pause:?}");
    world.shop.set("W-1", "N");
    world.shop.set("W-2", "N");
    sqlx::raw_sql(WORLD).execute(&world.db.pool).await.unwrap();
    let waiting = async || world.get("/v1/status", OPERATOR).await["portals"][0]["pending"] == 2;
    world.until("two wait", waiting).await;
    let cookie = sign_in(&world).await;
    world
        .until("the meters have counted", async || {
            let answer = world.http.get(format!("{}/metrics", world.url)).send();
            let meters = answer.await.unwrap().text().await.unwrap();
            let letters = meter(&meters, "bridge_lane_depth{", "state=\"dead\"");
            [letters, meter(&meters, "bridge_conflicts_open{", "shop")] == ["3", "3"]
        })
        .await;
    assert_eq!(conflicts(&world, &cookie).await, [3; 6]);
    assert_eq!(letters(&world, &cookie).await, [3; 7]);
    lists(&world).await;
    for (state, badge, orders_in_it) in [
        ("dead", "dead letter", 1),
        ("on_its_way", "on its way", 2),
        ("in_sync", "in sync", 3),
        ("not_in_sync", "not in sync", 0),
    ] {
        let said = orders(&world, &cookie, state, badge).await;
        assert_eq!(said, [orders_in_it; 4], "{state}");
    }
}
