//! Dead letters out to a file and in again, from the console's pages.

use super::{Page, World, dead, idle, text};
use reqwest::{Response, StatusCode};
use serde_json::Value;

const BETWEEN: &str = "----------------between";

/// A form as a browser sends it: the token first, then the file.
async fn send(page: &Page<'_>, world: &World, csrf: &str, file: &[u8]) -> Response {
    let mut body = format!(
        "--{BETWEEN}\r\ncontent-disposition: form-data; \
         name=\"csrf\"\r\n\r\n{csrf}\r\n--{BETWEEN}\r\ncontent-disposition: form-data; \
         name=\"file\"; filename=\"letters.ndjson\"\r\ncontent-type: \
         application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BETWEEN}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BETWEEN}");
    let request = page
        .client
        .post(world.at("/dead-letters/import"))
        .header("cookie", &page.cookie)
        .header("content-type", kind);
    request.body(body).send().await.unwrap()
}

async fn letters(world: &World) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM bridge.dead_letters")
        .fetch_one(&world.db.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_a_filter_finds_goes_out_as_a_file_and_comes_in_again() {
    let (world, app) = idle().await;
    for number in ["A-1", "A-2"] {
        dead(&app, &world, number, "line one\nline two").await;
    }
    let anna = Page::anna(&world).await;
    let narrow = anna.get("/dead-letters/export?number=A-2").await;
    assert_eq!(narrow.headers()["content-type"], "application/x-ndjson");
    let place = &narrow.headers()["content-disposition"];
    assert!(place.to_str().unwrap().starts_with("attachment"));
    assert_eq!(text(narrow).await.lines().count(), 1);

    // More letters than are read at once.
    sqlx::query(
        "INSERT INTO bridge.dead_letters (shop, portal, number, code, message, payload)
         SELECT 'main', 'main', 'B-' || i, 'MAP-STATUS', 'many', '{}'
           FROM generate_series(1, 450) i",
    )
    .execute(&world.db.pool)
    .await
    .unwrap();
    let file = text(anna.get("/dead-letters/export").await).await;
    assert_eq!(file.lines().count(), 452);
    let first: Value = serde_json::from_str(file.lines().next().unwrap()).unwrap();
    assert_eq!(first["number"], "A-1");

    sqlx::query("DELETE FROM bridge.dead_letters")
        .execute(&world.db.pool)
        .await
        .unwrap();
    let answer = send(&anna, &world, &anna.csrf, file.as_bytes()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let page = text(answer).await;
    assert!(page.contains("<b>452</b>"), "{page}");
    assert_eq!(letters(&world).await, 452);
    let again = text(send(&anna, &world, &anna.csrf, file.as_bytes()).await).await;
    assert!(again.contains("were here already"), "{again}");
    assert_eq!(letters(&world).await, 452);
    let acts = text(anna.get("/audit").await).await;
    assert!(
        acts.contains("letters.import") && acts.contains("operator:anna"),
        "{acts}"
    );
}

#[tokio::test]
async fn faulty_lines_of_a_file_are_named_and_the_others_taken() {
    let (world, _) = idle().await;
    let anna = Page::anna(&world).await;
    let good = r#"{"code":"MAP-STATUS","shop":"main","number":"A-1","payload":{}}"#;
    let file = format!(
        "\u{feff}{good}\r\n\r\n{{\n{{\"code\":\"<u>\",\"payload\":{{}}}}\n{}",
        good.replace("A-1", "A-2")
    );
    let page = text(send(&anna, &world, &anna.csrf, file.as_bytes()).await).await;
    for words in [">3</td>", ">4</td>", "/code: there is no code `&lt;u&gt;`"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(letters(&world).await, 2);
    for (file, words) in [
        (&b""[..], "Choose a file"),
        (&b"{}\n{}\n\xff"[..], "is in line 3"),
    ] {
        let answer = send(&anna, &world, &anna.csrf, file).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = text(answer).await;
        assert!(page.contains(words), "{words}: {page}");
    }
    let large = vec![b' '; 9 * 1024 * 1024];
    let answer = send(&anna, &world, &anna.csrf, &large).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text(answer).await.contains("Split it"));
    assert_eq!(letters(&world).await, 2);
}

#[tokio::test]
async fn only_an_operator_with_the_sessions_token_brings_a_file_in() {
    let (world, _) = idle().await;
    let file = r#"{"code":"MAP-STATUS","payload":{}}"#.as_bytes();
    let viktor = Page::viktor(&world).await;
    let viewer = send(&viktor, &world, &viktor.csrf, file).await;
    assert_eq!(viewer.status(), StatusCode::FORBIDDEN);
    assert_eq!(viktor.get("/dead-letters/export").await.status(), 200);
    let anna = Page::anna(&world).await;
    for csrf in ["", "0000", &viktor.csrf] {
        let forged = send(&anna, &world, csrf, file).await;
        assert_eq!(forged.status(), StatusCode::FORBIDDEN, "{csrf}");
    }
    let plain = anna.post("/dead-letters/import", &[]).await;
    assert_eq!(plain.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let nobody = world.client().get(world.at("/dead-letters/export"));
    assert_eq!(nobody.send().await.unwrap().status(), StatusCode::SEE_OTHER);
    assert_eq!(letters(&world).await, 0);
}
