//! `GET /console/portals/{name}`: one portal, and what can be done to it.

use super::{
    State,
    act::Act,
    authorise,
    fault::Fault,
    layout::{self, Section},
    overview, parts, portals, query,
    session::Visitor,
    text::Text,
    wrong::Wrongs,
};
use crate::{app::PortalStatus, domain::PortalName};
use axum::{
    extract::{Path, Query, State as Extract},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// What an act came to.
    #[serde(default)]
    pub(super) done: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// `GET /console/portals/{name}`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Fault> {
    page(&state, &visitor, &name, Some(&asked.done), None).await
}

async fn page(
    state: &State,
    visitor: &Visitor,
    name: &str,
    done: Option<&str>,
    wrong: Option<&str>,
) -> Result<Markup, Fault> {
    let fault = |error| Fault::of(error, visitor.lang);
    let known = parse(name, visitor)?;
    let look = state.looks.fresh(&state.bridge).await.map_err(fault)?;
    let of = |portal: &&PortalStatus| portal.portal == name;
    let portal = look
        .report
        .portals
        .iter()
        .find(of)
        .ok_or_else(|| Fault::not_found(visitor.lang))?;
    let wrongs = Wrongs::of(visitor, &look);
    let refused = state.bridge.refused_orders(&known).await.map_err(fault)?;
    let application = authorise::section(state, visitor, &known).await?;
    let content = html! {
        h1 { (name) " " (wrongs.flow(name, overview::flow(portal)).badge(visitor)) }
        (parts::notice(visitor, done))
        @if let Some(wrong) = wrong { p.problem.words role="alert" { (visitor.lang.told(wrong)) } }
        (wrongs.about(visitor, name, &query::portal(name)))
        section.card { (portals::facts(state, visitor, portal)) (portals::acts(visitor, portal)) }
        (application)
        (wrongs.lately(visitor, Some(name)))
        h2 { (visitor.say(Text::LastErrors)) }
        @if refused.is_empty() { p.empty { (visitor.say(Text::NoErrors)) } } @else { div.scroll { table.stacks {
            thead { tr { th scope="col" { (visitor.say(Text::Order)) } th scope="col" { (visitor.say(Text::Code)) }
                th scope="col" { (visitor.say(Text::WhatHappened)) } th scope="col" { (visitor.say(Text::TriesAgain)) } } }
            tbody { @for order in &refused { tr {
                td data-label=(visitor.say(Text::Order)) { (parts::order(Some(&order.shop), Some(&order.number))) }
                td.code data-label=(visitor.say(Text::Code)) { (order.code.as_deref().unwrap_or("—")) }
                td.words data-label=(visitor.say(Text::WhatHappened)) { (order.message.as_deref().map_or("—".into(), |words| visitor.lang.told(words))) }
                td data-label=(visitor.say(Text::TriesAgain)) { @match order.due_at { Some(at) => (parts::time(visitor, at)), None => "—" } }
            } } }
        } } }
    };
    Ok(layout::page(visitor, Section::Portals, name, content))
}

fn parse(name: &str, visitor: &Visitor) -> Result<PortalName, Fault> {
    PortalName::parse(name).map_err(|_| Fault::not_found(visitor.lang))
}

fn back(name: &PortalName, done: &str) -> Redirect {
    let page = query::portal(name.as_str());
    Redirect::to(&query::link(&page, &[("done", Some(done))]))
}

/// `POST /console/portals/{name}/pause`.
pub(super) async fn pause(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    act: Act<Nothing>,
) -> Result<Redirect, Fault> {
    let name = parse(&name, &act.visitor)?;
    let done = state
        .bridge
        .pause_lane(name.as_str(), &act.visitor.actor())
        .await;
    done.map_err(|error| Fault::of(error, act.visitor.lang))?;
    Ok(back(&name, "paused"))
}

/// `POST /console/portals/{name}/resume`.
pub(super) async fn resume(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    act: Act<Nothing>,
) -> Result<Redirect, Fault> {
    let name = parse(&name, &act.visitor)?;
    let done = state
        .bridge
        .resume_lane(name.as_str(), &act.visitor.actor())
        .await;
    done.map_err(|error| Fault::of(error, act.visitor.lang))?;
    Ok(back(&name, "resumed"))
}

/// `POST /console/portals/{name}/test`.
pub(super) async fn test(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    act: Act<Nothing>,
) -> Result<Markup, Fault> {
    let known = parse(&name, &act.visitor)?;
    if !state.bridge.directory().portals.contains(&known) {
        return Err(Fault::not_found(act.visitor.lang));
    }
    match state.portals.test(&known).await {
        Ok(()) => page(&state, &act.visitor, &name, Some("fine"), None).await,
        Err(wrong) => page(&state, &act.visitor, &name, None, Some(&wrong)).await,
    }
}
