//! `GET /console/orders`: looking for an order.

use super::{
    State,
    fault::Fault,
    layout::{self, Section},
    parts, query,
    session::Visitor,
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
    #[serde(default)]
    sort: String,
    #[serde(default)]
    dir: String,
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
    sort(&mut found, &asked);
    let title = visitor.say(Text::Orders);
    let content = html! {
        h1 { (title) }
        form.search role="search" method="get" action="/console/orders" {
            label { (visitor.say(Text::SearchOrders)) input type="search" name="q" value=(asked.q) maxlength=(LONGEST); }
            button type="submit" { (visitor.say(Text::Search)) }
        }
        @if asked.q.trim().is_empty() { h2 { (visitor.say(Text::NewestOrders)) } }
        @if found.is_empty() { p.quiet { (visitor.say(Text::NothingFound)) } } @else { (table(&state, &visitor, &asked, &found)) }
        p.quiet { (visitor.say(Text::ShownAtMost)) }
    };
    Ok(layout::page(&visitor, Section::Orders, title, content))
}

fn sort(found: &mut [Found], asked: &Asked) {
    match asked.sort.as_str() {
        "number" => found.sort_by(|a, b| a.number.cmp(&b.number)),
        "shop" => found.sort_by(|a, b| a.shop.cmp(&b.shop)),
        "status" => found.sort_by(|a, b| a.status.cmp(&b.status)),
        "stage" => found.sort_by(|a, b| a.stage.cmp(&b.stage)),
        "state" => found.sort_by_key(|order| (order.in_sync, order.waits, !order.dead)),
        "received" => found.sort_by_key(|order| order.received_at),
        _ => return,
    }
    if asked.dir == "desc" {
        found.reverse();
    }
}

fn table(state: &State, visitor: &Visitor, asked: &Asked, found: &[Found]) -> Markup {
    let head = |text: Text, key: &str| {
        let here = asked.sort == key;
        let descending = here && asked.dir == "desc";
        let dir = if here && !descending { "desc" } else { "asc" };
        let pairs = [
            ("q", Some(asked.q.as_str())),
            ("sort", Some(key)),
            ("dir", Some(dir)),
        ];
        let link = query::link("/console/orders", &pairs);
        parts::sorted(visitor.say(text), here, descending, &link)
    };
    html! {
        div.scroll { table.stacks {
            thead { tr {
                (head(Text::Number, "number")) (head(Text::Shop, "shop")) (head(Text::State, "state"))
                (head(Text::Status, "status")) (head(Text::Stage, "stage"))
                th scope="col" { (visitor.say(Text::Deal)) } th scope="col" { (visitor.say(Text::Customer)) }
                (head(Text::Received, "received"))
            } }
            tbody { @for order in found { tr {
                td data-label=(visitor.say(Text::Number)) { (parts::order(Some(&order.shop), Some(&order.number))) }
                td data-label=(visitor.say(Text::Shop)) { (order.shop) }
                td data-label=(visitor.say(Text::State)) { (badge(visitor, order.in_sync, order.waits, order.dead)) }
                td data-label=(visitor.say(Text::Status)) { (order.status.as_deref().unwrap_or("—")) }
                td data-label=(visitor.say(Text::Stage)) { (order.stage.as_deref().unwrap_or("—")) }
                td data-label=(visitor.say(Text::Deal)) {
                    @match order.deal_id.and_then(|id| u64::try_from(id).ok()) {
                        Some(id) => (parts::entity(visitor, parts::origin(state, &order.portal).as_deref(), "deal", id)),
                        None => "—",
                    }
                }
                td data-label=(visitor.say(Text::Customer)) { (order.customer.as_deref().unwrap_or("—")) }
                td data-label=(visitor.say(Text::Received)) { @match order.received_at { Some(at) => (parts::time(at)), None => "—" } }
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
