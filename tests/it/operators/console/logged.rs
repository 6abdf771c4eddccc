//! What the log tells of requests to the console.

use super::{Page, idle, world::ANNA};
use crate::support::log_lines::Lines;
use reqwest::StatusCode;

#[tokio::test]
async fn every_request_has_a_line_with_an_id_and_nothing_of_a_person_or_a_secret() {
    let lines = Lines::default();
    let _guard = lines.collect();
    let (world, _) = idle().await;
    let anna = Page::anna(&world).await;
    let found = anna.get("/orders?q=%2B79160000001").await;
    let id = found.headers()["x-request-id"].to_str().unwrap().to_owned();
    let own = anna
        .client
        .get(world.at("/nothing/here"))
        .header("x-request-id", "mine-1");
    assert_eq!(
        own.send().await.unwrap().headers()["x-request-id"],
        "mine-1"
    );
    anna.post("/portals/main/pause", &[]).await;
    let told = lines.of("request");
    let line = |id: &str| {
        let line = told.iter().find(|line| line["request_id"] == id);
        line.unwrap_or_else(|| panic!("{id}: {}", lines.text()))
    };
    let search = line(&id);
    assert_eq!(search["path"], "/console/orders");
    assert_eq!(search["method"], "GET");
    assert_eq!(search["status"], 200);
    assert_eq!(search["caller"], "operator:anna");
    assert_eq!(line("mine-1")["status"], StatusCode::NOT_FOUND.as_u16());
    assert_eq!(line("mine-1")["caller"], "-");
    let pause = told
        .iter()
        .find(|line| line["path"] == "/console/portals/{name}/pause");
    assert_eq!(pause.unwrap()["caller"], "operator:anna");
    let (_, token) = anna.cookie.split_once('=').unwrap();
    for hidden in ["79160000001", ANNA, token, &anna.csrf, "/nothing/here"] {
        assert!(!lines.text().contains(hidden), "{hidden}: {}", lines.text());
    }
}
