//! Acts: what they need, and who may not.

use super::world::Page;
use super::{dead, idle};
use reqwest::StatusCode;

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

#[tokio::test]
async fn a_body_is_tried_without_being_stored() {
    let (world, _) = idle().await;
    let (anna, viktor) = (Page::anna(&world).await, Page::viktor(&world).await);
    let path = "/shops/main/forms/try";
    let multipart = "--x1\r\nContent-Disposition: form-data; name=\"tel\"\r\n\r\n\
                     89160000003\r\n--x1--\r\n";
    for (body, words) in [
        ("phone=89160000001&x=<i>", "+79160000001"),
        (r#"{"phone": "8 916 000 00 02"}"#, "+79160000002"),
        (multipart, "+79160000003"),
        ("message=hello", "nobody to answer"),
        ("phone=1&website=spam", "a robot's"),
        ("test=test", "nothing would be stored"),
    ] {
        let answer = anna
            .post(path, &[("form", "callback"), ("body", body)])
            .await;
        assert_eq!(answer.status(), StatusCode::OK, "{body}");
        let page = answer.text().await.unwrap();
        assert!(
            page.contains(words) && !page.contains("<i>"),
            "{body}: {page}"
        );
    }
    let form = [("form", "callback"), ("body", "phone=89160000001")];
    assert_eq!(
        viktor.post(path, &form).await.status(),
        StatusCode::FORBIDDEN
    );
    let unknown = [("form", "none"), ("body", "phone=89160000001")];
    assert_eq!(
        anna.post(path, &unknown).await.status(),
        StatusCode::NOT_FOUND
    );
    let page = anna.get("/shops/main/forms").await.text().await.unwrap();
    assert!(page.contains("No form has sent anything yet"), "{page}");
}

#[tokio::test]
async fn an_operator_has_the_status_map_checked_against_the_portal_and_a_viewer_does_not() {
    let (world, _) = idle().await;
    let checked = "/statuses?check=main";
    let page = Page::anna(&world).await.get(checked).await;
    let page = page.text().await.unwrap();
    assert!(
        page.contains("id=\"checked\"") && page.contains("error"),
        "{page}"
    );
    let page = Page::viktor(&world).await.get(checked).await;
    assert!(!page.text().await.unwrap().contains("id=\"checked\""));
}
