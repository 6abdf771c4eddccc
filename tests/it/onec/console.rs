//! The console's page of 1C.

use super::{
    facts::sends,
    files::faulty::is_russian,
    statuses::{base_of, says, with_base},
};
use crate::two_way::world::{OPERATOR, World};
use reqwest::{Client, StatusCode, redirect};

/// A browser in which an operator has signed in, and its cookie.
pub(super) async fn signed_in(world: &World) -> (Client, String) {
    let browser = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none());
    let browser = browser.build().unwrap();
    let sign_in = browser.post(format!("{}/console/sign-in", world.url));
    let answer = sign_in.form(&[("key", OPERATOR)]).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    (browser, cookie)
}

#[tokio::test]
async fn a_person_sees_what_is_refused_with_the_row_to_add_and_has_it_taken_in_again() {
    let world = World::new(with_base("")).await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    let said = says(&mut base, "A-1", "X<b>").await;
    assert!(
        said.iter().any(|line| line.starts_with("A-1: ONEC-STATUS")),
        "{said:?}"
    );
    let (browser, cookie) = signed_in(&world).await;
    let at = |path: &str| format!("{}/console{path}", world.url);
    let page = async |path: &str, lang: &str| {
        let request = browser.get(at(path)).header("cookie", &cookie);
        let answer = request
            .header("accept-language", lang)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.text().await.unwrap()
    };
    let list = page("/onec", "en").await;
    for part in [
        "ONEC-STATUS",
        "/console/orders/main/A-1",
        "documents.xml",
        "exchange",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    let russian = page("/onec", "ru").await;
    assert!(
        russian.contains("Документы, которые не исполнены"),
        "{russian}"
    );
    let (_, rest) = list.split_once("/console/onec/documents/").unwrap();
    let id = rest.split('"').next().unwrap();
    let path = format!("/onec/documents/{id}");
    let document = page(&path, "en").await;
    for part in [
        "With one row in it, all need one",
        "[[onec.trade.statuses]]\nstatus = \"N\"\nid = \"N\"",
        "# 1C says \"X&lt;b&gt;\", too",
        "&lt;Документ&gt;",
    ] {
        let plain = document.replace("&quot;", "\"");
        assert!(plain.contains(part), "{part}: {document}");
    }
    let (_, rest) = document.split_once("name=\"csrf\" value=\"").unwrap();
    let csrf = rest.split('"').next().unwrap();
    let again = browser.post(at(&format!("{path}/again")));
    let again = again.header("cookie", &cookie).form(&[("csrf", csrf)]);
    assert_eq!(again.send().await.unwrap().status(), StatusCode::SEE_OTHER);
    let acts: i64 =
        sqlx::query_scalar("SELECT count(*) FROM bridge.audit WHERE action = 'onec.again'")
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
    assert_eq!(acts, 1);
    let (fine, told) = world
        .command(&["statuses", "check", "--spoke", "onec"])
        .await;
    assert!(
        !fine && told.contains("1C says X<b>, and no row reads it"),
        "{told}"
    );
    let (fine, toml) = world
        .command(&["statuses", "suggest", "--spoke", "onec"])
        .await;
    assert!(
        fine && toml.contains("[[onec.trade.statuses]]\nstatus = \"N\"\nid = \"N\""),
        "{toml}"
    );
    assert!(toml.contains("# 1C says \"X<b>\", too"), "{toml}");
}

#[tokio::test]
async fn why_a_document_is_refused_is_said_from_its_data_and_in_an_old_row_from_its_sentence() {
    let world = World::new(with_base("")).await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    says(&mut base, "A-1", "X").await;
    let (id, kind): (i64, Option<String>) = sqlx::query_as(
        "SELECT id, what ->> 'kind' FROM bridge.onec_documents WHERE code = 'ONEC-STATUS'",
    )
    .fetch_one(&world.db.pool)
    .await
    .unwrap();
    assert_eq!(kind.as_deref(), Some("status_not_of_shop"));
    let (browser, cookie) = signed_in(&world).await;
    let page = async || {
        let at = format!("{}/console/onec/documents/{id}", world.url);
        let request = browser.get(at).header("cookie", &cookie);
        let answer = request.header("accept-language", "ru").send().await;
        answer.unwrap().text().await.unwrap()
    };
    let words = "статуса X нет в таблице магазина";
    let told = page().await;
    assert!(told.contains(words), "{told}");
    sqlx::query("UPDATE bridge.onec_documents SET what = NULL")
        .execute(&world.db.pool)
        .await
        .unwrap();
    let told = page().await;
    assert!(told.contains(words), "{told}");
}

#[tokio::test]
async fn why_1cs_word_is_refused_is_russian_in_its_answer_and_in_the_readers_language_on_pages() {
    let world = World::new(with_base("")).await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    let sum = "<Документ><Ид>B-7</Ид><Номер>B-7</Номер><Сумма>ten</Сумма></Документ>";
    let odd = sends(&mut base, &[sum.to_owned()]).await;
    let mut said = says(&mut base, "A-1", "X").await;
    assert_eq!((odd.len(), said.len()), (2, 2), "{odd:?} {said:?}");
    said.extend(odd);
    let [english, russian] = [
        [
            "the status X is not in the shop&#39;s table",
            "Документ B-7: Сумма is no number: ten",
        ],
        [
            "статуса X нет в таблице магазина",
            "Документ B-7: Сумма — не число: ten",
        ],
    ];
    assert!(is_russian(&said), "{said:?}");
    for words in russian {
        assert!(said.iter().any(|line| line.contains(words)), "{said:?}");
    }
    let lines: Vec<String> = sqlx::query_scalar("SELECT message FROM bridge.onec_imports")
        .fetch_all(&world.db.pool)
        .await
        .unwrap();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in &lines {
        let begins = line.starts_with("A-1: ONEC-STATUS: the ") || line.starts_with("B-7: ONEC-");
        assert!(begins && !line.contains('\n'), "{line}");
    }
    let (browser, cookie) = signed_in(&world).await;
    for path in ["/onec", "/dead-letters", "/orders/main/A-1"] {
        for (language, told, other) in [("en", english, russian), ("ru", russian, english)] {
            let page = browser.get(format!("{}/console{path}", world.url));
            let page = page.header("cookie", &cookie);
            let page = page.header("accept-language", language).send().await;
            let page = page.unwrap().text().await.unwrap().replace('\'', "&#39;");
            // The other document is of no order that is known.
            let many = if path.starts_with("/orders") { 1 } else { 2 };
            for (told, other) in told.iter().zip(other).take(many) {
                assert!(page.contains(told), "{path} {language}: {page}");
                assert!(!page.contains(other), "{path} {language}: {page}");
            }
        }
    }
}

#[tokio::test]
async fn a_file_is_looked_at_as_1c_sent_it_and_taken_in_again() {
    let world = World::new(with_base("")).await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    says(&mut base, "A-1", "X").await;
    let (browser, cookie) = signed_in(&world).await;
    let at = |path: &str| format!("{}{path}", world.url);
    let page = browser.get(at("/console/onec")).header("cookie", &cookie);
    let page = page.send().await.unwrap().text().await.unwrap();
    let id: i64 = sqlx::query_scalar("SELECT id FROM bridge.onec_files")
        .fetch_one(&world.db.pool)
        .await
        .unwrap();
    let path = format!("/console/onec/files/{id}");
    assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
    let file = browser.get(at(&path)).header("cookie", &cookie);
    let file = file.send().await.unwrap();
    let named = file.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(named, "attachment; filename=\"documents.xml\"");
    let file = file.bytes().await.unwrap();
    let text = String::from_utf8_lossy(&file);
    assert!(
        text.starts_with("\u{feff}<?xml") && text.contains("<Значение>X</Значение>"),
        "{text}"
    );
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
    let csrf = rest.split('"').next().unwrap();
    let again = browser.post(at(&format!("{path}/again")));
    let again = again.header("cookie", &cookie).form(&[("csrf", csrf)]);
    assert_eq!(again.send().await.unwrap().status(), StatusCode::SEE_OTHER);
    world
        .until("it is taken in again, and says nothing new", async || {
            let taken: (i64, i64) = sqlx::query_as(
                "SELECT (SELECT count(*) FROM bridge.onec_imports WHERE state = 'taken'),
                        (SELECT count(*) FROM bridge.onec_documents)",
            )
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
            taken == (2, 1)
        })
        .await;
    let acts: i64 =
        sqlx::query_scalar("SELECT count(*) FROM bridge.audit WHERE action = 'onec.import'")
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
    assert_eq!(acts, 1);
    let none = browser.get(at("/console/onec/files/999999"));
    let none = none.header("cookie", &cookie).send().await.unwrap();
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
}
