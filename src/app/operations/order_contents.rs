//! The contents of an order: who ordered what, for how much, as the shop last told it.

use crate::domain::{Customer, Delivery, Item, Snapshot, money};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

/// An order as its shop last told it. Money is in `currency`, as decimal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderContents {
    /// When it was placed, by the shop's clock.
    pub created_at: Option<DateTime<Utc>>,
    /// The currency of all its amounts (ISO 4217).
    pub currency: String,
    /// What the customer pays, everything included.
    pub total: String,
    /// Whether it is paid.
    pub paid: bool,
    /// Whether it is cancelled.
    pub cancelled: bool,
    /// The method of payment, as the shop calls it.
    pub payment: Option<String>,
    /// Who ordered; left out where the order names nobody.
    pub customer: Option<OrderCustomer>,
    /// What was ordered, a line each.
    pub items: Vec<OrderItem>,
    /// The sum of the discounts on the whole order; left out where there is none.
    pub discount: Option<String>,
    /// How it is delivered.
    pub delivery: Option<OrderDelivery>,
    /// The customer's comment. Hostile text.
    pub comment: Option<String>,
}

/// Who ordered, as the shop last told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderCustomer {
    /// First, second and last name, in this order.
    pub name: Option<String>,
    /// Phones, with the country's code.
    pub phones: Vec<String>,
    /// E-mail addresses that can be written to.
    pub emails: Vec<String>,
    /// The legal entity's name, where one ordered.
    pub company: Option<String>,
    /// The legal entity's taxpayer number (ИНН).
    pub inn: Option<String>,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderItem {
    /// What it is called.
    pub name: String,
    /// The shop's article (SKU).
    pub sku: Option<String>,
    /// How many units, as a decimal.
    pub quantity: String,
    /// The unit of measure, in the shop's words.
    pub unit: Option<String>,
    /// The price of one unit, its discount taken off.
    pub price: String,
    /// Price by quantity; null where that is too large for money.
    pub sum: Option<String>,
}

/// How an order is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderDelivery {
    /// What it is called.
    pub method: Option<String>,
    /// The price of the delivery.
    pub price: String,
    /// The address that it is delivered to.
    pub address: Option<String>,
}

impl From<&Snapshot> for OrderContents {
    fn from(order: &Snapshot) -> Self {
        let discount = order.discounts.iter().map(|one| one.amount);
        let discount = discount.fold(Decimal::ZERO, Decimal::saturating_add);
        Self {
            created_at: order.created_at,
            currency: order.currency.clone(),
            total: money::text(order.total),
            paid: order.paid,
            cancelled: order.cancelled,
            payment: order.payment.as_ref().and_then(|one| one.method.clone()),
            customer: order.customer.as_ref().map(OrderCustomer::from),
            items: order.items.iter().map(OrderItem::from).collect(),
            discount: (!discount.is_zero()).then(|| money::text(discount)),
            delivery: order.delivery.as_ref().map(OrderDelivery::from),
            comment: order.comment.clone(),
        }
    }
}

impl From<&Customer> for OrderCustomer {
    fn from(customer: &Customer) -> Self {
        let names = [&customer.name, &customer.second_name, &customer.last_name];
        let names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        let company = customer.company.as_ref();
        Self {
            name: (!names.is_empty()).then(|| names.join(" ")),
            phones: customer.phones.iter().map(ToString::to_string).collect(),
            emails: customer.emails.clone(),
            company: company.and_then(|company| company.title.clone()),
            inn: company.and_then(|company| company.inn.clone()),
        }
    }
}

impl From<&Item> for OrderItem {
    fn from(item: &Item) -> Self {
        Self {
            name: item.name.clone(),
            sku: item.sku.clone(),
            quantity: item.quantity.normalize().to_string(),
            unit: item.unit.clone(),
            price: money::text(item.price),
            sum: item.price.checked_mul(item.quantity).map(money::text),
        }
    }
}

impl From<&Delivery> for OrderDelivery {
    fn from(delivery: &Delivery) -> Self {
        Self {
            method: delivery.method.clone(),
            price: money::text(delivery.price),
            address: delivery.address.clone(),
        }
    }
}
