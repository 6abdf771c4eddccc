//! Telling a shop: one signed message, and what the shop's answer means.
//!
//! Owns: the message's headers and signature as the Standard Webhooks specification wants them,
//! time-outs, and reading answers. Refuses: deciding what to tell and when to try again. Only the
//! configured address is called, and no redirection is followed.

mod sign;

pub use sign::Secret;

use crate::clients::connections::{Connections, cause_of, host_of, one_line, pause_asked};
use reqwest::{StatusCode, header};
use serde_json::Value;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long a shop may take to answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The largest answer that is read, in bytes: a snapshot of an order.
const LARGEST_ANSWER: usize = 1024 * 1024;
/// The largest answer that is read of a shop that took a message, and for how long.
const LARGEST_YES: u64 = 64 * 1024;
const YES_WITHIN: Duration = Duration::from_secs(2);

/// What a shop answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// 2xx: it has the change.
    Taken,
    /// 2xx with a number: which it gives the order that it is to make.
    TakenAs(String),
    /// 409: it has another opinion, and mostly says which: its own snapshot of the order.
    Conflict(Option<Value>),
    /// 410: it does not want to be called any more.
    Gone,
    /// It looked at the message and refused it.
    Refused {
        /// Status and the beginning of the answer.
        words: String,
    },
    /// There is no connection: not this message's fault.
    Unreachable {
        /// The error of the connection, free of secrets.
        words: String,
    },
    /// Nobody judged the message: no answer, a broken one, 429, or a server error.
    Down {
        /// The status, or the error that came in place of one, free of secrets.
        words: String,
        /// How long the shop asks to be left alone.
        pause: Option<Duration>,
    },
}

/// Sends to one shop. Cheap to clone.
#[derive(Clone)]
pub struct Sender(Arc<Inner>);

struct Inner {
    connections: Connections,
    url: url::Url,
    secret: Secret,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

/// Why a sender cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none.
    #[error("the callback's address cannot be read")]
    Url,
}

impl Sender {
    /// A sender to this address, signing with this secret.
    pub fn new(url: &str, secret: Secret, connections: &Connections) -> Result<Self, Error> {
        let url = url::Url::parse(url).map_err(|_| Error::Url)?;
        let connections = connections.clone();
        Ok(Self(Arc::new(Inner {
            connections,
            url,
            secret,
        })))
    }

    /// Asks whether anybody is there, without telling anything: the status of the answer to a HEAD
    /// request, or what went wrong.
    pub async fn reach(&self) -> Result<u16, String> {
        let request = self.0.connections.any().head(self.0.url.clone());
        match request.timeout(TIMEOUT).send().await {
            Ok(answer) => Ok(answer.status().as_u16()),
            Err(error) => match down(&error) {
                Answer::Down { words, .. } | Answer::Unreachable { words } => Err(words),
                _ => Err("no connection".to_owned()),
            },
        }
    }

    /// Sends a message, signed now. The same `id` is the same message, however often it is sent.
    pub async fn send(&self, id: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let signature = self.0.secret.sign(id, now, &body);
        let http = self.0.connections.any();
        let request = http
            .post(self.0.url.clone())
            .timeout(TIMEOUT)
            .header(header::CONTENT_TYPE, "application/cloudevents+json")
            .header("webhook-id", id)
            .header("webhook-timestamp", now.to_string())
            .header("webhook-signature", signature)
            .body(body);
        match request.send().await {
            Ok(answer) => read(answer).await,
            Err(error) => down(&error),
        }
    }
}

fn down(error: &reqwest::Error) -> Answer {
    let words = if error.is_timeout() {
        format!("no answer within {} s", TIMEOUT.as_secs())
    } else if error.is_connect() {
        let (host, why) = (host_of(error.url()), cause_of(error));
        let words = format!("there is no connection to {host}: {why}");
        return Answer::Unreachable { words };
    } else {
        "the connection broke off".to_owned()
    };
    Answer::Down { words, pause: None }
}

async fn read(mut answer: reqwest::Response) -> Answer {
    let status = answer.status();
    let pause = pause_asked(&answer);
    if status.is_success() {
        return number(answer).await.map_or(Answer::Taken, Answer::TakenAs);
    }
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    classify(status, &body, pause)
}

/// `number` in the answer of a shop that took a message. Nothing depends on its coming.
async fn number(answer: reqwest::Response) -> Option<String> {
    let length = answer.content_length();
    length.filter(|bytes| (1..=LARGEST_YES).contains(bytes))?;
    let body = tokio::time::timeout(YES_WITHIN, answer.bytes()).await;
    let value: Value = serde_json::from_slice(&body.ok()?.ok()?).ok()?;
    match value.get("number")? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn classify(status: StatusCode, body: &[u8], pause: Option<Duration>) -> Answer {
    let words = || {
        let text = one_line(&String::from_utf8_lossy(body));
        format!("{}: {text}", status.as_u16())
    };
    match status.as_u16() {
        409 => Answer::Conflict(snapshot(body)),
        410 => Answer::Gone,
        // Not judged: too many, too early, or a proxy in front of the shop. A redirection is a
        // wrong address.
        408 | 425 | 429 | 500.. => Answer::Down {
            words: words(),
            pause,
        },
        _ => Answer::Refused { words: words() },
    }
}

/// The snapshot of a 409: bare, or under `snapshot`, `order` or `data`.
fn snapshot(body: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let is_one = |value: &&Value| value.get("number").is_some() || value.get("status").is_some();
    ["snapshot", "data", "order"]
        .iter()
        .filter_map(|name| value.get(*name))
        .find(is_one)
        .or_else(|| Some(&value).filter(is_one))
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_snapshot_is_found_wherever_a_shop_puts_it() {
        let order = json!({"number": "A-1", "status": "P"});
        for body in [
            order.clone(),
            json!({ "snapshot": order }),
            json!({ "data": order, "type": "shop.order.saved.v1" }),
        ] {
            assert_eq!(snapshot(body.to_string().as_bytes()), Some(order.clone()));
        }
        for body in ["", "{}", "[]", "no", "{\"error\":\"busy\"}"] {
            assert_eq!(snapshot(body.as_bytes()), None);
        }
    }

    #[test]
    fn each_status_has_its_meaning() {
        let of = |status| classify(StatusCode::from_u16(status).unwrap(), b"why", None);
        assert_eq!(of(409), Answer::Conflict(None));
        assert_eq!(of(410), Answer::Gone);
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(of(status), Answer::Down { .. }), "{status}");
        }
        for status in [301, 400, 401, 404, 422] {
            let refused = Answer::Refused {
                words: format!("{status}: why"),
            };
            assert_eq!(of(status), refused);
        }
    }
}
