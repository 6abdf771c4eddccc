//! The portal client: against the sandbox portal, and against answers written by hand.

use crate::support::connections;
use b24_bridge::{
    clients::bitrix24::{
        Access, Blocked, Class, Client, Command, Credentials, Error, OAuth, OAuthApp, Options,
        Priority, Rate, Tokens,
    },
    sandbox::{Fault, LocalApp, Plan, Sandbox},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_partial_json, method, path},
};

fn quick() -> Options {
    Options {
        rate: Rate {
            per_second: 1_000.0,
            burst: 1_000,
        },
        full_burst: true,
        timeout: Duration::from_secs(5),
    }
}

fn webhook(url: &str) -> Client {
    Client::new(Credentials::webhook(url).unwrap(), &connections(), &quick())
}

async fn portal() -> Sandbox {
    Sandbox::start(b24_bridge::sandbox::Options::default().plan(Plan::Unlimited))
        .await
        .unwrap()
}

async fn answering(template: ResponseTemplate) -> (MockServer, Client) {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(template)
        .mount(&server)
        .await;
    let client = webhook(&format!("{}/rest/1/hidden-secret/", server.uri()));
    (server, client)
}

async fn class_of(template: ResponseTemplate) -> (Class, Error) {
    let (_server, client) = answering(template).await;
    let error = client
        .call("crm.deal.get", &json!({"id": 1}), Priority::Live)
        .await
        .unwrap_err();
    (error.class(), error)
}

fn command(key: &str, method: &str, params: Value) -> Command {
    Command {
        key: key.to_owned(),
        method: method.to_owned(),
        params,
    }
}

#[tokio::test]
async fn a_batch_runs_in_its_order_and_a_fault_in_one_command_leaves_the_others_alone() {
    let portal = portal().await;
    let client = webhook(&portal.url());
    // Keys whose order by name is another one than their order in the batch.
    let commands = [
        command(
            "z",
            "crm.deal.add",
            json!({"fields": {"TITLE": "А & Б = 100% [x]", "CURRENCY_ID": "RUB"}}),
        ),
        command(
            "bad",
            "crm.deal.add",
            json!({"fields": {"CURRENCY_ID": "XXX"}}),
        ),
        command(
            "a",
            "crm.deal.productrows.set",
            json!(
                {
                    "id": "$result[z]", "rows": [
                        {"PRODUCT_NAME": "Чай", "PRICE": "5.50", "QUANTITY": 2}
                    ]
                }
            ),
        ),
        command(
            "lost",
            "crm.deal.productrows.set",
            json!({"id": "$result[bad]", "rows": [{"PRODUCT_NAME": "X", "PRICE": 1}]}),
        ),
        command(
            "list",
            "crm.deal.list",
            json!({"filter": {"@ID": ["$result[z]"]}, "select": ["ID", "TITLE", "OPPORTUNITY"]}),
        ),
    ];
    let answers = client.batch(&commands, Priority::Live).await.unwrap();
    assert!(answers["z"].is_ok() && answers["a"].is_ok());
    let refused = answers["bad"].as_ref().unwrap_err();
    assert!(refused.description.contains("Валюта"), "{refused:?}");
    assert!(answers["lost"].is_err());
    let listed = &answers["list"].as_ref().unwrap().result[0];
    assert_eq!(
        (&listed["TITLE"], &listed["OPPORTUNITY"]),
        (&json!("А & Б = 100% [x]"), &json!("11.00"))
    );
    assert_eq!(portal.deals().len(), 1);
}

