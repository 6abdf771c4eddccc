//! The commands, as a person at the shell uses them.

use super::world::{PASSWORD, World, order, settings};
use crate::support::process;
use serde_json::Value;
use std::{
    io::Write as _,
    path::Path,
    process::{Output, Stdio},
};

fn run(arguments: &[&str], settings: &Path, database: &str) -> Output {
    process::command(arguments, settings, database)
        .output()
        .unwrap()
}

#[tokio::test]
async fn a_person_sees_what_waits_looks_at_it_and_has_it_sent_again() {
    let world = World::new().await;
    world.save(order("1", 1)).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("b24-bridge.toml");
    let public = format!("[http]\npublic_url = \"{}\"\n", world.site.url);
    // A portal that is not there: nobody outside is asked.
    let text = settings("", "").replace("https://example.bitrix24.ru", "http://127.0.0.1:9");
    std::fs::write(&file, format!("{public}{text}")).unwrap();
    let at = |arguments: &[&str]| run(arguments, &file, &world.db.url);
    let status = at(&["onec", "status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["items"][0]["waiting"], 1, "{status}");

    let unknown = at(&["onec", "export", "--schema-version", "9"]);
    assert_eq!(unknown.status.code(), Some(2));
    let export = at(&["onec", "export", "--schema-version", "2.09"]);
    let said = String::from_utf8_lossy(&export.stderr);
    assert!(
        said.contains("1 order would go to the base trade"),
        "{said}"
    );
    let (text, _, _) = encoding_rs::WINDOWS_1251.decode(&export.stdout);
    assert!(text.contains("<Номер>1</Номер>"), "{text}");

    let mut sandbox = process::command(&["sandbox"], &file, &world.db.url);
    let address = format!("{}/exchange/1c/trade", world.site.url);
    sandbox.args([
        "--onec",
        &address,
        "--login",
        "exchange",
        "--schema-version",
        "3.1",
    ]);
    sandbox.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut sandbox = sandbox.spawn().unwrap();
    writeln!(sandbox.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let sandbox = tokio::task::spawn_blocking(move || sandbox.wait_with_output());
    let sandbox = sandbox.await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&sandbox.stdout);
    assert!(text.contains("1500.00 руб  [N] Принят"), "{text}");

    let shown = at(&["orders", "show", "main", "1"]);
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(
        text.contains("1C base trade: number 1, confirmed at"),
        "{text}"
    );
    assert!(at(&["onec", "resend", "main", "1"]).status.success());
    assert!(!at(&["onec", "resend", "main", "none"]).status.success());
    let status: Value = serde_json::from_slice(&at(&["onec", "status", "--json"]).stdout).unwrap();
    assert_eq!(status["items"][0]["waiting"], 1, "{status}");
    let documents = at(&["onec", "documents", "--json"]);
    let documents: Value = serde_json::from_slice(&documents.stdout).unwrap();
    assert_eq!(documents["documents"], serde_json::json!([]));

    let doctor = tokio::task::spawn_blocking({
        let (file, url) = (file.clone(), world.db.url.clone());
        move || run(&["doctor"], &file, &url)
    });
    let doctor = doctor.await.unwrap();
    let text = String::from_utf8_lossy(&doctor.stdout);
    assert!(
        text.contains("address of 1C base trade: can be reached"),
        "{text}"
    );
}
