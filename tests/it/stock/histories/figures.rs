//! Figures of a reservation, as the model reads them.

use super::Place;
use b24_bridge::app::stock::Reserved;
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) enum Expected {
    AsItIs,
    Held,
    Short,
    Invalid,
}

pub(super) fn whole(text: &str) -> i64 {
    text.parse().unwrap()
}

/// What a reservation holds at a place and has not shipped.
pub(super) fn open(reserved: &Reserved, (product, store): &Place) -> i64 {
    let here = reserved
        .lines
        .iter()
        .filter(|l| l.product == *product && l.store == *store);
    here.map(|line| whole(&line.quantity) - whole(&line.shipped))
        .sum()
}

pub(super) fn shipped_at(reserved: &Reserved, (product, store): &Place) -> i64 {
    let here = reserved
        .lines
        .iter()
        .filter(|l| l.product == *product && l.store == *store);
    here.map(|line| whole(&line.shipped)).sum()
}

pub(super) fn places_of(reserved: &Reserved) -> std::collections::BTreeSet<Place> {
    let place =
        |line: &b24_bridge::app::stock::ReservedLine| (line.product.clone(), line.store.clone());
    reserved.lines.iter().map(place).collect()
}

/// By line: the product, and how much of it has been shipped.
pub(super) fn shipped_of(reserved: &Reserved) -> BTreeMap<String, (String, i64)> {
    let mut shipped = BTreeMap::new();
    for line in &reserved.lines {
        let entry = shipped
            .entry(line.line.clone())
            .or_insert((line.product.clone(), 0));
        entry.1 += whole(&line.shipped);
    }
    shipped
}
