//! `GET /console`: what is wrong, and how bad it is.

use super::{
    alerts::Alerts,
    cache::{CachedOverview, Overviews},
    flow::{Flow, SLOW, flow},
};
use crate::{
    app::{PortalStatus, ShopStatus, StatusReport},
    config::Config,
    console::{
        Portals, State,
        i18n::messages::Text,
        session::viewer::Viewer,
        ui::{
            chart, components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
            sortable::{Column, Sorting},
        },
    },
    domain::{ErrorCode, PortalName},
};
use axum::extract::{FromRef, Query, State as Extract};
use maud::{Markup, html};
use std::{collections::BTreeMap, sync::Arc};

/// `GET /console`: the overview.
pub(in crate::console) async fn get(
    Extract(overviews): Extract<Overviews>,
    Extract(cards): Extract<PortalCards>,
    visitor: Viewer,
    Query(sorting): Query<Sorting>,
) -> Result<Markup, ErrorPage> {
    let look = overviews.fresh().await;
    let look = look.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    let live = live(&cards, &visitor, &sorting, &look);
    let title = visitor.text(Text::Overview);
    let stream = links::link("/console/live", &sorting.pairs());
    let content = html! {
        h1 { (title) }
        div id="live" data-live=(stream) aria-live="off" { (live) }
    };
    Ok(layout::page(&visitor, Section::Overview, title, content))
}

/// The part that is kept up to date.
pub(in crate::console) fn live(
    cards: &PortalCards,
    visitor: &Viewer,
    sorting: &Sorting,
    look: &CachedOverview,
) -> Markup {
    let all = Alerts::of(visitor, look);
    let report = &look.report;
    html! {
        div.strip {
            (tiles(visitor, report))
            (chart::last_hour(visitor, &look.glance.minutes))
        }
        div.alerts { (all.list(visitor)) }
        div.halves {
            div {
                h2 { (visitor.text(Text::Portals)) }
                div.cards {
                    @for portal in &report.portals { (cards.card(visitor, portal, &all)) }
                }
            }
            div {
                h2 id="codes" { (visitor.text(Text::OpenByCode)) }
                (codes(visitor, report, sorting))
            }
        }
        h2 id="shops" { (visitor.text(Text::Shops)) }
        (shops(visitor, report, sorting))
    }
}

fn tiles(visitor: &Viewer, report: &StatusReport) -> Markup {
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
    let shortages: i64 = report.shortages.iter().map(|stock| stock.count).sum();
    let conflicts: i64 = report.shops.iter().map(|shop| shop.conflicts).sum();
    // As the list has them.
    let conflicts = conflicts + shortages;
    let count = |many| components::count(visitor.lang, many);
    html! {
        ul.tiles {
            li {
                b { (count(pending)) }
                span {
                    (visitor.text(Text::Waiting)) @if pending > 0 {
                        ", " (visitor.text(Text::Oldest).to_lowercase()) " " (
                            components::span(oldest, visitor.lang)
                        )
                    }
                }
            }
            li { b { (count(done)) } span { (visitor.text(Text::DoneLastHour)) } }
            li.alarm[dead > 0] {
                a href="/console/dead-letters" {
                    b { (count(dead)) } span { (visitor.text(Text::DeadLetters)) }
                }
            }
            li.slowed[conflicts > 0] {
                a href="/console/conflicts" {
                    b { (count(conflicts)) }
                    span {
                        (visitor.text(Text::Conflicts)) ", " (visitor.text(Text::WaitsForPeople))
                    }
                }
            }
            @if report.published > 0 {
                li { b { (count(report.published)) } span { (visitor.text(Text::Published)) } }
            }
        }
    }
}

/// What the cards of portals are made of, beside the snapshot. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::console) struct PortalCards {
    config: Arc<Config>,
    portals: Arc<dyn Portals>,
}

impl FromRef<State> for PortalCards {
    fn from_ref(state: &State) -> Self {
        Self {
            config: Arc::clone(&state.config),
            portals: Arc::clone(&state.portals),
        }
    }
}

