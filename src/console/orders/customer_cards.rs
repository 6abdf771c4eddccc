//! The cards of an order's customer: by what each was recognised, which were passed over, and "this
//! is not he".

use crate::{
    app::{Because, Card, Delivery, Error, Evidence, OrderView, Passed, Recognition},
    console::{
        i18n::messages::Text,
        session::{form::OperatorForm, viewer::Viewer},
        ui::{components, error_page::ErrorPage, links},
    },
    domain::ShopName,
};
use axum::{
    extract::{Path, State as Extract},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;

/// The order's contact and company, each with what spoke for it and a button against it.
pub(in crate::console) fn cards(
    visitor: &Viewer,
    order: &OrderView,
    origin: Option<&str>,
) -> Markup {
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
        h2 { (visitor.text(Text::WhoTheCustomerIs)) }
        @for (card, id, recognition) in told { @if let Some(id) = id {
            (one(visitor, order, (card, id), recognition, origin))
        } }
    }
}

fn one(
    visitor: &Viewer,
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
    let action = format!("{}/not-customer", links::order(&order.shop, &order.number));
    let id_text = id.to_string();
    html! {
        section.card {
            p {
                strong { (visitor.text(name)) }
                " " (
                    components::entity(origin, kind, id)
                ) ": " (because(visitor, recognition))
            }
            @if let Some(recognition) = recognition.filter(|one| !one.passed.is_empty()) {
                details {
                    summary { (visitor.text(Text::PassedOver)) " (" (recognition.passed.len()) ")" }
                    ul {
                        @for passed in &recognition.passed {
                            li {
                                (
                                    components::entity(origin, kind, passed.id)
                                ) ": " (against(visitor, passed))
                            }
                        }
                    }
                }
            }
            p.quiet { (visitor.text(Text::NotHeExplained)) }
            form.inline method="post" action=(action) {
                (crate::console::ui::layout::csrf(visitor))
                input type="hidden" name="card" value=(kind);
                input type="hidden" name="id" value=(id_text);
                (components::danger(visitor, visitor.text(not)))
            }
        }
    }
}

/// What spoke for a card.
fn because(visitor: &Viewer, recognition: Option<&Recognition>) -> Markup {
    let Some(recognition) = recognition else {
        return html! { (visitor.text(Text::NotOnRecord)) };
    };
    let words = recognition.evidence.iter().map(|one| {
        visitor.text(match one {
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
fn against(visitor: &Viewer, passed: &Passed) -> Markup {
    let text = match passed.because {
        Because::Name => Text::NotByName,
        Because::AnotherCustomer => Text::NotByCustomer,
        Because::CommonAddress => Text::NotByAddress,
        Because::Operator => Text::NotByOperator,
    };
    html! {
        (visitor.text(text))
        @if let Some(who) = &passed.who { ": " (who) }
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct Not {
    card: Card,
    id: String,
}

/// `POST /console/orders/{shop}/{number}/not-customer`: a card is not the customer's.
pub(in crate::console) async fn not_customer(
    Extract(delivery): Extract<Delivery>,
    Path((shop, number)): Path<(String, String)>,
    act: OperatorForm<Not>,
) -> Result<Redirect, ErrorPage> {
    let lang = act.visitor.lang;
    let shop = ShopName::parse(&shop).map_err(|_| ErrorPage::not_found(lang))?;
    let id = act.form.id.parse();
    let id: u64 = id.map_err(|_| ErrorPage::unusable("id", lang))?;
    if number.contains('\0') {
        return Err(ErrorPage::not_found(lang));
    }
    let card = (act.form.card, Some(id));
    let actor = act.visitor.actor();
    let said = delivery.not_customer(&shop, &number, card, &actor);
    let done = match said.await {
        Ok(not) if not.now => "not-customer",
        Ok(_) => "not-customer-later",
        // Somebody was faster, or the deal has gone on to another card by itself.
        Err(Error::NotFound) => "another-card",
        Err(error) => return Err(ErrorPage::of(error, lang)),
    };
    let page = links::order(shop.as_str(), &number);
    Ok(Redirect::to(&links::link(&page, &[("done", Some(done))])))
}
