//! `GET /console/conflicts`: differences that wait for a person, and what was decided lately.

use super::{
    State,
    fault::Fault,
    layout::{self, Section},
    parts, query,
    session::Visitor,
    sort::{Column, Sorting},
    text::Text,
};
use crate::app::{ConflictFilter, ConflictView, look::Decided};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

/// How many decisions are shown.
const SHOWN: i64 = 100;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    done: String,
    #[serde(default)]
    after: String,
    #[serde(flatten)]
    sorting: Sorting,
}

const COLUMNS: [Column<Decided>; 6] = [
    Column::latest("time", Text::Time, |a, b| a.id.cmp(&b.id)),
    Column::sorted("order", Text::Order, |a, b| a.number.cmp(&b.number)),
    Column::plain(Text::Decision),
    Column::sorted("winner", Text::Winner, |a, b| a.winner.cmp(&b.winner)),
    Column::sorted("rule", Text::Rule, |a, b| a.basis.cmp(&b.basis)),
    Column::plain(Text::Details),
];

/// `GET /console/conflicts`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Markup, Fault> {
    let fault = |error| Fault::of(error, visitor.lang);
    let filter = ConflictFilter {
        after: asked.after.parse().ok(),
        ..ConflictFilter::default()
    };
    let open = state.bridge.conflicts(&filter).await.map_err(fault)?;
    let mut decided = state.bridge.decided(SHOWN).await.map_err(fault)?;
    asked.sorting.apply(&mut decided, &COLUMNS);
    let title = visitor.say(Text::Conflicts);
    let content = html! {
        h1 { (title) }
        (parts::notice(&visitor, Some(&asked.done)))
        h2 { (visitor.say(Text::WaitForYou)) }
        @if open.items.is_empty() { p.empty { (visitor.say(Text::NoConflicts)) } }
        div.cards { @for conflict in &open.items { (card(&visitor, conflict)) } }
        @if let Some(next) = open.next { p.actions { a.button href=(format!("/console/conflicts?after={next}")) { (visitor.say(Text::Next)) } } }
        h2 id="decided" { (visitor.say(Text::DecidedLately)) }
        @if decided.is_empty() { p.empty { (visitor.say(Text::NoDecisions)) } } @else { (table(&visitor, &asked, &decided)) }
    };
    Ok(layout::page(&visitor, Section::Conflicts, title, content))
}

fn card(visitor: &Visitor, conflict: &ConflictView) -> Markup {
    html! {
        section.card {
            h3 { a href=(format!("/console/conflicts/{}", conflict.id)) { "#" (conflict.id) } " "
                (parts::order(Some(&conflict.shop), Some(&conflict.number))) }
            p { (visitor.lang.told(&conflict.sentence)) }
            (decide(visitor, conflict))
        }
    }
}

/// Both sides with what would follow, each with its button.
pub(super) fn decide(visitor: &Visitor, conflict: &ConflictView) -> Markup {
    let path = format!("/console/conflicts/{}/resolve", conflict.id);
    let gone = conflict.code == crate::domain::Code::DealGone.as_str();
    let open = conflict.ruled_at.is_none() && conflict.closed_at.is_none();
    let fits = |what: &Option<String>| {
        what.clone()
            .unwrap_or_else(|| visitor.say(Text::NoneFits).to_owned())
    };
    let sides = [
        (
            Text::ShopSays,
            &conflict.status,
            Text::ShopIsRight,
            "shop",
            Text::DealGoesTo,
            Text::NewDeal,
            &conflict.if_shop,
        ),
        (
            Text::PortalSays,
            &conflict.stage,
            Text::PortalIsRight,
            "portal",
            Text::OrderGoesTo,
            Text::LetGo,
            &conflict.if_portal,
        ),
    ];
    html! {
        div.sides { @for (says, what, right, winner, follows, when_gone, then) in sides {
            div.side {
                span.quiet { (visitor.say(says)) } b { (what) }
                @if open {
                    (parts::button(visitor, &path, &[("winner", winner)], visitor.say(right)))
                    span.quiet { @if gone { "→ " (visitor.say(when_gone)) } @else { "→ " (visitor.say(follows)) " " (fits(then)) } }
                }
            }
        } }
        @if let (Some(who), None) = (&conflict.ruled_by, &conflict.closed_at) {
            p { (visitor.say(Text::BeingCarriedOut)) ": " (who) ", " (visitor.lang.word(conflict.winner.as_deref().unwrap_or_default())) }
        }
    }
}

fn table(visitor: &Visitor, asked: &Asked, decided: &[Decided]) -> Markup {
    let link = |pairs: &[(&str, Option<&str>)]| {
        let mut pairs = pairs.to_vec();
        pairs.push(("after", Some(asked.after.as_str())));
        format!("{}#decided", query::link("/console/conflicts", &pairs))
    };
    html! {
        div.scroll { table.stacks {
            (asked.sorting.heads(visitor, &COLUMNS, link))
            tbody { @for row in decided { tr {
                td.when data-label=(visitor.say(Text::Time)) { (parts::time(visitor, row.at)) }
                td data-label=(visitor.say(Text::Order)) { (parts::order(Some(&row.shop), Some(&row.number))) }
                td.words data-label=(visitor.say(Text::Decision)) { (visitor.lang.told(&row.sentence)) }
                td data-label=(visitor.say(Text::Winner)) { (row.winner.as_deref().map_or("—", |winner| visitor.lang.word(winner))) }
                td data-label=(visitor.say(Text::Rule)) { (visitor.lang.word(&row.basis)) }
                td data-label=(visitor.say(Text::Details)) {
                    details { summary { (visitor.lang.word(&row.action)) } pre { (parts::pretty(&row.inputs)) } }
                }
            } } }
        } }
    }
}
