//! The voice of the command line: what is wrong is said at once, with its place and what was meant,
//! to people and to programs.

use super::Place;
use crate::support::shop::{app, claim, event, lease, main_shop, refused, tries};
use b24_bridge::app::App;
use serde_json::{Value, json};
use std::{
    fs,
    process::Output,
    time::{Duration, Instant},
};

impl Place {
    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = tokio::process::Command::from(self.command(arguments));
        command.kill_on_drop(true).output().await.unwrap()
    }

    /// What a command that fails says, with its exit code.
    async fn failure(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let done = self.run(arguments).await;
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    }

    /// The same as programs read it.
    async fn failed(&self, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        let (_, said) = self.failure(&arguments).await;
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
        said["error"].clone()
    }
}

async fn accept(app: &App, id: &str, number: &str) {
    let events = [event(id, number, 1)];
    let taken = app.intake.accept_events(Some(&main_shop()), &events).await;
    assert_eq!(taken.unwrap()[0].word(), "queued");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_named_at_once_with_its_address_and_the_cause() {
    let place = Place::new(Duration::ZERO).await;
    let mut command = place.command(&["orders", "list", "--json"]);
    command.env("DATABASE_URL", "postgres://nobody:secret@127.0.0.1:1/none");
    let began = Instant::now();
    let done = tokio::process::Command::from(command).output().await;
    let took = began.elapsed();
    let said: Value = serde_json::from_slice(&done.unwrap().stderr).unwrap();
    let error = &said["error"];
    assert_eq!(error["code"], "BRIDGE-DATABASE", "{error}");
    let causes = error["causes"].to_string();
    assert!(causes.contains("127.0.0.1:1, database `none`"), "{causes}");
    assert!(causes.contains("refused"), "{causes}");
    assert!(!said.to_string().contains("secret"), "{said}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_used_have_a_code_a_line_and_the_key_that_was_meant() {
    let place = Place::new(Duration::ZERO).await;
    fs::write(place.file(), "[htp]\nlisten = \"127.0.0.1:1\"\n").unwrap();
    for command in [&["reload"][..], &["orders", "list"], &["serve"]] {
        let (code, said) = place.failure(command).await;
        assert_eq!(code, Some(1), "{said}");
        for word in [
            "error: BRIDGE-CONFIG: ",
            "line 1",
            "did you mean `http`",
            "hint: ",
        ] {
            assert!(said.contains(word), "{command:?} {word}: {said}");
        }
        assert!(!said.contains("cannot start"), "{command:?}: {said}");
    }
    assert_eq!(place.failed(&["doctor", "x"]).await["code"], Value::Null);
    assert_eq!(place.failed(&["status"]).await["code"], "BRIDGE-CONFIG");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_has_the_shape_of_every_failure_where_json_is_wanted() {
    let place = Place::new(Duration::ZERO).await;
    let done = place
        .run(&["orders", "list", "--sate", "dead", "--json"])
        .await;
    assert_eq!(done.status.code(), Some(2));
    let said: Value = serde_json::from_slice(&done.stderr).unwrap();
    let error = &said["error"];
    assert_eq!(error["message"], "unexpected argument '--sate' found");
    let remedy = error["remedy"].as_str().unwrap();
    assert!(remedy.contains("--state"), "{remedy}");
    let missing = place.failed(&["orders", "show", "main"]).await;
    let message = missing["message"].as_str().unwrap();
    assert!(message.contains("<NUMBER>"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_state_code_or_shop_is_answered_with_the_one_that_was_meant() {
    let place = Place::new(Duration::ZERO).await;
    let app = app(&place.db.pool, &["main"]);
    accept(&app, "e1", "A-1").await;
    // The words of an option are the program's, those of the settings are not.
    for (command, meant, ends_with) in [
        (
            &["orders", "list", "--state", "deda"][..],
            "--state: there is no state `deda`; did you mean `dead`?",
            2,
        ),
        (
            &["dead-letters", "list", "--code", "MAP-STATU"][..],
            "--code: there is no code `MAP-STATU`; did you mean `MAP-STATUS`?",
            2,
        ),
        (
            &["orders", "list", "--shop", "mian"][..],
            "the settings have no shop `mian`; did you mean `main`?",
            1,
        ),
        (
            &["dead-letters", "list", "--shop", "mian"][..],
            "the settings have no shop `mian`; did you mean `main`?",
            1,
        ),
        (
            &["conflicts", "list", "--portal", "mian"][..],
            "the settings have no portal `mian`; did you mean `main`?",
            1,
        ),
        (
            &["conflicts", "list", "--shop", "no name"][..],
            "letters, digits",
            2,
        ),
        (
            &["orders", "show", "no name", "A-1"][..],
            "letters, digits",
            2,
        ),
        (
            &["orders", "show", "mian", "A-1"][..],
            "the settings have no shop `mian`; did you mean `main`?",
            1,
        ),
        (
            &["portals", "pause", "mian"][..],
            "the settings have no portal `mian`; did you mean `main`?",
            1,
        ),
        (
            &["portals", "test", "mian"][..],
            "the settings have no portal `mian`; did you mean `main`?",
            1,
        ),
        (
            &["orders", "show", "main", "A-2"][..],
            "the shop main has sent no order A-2",
            1,
        ),
    ] {
        let (code, said) = place.failure(command).await;
        assert_eq!(code, Some(ends_with), "{said}");
        assert!(said.contains(meant), "{command:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_any_kind_that_the_settings_do_not_have_is_told_with_its_kind() {
    let place = Place::new(Duration::ZERO).await;
    for (command, told, ends_with) in [
        (
            &["portals", "resume", "shop:mian"][..],
            "the settings have no shop `mian`; did you mean `main`?",
            1,
        ),
        (
            &["portals", "resume", "onec:mian"][..],
            "the settings have no base `mian`",
            1,
        ),
        (
            &["statuses", "check", "--shop", "mian"][..],
            "the settings have no shop `mian`; did you mean `main`?",
            1,
        ),
        (
            &["catalogue", "plan", "mian"][..],
            "the settings have no shop `mian`; did you mean `main`?",
            1,
        ),
        (
            &["stock", "show", "mian"][..],
            "the settings have no stock `mian`",
            1,
        ),
        (
            &["tills", "test", "cntre", "receipt.json"][..],
            "the settings have no till `cntre`",
            1,
        ),
        (
            &["dead-letters", "show", "one"][..],
            "it is no whole number",
            2,
        ),
    ] {
        let (code, said) = place.failure(command).await;
        assert_eq!(code, Some(ends_with), "{said}");
        assert!(said.contains(told), "{command:?}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_still_tried_is_shown_so_and_given_up_or_put_right_by_a_command() {
    let place = Place::new(Duration::ZERO).await;
    let app = app(&place.db.pool, &["main"]);
    let lease = lease(&place.db.pool, "w").await.unwrap();
    for (id, number) in [("e1", "A-1"), ("e2", "A-2")] {
        accept(&app, id, number).await;
    }
    let due = claim(&app, &lease).await;
    assert_eq!(due.len(), 2);
    let ended = due
        .into_iter()
        .map(|(claim, _)| (claim, refused()))
        .collect();
    app.delivery.settle(&lease, &tries(), ended).await.unwrap();

    let shown = place
        .run(&["orders", "show", "main", "A-1", "--json"])
        .await;
    let order: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(order["tried"]["code"], "B24-EMAIL", "{order}");
    let tried = order["tried"]["event"].as_i64().unwrap();

    let give_up = async |event: i64| {
        let event = event.to_string();
        let words = ["orders", "give-up", "main", "A-1", "--reason", "a test"];
        let end = ["--json", "--event", event.as_str()];
        place.run(&[&words[..], &end[..]].concat()).await
    };
    let another = give_up(tried + 1000).await;
    assert_eq!(
        another.status.code(),
        Some(1),
        "another event is left alone"
    );
    let done = give_up(tried).await;
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(said, json!({ "result": "given_up" }));
    let (code, again) = place
        .failure(&["orders", "give-up", "main", "A-1", "--reason", "a test"])
        .await;
    assert_eq!(code, Some(1), "{again}");
    assert!(
        again.contains("no event of the order A-1 of main is being tried"),
        "{again}"
    );

    let mut fixed = event("e2", "A-2", 1)["data"].clone();
    fixed["customer"]["emails"] = json!(["anna@example.org"]);
    let file = place.folder.path().join("fixed.json");
    fs::write(&file, fixed.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let done = place
        .run(&["orders", "mend", "main", "A-2", "--payload", file, "--json"])
        .await;
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(said["result"], "queued", "{said}");
    let changed = said["changed"].as_array().unwrap();
    let pointer = changed[0]["pointer"].as_str().unwrap();
    assert!(pointer.starts_with("/customer"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_are_retried_by_filter_are_counted_first_and_told_in_json() {
    let place = Place::new(Duration::ZERO).await;
    sqlx::raw_sql(
        "INSERT INTO bridge.dead_letters (portal, shop, number, code, message, payload)
         SELECT 'main', 'main', 'N-' || i, 'B24-EMAIL', 'no', jsonb_build_object('nth', i)
         FROM generate_series(1, 2) i",
    )
    .execute(&place.db.pool)
    .await
    .unwrap();
    let discard = async |more: &[&str]| {
        let words = [
            "dead-letters",
            "discard",
            "--code",
            "B24-EMAIL",
            "--reason",
            "a test",
            "--json",
        ];
        place.run(&[&words[..], more].concat()).await
    };
    let asked = discard(&[]).await;
    assert_eq!(asked.status.code(), Some(2));
    let failed: Value = serde_json::from_slice(&asked.stderr).unwrap();
    let remedy = failed["error"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("--expect 2"), "{failed}");
    let done = discard(&["--expect", "2"]).await;
    assert_eq!(done.status.code(), Some(0));
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(said["result"], "done", "{said}");
    assert_eq!(said["job"]["done"], 2, "{said}");
    let none = discard(&[]).await;
    assert_eq!(none.status.code(), Some(0));
    let said: Value = serde_json::from_slice(&none.stdout).unwrap();
    assert_eq!(said, json!({ "result": "none" }));
}
