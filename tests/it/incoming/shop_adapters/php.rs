//! The PHP for shops: its own tests, and the 1C-Bitrix module's spool against the real intake.

use super::{Api, KEY, deploy, interpreter};
use b24_bridge::domain::ProductEvent;
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

/// Puts an order in these states into a spool and sends what waits there.
async fn send(spool: &Path, url: &str, states: &[&str]) -> Value {
    let done = tokio::process::Command::new("php")
        .arg(deploy("1c-bitrix").join("tests/send.php"))
        .arg(spool)
        .args(states)
        .env("BRIDGE_URL", url)
        .env("BRIDGE_KEY", KEY)
        .output()
        .await
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    serde_json::from_slice(&done.stdout).unwrap()
}

/// A folder's own tests.
fn run(folder: &str, file: &str) {
    if interpreter("php") {
        let file = deploy(folder).join("tests").join(file);
        let done = Command::new("php").arg(file).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(
            done.status.success() && said.contains(" 0 failed"),
            "{said}"
        );
    }
}

#[test]
fn its_own_tests_pass() {
    run("1c-bitrix", "run.php");
    run("1c-bitrix", "spool.php");
    run("1c-bitrix", "site.php");
    run("1c-bitrix", "products.php");
    run("1c-bitrix", "module.php");
}

#[test]
fn the_plugin_for_woocommerce_passes_its_own_tests() {
    run("woocommerce", "run.php");
    run("woocommerce", "products.php");
}

#[tokio::test]
async fn what_was_spooled_while_the_bridge_was_away_arrives_and_ends_in_the_newest_state() {
    if !interpreter("php") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool.sqlite");
    let away = send(&spool, "http://127.0.0.1:9", &["N", "P"]).await;
    assert_eq!(
        (&away["sent"], &away["waiting"]),
        (&json!(0), &json!(2)),
        "{away}"
    );
    let api = Api::new().await;
    let there = send(&spool, &api.url, &["N", "P", "F"]).await;
    let figures = (&there["sent"], &there["waiting"], &there["refused"]);
    assert_eq!(figures, (&json!(3), &json!(0), &json!(0)), "{there}");
    assert_eq!(api.events("A-1").await, 3);
    let order = api.order("A-1").await;
    assert_eq!(order["status"], "F", "{order}");
    let again = send(&spool, &api.url, &["N", "P", "F"]).await;
    assert_eq!((&again["sent"], api.events("A-1").await), (&json!(0), 3));
}

#[tokio::test]
async fn a_form_of_the_spool_arrives_once_and_its_product_is_one_that_the_bridge_reads() {
    if !interpreter("php") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool.sqlite");
    let api = Api::new().await;
    let form = format!("form:{}/forms/main/callback/token-0123456789", api.url);
    let first = send(&spool, &api.url, &[form.as_str(), "product"]).await;
    // A shop without a catalogue sends products in vain: they stay, with the bridge's words.
    let figures = (&first["sent"], &first["waiting"], &first["refused"]);
    assert_eq!(figures, (&json!(1), &json!(0), &json!(1)), "{first}");
    assert!(first["words"].to_string().contains("/type"), "{first}");
    let read = ProductEvent::read(&first["events"][0]).unwrap();
    let product = read.change.product.unwrap();
    assert_eq!(
        (read.change.id.as_str(), product.name.as_str()),
        ("17", "Футболка")
    );
    assert_eq!(product.variations[0].id, "18");
    // The answer is lost, and the submission is sent once more.
    let again = send(&spool, &api.url, &["again", form.as_str()]).await;
    assert_eq!(again["sent"], json!(1), "{again}");
    let sql = "SELECT count(*) FROM bridge.subjects WHERE kind = 'form'";
    let query = sqlx::query_scalar::<_, i64>(sql);
    assert_eq!(query.fetch_one(&api.db.pool).await.unwrap(), 1);
}

#[test]
fn the_plugin_for_woocommerce_has_the_same_classes() {
    let mut seen = 0;
    for entry in fs::read_dir(deploy("woocommerce").join("b24-bridge/lib")).unwrap() {
        let plugin = entry.unwrap();
        let file = plugin.file_name();
        let ours = deploy("1c-bitrix").join("b24.bridge/lib").join(&file);
        assert!(
            fs::read(&ours).ok() == fs::read(plugin.path()).ok(),
            "copy {} to deploy/woocommerce/b24-bridge/lib/",
            ours.display()
        );
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} classes are shared");
}

#[test]
fn the_plugin_and_the_module_are_the_same_zips_however_often_they_are_made() {
    if !interpreter("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (shop, part) in [
        ("woocommerce", "b24-bridge/lib/Spool.php"),
        ("1c-bitrix", "b24.bridge/install/index.php"),
    ] {
        let made = ["one.zip", "two.zip"].map(|name| {
            let file = folder.path().join(name);
            let build = deploy(shop).join("build");
            let done = Command::new("bash").arg(build).arg(&file).output().unwrap();
            assert!(done.status.success(), "{done:?}");
            fs::read(file).unwrap()
        });
        assert!(made[0] == made[1], "{shop}");
        let mut names = made[0].windows(part.len());
        assert!(names.any(|name| name == part.as_bytes()), "no {part}");
    }
}

#[test]
fn every_file_is_valid_php() {
    if !interpreter("php") {
        return;
    }
    let mut folders = vec![
        deploy("1c-bitrix"),
        deploy("woocommerce"),
        deploy("own-code"),
    ];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "php") {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 15, "only {} files", files.len());
    for file in files {
        let done = Command::new("php").arg("-l").arg(&file).output().unwrap();
        assert!(done.status.success(), "{}: {done:?}", file.display());
    }
}
