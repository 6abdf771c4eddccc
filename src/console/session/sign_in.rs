//! Signing in and out.

use super::{cookies, form::ViewerForm};
use crate::{
    app::Operations,
    auth::{Caller, LoginThrottle, PasswordHash, ThrottleKey},
    config::Config,
    console::{
        State,
        i18n::{locale::Lang, messages::Text},
        ui::{error_page::ErrorPage, layout, links},
    },
};
use axum::{
    Form,
    extract::{FromRef, Path, Query, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// The longest password or key that is looked at.
const LONGEST: usize = 1_024;

#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct SignInQuery {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(in crate::console) struct Credentials {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    next: String,
}

/// `GET /console/sign-in`: the form for name and password.
pub(in crate::console) async fn get(
    Extract(config): Extract<Arc<Config>>,
    headers: HeaderMap,
    Query(asked): Query<SignInQuery>,
) -> Markup {
    page(&config, Lang::of(&headers), &asked.next, None)
}

/// `POST /console/sign-in`: checks name and password, and begins a session.
pub(in crate::console) async fn post(
    Extract(sessions): Extract<Operations>,
    Extract(guard): Extract<LoginGuard>,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Result<Response, ErrorPage> {
    let lang = Lang::of(&headers);
    if !cookies::is_own(&headers) {
        return Err(ErrorPage::page(StatusCode::FORBIDDEN, Text::Stale, lang));
    }
    let who = ThrottleKey::tries(&form.name);
    let config = &*guard.config;
    let name = match guard.judge(&form, who).await {
        SignInResult::Right(name) => name,
        SignInResult::Wrong => {
            let name = config.operators.get_key_value(&form.name);
            let name = name.map_or("(unknown)", |(name, _)| name);
            tracing::warn!(name, "somebody could not sign in to the console");
            let page = page(config, lang, &form.next, Some(Text::SignInWrong));
            return Ok((StatusCode::UNAUTHORIZED, page).into_response());
        }
        SignInResult::Not => {
            let page = page(config, lang, &form.next, Some(Text::SignInSlow));
            let headers = [(header::RETRY_AFTER, "60")];
            return Ok((StatusCode::TOO_MANY_REQUESTS, headers, page).into_response());
        }
    };
    guard.throttle.right(who);
    let cookie = cookies::open((&sessions, config), &name, &headers).await;
    let cookie = cookie.map_err(|error| ErrorPage::of(error, lang))?;
    Ok((
        [(header::SET_COOKIE, cookie)],
        Redirect::to(inside(&form.next)),
    )
        .into_response())
}

/// What the credentials are worth.
enum SignInResult {
    /// They are this operator's.
    Right(String),
    Wrong,
    /// They were not looked at: there were too many tries.
    Not,
}

/// Who may sign in, and how often it may be tried. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::console) struct LoginGuard {
    config: Arc<Config>,
    throttle: Arc<LoginThrottle>,
}

impl FromRef<State> for LoginGuard {
    fn from_ref(state: &State) -> Self {
        Self {
            config: Arc::clone(&state.config),
            throttle: Arc::clone(&state.throttle),
        }
    }
}

impl LoginGuard {
    /// Judges credentials. A right key is taken always; a password takes as long to judge for a
    /// name that nobody has.
    async fn judge(&self, form: &Credentials, who: ThrottleKey) -> SignInResult {
        if !form.key.is_empty() {
            return match self.config.authenticate(&form.key) {
                Some(Caller::Operator { name, .. }) => SignInResult::Right(name),
                Some(Caller::Shop(_) | Caller::Till { .. }) | None => {
                    self.throttle.wrong(who);
                    SignInResult::Wrong
                }
            };
        }
        if form.password.len() > LONGEST || form.name.len() > LONGEST {
            return SignInResult::Wrong;
        }
        let Some(_turn) = self.throttle.turn(who).await else {
            return SignInResult::Not;
        };
        let own = self.config.operators.get(&form.name);
        let own = own.and_then(|operator| operator.password.clone());
        let known = own.is_some();
        let hash = own.or_else(|| self.stand_in());
        let password = form.password.clone();
        // Made to be slow: not on a thread that serves others.
        let hashed = move || hash.is_some_and(|hash| hash.matches(&password));
        let right = tokio::task::spawn_blocking(hashed).await.unwrap_or(false);
        if right && known {
            SignInResult::Right(form.name.clone())
        } else {
            SignInResult::Wrong
        }
    }

    /// A hash for names that have none: as slow as those that there are.
    fn stand_in(&self) -> Option<PasswordHash> {
        const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$\
                              AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let operators = self.config.operators.values();
        let mut known = operators.filter_map(|operator| operator.password.clone());
        known.next_back().or_else(|| PasswordHash::parse(NOBODY))
    }
}

/// `POST /console/sign-out`: ends the session.
pub(in crate::console) async fn leave(
    Extract(sessions): Extract<Operations>,
    headers: HeaderMap,
    ViewerForm(act): ViewerForm<SignInQuery>,
) -> Result<Response, ErrorPage> {
    let cookie = cookies::close(&sessions, &headers).await;
    let cookie = cookie.map_err(|error| ErrorPage::of(error, act.visitor.lang))?;
    Ok((
        [(header::SET_COOKIE, cookie)],
        Redirect::to("/console/sign-in"),
    )
        .into_response())
}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct Return {
    #[serde(default)]
    back: String,
}

/// `GET /console/language/{lang}`: only how pages look to this browser changes.
pub(in crate::console) async fn language(
    Path(tag): Path<String>,
    Query(to): Query<Return>,
) -> Response {
    let back = Redirect::to(inside(&to.back));
    match Lang::parse(&tag) {
        Some(lang) => {
            let name = crate::console::i18n::locale::COOKIE;
            let cookie = format!(
                "{name}={}; Path=/console; Max-Age=31536000; HttpOnly; SameSite=Lax",
                lang.tag()
            );
            ([(header::SET_COOKIE, cookie)], back).into_response()
        }
        None => back.into_response(),
    }
}

/// The place to go to, if it is one of the console.
fn inside(next: &str) -> &str {
    let own = next == "/console" || next.starts_with("/console/") || next.starts_with("/console?");
    let plain = next
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own && plain { next } else { "/console" }
}

fn page(config: &Config, lang: Lang, next: &str, wrong: Option<Text>) -> Markup {
    let other = lang.other();
    let back = links::link("/console/sign-in", &[("next", Some(next))]);
    let language = links::link(
        &format!("/console/language/{}", other.tag()),
        &[("back", Some(&back))],
    );
    let operators = || config.operators.values();
    let by_password = operators().any(|operator| operator.password.is_some());
    let by_key = operators().any(|operator| operator.key.is_some());
    let body = html! {
        main.narrow id="content" {
            p.brand { "b24" b { "·" } "bridge" }
            h1 { (Text::SignIn.on(lang)) }
            @if let Some(wrong) = wrong { p.problem role="alert" { (wrong.on(lang)) } }
            @match (by_password, by_key) {
                (true, true) => {
                    (password_form(lang, next))
                    details { summary { (Text::OrKey.on(lang)) } (key_form(lang, next)) }
                }
                (true, false) => { (password_form(lang, next)) }
                (false, true) => { (key_form(lang, next)) }
                (false, false) => { p.problem { (Text::NobodyCanSignIn.on(lang)) } }
            }
            p { a href=(language) lang=(other.tag()) { (Text::OtherLanguage.on(lang)) } }
        }
    };
    layout::shell(lang, Text::SignIn.on(lang), body)
}

fn password_form(lang: Lang, next: &str) -> Markup {
    html! {
        form.stack method="post" action="/console/sign-in" {
            input type="hidden" name="next" value=(next);
            label {
                (Text::Name.on(lang))
                input name="name" autocomplete="username" autocapitalize="none" autofocus;
            }
            label {
                (Text::Password.on(lang))
                input name="password" type="password" autocomplete="current-password";
            }
            button type="submit" { (Text::SignIn.on(lang)) }
        }
    }
}

fn key_form(lang: Lang, next: &str) -> Markup {
    html! {
        form.stack method="post" action="/console/sign-in" {
            input type="hidden" name="next" value=(next);
            label {
                (Text::Key.on(lang))
                input name="key" type="password" autocomplete="off" required;
            }
            button type="submit" { (Text::SignIn.on(lang)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn after_signing_in_nobody_is_led_out_of_the_console() {
        assert_eq!(inside("/console/orders?q=1"), "/console/orders?q=1");
        for outside in [
            "",
            "//evil.example",
            "/console.evil",
            "https://evil.example/console",
            "/console/\r\nx",
            "/console\\x",
        ] {
            assert_eq!(inside(outside), "/console", "{outside}");
        }
    }
}