#[tokio::test]
async fn every_kind_of_trouble_is_told_apart() {
    let error = |code: &str| json!({"error": code, "error_description": "words"});
    for (status, body, expected) in [
        (401, error("NO_AUTH_FOUND"), Class::Blocked(Blocked::Auth)),
        (
            401,
            error("INVALID_CREDENTIALS"),
            Class::Blocked(Blocked::Auth),
        ),
        (
            403,
            error("INVALID_CREDENTIALS"),
            Class::Blocked(Blocked::Rights),
        ),
        (
            403,
            error("user_access_error"),
            Class::Blocked(Blocked::Rights),
        ),
        (403, error("SOMETHING_NEW"), Class::Blocked(Blocked::Rights)),
        (
            401,
            error("insufficient_scope"),
            Class::Blocked(Blocked::Scope),
        ),
        (403, error("ACCESS_DENIED"), Class::Blocked(Blocked::Plan)),
        (410, error("PORTAL_DELETED"), Class::Blocked(Blocked::Plan)),
        (
            503,
            error("OVERLOAD_LIMIT"),
            Class::Blocked(Blocked::Overload),
        ),
        (401, error("expired_token"), Class::TokenExpired),
        (500, error("INTERNAL_SERVER_ERROR"), Class::Down),
        (400, error(""), Class::Refused),
        (
            400,
            json!({"error": 100, "error_description": "x"}),
            Class::Refused,
        ),
        (200, error("ERROR_CORE"), Class::Refused),
    ] {
        let (class, fault) = class_of(ResponseTemplate::new(status).set_body_json(&body)).await;
        assert_eq!(class, expected, "{status} {body}: {fault}");
    }
    let html =
        |status| ResponseTemplate::new(status).set_body_raw("<html>oops</html>", "text/html");
    for (template, expected) in [
        (html(502), Class::Down),
        (html(504), Class::Down),
        (html(200), Class::InDoubt),
        (
            ResponseTemplate::new(200).set_body_string("{\"result\": [1, 2"),
            Class::InDoubt,
        ),
        (ResponseTemplate::new(200), Class::InDoubt),
    ] {
        let (class, fault) = class_of(template).await;
        assert_eq!(class, expected, "{fault}");
        assert!(fault.maybe_executed());
    }
}

#[tokio::test]
async fn a_portal_that_is_not_there_was_certainly_not_reached() {
    let client = webhook("http://127.0.0.1:1/rest/1/hidden-secret/");
    let error = client
        .call("server.time", &json!({}), Priority::Live)
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Down);
    assert!(!error.maybe_executed());
}

#[tokio::test]
async fn a_lost_answer_is_in_doubt_although_the_portal_wrote() {
    let portal = portal().await;
    let client = webhook(&portal.url());
    for fault in [Fault::LostAnswer, Fault::HalfAnswer] {
        portal.fail_next(fault, 1, None);
        let error = client
            .call("crm.deal.add", &json!({"fields": {}}), Priority::Live)
            .await
            .unwrap_err();
        assert_eq!(error.class(), Class::InDoubt, "{error}");
    }
    assert_eq!(portal.deals().len(), 2);
}

#[tokio::test]
async fn a_throttled_client_holds_back_and_a_blocked_method_is_not_asked() {
    let portal = portal().await;
    let client = webhook(&portal.url());
    portal.fail_next(Fault::Throttled, 1, None);
    let error = client
        .call("server.time", &json!({}), Priority::Live)
        .await
        .unwrap_err();
    assert!(matches!(error.class(), Class::Throttled(pause) if pause >= Duration::from_secs(1)));
    let client = webhook(&portal.url());
    portal.fail_next(Fault::OperationLimit, 1, Some("crm.deal.list"));
    let error = client
        .call("crm.deal.list", &json!({}), Priority::Live)
        .await
        .unwrap_err();
    assert!(
        matches!(error.class(), Class::MethodBlocked(Some(_))),
        "{error}"
    );
    let before = portal.stats().requests;
    assert!(
        client
            .call("crm.deal.list", &json!({}), Priority::Live)
            .await
            .is_err()
    );
    assert_eq!(portal.stats().requests, before);
    let both = [
        command("a", "crm.deal.list", json!({})),
        command("b", "crm.contact.list", json!({})),
    ];
    let answers = client.batch(&both, Priority::Live).await.unwrap();
    assert_eq!(
        answers["a"].as_ref().unwrap_err().error,
        "OPERATION_TIME_LIMIT"
    );
    assert!(answers["b"].is_ok());
}

