//! The examples of `deploy/own-code`: each posts an order to the real intake and receives real
//! callbacks.

use super::{Api, KEY, deploy, interpreter};
use crate::support::connections;
use b24_bridge::clients::callback::{Answer, Secret, Sender};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};
use tokio::{net::TcpStream, time::Instant};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ANOTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A receiver, ended with the test.
struct Receiver {
    process: std::process::Child,
    url: String,
}

impl Receiver {
    /// Starts it and waits until it listens.
    async fn start(command: &mut Command, folder: &Path, port: u16) -> Self {
        let process = command
            .current_dir(folder)
            .env("CALLBACK_SECRET", SECRET)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < until, "nobody listens on {port}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let url = format!("http://127.0.0.1:{port}/");
        Self { process, url }
    }

    fn sender(&self, secret: &str) -> Sender {
        Sender::new(&self.url, Secret::parse(secret).unwrap(), &connections()).unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn change(previous: &str, status: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "bridge.order.status.v1", "source":
            "/b24-bridge/portals/main", "id": "main-1",
        "data": {
            "shop": "main", "number": "1001", "status": status, "previous_status": previous,
                "stage": "EXECUTING",
            "decided_at": "2026-01-15T08:00:00Z", "reason": "the portal changed last",
                "decision_id": 1,
        }
    })
}

/// What every receiver must do: take a change once, refuse a wrong signature, contradict with its
/// snapshot.
async fn receives(receiver: &Receiver) {
    let app = receiver.sender(SECRET);
    let stranger = receiver.sender(ANOTHER);
    let refused = stranger.send("main-1", &change("N", "P")).await;
    assert!(
        matches!(&refused, Answer::Refused { words } if words.starts_with("401")),
        "{refused:?}"
    );
    assert_eq!(app.send("main-1", &change("N", "P")).await, Answer::Taken);
    assert_eq!(app.send("main-1", &change("N", "P")).await, Answer::Taken);
    let Answer::Conflict(Some(snapshot)) = app.send("main-2", &change("N", "F")).await else {
        panic!("no conflict")
    };
    assert_eq!(
        (&snapshot["number"], &snapshot["status"]),
        (&json!("1001"), &json!("P"))
    );
    assert!(
        snapshot["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty())
    );
    assert_eq!(app.send("main-3", &change("P", "F")).await, Answer::Taken);
    let mut other = change("F", "N");
    other["data"]["number"] = json!("9");
    let missing = app.send("main-4", &other).await;
    assert!(
        matches!(&missing, Answer::Refused { words } if words.starts_with("404")),
        "{missing:?}"
    );
    other["type"] = json!("bridge.something.else.v1");
    assert_eq!(app.send("main-5", &other).await, Answer::Taken);
}

/// Money that was taken is not denied, whether the message says what it denies or not.
async fn keeps_a_payment(receiver: &Receiver) {
    let app = receiver.sender(SECRET);
    let mut cancelled = change("N", "C");
    for denies in [Value::Null, json!(["paid", "delivered"])] {
        if !denies.is_null() {
            cancelled["data"]["denies"] = denies;
        }
        let answer = app.send("main-1", &cancelled).await;
        let Answer::Conflict(Some(snapshot)) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(
            (&snapshot["status"], &snapshot["paid"]),
            (&json!("N"), &json!(true))
        );
    }
    // A person, or a rule, has decided it knowing of the money.
    cancelled["data"]["denies"] = json!([]);
    assert_eq!(app.send("main-1", &cancelled).await, Answer::Taken);
}

/// The example's folder, with an order that is paid.
fn paid() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["bridge.py", "bridge.mjs", "bridge.php", "order.json"] {
        fs::copy(deploy("own-code").join(file), folder.path().join(file)).unwrap();
    }
    let file = folder.path().join("order.json");
    let mut order: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    order["data"]["paid"] = json!(true);
    fs::write(file, order.to_string()).unwrap();
    folder
}

/// One example, copied alone into an empty folder.
fn alone(file: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(deploy("own-code").join(file), folder.path().join(file)).unwrap();
    folder
}

