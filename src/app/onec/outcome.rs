//! What becomes of a document of 1C, and how one that is kept is read.

use crate::{
    domain::ErrorCode,
    formats::commerceml::{Bounds, Fault, FaultKind, Item, Items},
};

/// Why a document is not carried out.
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

/// What became of a document.
pub(super) struct Became {
    pub(super) state: &'static str,
    pub(super) code: Option<ErrorCode>,
    pub(super) message: String,
    pub(super) shop: Option<String>,
    pub(super) number: Option<String>,
    /// It is no document of the order's own: it stands for no other one of it.
    pub(super) beside: bool,
}

impl Became {
    pub(super) fn new(state: &'static str, message: &str) -> Self {
        Self {
            state,
            code: None,
            message: message.to_owned(),
            shop: None,
            number: None,
            beside: false,
        }
    }

    pub(super) fn applied() -> Self {
        Self::new("applied", "")
    }

    pub(super) fn waiting(why: &str) -> Self {
        Self::new("waiting", why)
    }

    pub(super) fn overtaken(why: &str) -> Self {
        Self::new("overtaken", why)
    }

    pub(super) fn refused(Refusal { code, message }: Refusal) -> Self {
        Self {
            code: Some(code),
            message,
            ..Self::new("refused", "")
        }
    }

    /// It is no document of the order's own.
    pub(super) fn beside(self) -> Self {
        Self {
            beside: true,
            ..self
        }
    }

    /// It is about this order.
    pub(super) fn of(self, shop: &str, number: &str) -> Self {
        Self {
            shop: Some(shop.to_owned()),
            number: Some(number.to_owned()),
            ..self
        }
    }
}

/// Reads a document that is kept.
pub(super) fn read(raw: &str) -> Result<Item, Fault> {
    let file = format!("<КоммерческаяИнформация>{raw}</КоммерческаяИнформация>");
    let mut items = Items::new(file.as_bytes(), Bounds::default())?;
    let none = || Fault {
        kind: FaultKind::NotXml,
        detail: "it holds no document".to_owned(),
    };
    items.next().unwrap_or_else(|| Err(none()))
}
