//! The sandbox portal, over real HTTP.

mod calls;
mod catalog;
mod crm;
mod events;
mod imports;
mod leads;
mod limits;

use std::time::Duration;

use b24_bridge::sandbox::{Options, Plan, Sandbox};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

/// A portal and a client for it.
pub(crate) struct Desk {
    pub(crate) portal: Sandbox,
    pub(crate) client: Client,
}

pub(crate) fn client() -> Client {
    crate::support::provider();
    Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

pub(crate) async fn desk() -> Desk {
    desk_with(Options::default().plan(Plan::Unlimited)).await
}

pub(crate) async fn desk_with(options: Options) -> Desk {
    Desk {
        portal: Sandbox::start(options).await.unwrap(),
        client: client(),
    }
}

impl Desk {
    /// Calls a method with a JSON body: the status and the answer.
    pub(crate) async fn ask(&self, method: &str, body: Value) -> (StatusCode, Value) {
        let url = format!("{}{method}", self.portal.url());
        let answer = self.client.post(url).json(&body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// The result of a call that must succeed.
    pub(crate) async fn get(&self, method: &str, body: Value) -> Value {
        let (status, mut answer) = self.ask(method, body).await;
        assert_eq!(status, 200, "{method}: {answer}");
        answer["result"].take()
    }

    /// The status, code and description of a call that must fail.
    pub(crate) async fn refused(&self, method: &str, body: Value) -> (u16, Value, String) {
        let (status, answer) = self.ask(method, body).await;
        assert_ne!(status, 200, "{method}: {answer}");
        let text = answer["error_description"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (status.as_u16(), answer["error"].clone(), text)
    }

    pub(crate) async fn deal(&self, fields: Value) -> u64 {
        self.get("crm.deal.add", json!({ "fields": fields }))
            .await
            .as_u64()
            .unwrap()
    }

    pub(crate) async fn contact(&self, name: &str, phone: &str) -> u64 {
        let fields = json!({"NAME": name, "PHONE": [{"VALUE": phone, "VALUE_TYPE": "MOBILE"}]});
        self.get("crm.contact.add", json!({ "fields": fields }))
            .await
            .as_u64()
            .unwrap()
    }

    pub(crate) async fn control(&self, path: &str, body: Value) -> StatusCode {
        let url = format!("http://{}/sandbox/{path}", self.portal.addr());
        self.client
            .post(url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status()
    }
}

/// Waits until something holds, within reason.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}
