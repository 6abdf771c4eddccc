//! `GET /console/conflicts/{id}`, and deciding it.

use super::{
    State,
    act::Act,
    conflicts::decide,
    fault::Fault,
    layout::{self, Section},
    parts,
    session::Visitor,
    text::Text,
};
use crate::{app::ConflictView, domain::Side};
use axum::{
    extract::{Path, State as Extract},
    response::Redirect,
};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

/// `GET /console/conflicts/{id}`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Markup, Fault> {
    let nothing = || Fault::not_found(visitor.lang);
    let id = id.parse().map_err(|_| nothing())?;
    let conflict = state.bridge.conflict(id).await;
    let conflict = conflict
        .map_err(|error| Fault::of(error, visitor.lang))?
        .ok_or_else(nothing)?;
    let title = format!("{} #{}", visitor.say(Text::Conflict), conflict.id);
    let origin = parts::origin(&state, &conflict.portal);
    let content = html! {
        h1 { (title) }
        section.card.alarm { p { (visitor.lang.told(&conflict.sentence)) } (parts::explained(&visitor, &conflict.code)) }
        (decide(&visitor, &conflict))
        dl.facts {
            div { dt { (visitor.say(Text::Order)) } dd { (parts::order(Some(&conflict.shop), Some(&conflict.number))) } }
            div { dt { (visitor.say(Text::Shop)) } dd { (conflict.shop) } }
            @if let Some(deal) = conflict.deal_id {
                div { dt { (visitor.say(Text::Deal)) } dd { (parts::entity(&visitor, origin.as_deref(), "deal", deal)) } }
            }
            div { dt { (visitor.say(Text::Opened)) } dd { (parts::moment(&visitor, conflict.opened_at)) } }
            @if let Some(who) = &conflict.ruled_by { div { dt { (visitor.say(Text::RuledBy)) } dd { (who) } } }
            @if let Some(how) = &conflict.closed_how { div { dt { (visitor.say(Text::State)) } dd { (visitor.lang.word(how)) } } }
        }
        (clocks(&visitor, &conflict))
    };
    Ok(layout::page(&visitor, Section::Conflicts, &title, content))
}

/// When each side came to be as it is, by its own clock, and when the bridge heard of it.
fn clocks(visitor: &Visitor, conflict: &ConflictView) -> Markup {
    let Some(inputs) = &conflict.inputs else {
        return html! {};
    };
    let at = |pointer: &str| {
        let text = inputs.pointer(pointer).and_then(Value::as_str);
        let at: Option<DateTime<Utc>> = text.and_then(|text| text.parse().ok());
        html! { @match at { Some(at) => (parts::moment(visitor, at)), None => "—" } }
    };
    let agreed = inputs.pointer("/agreed/status").and_then(Value::as_str);
    let (shop, portal) = (conflict.status.as_str(), conflict.stage.as_str());
    let rows = [
        (Text::ShopSays, shop, at("/shop/since"), at("/shop/seen")),
        (
            Text::PortalSays,
            portal,
            at("/portal/since"),
            at("/portal/seen"),
        ),
        (
            Text::Agreed,
            agreed.unwrap_or("—"),
            at("/agreed/portal_since"),
            at("/agreed/seen"),
        ),
    ];
    html! {
        div.scroll { table.stacks {
            thead { tr { th scope="col" { } th scope="col" { (visitor.say(Text::What)) }
                th scope="col" { (visitor.say(Text::Since)) } th scope="col" { (visitor.say(Text::Heard)) } } }
            tbody { @for (who, what, since, heard) in rows { tr {
                td { strong { (visitor.say(who)) } } td data-label=(visitor.say(Text::What)) { (what) }
                td data-label=(visitor.say(Text::Since)) { (since) } td data-label=(visitor.say(Text::Heard)) { (heard) }
            } } }
        } }
        details { summary { (visitor.say(Text::AllItRestsOn)) } pre { (parts::pretty(inputs)) } }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Ruling {
    winner: String,
}

/// `POST /console/conflicts/{id}/resolve`.
pub(super) async fn resolve(
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    act: Act<Ruling>,
) -> Result<Redirect, Fault> {
    let lang = act.visitor.lang;
    let winner = match act.form.winner.as_str() {
        "shop" => Side::Shop,
        "portal" => Side::Portal,
        _ => return Err(Fault::unusable("winner", lang)),
    };
    let id = id.parse().map_err(|_| Fault::not_found(lang))?;
    let done = state.bridge.resolve(id, winner, &act.visitor.actor()).await;
    done.map_err(|error| Fault::of(error, lang))?;
    Ok(Redirect::to("/console/conflicts?done=resolved"))
}
