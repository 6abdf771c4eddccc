//! `GET /console/shops/{name}`: what one shop is told, and letting that go on.

use super::{
    State,
    act::Act,
    fault::Fault,
    layout::{self, Section},
    overview::Flow,
    parts,
    portal::{Asked, Nothing},
    query,
    session::Visitor,
    text::Text,
    wrong::Wrongs,
};
use crate::{
    app::{LaneState, lane_of, look::RefusedChange},
    domain::ShopName,
};
use axum::{
    extract::{Path, Query, State as Extract},
    response::Redirect,
};
use maud::{Markup, html};

/// `GET /console/shops/{name}`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Fault> {
    let fault = |error| Fault::of(error, visitor.lang);
    let known = parse(&name, &visitor)?;
    let look = state.looks.fresh(&state.bridge).await.map_err(fault)?;
    let shop = look.report.shops.iter().find(|shop| shop.shop == name);
    let shop = shop.ok_or_else(|| Fault::not_found(visitor.lang))?;
    let (wrongs, lane) = (Wrongs::of(&visitor, &look), lane_of(&name));
    let refused = state.bridge.refused_changes(&known).await.map_err(fault)?;
    let content = html! {
        h1 { (visitor.say(Text::Shop)) " " (name) " " @if let Some(callback) = shop.callback { (wrongs.flow(&lane, flow(callback)).badge(&visitor)) } }
        (parts::notice(&visitor, Some(&asked.done)))
        @if let Some(callback) = shop.callback {
            (wrongs.about(&visitor, &lane, &query::shop(&name)))
            (acts(&visitor, &name, callback))
        } @else { p.quiet { (visitor.say(Text::ReadsFeed)) } }
        dl {
            dt { (visitor.say(Text::Portal)) } dd { a href=(query::portal(&shop.portal)) { (shop.portal) } }
            dt { (visitor.say(Text::Waiting)) } dd { (shop.pending) }
            dt { (visitor.say(Text::Untold)) } dd { (shop.untold) }
            @if shop.given_up > 0 { dt { (visitor.say(Text::NeverTold)) } dd { (shop.given_up) } }
            dt { (visitor.say(Text::Dead)) } dd { a href=(query::link("/console/dead-letters", &[("shop", Some(&name))])) { (shop.dead) } }
            dt { (visitor.say(Text::Forms)) } dd { a href=(query::forms(&name)) { (visitor.say(Text::WhatTheySent)) } }
            dt { (visitor.say(Text::Conflicts)) } dd { a href="/console/conflicts" { (shop.conflicts) } }
        }
        @if shop.callback.is_some() {
            (wrongs.lately(&visitor, Some(&lane)))
            (refusals(&visitor, &name, &refused))
        }
    };
    Ok(layout::page(&visitor, Section::Portals, &name, content))
}

fn flow(callback: LaneState) -> Flow {
    match callback {
        LaneState::Running => Flow::Flowing,
        LaneState::Idle => Flow::Slow,
        LaneState::Waiting | LaneState::Paused => Flow::Stuck,
    }
}

fn acts(visitor: &Visitor, name: &str, callback: LaneState) -> Markup {
    let path = |what: &str| format!("{}/{what}", query::shop(name));
    let paused = matches!(callback, LaneState::Paused | LaneState::Waiting);
    html! {
        div.actions {
            @if paused { (parts::button(visitor, &path("resume"), &[], visitor.say(Text::Resume))) }
            @if callback != LaneState::Paused { (parts::button(visitor, &path("pause"), &[], visitor.say(Text::Pause))) }
        }
    }
}

fn refusals(visitor: &Visitor, shop: &str, refused: &[RefusedChange]) -> Markup {
    html! {
        h2 { (visitor.say(Text::ShopRefused)) }
        @if refused.is_empty() { p.empty { (visitor.say(Text::ShopTakesAll)) } } @else { div.scroll { table.stacks {
            thead { tr { th scope="col" { (visitor.say(Text::Order)) } th scope="col" { (visitor.say(Text::Status)) }
                th scope="col" { (visitor.say(Text::WhatHappened)) } th scope="col" { (visitor.say(Text::TriesAgain)) } } }
            tbody { @for change in refused { tr {
                td data-label=(visitor.say(Text::Order)) { (parts::order(Some(shop), Some(&change.number))) }
                td data-label=(visitor.say(Text::Status)) { (change.status) }
                td.words data-label=(visitor.say(Text::WhatHappened)) { span.code { (change.code) } " " (visitor.lang.told(&change.message)) }
                td data-label=(visitor.say(Text::TriesAgain)) { (parts::time(visitor, change.due_at)) }
            } } }
        } } }
    }
}

fn parse(name: &str, visitor: &Visitor) -> Result<ShopName, Fault> {
    ShopName::parse(name).map_err(|_| Fault::not_found(visitor.lang))
}

fn back(name: &ShopName, done: &str) -> Redirect {
    let page = query::shop(name.as_str());
    Redirect::to(&query::link(&page, &[("done", Some(done))]))
}

/// `POST /console/shops/{name}/pause`.
pub(super) async fn pause(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    act: Act<Nothing>,
) -> Result<Redirect, Fault> {
    let name = parse(&name, &act.visitor)?;
    let lane = lane_of(name.as_str());
    let done = state.bridge.pause_lane(&lane, &act.visitor.actor()).await;
    done.map_err(|error| Fault::of(error, act.visitor.lang))?;
    Ok(back(&name, "shop-paused"))
}

/// `POST /console/shops/{name}/resume`.
pub(super) async fn resume(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    act: Act<Nothing>,
) -> Result<Redirect, Fault> {
    let name = parse(&name, &act.visitor)?;
    let lane = lane_of(name.as_str());
    let done = state.bridge.resume_lane(&lane, &act.visitor.actor()).await;
    done.map_err(|error| Fault::of(error, act.visitor.lang))?;
    Ok(back(&name, "shop-resumed"))
}
