//! `GET /console`: what is wrong, and how bad it is.

use super::{
    State, chart,
    fault::Fault,
    layout::{self, Section},
    looks::Look,
    parts, query,
    session::Visitor,
    sort::{Column, Sorting},
    text::Text,
    wrong::Wrongs,
};
use crate::{
    app::{LaneState, PortalStatus, ShopStatus, StatusReport},
    domain::{Code, PortalName},
};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// An order may wait this many seconds before the console calls it slow.
const SLOW: i64 = 60;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
        LaneState::Running if portal.oldest_seconds > SLOW || portal.lowered_until.is_some() => {
            Flow::Slow
        }
        LaneState::Running => Flow::Flowing,
    }
}

/// `GET /console`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Query(sorting): Query<Sorting>,
) -> Result<Markup, Fault> {
    let look = state.looks.fresh(&state.bridge).await;
    let look = look.map_err(|error| Fault::of(error, visitor.lang))?;
    let live = live(&state, &visitor, &sorting, &look);
    let title = visitor.say(Text::Overview);
    let stream = query::link("/console/live", &sorting.pairs());
    let content = html! {
        h1 { (title) }
        div id="live" data-live=(stream) aria-live="off" { (live) }
    };
    Ok(layout::page(&visitor, Section::Overview, title, content))
}

/// The part that is kept up to date.
pub(super) fn live(state: &State, visitor: &Visitor, sorting: &Sorting, look: &Look) -> Markup {
    let all = Wrongs::of(visitor, look);
    let report = &look.report;
    html! {
        (all.list(visitor))
        (tiles(visitor, look))
        (chart::last_hour(visitor, &look.glance.minutes))
        h2 { (visitor.say(Text::Portals)) }
        div.cards { @for portal in &report.portals { (card(state, visitor, portal, &all)) } }
        h2 id="shops" { (visitor.say(Text::Shops)) }
        (shops(visitor, report, sorting))
        h2 id="codes" { (visitor.say(Text::OpenByCode)) }
        (codes(visitor, report, sorting))
    }
}

fn tiles(visitor: &Visitor, Look { report, glance }: &Look) -> Markup {
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

fn card(state: &State, visitor: &Visitor, portal: &PortalStatus, all: &Wrongs<'_>) -> Markup {
    let oldest = all
        .look
        .glance
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
            h3 { a href=(query::portal(&portal.portal)) { (portal.portal) } " " (all.flow(&portal.portal, flow(portal)).badge(visitor)) }
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

/// A shop, and how it is.
type Row<'a> = (&'a ShopStatus, Flow);

fn shop_columns<'a>() -> [Column<Row<'a>>; 7] {
    [
        Column::sorted("shop", Text::Shop, |a, b| a.0.shop.cmp(&b.0.shop)),
        Column::sorted("state", Text::State, |a, b| b.1.cmp(&a.1)),
        Column::sorted("portal", Text::Portal, |a, b| a.0.portal.cmp(&b.0.portal)),
        Column::amount("waiting", Text::Waiting, |a, b| {
            a.0.pending.cmp(&b.0.pending)
        }),
        Column::amount("oldest", Text::Oldest, |a, b| {
            a.0.oldest_seconds.cmp(&b.0.oldest_seconds)
        }),
        Column::amount("done", Text::DoneLastHour, |a, b| {
            a.0.done_last_hour.cmp(&b.0.done_last_hour)
        }),
        Column::amount("dead", Text::Dead, |a, b| a.0.dead.cmp(&b.0.dead)),
    ]
}

fn link(place: &str, pairs: &[(&str, Option<&str>)]) -> String {
    format!("{}#{place}", query::link("/console", pairs))
}

fn shops(visitor: &Visitor, report: &StatusReport, sorting: &Sorting) -> Markup {
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
    let mut rows: Vec<Row<'_>> = report.shops.iter().map(|shop| (shop, of(shop))).collect();
    let columns = shop_columns();
    sorting.apply(&mut rows, &columns);
    html! {
        div.scroll { table.stacks {
            (sorting.heads(visitor, &columns, |pairs| link("shops", pairs)))
            tbody { @for (shop, flow) in rows { tr {
                td data-label=(visitor.say(Text::Shop)) { a href=(query::shop(&shop.shop)) { (shop.shop) } } td data-label=(visitor.say(Text::State)) { (flow.badge(visitor)) }
                td data-label=(visitor.say(Text::Portal)) { a href=(query::portal(&shop.portal)) { (shop.portal) } }
                td.num data-label=(visitor.say(Text::Waiting)) { (shop.pending) }
                td.num data-label=(visitor.say(Text::Oldest)) { @if shop.pending > 0 { (parts::span(shop.oldest_seconds, visitor.lang)) } @else { "—" } }
                td.num data-label=(visitor.say(Text::DoneLastHour)) { (shop.done_last_hour) }
                td.num data-label=(visitor.say(Text::Dead)) { @if shop.dead > 0 { a href=(query::link("/console/dead-letters", &[("shop", Some(&shop.shop))])) { (shop.dead) } } @else { "0" } }
            } } }
        } }
    }
}

/// A code, and how many open letters have it.
type CodeRow<'a> = (&'a str, i64);

fn code_columns<'a>() -> [Column<CodeRow<'a>>; 4] {
    [
        Column::amount("count", Text::Count, |a, b| a.1.cmp(&b.1)),
        Column::sorted("code", Text::Code, |a, b| a.0.cmp(b.0)),
        Column::plain(Text::WhatHappened),
        Column::plain(Text::WhatToDo),
    ]
}

fn codes(visitor: &Visitor, report: &StatusReport, sorting: &Sorting) -> Markup {
    let mut counts = BTreeMap::<&str, i64>::new();
    for row in &report.dead {
        *counts.entry(row.code.as_str()).or_default() += row.count;
    }
    let mut rows: Vec<CodeRow<'_>> = counts.into_iter().collect();
    let columns = code_columns();
    sorting.apply(&mut rows, &columns);
    let letters = |code: &str| query::link("/console/dead-letters", &[("code", Some(code))]);
    html! {
        @if rows.is_empty() { p.empty { (visitor.say(Text::NoDeadLetters)) } }
        @else { div.scroll { table.stacks {
            (sorting.heads(visitor, &columns, |pairs| link("codes", pairs)))
            tbody { @for (code, count) in &rows { tr {
                td.num data-label=(visitor.say(Text::Count)) { a href=(letters(code)) { (count) } }
                td.code data-label=(visitor.say(Text::Code)) { a href=(letters(code)) { (code) } }
                td data-label=(visitor.say(Text::WhatHappened)) { (Code::parse(code).map_or("", |code| visitor.lang.sentence(code))) }
                td data-label=(visitor.say(Text::WhatToDo)) { span { (parts::marked(Code::parse(code).map_or("", |code| visitor.lang.remedy(code)))) } }
            } } }
        } } }
    }
}
