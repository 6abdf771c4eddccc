//! `GET /console/portals/{name}`: one portal, and what can be done to it.

use super::{authorization, list};
use crate::{
    app::{Operations, PortalAccess, PortalStatus, Registry},
    console::{
        Portals, State,
        i18n::messages::Text,
        overview::{self, alerts::Alerts, cache::Overviews},
        session::{form::OperatorForm, viewer::Viewer},
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
            portal_names::PortalNames,
            subjects,
        },
    },
    domain::PortalName,
};
use axum::{
    extract::{FromRef, Path, Query, State as Extract},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct PageQuery {
    /// What an act came to.
    #[serde(default)]
    pub(in crate::console) done: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct EmptyForm {}

/// `GET /console/portals/{name}`: one portal, and what can be done to it.
pub(in crate::console) async fn get(
    Extract(pages): Extract<PortalPages>,
    visitor: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<PageQuery>,
) -> Result<Markup, ErrorPage> {
    pages.page(&visitor, &name, Some(&asked.done), None).await
}

/// What the page of a portal is made of. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::console) struct PortalPages {
    overviews: Overviews,
    operations: Operations,
    portal_access: PortalAccess,
    names: PortalNames,
}

impl FromRef<State> for PortalPages {
    fn from_ref(state: &State) -> Self {
        Self {
            overviews: FromRef::from_ref(state),
            operations: FromRef::from_ref(state),
            portal_access: FromRef::from_ref(state),
            names: FromRef::from_ref(state),
        }
    }
}

impl PortalPages {
    async fn page(
        &self,
        visitor: &Viewer,
        name: &str,
        done: Option<&str>,
        wrong: Option<&str>,
    ) -> Result<Markup, ErrorPage> {
        let fault = |error| ErrorPage::of(error, visitor.lang);
        let known = parse(name, visitor)?;
        let look = self.overviews.fresh().await.map_err(fault)?;
        let of = |portal: &&PortalStatus| portal.portal == name;
        let portal = look
            .report
            .portals
            .iter()
            .find(of)
            .ok_or_else(|| ErrorPage::not_found(visitor.lang))?;
        let wrongs = Alerts::of(visitor, &look);
        let refused = self.operations.refused_orders(&known);
        let refused = refused.await.map_err(fault)?;
        let application = authorization::section(&self.portal_access, visitor, &known).await?;
        let content = html! {
            h1 { (name) " " (wrongs.flow(name, overview::flow::flow(portal)).badge(visitor)) }
            (components::notice(visitor, done))
            @if let Some(wrong) = wrong {
                p.problem.words role="alert" { (visitor.lang.told(wrong)) }
            }
            (wrongs.about(visitor, name, &links::portal(name)))
            section.card {
                (list::facts(&self.names, visitor, portal)) (list::acts(visitor, portal))
            }
            (application)
            (wrongs.lately(visitor, Some(name)))
            h2 { (visitor.text(Text::LastErrors)) }
            @if refused.is_empty() { p.empty { (visitor.text(Text::NoErrors)) } } @else
                { div.scroll { table.stacks {
                thead {
                    tr {
                        th scope="col" { (visitor.text(Text::Order)) }
                        th scope="col" { (visitor.text(Text::Code)) }
                        th scope="col" { (visitor.text(Text::WhatHappened)) }
                        th scope="col" { (visitor.text(Text::NextTry)) }
                    }
                }
                tbody { @for order in &refused { tr {
                    td data-label=(subjects::noun(visitor, &order.number)) {
                        (components::order(Some(&order.shop), Some(&order.number)))
                    }
                    td.code data-label=(visitor.text(Text::Code)) {
                        (order.code.as_deref().unwrap_or("—"))
                    }
                    td.words data-label=(visitor.text(Text::WhatHappened)) {
                        @let words = order.message.as_deref();
                        (words.map_or("—".into(), |words| visitor.lang.told(words)))
                    }
                    td data-label=(visitor.text(Text::NextTry)) {
                        @match order.due_at {
                            Some(at) => (components::time(visitor, at)), None => "—"
                        }
                    }
                } } }
            } } }
        };
        Ok(layout::page(visitor, Section::Portals, name, content))
    }
}

fn parse(name: &str, visitor: &Viewer) -> Result<PortalName, ErrorPage> {
    PortalName::parse(name).map_err(|_| ErrorPage::not_found(visitor.lang))
}

fn back(name: &PortalName, done: &str) -> Redirect {
    let page = links::portal(name.as_str());
    Redirect::to(&links::link(&page, &[("done", Some(done))]))
}

/// `POST /console/portals/{name}/pause`: holds the portal's lane.
pub(in crate::console) async fn pause(
    Extract(operations): Extract<Operations>,
    Path(name): Path<String>,
    act: OperatorForm<EmptyForm>,
) -> Result<Redirect, ErrorPage> {
    let name = parse(&name, &act.visitor)?;
    let done = operations
        .pause_lane(name.as_str(), &act.visitor.actor())
        .await;
    done.map_err(|error| ErrorPage::of(error, act.visitor.lang))?;
    Ok(back(&name, "paused"))
}

/// `POST /console/portals/{name}/resume`: lets the portal's lane go on.
pub(in crate::console) async fn resume(
    Extract(operations): Extract<Operations>,
    Path(name): Path<String>,
    act: OperatorForm<EmptyForm>,
) -> Result<Redirect, ErrorPage> {
    let name = parse(&name, &act.visitor)?;
    let done = operations
        .resume_lane(name.as_str(), &act.visitor.actor())
        .await;
    done.map_err(|error| ErrorPage::of(error, act.visitor.lang))?;
    Ok(back(&name, "resumed"))
}

/// `POST /console/portals/{name}/test`: makes one harmless call to the portal.
pub(in crate::console) async fn test(
    Extract(pages): Extract<PortalPages>,
    Extract(registry): Extract<Arc<Registry>>,
    Extract(portals): Extract<Arc<dyn Portals>>,
    Path(name): Path<String>,
    act: OperatorForm<EmptyForm>,
) -> Result<Markup, ErrorPage> {
    let known = parse(&name, &act.visitor)?;
    if !registry.portals.contains(&known) {
        return Err(ErrorPage::not_found(act.visitor.lang));
    }
    match portals.test(&known).await {
        Ok(()) => pages.page(&act.visitor, &name, Some("fine"), None).await,
        Err(wrong) => pages.page(&act.visitor, &name, None, Some(&wrong)).await,
    }
}
