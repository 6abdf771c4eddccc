//! The console over a real port: who gets in, what they may do, and that hostile text stays text.

mod access;
mod acts;
mod authorise;
mod browser;
mod fields;
mod files;
mod journey;
mod logged;
mod order;
mod search;
mod sorted;
mod stock;
pub(crate) mod walk;
mod weight;
mod world;

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

/// A letter about an order of the shop `main`, with this comment; returns its id.
async fn dead(app: &App, world: &World, number: &str, comment: &str) -> i64 {
    let mut event = event(number, number, 1);
    event["data"]["comment"] = json!(comment);
    event["data"]["customer"]["name"] = json!(comment);
    world.post(&event).await;
    let lease = lease(&world.db.pool, "w").await.unwrap();
    let (claimed, _) = claim(app, &lease).await.remove(0);
    let ended = hopeless(ErrorCode::Status);
    app.delivery
        .settle(&lease, &tries(), vec![(claimed, ended)])
        .await
        .unwrap();
    let filter = LetterFilter {
        number: Some(number.to_owned()),
        ..LetterFilter::default()
    };
    app.dead_letters.dead_letters(&filter).await.unwrap().items[0].id
}

async fn idle() -> (World, App) {
    let world = World::without_worker().await;
    let app = app(&world.db.pool, &["main"]);
    (world, app)
}

