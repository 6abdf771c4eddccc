//! `GET /console/audit`: who did what.

use super::{
    State,
    fault::Fault,
    layout::{self, Section},
    parts, query,
    session::Visitor,
    sort::{Column, Sorting},
    text::Text,
};
use crate::app::{AuditEntry, AuditFilter};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

/// Acts on a page.
const PAGE: u32 = 100;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
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
    Extract(state): Extract<State>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Markup, Fault> {
    if asked.who.contains('\0') {
        return Err(Fault::unusable("who", visitor.lang));
    }
    let who = Some(asked.who.trim()).filter(|who| !who.is_empty());
    let filter = AuditFilter {
        actor: who.map(str::to_owned),
        before: asked.before.parse().ok(),
        limit: PAGE,
        ..AuditFilter::default()
    };
    let page = state.bridge.audit(&filter).await;
    let mut page = page.map_err(|error| Fault::of(error, visitor.lang))?;
    asked.sorting.apply(&mut page.items, &COLUMNS);
    let link = |pairs: &[(&str, Option<&str>)]| {
        let mut pairs = pairs.to_vec();
        pairs.extend([("who", who), ("before", Some(asked.before.as_str()))]);
        query::link("/console/audit", &pairs)
    };
    let [sort, dir] = asked.sorting.pairs();
    let (acts, last) = (page.items, page.next.map(|id| id.to_string()));
    let title = visitor.say(Text::Audit);
    let content = html! {
        h1 { (title) }
        form.search method="get" action="/console/audit" {
            label { (visitor.say(Text::Who)) input name="who" value=(asked.who) placeholder="operator:…" maxlength="200"; }
            button type="submit" { (visitor.say(Text::Filter)) }
        }
        @if acts.is_empty() { p.empty { (visitor.say(Text::NoActs)) } } @else { div.scroll { table.stacks {
            (asked.sorting.heads(&visitor, &COLUMNS, link))
            tbody { @for act in &acts { tr {
                td.when data-label=(visitor.say(Text::Time)) { (parts::time(&visitor, act.at)) }
                td data-label=(visitor.say(Text::Who)) { (act.actor) }
                td.code data-label=(visitor.say(Text::What)) { (act.action) }
                td data-label=(visitor.say(Text::To)) { (act.target) }
                td.words data-label=(visitor.say(Text::Details)) { @if act.detail != serde_json::json!({}) { (act.detail.to_string()) } }
            } } }
        } } }
        @if let Some(last) = &last { p.actions { a.button href=(query::link("/console/audit", &[("who", who), ("before", Some(last)), sort, dir])) { (visitor.say(Text::Next)) } } }
    };
    Ok(layout::page(&visitor, Section::Audit, title, content))
}
