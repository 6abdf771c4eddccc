//! `GET /console/conflicts`: differences that wait for a person, and what was decided lately.

use crate::{
    app::{ConflictFilter, ConflictView, operations::overview::Decided},
    console::{
        State,
        i18n::messages::Text,
        session::viewer::Viewer,
        stock::shortages,
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
            sortable::{Column, Sorting},
        },
    },
};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

/// How many decisions are shown.
const SHOWN: i64 = 100;
/// How many shortages of a stock are shown.
const SHORTAGES: i64 = 20;

#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct ListQuery {
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
pub(in crate::console) async fn get(
    Extract(state): Extract<State>,
    visitor: Viewer,
    Query(asked): Query<ListQuery>,
) -> Result<Markup, ErrorPage> {
    let fault = |error| ErrorPage::of(error, visitor.lang);
    let filter = ConflictFilter {
        after: asked.after.parse().ok(),
        ..ConflictFilter::default()
    };
    let open = state.app.sync.conflicts(&filter).await.map_err(fault)?;
    let mut decided = state
        .app
        .operations
        .recent_decisions(SHOWN)
        .await
        .map_err(fault)?;
    asked.sorting.apply(&mut decided, &COLUMNS);
    let mut short = Vec::new();
    for of in state.app.stock.stocks() {
        let stores: Vec<String> = of.stores.iter().map(|store| store.name.clone()).collect();
        let found = state
            .app
            .stock
            .open_shortages(of.name.as_str(), SHORTAGES)
            .await;
        short.extend(
            found
                .map_err(fault)?
                .into_iter()
                .map(|one| (stores.clone(), one)),
        );
    }
    let title = visitor.text(Text::Conflicts);
    let content = html! {
        h1 { (title) }
        (components::notice(&visitor, Some(&asked.done)))
        h2 { (visitor.text(Text::WaitForYou)) }
        @if !short.is_empty() { div.cards {
            @for (stores, one) in &short { (shortages::card(&visitor, stores, one)) }
        } }
        @if open.items.is_empty() && short.is_empty() {
            p.empty { (visitor.text(Text::NoConflicts)) }
        }
        div.cards { @for conflict in &open.items { (card(&visitor, conflict)) } }
        @if let Some(next) = open.next {
            p.actions {
                a.button href=(format!("/console/conflicts?after={next}")) {
                    (visitor.text(Text::Next))
                }
            }
        }
        h2 id="decided" { (visitor.text(Text::DecidedLately)) }
        @if decided.is_empty() {
            p.empty { (visitor.text(Text::NoDecisions)) }
        } @else {
            (table(&visitor, &asked, &decided))
        }
    };
    Ok(layout::page(&visitor, Section::Conflicts, title, content))
}

fn card(visitor: &Viewer, conflict: &ConflictView) -> Markup {
    html! {
        section.card {
            h3 { a href=(format!("/console/conflicts/{}", conflict.id)) { "#" (conflict.id) } " "
                (components::order(Some(&conflict.shop), Some(&conflict.number))) }
            p { (visitor.lang.happened(conflict.what.as_ref(), &conflict.sentence)) }
            (decide(visitor, conflict))
        }
    }
}

/// Both sides with what would follow, each with its button.
pub(in crate::console) fn decide(visitor: &Viewer, conflict: &ConflictView) -> Markup {
    let path = format!("/console/conflicts/{}/resolve", conflict.id);
    let gone = conflict.code == crate::domain::ErrorCode::DealGone.as_str();
    let open = conflict.ruled_at.is_none() && conflict.closed_at.is_none();
    let fits = |what: &Option<String>| {
        what.clone()
            .unwrap_or_else(|| visitor.text(Text::NoneFits).to_owned())
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
                span.quiet { (visitor.text(says)) } b { (what) }
                @if open {
                    (components::button(visitor, &path, &[("winner", winner)], visitor.text(right)))
                    span.quiet {
                        @if gone {
                            "→ " (visitor.text(when_gone))
                        } @else {
                            "→ " (visitor.text(follows)) " " (fits(then))
                        }
                    }
                }
            }
        } }
        @if let (Some(who), None) = (&conflict.ruled_by, &conflict.closed_at) {
            p {
                (visitor.text(Text::BeingCarriedOut)) ": " (who) ", " (
                    visitor.lang.word(conflict.winner.as_deref().unwrap_or_default())
                )
            }
        }
    }
}

fn table(visitor: &Viewer, asked: &ListQuery, decided: &[Decided]) -> Markup {
    let link = |pairs: &[(&str, Option<&str>)]| {
        let mut pairs = pairs.to_vec();
        pairs.push(("after", Some(asked.after.as_str())));
        format!("{}#decided", links::link("/console/conflicts", &pairs))
    };
    html! {
        div.scroll { table.stacks {
            (asked.sorting.heads(visitor, &COLUMNS, link))
            tbody { @for row in decided { tr {
                td.when data-label=(visitor.text(Text::Time)) {
                    (components::time(visitor, row.at))
                }
                td data-label=(visitor.text(Text::Order)) {
                    (components::order(Some(&row.shop), Some(&row.number)))
                }
                td.words data-label=(visitor.text(Text::Decision)) {
                    (visitor.lang.happened(row.what.as_ref(), &row.sentence))
                }
                td data-label=(visitor.text(Text::Winner)) {
                    (row.winner.as_deref().map_or("—", |winner| visitor.lang.word(winner)))
                }
                td data-label=(visitor.text(Text::Rule)) { (visitor.lang.word(&row.basis)) }
                td data-label=(visitor.text(Text::Details)) {
                    details {
                        summary { (visitor.lang.word(&row.action)) }
                        pre { (components::pretty(&row.inputs)) }
                    }
                }
            } } }
        } }
    }
}