#[tokio::test]
async fn nobody_sees_a_page_without_signing_in_and_is_led_back_after() {
    let (world, _) = idle().await;
    for path in [
        "",
        "/orders",
        "/dead-letters",
        "/conflicts",
        "/statuses",
        "/portals",
        "/audit",
        "/live",
    ] {
        let answer = world.client().get(world.at(path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
        let place = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(
            place.starts_with("/console/sign-in?next=%2Fconsole"),
            "{place}"
        );
    }
    let client = world.client();
    let form = [
        ("name", "anna"),
        ("password", ANNA),
        ("next", "/console/orders"),
    ];
    let answer = client
        .post(world.at("/sign-in"))
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["location"], "/console/orders");
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    for flag in ["HttpOnly", "SameSite=Strict", "Max-Age="] {
        assert!(cookie.contains(flag), "{cookie}");
    }
}

#[tokio::test]
async fn a_wrong_password_a_shops_key_and_too_many_tries_open_nothing() {
    let (world, _) = idle().await;
    let client = world.client();
    let attempt = async |form: &[(&str, &str)]| {
        client
            .post(world.at("/sign-in"))
            .form(form)
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(
        attempt(&[("key", world::SHOP_KEY)]).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        attempt(&[("name", "nobody"), ("password", ANNA)]).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        attempt(&[("name", "viktor"), ("password", "")]).await,
        StatusCode::UNAUTHORIZED
    );
    for _ in 0..5 {
        let wrong = attempt(&[("name", "anna"), ("password", "wrong")]).await;
        assert_eq!(wrong, StatusCode::UNAUTHORIZED);
    }
    let right = attempt(&[("name", "anna"), ("password", ANNA)]).await;
    assert_eq!(right, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(attempt(&[("key", VIKTOR)]).await, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn strangers_who_guess_keep_nobody_out_and_learn_no_name() {
    let (world, _) = idle().await;
    let client = world.client();
    let attempt = async |from: &str, name: &str, password: &str| {
        let request = client.post(world.at("/sign-in"));
        let request = request.header("x-forwarded-for", from);
        let form = request.form(&[("name", name), ("password", password)]);
        let began = Instant::now();
        let status = form.send().await.unwrap().status();
        (status, began.elapsed())
    };
    // Wrong tries in turn until none is judged any more, however slow the machine is; how long the
    // fastest of each took. In turn, so that what slows the machine slows all of them.
    let guess = async |names: &[&'static str]| {
        let mut judged: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
        let mut left = names.to_vec();
        while let Some(name) = left.first().copied() {
            let from = format!("198.51.100.{}", name.len());
            match attempt(&from, name, "wrong").await {
                (StatusCode::UNAUTHORIZED, took) => {
                    judged.entry(name).or_default().push(took);
                    left.rotate_left(1);
                }
                (StatusCode::TOO_MANY_REQUESTS, _) => {
                    left.remove(0);
                }
                (status, _) => panic!("{status}"),
            }
            assert!(judged.values().all(|tries| tries.len() < 30), "{judged:?}");
        }
        assert!(judged.values().all(|tries| tries.len() >= 5), "{judged:?}");
        judged
            .into_iter()
            .map(|(name, tries)| (name, tries.into_iter().min().unwrap()))
            .collect::<BTreeMap<_, _>>()
    };
    // A name that nobody has, and one that signs in by key alone, take as long as a wrong password
    // and are slowed as soon.
    let fastest = guess(&["anna", "viktor", "nobody"]).await;
    for name in ["viktor", "nobody"] {
        assert!(fastest[name] * 5 > fastest["anna"], "{fastest:?}");
    }
    let (own, _) = attempt("203.0.113.1", "anna", ANNA).await;
    assert_eq!(own, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_forms_sent_is_seen_and_what_was_only_kept_is_delivered_by_an_operator() {
    let (world, _) = idle().await;
    let (anna, viktor) = (Page::anna(&world).await, Page::viktor(&world).await);
    let page = async |who: &Page| who.get("/shops/main/forms").await.text().await.unwrap();
    assert!(page(&anna).await.contains("No form has sent anything yet"));
    let url = format!(
        "http://{}/forms/main/callback/token-of-a-form-0123456789",
        world.address
    );
    for fields in [
        vec![("phone", "89160000001"), ("website", "<b>spam</b>")],
        vec![("message", "no way to answer")],
    ] {
        let posted = world.client().post(&url).form(&fields).send().await;
        assert_eq!(posted.unwrap().status(), StatusCode::OK);
    }
    let seen = page(&viktor).await;
    for words in [
        "&lt;b&gt;spam",
        "a robot's",
        "FORM-NO-CONTACT",
        "no way to answer",
    ] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
    let restore = "/shops/main/forms/1/restore";
    assert_eq!(
        viktor.post(restore, &[]).await.status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        anna.post(restore, &[]).await.status(),
        StatusCode::SEE_OTHER
    );
    assert_eq!(
        anna.post(restore, &[]).await.status(),
        StatusCode::NOT_FOUND
    );
    let seen = page(&anna).await;
    assert!(
        seen.contains("on its way") && !seen.contains("a robot's"),
        "{seen}"
    );
    let acts = anna.get("/audit").await.text().await.unwrap();
    assert!(acts.contains("form.restore"), "{acts}");
    let other = anna.get("/shops/other/forms").await.status();
    assert_eq!(other, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_session_ends_with_signing_out_and_is_known_only_by_its_digest() {
    let (world, _) = idle().await;
    let anna = Page::anna(&world).await;
    let stored: Vec<u8> = sqlx::query_scalar("SELECT id_hash FROM bridge.sessions")
        .fetch_one(&world.db.pool)
        .await
        .unwrap();
    assert_eq!(stored.len(), 32);
    assert_eq!(anna.get("").await.status(), StatusCode::OK);
    assert_eq!(
        anna.post("/sign-out", &[]).await.status(),
        StatusCode::SEE_OTHER
    );
    // The cookie as it was opens nothing any more.
    assert_eq!(anna.get("").await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_expired_session_opens_nothing() {
    let (world, _) = idle().await;
    let anna = Page::anna(&world).await;
    sqlx::query("UPDATE bridge.sessions SET expires_at = now() - interval '1 second'")
        .execute(&world.db.pool)
        .await
        .unwrap();
    assert_eq!(anna.get("").await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_act_needs_the_sessions_token_and_this_origin() {
    let (world, app) = idle().await;
    let anna = Page::anna(&world).await;
    let id = dead(&app, &world, "A-1", "hello").await;
    let path = format!("/dead-letters/{id}/discard");
    let form = [("reason", "a test"), ("csrf", "0000")];
    let bare = anna
        .client
        .post(world.at(&path))
        .header("cookie", &anna.cookie);
    let forged = bare.try_clone().unwrap().form(&form).send().await.unwrap();
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);
    let without = bare
        .try_clone()
        .unwrap()
        .form(&form[..1])
        .send()
        .await
        .unwrap();
    assert_eq!(without.status(), StatusCode::FORBIDDEN);
    let right = [("reason", "a test"), ("csrf", anna.csrf.as_str())];
    let foreign = bare
        .try_clone()
        .unwrap()
        .header("origin", "https://evil.example")
        .form(&right);
    assert_eq!(
        foreign.send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    assert!(app.dead_letters.dead_letter(id).await.unwrap().is_some());
    let done = bare.form(&right).send().await.unwrap();
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    assert!(app.dead_letters.dead_letter(id).await.unwrap().is_none());
    let acts = text(anna.get("/audit").await).await;
    assert!(
        acts.contains("letter.discard") && acts.contains("operator:anna"),
        "{acts}"
    );
}

#[tokio::test]
async fn every_page_escapes_hostile_text_and_forbids_inline_scripts() {
    let (world, app) = idle().await;
    let hostile = r#"</textarea></pre><script>alert("x")</script><img src=x onerror=alert(1)>"#;
    let id = dead(&app, &world, "<u>1", hostile).await;
    let anna = Page::anna(&world).await;
    anna.post(
        &format!("/dead-letters/{id}/discard"),
        &[("reason", hostile)],
    )
    .await;
    let id = dead(&app, &world, "A-2", hostile).await;
    let paths = [
        String::new(),
        "/orders".to_owned(),
        "/orders/main/%3Cu%3E1".to_owned(),
        "/orders?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E".to_owned(),
        "/dead-letters?number=%22%3E%3Cscript%3E".to_owned(),
        "/dead-letters".to_owned(),
        format!("/dead-letters/{id}"),
        "/portals".to_owned(),
        "/audit".to_owned(),
    ];
    for path in paths {
        let answer = anna.get(&path).await;
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            policy.contains("script-src 'self'") && !policy.contains("unsafe"),
            "{policy}"
        );
        let page = text(answer).await;
        for live in ["<script>", "<img", "<u>1", " style=", "onerror=alert(1)>"] {
            assert!(!page.contains(live), "{path}: {live}\n{page}");
        }
        for secret in [
            world::SHOP_KEY,
            VIKTOR,
            "sandboxsecret",
            "$argon2",
            "/rest/",
        ] {
            assert!(!page.contains(secret), "{path}: {secret}");
        }
    }
}

#[tokio::test]
async fn a_bulk_act_says_how_many_and_takes_nothing_but_that_number() {
    let (world, app) = idle().await;
    dead(&app, &world, "A-1", "x").await;
    dead(&app, &world, "A-2", "x").await;
    let anna = Page::anna(&world).await;
    let ask = text(
        anna.get("/dead-letters/bulk?code=MAP-STATUS&what=discard")
            .await,
    )
    .await;
    assert!(ask.contains("<strong>2</strong>"), "{ask}");
    let form = |count| {
        [
            ("code", "MAP-STATUS"),
            ("what", "discard"),
            ("reason", "test orders"),
            ("count", count),
        ]
    };
    let wrong = anna.post("/dead-letters/bulk", &form("3")).await;
    assert_eq!(wrong.status(), StatusCode::CONFLICT);
    assert_eq!(
        app.dead_letters
            .dead_letters(&LetterFilter::default())
            .await
            .unwrap()
            .items
            .len(),
        2
    );
    let right = anna.post("/dead-letters/bulk", &form("2")).await;
    assert_eq!(right.status(), StatusCode::SEE_OTHER);
    while app
        .dead_letters
        .work_bulk()
        .await
        .unwrap()
        .is_some_and(|job| job.state.as_str() == "running")
    {}
    assert!(
        app.dead_letters
            .dead_letters(&LetterFilter::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let jobs = text(anna.get("/bulk").await).await;
    assert!(
        jobs.contains("2 / 2") && jobs.contains("test orders"),
        "{jobs}"
    );
    let all = anna
        .post("/dead-letters/bulk", &[("what", "retry"), ("count", "0")])
        .await;
    assert_eq!(all.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn orders_are_found_by_number_phone_and_email() {
    let (world, _) = idle().await;
    let mut one = event("e1", "A-1", 1);
    one["data"]["customer"]["emails"] = json!(["Anna@Example.ru"]);
    world.post(&one).await;
    let mut two = event("e2", "A-2", 1);
    two["data"]["customer"]["phones"] = json!(["8 (999) 111-22-33"]);
    world.post(&two).await;
    let anna = Page::anna(&world).await;
    let found = async |words: &str| {
        let page = text(anna.get(&format!("/orders?q={words}")).await).await;
        ["A-1", "A-2"].map(|number| page.contains(&format!("/console/orders/main/{number}")))
    };
    assert_eq!(found("").await, [true, true]);
    assert_eq!(found("A-1").await, [true, false]);
    assert_eq!(found("anna%40example.ru").await, [true, false]);
    assert_eq!(found("%2B7%20999%20111-22-33").await, [false, true]);
    assert_eq!(found("A-3").await, [false, false]);
}

#[tokio::test]
async fn pages_speak_the_browsers_language_until_another_is_chosen() {
    let (world, _) = idle().await;
    let page = async |headers: &[(&str, &str)]| {
        let mut request = world.client().get(world.at("/sign-in"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        text(request.send().await.unwrap()).await
    };
    assert!(page(&[]).await.contains("Sign in"));
    assert!(
        page(&[("accept-language", "ru-RU,ru;q=0.9")])
            .await
            .contains("Войти")
    );
    let chosen = [("accept-language", "ru"), ("cookie", "b24_lang=en")];
    assert!(page(&chosen).await.contains("Sign in"));
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_the_name_of_their_content() {
    let (world, _) = idle().await;
    let page = text(
        world
            .client()
            .get(world.at("/sign-in"))
            .send()
            .await
            .unwrap(),
    )
    .await;
    let names: Vec<&str> = page
        .split('"')
        .filter(|part| part.starts_with("/console/assets/"))
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        let answer = world.client().get(world.root(name)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(
            answer.headers()["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
    }
    let stale = world
        .client()
        .get(world.at("/assets/console-0.css"))
        .send()
        .await
        .unwrap();
    assert_eq!(stale.status(), StatusCode::NOT_FOUND);
}

async fn text(answer: Response) -> String {
    answer.text().await.unwrap()
}

/// An event of an order in this status, with a comment that is the customer's name, too.
fn with_comment(number: &str, status: &str, comment: &str) -> Value {
    let mut event = event(number, number, 1);
    event["data"]["status"] = json!(status);
    event["data"]["comment"] = json!(comment);
    event["data"]["customer"]["name"] = json!(comment);
    event
}
