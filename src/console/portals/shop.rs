//! `GET /console/shops/{name}`: what one shop is told, and letting that go on.

use super::detail::{EmptyForm, PageQuery};
use crate::{
    app::{LaneState, Operations, Registry, lane_of, operations::overview::RefusedChange},
    console::{
        i18n::messages::Text,
        overview::{alerts::Alerts, cache::Overviews, flow::Flow},
        session::{form::OperatorForm, viewer::Viewer},
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
        },
    },
    domain::ShopName,
};
use axum::{
    extract::{Path, Query, State as Extract},
    response::Redirect,
};
use maud::{Markup, html};
use std::sync::Arc;

/// `GET /console/shops/{name}`: one shop, and what it is told.
pub(in crate::console) async fn get(
    Extract(overviews): Extract<Overviews>,
    Extract(operations): Extract<Operations>,
    Extract(registry): Extract<Arc<Registry>>,
    visitor: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<PageQuery>,
) -> Result<Markup, ErrorPage> {
    let fault = |error| ErrorPage::of(error, visitor.lang);
    let known = parse(&name, &visitor)?;
    let look = overviews.fresh().await.map_err(fault)?;
    let shop = look.report.shops.iter().find(|shop| shop.shop == name);
    let shop = shop.ok_or_else(|| ErrorPage::not_found(visitor.lang))?;
    let (wrongs, lane) = (Alerts::of(&visitor, &look), lane_of(&name));
    let refused = operations.refused_changes(&known).await.map_err(fault)?;
    let count = |many| components::count(visitor.lang, many);
    let content = html! {
        h1 {
            (visitor.text(Text::Shop)) " " (name) " " @if let Some(callback) = shop.callback {
                (wrongs.flow(&lane, flow(callback)).badge(&visitor))
            }
        }
        (components::notice(&visitor, Some(&asked.done)))
        @if let Some(callback) = shop.callback {
            (wrongs.about(&visitor, &lane, &links::shop(&name)))
            (acts(&visitor, &name, callback))
        } @else { p.quiet { (visitor.text(Text::ReadsFeed)) } }
        dl {
            dt { (visitor.text(Text::Portal)) }
            dd { a href=(links::portal(&shop.portal)) { (shop.portal) } }
            dt { (visitor.text(Text::Waiting)) } dd { (count(shop.pending)) }
            dt { (visitor.text(Text::Untold)) } dd { (count(shop.untold)) }
            @if shop.given_up > 0 {
                dt { (visitor.text(Text::NeverTold)) } dd { (count(shop.given_up)) }
            }
            dt { (visitor.text(Text::Dead)) }
            dd {
                a href=(links::link("/console/dead-letters", &[("shop", Some(&name))])) {
                    (count(shop.dead))
                }
            }
            @if registry.catalogues.contains_key(&known) {
                dt { (visitor.text(Text::Products)) }
                dd {
                    a href=(links::products(&name)) {
                        (visitor.text(Text::InThePortalsCatalogue))
                    }
                }
            }
            dt { (visitor.text(Text::Forms)) }
            dd { a href=(links::forms(&name)) { (visitor.text(Text::WhatTheySent)) } }
            dt { (visitor.text(Text::Conflicts)) }
            dd { a href="/console/conflicts" { (count(shop.conflicts)) } }
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

fn acts(visitor: &Viewer, name: &str, callback: LaneState) -> Markup {
    let path = |what: &str| format!("{}/{what}", links::shop(name));
    let paused = matches!(callback, LaneState::Paused | LaneState::Waiting);
    html! {
        div.actions {
            @if paused {
                (components::button(visitor, &path("resume"), &[], visitor.text(Text::Resume)))
            }
            @if callback != LaneState::Paused {
                (components::button(visitor, &path("pause"), &[], visitor.text(Text::Pause)))
            }
        }
    }
}

fn refusals(visitor: &Viewer, shop: &str, refused: &[RefusedChange]) -> Markup {
    html! {
        h2 { (visitor.text(Text::ShopRefused)) }
        @if refused.is_empty() { p.empty { (visitor.text(Text::ShopTakesAll)) } } @else
            { div.scroll { table.stacks {
            thead {
                tr {
                    th scope="col" { (visitor.text(Text::Order)) }
                    th scope="col" { (visitor.text(Text::Status)) }
                    th scope="col" { (visitor.text(Text::WhatHappened)) }
                    th scope="col" { (visitor.text(Text::NextTry)) }
                }
            }
            tbody { @for change in refused { tr {
                td data-label=(visitor.text(Text::Order)) {
                    (components::order(Some(shop), Some(&change.number)))
                }
                td data-label=(visitor.text(Text::Status)) { (change.status) }
                td.words data-label=(visitor.text(Text::WhatHappened)) {
                    span.code { (change.code) } " " (visitor.lang.told(&change.message))
                }
                td data-label=(visitor.text(Text::NextTry)) {
                    (components::time(visitor, change.due_at))
                }
            } } }
        } } }
    }
}

fn parse(name: &str, visitor: &Viewer) -> Result<ShopName, ErrorPage> {
    ShopName::parse(name).map_err(|_| ErrorPage::not_found(visitor.lang))
}

fn back(name: &ShopName, done: &str) -> Redirect {
    let page = links::shop(name.as_str());
    Redirect::to(&links::link(&page, &[("done", Some(done))]))
}

/// `POST /console/shops/{name}/pause`: holds the lane of the shop's callback.
pub(in crate::console) async fn pause(
    Extract(operations): Extract<Operations>,
    Path(name): Path<String>,
    act: OperatorForm<EmptyForm>,
) -> Result<Redirect, ErrorPage> {
    let name = parse(&name, &act.visitor)?;
    let lane = lane_of(name.as_str());
    let done = operations.pause_lane(&lane, &act.visitor.actor()).await;
    done.map_err(|error| ErrorPage::of(error, act.visitor.lang))?;
    Ok(back(&name, "shop-paused"))
}

/// `POST /console/shops/{name}/resume`: lets the lane of the shop's callback go on.
pub(in crate::console) async fn resume(
    Extract(operations): Extract<Operations>,
    Path(name): Path<String>,
    act: OperatorForm<EmptyForm>,
) -> Result<Redirect, ErrorPage> {
    let name = parse(&name, &act.visitor)?;
    let lane = lane_of(name.as_str());
    let done = operations.resume_lane(&lane, &act.visitor.actor()).await;
    done.map_err(|error| ErrorPage::of(error, act.visitor.lang))?;
    Ok(back(&name, "shop-resumed"))
}
