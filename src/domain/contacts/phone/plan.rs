//! Numbering plans: which calling codes there are, how long their numbers are, and which trunk
//! prefix people write before them.

use std::sync::LazyLock;

/// What is known of one calling code.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) code: &'static str,
    /// What is dialled before a number within the country; empty if nothing is.
    trunk: &'static str,
    fewest: usize,
    most: usize,
}

static PLANS: LazyLock<Vec<Plan>> = LazyLock::new(|| {
    let lines = include_str!("calling_codes.txt").lines();
    lines.filter_map(read).collect()
});

fn read(line: &'static str) -> Option<Plan> {
    let mut parts = line.split(' ');
    let code = parts.next().filter(|code| !code.starts_with('#'))?;
    let trunk = parts.next()?.trim_start_matches('-');
    let fewest = parts.next()?.parse().ok()?;
    let most = parts.next()?.parse().ok()?;
    Some(Plan {
        code,
        trunk,
        fewest,
        most,
    })
}

impl Plan {
    /// The plan of a calling code.
    pub(super) fn of(code: &str) -> Option<&'static Self> {
        PLANS.iter().find(|plan| plan.code == code)
    }

    /// The plan whose calling code these digits begin with, and what comes after it. No code begins
    /// with another one.
    pub(super) fn leading(digits: &str) -> Option<(&'static Self, &str)> {
        PLANS.iter().find_map(|plan| {
            let rest = digits.strip_prefix(plan.code)?;
            Some((plan, rest))
        })
    }

    /// Whether so many digits can be a number here. Where a trunk prefix is dialled, no number
    /// begins with zero.
    fn fits(&self, national: &str) -> bool {
        let zero = national.starts_with('0') && !self.trunk.is_empty();
        // Russia: 8 and nine digits of a mobile number are one digit too few.
        let short = self.code == "7" && national.starts_with("89");
        (self.fewest..=self.most).contains(&national.len()) && !zero && !short
    }

    /// Whether these digits may be a number of this country without its code and its trunk prefix:
    /// not where no area begins so.
    pub(super) fn alone(&self, digits: &str) -> bool {
        self.code != "7" || digits.len() != 10 || !digits.starts_with(['0', '1', '2', '5', '6'])
    }

    /// What is to be dialled after the code, without a trunk prefix that was written along; `None`
    /// if these digits are no number here.
    pub(super) fn national<'a>(&self, digits: &'a str) -> Option<&'a str> {
        if self.fits(digits) {
            return Some(digits);
        }
        let old: &[&str] = if SOVIET.contains(&self.code) {
            &["80", "8"]
        } else {
            &[]
        };
        // A zero in brackets is written before numbers of every country.
        let trunks = old.iter().copied().chain([self.trunk, "0"]);
        trunks.filter(|trunk| !trunk.is_empty()).find_map(|trunk| {
            let rest = digits.strip_prefix(trunk)?;
            self.fits(rest).then_some(rest)
        })
    }
}

/// Countries where 8, or 8 0, was or is dialled before a number.
const SOVIET: &[&str] = &[
    "375", "380", "370", "371", "372", "373", "374", "994", "995", "998",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_plan_and_no_code_begins_with_another() {
        let lines = include_str!("calling_codes.txt").lines();
        let told = lines.filter(|line| !line.starts_with('#')).count();
        assert_eq!(PLANS.len(), told);
        for plan in PLANS.iter() {
            assert!(plan.fewest <= plan.most && plan.code.len() + plan.most <= 15);
            let shared = PLANS
                .iter()
                .filter(|other| plan.code.starts_with(other.code));
            assert_eq!(shared.count(), 1, "{plan:?}");
        }
    }
}
