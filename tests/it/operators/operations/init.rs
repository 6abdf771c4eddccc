//! `init`, as somebody runs it who has nothing but a webhook.

use crate::support::{database::Database, free_port, process};
use b24_bridge::{
    config::Config,
    sandbox::{Funnel, Options, Plan, Sandbox},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

struct Place {
    folder: tempfile::TempDir,
    portal: Sandbox,
}

impl Place {
    async fn new(options: Options) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            portal: Sandbox::start(options.plan(Plan::Unlimited)).await.unwrap(),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("b24-bridge.toml")
    }

    /// Nobody sits at a terminal; the portal answers meanwhile.
    async fn init(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_b24-bridge"));
        command
            .arg("init")
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("BRIDGE_CONFIG")
            .env_remove("B24_WEBHOOK_URL")
            .stdin(Stdio::null());
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        run.await.unwrap()
    }
}

fn config(file: &Path) -> Config {
    let text = std::fs::read_to_string(file).unwrap();
    Config::parse(&text, &BTreeMap::new()).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_webhook_alone_come_settings_that_serve_runs_with_and_an_operator_signs_in() {
    let place = Place::new(Options::default()).await;
    let (url, listen) = (place.portal.url(), format!("127.0.0.1:{}", free_port()));
    let arguments = ["--webhook-url", &url, "--listen", &listen, "--json"];
    let done = place.init(&arguments).await;
    assert!(done.status.success(), "{}", said(&done));
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    let mode = std::fs::metadata(place.file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "it holds secrets");

    let db = Database::new().await;
    let check = process::command(&["statuses", "check"], &place.file(), &db.url);
    let checked = tokio::process::Command::from(check).output().await.unwrap();
    assert!(checked.status.success(), "{checked:?}");

    let _bridge = process::serve(&place.file(), &db.url);
    let client = crate::portal::sandbox::client();
    let password = told["password"].as_str().unwrap();
    let form = [
        ("name", told["operator"].as_str().unwrap()),
        ("password", password),
    ];
    let bound = Instant::now() + Duration::from_mins(1);
    let entered = loop {
        let sent = client
            .post(format!("http://{listen}/console/sign-in"))
            .header("origin", format!("http://{listen}"))
            .form(&form);
        match sent.send().await {
            Ok(answer) => break answer,
            Err(error) => assert!(Instant::now() < bound, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(entered.headers().contains_key("set-cookie"), "{entered:?}");
    let asked = client
        .get(format!("http://{listen}/v1/orders/main/none"))
        .bearer_auth(told["api_key"].as_str().unwrap());
    assert_eq!(
        asked.send().await.unwrap().status(),
        404,
        "the key is the shop's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_funnel_and_the_statuses_that_are_named_are_those_of_the_table() {
    let funnels = vec![
        Funnel::with_usual_stages(0, "Общая"),
        Funnel::with_usual_stages(7, "Интернет-магазин"),
    ];
    let place = Place::new(Options::default().funnels(funnels)).await;
    let url = place.portal.url();
    let woo = [
        "--webhook-url",
        &url,
        "--funnel",
        "7",
        "--kind",
        "woocommerce",
    ];
    let done = place.init(&woo).await;
    assert!(done.status.success(), "{}", said(&done));
    let config = config(&place.file());
    let shop = config.shops.values().next().unwrap();
    let rows = shop.rules.statuses.rows();
    assert!(
        rows.iter().any(|row| row.status == "processing"),
        "{rows:?}"
    );
    assert!(shop.rules.funnel == 7 && shop.woocommerce.is_some());
    let shown = String::from_utf8(done.stdout).unwrap();
    assert!(
        shown.contains("/console") && shown.contains("WooCommerce"),
        "{shown}"
    );

    std::fs::remove_file(place.file()).unwrap();
    let own = [
        "--webhook-url",
        &url,
        "--status",
        "new=Принят",
        "--status",
        "sent=Отгружен",
    ];
    let done = place.init(&own).await;
    assert!(done.status.success(), "{}", said(&done));
    let text = std::fs::read_to_string(place.file()).unwrap();
    assert!(
        text.contains("\"new\"") && text.contains("\"sent\""),
        "{text}"
    );

    std::fs::remove_file(place.file()).unwrap();
    let done = place.init(&["--webhook-url", &url, "--funnel", "9"]).await;
    let words = said(&done);
    assert_eq!(done.status.code(), Some(1));
    assert!(words.contains("7 (Интернет-магазин)"), "{words}");
    assert!(!place.file().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_work_is_said_with_its_remedy_and_nothing_is_written_over() {
    let place = Place::new(Options::default()).await;
    let url = place.portal.url();
    let done = place.init(&[]).await;
    assert!(said(&done).contains("--webhook-url"), "{}", said(&done));
    let nobody = format!("http://127.0.0.1:{}/rest/1/secret/", free_port());
    let done = place.init(&["--webhook-url", &nobody]).await;
    assert!(said(&done).contains("B24-DOWN"), "{}", said(&done));
    // Who did not answer is named, and what is not tried again by itself is not left to itself.
    let named = said(&done).contains("there is no connection to 127.0.0.1:");
    assert!(named, "{}", said(&done));
    assert!(!said(&done).contains("Nothing to do"), "{}", said(&done));
    let done = place
        .init(&["--webhook-url", "https://example.bitrix24.ru/"])
        .await;
    assert_eq!(done.status.code(), Some(1), "{}", said(&done));
    assert!(!place.file().exists());

    std::fs::write(place.file(), "# mine").unwrap();
    let done = place.init(&["--webhook-url", &url]).await;
    assert!(said(&done).contains("is there already"), "{}", said(&done));
    assert_eq!(std::fs::read_to_string(place.file()).unwrap(), "# mine");

    std::fs::remove_file(place.file()).unwrap();
    place.portal.revoke_webhook();
    let done = place.init(&["--webhook-url", &url]).await;
    assert!(said(&done).contains("hint: "), "{}", said(&done));
    assert!(!said(&done).contains("sandboxsecret") && !place.file().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_of_the_file_is_made_and_what_was_written_is_told_by_its_whole_path() {
    let place = Place::new(Options::default()).await;
    let url = place.portal.url();
    let path = "new/folder/shop.toml";
    let done = place.init(&["--config", path, "--webhook-url", &url]).await;
    assert!(done.status.success(), "{}", said(&done));
    let file = place.folder.path().join(path);
    assert_eq!(config(&file).shops.len(), 1);
    let told = format!("Written: {}", file.display());
    assert!(said(&done).contains(&told), "{}", said(&done));
    let next = format!("b24-bridge serve --config {}", file.display());
    assert!(said(&done).contains(&next), "{}", said(&done));

    let done = place
        .init(&["--config", "new/folder", "--webhook-url", &url])
        .await;
    let words = said(&done);
    assert!(
        words.contains("is a folder") && words.contains("b24-bridge.toml"),
        "{words}"
    );
    let below = [
        "--config",
        "new/folder/shop.toml/x.toml",
        "--webhook-url",
        &url,
    ];
    let done = place.init(&below).await;
    assert!(said(&done).contains("cannot be made"), "{}", said(&done));
}
