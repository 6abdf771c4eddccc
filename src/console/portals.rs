//! `GET /console/portals`: every portal.

use super::{
    State,
    fault::Fault,
    layout::{self, Section},
    overview, parts, query,
    session::Visitor,
    text::Text,
};
use crate::app::{LaneState, PortalStatus};
use axum::extract::State as Extract;
use maud::{Markup, html};

/// `GET /console/portals`.
pub(super) async fn get(Extract(state): Extract<State>, visitor: Visitor) -> Result<Markup, Fault> {
    let report = state.bridge.status().await;
    let report = report.map_err(|error| Fault::of(error, visitor.lang))?;
    let title = visitor.say(Text::Portals);
    let content = html! {
        h1 { (title) }
        div.cards { @for portal in &report.portals { section.card {
            h2 { a href=(format!("/console/portals/{}", query::escape(&portal.portal))) { (portal.portal) } " " (overview::flow(portal).badge(&visitor)) }
            (overview::why(&visitor, portal))
            (facts(&state, &visitor, portal))
            (acts(&visitor, portal))
        } } }
    };
    Ok(layout::page(&visitor, Section::Portals, title, content))
}

/// What is known of a portal.
pub(super) fn facts(state: &State, visitor: &Visitor, portal: &PortalStatus) -> Markup {
    html! {
        dl {
            @if let Some(origin) = parts::origin(state, &portal.portal) { dt { (visitor.say(Text::Address)) } dd { a href=(origin) rel="noreferrer noopener" target="_blank" { (origin) } } }
            dt { (visitor.say(Text::Waiting)) } dd { (portal.pending) }
            dt { (visitor.say(Text::DoneLastHour)) } dd { (portal.done_last_hour) }
            dt { (visitor.say(Text::Dead)) } dd { (portal.dead) }
            dt { (visitor.say(Text::Driver)) } dd { (portal.owner.as_deref().unwrap_or("—")) }
            dt { (visitor.say(Text::Failures)) } dd { (portal.failures) }
        }
    }
}

/// What can be done to a portal.
pub(super) fn acts(visitor: &Visitor, portal: &PortalStatus) -> Markup {
    let path = |what: &str| format!("/console/portals/{}/{what}", query::escape(&portal.portal));
    let paused = matches!(portal.state, LaneState::Paused | LaneState::Waiting);
    html! {
        div.actions {
            @if paused { (parts::button(visitor, &path("resume"), &[], visitor.say(Text::Resume))) }
            @if portal.state != LaneState::Paused { (parts::button(visitor, &path("pause"), &[], visitor.say(Text::Pause))) }
            (parts::button(visitor, &path("test"), &[], visitor.say(Text::Test)))
        }
    }
}
