//! Shortages: everybody who holds the goods side by side, and a person's word.

use super::ledger_of;
use crate::{
    app::{
        Stock,
        stock::{ShortReservation, ShortageRuling, ShortageView},
    },
    console::{
        i18n::messages::Text,
        session::{form::OperatorForm, viewer::Viewer},
        ui::{components, error_page::ErrorPage, layout},
    },
    domain::Place,
};
use axum::{
    extract::{Path, State as Extract},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;

/// An open shortage with its buttons.
pub(in crate::console) fn card(visitor: &Viewer, stores: &[String], of: &ShortageView) -> Markup {
    let others: Vec<&str> = stores
        .iter()
        .map(String::as_str)
        .filter(|store| *store != of.store)
        .collect();
    html! {
        section.card.alarm {
            h3 { "#" (of.id) " " a href=(ledger_of(&of.stock, &of.product)) { (of.product) } }
            p { (visitor.lang.told(&of.sentence)) }
            @if let Some(fault) = &of.fault { p { (fault) } }
            (components::explained(visitor, &of.code, Place::stock(&of.stock)))
            div.sides { @for one in &of.reservations { (side(visitor, of, one, &others)) } }
        }
    }
}

fn side(visitor: &Viewer, of: &ShortageView, one: &ShortReservation, others: &[&str]) -> Markup {
    let path = format!("/console/stock/shortages/{}", of.id);
    let paid = if one.paid { Text::Paid } else { Text::NotPaid };
    let named = [("id", &*one.id), ("shop", &*one.shop)];
    html! {
        div.side {
            span.quiet { (one.shop) " " (one.id) }
            b { (one.quantity) }
            @if one.number.is_some() {
                span { (visitor.text(Text::Order)) " "
                    (components::order(Some(&one.shop), one.number.as_deref())) }
            }
            span { (visitor.text(paid)) ", " (visitor.text(Text::HeldSince)) " "
                (components::moment(visitor, one.held_at)) }
            (components::button(visitor, &path, &named, visitor.text(Text::LosesIt)))
            @if one.bound {
                span.quiet { (visitor.text(Text::PickedUpHere)) }
            } @else if !others.is_empty() {
                form.inline method="post" action=(path) {
                    (layout::csrf(visitor))
                    @for (name, value) in named { input type="hidden" name=(name) value=(value); }
                    label {
                        (visitor.text(Text::HoldIn)) " " select name="to" {
                            @for store in others { option value=(store) { (store) } }
                        }
                    }
                    (components::submit(visitor, visitor.text(Text::MoveIt)))
                }
            }
        }
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct Ruling {
    id: String,
    shop: String,
    #[serde(default)]
    to: String,
}

/// `POST /console/stock/shortages/{id}`: a person decides about one reservation of a shortage.
pub(in crate::console) async fn rule(
    Extract(stock): Extract<Stock>,
    Path(id): Path<String>,
    act: OperatorForm<Ruling>,
) -> Result<Redirect, ErrorPage> {
    let lang = act.visitor.lang;
    let id = id.parse().map_err(|_| ErrorPage::not_found(lang))?;
    let actor = act.visitor.actor();
    let Ruling { id: of, shop, to } = act.form;
    let ruling = ShortageRuling {
        id: of,
        shop: Some(shop),
        to: Some(to).filter(|to| !to.is_empty()),
    };
    let ruled = stock.rule_shortage(id, &ruling, &actor).await;
    ruled.map_err(|error| ErrorPage::of(error, lang))?;
    Ok(Redirect::to("/console/stock?done=ruled"))
}
