//! `GET /console`: what is wrong, and how bad it is.

use super::{
    State, chart,
    fault::Fault,
    layout::{self, Section},
    parts, query,
    session::Visitor,
    text::Text,
    wrong,
};
use crate::{
    app::{LaneState, PortalStatus, ShopStatus, StatusReport, look::Glance},
    domain::{Code, PortalName},
};
use axum::extract::State as Extract;
use maud::{Markup, html};

/// An order may wait this many seconds before the console calls it slow.
const SLOW: i64 = 60;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Flowing,
    Slow,
    Stuck,
}

impl Flow {
    /// The word.
    pub(super) fn text(self) -> Text {
        match self {
            Self::Flowing => Text::Flowing,
            Self::Slow => Text::Slow,
            Self::Stuck => Text::Stuck,
        }
    }

    /// Its colour.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Flowing => "badge good",
            Self::Slow => "badge warn",
            Self::Stuck => "badge bad",
        }
    }

    /// The word in its colour.
    pub(super) fn badge(self, visitor: &Visitor) -> Markup {
        html! { span class=(self.class()) { (visitor.say(self.text())) } }
    }
}

/// How a portal's lane is.
pub(super) fn flow(portal: &PortalStatus) -> Flow {
    match portal.state {
        LaneState::Paused | LaneState::Waiting => Flow::Stuck,
        LaneState::Idle if portal.pending > 0 => Flow::Stuck,
        LaneState::Idle => Flow::Slow,
        LaneState::Running if portal.oldest_seconds > SLOW => Flow::Slow,
        LaneState::Running => Flow::Flowing,
    }
}

/// Why a portal's lane is as it is.
pub(super) fn why(visitor: &Visitor, portal: &PortalStatus) -> Markup {
    html! {
        @match portal.state {
            LaneState::Paused | LaneState::Waiting => {
                @match portal.paused_code.as_deref() {
                    Some(code) => {
                        (parts::explained(visitor, code))
                        p.quiet.words { span.code { (code) } " " (portal.paused_reason.as_deref().unwrap_or_default()) }
                    }
                    None => { p { (visitor.say(Text::PausedByPerson)) } }
                }
                @if let Some(at) = portal.resume_at { p { (visitor.say(Text::TriesAgain)) ": " (parts::time(at)) } }
            }
            LaneState::Idle => { p { (visitor.say(Text::NoWorker)) } }
            LaneState::Running => {
                @if portal.oldest_seconds > SLOW { p { (visitor.say(Text::WaitsLong)) } }
            }
        }
        @if portal.dead > 0 {
            p { a href=(query::link("/console/dead-letters", &[("portal", Some(&portal.portal))])) { (visitor.say(Text::HasDead)) } }
        }
    }
}

/// `GET /console`.
pub(super) async fn get(Extract(state): Extract<State>, visitor: Visitor) -> Result<Markup, Fault> {
    let live = live(&state, &visitor).await?;
    let title = visitor.say(Text::Overview);
    let content = html! {
        h1 { (title) }
        div id="live" data-live="/console/live" aria-live="off" { (live) }
    };
    Ok(layout::page(&visitor, Section::Overview, title, content))
}

/// The part that is kept up to date.
pub(super) async fn live(state: &State, visitor: &Visitor) -> Result<Markup, Fault> {
    let fault = |error| Fault::of(error, visitor.lang);
    let report = state.bridge.status().await.map_err(fault)?;
    let glance = state.bridge.glance().await.map_err(fault)?;
    Ok(html! {
        (wrong::list(visitor, &report, &glance))
        (tiles(visitor, &report, &glance))
        (chart::last_hour(visitor, &glance.minutes))
        h2 { (visitor.say(Text::Portals)) }
        div.cards { @for portal in &report.portals { (card(state, visitor, portal, (&report, &glance))) } }
        h2 { (visitor.say(Text::Shops)) }
        (shops(visitor, &report))
        h2 { (visitor.say(Text::OpenByCode)) }
        (codes(visitor, &report))
    })
}

fn tiles(visitor: &Visitor, report: &StatusReport, glance: &Glance) -> Markup {
    let pending: i64 = report.portals.iter().map(|portal| portal.pending).sum();
    let done: i64 = report
        .portals
        .iter()
        .map(|portal| portal.done_last_hour)
        .sum();
    let dead: i64 = report.dead.iter().map(|row| row.count).sum();
    let oldest = report
        .portals
        .iter()
        .map(|portal| portal.oldest_seconds)
        .max()
        .unwrap_or(0);
    let conflicts: i64 = glance.conflicts.iter().map(|one| one.count).sum();
    html! {
        ul.tiles {
            li { b { (pending) } span { (visitor.say(Text::Waiting)) @if pending > 0 { ", " (visitor.say(Text::Oldest)) " " (parts::span(oldest, visitor.lang)) } } }
            li { b { (done) } span { (visitor.say(Text::DoneLastHour)) } }
            li.alarm[dead > 0] { a href="/console/dead-letters" { b { (dead) } span { (visitor.say(Text::DeadLetters)) } } }
            li.alarm[conflicts > 0] { a href="/console/conflicts" { b { (conflicts) }
                span { (visitor.say(Text::Conflicts)) ", " (visitor.say(Text::WaitsForPeople)) } } }
            @if report.published > 0 { li { b { (report.published) } span { (visitor.say(Text::Published)) } } }
        }
    }
}

