//! Russian taxpayer numbers and registration reason codes.

/// Whether the text is a taxpayer number: 10 digits (a company) or 12 (a person), with right check
/// digits.
pub(in crate::domain) fn is_inn(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    if digits.len() != text.chars().count() || digits.iter().all(|digit| *digit == 0) {
        return false;
    }
    let check = |weights: &[u32]| {
        let sum: u32 = weights
            .iter()
            .zip(&digits)
            .map(|(weight, digit)| weight * digit)
            .sum();
        sum % 11 % 10 == digits[weights.len()]
    };
    match digits.len() {
        10 => check(&[2, 4, 10, 3, 5, 9, 4, 6, 8]),
        12 => check(&[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) && check(&[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]),
        _ => false,
    }
}

/// Whether the text is a registration reason code: four digits, two digits or capital letters,
/// three digits.
pub(in crate::domain) fn is_kpp(text: &str) -> bool {
    text.len() == 9
        && text
            .bytes()
            .enumerate()
            .all(|(at, b)| b.is_ascii_digit() || (matches!(at, 4 | 5) && b.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_checked() {
        assert!(is_inn("7707083893") && is_inn("500100732259"));
        for wrong in [
            "7707083894",
            "500100732258",
            "770708389",
            "77070838934",
            "абв",
            "0000000000",
            "",
        ] {
            assert!(!is_inn(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_reason_code_has_nine_places() {
        assert!(is_kpp("770701001") && is_kpp("7707AB001"));
        assert!(!is_kpp("77070100") && !is_kpp("A70701001"));
    }
}