/// What every example must do: hold the specification's own vector, and bring an order to the
/// bridge.
async fn sends(program: &str, file: &str) {
    let folder = alone(file);
    let order = deploy("own-code").join("order.json");
    let order = order.to_str().unwrap();
    let run = |arguments: &[&str], url: &str, key: &str| {
        let mut command = tokio::process::Command::new(program);
        command
            .current_dir(folder.path())
            .arg(file)
            .args(arguments)
            .env("BRIDGE_URL", url)
            .env("BRIDGE_KEY", key)
            .output()
    };
    let checked = run(&["check"], "", "").await.unwrap();
    assert!(checked.status.success(), "{checked:?}");
    let api = Api::new().await;
    let refused = run(&["send", order], &api.url, "a-wrong-key-0123456789")
        .await
        .unwrap();
    assert!(!refused.status.success());
    assert_eq!(api.events("1001").await, 0);
    for result in ["queued", "duplicate"] {
        let sent = run(&["send", order], &api.url, KEY).await.unwrap();
        let said = String::from_utf8_lossy(&sent.stdout);
        assert!(sent.status.success() && said.contains(result), "{sent:?}");
    }
    assert_eq!(api.order("1001").await["status"], "N");
}

#[tokio::test]
async fn the_shell_example_sends_an_order() {
    if interpreter("curl") && interpreter("openssl") {
        sends("sh", "bridge.sh").await;
    }
}

#[tokio::test]
async fn the_shell_example_verifies_what_the_bridge_signs() {
    if !interpreter("openssl") {
        return;
    }
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let verify = |secret: &str, at: u64, body: &str| {
        let signature = Secret::parse(secret).unwrap().sign("m1", at, "the body\n");
        let script =
            "printf '%s' \"$BODY\" | sh bridge.sh verify m1 \"$AT\" \"v1,AAAA $SIGNATURE\"";
        let done = Command::new("sh")
            .current_dir(deploy("own-code"))
            .args(["-c", script])
            .env("BODY", body)
            .env("AT", at.to_string())
            .env("SIGNATURE", signature)
            .env("CALLBACK_SECRET", SECRET)
            .status();
        done.unwrap().success()
    };
    assert!(verify(SECRET, now, "the body\n"));
    assert!(!verify(SECRET, now, "another body\n"));
    assert!(!verify(ANOTHER, now, "the body\n"));
    assert!(!verify(SECRET, now - 3600, "the body\n"));
}

#[tokio::test]
async fn the_python_example_sends_an_order_and_receives_changes() {
    if interpreter("python3") {
        sends("python3", "bridge.py").await;
        let port = crate::support::free_port();
        let mut command = Command::new("python3");
        command.args(["bridge.py", "receive", &port.to_string()]);
        let folder = alone("bridge.py");
        receives(&Receiver::start(&mut command, folder.path(), port).await).await;
        let folder = paid();
        keeps_a_payment(&Receiver::start(&mut command, folder.path(), port).await).await;
    }
}

#[tokio::test]
async fn the_node_example_sends_an_order_and_receives_changes() {
    if interpreter("node") {
        sends("node", "bridge.mjs").await;
        let port = crate::support::free_port();
        let mut command = Command::new("node");
        command.args(["bridge.mjs", "receive", &port.to_string()]);
        let folder = alone("bridge.mjs");
        receives(&Receiver::start(&mut command, folder.path(), port).await).await;
        let folder = paid();
        keeps_a_payment(&Receiver::start(&mut command, folder.path(), port).await).await;
    }
}

#[tokio::test]
async fn the_php_example_sends_an_order_and_receives_changes() {
    if interpreter("php") {
        sends("php", "bridge.php").await;
        let port = crate::support::free_port();
        let folder = alone("bridge.php");
        let mut command = Command::new("php");
        command.args(["-S", &format!("127.0.0.1:{port}"), "bridge.php"]);
        command.env("SHOP_FILE", folder.path().join("shop.json"));
        receives(&Receiver::start(&mut command, folder.path(), port).await).await;
        let folder = paid();
        command.env("SHOP_FILE", folder.path().join("shop.json"));
        keeps_a_payment(&Receiver::start(&mut command, folder.path(), port).await).await;
    }
}
