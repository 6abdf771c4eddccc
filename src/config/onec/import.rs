//! `[onec.NAME.import]`: what is taken in of a base's documents.

use super::OneC;
use crate::{
    config::{Master, Problem, Shop},
    domain::{BaseName, ShopName, Source, Winner},
    formats::{
        commerceml::Listed,
        onec::{Import, PaySystem, UsualPaySystems},
    },
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    change_status: Option<bool>,
    first_meeting: RawFirst,
    status_on_payment: Option<String>,
    status_on_shipment: Option<String>,
    status_on_cancel: Option<String>,
    create_payments: Option<bool>,
    create_shipments: Option<bool>,
    pay_system: RawPaySystems,
    create_orders: bool,
    new_orders_shop: Option<String>,
    create_order_for_shipment: bool,
    delivery_service: Option<String>,
    grow_basket: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawPaySystems {
    cash: Option<String>,
    cashless: Option<String>,
    acquiring: Option<String>,
    by_status: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawFirst {
    #[default]
    Shop,
    Onec,
    Review,
}

/// What a base's new orders may name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// The ways to pay.
    pub(super) pay_systems: &'a [PaySystem],
    /// The ways to deliver.
    pub(super) delivery_services: &'a [Listed],
}

pub(super) fn check(
    raw: Raw,
    (base, names): (&str, &[ShopName]),
    shops: &BTreeMap<ShopName, Shop>,
    known: Known<'_>,
    problems: &mut Vec<Problem>,
) -> Import {
    let new_orders_shop = new_orders(&raw, (base, names), known, problems);
    let pay_system = pay_systems(raw.pay_system, base, known.pay_systems, problems);
    let mut status = |key: &str, status: Option<String>| {
        let status = status.filter(|status| !status.is_empty())?;
        for name in names {
            let shop = shops.get(name);
            if shop.is_some_and(|shop| shop.rules.statuses.row(&status).is_none()) {
                problems.push(Problem::new(
                    format!("{base}.import.{key}"),
                    format!("the shop `{name}` has no status `{status}`"),
                    format!("name one of its statuses, or add it to [[shops.{name}.statuses]]"),
                ));
            }
        }
        Some(status)
    };
    Import {
        change_status: raw.change_status.unwrap_or(true),
        first_meeting: match raw.first_meeting {
            RawFirst::Shop => Winner::Shop,
            RawFirst::Onec => Winner::Onec,
            RawFirst::Review => Winner::Review,
        },
        status_on_payment: status("status_on_payment", raw.status_on_payment),
        status_on_shipment: status("status_on_shipment", raw.status_on_shipment),
        status_on_cancel: status("status_on_cancel", raw.status_on_cancel),
        create_payments: raw.create_payments.unwrap_or(true),
        create_shipments: raw.create_shipments.unwrap_or(true),
        pay_system,
        create_orders: raw.create_orders,
        new_orders_shop,
        create_order_for_shipment: raw.create_order_for_shipment,
        delivery_service: raw.delivery_service,
    }
}

/// The shop in which orders of 1C are made; what is wrong with how they are to be made is told.
fn new_orders(
    raw: &Raw,
    (base, names): (&str, &[ShopName]),
    known: Known<'_>,
    problems: &mut Vec<Problem>,
) -> Option<ShopName> {
    let key = format!("{base}.import");
    let given = raw.new_orders_shop.as_deref();
    let shop = given.and_then(|given| names.iter().find(|name| name.as_str() == given));
    if let Some(given) = given
        && shop.is_none()
    {
        problems.push(Problem::new(
            format!("{key}.new_orders_shop"),
            format!("`{given}` is no shop of this base"),
            "name one of its `shops`",
        ));
    }
    if raw.create_orders && given.is_none() && names.len() > 1 {
        problems.push(Problem::new(
            format!("{key}.new_orders_shop"),
            "missing, and the base has several shops",
            "name the shop in which orders of 1C are made",
        ));
    }
    if raw.create_order_for_shipment && !raw.create_orders {
        problems.push(Problem::new(
            format!("{key}.create_order_for_shipment"),
            "orders are made for shipments only where they are made at all",
            "set `create_orders = true`, too",
        ));
    }
    if raw.grow_basket {
        problems.push(Problem::new(
            format!("{key}.grow_basket"),
            "the basket is the shop's: the bridge does not enlarge it",
            "leave it out: what was shipped is in `bridge.order.shipment.v1`, line by line",
        ));
    }
    let services = known.delivery_services;
    if let Some(id) = &raw.delivery_service
        && !services.iter().any(|one| one.id == *id)
    {
        problems.push(Problem::new(
            format!("{key}.delivery_service"),
            format!("there is no way to deliver with the id `{id}`"),
            format!("name one of [[{base}.delivery_services]]"),
        ));
    }
    shop.cloned()
}

fn pay_systems(
    raw: RawPaySystems,
    base: &str,
    known: &[PaySystem],
    problems: &mut Vec<Problem>,
) -> UsualPaySystems {
    let given = [&raw.cash, &raw.cashless, &raw.acquiring, &raw.by_status];
    for id in given.into_iter().flatten() {
        if !known.iter().any(|one| one.listed.id == *id) {
            problems.push(Problem::new(
                format!("{base}.import.pay_system"),
                format!("there is no way to pay with the id `{id}`"),
                format!("name one of [[{base}.pay_systems]]"),
            ));
        }
    }
    UsualPaySystems {
        cash: raw.cash,
        cashless: raw.cashless,
        acquiring: raw.acquiring,
        by_status: raw.by_status,
    }
}

/// 1C can be right only where there is one.
pub(super) fn winners(
    bases: &BTreeMap<BaseName, OneC>,
    shops: &BTreeMap<ShopName, Shop>,
    problems: &mut Vec<Problem>,
) {
    for (name, shop) in shops {
        if bases.values().any(|one| one.base.shops.contains(name)) {
            continue;
        }
        let mut rules = shop.sources_of_truth.iter();
        let named = rules.any(|rule| rule.winner == Winner::Onec || !rule.onec.is_empty());
        let mut rows = shop.rules.statuses.rows().iter();
        if rows.any(|row| row.source == Some(Source::OneC)) {
            problems.push(Problem::new(
                format!("shops.{name}.statuses"),
                "`source = \"onec\"`, and no base has the orders of this shop",
                "add `[onec.NAME]` with this shop, or name another source",
            ));
        }
        if shop.master == Master::Onec {
            problems.push(Problem::new(
                format!("shops.{name}.master"),
                "`onec`, and no base has the orders of this shop",
                "add `[onec.NAME]` with this shop, or leave it out",
            ));
        }
        if shop
            .catalogue
            .as_ref()
            .is_some_and(|rules| rules.is_onecs())
        {
            problems.push(Problem::new(
                format!("shops.{name}.catalogue.owner"),
                "`onec`, and no base exchanges for this shop",
                "add `[onec.NAME]` with this shop, or leave it out",
            ));
        }
        if named || shop.conflict.default == Winner::Onec {
            problems.push(Problem::new(
                format!("shops.{name}.rules"),
                "1C is named, and no base has the orders of this shop",
                "add `[onec.NAME]` with this shop, or name another winner",
            ));
        }
    }
}
