//! The contents of an order: who ordered what, for how much.

use crate::{
    app::{OrderContents, OrderItem},
    console::{i18n::messages::Text, session::viewer::Viewer, ui::components},
};
use maud::{Markup, html};

/// The order as its shop last told it; a sentence where that is no longer stored.
pub(super) fn contents(visitor: &Viewer, order: Option<&OrderContents>) -> Markup {
    let Some(order) = order else {
        return html! { p.quiet { (visitor.text(Text::ContentsNotStored)) } };
    };
    let amount = |plain: &str| {
        format!(
            "{} {}",
            components::amount(visitor.lang, plain),
            order.currency
        )
    };
    let paid = if order.paid {
        Text::Paid
    } else {
        Text::NotPaid
    };
    html! {
        h2 { (visitor.text(Text::WhatWasOrdered)) }
        (facts(visitor, order, &amount(&order.total), paid))
        @if !order.items.is_empty() { (items(visitor, order)) }
        @if let Some(comment) = &order.comment { blockquote.words { (comment) } }
    }
}

fn facts(visitor: &Viewer, order: &OrderContents, total: &str, paid: Text) -> Markup {
    let customer = order.customer.as_ref();
    let delivery = order.delivery.as_ref();
    let name = customer.and_then(|one| one.name.as_deref());
    let company = customer.and_then(|one| one.company.as_deref());
    let inn = customer.and_then(|one| one.inn.as_deref());
    html! {
        dl.facts {
            div {
                dt { (visitor.text(Text::Total)) }
                dd {
                    strong { (total) } " · " (visitor.text(paid))
                    @if order.cancelled { " · " (visitor.text(Text::Cancelled)) }
                }
            }
            @if let Some(at) = order.created_at {
                div { dt { (visitor.text(Text::Placed)) } dd { (components::moment(visitor, at)) } }
            }
            @if let Some(customer) = customer {
                div {
                    dt { (visitor.text(Text::Customer)) } dd {
                        (name.unwrap_or("—"))
                        @for phone in &customer.phones {
                            br; a href=(format!("tel:{phone}")) { (phone) }
                        }
                        @for email in &customer.emails {
                            br; a href=(format!("mailto:{email}")) { (email) }
                        }
                    }
                }
            }
            @if company.is_some() || inn.is_some() {
                div {
                    dt { (visitor.text(Text::Company)) } dd {
                        (company.unwrap_or("—"))
                        @if let Some(inn) = inn {
                            ", " (visitor.text(Text::TaxNumber)) " " (inn)
                        }
                    }
                }
            }
            @if let Some(delivery) = delivery {
                div {
                    dt { (visitor.text(Text::DeliveredBy)) } dd {
                        (delivery.method.as_deref().unwrap_or("—")) ", "
                        (components::amount(visitor.lang, &delivery.price)) " " (order.currency)
                        @if let Some(address) = &delivery.address { br; (address) }
                    }
                }
            }
            @if let Some(payment) = &order.payment {
                div { dt { (visitor.text(Text::PaidBy)) } dd { (payment) } }
            }
        }
    }
}

fn items(visitor: &Viewer, order: &OrderContents) -> Markup {
    let amount = |plain: &str| components::amount(visitor.lang, plain);
    let quantity = |item: &OrderItem| match &item.unit {
        Some(unit) => format!("{} {unit}", amount(&item.quantity)),
        None => amount(&item.quantity),
    };
    html! {
        div.scroll { table.stacks {
            thead { tr {
                th { (visitor.text(Text::Product)) } th { (visitor.text(Text::Article)) }
                th.num { (visitor.text(Text::Quantity)) } th.num { (visitor.text(Text::Price)) }
                th.num { (visitor.text(Text::Total)) }
            } }
            tbody { @for item in &order.items { tr {
                td data-label=(visitor.text(Text::Product)) { (item.name) }
                td data-label=(visitor.text(Text::Article)) { (item.sku.as_deref().unwrap_or("—")) }
                td.num data-label=(visitor.text(Text::Quantity)) { (quantity(item)) }
                td.num data-label=(visitor.text(Text::Price)) { (amount(&item.price)) }
                td.num data-label=(visitor.text(Text::Total)) {
                    (item.sum.as_deref().map_or_else(|| "—".to_owned(), amount))
                }
            } }
            @if let Some(discount) = &order.discount { tr {
                td data-label=(visitor.text(Text::Product)) { (visitor.text(Text::Discount)) }
                td {} td {} td {}
                td.num data-label=(visitor.text(Text::Total)) { "−" (amount(discount)) }
            } } }
        } }
    }
}
