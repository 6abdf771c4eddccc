//! The time for which goods are held.

use chrono::TimeDelta;

/// No hold is longer.
pub const LONGEST_HOLD: TimeDelta = TimeDelta::days(90);

/// `30s`, `15m`, `2h`, `3d`: above nothing, at most [`LONGEST_HOLD`].
pub fn hold(text: &str) -> Option<TimeDelta> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let number: i64 = number.parse().ok()?;
    let unit = match unit.trim() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let time = TimeDelta::try_seconds(number.checked_mul(unit)?)?;
    (time > TimeDelta::zero() && time <= LONGEST_HOLD).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_a_number_and_a_unit_within_ninety_days() {
        for (text, seconds) in [
            ("30s", Some(30)),
            ("15 min", Some(900)),
            ("15m", Some(900)),
            ("2h", Some(7_200)),
            ("90d", Some(7_776_000)),
            ("91d", None),
            ("0s", None),
            ("3", None),
            ("-3d", None),
            ("d", None),
            ("99999999999999999999d", None),
            ("9999999999999999d", None),
        ] {
            assert_eq!(hold(text).map(|time| time.num_seconds()), seconds, "{text}");
        }
    }
}
