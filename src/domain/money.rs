//! Arithmetic of money: decimals, rounded half away from zero to hundredths, as invoices are.

use rust_decimal::{Decimal, RoundingStrategy};

/// Rounds to hundredths, half away from zero.
pub fn round(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// The sum of one line.
pub fn line(price: Decimal, quantity: Decimal) -> Decimal {
    round(price * quantity)
}

/// The price with a tax of `rate` percent put on.
pub fn with_tax(price: Decimal, rate: Decimal) -> Decimal {
    round(price * (Decimal::ONE + rate / Decimal::ONE_HUNDRED))
}

/// The amount without the tax of `rate` percent that is in it.
pub fn without_tax(amount: Decimal, rate: Decimal) -> Decimal {
    let taxed = Decimal::ONE + rate / Decimal::ONE_HUNDRED;
    amount.checked_div(taxed).map_or(amount, round)
}

/// The amount as it is sent: without an exponent, without idle zeros beyond hundredths.
pub fn text(amount: Decimal) -> String {
    let mut short = amount.normalize();
    if short.scale() < 2 {
        short.rescale(2);
    }
    short.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn halves_go_away_from_zero() {
        assert_eq!(round(decimal("0.005")), decimal("0.01"));
        assert_eq!(round(decimal("-0.005")), decimal("-0.01"));
        assert_eq!(line(decimal("33.335"), decimal("3")), decimal("100.01"));
    }

    #[test]
    fn tax_is_put_on_and_taken_out_to_the_kopeck() {
        assert_eq!(with_tax(decimal("99.99"), decimal("20")), decimal("119.99"));
        assert_eq!(
            without_tax(decimal("119.99"), decimal("20")),
            decimal("99.99")
        );
    }

    #[test]
    fn an_amount_is_sent_with_at_least_two_digits() {
        assert_eq!(text(decimal("1990")), "1990.00");
        assert_eq!(text(decimal("0.12500")), "0.125");
    }
}
