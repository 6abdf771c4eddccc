//! Limits and everything that goes wrong.

use b24_bridge::sandbox::{Fault, Faults, Options, Plan};
use serde_json::{Value, json};

use super::{desk, desk_with};

#[tokio::test]
async fn a_burst_overflows_the_bucket() {
    let desk = desk_with(Options::default().plan(Plan::Custom {
        per_second: 0,
        burst: 5,
    }))
    .await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(desk.ask("server.time", json!({})).await);
    }
    let refused: Vec<_> = statuses
        .iter()
        .filter(|(status, _)| *status == 503)
        .collect();
    assert_eq!(refused.len(), 3, "{statuses:?}");
    assert_eq!(
        refused[0].1,
        json!({"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"})
    );
    assert_eq!(desk.portal.stats().throttled, refused.len() as u64);
}

#[tokio::test]
async fn a_method_that_took_too_long_is_blocked_alone() {
    let options = Options {
        operating_limit: Some(10.0),
        ..Options::default()
    };
    let desk = desk_with(options.cost("crm.deal.get", 6.0)).await;
    desk.deal(json!({})).await;
    for _ in 0..2 {
        desk.get("crm.deal.get", json!({"id": 1})).await;
    }
    let blocked = desk.refused("crm.deal.get", json!({"id": 1})).await;
    assert_eq!((blocked.0, blocked.1), (429, json!("OPERATION_TIME_LIMIT")));
    let batch = desk
        .get(
            "batch",
            json!({"cmd": {"a": "crm.deal.get?id=1", "b": "crm.deal.list"}}),
        )
        .await;
    assert_eq!(batch["result_error"]["a"]["error"], "OPERATION_TIME_LIMIT");
    assert_eq!(batch["result"]["b"].as_array().unwrap().len(), 1);
    assert!(batch["result_time"]["b"]["operating"].as_f64().unwrap() < 1.0);
}

#[tokio::test]
async fn a_lost_answer_has_done_its_work_and_a_reset_has_not() {
    let desk = desk().await;
    let add = desk
        .client
        .post(format!("{}crm.deal.add", desk.portal.url()))
        .json(&json!({"fields": {}}));
    let send = || add.try_clone().unwrap().send();
    desk.portal
        .fail_next(Fault::ResetBefore, 1, Some("crm.deal.add"));
    assert!(send().await.is_err());
    assert_eq!(desk.portal.deals().len(), 0);
    desk.portal
        .fail_next(Fault::LostAnswer, 1, Some("crm.deal.add"));
    assert!(send().await.is_err());
    assert_eq!(desk.portal.deals().len(), 1);
    desk.portal.fail_next(Fault::HalfAnswer, 1, None);
    let half = send().await.unwrap();
    assert_eq!(half.status(), 200);
    assert!(half.bytes().await.is_err());
    assert_eq!(desk.portal.deals().len(), 2);
    let seen: Vec<_> = desk
        .portal
        .calls()
        .iter()
        .map(|c| (c.status, c.executed))
        .collect();
    assert_eq!(seen, [(0, false), (0, true), (0, true)]);
}

#[tokio::test]
async fn gateways_answer_in_html() {
    let desk = desk().await;
    let faults = [
        (Fault::InternalError, 500, 0),
        (Fault::BadGateway, 502, 0),
        (Fault::GatewayTimeout, 504, 1),
    ];
    for (fault, status, done) in faults {
        desk.portal.fail_next(fault, 1, None);
        let url = format!("{}crm.deal.add?fields[TITLE]=x", desk.portal.url());
        let answer = desk.client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert!(answer.text().await.unwrap().contains("<html>"));
        assert_eq!(desk.portal.deals().len(), done, "{status}");
    }
}

#[tokio::test]
async fn ordered_faults_reach_commands_inside_a_batch() {
    let desk = desk().await;
    desk.portal
        .fail_next(Fault::OperationLimit, 1, Some("crm.deal.add"));
    let cmd = json!({"cmd": {"a": "server.time", "b": "crm.deal.add?fields[TITLE]=x"}});
    let first = desk.get("batch", cmd.clone()).await;
    assert_eq!(first["result_error"]["b"]["error"], "OPERATION_TIME_LIMIT");
    assert!(first["result"]["a"].is_string());
    let second = desk.get("batch", cmd).await;
    assert_eq!(second["result"]["b"], 1);
}

