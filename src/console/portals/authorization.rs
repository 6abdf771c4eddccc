//! Letting the bridge into a portal as an application, in the browser: begun here, ended in the
//! portal, told here.
//!
//! The link into the portal carries the state of this one authorisation. It opens nothing: it
//! serves once, for a quarter of an hour, and only shows that the code that comes back was asked
//! for here. What the pages ask by afterwards is its digest.

use crate::{
    app::{
        PortalAccess,
        portal_access::{Access, AuthorizationStart, AuthorizationState, CodeOutcome},
    },
    config::Config,
    console::{
        Ready,
        i18n::messages::Text,
        overview::sse,
        session::{form::OperatorForm, viewer::Viewer},
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
        },
    },
    domain::{ErrorCode, Place, PortalName},
};
use axum::{
    extract::{Path, State as Extract},
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};

/// How often it is looked how far an authorisation is.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
pub(in crate::console) struct EmptyForm {}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct GivenCode {
    #[serde(default)]
    code: String,
}

fn path(portal: &PortalName, rest: &str) -> String {
    format!("{}/{rest}", links::portal(portal.as_str()))
}

/// A portal that is reached by an application.
fn known(
    portal_access: &PortalAccess,
    name: &str,
    visitor: &Viewer,
) -> Result<PortalName, ErrorPage> {
    let name = PortalName::parse(name).ok();
    let known = name.filter(|name| portal_access.application(name).is_some());
    known.ok_or_else(|| ErrorPage::not_found(visitor.lang))
}

/// How the application stands, and the button that lets it in; nothing for a portal that is reached
/// by a webhook.
pub(in crate::console) async fn section(
    portal_access: &PortalAccess,
    visitor: &Viewer,
    portal: &PortalName,
) -> Result<Markup, ErrorPage> {
    let access = portal_access.application_access(portal).await;
    let Some(access) = access.map_err(|error| ErrorPage::of(error, visitor.lang))? else {
        return Ok(html! {});
    };
    Ok(html! {
        section.act {
            h2 { (visitor.text(Text::Application)) }
            @match access {
                Access::Never => { p.problem { (visitor.text(Text::NeverLetIn)) } }
                Access::Since(at) => {
                    p { (visitor.text(Text::LetInSince)) " " (components::time(visitor, at)) }
                }
                Access::Refused(words) => {
                    p.problem.words { (visitor.text(Text::PutOut)) " " (visitor.lang.told(&words)) }
                }
            }
            p { (visitor.text(Text::AuthoriseExplained)) }
            (
                components::button(
                    visitor, &path(portal, "authorise"), &[], visitor.text(Text::Authorise)
                )
            )
        }
    })
}

/// `POST /console/portals/{name}/authorise`: begins an authorisation, which the portal ends.
pub(in crate::console) async fn begin(
    Extract(portal_access): Extract<PortalAccess>,
    Extract(config): Extract<Arc<Config>>,
    Path(name): Path<String>,
    act: OperatorForm<EmptyForm>,
) -> Result<Markup, ErrorPage> {
    let visitor = act.visitor;
    let portal = known(&portal_access, &name, &visitor)?;
    let begun = portal_access
        .begin_authorisation(&portal, &visitor.actor())
        .await;
    let begun = begun.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    let begun = begun.ok_or_else(|| ErrorPage::not_found(visitor.lang))?;
    let content = html! {
        (title(&visitor, &portal))
        (steps(&config, &visitor, &portal, &begun))
        h2 { (visitor.text(Text::WhatCame)) }
        (followed(&visitor, &portal, &begun.follow(), &AuthorizationState::Waits))
        (by_hand(&visitor, &portal, None))
    };
    Ok(framed(&visitor, &portal, content))
}

fn title(visitor: &Viewer, portal: &PortalName) -> Markup {
    html! {
        h1 {
            (visitor.text(Text::Authorise)) ": " a href=(path(portal, "").trim_end_matches('/')) {
                (portal)
            }
        }
    }
}

fn framed(visitor: &Viewer, portal: &PortalName, content: Markup) -> Markup {
    let title = format!("{}: {portal}", visitor.text(Text::Authorise));
    layout::page(visitor, Section::Portals, &title, content)
}

fn steps(
    config: &Config,
    visitor: &Viewer,
    portal: &PortalName,
    begun: &AuthorizationStart,
) -> Markup {
    let own = config.http.public_url.as_deref();
    let address = own.map_or("https://…", |url| url.trim_end_matches('/'));
    html! {
        ol.steps {
            li {
                p { (visitor.text(Text::StepHandler)) }
                p.code { (address) "/webhooks/bitrix24/" (portal) "/oauth" }
                @if own.is_none() {
                    p.quiet { (components::marked(visitor.text(Text::OwnAddress))) }
                }
            }
            li {
                p { (visitor.text(Text::StepOpen)) }
                p {
                    a.button href=(begun.address) target="_blank" rel="noreferrer noopener" {
                        (visitor.text(Text::OpenPortal)) " ↗"
                    }
                }
            }
            li { p { (visitor.text(Text::StepReturn)) } }
        }
    }
}