fn card(
    state: &State,
    visitor: &Visitor,
    portal: &PortalStatus,
    (report, glance): (&StatusReport, &Glance),
) -> Markup {
    let oldest = glance
        .oldest
        .iter()
        .find(|order| order.portal == portal.portal);
    let name = PortalName::parse(&portal.portal).ok();
    let used = name
        .as_ref()
        .map(|name| state.portals.operating(name))
        .unwrap_or_default();
    let rate = name
        .and_then(|name| state.config.portals.get(&name))
        .map(|portal| portal.rate);
    html! {
        section.card {
            h3 { a href=(format!("/console/portals/{}", query::escape(&portal.portal))) { (portal.portal) } " " (wrong::flow(visitor, report, glance, (&portal.portal, flow(portal))).badge(visitor)) }
            dl {
                dt { (visitor.say(Text::Waiting)) } dd { (portal.pending) }
                @if let Some(order) = oldest {
                    dt { (visitor.say(Text::OldestWaiting)) }
                    dd { (parts::order(Some(&order.shop), Some(&order.number))) ", " (parts::span(order.seconds, visitor.lang)) }
                }
                dt { (visitor.say(Text::DoneLastHour)) } dd { (portal.done_last_hour) }
                dt { (visitor.say(Text::Dead)) } dd { (portal.dead) }
                @if let Some(rate) = rate { dt { (visitor.say(Text::Rate)) } dd { "≤ " (rate.per_second) } }
                @if !used.is_empty() {
                    dt { (visitor.say(Text::OperatingUsed)) }
                    dd { @for (method, percent) in used.iter().take(3) {
                        span.meter { (method) " " meter min="0" max="100" low="60" high="85" optimum="0" value=(percent) {} " " (percent) " %" }
                    } }
                }
            }
        }
    }
}

fn shops(visitor: &Visitor, report: &StatusReport) -> Markup {
    let of = |shop: &ShopStatus| {
        let portal = report
            .portals
            .iter()
            .find(|portal| portal.portal == shop.portal);
        match portal.map(flow) {
            Some(Flow::Stuck) => Flow::Stuck,
            _ if shop.oldest_seconds > SLOW => Flow::Slow,
            Some(flow) => flow,
            None => Flow::Stuck,
        }
    };
    html! {
        div.scroll { table.stacks {
            thead { tr {
                th scope="col" { (visitor.say(Text::Shop)) } th scope="col" { (visitor.say(Text::State)) }
                th scope="col" { (visitor.say(Text::Portal)) } th.num scope="col" { (visitor.say(Text::Waiting)) }
                th.num scope="col" { (visitor.say(Text::Oldest)) } th.num scope="col" { (visitor.say(Text::DoneLastHour)) }
                th.num scope="col" { (visitor.say(Text::Dead)) }
            } }
            tbody { @for shop in &report.shops { tr {
                td data-label=(visitor.say(Text::Shop)) { a href=(wrong::shop_page(&shop.shop)) { (shop.shop) } } td data-label=(visitor.say(Text::State)) { (of(shop).badge(visitor)) }
                td data-label=(visitor.say(Text::Portal)) { (shop.portal) } td.num data-label=(visitor.say(Text::Waiting)) { (shop.pending) }
                td.num data-label=(visitor.say(Text::Oldest)) { @if shop.pending > 0 { (parts::span(shop.oldest_seconds, visitor.lang)) } @else { "—" } }
                td.num data-label=(visitor.say(Text::DoneLastHour)) { (shop.done_last_hour) }
                td.num data-label=(visitor.say(Text::Dead)) { @if shop.dead > 0 { a href=(query::link("/console/dead-letters", &[("shop", Some(&shop.shop))])) { (shop.dead) } } @else { "0" } }
            } } }
        } }
    }
}

fn codes(visitor: &Visitor, report: &StatusReport) -> Markup {
    let mut counts = std::collections::BTreeMap::<&str, i64>::new();
    for row in &report.dead {
        *counts.entry(row.code.as_str()).or_default() += row.count;
    }
    html! {
        @if counts.is_empty() { p.quiet { (visitor.say(Text::NoDeadLetters)) } }
        @else { div.scroll { table.stacks {
            thead { tr { th.num scope="col" { (visitor.say(Text::Count)) } th scope="col" { (visitor.say(Text::Code)) }
                th scope="col" { (visitor.say(Text::WhatHappened)) } th scope="col" { (visitor.say(Text::WhatToDo)) } } }
            tbody { @for (code, count) in &counts { tr {
                td.num data-label=(visitor.say(Text::Count)) { a href=(query::link("/console/dead-letters", &[("code", Some(code))])) { (count) } }
                td.code data-label=(visitor.say(Text::Code)) { a href=(query::link("/console/dead-letters", &[("code", Some(code))])) { (code) } }
                td data-label=(visitor.say(Text::WhatHappened)) { (Code::parse(code).map_or("", |code| visitor.lang.sentence(code))) }
                td data-label=(visitor.say(Text::WhatToDo)) { span { (parts::marked(Code::parse(code).map_or("", |code| visitor.lang.remedy(code)))) } }
            } } }
        } } }
    }
}
