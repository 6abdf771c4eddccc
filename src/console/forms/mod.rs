//! `GET /console/shops/{name}/forms`: what the forms of a shop's site have sent, and what became of
//! it.

mod trial;

pub(super) use trial::post as try_body;

use super::{
    i18n::messages::Text,
    portals::detail::EmptyForm,
    session::{form::OperatorForm, viewer::Viewer},
    ui::{
        components,
        error_page::ErrorPage,
        layout::{self, Section},
        links,
        portal_names::PortalNames,
    },
};
use crate::{
    app::{Forms, Registry, Submission, SubmissionFilter},
    domain::{Place, ShopName},
};
use axum::{
    extract::{Path, Query, State as Extract},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Submissions on a page.
const PAGE: u32 = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PageQuery {
    /// With ids below this.
    below: String,
    /// What an act came to.
    done: String,
}

/// `GET /console/shops/{name}/forms`: a shop's forms, and what they sent.
pub(super) async fn get(
    Extract(forms): Extract<Forms>,
    Extract(registry): Extract<Arc<Registry>>,
    Extract(names): Extract<PortalNames>,
    visitor: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<PageQuery>,
) -> Result<Markup, ErrorPage> {
    let shop = known(&registry, &name, &visitor)?;
    let filter = SubmissionFilter {
        shop: Some(shop.clone()),
        below: asked.below.parse().ok(),
        limit: PAGE,
        ..SubmissionFilter::default()
    };
    let found = forms.submissions(&filter).await;
    let found = found.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    let full = found.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
    let last = found.last().filter(|_| full).map(|one| one.id.to_string());
    let title = visitor.text(Text::Forms);
    let page = links::forms(&name);
    let rules = registry.rules(&shop);
    let origin = rules.and_then(|rules| names.origin(rules.portal.as_str()));
    let content = html! {
        h1 { (title) " " a href=(links::shop(&name)) { (name) } }
        (components::notice(&visitor, Some(&asked.done)))
        @if found.is_empty() { p.empty { (components::marked(visitor.text(Text::NoForms))) } }
        @else {
            (table(&visitor, &shop, origin.as_deref(), &found))
            (components::rest(&visitor, found.len(), components::ROWS))
        }
        @if let Some(last) = &last {
            p.actions { a.button href=(links::link(&page, &[("below", Some(last))])) {
                (visitor.text(Text::Next))
            } }
        }
        (trial::section(&forms, &visitor, &shop, None))
    };
    Ok(layout::page(&visitor, Section::Portals, title, content))
}

fn table(visitor: &Viewer, shop: &ShopName, origin: Option<&str>, found: &[Submission]) -> Markup {
    html! {
        div.scroll { table.stacks {
            thead { tr {
                th scope="col" { (visitor.text(Text::Number)) }
                th scope="col" { (visitor.text(Text::Form)) }
                th scope="col" { (visitor.text(Text::State)) }
                th scope="col" { (visitor.text(Text::InPortal)) }
                th scope="col" { (visitor.text(Text::Received)) }
                th scope="col" { (visitor.text(Text::Details)) }
            } }
            tbody { @for one in found { (row(visitor, shop, origin, one)) } }
        } }
    }
}

fn row(visitor: &Viewer, shop: &ShopName, origin: Option<&str>, one: &Submission) -> Markup {
    let cards = [
        (Text::Lead, "lead", one.lead_id),
        (Text::Deal, "deal", one.deal_id),
        (Text::Contact, "contact", one.contact_id),
    ];
    let cards = cards.map(|(text, kind, id)| Some((text, kind, u64::try_from(id?).ok()?)));
    let kept = matches!(one.state, "robot" | "no_consent" | "too_many");
    let restore = format!("{}/{}/restore", links::forms(shop.as_str()), one.id);
    let id = one.id.to_string();
    let at = Place {
        submission: Some(&id),
        ..Place::shop(&one.shop)
    };
    html! {
        tr {
            td.num data-label=(visitor.text(Text::Number)) { (one.id) }
            td data-label=(visitor.text(Text::Form)) { (one.form) }
            td data-label=(visitor.text(Text::State)) {
                (badge(visitor, one.state))
                @if kept {
                    (components::button(visitor, &restore, &[], visitor.text(Text::DeliverIt)))
                }
                @if one.state == "dead" {
                    " " a href=(letters(shop, one)) { (visitor.text(Text::ToLetters)) }
                }
            }
            td.spare[cards.iter().all(Option::is_none)] data-label=(visitor.text(Text::InPortal)) {
                @for (text, kind, id) in cards.iter().flatten() {
                    (visitor.text(*text)) " " (components::entity(origin, kind, *id)) " "
                }
                @if cards.iter().all(Option::is_none) { "—" }
            }
            td.when data-label=(visitor.text(Text::Received)) {
                (components::time(visitor, one.received_at))
            }
            td.spare[one.code.is_none() && one.body.is_none()]
                data-label=(visitor.text(Text::Details)) {
                @if let Some(code) = &one.code {
                    (components::explained(visitor, code, at))
                }
                @match &one.body {
                    Some(body) => details {
                        summary { (visitor.text(Text::WhatWasSent)) }
                        pre { (components::pretty(body)) }
                    },
                    None => (visitor.text(Text::NoLongerKept)),
                }
            }
        }
    }
}

fn letters(shop: &ShopName, one: &Submission) -> String {
    let code = one.code.as_deref();
    let pairs = [("shop", Some(shop.as_str())), ("code", code)];
    links::link("/console/dead-letters", &pairs)
}

fn badge(visitor: &Viewer, state: &str) -> Markup {
    let (class, text) = match state {
        "waits" => ("badge warn", Text::OnItsWay),
        "done" => ("badge good", Text::Delivered),
        "dead" => ("badge bad", Text::IsDead),
        "robot" => ("badge", Text::OfRobot),
        "too_many" => ("badge", Text::TooManyFields),
        _ => ("badge", Text::NoConsent),
    };
    html! { span class=(class) { (visitor.text(text)) } }
}

/// `POST /console/shops/{name}/forms/{id}/restore`: what was only kept is delivered.
pub(super) async fn restore(
    Extract(forms): Extract<Forms>,
    Extract(registry): Extract<Arc<Registry>>,
    Path((name, id)): Path<(String, i64)>,
    act: OperatorForm<EmptyForm>,
) -> Result<Redirect, ErrorPage> {
    known(&registry, &name, &act.visitor)?;
    let actor = act.visitor.actor();
    let done = forms.restore_submission(id, &actor).await;
    done.map_err(|error| ErrorPage::of(error, act.visitor.lang))?;
    let page = links::forms(&name);
    Ok(Redirect::to(&links::link(
        &page,
        &[("done", Some("queued"))],
    )))
}

fn known(registry: &Registry, name: &str, visitor: &Viewer) -> Result<ShopName, ErrorPage> {
    let shop = ShopName::parse(name).ok();
    let shop = shop.filter(|shop| registry.rules(shop).is_some());
    shop.ok_or_else(|| ErrorPage::not_found(visitor.lang))
}
