//! Deals and leads: found by origin, made with their rows, kept in step, read back.
//!
//! A deal or lead carries its order's number as ORIGIN_ID and its shop as ORIGINATOR_ID. Nothing is
//! made before that origin was looked up, so that an order whose answer was lost is found and not
//! made twice.

mod fields;
pub(super) mod links;
mod lookup;
pub(super) mod product_rows;
mod read_back;
mod write;

pub(super) use read_back::{read_back, read_back_room};

use super::{
    State,
    json::text,
    list_query::{self, listed, of_ids, of_origins},
};
use crate::domain::Stage;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The names that differ between deals and leads.
struct Names {
    add: &'static str,
    update: &'static str,
    list: &'static str,
    rows: &'static str,
    set_rows: &'static str,
    stage: &'static str,
}

const DEAL: Names = Names {
    add: "crm.deal.add",
    update: "crm.deal.update",
    list: "crm.deal.list",
    rows: "crm.deal.productrows.get",
    set_rows: "crm.deal.productrows.set",
    stage: "STAGE_ID",
};

const LEAD: Names = Names {
    add: "crm.lead.add",
    update: "crm.lead.update",
    list: "crm.lead.list",
    rows: "crm.lead.productrows.get",
    set_rows: "crm.lead.productrows.set",
    stage: "STATUS_ID",
};

fn names(lead: bool) -> &'static Names {
    if lead { &LEAD } else { &DEAL }
}

/// A deal's stage with its funnel.
pub(super) fn stage_of(row: &Map<String, Value>) -> Stage {
    let id = text(row.get("STAGE_ID"));
    let by_prefix = id
        .strip_prefix('C')
        .and_then(|rest| rest.split_once(':'))
        .and_then(|(funnel, _)| funnel.parse().ok());
    let funnel = text(row.get("CATEGORY_ID"))
        .parse()
        .ok()
        .or(by_prefix)
        .unwrap_or(0);
    Stage { funnel, id }
}

/// The method and the parameters that look orders of one shop up by their origin; above this id, if
/// one is given.
pub(super) fn by_origin(
    lead: bool,
    orders: &[&State],
    above: Option<u64>,
) -> (&'static str, Value) {
    let numbers: Vec<&str> = orders
        .iter()
        .map(|state| state.job.number.as_str())
        .collect();
    let shop = orders
        .first()
        .map_or("", |state| state.job.rules.shop.as_str());
    let filter = list_query::above(of_origins(shop, &numbers), above);
    (names(lead).list, listed(&filter, &select(lead, orders)))
}

/// The same by the ids of the deals or leads.
fn by_id(lead: bool, orders: &[&State]) -> (&'static str, Value) {
    let ids: Vec<u64> = orders
        .iter()
        .filter_map(|state| state.target_id())
        .collect();
    (
        names(lead).list,
        listed(&of_ids(&ids), &select(lead, orders)),
    )
}

/// The fields that are read of deals and leads: what the planner looks at itself, and what these
/// orders write.
fn select(lead: bool, orders: &[&State]) -> Vec<String> {
    let stage: &[&str] = if lead {
        &["STATUS_ID"]
    } else {
        &["STAGE_ID", "CATEGORY_ID"]
    };
    let fixed = [
        "ID",
        "ORIGINATOR_ID",
        "ORIGIN_ID",
        "TITLE",
        "CURRENCY_ID",
        "OPPORTUNITY",
        "IS_MANUAL_OPPORTUNITY",
        "COMMENTS",
        "CONTACT_ID",
        "COMPANY_ID",
    ];
    let mut fields: Vec<String> = fixed.iter().chain(stage).map(ToString::to_string).collect();
    if orders.iter().any(|state| state.links_are_due()) {
        fields.push("CLOSED".to_owned());
    }
    let kept: BTreeSet<&String> = orders
        .iter()
        .filter_map(|state| state.desired.as_ref())
        .flat_map(|desired| desired.kept.keys())
        .collect();
    fields.extend(
        kept.into_iter()
            .filter(|field| !fixed.contains(&field.as_str()))
            .cloned(),
    );
    fields
}
