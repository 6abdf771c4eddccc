//! One request on the wire, and what is read of its answer. Nothing is followed and nothing is sent
//! twice here.

use super::{Error, endpoint::Address, response::Envelope};
use crate::{
    clients::connections::{cause_of, host_of},
    process::doors,
};
use reqwest::{StatusCode, header};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// The largest answer that is read, unpacked, in bytes: 50 lists of 50 long rows stay far below.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
/// The most memory that an answer may need as values, in bytes.
const HEAVIEST_ANSWER: usize = 64 * 1024 * 1024;

/// What becomes of the later commands of a batch after one that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFault {
    /// They are run all the same.
    GoOn,
    /// They are not run.
    Stop,
}

/// What a call carries.
pub(super) enum Body<'a> {
    Params(&'a Value),
    Batch(&'a InOrder, OnFault),
}

impl Body<'_> {
    pub(super) fn commands(&self) -> Option<usize> {
        match self {
            Self::Params(_) => None,
            Self::Batch(commands, _) => Some(commands.0.len()),
        }
    }
}

/// The same with the token, as it is sent.
#[derive(serde::Serialize)]
struct Sent<'a> {
    #[serde(flatten)]
    params: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    halt: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<&'a InOrder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<&'a str>,
}

/// A map that keeps its order: a portal runs commands in the order in which they come.
pub(super) struct InOrder(pub(super) Vec<(String, String)>);

impl serde::Serialize for InOrder {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, command)| (key, command)))
    }
}

pub(super) enum Answer {
    Envelope(Envelope),
    Moved(Url),
}

/// One request and its answer, whatever becomes of them, within this time.
pub(super) async fn request(
    (http, timeout): (&reqwest::Client, Duration),
    address: &Address,
    method: &str,
    body: &Body<'_>,
) -> Result<Answer, Error> {
    let url = address
        .base
        .join(method)
        .map_err(|_| Error::Invalid("the method's name is not one".to_owned()))?;
    let auth = address
        .token
        .as_ref()
        .map(secrecy::ExposeSecret::expose_secret);
    let sent = match body {
        Body::Params(params) => Sent {
            params: Some(params),
            halt: None,
            cmd: None,
            auth,
        },
        Body::Batch(cmd, on_fault) => Sent {
            params: None,
            halt: Some(u8::from(*on_fault == OnFault::Stop)),
            cmd: Some(cmd),
            auth,
        },
    };
    let request = http
        .post(url)
        .header(header::ACCEPT, "application/json")
        .timeout(timeout)
        .json(&sent);
    let answer = request.send().await;
    let answer = answer.map_err(|error| Error::transport(&error))?;
    let status = answer.status();
    if status.is_redirection() {
        let to = answer
            .headers()
            .get(header::LOCATION)
            .and_then(|to| to.to_str().ok()?.parse::<Url>().ok());
        return to.map(Answer::Moved).ok_or_else(|| Error::Unreadable {
            status: status.as_u16(),
            why: "a redirection without an address".to_owned(),
        });
    }
    let body = read(answer).await?;
    if doors::weight(&body) > HEAVIEST_ANSWER {
        return Err(too_large(status.as_u16()));
    }
    interpret(status, &body, method).map(Answer::Envelope)
}

fn interpret(status: StatusCode, body: &[u8], method: &str) -> Result<Envelope, Error> {
    let code = status.as_u16();
    match Envelope::parse(body) {
        Some(envelope) if envelope.is_error => Err(Error::from_envelope(code, &envelope, method)),
        Some(envelope) if status.is_success() && envelope.result.is_some() => Ok(envelope),
        Some(_) | None if status.is_success() => {
            let why = if body.is_empty() {
                "it is empty"
            } else if is_page(body) {
                "it is a page for people, not the JSON of a portal"
            } else {
                "it is not the JSON of a portal, or only part of it"
            };
            Err(Error::Unreadable {
                status: code,
                why: why.to_owned(),
            })
        }
        // A portal says its refusals in JSON. Waiting and pace are the exceptions, whoever asks for
        // them.
        _ if status.is_client_error() && !matches!(code, 408 | 429) => Err(Error::Intercepted {
            status: code,
            title: title(body),
        }),
        _ => Err(Error::from_envelope(code, &Envelope::default(), method)),
    }
}

/// Whether a body is a page for people.
fn is_page(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    body.trim_ascii_start().starts_with(b"<")
}

/// The title of a page, as far as it can be shown: what speaks of addresses may hold the secret of
/// the webhook.
fn title(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(16 * 1024)]);
    let lower = text.to_ascii_lowercase();
    let inside = lower.find("<title>").and_then(|at| {
        let start = at + "<title>".len();
        let length = lower[start..].find("</title>")?;
        text.get(start..start + length)
    });
    let words: Vec<&str> = inside.unwrap_or_default().split_whitespace().collect();
    let title: String = words.join(" ").chars().take(100).collect();
    if title.contains(['/', '<', '>']) {
        return String::new();
    }
    title.chars().filter(|c| !c.is_control()).collect()
}

fn too_large(status: u16) -> Error {
    let most = LARGEST_ANSWER;
    Error::TooLarge { status, most }
}

/// The body of an answer, within its bound.
pub(super) async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, Error> {
    let status = answer.status().as_u16();
    let host = host_of(Some(answer.url()));
    let broken = |error: reqwest::Error| Error::NoAnswer {
        host: host.clone(),
        why: cause_of(&error),
    };
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(too_large(status));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::bitrix24::Class;

    fn fault(status: u16, body: &str) -> Error {
        let status = StatusCode::from_u16(status).unwrap();
        interpret(status, body.as_bytes(), "batch").unwrap_err()
    }

    #[test]
    fn what_is_not_the_portals_json_is_judged_as_what_it_is() {
        let page = "<html><head><title>403\n Forbidden</title></head></html>";
        for (status, body, class, ran) in [
            (413, page, Class::Intercepted, false),
            (403, page, Class::Intercepted, false),
            (403, "{\"message\":\"no\"}", Class::Intercepted, false),
            (401, "", Class::Intercepted, false),
            (404, page, Class::Intercepted, false),
            (504, page, Class::Down, true),
            (503, page, Class::Down, true),
            (200, page, Class::InDoubt, true),
            (200, "{\"result\":", Class::InDoubt, true),
        ] {
            let fault = fault(status, body);
            assert_eq!(fault.class(), class, "{status} {body}");
            assert_eq!(fault.maybe_executed(), ran, "{status} {body}");
        }
        let words = fault(403, page).to_string();
        assert!(words.contains("403 Forbidden"), "{words}");
        let leads_away = Error::Unreadable {
            status: 302,
            why: String::new(),
        };
        assert!(!leads_away.maybe_executed());
    }

    #[test]
    fn a_page_that_shows_the_address_of_the_call_is_not_quoted() {
        let page = "<TITLE>/rest/1/secret/batch was not found</TITLE>";
        assert_eq!(title(page.as_bytes()), "");
        assert_eq!(title("İ<title>Нет</title>".as_bytes()), "Нет");
    }
}
