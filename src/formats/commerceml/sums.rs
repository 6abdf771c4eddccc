//! Line sums that add up to the order's total, exact to the kopeck.
//!
//! 1C computes a price as sum by quantity and adds the lines up. A total that is no sum of its
//! lines is refused there, or changed without a word; so whatever separates the lines' own sums
//! from the total (a discount of the whole order, a rounding) is spread over them here.

use rust_decimal::{Decimal, RoundingStrategy};

/// A line's amount, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// What the line comes to.
    pub sum: Decimal,
    /// How much of it there is; not zero.
    pub quantity: Decimal,
}

impl Amount {
    /// The price of one unit to four digits, as 1C computes it from the sum.
    pub fn price(&self) -> Decimal {
        let price = self.sum.checked_div(self.quantity).unwrap_or_default();
        price.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero)
    }
}

/// The smallest unit of money.
fn kopeck() -> Decimal {
    Decimal::new(1, 2)
}

fn rounded(sum: Decimal) -> Decimal {
    sum.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// Spreads what separates the lines from `total` over them, by their sums; kopecks that are left
/// over go to the dearest line. The sums that come out are whole kopecks and add up to `total`
/// (rounded to a kopeck). Lines that are all zero take it on the first of them.
///
/// None if there is no line to take a difference, or a number does not fit.
pub fn spread(lines: &[Decimal], total: Decimal) -> Option<Vec<Decimal>> {
    let total = rounded(total);
    let mut sums: Vec<Decimal> = lines.iter().map(|sum| rounded(*sum)).collect();
    let before = checked_sum(&sums)?;
    if before == total {
        return Some(sums);
    }
    let dearest = (0..sums.len()).max_by_key(|at| (sums[*at].abs(), sums.len() - at))?;
    if !before.is_zero() {
        let ratio = total.checked_div(before)?;
        // A total of another sign than the lines cannot be shared out by them.
        if ratio.is_sign_positive() {
            for sum in &mut sums {
                *sum = rounded(sum.checked_mul(ratio)?);
            }
        }
    }
    let left = total.checked_sub(checked_sum(&sums)?)?;
    sums[dearest] = sums[dearest].checked_add(left)?;
    debug_assert!(sums.iter().all(|sum| (*sum % kopeck()).is_zero()));
    Some(sums)
}

fn checked_sum(sums: &[Decimal]) -> Option<Decimal> {
    sums.iter()
        .try_fold(Decimal::ZERO, |all, sum| all.checked_add(*sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(kopecks: i64) -> Decimal {
        Decimal::new(kopecks, 2)
    }

    #[test]
    fn a_discount_of_the_order_is_shared_by_the_lines() {
        let spread = spread(&[money(10_000), money(5_000)], money(13_500));
        assert_eq!(spread, Some(vec![money(9_000), money(4_500)]));
    }

    #[test]
    fn a_kopeck_over_goes_to_the_dearest_line() {
        let thirds = [money(3_333), money(3_334), money(3_333)];
        let spread = spread(&thirds, money(9_999)).unwrap();
        assert_eq!(spread.iter().sum::<Decimal>(), money(9_999));
    }

    #[test]
    fn a_gift_stays_free_where_another_line_can_pay() {
        let spread = spread(&[money(0), money(1_000)], money(900));
        assert_eq!(spread, Some(vec![money(0), money(900)]));
    }

    #[test]
    fn no_line_takes_no_difference() {
        assert_eq!(spread(&[], money(1)), None);
        assert_eq!(spread(&[], money(0)), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn lines_always_add_up_to_the_total(
            lines in prop::collection::vec(0_i64..100_000_000, 1..40),
            total in 0_i64..2_000_000_000,
        ) {
            let lines: Vec<Decimal> = lines.into_iter().map(money).collect();
            let sums = spread(&lines, money(total)).unwrap();
            prop_assert_eq!(sums.iter().sum::<Decimal>(), money(total));
            prop_assert_eq!(sums.len(), lines.len());
        }

        #[test]
        fn a_price_gives_its_sum_back_within_a_kopeck_for_usual_quantities(
            sum in 0_i64..100_000_000, quantity in 1_i64..100,
        ) {
            let amount = Amount { sum: money(sum), quantity: Decimal::from(quantity) };
            let back = rounded(amount.price() * amount.quantity);
            prop_assert!((back - amount.sum).abs() <= kopeck());
        }
    }
}
