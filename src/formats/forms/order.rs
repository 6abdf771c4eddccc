//! A submission as the planner takes it: an order without goods and without a sum.

use super::enquiry::Enquiry;
use crate::domain::{
    Channel, Company, Customer, CustomerKind, FormRules, LeadRule, OrderNumber, Origin, ShopRules,
    Snapshot, StatusMap,
};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// The status of every submission; none of the portal's stages stands for it.
const RECEIVED: &str = "received";

/// The rules and the snapshot by which a submission is brought to the portal. A deal begins in the
/// funnel's first stage, which the portal chooses.
pub fn as_order(
    shop: &ShopRules,
    form: &FormRules,
    lead: bool,
    (number, enquiry): (OrderNumber, &Enquiry),
) -> (ShopRules, Snapshot) {
    let user = enquiry.user.keys();
    let fields = user.map(|field| (format!("form.{field}"), field.clone()));
    let status = LeadRule {
        channel: None,
        property: None,
        status: "NEW".to_owned(),
    };
    let rules = ShopRules {
        funnel: form.funnel,
        statuses: StatusMap::new(Vec::new()),
        title: title(form, enquiry),
        responsible_id: form.responsible_id.or(shop.responsible_id),
        source_id: Some(form.source_id.clone()),
        fields: fields.collect(),
        leads: if lead { vec![status] } else { Vec::new() },
        ..shop.clone()
    };
    (rules, snapshot(form, number, enquiry))
}

/// A template without placeholders: what a visitor wrote is not read as one.
pub(super) fn title(form: &FormRules, enquiry: &Enquiry) -> String {
    let name = [enquiry.name.clone(), enquiry.last_name.clone()];
    let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let phone = enquiry.phones.first().map(ToString::to_string);
    let who = Some(name)
        .filter(|name| !name.is_empty())
        .or(phone)
        .or_else(|| enquiry.emails.first().cloned());
    let title = who.map_or_else(|| form.name.clone(), |who| format!("{}: {who}", form.name));
    title.replace(['{', '}'], " ")
}

fn snapshot(form: &FormRules, number: OrderNumber, enquiry: &Enquiry) -> Snapshot {
    let company = enquiry.company.as_ref().map(|title| Company {
        title: Some(title.clone()),
        inn: None,
        kpp: None,
        address: None,
    });
    let user: Map<String, Value> = enquiry
        .user
        .iter()
        .map(|(field, value)| (field.clone(), Value::from(value.clone())))
        .collect();
    let data = Map::from_iter([("form".to_owned(), Value::Object(user))]);
    Snapshot {
        number,
        id: None,
        version: None,
        status: RECEIVED.to_owned(),
        status_changed_at: None,
        created_at: None,
        updated_at: None,
        currency: String::new(),
        total: Decimal::ZERO,
        paid: false,
        paid_at: None,
        completed_at: None,
        cancelled: false,
        cancel_reason: None,
        customer: Some(Customer {
            id: None,
            kind: CustomerKind::Person,
            name: enquiry.name.clone(),
            last_name: enquiry.last_name.clone(),
            second_name: None,
            phones: enquiry.phones.clone(),
            emails: enquiry.emails.clone(),
            company,
        }),
        items: Vec::new(),
        discounts: Vec::new(),
        delivery: None,
        payment: None,
        properties: Map::new(),
        utm: enquiry.utm.clone(),
        comment: enquiry.comment.clone(),
        notes: enquiry.rest.clone(),
        origin: Origin {
            channel: Channel::Other(format!("form {}", form.name)),
            store_id: None,
            receipt: None,
        },
        left_out: Vec::new(),
        readable: enquiry.readable.clone(),
        data,
    }
}
