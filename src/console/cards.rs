//! Whose cards an order has: by what each was recognised, which were passed over, and "this is not he".

use super::{State, act::Act, fault::Fault, parts, query, session::Visitor, text::Text};
use crate::{
    app::{Because, Card, Error, Evidence, OrderView, Passed, Recognition},
    domain::ShopName,
};
use axum::{
    extract::{Path, State as Extract},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;

/// The order's contact and company, each with what spoke for it and a button against it.
pub(super) fn cards(visitor: &Visitor, order: &OrderView, origin: Option<&str>) -> Markup {
    let recognised = order.recognised.as_ref();
    let told = [
        (
            Card::Contact,
            order.contact_id,
            recognised.and_then(|all| all.contact.as_ref()),
        ),
        (
            Card::Company,
            order.company_id,
            recognised.and_then(|all| all.company.as_ref()),
        ),
    ];
    if order.contact_id.is_none() && order.company_id.is_none() {
        return html! {};
    }
    html! {
        h2 { (visitor.say(Text::WhoTheCustomerIs)) }
        @for (card, id, recognition) in told { @if let Some(id) = id {
            (one(visitor, order, (card, id), recognition, origin))
        } }
    }
}

fn one(
    visitor: &Visitor,
    order: &OrderView,
    (card, id): (Card, u64),
    recognition: Option<&Recognition>,
    origin: Option<&str>,
) -> Markup {
    let (name, kind, not) = match card {
        Card::Contact => (Text::Contact, "contact", Text::NotHe),
        Card::Company => (Text::Company, "company", Text::NotIts),
    };
    // What was recognised may since have been put in another's place by hand.
    let recognition = recognition.filter(|recognition| recognition.id == id);
    let action = format!("{}/not-customer", query::order(&order.shop, &order.number));
    let id_text = id.to_string();
    html! {
        section.card {
            p { strong { (visitor.say(name)) } " " (parts::entity(visitor, origin, kind, id)) ": "
                (because(visitor, recognition)) }
            @if let Some(recognition) = recognition.filter(|one| !one.passed.is_empty()) {
                details { summary { (visitor.say(Text::PassedOver)) " (" (recognition.passed.len()) ")" }
                    ul { @for passed in &recognition.passed { li {
                        (parts::entity(visitor, origin, kind, passed.id)) ": " (against(visitor, passed))
                    } } }
                }
            }
            p.quiet { (visitor.say(Text::NotHeExplained)) }
            form.inline method="post" action=(action) {
                (super::layout::csrf(visitor))
                input type="hidden" name="card" value=(kind);
                input type="hidden" name="id" value=(id_text);
                (parts::danger(visitor, visitor.say(not)))
            }
        }
    }
}

/// What spoke for a card.
fn because(visitor: &Visitor, recognition: Option<&Recognition>) -> Markup {
    let Some(recognition) = recognition else {
        return html! { (visitor.say(Text::NotOnRecord)) };
    };
    let words = recognition.evidence.iter().map(|one| {
        visitor.say(match one {
            Evidence::Made => Text::ByMade,
            Evidence::Order => Text::ByOrder,
            Evidence::Deal => Text::ByDeal,
            Evidence::Link => Text::ByLink,
            Evidence::Origin => Text::ByOrigin,
            Evidence::Inn => Text::ByInn,
            Evidence::Kpp => Text::ByKpp,
            Evidence::Phone => Text::ByPhone,
            Evidence::Email => Text::ByEmail,
            Evidence::Title => Text::ByTitle,
            Evidence::Name => Text::ByName,
            Evidence::PartOfName => Text::ByPartOfName,
        })
    });
    let words: Vec<&str> = words.collect();
    html! {
        (words.join(", "))
        @if !recognition.values.is_empty() { " (" (recognition.values.join(", ")) ")" }
    }
}

/// What spoke against a card.
fn against(visitor: &Visitor, passed: &Passed) -> Markup {
    let text = match passed.because {
        Because::Name => Text::NotByName,
        Because::AnotherCustomer => Text::NotByCustomer,
        Because::CommonAddress => Text::NotByAddress,
        Because::Operator => Text::NotByOperator,
    };
    html! {
        (visitor.say(text))
        @if let Some(who) = &passed.who { ": " (who) }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Not {
    card: Card,
    id: String,
}

/// `POST /console/orders/{shop}/{number}/not-customer`.
pub(super) async fn not_customer(
    Extract(state): Extract<State>,
    Path((shop, number)): Path<(String, String)>,
    act: Act<Not>,
) -> Result<Redirect, Fault> {
    let lang = act.visitor.lang;
    let shop = ShopName::parse(&shop).map_err(|_| Fault::not_found(lang))?;
    let id = act.form.id.parse();
    let id: u64 = id.map_err(|_| Fault::unusable("id", lang))?;
    if number.contains('\0') {
        return Err(Fault::not_found(lang));
    }
    let card = (act.form.card, Some(id));
    let actor = act.visitor.actor();
    let said = state.bridge.not_customer(&shop, &number, card, &actor);
    let done = match said.await {
        Ok(not) if not.now => "not-customer",
        Ok(_) => "not-customer-later",
        // Somebody was faster, or the deal has gone on to another card by itself.
        Err(Error::NotFound) => "another-card",
        Err(error) => return Err(Fault::of(error, lang)),
    };
    let page = query::order(shop.as_str(), &number);
    Ok(Redirect::to(&query::link(&page, &[("done", Some(done))])))
}
