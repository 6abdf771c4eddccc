//! `GET /console/portals`: every portal.

use crate::{
    app::{LaneState, PortalStatus},
    console::{
        i18n::messages::Text,
        overview::{self, alerts::Alerts, cache::Overviews},
        session::viewer::Viewer,
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
            portal_names::PortalNames,
        },
    },
};
use axum::extract::State as Extract;
use maud::{Markup, html};

/// `GET /console/portals`: every portal, each with how it stands.
pub(in crate::console) async fn get(
    Extract(overviews): Extract<Overviews>,
    Extract(names): Extract<PortalNames>,
    visitor: Viewer,
) -> Result<Markup, ErrorPage> {
    let look = overviews.fresh().await;
    let look = look.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    let wrongs = Alerts::of(&visitor, &look);
    let title = visitor.text(Text::Portals);
    let content = html! {
        h1 { (title) }
        div.cards { @for portal in &look.report.portals { section.card {
            h2 {
                a href=(links::portal(&portal.portal)) { (portal.portal) }
                " " (wrongs.flow(&portal.portal, overview::flow::flow(portal)).badge(&visitor))
            }
            (wrongs.about(&visitor, &portal.portal, "/console/portals"))
            (facts(&names, &visitor, portal))
            (acts(&visitor, portal))
        } } }
    };
    Ok(layout::page(&visitor, Section::Portals, title, content))
}

/// What is known of a portal.
pub(in crate::console) fn facts(
    names: &PortalNames,
    visitor: &Viewer,
    portal: &PortalStatus,
) -> Markup {
    let count = |many| components::count(visitor.lang, many);
    html! {
        dl {
            @if let Some(origin) = names.origin(&portal.portal) {
                dt { (visitor.text(Text::Address)) }
                dd { a href=(origin) rel="noreferrer noopener" target="_blank" { (origin) } }
            }
            dt { (visitor.text(Text::Waiting)) } dd { (count(portal.pending)) }
            dt { (visitor.text(Text::DoneLastHour)) } dd { (count(portal.done_last_hour)) }
            dt { (visitor.text(Text::Dead)) }
            dd {
                a href=(links::link("/console/dead-letters", &[("portal", Some(&portal.portal))])) {
                    (count(portal.dead))
                }
            }
            dt { (visitor.text(Text::Driver)) } dd { (portal.owner.as_deref().unwrap_or("—")) }
            dt { (visitor.text(Text::Failures)) } dd { (portal.failures) }
        }
    }
}

/// What can be done to a portal.
pub(in crate::console) fn acts(visitor: &Viewer, portal: &PortalStatus) -> Markup {
    let path = |what: &str| format!("{}/{what}", links::portal(&portal.portal));
    let paused = matches!(portal.state, LaneState::Paused | LaneState::Waiting);
    html! {
        div.actions {
            @if paused {
                (components::button(visitor, &path("resume"), &[], visitor.text(Text::Resume)))
            }
            (components::button(visitor, &path("test"), &[], visitor.text(Text::Test)))
            @if portal.state != LaneState::Paused {
                (components::button(visitor, &path("pause"), &[], visitor.text(Text::Pause)))
            }
        }
    }
}
