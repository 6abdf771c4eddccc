//! `GET /console/orders`: looking for an order.

use crate::{
    app::operations::overview::Found,
    console::{
        State,
        i18n::messages::Text,
        session::viewer::Viewer,
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

/// The longest text that is looked for.
const LONGEST: usize = 320;

#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(flatten)]
    sorting: Sorting,
}

/// `GET /console/orders`.
pub(in crate::console) async fn get(
    Extract(state): Extract<State>,
    visitor: Viewer,
    Query(asked): Query<ListQuery>,
) -> Result<Markup, ErrorPage> {
    if asked.q.len() > LONGEST || asked.q.contains('\0') {
        return Err(ErrorPage::unusable("q", visitor.lang));
    }
    let found = state.app.operations.find_orders(&asked.q).await;
    let mut found = found.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    asked.sorting.apply(&mut found, &COLUMNS);
    let title = visitor.text(Text::Orders);
    let content = html! {
        h1 { (title) }
        form.search role="search" method="get" action="/console/orders" {
            label {
                (
                    visitor.text(Text::SearchOrders)
                ) input type="search" name="q" value=(asked.q) maxlength=(LONGEST);
            }
            button type="submit" { (visitor.text(Text::Search)) }
        }
        @if asked.q.trim().is_empty() { h2 { (visitor.text(Text::NewestOrders)) } }
        @if !found.is_empty() {
            (table(&state, &visitor, &asked, &found)) p.quiet { (visitor.text(Text::ShownAtMost)) }
        }
        @else if asked.q.trim().is_empty() { p.empty { (visitor.text(Text::NoOrders)) } }
        @else { p.empty { (visitor.text(Text::NothingFound)) } }
    };
    Ok(layout::page(&visitor, Section::Orders, title, content))
}

const COLUMNS: [Column<Found>; 8] = [
    Column::sorted("number", Text::Number, |a, b| a.number.cmp(&b.number)),
    Column::sorted("shop", Text::Shop, |a, b| a.shop.cmp(&b.shop)),
    Column::sorted("state", Text::State, |a, b| worst(a).cmp(&worst(b))),
    Column::sorted("status", Text::Status, |a, b| a.status.cmp(&b.status)),
    Column::sorted("stage", Text::Stage, |a, b| a.stage.cmp(&b.stage)),
    Column::amount("deal", Text::Deal, |a, b| a.deal_id.cmp(&b.deal_id)),
    Column::sorted("customer", Text::Customer, |a, b| {
        a.customer.cmp(&b.customer)
    }),
    Column::latest("received", Text::Received, |a, b| {
        a.received_at.cmp(&b.received_at)
    }),
];

/// The worst comes first.
fn worst(order: &Found) -> (bool, bool, bool) {
    (!order.dead, !order.waits, order.in_sync)
}

fn table(state: &State, visitor: &Viewer, asked: &ListQuery, found: &[Found]) -> Markup {
    let link = |pairs: &[(&str, Option<&str>)]| {
        let mut pairs = pairs.to_vec();
        pairs.push(("q", Some(asked.q.as_str())));
        links::link("/console/orders", &pairs)
    };
    html! {
        div.scroll { table.stacks {
            (asked.sorting.heads(visitor, &COLUMNS, link))
            tbody { @for order in found { tr {
                td data-label=(visitor.text(Text::Number)) {
                    (components::order(Some(&order.shop), Some(&order.number)))
                }
                td data-label=(visitor.text(Text::Shop)) { (order.shop) }
                td data-label=(visitor.text(Text::State)) {
                    (badge(visitor, order.in_sync, order.waits, order.dead))
                }
                td data-label=(visitor.text(Text::Status)) {
                    (order.status.as_deref().unwrap_or("—"))
                }
                td data-label=(visitor.text(Text::Stage)) {
                    (order.stage.as_deref().unwrap_or("—"))
                }
                td.num data-label=(visitor.text(Text::Deal)) {
                    @match order.deal_id.and_then(|id| u64::try_from(id).ok()) {
                        Some(id) => (
                            components::entity(
                                visitor, components::origin(state, &order.portal).as_deref(),
                                "deal", id
                            )
                        ),
                        None => "—",
                    }
                }
                td data-label=(visitor.text(Text::Customer)) {
                    (order.customer.as_deref().unwrap_or("—"))
                }
                td.when data-label=(visitor.text(Text::Received)) {
                    @match order.received_at {
                        Some(at) => (components::time(visitor, at)), None => "—"
                    }
                }
            } } }
        } }
    }
}

/// How an order is, in one word.
pub(in crate::console) fn badge(
    visitor: &Viewer,
    in_sync: bool,
    waits: bool,
    dead: bool,
) -> Markup {
    let (class, text) = match (dead, waits, in_sync) {
        (true, ..) => ("badge bad", Text::IsDead),
        (_, true, _) => ("badge warn", Text::OnItsWay),
        (_, _, true) => ("badge good", Text::InSync),
        _ => ("badge warn", Text::NotInSync),
    };
    html! { span class=(class) { (visitor.text(text)) } }
}
