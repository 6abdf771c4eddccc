//! A request of 1C: its query string, its cookies, its login.

use crate::app::onec::ExchangeKind;
use axum::http::{HeaderMap, header, request::Parts};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use encoding_rs::WINDOWS_1251;
use percent_encoding::percent_decode_str;

/// The cookie that carries the session's token. 1C sends back whichever name `checkauth` told it.
pub(super) const COOKIE: &str = "b24bridge";
/// The longest token that is looked at.
const LONGEST: usize = 64;

/// What a request of 1C asks for, and who says that it is 1C.
#[derive(Debug, Default)]
pub(super) struct ExchangeRequest {
    kind: String,
    pub(super) mode: String,
    pub(super) version: Option<String>,
    pub(super) cml_version: Option<String>,
    pub(super) filename: Option<String>,
    pub(super) timestamp: Option<i64>,
    /// How a catalogue is to be given: `package`, or not said.
    pub(super) output: Option<String>,
    /// What names the session: the cookie (it may come twice, or in the query string), and
    /// `sessid`.
    pub(super) tokens: Vec<String>,
    /// Login and password, where Basic shows them.
    pub(super) login: Option<(String, String)>,
    /// A header Authorization came at all.
    pub(super) authorization: bool,
}

impl ExchangeRequest {
    pub(super) fn read(parts: &Parts) -> Self {
        let mut request = Self::default();
        for cookie in cookies(&parts.headers) {
            request.token(&cookie);
        }
        for pair in parts.uri.query().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value);
            match name {
                "type" => request.kind = value,
                "mode" => request.mode = value,
                "version" => request.version = Some(value),
                "cmlVersion" => request.cml_version = Some(value),
                // Some clients put the cookie into the address.
                "sessid" | COOKIE => request.token(&value),
                "filename" => request.filename = Some(value),
                "outputType" => request.output = Some(value),
                "timestamp" => request.timestamp = value.trim().parse().ok(),
                _ => {}
            }
        }
        let value = parts.headers.get(header::AUTHORIZATION);
        request.authorization = value.is_some();
        request.login = value.and_then(|value| basic(value.as_bytes()));
        request
    }

    fn token(&mut self, token: &str) {
        let token = token.trim().trim_matches('"');
        // Some clients echo the whole line of the first answer.
        let token = token.strip_prefix("sessid=").unwrap_or(token);
        if !token.is_empty() && token.len() <= LONGEST && !self.tokens.iter().any(|t| t == token) {
            self.tokens.push(token.to_owned());
        }
    }

    /// What is to be exchanged; `None`: nothing that the bridge knows.
    pub(super) fn kind(&self) -> Option<ExchangeKind> {
        let mut known = ExchangeKind::ALL.iter().copied();
        let kind = known.find(|kind| kind.as_str() == self.kind);
        // That is a person's act, and no request.
        kind.filter(|kind| *kind != ExchangeKind::ByHand)
    }

    /// The mode, unless it is an invention of the caller's.
    pub(super) fn known_mode(&self) -> &'static str {
        match self.mode.as_str() {
            "checkauth" => "checkauth",
            "init" => "init",
            "query" => "query",
            "success" => "success",
            "file" => "file",
            "import" => "import",
            "info" => "info",
            "deactivate" => "deactivate",
            "complete" => "complete",
            _ if self.kind == "listen" => "listen",
            _ => "other",
        }
    }
}

/// A value of the query string, in UTF-8 or in windows-1251.
fn decoded(value: &str) -> String {
    let spaced = value.replace('+', " ");
    let bytes: Vec<u8> = percent_decode_str(&spaced).collect();
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let text = WINDOWS_1251.decode_without_bom_handling(error.as_bytes()).0;
        text.into_owned()
    })
}

/// The values of our cookie in all headers.
fn cookies(headers: &HeaderMap) -> Vec<String> {
    let all = headers.get_all(header::COOKIE).iter();
    let texts = all.filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';'));
    pairs
        .filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == COOKIE).then(|| value.to_owned())
        })
        .collect()
}

/// Login and password; a password may be in windows-1251, as older platforms send it.
fn basic(value: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = STANDARD.decode(rest.trim()).ok()?;
    let text = String::from_utf8(bytes).unwrap_or_else(|error| {
        let text = WINDOWS_1251.decode_without_bom_handling(error.as_bytes()).0;
        text.into_owned()
    });
    let (login, password) = text.split_once(':')?;
    Some((login.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn parsed(uri: &str, headers: &[(&str, &str)]) -> ExchangeRequest {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        ExchangeRequest::read(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_session_is_named_by_a_cookie_that_may_come_twice_or_by_sessid() {
        let both = ("cookie", "a=b; b24bridge=x1; b24bridge=x1");
        assert_eq!(parsed("/?type=sale", &[both]).tokens, ["x1"]);
        assert_eq!(parsed("/?sessid=x2&mode=init", &[]).tokens, ["x2"]);
        assert_eq!(parsed("/?sessid=sessid%3Dx2", &[]).tokens, ["x2"]);
        assert_eq!(parsed("/?mode=init&b24bridge=x2", &[]).tokens, ["x2"]);
        let quoted = ("cookie", "b24bridge=\"x3\"");
        assert_eq!(parsed("/?sessid=", &[quoted]).tokens, ["x3"]);
    }

    #[test]
    fn a_login_is_read_in_both_encodings() {
        let read = |bytes: &[u8]| basic(format!("Basic {}", STANDARD.encode(bytes)).as_bytes());
        let expected = Some(("обмен".to_owned(), "п:1".to_owned()));
        assert_eq!(read("обмен:п:1".as_bytes()), expected);
        assert_eq!(read(&WINDOWS_1251.encode("обмен:п:1").0), expected);
        assert_eq!(basic(b"Bearer x"), None);
        assert_eq!(decoded("%F4%E0%E9%EB+1"), "файл 1");
    }
}
