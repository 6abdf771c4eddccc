//! Signing in and out.

use super::{State, act, fault::Fault, lang::Lang, layout, query, session, text::Text};
use crate::config::Caller;
use axum::{
    Form,
    extract::{Path, Query, Request, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

/// The longest password or key that is looked at.
const LONGEST: usize = 1_024;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    next: String,
}

/// `GET /console/sign-in`.
pub(super) async fn get(headers: HeaderMap, Query(asked): Query<Asked>) -> Markup {
    page(Lang::of(&headers), &asked.next, None)
}

/// `POST /console/sign-in`.
pub(super) async fn post(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Result<Response, Fault> {
    let lang = Lang::of(&headers);
    if !session::is_own(&headers) {
        return Err(Fault::page(StatusCode::FORBIDDEN, Text::Stale, lang));
    }
    let counted = if form.name.is_empty() {
        "(key)"
    } else if state.config.operators.contains_key(&form.name) {
        &form.name
    } else {
        "(unknown)"
    };
    if !state.throttle.admits(counted) {
        let page = page(lang, &form.next, Some(Text::SignInSlow));
        let headers = [(header::RETRY_AFTER, "60")];
        return Ok((StatusCode::TOO_MANY_REQUESTS, headers, page).into_response());
    }
    let Some(name) = known(&state, &form).await else {
        tracing::warn!(name = counted, "somebody could not sign in to the console");
        let page = page(lang, &form.next, Some(Text::SignInWrong));
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    };
    state.throttle.forget(counted);
    let cookie = session::open(&state, &name, &headers).await;
    let cookie = cookie.map_err(|error| Fault::of(error, lang))?;
    Ok((
        [(header::SET_COOKIE, cookie)],
        Redirect::to(inside(&form.next)),
    )
        .into_response())
}

/// The operator whose credentials these are.
async fn known(state: &State, form: &Credentials) -> Option<String> {
    if form.password.len() > LONGEST || form.key.len() > LONGEST {
        return None;
    }
    if !form.key.is_empty() {
        return match state.config.authenticate(&form.key)? {
            Caller::Operator { name, .. } => Some(name),
            Caller::Shop(_) => None,
        };
    }
    let hash = state.config.operators.get(&form.name)?.password.clone()?;
    let password = form.password.clone();
    // Made to be slow: not on a thread that serves others.
    let right = tokio::task::spawn_blocking(move || hash.matches(&password)).await;
    right.unwrap_or(false).then(|| form.name.clone())
}

/// `POST /console/sign-out`.
pub(super) async fn leave(
    Extract(state): Extract<State>,
    request: Request,
) -> Result<Response, Fault> {
    let headers = request.headers().clone();
    let act = act::read::<Asked>(request, &state).await?;
    let cookie = session::close(&state, &headers).await;
    let cookie = cookie.map_err(|error| Fault::of(error, act.visitor.lang))?;
    Ok((
        [(header::SET_COOKIE, cookie)],
        Redirect::to("/console/sign-in"),
    )
        .into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct Return {
    #[serde(default)]
    back: String,
}

/// `GET /console/language/{lang}`: only how pages look to this browser changes.
pub(super) async fn language(Path(tag): Path<String>, Query(to): Query<Return>) -> Response {
    let back = Redirect::to(inside(&to.back));
    match Lang::parse(&tag) {
        Some(lang) => {
            let name = super::lang::COOKIE;
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

fn page(lang: Lang, next: &str, wrong: Option<Text>) -> Markup {
    let other = lang.other();
    let back = query::link("/console/sign-in", &[("next", Some(next))]);
    let language = query::link(
        &format!("/console/language/{}", other.tag()),
        &[("back", Some(&back))],
    );
    let body = html! {
        main.narrow id="content" {
            p.brand { "b24" b { "·" } "bridge" }
            h1 { (Text::SignIn.on(lang)) }
            @if let Some(wrong) = wrong { p.problem role="alert" { (wrong.on(lang)) } }
            form.stack method="post" action="/console/sign-in" {
                input type="hidden" name="next" value=(next);
                label { (Text::Name.on(lang)) input name="name" autocomplete="username" autocapitalize="none" autofocus; }
                label { (Text::Password.on(lang)) input name="password" type="password" autocomplete="current-password"; }
                button type="submit" { (Text::SignIn.on(lang)) }
            }
            details {
                summary { (Text::OrKey.on(lang)) }
                form.stack method="post" action="/console/sign-in" {
                    input type="hidden" name="next" value=(next);
                    label { (Text::Key.on(lang)) input name="key" type="password" autocomplete="off" required; }
                    button type="submit" { (Text::SignIn.on(lang)) }
                }
            }
            p { a href=(language) lang=(other.tag()) { (Text::OtherLanguage.on(lang)) } }
        }
    };
    layout::shell(lang, Text::SignIn.on(lang), body)
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
