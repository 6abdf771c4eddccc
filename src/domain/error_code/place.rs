//! The place that a fault is about: its remedy names the settings and commands of that place.

use std::borrow::Cow;

/// What a fault is about, as far as it is known. `[shops.NAME]` of a remedy becomes `[shops.main]`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    /// The shop's name in the settings.
    pub shop: Option<&'a str>,
    /// The portal's name in the settings.
    pub portal: Option<&'a str>,
    /// The 1C base's name in the settings.
    pub base: Option<&'a str>,
    /// The stock's name in the settings.
    pub stock: Option<&'a str>,
    /// The till's name in the settings.
    pub till: Option<&'a str>,
    /// The number of a form's submission.
    pub submission: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// A place of which only the shop is known.
    pub fn shop(shop: &'a str) -> Self {
        Self {
            shop: Some(shop),
            ..Self::default()
        }
    }

    /// A place of which only the portal is known.
    pub fn portal(portal: &'a str) -> Self {
        Self {
            portal: Some(portal),
            ..Self::default()
        }
    }

    /// A place of which only the 1C base is known.
    pub fn base(base: &'a str) -> Self {
        Self {
            base: Some(base),
            ..Self::default()
        }
    }

    /// A place of which only the stock is known.
    pub fn stock(stock: &'a str) -> Self {
        Self {
            stock: Some(stock),
            ..Self::default()
        }
    }

    /// A place of which only the till is known.
    pub fn till(till: &'a str) -> Self {
        Self {
            till: Some(till),
            ..Self::default()
        }
    }

    /// A remedy for this place: what is known stands for `NAME` and `ID`, the rest stays.
    pub fn fill(self, remedy: &str) -> Cow<'_, str> {
        let gaps = [
            (self.shop, "shops.NAME"),
            (self.shop, "shop:NAME"),
            (self.portal, "portals.NAME"),
            (self.portal, "authorize NAME"),
            (self.base, "onec.NAME"),
            (self.base, "onec:NAME"),
            (self.stock, "stock.NAME"),
            (self.till, "tills.NAME"),
            (self.submission, "restore ID"),
        ];
        let mut filled = Cow::Borrowed(remedy);
        for (known, gap) in gaps {
            if let Some(name) = known
                && filled.contains(gap)
            {
                filled =
                    Cow::Owned(filled.replace(gap, &gap.replace("NAME", name).replace("ID", name)));
            }
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ErrorCode;

    #[test]
    fn a_remedy_names_the_shop_at_hand_in_both_languages() {
        let code = ErrorCode::Status;
        for remedy in [code.remedy(), code.remedy_in_russian()] {
            let filled = Place::shop("main").fill(remedy);
            assert!(filled.contains("[[shops.main.statuses]]"), "{filled}");
            assert!(!filled.contains("NAME"), "{filled}");
        }
    }

    #[test]
    fn every_name_that_a_remedy_leaves_open_is_a_kind_of_place() {
        let everywhere = Place {
            shop: Some("main"),
            portal: Some("main"),
            base: Some("ut"),
            stock: Some("central"),
            till: Some("till-1"),
            submission: Some("17"),
        };
        for code in ErrorCode::ALL {
            for remedy in [code.remedy(), code.remedy_in_russian()] {
                let filled = everywhere.fill(remedy);
                assert!(!filled.contains("NAME"), "{code}: {filled}");
                assert!(!filled.contains("restore ID"), "{code}: {filled}");
            }
        }
    }

    #[test]
    fn what_is_not_known_stays() {
        let remedy = "Compare `[onec.NAME.users.LOGIN]` with `[shops.NAME]`.";
        assert_eq!(
            Place::base("ut").fill(remedy),
            "Compare `[onec.ut.users.LOGIN]` with `[shops.NAME]`."
        );
        assert_eq!(Place::default().fill(remedy), remedy);
    }
}
