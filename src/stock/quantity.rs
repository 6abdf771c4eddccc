//! Quantities of goods: decimals with at most three digits after the point.

use crate::domain::{Faults, Reader};
use rust_decimal::Decimal;

/// Digits after the point.
const DIGITS: u32 = 3;

/// The quantity in this member: above zero.
pub(crate) fn quantity(reader: &Reader<'_>, name: &str, faults: &mut Faults) -> Option<Decimal> {
    let quantity = signed_quantity(reader, name, faults)?;
    if quantity.is_sign_negative() || quantity.is_zero() {
        reader.fault(name, format!("`{name}` must be above zero"), faults);
        return None;
    }
    Some(quantity)
}

/// The quantity in this member, which may be zero or below it.
pub(crate) fn signed_quantity(
    reader: &Reader<'_>,
    name: &str,
    faults: &mut Faults,
) -> Option<Decimal> {
    if !reader.require(name, faults) {
        return None;
    }
    let quantity = reader.decimal(name, faults)?.normalize();
    if quantity.scale() > DIGITS {
        let detail = format!("`{name}` has more than {DIGITS} digits after the point");
        reader.fault(name, detail, faults);
        return None;
    }
    Some(quantity)
}

/// A quantity as it is written: without idle zeros.
pub fn text(quantity: Decimal) -> String {
    quantity.normalize().to_string()
}