impl PortalCards {
    fn card(&self, visitor: &Viewer, portal: &PortalStatus, all: &Alerts<'_>) -> Markup {
        let oldest = all
            .look
            .glance
            .oldest
            .iter()
            .find(|order| order.portal == portal.portal);
        let name = PortalName::parse(&portal.portal).ok();
        let used = name
            .as_ref()
            .map(|name| self.portals.operating(name))
            .unwrap_or_default();
        let rate = name
            .and_then(|name| self.config.portals.get(&name))
            .map(|portal| portal.rate);
        let count = |many| components::count(visitor.lang, many);
        html! {
            section.card {
                h3 {
                    a href=(links::portal(&portal.portal)) { (portal.portal) }
                    " " (all.flow(&portal.portal, flow(portal)).badge(visitor))
                }
                dl {
                    dt { (visitor.text(Text::Waiting)) } dd { (count(portal.pending)) }
                    @if let Some(order) = oldest {
                        dt { (visitor.text(Text::OldestWaiting)) }
                        dd {
                            (
                                components::order(Some(&order.shop), Some(&order.number))
                            ) " · " (components::span(order.seconds, visitor.lang))
                        }
                    }
                    dt { (visitor.text(Text::DoneLastHour)) } dd { (count(portal.done_last_hour)) }
                    dt { (visitor.text(Text::Dead)) } dd { (count(portal.dead)) }
                    @if let Some(rate) = rate {
                        dt { (visitor.text(Text::Rate)) } dd { "≤ " (rate.per_second) }
                    }
                    @if !used.is_empty() {
                        dt { (visitor.text(Text::OperatingUsed)) }
                        dd { @for (method, percent) in used.iter().take(3) {
                            span.meter {
                                span { @for part in method.split_inclusive('.') { (part) wbr; } }
                                " " meter min="0" max="100" low="60" high="85" optimum="0"
                                    value=(percent) {
                                }
                                " " (percent) " %"
                            }
                        } }
                    }
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
    format!("{}#{place}", links::link("/console", pairs))
}

fn shops(visitor: &Viewer, report: &StatusReport, sorting: &Sorting) -> Markup {
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
    let count = |many| components::count(visitor.lang, many);
    html! {
        div.scroll { table.stacks {
            (sorting.heads(visitor, &columns, |pairs| link("shops", pairs)))
            tbody { @for (shop, flow) in rows { tr {
                td data-label=(visitor.text(Text::Shop)) {
                    a href=(links::shop(&shop.shop)) { (shop.shop) }
                }
                td data-label=(visitor.text(Text::State)) { (flow.badge(visitor)) }
                td data-label=(visitor.text(Text::Portal)) {
                    a href=(links::portal(&shop.portal)) { (shop.portal) }
                }
                td.num data-label=(visitor.text(Text::Waiting)) { (count(shop.pending)) }
                td.num data-label=(visitor.text(Text::Oldest)) {
                    @if shop.pending > 0 {
                        (components::span(shop.oldest_seconds, visitor.lang))
                    } @else {
                        "—"
                    }
                }
                td.num data-label=(visitor.text(Text::DoneLastHour)) {
                    (count(shop.done_last_hour))
                }
                td.num data-label=(visitor.text(Text::Dead)) {
                    @if shop.dead > 0 {
                        a href=(links::link("/console/dead-letters", &[("shop", Some(&shop.shop))]))
                            {
                            (count(shop.dead))
                        }
                    } @else {
                        "0"
                    }
                }
            } } }
        } }
    }
}

/// A code, and how many open letters have it.
type CodeRow<'a> = (&'a str, i64);

fn code_columns<'a>() -> [Column<CodeRow<'a>>; 3] {
    [
        Column::amount("count", Text::Count, |a, b| a.1.cmp(&b.1)),
        Column::sorted("code", Text::Code, |a, b| a.0.cmp(b.0)),
        Column::plain(Text::WhatHappened),
    ]
}

fn codes(visitor: &Viewer, report: &StatusReport, sorting: &Sorting) -> Markup {
    let mut counts = BTreeMap::<&str, i64>::new();
    for row in &report.dead {
        *counts.entry(row.code.as_str()).or_default() += row.count;
    }
    let mut rows: Vec<CodeRow<'_>> = counts.into_iter().collect();
    let columns = code_columns();
    sorting.apply(&mut rows, &columns);
    let letters = |code: &str| links::link("/console/dead-letters", &[("code", Some(code))]);
    html! {
        @if rows.is_empty() { p.empty { (visitor.text(Text::NoDeadLetters)) } }
        @else { div.scroll { table.stacks {
            (sorting.heads(visitor, &columns, |pairs| link("codes", pairs)))
            tbody { @for (code, many) in &rows { tr {
                td.num data-label=(visitor.text(Text::Count)) {
                    a href=(letters(code)) { (components::count(visitor.lang, *many)) }
                }
                td.code data-label=(visitor.text(Text::Code)) { a href=(letters(code)) { (code) } }
                td data-label=(visitor.text(Text::WhatHappened)) {
                    (ErrorCode::parse(code).map_or("", |code| visitor.lang.sentence(code)))
                }
            } } }
        } } }
    }
}
