//! Many letters at once, export, import and the audit log over HTTP.

use super::{ANNA, MAIN, OTHER, VIKTOR, body, problem, serve};
use serde_json::{Value, json};

const JOBS: &str = "/v1/dead-letters/jobs";

#[tokio::test]
async fn a_job_is_started_with_the_count_that_was_shown_and_can_be_watched_and_stopped() {
    let api = serve().await;
    api.dead("A-1").await;
    let counts = body(api.get(MAIN, "/v1/dead-letters/counts?code=MAP-STATUS")).await;
    assert_eq!(counts["total"], 1);
    assert_eq!(counts["items"][0]["code"], "MAP-STATUS");
    assert_eq!(
        body(api.get(OTHER, "/v1/dead-letters/counts")).await["total"],
        0
    );
    let job = |expect: i64| {
        json!(
            {"action": "retry", "filter": {"code": "MAP-STATUS"}, "expect": expect}
        )
    };
    problem(api.post(VIKTOR, JOBS).json(&job(1)), 403, "SHOP-FORBIDDEN").await;
    problem(api.post(MAIN, JOBS).json(&job(1)), 403, "SHOP-FORBIDDEN").await;
    problem(api.post(ANNA, JOBS).json(&job(2)), 409, "BULK-COUNT").await;
    let wrong = json!({"action": "retry", "filter": {"code": "NONE"}, "expect": 1});
    let told = problem(api.post(ANNA, JOBS).json(&wrong), 422, "SHOP-INVALID").await;
    assert_eq!(told["errors"][0]["pointer"], "/code");
    let all = json!({"action": "retry", "filter": {}, "expect": 1});
    problem(api.post(ANNA, JOBS).json(&all), 422, "SHOP-INVALID").await;

    let started = body(api.post(ANNA, JOBS).json(&job(1))).await;
    assert_eq!(started["state"], "running");
    let one = format!("{JOBS}/{}", started["id"]);
    problem(
        api.post(VIKTOR, &format!("{one}/stop")),
        403,
        "SHOP-FORBIDDEN",
    )
    .await;
    let stopped = body(api.post(ANNA, &format!("{one}/stop"))).await;
    assert_eq!(stopped["stopped_by"], "operator:anna");
    problem(
        api.post(ANNA, &format!("{one}/stop")),
        404,
        "SHOP-NOT-FOUND",
    )
    .await;
    assert_eq!(body(api.get(VIKTOR, &one)).await["state"], "stopped");
    problem(api.get(VIKTOR, &format!("{JOBS}/x")), 404, "SHOP-NOT-FOUND").await;

    body(api.post(ANNA, JOBS).json(&job(1))).await;
    api.app.dead_letters.work_bulk().await.unwrap();
    let jobs = body(api.get(VIKTOR, JOBS)).await;
    assert_eq!(
        (&jobs["items"][0]["state"], &jobs["items"][0]["done"]),
        (&json!("done"), &json!(1))
    );
    assert_eq!(
        body(api.get(ANNA, "/v1/dead-letters")).await["items"],
        json!([])
    );
}

#[tokio::test]
async fn letters_leave_and_come_back_as_lines() {
    let api = serve().await;
    let id = api.dead("A-1").await;
    let answer = api
        .get(MAIN, "/v1/dead-letters/export")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let text = answer.text().await.unwrap();
    let letter: Value = serde_json::from_str(text.trim_end()).unwrap();
    assert_eq!(letter["id"], id);
    let import = "/v1/dead-letters/import";
    problem(
        api.post(MAIN, import).body(text.clone()),
        403,
        "SHOP-FORBIDDEN",
    )
    .await;
    let sum = body(api.post(ANNA, import).body(format!("{text}nonsense\n"))).await;
    assert_eq!((&sum["taken"], &sum["known"]), (&json!(0), &json!(1)));
    assert_eq!(sum["faulty"][0]["line"], 2);
}

#[tokio::test]
async fn a_closed_letter_still_tells_its_end_and_the_audit_log_who_did_it() {
    let api = serve().await;
    let id = api.dead("A-1").await;
    let one = format!("/v1/dead-letters/{id}");
    let open = body(api.get(MAIN, &one)).await;
    assert_eq!(open["closed"], Value::Null);
    assert_eq!(open["tries"][0]["code"], "MAP-STATUS");
    let reason = json!({"reason": "a test order"});
    body(api.post(ANNA, &format!("{one}/discard")).json(&reason)).await;
    let closed = body(api.get(MAIN, &one)).await;
    assert_eq!(
        (&closed["closed"]["how"], &closed["closed"]["reason"]),
        (&json!("discarded"), &json!("a test order"))
    );
    problem(api.get(OTHER, &one), 404, "SHOP-NOT-FOUND").await;

    body(api.post(ANNA, "/v1/portals/main/pause")).await;
    problem(api.get(MAIN, "/v1/audit"), 403, "SHOP-FORBIDDEN").await;
    for wrong in ["?limit=0", "?limit=501", "?actor=%00", "?who=x"] {
        problem(
            api.get(VIKTOR, &format!("/v1/audit{wrong}")),
            400,
            "SHOP-MALFORMED",
        )
        .await;
    }
    let page = body(api.get(VIKTOR, "/v1/audit?limit=1")).await;
    assert_eq!(page["items"][0]["action"], "portal.pause");
    let next = format!("/v1/audit?before={}", page["next"]);
    let page = body(api.get(VIKTOR, &next)).await;
    assert_eq!(page["items"][0]["target"], id.to_string());
    assert_eq!(page["items"][0]["actor"], "operator:anna");
    assert_eq!(page["next"], Value::Null);
}
