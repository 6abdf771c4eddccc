//! The shape of an order.

use super::{Amount, Id, Texts};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A person or a company that orders.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderCustomer {
    /// The shop's id of the customer, at most 200 characters: the same customer has the same.
    id: Option<Id>,
    /// `person` or `company`; left out, `company` where `company` is told, else `person`.
    kind: Option<String>,
    /// The first name; beyond 500 characters it is shortened.
    name: Option<String>,
    /// The last name; beyond 500 characters it is shortened.
    last_name: Option<String>,
    /// The patronymic (отчество); beyond 500 characters it is shortened.
    second_name: Option<String>,
    /// At most 20 telephones, as people write them. What cannot be dialled is left out, and said.
    phones: Option<Texts>,
    /// At most 20 e-mail addresses. What is no address is left out, and said.
    emails: Option<Texts>,
    /// The legal entity that orders, or for which the person does.
    company: Option<OrderCompany>,
}

/// A legal entity, by its Russian numbers.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderCompany {
    /// The entity's name; beyond 500 characters it is shortened.
    title: Option<String>,
    /// The taxpayer number (ИНН) with its check digits. A wrong one is left out, and said.
    inn: Option<Id>,
    /// The registration reason code (КПП), 9 characters. A wrong one is left out, and said.
    kpp: Option<Id>,
    /// The postal address; beyond 1,000 characters it is shortened.
    address: Option<String>,
}

/// A line of an order.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderItem {
    /// The shop's id of the product, at most 256 characters.
    product_id: Option<Id>,
    /// 1C's id of the product, where the shop has it.
    xml_id: Option<Id>,
    /// The shop's article (SKU), at most 256 characters.
    sku: Option<Id>,
    /// What it is called; beyond 500 characters it is shortened.
    name: String,
    /// How many units were ordered: above zero.
    quantity: Amount,
    /// The unit of measure, by its symbol or its OKEI code; at most 50 characters.
    unit: Option<String>,
    /// Final price of one unit, discount included.
    price: Amount,
    /// Discount on one unit, already taken off.
    discount: Option<Amount>,
    /// The rate of VAT in percent, 0 to 100.
    vat_rate: Option<Amount>,
    /// Whether the price includes VAT (the default).
    vat_included: Option<bool>,
    /// What the customer chose of it, by name, such as size and 42.
    options: Option<BTreeMap<String, String>>,
}

/// A discount on the whole order.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderDiscount {
    /// What it is called; left out, `Скидка`.
    name: Option<String>,
    /// How much is taken off, not below zero.
    amount: Amount,
    /// The rate of VAT in percent, 0 to 100.
    vat_rate: Option<Amount>,
    /// Whether the amount includes VAT (the default).
    vat_included: Option<bool>,
}

/// How and where to an order is delivered.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderDelivery {
    /// What people call it; beyond 500 characters it is shortened.
    method: Option<String>,
    /// The price of the delivery; left out, 0.
    price: Option<Amount>,
    /// The rate of VAT in percent, 0 to 100.
    vat_rate: Option<Amount>,
    /// Whether the price includes VAT (the default).
    vat_included: Option<bool>,
    /// The address that it is delivered to.
    address: Option<String>,
}

/// How an order is paid for.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderPayment {
    /// What people call it; beyond 500 characters it is shortened.
    method: Option<String>,
}

/// The campaign marks of the customer's visit: `utm_source`, `utm_medium` and so on, each at most
/// 500 characters.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderUtm {
    source: Option<String>,
    medium: Option<String>,
    campaign: Option<String>,
    content: Option<String>,
    term: Option<String>,
}

/// Where an order was placed.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderOrigin {
    /// `online`, `pos`, `operator`, or any other.
    channel: Option<String>,
    /// The id of the store or till, at most 256 characters.
    store_id: Option<Id>,
    /// The number of the till's receipt, at most 256 characters.
    receipt: Option<Id>,
}
