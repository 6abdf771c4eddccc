//! `GET /console/orders/{shop}/{number}`: one order's whole life.

use super::{
    State, cards,
    fault::Fault,
    layout::{self, Section},
    orders, parts, query,
    session::Visitor,
    text::Text,
};
use crate::{
    app::{LetterFilter, OrderView, TimelineEntry},
    domain::ShopName,
};
use axum::extract::{Path, Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// What an act on this page came to.
    #[serde(default)]
    done: String,
}

/// `GET /console/orders/{shop}/{number}`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Path((shop, number)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Fault> {
    let lang = visitor.lang;
    let shop = ShopName::parse(&shop).map_err(|_| Fault::not_found(lang))?;
    if number.contains('\0') {
        return Err(Fault::not_found(lang));
    }
    let order = state.bridge.order_view(&shop, &number).await;
    let order = order.map_err(|error| Fault::of(error, lang))?;
    let order = order.ok_or_else(|| Fault::not_found(lang))?;
    let filter = LetterFilter {
        shop: Some(shop),
        number: Some(number),
        ..LetterFilter::default()
    };
    let letters = state.bridge.dead_letters(&filter).await;
    let letters = letters.map_err(|error| Fault::of(error, lang))?;
    let title = format!("{} {}", visitor.say(Text::Order), order.number);
    let origin = parts::origin(&state, &order.portal);
    let origin = origin.as_deref();
    let content = html! {
        h1 { (title) " " (orders::badge(&visitor, order.in_sync, order.pending > 0, order.dead > 0)) }
        (parts::notice(&visitor, Some(&asked.done)))
        (facts(&visitor, &order, origin))
        (cards::cards(&visitor, &order, origin))
        @if !letters.items.is_empty() {
            h2 { (visitor.say(Text::ItsDeadLetters)) }
            @for letter in &letters.items { section.card.alarm {
                p { a href=(format!("/console/dead-letters/{}", letter.id)) { "#" (letter.id) " " (letter.code) } }
                (parts::explained(&visitor, &letter.code))
                p.words { (visitor.lang.told(&letter.message)) }
            } }
        }
        h2 { (visitor.say(Text::Timeline)) }
        @if order.timeline.is_empty() { p.empty { (visitor.say(Text::NoTimeline)) } }
        ol.timeline { @for entry in order.timeline.iter().rev() { (moment(&visitor, entry)) } }
    };
    Ok(layout::page(&visitor, Section::Orders, &title, content))
}

fn facts(visitor: &Visitor, order: &OrderView, origin: Option<&str>) -> Markup {
    let ids = [
        (Text::Deal, "deal", order.deal_id),
        (Text::Lead, "lead", order.lead_id),
        (Text::Contact, "contact", order.contact_id),
        (Text::Company, "company", order.company_id),
    ];
    html! {
        dl.facts {
            div { dt { (visitor.say(Text::Shop)) } dd { (order.shop) } }
            div { dt { (visitor.say(Text::Portal)) } dd { a href=(query::portal(&order.portal)) { (order.portal) } } }
            div { dt { (visitor.say(Text::Status)) } dd { (order.status.as_deref().unwrap_or("—")) } }
            div { dt { (visitor.say(Text::Stage)) } dd { (order.stage.as_deref().unwrap_or("—")) } }
            @for (text, kind, id) in ids { @if let Some(id) = id {
                div { dt { (visitor.say(text)) } dd { (parts::entity(visitor, origin, kind, id)) } }
            } }
        }
    }
}

fn moment(visitor: &Visitor, entry: &TimelineEntry) -> Markup {
    let class = match entry.kind.as_str() {
        "dead" | "refused" | "gone" => "bad",
        "conflict" | "retried" | "discarded" => "warn",
        "written" | "told" => "good",
        _ => "plain",
    };
    html! {
        li class=(class) {
            div.when { (parts::moment(visitor, entry.at)) " " span.kind { (visitor.lang.word(&entry.kind)) } }
            p { (visitor.lang.told(&entry.text)) }
            @if let Some(detail) = &entry.detail {
                details { summary { (visitor.say(Text::Clocks)) } pre { (parts::pretty(detail)) } }
            }
        }
    }
}
