//! `GET /console/conflicts/{id}`, and deciding it.

use super::list::decide;
use crate::{
    app::{ConflictView, Sync},
    console::{
        StageNames,
        i18n::messages::Text,
        session::{form::OperatorForm, viewer::Viewer},
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
            portal_names::PortalNames,
        },
    },
    domain::{Place, Side},
};
use axum::{
    extract::{Path, State as Extract},
    response::Redirect,
};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;

/// `GET /console/conflicts/{id}`: both sides of a conflict, and what follows from either answer.
pub(in crate::console) async fn get(
    Extract(sync): Extract<Sync>,
    Extract(portals): Extract<PortalNames>,
    visitor: Viewer,
    Path(id): Path<String>,
) -> Result<Markup, ErrorPage> {
    let nothing = || ErrorPage::not_found(visitor.lang);
    let id = id.parse().map_err(|_| nothing())?;
    let conflict = sync.conflict(id).await;
    let conflict = conflict
        .map_err(|error| ErrorPage::of(error, visitor.lang))?
        .ok_or_else(nothing)?;
    let title = format!("{} #{}", visitor.text(Text::Conflict), conflict.id);
    let origin = portals.origin(&conflict.portal);
    let names = portals.stages(&conflict.portal);
    let at = Place {
        portal: Some(&conflict.portal),
        ..Place::shop(&conflict.shop)
    };
    let content = html! {
        h1 { (title) }
        section.card.alarm {
            p { (visitor.lang.happened(conflict.what.as_ref(), &conflict.sentence, Some(&names))) }
            (components::explained(&visitor, &conflict.code, at))
        }
        @if let Some(fault) = &conflict.fault {
            p.problem.words role="alert" { (visitor.lang.told(fault)) }
        }
        (decide(&visitor, &conflict, &names, ""))
        dl.facts {
            div {
                dt { (visitor.text(Text::Order)) }
                dd { (components::order(Some(&conflict.shop), Some(&conflict.number))) }
            }
            div { dt { (visitor.text(Text::Shop)) } dd { (conflict.shop) } }
            @if let Some(deal) = conflict.deal_id {
                div {
                    dt { (visitor.text(Text::Deal)) }
                    dd { (components::entity(origin.as_deref(), "deal", deal)) }
                }
            }
            div {
                dt { (visitor.text(Text::Opened)) }
                dd { (components::moment(&visitor, conflict.opened_at)) }
            }
            @if let Some(who) = &conflict.ruled_by {
                div { dt { (visitor.text(Text::RuledBy)) } dd { (who) } }
            }
            @if let Some(how) = conflict.closed_how {
                div { dt { (visitor.text(Text::State)) } dd { (visitor.lang.word(how.as_str())) } }
            }
        }
        (clocks(&visitor, &conflict, &names))
    };
    Ok(layout::page(&visitor, Section::Conflicts, &title, content))
}

/// When each side came to be as it is, by its own clock, and when the bridge heard of it.
fn clocks(visitor: &Viewer, conflict: &ConflictView, names: &StageNames) -> Markup {
    let Some(inputs) = &conflict.inputs else {
        return html! {};
    };
    let at = |at: Option<DateTime<Utc>>| {
        html! { @match at { Some(at) => (components::moment(visitor, at)), None => "—" } }
    };
    let times = conflict.times.as_ref();
    let shop = times.and_then(|times| times.shop.as_ref());
    let portal = times.and_then(|times| times.portal.as_ref());
    let agreed = times.and_then(|times| times.agreed.as_ref());
    let status = |status: &str| html! { (status) };
    let rows = [
        (
            Text::ShopSays,
            status(&conflict.status),
            at(shop.and_then(|shop| shop.since)),
            at(shop.and_then(|shop| shop.seen)),
        ),
        (
            Text::PortalSays,
            components::stage(names, Some(&conflict.stage)),
            at(portal.and_then(|portal| portal.since)),
            at(portal.and_then(|portal| portal.seen)),
        ),
        (
            Text::Agreed,
            status(
                agreed
                    .and_then(|agreed| agreed.status.as_deref())
                    .unwrap_or("—"),
            ),
            at(agreed.and_then(|agreed| agreed.portal_since)),
            at(agreed.and_then(|agreed| agreed.seen)),
        ),
    ];
    html! {
        div.scroll { table.stacks {
            thead {
                tr {
                    th scope="col" { }
                    th scope="col" { (visitor.text(Text::What)) }
                    th scope="col" { (visitor.text(Text::Since)) }
                    th scope="col" { (visitor.text(Text::Heard)) }
                }
            }
            tbody { @for (who, what, since, heard) in rows { tr {
                td { strong { (visitor.text(who)) } }
                td data-label=(visitor.text(Text::What)) { (what) }
                td data-label=(visitor.text(Text::Since)) { (since) }
                td data-label=(visitor.text(Text::Heard)) { (heard) }
            } } }
        } }
        details {
            summary { (visitor.text(Text::AllItRestsOn)) } pre { (components::pretty(inputs)) }
        }
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct Ruling {
    winner: String,
    /// `order`: it was ruled on the page of its order.
    #[serde(default)]
    back: String,
}

/// `POST /console/conflicts/{id}/resolve`: a person says who is right.
pub(in crate::console) async fn resolve(
    Extract(sync): Extract<Sync>,
    Path(id): Path<String>,
    act: OperatorForm<Ruling>,
) -> Result<Redirect, ErrorPage> {
    let lang = act.visitor.lang;
    let winner = match act.form.winner.as_str() {
        "shop" => Side::Shop,
        "portal" => Side::Portal,
        _ => return Err(ErrorPage::unusable("winner", lang)),
    };
    let id = id.parse().map_err(|_| ErrorPage::not_found(lang))?;
    let fault = |error| ErrorPage::of(error, lang);
    let done = sync.resolve(id, winner, &act.visitor.actor()).await;
    done.map_err(fault)?;
    let ruled = match act.form.back.as_str() {
        "order" => sync.conflict(id).await.map_err(fault)?,
        _ => None,
    };
    let page = ruled.map_or_else(
        || "/console/conflicts".to_owned(),
        |conflict| links::order(&conflict.shop, &conflict.number),
    );
    Ok(Redirect::to(&format!("{page}?done=resolved")))
}
