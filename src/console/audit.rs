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
use crate::app::{AuditEntry, AuditFilter, Operations};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

/// Acts on a page.
const PAGE: u32 = 100;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    who: String,
    #[serde(default)]
    before: String,
    #[serde(flatten)]
    sorting: Sorting,
}

const COLUMNS: [Column<AuditEntry>; 5] = [
    Column::latest("time", Text::Time, |a, b| a.id.cmp(&b.id)),
    Column::sorted("who", Text::Who, |a, b| a.actor.cmp(&b.actor)),
    Column::sorted("what", Text::What, |a, b| a.action.cmp(&b.action)),
    Column::sorted("to", Text::To, |a, b| a.target.cmp(&b.target)),
    Column::plain(Text::Details),
];

/// `GET /console/audit`.
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
                td.code data-label=(visitor.text(Text::What)) { (act.action) }
                td data-label=(visitor.text(Text::To)) { (act.target) }
                td.words data-label=(visitor.text(Text::Details)) {
                    (visitor.lang.happened(act.what.as_ref(), ""))
                    @if act.detail != serde_json::json!({}) { " " (act.detail.to_string()) }
                }
            } } }
        } } }
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
