//! The shape of an order.

use super::{Amount, Id, Texts};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A person or a company that orders.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderCustomer {
    /// The shop's customer id.
    id: Option<Id>,
    /// `person` or `company`.
    kind: Option<String>,
    /// First name.
    name: Option<String>,
    /// Last name.
    last_name: Option<String>,
    /// Patronymic.
    second_name: Option<String>,
    /// Phones.
    phones: Option<Texts>,
    /// E-mail addresses.
    emails: Option<Texts>,
    /// The legal entity.
    company: Option<OrderCompany>,
}

/// A legal entity.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderCompany {
    /// Its name.
    title: Option<String>,
    /// Taxpayer number.
    inn: Option<Id>,
    /// Registration reason code.
    kpp: Option<Id>,
    /// Postal address.
    address: Option<String>,
}

/// A line of an order.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderItem {
    /// The shop's product id.
    product_id: Option<Id>,
    /// 1C's id of the product, where the shop has it.
    xml_id: Option<Id>,
    /// Article.
    sku: Option<Id>,
    /// What it is called.
    name: String,
    /// How many units.
    quantity: Amount,
    /// Unit of measure.
    unit: Option<String>,
    /// Final price of one unit, discount included.
    price: Amount,
    /// Discount on one unit, already taken off.
    discount: Option<Amount>,
    /// VAT in percent.
    vat_rate: Option<Amount>,
    /// Whether the price includes it.
    vat_included: Option<bool>,
    /// What the customer chose of it, by name, such as size and 42.
    options: Option<BTreeMap<String, String>>,
}

/// A discount on the whole order.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderDiscount {
    /// What it is called.
    name: Option<String>,
    /// How much is taken off.
    amount: Amount,
    /// VAT in percent.
    vat_rate: Option<Amount>,
    /// Whether the amount includes it.
    vat_included: Option<bool>,
}

/// How and where to an order is delivered.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderDelivery {
    /// What it is called.
    method: Option<String>,
    /// What it costs.
    price: Option<Amount>,
    /// VAT in percent.
    vat_rate: Option<Amount>,
    /// Whether the price includes it.
    vat_included: Option<bool>,
    /// The address that it is delivered to.
    address: Option<String>,
}

/// How an order is paid for.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct OrderPayment {
    /// What it is called.
    method: Option<String>,
}

/// Campaign marks.
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
    /// Which store or till.
    store_id: Option<Id>,
    /// Receipt number.
    receipt: Option<Id>,
}
