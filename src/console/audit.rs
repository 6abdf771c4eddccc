//! `GET /console/audit`: who did what.

use super::{
    i18n::messages::Text,
    session::viewer::Viewer,
    ui::{
        components,
        error_page::ErrorPage,
        layout::{self, Section},
        links,
        sortable::{Column, Sorting},
    },
};
use crate::{
    app::{AuditEntry, AuditFilter, Operations},
    domain::happening::{Act, Stored},
};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

/// Acts on a page; a phone shows some of them at first.
const PAGE: u32 = 50;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    who: String,
    #[serde(default)]
    before: String,
    #[serde(flatten)]
    sorting: Sorting,
}

const COLUMNS: [Column<AuditEntry>; 4] = [
    Column::latest("time", Text::Time, |a, b| a.id.cmp(&b.id)),
    Column::sorted("who", Text::Who, |a, b| a.actor.cmp(&b.actor)),
    Column::sorted("what", Text::What, |a, b| a.action.cmp(&b.action)),
    Column::sorted("to", Text::To, |a, b| a.target.cmp(&b.target)),
];

/// What was done, as a sentence and its word for filters; behind it the options that were given.
fn what(visitor: &Viewer, act: &AuditEntry) -> Markup {
    let sentence = visitor.lang.happened(act.what.as_ref(), "", None);
    let options = act.detail.as_object().filter(|detail| !detail.is_empty());
    html! {
        (sentence) " " span.code.quiet { (act.action) }
        @if let Some(options) = options {
            details {
                summary { (visitor.text(Text::Details)) }
                dl { @for (name, value) in options {
                    dt { (name) }
                    dd { (value.as_str().map_or_else(|| value.to_string(), str::to_owned)) }
                } }
            }
        }
    }
}

/// What it was done to, with the way there.
fn target(act: &AuditEntry) -> Markup {
    let href = act.what.as_ref().and_then(Stored::known).map(page_of);
    let href = href.or_else(|| {
        let (kind, _) = act.action.split_once('.')?;
        Some(match kind {
            "letter" => format!("/console/dead-letters/{}", links::escape(&act.target)),
            "portal" => links::portal(&act.target),
            "conflict" => format!("/console/conflicts/{}", links::escape(&act.target)),
            _ => return None,
        })
    });
    html! {
        @if let Some(href) = href { a href=(href) { (act.target) } } @else { (act.target) }
    }
}

/// The page of what an act was about.
fn page_of(act: &Act) -> String {
    let lane = |lane: &str| match lane.strip_prefix("shop:") {
        Some(shop) => links::shop(shop),
        None => links::portal(lane),
    };
    match act {
        Act::LanePaused { lane: name } | Act::LaneResumed { lane: name } => lane(name),
        Act::PortalAuthorized { portal, .. } => links::portal(portal),
        Act::LetterRetried { letter } | Act::LetterDiscarded { letter, .. } => {
            format!("/console/dead-letters/{letter}")
        }
        Act::LettersImported { .. } => "/console/dead-letters".to_owned(),
        Act::BulkStarted { .. } | Act::BulkStopped { .. } => "/console/bulk".to_owned(),
        Act::ConflictRuled { conflict, .. } => format!("/console/conflicts/{conflict}"),
        Act::ShortageRuled { .. } => "/console/stock".to_owned(),
        Act::StatusesApplied { .. } => "/console/statuses".to_owned(),
        Act::NotThisCustomer { shop, order, .. } | Act::OnecResent { shop, order, .. } => {
            links::order(shop, order)
        }
        Act::DocumentTriedAgain { document } => format!("/console/onec/documents/{document}"),
        Act::FileTakenIn { .. } => "/console/onec".to_owned(),
        Act::CatalogueSent { shop, .. } => links::products(shop),
        Act::GoodsApplied { stock, .. } | Act::GoodsCounted { stock, .. } => {
            links::link("/console/stock", &[("stock", Some(stock))])
        }
        Act::ReservationReleased { shop, .. } => links::shop(shop),
        Act::SignedIn | Act::SettingsReloaded | Act::FormRestored { .. } => "/console".to_owned(),
    }
}

/// `GET /console/audit`: who did what by hand.
pub(super) async fn get(
    Extract(operations): Extract<Operations>,
    visitor: Viewer,
    Query(asked): Query<ListQuery>,
) -> Result<Markup, ErrorPage> {
    if asked.who.contains('\0') {
        return Err(ErrorPage::unusable("who", visitor.lang));
    }
    let who = Some(asked.who.trim()).filter(|who| !who.is_empty());
    let filter = AuditFilter {
        actor: who.map(str::to_owned),
        before: asked.before.parse().ok(),
        limit: PAGE,
        ..AuditFilter::default()
    };
    let page = operations.audit(&filter).await;
    let mut page = page.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    asked.sorting.apply(&mut page.items, &COLUMNS);
    let link = |pairs: &[(&str, Option<&str>)]| {
        let mut pairs = pairs.to_vec();
        pairs.extend([("who", who), ("before", Some(asked.before.as_str()))]);
        links::link("/console/audit", &pairs)
    };
    let [sort, dir] = asked.sorting.pairs();
    let (acts, last) = (page.items, page.next.map(|id| id.to_string()));
    let title = visitor.text(Text::Audit);
    let content = html! {
        h1 { (title) }
        form.search method="get" action="/console/audit" {
            label {
                (visitor.text(Text::Who)) input name="who" value=(asked.who)
                    placeholder="operator:…" maxlength="200";
            }
            button type="submit" { (visitor.text(Text::Filter)) }
        }
        @if acts.is_empty() { p.empty { (visitor.text(Text::NoActs)) } } @else
            { div.scroll { table.stacks {
            (asked.sorting.heads(&visitor, &COLUMNS, link))
            tbody { @for act in &acts { tr {
                td.when data-label=(visitor.text(Text::Time)) {
                    (components::time(&visitor, act.at))
                }
                td data-label=(visitor.text(Text::Who)) { (act.actor) }
                td.words data-label=(visitor.text(Text::What)) { (what(&visitor, act)) }
                td data-label=(visitor.text(Text::To)) { (target(act)) }
            } } }
        } } }
        (components::rest(&visitor, acts.len(), components::ROWS))
        @if let Some(last) = &last {
            p.actions {
                a.button
                    href=(
                        links::link(
                            "/console/audit", &[("who", who), ("before", Some(last)), sort, dir]
                        )
                    )
                    {
                    (visitor.text(Text::Next))
                }
            }
        }
    };
    Ok(layout::page(&visitor, Section::Audit, title, content))
}
