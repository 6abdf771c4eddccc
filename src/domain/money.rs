//! Arithmetic of money: decimals, rounded half away from zero to hundredths, as invoices are; and
//! the shape of a currency.

use rust_decimal::{Decimal, RoundingStrategy};

/// The most digits after the point that an amount or a quantity has.
const DIGITS: u32 = 10;
/// From so many digits on a number looks as if floating point wrote it: it tells 15 to 17 apart.
const FLOAT: usize = 15;
/// A tail of floating point is longer than this.
const TAIL: u32 = 4;

/// Whether this is a currency by its shape: three capital Latin letters (ISO 4217). Whether there
/// is such a one is for others to say.
pub fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase())
}

/// A decimal exactly as written, exponents included, within the bounds of every amount here: below
/// 10^12, at most ten digits after the point. What floating point left at the end of a number
/// (2706.9300000000003) is rounded away. `float`: it is known that floating point wrote it, and
/// more digits are rounded, too.
pub fn read(text: &str, float: bool) -> Option<Decimal> {
    if text.len() > 40 {
        return None;
    }
    let parsed = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).ok()
    } else {
        Decimal::from_str_exact(text).ok()
    };
    // Smaller than a decimal can be: nothing, if floating point wrote it.
    let tiny = || text.parse::<f64>().ok().filter(|value| value.abs() < 1e-11);
    let parsed = match parsed {
        Some(parsed) => parsed.normalize(),
        None => tiny().filter(|_| float).map(|_| Decimal::ZERO)?,
    };
    let digits = parsed.mantissa().unsigned_abs().to_string().len();
    let tail = digits >= FLOAT && parsed.scale() > TAIL;
    let exact = if tail || float && parsed.scale() > DIGITS {
        without_tail(parsed)
    } else {
        parsed
    };
    let taken = exact.abs() < Decimal::from(1_000_000_000_000_i64) && exact.scale() <= DIGITS;
    taken.then_some(exact)
}

/// The number with the fewest digits after the point that floating point cannot tell from this one,
/// and not more than are taken.
fn without_tail(number: Decimal) -> Decimal {
    let noise = number.abs() * Decimal::new(2, 15) + Decimal::new(1, 16);
    let rounded = |digits| {
        let strategy = RoundingStrategy::MidpointAwayFromZero;
        number.round_dp_with_strategy(digits, strategy).normalize()
    };
    let short = (0..DIGITS)
        .map(rounded)
        .find(|short| (number - short).abs() <= noise);
    short.unwrap_or_else(|| rounded(DIGITS))
}

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
    fn what_floating_point_left_is_rounded_away_and_nothing_else() {
        for (written, float, read_as) in [
            ("2706.9300000000003", true, Some("2706.93")),
            ("1099.8000000000002", true, Some("1099.8")),
            ("2706.9300000000003", false, Some("2706.93")),
            ("0.30000000000000004", true, Some("0.3")),
            ("99.99999999999999", true, Some("100")),
            ("1234567.8900000001", true, Some("1234567.89")),
            ("33.333333333333336", true, Some("33.3333333333")),
            ("2.842170943040401e-14", true, Some("0")),
            ("5e-324", true, Some("0")),
            ("0.00000000001", false, None),
            ("0.0000000001", false, Some("0.0000000001")),
            ("123456789.0123456", true, Some("123456789.0123456")),
            ("99999999999.9999", false, Some("99999999999.9999")),
            ("1e12", true, None),
            ("1.7976931348623157e308", true, None),
            ("-0.00", false, Some("0")),
        ] {
            let read = read(written, float).map(|amount| amount.normalize());
            assert_eq!(read, read_as.map(decimal), "{written}");
        }
    }

    #[test]
    fn text_has_two_places_at_least_and_loses_none() {
        for (amount, shown) in [
            ("1990", "1990.00"),
            ("0.5", "0.50"),
            ("12.3400", "12.34"),
            ("0.12345", "0.12345"),
            (
                "79228162514264337593543950335",
                "79228162514264337593543950335",
            ),
        ] {
            assert_eq!(text(decimal(amount)), shown);
        }
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