#[tokio::test]
async fn a_portal_that_moved_is_followed_with_the_same_body() {
    let (old, new) = (portal().await, portal().await);
    old.rename_portal(Some(&new.addr().to_string()));
    let client = webhook(&old.url());
    client.allow(&[new.addr().to_string()]);
    client
        .call(
            "crm.deal.add",
            &json!({"fields": {"TITLE": "moved"}}),
            Priority::Live,
        )
        .await
        .unwrap();
    assert_eq!(new.deals()[0]["TITLE"], "moved");
    assert!(client.moved_to().is_some());
}

#[tokio::test]
async fn a_redirection_to_a_strange_place_is_not_followed() {
    let login = "http://127.0.0.1:1/login";
    let template = ResponseTemplate::new(302).insert_header("location", login);
    let (class, error) = class_of(template).await;
    assert_eq!((class, error.maybe_executed()), (Class::InDoubt, false));
    for to in [
        "https://127.0.0.1/rest/1/x/",
        "https://169.254.169.254/rest/1/x/",
        "https://[::ffff:10.0.0.1]/rest/1/x/",
        "https://localhost/rest/1/x/",
        "https://evil.example/rest/1/x/",
        "https://evil.bitrix24.ru/rest/1/x/",
        "ftp://127.0.0.1/rest/1/x/",
    ] {
        let template = ResponseTemplate::new(302).insert_header("location", to);
        let (class, error) = class_of(template).await;
        assert_eq!(class, Class::Down, "{to}");
        assert!(matches!(error, Error::Elsewhere { .. }), "{to}: {error}");
        assert!(!error.maybe_executed());
    }
}

#[tokio::test]
async fn a_portal_s_secret_goes_to_no_host_that_the_operator_did_not_name() {
    let (old, new) = (portal().await, portal().await);
    old.rename_portal(Some(&new.addr().to_string()));
    let client = webhook(&old.url());
    client.allow(&["other.example".to_owned(), "127.0.0.1".to_owned()]);
    let params = json!({"fields": {"TITLE": "moved"}});
    for _ in 0..2 {
        let refused = client.call("crm.deal.add", &params, Priority::Live).await;
        let error = refused.unwrap_err();
        assert!(
            error.to_string().contains(&new.addr().to_string()),
            "{error}"
        );
    }
    assert_eq!(new.stats().requests, 0);
    assert_eq!(client.moved_to(), None, "it is remembered");
    old.rename_portal(None);
    let taken = client.call("crm.deal.add", &params, Priority::Live).await;
    assert!(taken.is_ok(), "{taken:?}");
}

#[tokio::test]
async fn an_answer_that_unpacks_beyond_its_bound_is_refused_and_told() {
    let packed = |text: &str, times: usize| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for _ in 0..times {
            std::io::Write::write_all(&mut gzip, text.as_bytes()).unwrap();
        }
        gzip.finish().unwrap()
    };
    let long = packed(&" ".repeat(1024), 20 * 1024);
    // It fits unpacked, and would need eighty times as much as values.
    let heavy = packed(&"{\"a\":1},".repeat(128), 8 * 1024);
    for bomb in [long, heavy] {
        assert!(bomb.len() < 400_000, "{}", bomb.len());
        let template = ResponseTemplate::new(200)
            .insert_header("content-encoding", "gzip")
            .set_body_raw(bomb, "application/json");
        let (class, error) = class_of(template).await;
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        assert_eq!(class, Class::InDoubt);
        assert!(error.maybe_executed());
        let failure = b24_bridge::worker::CallFailure::from(error);
        assert_eq!(failure.code.as_str(), "B24-TOO-LARGE");
    }
}