/// How far it is; kept up to date while that may change.
fn followed(
    visitor: &Viewer,
    portal: &PortalName,
    follow: &str,
    how: &AuthorizationState,
) -> Markup {
    let page = path(portal, &format!("authorisation/{follow}"));
    let open = matches!(how, AuthorizationState::Waits | AuthorizationState::Judged);
    let stream = format!("{page}/live");
    html! {
        div data-live=[open.then_some(stream)] aria-live="polite" { (outcome(visitor, how)) }
        @if open { p { a href=(page) { (visitor.text(Text::LookAgain)) } } }
    }
}

fn outcome(visitor: &Viewer, how: &AuthorizationState) -> Markup {
    html! {
        @match how {
            AuthorizationState::Waits => { p.busy { (visitor.text(Text::AuthWaits)) } }
            AuthorizationState::Judged => { p.busy { (visitor.text(Text::AuthJudged)) } }
            AuthorizationState::Done => { p.notice data-end { (visitor.text(Text::AuthDone)) } }
            AuthorizationState::Over => { p.problem data-end { (visitor.text(Text::AuthOver)) } }
            AuthorizationState::Refused(words) => {
                div data-end {
                    p.problem.words {
                        (visitor.text(Text::AuthRefused)) " " (visitor.lang.told(words))
                    }
                    (components::explained(visitor, ErrorCode::Token.as_str(), Place::default()))
                }
            }
        }
    }
}

/// For a browser that cannot reach the bridge.
fn by_hand(visitor: &Viewer, portal: &PortalName, wrong: Option<&str>) -> Markup {
    html! {
        details open[wrong.is_some()] { summary { (visitor.text(Text::CannotReach)) }
            @if let Some(wrong) = wrong { p.problem role="alert" { (wrong) } }
            form.stack method="post" action=(path(portal, "authorisation")) {
                (layout::csrf(visitor))
                label {
                    (visitor.text(Text::CodeExplained))
                    input name="code" required maxlength="2000" autocomplete="off"
                        spellcheck="false";
                }
                (components::submit(visitor, visitor.text(Text::HandOver)))
            }
        }
    }
}

/// `POST /console/portals/{name}/authorisation`: the address that the browser ended at.
pub(in crate::console) async fn hand_over(
    Extract(portal_access): Extract<PortalAccess>,
    Path(name): Path<String>,
    act: OperatorForm<GivenCode>,
) -> Result<Response, ErrorPage> {
    let OperatorForm { visitor, form } = act;
    let portal = known(&portal_access, &name, &visitor)?;
    let done = portal_access
        .hand_over_code(&portal, &form.code, &visitor.actor())
        .await;
    let wrong = match done.map_err(|error| ErrorPage::of(error, visitor.lang))? {
        CodeOutcome::Waits { follow, .. } => {
            let page = path(&portal, &format!("authorisation/{follow}"));
            return Ok(Redirect::to(&page).into_response());
        }
        CodeOutcome::NoCode => Text::NoCodeInIt,
        CodeOutcome::TooMany => Text::TooManyWait,
        CodeOutcome::NoApplication => return Err(ErrorPage::not_found(visitor.lang)),
    };
    let content = html! {
        (title(&visitor, &portal))
        (by_hand(&visitor, &portal, Some(visitor.text(wrong))))
    };
    let page = framed(&visitor, &portal, content);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// `GET /console/portals/{name}/authorisation/{follow}`: what has become of an authorisation.
pub(in crate::console) async fn follow(
    Extract(portal_access): Extract<PortalAccess>,
    visitor: Viewer,
    Path((name, follow)): Path<(String, String)>,
) -> Result<Markup, ErrorPage> {
    let portal = known(&portal_access, &name, &visitor)?;
    let how = portal_access.authorising(&portal, &follow).await;
    let how = how.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    let content = html! {
        (title(&visitor, &portal))
        (followed(&visitor, &portal, &follow, &how))
        p { a href=(path(&portal, "").trim_end_matches('/')) { (visitor.text(Text::Back)) } }
    };
    Ok(framed(&visitor, &portal, content))
}

/// `GET /console/portals/{name}/authorisation/{follow}/live`: the same as a stream of events.
pub(in crate::console) async fn follow_live(
    Extract(portal_access): Extract<PortalAccess>,
    Extract(ready): Extract<Ready>,
    visitor: Viewer,
    Path((name, follow)): Path<(String, String)>,
) -> Result<Response, ErrorPage> {
    let portal = known(&portal_access, &name, &visitor)?;
    Ok(sse::stream(ready, PAUSE, move || {
        let (access, visitor) = (portal_access.clone(), visitor.clone());
        let (portal, follow) = (portal.clone(), follow.clone());
        async move {
            let how = access.authorising(&portal, &follow).await.ok()?;
            Some(outcome(&visitor, &how))
        }
    }))
}
