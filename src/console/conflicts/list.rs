//! `GET /console/conflicts`: differences that wait for a person.

use super::decisions;
use crate::{
    app::{ConflictFilter, ConflictView, Stock, Sync},
    console::{
        StageNames,
        i18n::messages::Text,
        session::viewer::Viewer,
        stock::shortages,
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            portal_names::PortalNames,
        },
    },
    domain::Side,
};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

/// How many shortages of a stock are shown.
const SHORTAGES: i64 = 5;
/// Differences on a page; a phone shows some of them at first.
const PAGE: u32 = 20;

#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct ListQuery {
    #[serde(default)]
    done: String,
    #[serde(default)]
    after: String,
}

/// `GET /console/conflicts`: differences that wait for a person.
pub(in crate::console) async fn get(
    Extract(sync): Extract<Sync>,
    Extract(stock): Extract<Stock>,
    Extract(portals): Extract<PortalNames>,
    visitor: Viewer,
    Query(asked): Query<ListQuery>,
) -> Result<Markup, ErrorPage> {
    let fault = |error| ErrorPage::of(error, visitor.lang);
    let filter = ConflictFilter {
        after: asked.after.parse().ok(),
        limit: PAGE,
        ..ConflictFilter::default()
    };
    let open = sync.conflicts(&filter).await.map_err(fault)?;
    let mut short = Vec::new();
    for of in stock.stocks() {
        let stores: Vec<String> = of.stores.iter().map(|store| store.name.clone()).collect();
        let found = stock.open_shortages(of.name.as_str(), SHORTAGES).await;
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
        div.cards { @for conflict in &open.items { (card(&portals, &visitor, conflict)) } }
        (components::rest(&visitor, open.items.len(), components::CARDS))
        @if let Some(next) = open.next {
            p.actions {
                a.button href=(format!("/console/conflicts?after={next}")) {
                    (visitor.text(Text::Next))
                }
            }
        }
        p { a href=(decisions::PATH) { (visitor.text(Text::DecidedLately)) } }
    };
    Ok(layout::page(&visitor, Section::Conflicts, title, content))
}

fn card(portals: &PortalNames, visitor: &Viewer, conflict: &ConflictView) -> Markup {
    let names = portals.stages(&conflict.portal);
    html! {
        section.card {
            h3 { a href=(format!("/console/conflicts/{}", conflict.id)) { "#" (conflict.id) } " "
                (components::order(Some(&conflict.shop), Some(&conflict.number))) }
            p { (visitor.lang.happened(conflict.what.as_ref(), &conflict.sentence, Some(&names))) }
            (decide(visitor, conflict, &names, ""))
        }
    }
}

/// Both sides with what would follow, each with its button; `back` is what a ruling leads back to:
/// `order`, else the list.
pub(in crate::console) fn decide(
    visitor: &Viewer,
    conflict: &ConflictView,
    names: &StageNames,
    back: &str,
) -> Markup {
    let path = format!("/console/conflicts/{}/resolve", conflict.id);
    let gone = conflict.code == crate::domain::ErrorCode::DealGone.as_str();
    let open = conflict.ruled_at.is_none() && conflict.closed_at.is_none();
    let status = |code: &str| html! { (code) };
    let stage = |code: &str| components::stage(names, Some(code));
    let sides = [
        (
            Text::ShopSays,
            status(&conflict.status),
            Text::ShopIsRight,
            "shop",
            Text::DealGoesTo,
            Text::NewDeal,
            conflict.if_shop.as_deref().map(stage),
        ),
        (
            Text::PortalSays,
            stage(&conflict.stage),
            Text::PortalIsRight,
            "portal",
            Text::OrderGoesTo,
            Text::LetGo,
            conflict.if_portal.as_deref().map(status),
        ),
    ];
    html! {
        div.sides { @for (says, what, right, winner, follows, when_gone, then) in sides {
            div.side {
                span.quiet { (visitor.text(says)) } b { (what) }
                @if open {
                    @let fields = [("winner", winner), ("back", back)];
                    (components::button(visitor, &path, &fields, visitor.text(right)))
                    span.quiet {
                        "→ "
                        @match then {
                            _ if gone => (visitor.text(when_gone)),
                            Some(then) => { (visitor.text(follows)) " " (then) },
                            None => (visitor.text(Text::NoneFits)),
                        }
                    }
                }
            }
        } }
        @if let (Some(who), None) = (&conflict.ruled_by, &conflict.closed_at) {
            p {
                (visitor.text(Text::BeingCarriedOut)) ": " (who) ", " (
                    visitor.lang.word(conflict.winner.map_or("—", Side::as_str))
                )
            }
        }
    }
}
