//! The shop's side: what `deploy/` gives to shops, against the real intake and with real callbacks.

mod own_code;
mod php;
mod woocommerce;

use crate::support::{api::Api, settings::KEY};
use serde_json::Value;
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

impl Api {
    /// The order as the bridge knows it; null if it does not.
    async fn order(&self, number: &str) -> Value {
        let url = format!("{}/v1/orders/main/{number}", self.url);
        let answer = self.client.get(url).bearer_auth(KEY).send().await.unwrap();
        if answer.status() == 404 {
            return Value::Null;
        }
        answer.json().await.unwrap()
    }

    /// How many events are stored for an order.
    async fn events(&self, number: &str) -> i64 {
        let sql = "SELECT count(*) FROM bridge.outbox WHERE number = $1";
        let query = sqlx::query_scalar::<_, i64>(sql).bind(number);
        query.fetch_one(&self.db.pool).await.unwrap()
    }
}

/// A folder of `deploy/`.
fn deploy(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(folder)
}

/// Whether the machine has an interpreter that the examples run on. Where CI runs it must.
fn interpreter(name: &str) -> bool {
    let probe: &[&str] = match name {
        "php" => &[
            "-r",
            "exit(PHP_VERSION_ID >= 80100 && extension_loaded('curl') && \
             extension_loaded('mbstring') && extension_loaded('pdo_sqlite') ? 0 : 1);",
        ],
        "python3" => &["-c", "import sys; sys.exit(sys.version_info < (3, 10))"],
        "node" => &["-e", "process.exit(typeof fetch === 'function' ? 0 : 1)"],
        "openssl" => &["version"],
        _ => &["--version"],
    };
    let there = Command::new(name)
        .args(probe)
        .output()
        .is_ok_and(|done| done.status.success());
    let demanded = env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(there || !demanded, "CI has no `{name}` that is new enough");
    there
}
