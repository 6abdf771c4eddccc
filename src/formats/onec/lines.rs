//! Contents that add up to the order's total, with discounts and VAT.

use super::{Discounts, at, text_of};
use crate::{
    domain::Snapshot,
    formats::commerceml::{
        Amount, Tax, spread,
        write::{OrderLine, Unit},
    },
};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;
use std::collections::BTreeMap;

/// The `Ид` of the delivery.
pub(super) const DELIVERY: &str = "ORDER_DELIVERY";
/// The `Ид` of the discounts, where they are a line.
const DISCOUNT: &str = "ORDER_DISCOUNT";
/// The `Ид` of an order's sum where it has no line that could carry it.
const WHOLE: &str = "ORDER_SUM";

/// The lines, the taxes of the whole order, and what it comes to.
pub(super) struct Contents {
    pub(super) lines: Vec<OrderLine>,
    pub(super) taxes: Vec<Tax>,
    pub(super) total: Decimal,
    /// What the goods come to, the delivery not among them.
    pub(super) goods: Decimal,
    pub(super) delivery: Decimal,
}

/// A line before its sum is known.
struct Draft {
    line: OrderLine,
    /// What it comes to, its VAT included.
    gross: Decimal,
    rate: Option<Decimal>,
    on_top: bool,
}