#[tokio::test]
async fn numeric_and_double_keys_and_too_many_commands_are_refused_before_anything_is_sent() {
    let client = webhook("http://127.0.0.1:1/rest/1/hidden-secret/");
    let one = |key: &str| command(key, "server.time", json!({}));
    for commands in [
        vec![one("1")],
        vec![one("a"), one("a")],
        vec![],
        (0..51).map(|at| one(&format!("k{at}"))).collect(),
    ] {
        let error = client.batch(&commands, Priority::Live).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{error}");
    }
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_for_all_who_wait() {
    let options = b24_bridge::sandbox::Options::default()
        .plan(Plan::Unlimited)
        .app(LocalApp::new("app.1", "app-secret"));
    let _portal = Sandbox::start(options).await.unwrap();
    let server = MockServer::start().await;
    let fresh = json!(
        {"access_token": "fresh", "refresh_token": "r2", "expires_in": 3600, "scope": "crm,user"}
    );
    Mock::given(path("/oauth/token/"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(fresh)
                .set_delay(Duration::from_millis(50)),
        )
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/rest/server.time"))
        .and(body_partial_json(json!({"auth": "fresh"})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"result": "now"})))
        .mount(&server)
        .await;
    Mock::given(path("/rest/server.time"))
        .respond_with(ResponseTemplate::new(401).set_body_json(json!({"error": "expired_token"})))
        .mount(&server)
        .await;
    let app = OAuthApp {
        client_id: "app.1".to_owned(),
        client_secret: SecretString::from("app-secret"),
        token_url: format!("{}/oauth/token/", server.uri()).parse().unwrap(),
    };
    let endpoint = format!("{}/rest/", server.uri()).parse().unwrap();
    let access = Access {
        endpoint,
        token: SecretString::from("stale"),
    };
    let server = OAuth::new(app, &connections());
    let tokens = Tokens::new(server, access, SecretString::from("r1"));
    let client = Client::new(Credentials::App(Arc::new(tokens)), &connections(), &quick());
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(
                async move { client.call("server.time", &json!({}), Priority::Live).await },
            )
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().result, "now");
    }
}

#[tokio::test]
async fn no_error_and_no_debug_text_holds_the_secret() {
    let mut printed = String::new();
    for template in [
        ResponseTemplate::new(200),
        ResponseTemplate::new(302),
        ResponseTemplate::new(500),
    ] {
        let (_, error) = class_of(template).await;
        printed = format!("{printed} {error} {error:?}");
    }
    let client = webhook("http://127.0.0.1:1/rest/1/hidden-secret/");
    let error = client
        .call("server.time", &json!({}), Priority::Live)
        .await
        .unwrap_err();
    printed = format!("{printed} {error} {error:?} {client:?}");
    assert!(!printed.contains("hidden-secret"), "{printed}");
}

/// A portal that says it will answer, and then does so a byte at a time, for ever.
#[tokio::test]
async fn an_answer_that_only_trickles_is_given_up_when_the_time_is_over() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/rest/1/s/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let head =
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"result\":\"";
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
    });
    let options = Options {
        timeout: Duration::from_millis(500),
        ..quick()
    };
    let client = Client::new(
        Credentials::webhook(&url).unwrap(),
        &connections(),
        &options,
    );
    let begun = std::time::Instant::now();
    let error = client
        .call("server.time", &json!({}), Priority::Live)
        .await
        .unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(error.class(), Class::InDoubt);
    assert!(error.maybe_executed());
}

#[tokio::test]
async fn a_text_that_looks_like_a_reference_travels_alone_and_what_leans_on_it_follows() {
    let portal = portal().await;
    let client = webhook(&portal.url());
    let title = "$result[first] и $result[none][x]";
    let commands = [
        command("first", "crm.deal.add", json!({"fields": {"TITLE": "A"}})),
        command("deal", "crm.deal.add", json!({"fields": {"TITLE": title}})),
        command(
            "rows",
            "crm.deal.productrows.set",
            json!(
                {"id": "$result[deal]", "rows": [{"PRODUCT_NAME": "$result[first]", "PRICE": 1}]}
            ),
        ),
        command(
            "bad",
            "crm.deal.add",
            json!({"fields": {"TITLE": title, "CURRENCY_ID": "XXX"}}),
        ),
        command("lost", "crm.deal.get", json!({"id": "$result[bad]"})),
        command(
            "found",
            "crm.deal.list",
            json!({"filter": {"ID": "$result[deal]"}}),
        ),
    ];
    let answers = client.batch(&commands, Priority::Live).await.unwrap();
    assert_eq!(answers["found"].as_ref().unwrap().result[0]["TITLE"], title);
    assert!(answers["rows"].is_ok() && answers["first"].is_ok());
    assert!(answers["bad"].is_err() && answers["lost"].is_err());
    assert_eq!(portal.deals().len(), 2);
}
