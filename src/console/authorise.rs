//! Letting the bridge into a portal as an application, in the browser: begun here, ended in the portal, told here.
//!
//! The link into the portal carries the state of this one authorisation. It opens nothing: it serves once, for a quarter of an hour, and only
//! shows that the code that comes back was asked for here. What the pages ask by afterwards is its digest.

use super::{
    State,
    act::Act,
    fault::Fault,
    layout::{self, Section},
    live, parts, query,
    session::Visitor,
    text::Text,
};
use crate::{
    app::applications::{Access, Authorising, Begun, HandedOver},
    domain::{Code, PortalName},
};
use axum::{
    extract::{Path, State as Extract},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;
use std::time::Duration;

/// How often it is looked how far an authorisation is.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

#[derive(Debug, Deserialize)]
pub(super) struct Given {
    #[serde(default)]
    code: String,
}

fn path(portal: &PortalName, rest: &str) -> String {
    format!("{}/{rest}", query::portal(portal.as_str()))
}

/// A portal that is reached by an application.
fn known(state: &State, name: &str, visitor: &Visitor) -> Result<PortalName, Fault> {
    let name = PortalName::parse(name).ok();
    let known = name.filter(|name| state.bridge.application(name).is_some());
    known.ok_or_else(|| Fault::not_found(visitor.lang))
}

/// How the application stands, and the button that lets it in; nothing for a portal that is reached by a webhook.
pub(super) async fn section(
    state: &State,
    visitor: &Visitor,
    portal: &PortalName,
) -> Result<Markup, Fault> {
    let access = state.bridge.application_access(portal).await;
    let Some(access) = access.map_err(|error| Fault::of(error, visitor.lang))? else {
        return Ok(html! {});
    };
    Ok(html! {
        section.act {
            h2 { (visitor.say(Text::Application)) }
            @match access {
                Access::Never => { p.problem { (visitor.say(Text::NeverLetIn)) } }
                Access::Since(at) => { p { (visitor.say(Text::LetInSince)) " " (parts::time(visitor, at)) } }
                Access::Refused(words) => {
                    p.problem.words { (visitor.say(Text::PutOut)) " " (visitor.lang.told(&words)) }
                }
            }
            p { (visitor.say(Text::AuthoriseExplained)) }
            (parts::button(visitor, &path(portal, "authorise"), &[], visitor.say(Text::Authorise)))
        }
    })
}

/// `POST /console/portals/{name}/authorise`.
pub(super) async fn begin(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    act: Act<Nothing>,
) -> Result<Markup, Fault> {
    let visitor = act.visitor;
    let portal = known(&state, &name, &visitor)?;
    let begun = state
        .bridge
        .begin_authorisation(&portal, &visitor.actor())
        .await;
    let begun = begun.map_err(|error| Fault::of(error, visitor.lang))?;
    let begun = begun.ok_or_else(|| Fault::not_found(visitor.lang))?;
    let content = html! {
        (title(&visitor, &portal))
        (steps(&state, &visitor, &portal, &begun))
        h2 { (visitor.say(Text::WhatCame)) }
        (followed(&visitor, &portal, &begun.follow(), &Authorising::Waits))
        (by_hand(&visitor, &portal, None))
    };
    Ok(framed(&visitor, &portal, content))
}

fn title(visitor: &Visitor, portal: &PortalName) -> Markup {
    html! { h1 { (visitor.say(Text::Authorise)) ": " a href=(path(portal, "").trim_end_matches('/')) { (portal) } } }
}

fn framed(visitor: &Visitor, portal: &PortalName, content: Markup) -> Markup {
    let title = format!("{}: {portal}", visitor.say(Text::Authorise));
    layout::page(visitor, Section::Portals, &title, content)
}

fn steps(state: &State, visitor: &Visitor, portal: &PortalName, begun: &Begun) -> Markup {
    let own = state.config.http.public_url.as_deref();
    let address = own.map_or("https://…", |url| url.trim_end_matches('/'));
    html! {
        ol.steps {
            li { p { (visitor.say(Text::StepHandler)) }
                p.code { (address) "/webhooks/bitrix24/" (portal) "/oauth" }
                @if own.is_none() { p.quiet { (parts::marked(visitor.say(Text::OwnAddress))) } } }
            li { p { (visitor.say(Text::StepOpen)) }
                p { a.button href=(begun.address) target="_blank" rel="noreferrer noopener" { (visitor.say(Text::OpenPortal)) " ↗" } } }
            li { p { (visitor.say(Text::StepReturn)) } }
        }
    }
}

/// How far it is; kept up to date while that may change.
fn followed(visitor: &Visitor, portal: &PortalName, follow: &str, how: &Authorising) -> Markup {
    let page = path(portal, &format!("authorisation/{follow}"));
    let open = matches!(how, Authorising::Waits | Authorising::Judged);
    let stream = format!("{page}/live");
    html! {
        div data-live=[open.then_some(stream)] aria-live="polite" { (outcome(visitor, how)) }
        @if open { p { a href=(page) { (visitor.say(Text::LookAgain)) } } }
    }
}

fn outcome(visitor: &Visitor, how: &Authorising) -> Markup {
    html! {
        @match how {
            Authorising::Waits => { p.busy { (visitor.say(Text::AuthWaits)) } }
            Authorising::Judged => { p.busy { (visitor.say(Text::AuthJudged)) } }
            Authorising::Done => { p.notice data-end { (visitor.say(Text::AuthDone)) } }
            Authorising::Over => { p.problem data-end { (visitor.say(Text::AuthOver)) } }
            Authorising::Refused(words) => {
                div data-end {
                    p.problem.words { (visitor.say(Text::AuthRefused)) " " (visitor.lang.told(words)) }
                    (parts::explained(visitor, Code::Token.as_str()))
                }
            }
        }
    }
}

/// For a browser that cannot reach the bridge.
fn by_hand(visitor: &Visitor, portal: &PortalName, wrong: Option<&str>) -> Markup {
    html! {
        details open[wrong.is_some()] { summary { (visitor.say(Text::CannotReach)) }
            @if let Some(wrong) = wrong { p.problem role="alert" { (wrong) } }
            form.stack method="post" action=(path(portal, "authorisation")) {
                (layout::csrf(visitor))
                label { (visitor.say(Text::CodeExplained)) input name="code" required maxlength="2000" autocomplete="off" spellcheck="false"; }
                (parts::submit(visitor, visitor.say(Text::HandOver)))
            }
        }
    }
}

/// `POST /console/portals/{name}/authorisation`: the address that the browser ended at.
pub(super) async fn hand_over(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    act: Act<Given>,
) -> Result<Response, Fault> {
    let Act { visitor, form } = act;
    let portal = known(&state, &name, &visitor)?;
    let done = state
        .bridge
        .hand_over_code(&portal, &form.code, &visitor.actor())
        .await;
    let wrong = match done.map_err(|error| Fault::of(error, visitor.lang))? {
        HandedOver::Waits { follow, .. } => {
            let page = path(&portal, &format!("authorisation/{follow}"));
            return Ok(Redirect::to(&page).into_response());
        }
        HandedOver::NoCode => Text::NoCodeInIt,
        HandedOver::TooMany => Text::TooManyWait,
        HandedOver::NoApplication => return Err(Fault::not_found(visitor.lang)),
    };
    let content = html! {
        (title(&visitor, &portal))
        (by_hand(&visitor, &portal, Some(visitor.say(wrong))))
    };
    let page = framed(&visitor, &portal, content);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// `GET /console/portals/{name}/authorisation/{follow}`.
pub(super) async fn follow(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Path((name, follow)): Path<(String, String)>,
) -> Result<Markup, Fault> {
    let portal = known(&state, &name, &visitor)?;
    let how = state.bridge.authorising(&portal, &follow).await;
    let how = how.map_err(|error| Fault::of(error, visitor.lang))?;
    let content = html! {
        (title(&visitor, &portal))
        (followed(&visitor, &portal, &follow, &how))
        p { a href=(path(&portal, "").trim_end_matches('/')) { (visitor.say(Text::Back)) } }
    };
    Ok(framed(&visitor, &portal, content))
}

/// `GET /console/portals/{name}/authorisation/{follow}/live`.
pub(super) async fn follow_live(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Path((name, follow)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let portal = known(&state, &name, &visitor)?;
    let bridge = state.bridge.clone();
    Ok(live::stream(state, PAUSE, move || {
        let (bridge, visitor) = (bridge.clone(), visitor.clone());
        let (portal, follow) = (portal.clone(), follow.clone());
        async move {
            let how = bridge.authorising(&portal, &follow).await.ok()?;
            Some(outcome(&visitor, &how))
        }
    }))
}
