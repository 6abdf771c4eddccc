//! `statuses check` and `statuses suggest`, as an operator runs them, against the sandbox portal.

use b24_bridge::{
    config::Config,
    sandbox::{Funnel, Options, Plan, Sandbox},
};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf, process::Output};

/// Settings in a directory of their own.
struct Settings {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn settings(portal: &Sandbox, shop: &str) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b24-bridge.toml");
    std::fs::write(&path, text(portal, shop)).unwrap();
    Settings {
        _folder: folder,
        path,
    }
}

fn text(portal: &Sandbox, shop: &str) -> String {
    format!(
        "[portals.main]\nwebhook_url = \"{}\"\n\n[shops.main]\nportal = \"main\"\napi_keys = \
         [\"a-key-that-is-long-enough\"]\n{shop}",
        portal.url()
    )
}

async fn run(settings: &Settings, arguments: &[&str]) -> Output {
    tokio::process::Command::new(env!("CARGO_BIN_EXE_b24-bridge"))
        .arg("statuses")
        .args(arguments)
        .arg("--config")
        .arg(&settings.path)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn portal(options: Options) -> Sandbox {
    Sandbox::start(options.plan(Plan::Unlimited)).await.unwrap()
}

const EVERY_STAGE: &str = r#"
[[shops.main.statuses]]
status = "N"
stage = "NEW"
accepts = ["PREPARATION", "PREPAYMENT_INVOICE"]
[[shops.main.statuses]]
status = "P"
stage = "EXECUTING"
accepts = ["FINAL_INVOICE"]
[[shops.main.statuses]]
status = "F"
stage = "WON"
[[shops.main.statuses]]
status = "C"
stage = "LOSE"
accepts = ["APOLOGY"]
"#;

#[tokio::test]
async fn a_table_in_order_passes_the_check() {
    let portal = portal(Options::default()).await;
    let done = run(&settings(&portal, EVERY_STAGE), &["check", "--json"]).await;
    assert!(done.status.success(), "{done:?}");
    let shops: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(shops["items"][0]["shop"], "main");
    assert_eq!(shops["items"][0]["findings"], serde_json::json!([]));
}

#[tokio::test]
async fn a_portal_that_cannot_be_asked_hides_no_other() {
    let portal = portal(Options::default()).await;
    let away = "[portals.away]\nwebhook_url = \"http://127.0.0.1:1/rest/1/secret/\"\n\
                [shops.first]\nportal = \"away\"\napi_keys = [\"another-key-that-is-long\"]\n\
                [[shops.first.statuses]]\nstatus = \"N\"\nstage = \"NEW\"\n";
    let settings = settings(&portal, &format!("{EVERY_STAGE}{away}"));
    let done = run(&settings, &["check", "--json"]).await;
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let shops: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(shops["items"][0]["shop"], "main");
    let failed: Value = serde_json::from_slice(&done.stderr).unwrap();
    assert_eq!(failed["error"]["code"], "B24-DOWN", "{failed}");
    let causes = failed["error"]["causes"].to_string();
    assert!(causes.contains("portal away"), "{causes}");
    assert!(!causes.contains("os error"), "{causes}");
}

#[tokio::test]
async fn every_fault_of_a_table_is_named_and_fails_the_check() {
    let portal = portal(Options::default()).await;
    let faulty = r#"
[[shops.main.statuses]]
status = "N"
stage = "new"
[[shops.main.statuses]]
status = "P"
stage = "EXECUTING"
[[shops.main.statuses]]
status = "Q"
stage = "EXECUTING"
reverse = true
[[shops.main.statuses]]
status = "F"
stage = "WON"
"#;
    let settings = settings(&portal, faulty);
    let done = run(&settings, &["check", "--shop", "main"]).await;
    let said = printed(&done);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(
        said.contains(
            "the status N names the stage new, which the portal does not have; NEW may be meant"
        ),
        "{said}"
    );
    assert!(
        said.contains("no stage means the status P on the way back"),
        "{said}"
    );
    assert!(said.contains("note  the stage LOSE"), "{said}");
    let done = run(&settings, &["check", "--json"]).await;
    let shops: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(shops["items"][0]["findings"][0]["finding"], "stage_unknown");
    assert_eq!(shops["items"][0]["findings"][0]["severity"], "error");
}

#[tokio::test]
async fn a_shop_that_is_not_there_is_said() {
    let portal = portal(Options::default()).await;
    let settings = settings(&portal, EVERY_STAGE);
    let done = run(&settings, &["check", "--shop", "other"]).await;
    assert_eq!(done.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&done.stderr).contains("the settings have no shop `other`"));
}

/// The table of a shop without its rows.
const NO_TABLE: &str = "funnel = 7\n";

#[tokio::test]
async fn a_proposed_table_can_be_pasted_and_passes_the_check() {
    let options = Options {
        funnels: vec![
            Funnel::with_usual_stages(0, "General"),
            Funnel::with_usual_stages(7, "Опт"),
        ],
        ..Options::default()
    };
    let portal = portal(options).await;
    for kind in ["1c-bitrix", "woocommerce"] {
        let before = settings(&portal, NO_TABLE);
        let done = run(&before, &["suggest", "--kind", kind]).await;
        assert!(done.status.success(), "{done:?}");
        let proposed = printed(&done);
        assert!(proposed.contains("\"C7:NEW\""), "{proposed}");
        let pasted = format!("{NO_TABLE}{proposed}");
        let config = Config::parse(&text(&portal, &pasted), &BTreeMap::new()).unwrap();
        let rules = config.shop_rules().into_values().next().unwrap();
        assert!(rules.statuses.rows().len() >= 5);
        let checked = run(&settings(&portal, &pasted), &["check", "--json"]).await;
        let shops: Value = serde_json::from_slice(&checked.stdout).unwrap();
        for told in shops["items"][0]["findings"].as_array().unwrap() {
            assert_ne!(told["finding"], "stage_unknown", "{proposed}");
            assert_ne!(told["finding"], "unaccepted", "{proposed}");
            assert_ne!(told["finding"], "ambiguous", "{proposed}");
        }
    }
}

#[tokio::test]
async fn statuses_may_be_told_by_name() {
    let portal = portal(Options::default()).await;
    let settings = settings(&portal, EVERY_STAGE);
    let told = [
        "suggest",
        "--json",
        "--status",
        "10=Новый",
        "--status",
        "20=Отменён",
    ];
    let done = run(&settings, &told).await;
    let proposals: Value = serde_json::from_slice(&done.stdout).unwrap();
    let toml = proposals["items"][0]["toml"].as_str().unwrap();
    assert!(toml.contains("status = \"20\""), "{toml}");
    assert!(toml.contains("stage = \"LOSE\""), "{toml}");
}
