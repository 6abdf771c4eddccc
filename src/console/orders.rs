//! `GET /console/orders`: looking for an order.

use super::{
    State,
    fault::Fault,
    layout::{self, Section},
    parts, query,
    session::Visitor,
    sort::{Column, Sorting},
    text::Text,
};
use crate::app::look::Found;
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

/// The longest text that is looked for.
const LONGEST: usize = 320;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(flatten)]
    sorting: Sorting,
}

/// `GET /console/orders`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Markup, Fault> {
    if asked.q.len() > LONGEST || asked.q.contains('\0') {
        return Err(Fault::unusable("q", visitor.lang));
    }
    let found = state.bridge.find_orders(&asked.q).await;
    let mut found = found.map_err(|error| Fault::of(error, visitor.lang))?;
    asked.sorting.apply(&mut found, &COLUMNS);
    let title = visitor.say(Text::Orders);
    let content = html! {
        h1 { (title) }
        form.search role="search" method="get" action="/console/orders" {
            label { (visitor.say(Text::SearchOrders)) input type="search" name="q" value=(asked.q) maxlength=(LONGEST); }
            button type="submit" { (visitor.say(Text::Search)) }
        }
        @if asked.q.trim().is_empty() { h2 { (visitor.say(Text::NewestOrders)) } }
        @if !found.is_empty() { (table(&state, &visitor, &asked, &found)) p.quiet { (visitor.say(Text::ShownAtMost)) } }
        @else if asked.q.trim().is_empty() { p.empty { (visitor.say(Text::NoOrders)) } }
        @else { p.empty { (visitor.say(Text::NothingFound)) } }
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

fn table(state: &State, visitor: &Visitor, asked: &Asked, found: &[Found]) -> Markup {
    let link = |pairs: &[(&str, Option<&str>)]| {
        let mut pairs = pairs.to_vec();
        pairs.push(("q", Some(asked.q.as_str())));
        query::link("/console/orders", &pairs)
    };
    html! {
        div.scroll { table.stacks {
            (asked.sorting.heads(visitor, &COLUMNS, link))
            tbody { @for order in found { tr {
                td data-label=(visitor.say(Text::Number)) { (parts::order(Some(&order.shop), Some(&order.number))) }
                td data-label=(visitor.say(Text::Shop)) { (order.shop) }
                td data-label=(visitor.say(Text::State)) { (badge(visitor, order.in_sync, order.waits, order.dead)) }
                td data-label=(visitor.say(Text::Status)) { (order.status.as_deref().unwrap_or("—")) }
                td data-label=(visitor.say(Text::Stage)) { (order.stage.as_deref().unwrap_or("—")) }
                td.num data-label=(visitor.say(Text::Deal)) {
                    @match order.deal_id.and_then(|id| u64::try_from(id).ok()) {
                        Some(id) => (parts::entity(visitor, parts::origin(state, &order.portal).as_deref(), "deal", id)),
                        None => "—",
                    }
                }
                td data-label=(visitor.say(Text::Customer)) { (order.customer.as_deref().unwrap_or("—")) }
                td.when data-label=(visitor.say(Text::Received)) { @match order.received_at { Some(at) => (parts::time(visitor, at)), None => "—" } }
            } } }
        } }
    }
}

/// How an order is, in one word.
pub(super) fn badge(visitor: &Visitor, in_sync: bool, waits: bool, dead: bool) -> Markup {
    let (class, text) = match (dead, waits, in_sync) {
        (true, ..) => ("badge bad", Text::IsDead),
        (_, true, _) => ("badge warn", Text::OnItsWay),
        (_, _, true) => ("badge good", Text::InSync),
        _ => ("badge warn", Text::NotInSync),
    };
    html! { span class=(class) { (visitor.say(text)) } }
}