#[tokio::test]
async fn the_same_seed_meets_the_same_faults() {
    let story = async || {
        let options = Options::default().plan(Plan::Unlimited).seed(11);
        let faults = Faults {
            internal_error: 0.2,
            bad_gateway: 0.2,
            throttled: 0.1,
            ..Faults::default()
        };
        let desk = desk_with(options.faults(faults)).await;
        for _ in 0..40 {
            let url = format!("{}server.time", desk.portal.url());
            let _ = desk.client.get(url).send().await;
        }
        desk.portal
            .calls()
            .iter()
            .map(|call| call.status)
            .collect::<Vec<_>>()
    };
    let first = story().await;
    assert_eq!(first, story().await);
    assert!(first.contains(&500) && first.contains(&200));
}

#[tokio::test]
async fn a_renamed_portal_redirects_and_an_overloaded_one_stays_shut() {
    let desk = desk().await;
    desk.portal.rename_portal(Some("new.portal.test"));
    let url = format!("{}server.time?x=1", desk.portal.url());
    let answer = desk.client.post(&url).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    let location = answer.headers()["location"].to_str().unwrap();
    assert_eq!(
        location,
        "http://new.portal.test/rest/1/sandbox0secret/server.time?x=1"
    );
    desk.portal.rename_portal(None);
    desk.portal.overload(true);
    let refused = desk.refused("server.time", json!({})).await;
    assert_eq!((refused.0, refused.1), (503, json!("OVERLOAD_LIMIT")));
}

#[tokio::test]
async fn a_stopped_portal_answers_nobody_not_even_on_an_open_connection() {
    let desk = desk().await;
    desk.get("server.time", json!({})).await;
    let url = format!("{}server.time", desk.portal.url());
    desk.portal.stop().await;
    assert!(desk.client.get(url).send().await.is_err());
}

#[tokio::test]
async fn ten_thousand_deals_do_not_make_a_lookup_slow() {
    let desk = desk().await;
    let start = std::time::Instant::now();
    for chunk in 0..200 {
        let cmd: Vec<String> = (0..50)
            .map(|n| format!("crm.deal.add?fields[ORIGIN_ID]=o{}", chunk * 50 + n))
            .collect();
        desk.get("batch", json!({ "cmd": cmd })).await;
    }
    let making = start.elapsed();
    let start = std::time::Instant::now();
    let cmd: Vec<String> = (0..50)
        .map(|n| {
            format!(
                "crm.deal.list?filter[%3DORIGIN_ID]=o{}&select[]=ID&start=-1",
                n * 199
            )
        })
        .collect();
    let found = desk.get("batch", json!({ "cmd": cmd })).await;
    assert_eq!(found["result"][49], json!([{"ID": "9752"}]), "{found}");
    // Fifty walks over ten thousand, beside the making of them.
    let looking = start.elapsed();
    assert!(looking < making * 4, "{looking:?} beside {making:?}");
}

#[tokio::test]
async fn the_portal_is_driven_and_watched_over_http() {
    let desk = desk().await;
    let id = desk
        .deal(json!({"TITLE": "<img src=x onerror=alert(1)>"}))
        .await;
    assert_eq!(
        desk.control(&format!("deals/{id}/move"), json!({"stage": "WON"}))
            .await,
        200
    );
    assert_eq!(
        desk.control(&format!("deals/{id}/move"), json!({"stage": "C1:WON"}))
            .await,
        404
    );
    assert_eq!(
        desk.control("faults/next", json!({"fault": "bad_gateway"}))
            .await,
        200
    );
    assert_eq!(
        desk.control("faults", json!({"lost_answer": 0.0})).await,
        200
    );
    let read = async |path: &str| -> Value {
        let url = format!("http://{}/sandbox/{path}", desk.portal.addr());
        desk.client
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    };
    assert_eq!(read("state").await["deals"][0]["stage"], "WON");
    assert_eq!(read("stats").await["requests"], 1);
    assert_eq!(
        read("deals/1").await["history"].as_array().unwrap().len(),
        2
    );
    assert_eq!(read("faults").await["next"], json!([]));
    assert_eq!(
        desk.control(&format!("deals/{id}/delete"), json!({})).await,
        200
    );
    assert!(desk.portal.deals().is_empty());
    assert_eq!(desk.control("reset", json!({})).await, 200);
    assert_eq!(read("stats").await["requests"], 0);
    let page = desk
        .client
        .get(format!("http://{}/", desk.portal.addr()))
        .send()
        .await
        .unwrap();
    assert!(
        page.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("script-src 'self'")
    );
}
