//! An operator's walk: every kind of trouble is made, seen on the overview within ten seconds, and
//! mended from there; with the real program, a portal that fails in its own process, and a real
//! browser.
//!
//! The runbook's page of troubles is written from the rows here. A row that no scene has seen fails
//! the scene's test.

mod access;
mod away;
mod current;
mod orders;
mod scene;
mod shop;

use b24_bridge::domain::ErrorCode;

/// Where on the overview a trouble is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Portal,
    Shop,
    Callback,
}

impl Place {
    fn english(self) -> &'static str {
        match self {
            Self::Portal => "Portal main",
            Self::Shop => "Shop main",
            Self::Callback => "Telling the shop main",
        }
    }

    fn russian(self) -> &'static str {
        match self {
            Self::Portal => "Портал main",
            Self::Shop => "Магазин main",
            Self::Callback => "Оповещение магазина main",
        }
    }
}

/// A kind of trouble, and its way out.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// What happens.
    pub(crate) what: &'static str,
    /// The code that explains it.
    pub(crate) code: ErrorCode,
    pub(crate) place: Place,
    /// The path that its button leads to, as far as it is the same for each.
    pub(crate) leads_to: &'static str,
    /// How it is fixed.
    pub(crate) mended: &'static str,
    /// Whether it may be over at once.
    pub(crate) passes: bool,
}

/// All troubles, in the order of the page.
pub(crate) fn all() -> impl Iterator<Item = &'static Trouble> {
    let groups = [
        away::ALL,
        access::WEBHOOK,
        access::APPLICATION,
        orders::ALL,
        shop::ALL,
    ];
    groups.into_iter().flatten()
}
