//! `GET /console/shops/{name}/forms`: what the forms of a shop's site have sent, and what became of
//! it.

use super::{
    State,
    act::Act,
    fault::Fault,
    layout::{self, Section},
    parts,
    portal::Nothing,
    query,
    session::Visitor,
    text::Text,
};
use crate::{
    app::{Submission, SubmissionFilter},
    domain::ShopName,
};
use axum::{
    extract::{Path, Query, State as Extract},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;

/// Submissions on a page.
const PAGE: u32 = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// With ids below this.
    below: String,
    /// What an act came to.
    done: String,
}

/// `GET /console/shops/{name}/forms`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Markup, Fault> {
    let shop = known(&state, &name, &visitor)?;
    let filter = SubmissionFilter {
        shop: Some(shop.clone()),
        below: asked.below.parse().ok(),
        limit: PAGE,
        ..SubmissionFilter::default()
    };
    let found = state.bridge.submissions(&filter).await;
    let found = found.map_err(|error| Fault::of(error, visitor.lang))?;
    let full = found.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let last = found.last().filter(|_| full).map(|one| one.id.to_string());
    let title = visitor.say(Text::Forms);
    let page = query::forms(&name);
    let content = html! {
        h1 { (title) " " a href=(query::shop(&name)) { (name) } }
        (parts::notice(&visitor, Some(&asked.done)))
        @if found.is_empty() { p.empty { (parts::marked(visitor.say(Text::NoForms))) } }
        @else { (table(&state, &visitor, &shop, &found)) }
        @if let Some(last) = &last {
            p.actions { a.button href=(query::link(&page, &[("below", Some(last))])) {
                (visitor.say(Text::Next))
            } }
        }
    };
    Ok(layout::page(&visitor, Section::Portals, title, content))
}

fn table(state: &State, visitor: &Visitor, shop: &ShopName, found: &[Submission]) -> Markup {
    let rules = state.bridge.directory().rules(shop);
    let origin = rules.and_then(|rules| parts::origin(state, rules.portal.as_str()));
    html! {
        div.scroll { table.stacks {
            thead { tr {
                th scope="col" { (visitor.say(Text::Number)) }
                th scope="col" { (visitor.say(Text::Form)) }
                th scope="col" { (visitor.say(Text::State)) }
                th scope="col" { (visitor.say(Text::InPortal)) }
                th scope="col" { (visitor.say(Text::Received)) }
                th scope="col" { (visitor.say(Text::Details)) }
            } }
            tbody { @for one in found { (row(visitor, shop, origin.as_deref(), one)) } }
        } }
    }
}

fn row(visitor: &Visitor, shop: &ShopName, origin: Option<&str>, one: &Submission) -> Markup {
    let cards = [
        (Text::Lead, "lead", one.lead_id),
        (Text::Deal, "deal", one.deal_id),
        (Text::Contact, "contact", one.contact_id),
    ];
    let cards = cards.map(|(text, kind, id)| Some((text, kind, u64::try_from(id?).ok()?)));
    let kept = matches!(one.state, "robot" | "no_consent");
    let restore = format!("{}/{}/restore", query::forms(shop.as_str()), one.id);
    html! {
        tr {
            td.num data-label=(visitor.say(Text::Number)) { (one.id) }
            td data-label=(visitor.say(Text::Form)) { (one.form) }
            td data-label=(visitor.say(Text::State)) {
                (badge(visitor, one.state))
                @if kept { (parts::button(visitor, &restore, &[], visitor.say(Text::DeliverIt))) }
                @if one.state == "dead" { " " a href=(letters(shop, one)) { (visitor.say(Text::ToLetters)) } }
            }
            td data-label=(visitor.say(Text::InPortal)) {
                @for (text, kind, id) in cards.iter().flatten() {
                    (visitor.say(*text)) " " (parts::entity(visitor, origin, kind, *id)) " "
                }
                @if cards.iter().all(Option::is_none) { "—" }
            }
            td.when data-label=(visitor.say(Text::Received)) { (parts::time(visitor, one.received_at)) }
            td data-label=(visitor.say(Text::Details)) {
                @if let Some(code) = &one.code { (parts::explained(visitor, code)) }
                @match &one.body {
                    Some(body) => details {
                        summary { (visitor.say(Text::WhatWasSent)) }
                        pre { (parts::pretty(body)) }
                    },
                    None => (visitor.say(Text::NoLongerKept)),
                }
            }
        }
    }
}

fn letters(shop: &ShopName, one: &Submission) -> String {
    let code = one.code.as_deref();
    let pairs = [("shop", Some(shop.as_str())), ("code", code)];
    query::link("/console/dead-letters", &pairs)
}

fn badge(visitor: &Visitor, state: &str) -> Markup {
    let (class, text) = match state {
        "waits" => ("badge warn", Text::OnItsWay),
        "done" => ("badge good", Text::Delivered),
        "dead" => ("badge bad", Text::IsDead),
        "robot" => ("badge", Text::OfRobot),
        _ => ("badge", Text::NoConsent),
    };
    html! { span class=(class) { (visitor.say(text)) } }
}

/// `POST /console/shops/{name}/forms/{id}/restore`: what was only kept is delivered.
pub(super) async fn restore(
    Extract(state): Extract<State>,
    Path((name, id)): Path<(String, i64)>,
    act: Act<Nothing>,
) -> Result<Redirect, Fault> {
    known(&state, &name, &act.visitor)?;
    let actor = act.visitor.actor();
    let done = state.bridge.restore_submission(id, &actor).await;
    done.map_err(|error| Fault::of(error, act.visitor.lang))?;
    let page = query::forms(&name);
    Ok(Redirect::to(&query::link(
        &page,
        &[("done", Some("queued"))],
    )))
}

fn known(state: &State, name: &str, visitor: &Visitor) -> Result<ShopName, Fault> {
    let shop = ShopName::parse(name).ok();
    let shop = shop.filter(|shop| state.bridge.directory().rules(shop).is_some());
    shop.ok_or_else(|| Fault::not_found(visitor.lang))
}
