//! The session of a request: its cookie, who it is, whether a POST is of this console.
//!
//! The cookie holds 256 random bits; the database only their digest. The role is read from the
//! settings at each request, and a changed key or password ends the session.

use super::viewer::Viewer;
use crate::{
    app::{Operations, Session},
    auth::{self, Operator, SessionToken},
    config::Config,
    console::{
        State,
        i18n::locale::{Lang, cookie},
        ui::error_page::ErrorPage,
    },
    process::{doors, telemetry::access_log::CallerName},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Uri, header, request::Parts},
};
use std::time::Duration;

/// How long a session lasts.
pub(in crate::console) const LIFE: Duration = Duration::from_hours(12);

/// The cookie's name where the request came by https: browsers keep such a one to https and to this
/// host.
const SECURE_COOKIE: &str = "__Host-b24_session";

const COOKIE: &str = "b24_session";

impl FromRequestParts<State> for Viewer {
    type Rejection = ErrorPage;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ErrorPage> {
        let at = path_of(&parts.uri);
        let lang = Lang::of(&parts.headers);
        let nobody = || ErrorPage::SignIn { next: at.clone() };
        let token = token(&parts.headers).ok_or_else(nobody)?;
        let session = state.app.operations.session(token.expose()).await;
        let (session, now) = session
            .map_err(|no| ErrorPage::of(no, lang))?
            .ok_or_else(nobody)?;
        let person = state.config.operators.get(&session.operator);
        let same = |stamp: [u8; 32]| auth::same(&session.stamp, &stamp);
        let person = person
            .filter(|person| same(person.stamp()))
            .ok_or_else(nobody)?;
        doors::known();
        let visitor = Self {
            name: session.operator,
            role: person.role,
            lang,
            csrf: token.csrf(),
            at,
            now,
        };
        if let Some(caller) = parts.extensions.get::<CallerName>() {
            caller.is(visitor.actor().0);
        }
        Ok(visitor)
    }
}

/// Opens a session; returns the cookie to set.
pub(in crate::console) async fn open(
    (sessions, config): (&Operations, &Config),
    name: &str,
    headers: &HeaderMap,
) -> Result<String, crate::app::Error> {
    let token = SessionToken::random();
    let stamp = config.operators.get(name).map(Operator::stamp);
    let session = Session {
        operator: name.to_owned(),
        stamp: stamp.unwrap_or_default().to_vec(),
    };
    sessions
        .open_session(token.expose(), &session, LIFE)
        .await?;
    Ok(set_cookie(headers, token.expose(), LIFE))
}

/// Ends the session of a request; returns the cookie that removes it.
pub(in crate::console) async fn close(
    sessions: &Operations,
    headers: &HeaderMap,
) -> Result<String, crate::app::Error> {
    if let Some(token) = token(headers) {
        sessions.close_session(token.expose()).await?;
    }
    Ok(set_cookie(headers, "", Duration::ZERO))
}

fn set_cookie(headers: &HeaderMap, token: &str, life: Duration) -> String {
    let seconds = life.as_secs();
    if is_https(headers) {
        format!(
            "{SECURE_COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict; Secure"
        )
    } else {
        format!("{COOKIE}={token}; Path=/console; Max-Age={seconds}; HttpOnly; SameSite=Strict")
    }
}

fn token(headers: &HeaderMap) -> Option<SessionToken> {
    let name = if is_https(headers) {
        SECURE_COOKIE
    } else {
        COOKIE
    };
    SessionToken::parse(cookie(headers, name)?)
}

/// Whether the browser speaks https, by the word of the proxy that ends it. A lie only gives the
/// liar a cookie that is kept better.
fn is_https(headers: &HeaderMap) -> bool {
    let proto = headers.get("x-forwarded-proto");
    proto.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// Whether a POST comes from a page of this console, as far as the browser tells.
pub(in crate::console) fn is_own(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site")
        && site != "same-origin"
        && site != "none"
    {
        return false;
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => {
            let own = origin.split_once("://").map_or(origin, |(_, host)| host);
            let forwarded = headers
                .get("x-forwarded-host")
                .and_then(|value| value.to_str().ok());
            own == host || Some(own) == forwarded
        }
        (Some(_), None) => false,
        (None, _) => true,
    }
}

fn path_of(uri: &Uri) -> String {
    uri.path_and_query()
        .map_or_else(|| "/console".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    header::HeaderName::from_static(name),
                    value.parse().unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn a_post_from_another_site_is_told_by_either_header() {
        assert!(is_own(&headers(&[
            ("host", "a:1"),
            ("origin", "http://a:1")
        ])));
        assert!(is_own(&headers(&[("host", "a:1")])));
        for foreign in [
            [("host", "a:1"), ("origin", "http://b:1")],
            [("host", "a:1"), ("origin", "null")],
            [("host", "a:1"), ("sec-fetch-site", "cross-site")],
            [("host", "a:1"), ("sec-fetch-site", "same-site")],
        ] {
            assert!(!is_own(&headers(&foreign)), "{foreign:?}");
        }
    }

    #[test]
    fn by_https_the_cookie_is_secure_and_bound_to_the_host() {
        let plain = set_cookie(&headers(&[]), "t", LIFE);
        assert!(!plain.contains("Secure") && plain.contains("HttpOnly; SameSite=Strict"));
        let secure = set_cookie(&headers(&[("x-forwarded-proto", "https")]), "t", LIFE);
        assert!(secure.starts_with("__Host-") && secure.ends_with("; Secure"));
    }
}
