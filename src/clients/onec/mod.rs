//! Bringing an order to an HTTP service of a 1C base, and what the service's answer means.
//!
//! Owns: the request, its time limit, and reading answers. Refuses: deciding what goes and when it
//! is tried again. Only the configured address is called, and no redirection is followed.
//!
//! An HTTP service is written for its base, in 1C's language. `УстановитьТелоИзСтроки` puts a byte
//! order mark before a text in UTF-8 unless it is told not to; an exception in the handler becomes
//! status 500 with the exception's text.

use crate::{
    clients::connections::{Connections, cause_of, host_of, one_line, pause_asked},
    process::telemetry::chain,
};
use encoding_rs::WINDOWS_1251;
use reqwest::{StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use std::{fmt, sync::Arc, time::Duration};
use url::Url;

/// How long a service may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of an answer that are read.
const LARGEST: usize = 64 * 1024;

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 2xx with `success`, or with nothing: the base has it.
    Taken,
    /// The service looked at the order and does not take it.
    Refused(String),
    /// 500: the service's handler failed at it.
    Failed(String),
    /// 401 or 403: the login is not taken.
    Login(String),
    /// 2xx with something else: whether the base has it is not known.
    Odd(String),
    /// No such service, or a redirection: nobody looked at the order.
    Nowhere(String),
    /// The answer was lost: whether the base has it is not known.
    Lost(String),
    /// Nobody looked at the order: no connection, too much to do, or closed for a while.
    Down {
        /// What came instead of an answer.
        words: String,
        /// How long the service asks to be left alone.
        pause: Option<Duration>,
    },
}

/// How it stands with a service that was asked for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is there, and takes the login.
    Works,
    /// 401 or 403: the login is not taken.
    Login(String),
    /// No such service, or a redirection.
    Nowhere(String),
    /// No connection, no TLS, an exception, or closed for a while.
    Down(String),
}

/// An HTTP service of one base. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    connections: Connections,
    url: Url,
    user: String,
    password: SecretString,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// The service at this address, for this login.
    pub fn new(url: &Url, user: &str, password: SecretString, connections: &Connections) -> Self {
        Self(Arc::new(Inner {
            connections: connections.clone(),
            url: url.clone(),
            user: user.to_owned(),
            password,
        }))
    }

    /// Brings one document, in the encoding that `charset` names. The answer is waited for no
    /// longer than `within`.
    pub async fn push(&self, document: Vec<u8>, charset: &str, within: Duration) -> Answer {
        let password = self.0.password.expose_secret();
        let request = self.0.connections.any().post(self.0.url.clone());
        let request = request
            .timeout(TIMEOUT.min(within))
            .basic_auth(&self.0.user, Some(password))
            .header(
                header::CONTENT_TYPE,
                format!("application/xml; charset={charset}"),
            )
            .body(document);
        match request.send().await {
            Ok(answer) => read(answer).await,
            Err(error) => lost(&error),
        }
    }
}

impl Client {
    /// Looks whether the service is there and takes the login, by GET, which changes nothing: 1C
    /// asks for the login before it looks what is wanted, and a service that takes orders alone
    /// answers 405. Only the status of the answer is looked at.
    pub async fn look(&self) -> Standing {
        let password = self.0.password.expose_secret();
        let request = self.0.connections.any().get(self.0.url.clone());
        let request = request.timeout(TIMEOUT);
        match request
            .basic_auth(&self.0.user, Some(password))
            .send()
            .await
        {
            Ok(answer) => standing(answer.status()),
            Err(error) if error.is_timeout() => Standing::Down("no answer in time".to_owned()),
            Err(error) => Standing::Down(one_line(&chain(&error))),
        }
    }
}

fn standing(status: StatusCode) -> Standing {
    let words = status.as_u16().to_string();
    match status.as_u16() {
        401 | 403 => Standing::Login(words),
        300..=399 | 404 | 410 => Standing::Nowhere(words),
        408 | 425 | 429 | 500.. => Standing::Down(words),
        _ => Standing::Works,
    }
}

/// Without an answer. Where there was no connection, the order never left.
fn lost(error: &reqwest::Error) -> Answer {
    if error.is_connect() {
        let (host, why) = (host_of(error.url()), cause_of(error));
        let words = format!("there is no connection to {host}: {why}");
        return Answer::Down { words, pause: None };
    }
    Answer::Lost(if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        "the connection broke off".to_owned()
    })
}

