//! Acts: what they need, and who may not.

use super::{dead, idle, text, with_comment};
use crate::support::shop::{app, claim, event, hopeless, lease, tries};
use b24_bridge::{
    app::{App, LetterFilter},
    domain::ErrorCode,
};
use browser::{Browser, program};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use world::{ANNA, Page, VIKTOR, World};

#[tokio::test]
async fn a_viewer_sees_everything_and_changes_nothing() {
    let (world, app) = idle().await;
    let id = dead(&app, &world, "A-1", "hello").await;
    let viktor = Page::viktor(&world).await;
    let letter = format!("/dead-letters/{id}");
    for path in [
        "",
        "/orders",
        "/orders/main/A-1",
        &letter,
        "/portals/main",
        "/conflicts",
        "/statuses",
        "/audit",
    ] {
        let answer = viktor.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    let acts: [(String, &[(&str, &str)]); 7] = [
        (format!("{letter}/retry"), &[]),
        (format!("{letter}/mend"), &[("payload", "{}")]),
        (format!("{letter}/discard"), &[("reason", "x")]),
        (
            "/dead-letters/bulk".to_owned(),
            &[("count", "1"), ("what", "retry")],
        ),
        ("/portals/main/pause".to_owned(), &[]),
        ("/portals/main/resume".to_owned(), &[]),
        ("/conflicts/1/resolve".to_owned(), &[("winner", "shop")]),
    ];
    for (path, form) in acts {
        let answer = viktor.post(&path, form).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    }
    assert!(app.dead_letters.dead_letter(id).await.unwrap().is_some());
}