fn rounded(sum: Decimal) -> Decimal {
    sum.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// A sum with its VAT.
fn with_vat(sum: Decimal, rate: Option<Decimal>, included: bool) -> Option<Decimal> {
    match rate.filter(|_| !included) {
        Some(rate) => {
            let vat = sum.checked_mul(rate)?.checked_div(Decimal::ONE_HUNDRED)?;
            Some(rounded(sum.checked_add(rounded(vat))?))
        }
        None => Some(rounded(sum)),
    }
}

/// A sum without the VAT that it holds.
fn net(gross: Decimal, rate: Decimal) -> Option<Decimal> {
    let whole = Decimal::ONE_HUNDRED.checked_add(rate)?;
    let net = gross
        .checked_mul(Decimal::ONE_HUNDRED)?
        .checked_div(whole)?;
    Some(rounded(net))
}

/// The lines of an order. None if its numbers do not fit or cannot be brought to its total.
pub(super) fn of(
    order: &Snapshot,
    discounts: Discounts,
    known: &BTreeMap<String, String>,
) -> Option<Contents> {
    let total = rounded(order.total);
    let mut goods = Vec::with_capacity(order.items.len());
    for nth in 0..order.items.len() {
        goods.push(item(order, nth, known)?);
    }
    let delivery = delivery(order).ok()?;
    let discount = match discounts {
        Discounts::Line => discount(order).ok()?,
        Discounts::InPrice => None,
    };
    let fixed: Vec<Draft> = delivery.into_iter().chain(discount).collect();
    let of_fixed = fixed
        .iter()
        .try_fold(Decimal::ZERO, |all, one| all.checked_add(one.gross))?;
    if goods.is_empty() && of_fixed != total {
        goods.push(whole(order, total.checked_sub(of_fixed)?));
    }
    let target = total.checked_sub(of_fixed)?;
    let mut drafts: Vec<Draft>;
    if goods.is_empty() || target.is_sign_positive() || target.is_zero() {
        let grosses: Vec<Decimal> = goods.iter().map(|one| one.gross).collect();
        let sums = spread(&grosses, target)?;
        for (one, sum) in goods.iter_mut().zip(sums) {
            one.gross = sum;
        }
        drafts = goods.into_iter().chain(fixed).collect();
    } else {
        // The goods alone cannot bear it: the delivery bears its part.
        drafts = goods.into_iter().chain(fixed).collect();
        let grosses: Vec<Decimal> = drafts.iter().map(|one| one.gross).collect();
        for (one, sum) in drafts.iter_mut().zip(spread(&grosses, total)?) {
            one.gross = sum;
        }
    }
    finished(drafts, total)
}

/// Sums, prices and taxes, once it is known what each line comes to.
fn finished(drafts: Vec<Draft>, total: Decimal) -> Option<Contents> {
    let taxed = |on_top| {
        let mut drafts = drafts.iter();
        drafts.any(|one| one.on_top == on_top && one.rate.is_some_and(|rate| !rate.is_zero()))
    };
    // 1C reads one mark for the whole order; where both kinds stand in it, all hold their VAT.
    let on_top = taxed(true) && !taxed(false);
    let mut found = Contents {
        lines: Vec::with_capacity(drafts.len()),
        taxes: Vec::new(),
        total,
        goods: Decimal::ZERO,
        delivery: Decimal::ZERO,
    };
    for draft in drafts {
        let Draft {
            mut line,
            gross,
            rate,
            ..
        } = draft;
        let without = rate.map_or(Some(gross), |rate| net(gross, rate))?;
        line.sum = if on_top { without } else { gross };
        let vat = gross.checked_sub(without)?;
        let quantity = line.quantity;
        line.price = Amount {
            sum: line.sum,
            quantity,
        }
        .price();
        line.tax = rate.map(|rate| tax(rate, vat, on_top));
        if let Some(rate) = rate {
            add(&mut found.taxes, rate, vat, on_top)?;
        }
        if line.id == DELIVERY {
            found.delivery = found.delivery.checked_add(gross)?;
        } else {
            found.goods = found.goods.checked_add(gross)?;
        }
        found.lines.push(line);
    }
    Some(found)
}

fn tax(rate: Decimal, sum: Decimal, on_top: bool) -> Tax {
    Tax {
        name: "НДС".to_owned(),
        included: Some(!on_top),
        sum: Some(sum),
        rate: Some(rate),
    }
}

fn add(taxes: &mut Vec<Tax>, rate: Decimal, vat: Decimal, on_top: bool) -> Option<()> {
    match taxes.iter_mut().find(|tax| tax.rate == Some(rate)) {
        Some(known) => known.sum = Some(known.sum?.checked_add(vat)?),
        None => taxes.push(tax(rate, vat, on_top)),
    }
    Some(())
}

fn item(order: &Snapshot, nth: usize, known: &BTreeMap<String, String>) -> Option<Draft> {
    let item = order.items.get(nth)?;
    let raw = order.data.get("items").and_then(|items| items.get(nth));
    let given = |name: &str| raw.and_then(|raw| raw.get(name)).and_then(text_of);
    let by_sku = item.sku.as_ref().and_then(|sku| known.get(sku)).cloned();
    let id = given("xml_id")
        .or(by_sku)
        .or_else(|| item.product_id.clone())
        .or_else(|| item.sku.clone())
        .unwrap_or_else(|| format!("{}-{}", order.number, nth + 1));
    let sum = item.price.checked_mul(item.quantity)?;
    let discount = item.discount.checked_mul(item.quantity)?;
    let mut requisites = vec![("НомерПозицииКорзины".to_owned(), (nth + 1).to_string())];
    for (name, value) in &item.options {
        requisites.push((format!("СвойствоКорзины#{name}"), value.clone()));
    }
    let kind = raw
        .and_then(|raw| raw.get("service"))
        .and_then(Value::as_bool);
    Some(Draft {
        gross: with_vat(sum, item.vat_rate, item.vat_included)?,
        rate: item.vat_rate,
        on_top: !item.vat_included,
        line: OrderLine {
            id: both_halves(id),
            catalogue: given("catalog_xml_id"),
            sku: item.sku.clone(),
            name: item.name.clone(),
            unit: unit(item.unit.as_deref()),
            price: Decimal::ZERO,
            quantity: item.quantity,
            sum: Decimal::ZERO,
            discount: Some(rounded(discount)),
            tax: None,
            is_service: kind == Some(true),
            requisites,
        },
    })
}

/// `GUID#GUID` with two equal halves is the goods themselves.
pub(super) fn both_halves(id: String) -> String {
    match id.split_once('#') {
        Some((goods, kind)) if goods == kind => goods.to_owned(),
        _ => id,
    }
}

fn service(id: &str, name: String) -> OrderLine {
    OrderLine {
        id: id.to_owned(),
        catalogue: None,
        sku: None,
        name,
        unit: Unit::default(),
        price: Decimal::ZERO,
        quantity: Decimal::ONE,
        sum: Decimal::ZERO,
        discount: None,
        tax: None,
        is_service: true,
        requisites: Vec::new(),
    }
}

/// A number does not fit.
struct TooLarge;

/// The delivery; an order that has none has no such line.
fn delivery(order: &Snapshot) -> Result<Option<Draft>, TooLarge> {
    let Some(delivery) = &order.delivery else {
        return Ok(None);
    };
    if delivery.method.is_none() && delivery.price.is_zero() {
        return Ok(None);
    }
    let gross = with_vat(delivery.price, delivery.vat_rate, delivery.vat_included);
    Ok(Some(Draft {
        gross: gross.ok_or(TooLarge)?,
        rate: delivery.vat_rate,
        on_top: !delivery.vat_included,
        line: service(DELIVERY, "Доставка заказа".to_owned()),
    }))
}

/// All discounts of the order as one line.
fn discount(order: &Snapshot) -> Result<Option<Draft>, TooLarge> {
    let mut gross = Decimal::ZERO;
    for one in &order.discounts {
        let amount = with_vat(one.amount, one.vat_rate, one.vat_included);
        let left = amount.and_then(|amount| gross.checked_sub(amount));
        gross = left.ok_or(TooLarge)?;
    }
    Ok((!gross.is_zero()).then(|| Draft {
        gross,
        rate: None,
        on_top: false,
        line: service(DISCOUNT, "Скидка на заказ".to_owned()),
    }))
}

/// The sum of an order that names no goods.
fn whole(order: &Snapshot, gross: Decimal) -> Draft {
    Draft {
        gross,
        rate: None,
        on_top: false,
        line: service(WHOLE, format!("Заказ {}", order.number)),
    }
}

/// Units by the shop's word for them: OKEI code, short name, full name, international sign.
const UNITS: &[(&str, &str, &str, &str)] = &[
    ("796", "шт", "Штука", "PCE"),
    ("166", "кг", "Килограмм", "KGM"),
    ("163", "г", "Грамм", "GRM"),
    ("006", "м", "Метр", "MTR"),
    ("055", "м2", "Квадратный метр", "MTK"),
    ("113", "м3", "Кубический метр", "MTQ"),
    ("112", "л", "Литр", "LTR"),
    ("111", "мл", "Миллилитр", "MLT"),
    ("778", "упак", "Упаковка", "NMP"),
    ("715", "пар", "Пара", "NPR"),
    ("839", "компл", "Комплект", "SET"),
    ("704", "набор", "Набор", "SET"),
];

pub(super) fn unit(given: Option<&str>) -> Unit {
    let Some(given) = given.map(|unit| unit.trim().trim_end_matches('.')) else {
        return Unit::default();
    };
    if given.is_empty() {
        return Unit::default();
    }
    let word = given.to_lowercase();
    let known = UNITS.iter().find(|(code, short, full, _)| {
        word == *code || word == *short || word == full.to_lowercase()
    });
    match known {
        Some((code, short, full, sign)) => Unit {
            code: (*code).into(),
            short: (*short).into(),
            full: (*full).into(),
            sign: (*sign).into(),
        },
        None => Unit {
            short: given.to_owned().into(),
            full: given.to_owned().into(),
            ..Unit::default()
        },
    }
}

/// The store that a delivery names.
pub(super) fn store(order: &Snapshot) -> Option<(String, String)> {
    let store = text_of(at(&order.data, "delivery.store")?)?;
    Some((store.clone(), store))
}