async fn read(mut answer: reqwest::Response) -> Answer {
    let status = answer.status();
    let pause = pause_asked(&answer);
    let mut body = Vec::new();
    while body.len() < LARGEST {
        match answer.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            // What is missing may be the word that counts.
            Err(error) if status.is_success() => return lost(&error),
            Ok(None) | Err(_) => break,
        }
    }
    classify(status, &text(&body), pause)
}

/// An answer as text: in UTF-8, else in windows-1251.
fn text(body: &[u8]) -> String {
    let text = std::str::from_utf8(body).map_or_else(
        |_| {
            WINDOWS_1251
                .decode_without_bom_handling(body)
                .0
                .into_owned()
        },
        str::to_owned,
    );
    text.trim_start_matches('\u{feff}').trim().to_owned()
}

fn classify(status: StatusCode, text: &str, pause: Option<Duration>) -> Answer {
    let words = format!("{}: {}", status.as_u16(), one_line(text));
    let first = text.lines().next().unwrap_or_default().trim();
    match status.as_u16() {
        200..=299 => match first {
            "" | "success" => Answer::Taken,
            "failure" => Answer::Refused(one_line(text.get(first.len()..).unwrap_or_default())),
            _ => Answer::Odd(words),
        },
        401 | 403 => Answer::Login(words),
        300..=399 | 404 | 405 | 410 => Answer::Nowhere(words),
        408 | 425 | 429 | 501.. => Answer::Down { words, pause },
        500 => Answer::Failed(words),
        _ => Answer::Refused(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &[u8]) -> Answer {
        classify(StatusCode::from_u16(status).unwrap(), &text(body), None)
    }

    #[test]
    fn a_base_has_an_order_if_it_says_success_or_nothing() {
        for body in [
            "",
            "success",
            "success\n",
            "\u{feff}success\r\nдокумент 5",
            " \n",
        ] {
            assert_eq!(of(200, body.as_bytes()), Answer::Taken, "{body:?}");
        }
        assert_eq!(of(204, b""), Answer::Taken);
    }

    #[test]
    fn what_1c_refuses_it_refuses_in_its_own_words_and_encoding() {
        let words = Answer::Refused("Не найден товар".to_owned());
        assert_eq!(
            of(200, "\u{feff}failure\r\nНе найден\nтовар".as_bytes()),
            words
        );
        let (bytes, _, _) = WINDOWS_1251.encode("failure\nНе найден товар");
        assert_eq!(of(200, &bytes), words);
        assert_eq!(
            of(422, "нет склада".as_bytes()),
            Answer::Refused("422: нет склада".to_owned())
        );
    }

    #[test]
    fn a_page_in_place_of_an_answer_says_nothing_of_the_order() {
        for body in ["<html>Вход</html>", "successful", "failures", "ok"] {
            assert!(matches!(of(200, body.as_bytes()), Answer::Odd(_)), "{body}");
        }
    }

    #[test]
    fn a_service_that_takes_orders_alone_works_and_one_that_is_not_there_does_not() {
        let stands = |status| standing(StatusCode::from_u16(status).unwrap());
        for status in [200, 204, 400, 405, 422] {
            assert_eq!(stands(status), Standing::Works, "{status}");
        }
        for status in [401, 403] {
            assert!(matches!(stands(status), Standing::Login(_)), "{status}");
        }
        for status in [301, 302, 404, 410] {
            assert!(matches!(stands(status), Standing::Nowhere(_)), "{status}");
        }
        for status in [429, 500, 502, 503] {
            assert!(matches!(stands(status), Standing::Down(_)), "{status}");
        }
    }

    #[test]
    fn each_status_has_its_meaning() {
        for status in [401, 403] {
            assert!(matches!(of(status, b""), Answer::Login(_)), "{status}");
        }
        for status in [301, 302, 404, 405, 410] {
            assert!(matches!(of(status, b""), Answer::Nowhere(_)), "{status}");
        }
        for status in [408, 429, 502, 503, 504] {
            assert!(matches!(of(status, b""), Answer::Down { .. }), "{status}");
        }
        assert!(matches!(of(500, b""), Answer::Failed(_)));
        for status in [400, 409, 413, 422] {
            assert!(matches!(of(status, b""), Answer::Refused(_)), "{status}");
        }
    }
}
