//! `GET /console/portals`: every portal.

use super::{
    State,
    fault::Fault,
    layout::{self, Section},
    overview, parts, query,
    session::Visitor,
    text::Text,
    wrong::Wrongs,
};
use crate::app::{LaneState, PortalStatus};
use axum::extract::State as Extract;
use maud::{Markup, html};

/// `GET /console/portals`.
pub(super) async fn get(Extract(state): Extract<State>, visitor: Visitor) -> Result<Markup, Fault> {
    let look = state.looks.fresh(&state.bridge).await;
    let look = look.map_err(|error| Fault::of(error, visitor.lang))?;
    let wrongs = Wrongs::of(&visitor, &look);
    let title = visitor.say(Text::Portals);
    let content = html! {
        h1 { (title) }
        div.cards { @for portal in &look.report.portals { section.card {
            h2 { a href=(query::portal(&portal.portal)) { (portal.portal) } " " (wrongs.flow(&portal.portal, overview::flow(portal)).badge(&visitor)) }
            (wrongs.about(&visitor, &portal.portal, "/console/portals"))
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
            dt { (visitor.say(Text::Dead)) } dd { a href=(query::link("/console/dead-letters", &[("portal", Some(&portal.portal))])) { (portal.dead) } }
            dt { (visitor.say(Text::Driver)) } dd { (portal.owner.as_deref().unwrap_or("—")) }
            dt { (visitor.say(Text::Failures)) } dd { (portal.failures) }
        }
    }
}

/// What can be done to a portal.
pub(super) fn acts(visitor: &Visitor, portal: &PortalStatus) -> Markup {
    let path = |what: &str| format!("{}/{what}", query::portal(&portal.portal));
    let paused = matches!(portal.state, LaneState::Paused | LaneState::Waiting);
    html! {
        div.actions {
            @if paused { (parts::button(visitor, &path("resume"), &[], visitor.say(Text::Resume))) }
            @if portal.state != LaneState::Paused { (parts::button(visitor, &path("pause"), &[], visitor.say(Text::Pause))) }
            (parts::button(visitor, &path("test"), &[], visitor.say(Text::Test)))
        }
    }
}
