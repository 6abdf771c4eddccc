//! The outcome of one document of 1C, and how a document that is kept is read again.

use crate::{
    domain::{
        ErrorCode,
        happening::{DocumentReason, FileFault, Words},
    },
    formats::{
        commerceml::{Bounds, Document, Fault, FaultKind, Item, Items},
        onec::{Right, facts::is_fact},
    },
    storage::DocumentState,
};
use uuid::Uuid;

/// Why a document is not carried out.
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) what: DocumentReason,
}

impl Refusal {
    pub(super) fn because(code: ErrorCode, what: DocumentReason) -> Self {
        Self { code, what }
    }

    /// The bridge itself failed at it.
    pub(super) fn bug(words: String) -> Self {
        let words = Words(words);
        Self::because(ErrorCode::Bug, DocumentReason::Failed { words })
    }

    /// The document cannot be read.
    pub(super) fn unreadable(fault: Fault) -> Self {
        let fault = fault.detail;
        Self::because(
            ErrorCode::OneCDocument,
            DocumentReason::Unreadable { fault },
        )
    }
}

/// Whether an `Ид` is a GUID: no number of an order looks like one.
pub(super) fn is_guid(id: &str) -> bool {
    id.len() == 36 && Uuid::parse_str(id).is_ok()
}

/// The refusal of a document whose order the bridge does not know.
pub(super) fn unknown() -> Refusal {
    Refusal::because(ErrorCode::OneCUnknown, DocumentReason::NoSuchOrder)
}

/// What became of a document.
pub(super) struct Became {
    pub(super) state: DocumentState,
    pub(super) code: Option<ErrorCode>,
    /// Why it is not, or not yet, carried out; or what of it was only kept.
    pub(super) what: Option<DocumentReason>,
    pub(super) shop: Option<String>,
    pub(super) number: Option<String>,
    /// It is no document of the order's own: it stands for no other one of it.
    pub(super) beside: bool,
    /// The shop was told of its order, which is all that could be done: it is refused no more.
    pub(super) told: bool,
}

impl Became {
    pub(super) fn new(state: DocumentState) -> Self {
        Self {
            state,
            code: None,
            what: None,
            shop: None,
            number: None,
            beside: false,
            told: false,
        }
    }

    pub(super) fn applied() -> Self {
        Self::new(DocumentState::Applied)
    }

    pub(super) fn waiting(what: DocumentReason) -> Self {
        Self::new(DocumentState::Waiting).because(what)
    }

    /// The document waits: the shop was told of its order, and has not sent it yet.
    pub(super) fn told() -> Self {
        Self {
            told: true,
            ..Self::waiting(DocumentReason::ShopToldOfOrder)
        }
    }

    pub(super) fn overtaken(what: DocumentReason) -> Self {
        Self::new(DocumentState::Overtaken).because(what)
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        Self {
            code: Some(refusal.code),
            what: Some(refusal.what),
            ..Self::new(DocumentState::Refused)
        }
    }

    /// The document is refused, with this code and for this reason.
    pub(super) fn refused_for(code: ErrorCode, what: DocumentReason) -> Self {
        Self::refused(Refusal::because(code, what))
    }

    /// The same, and why.
    pub(super) fn because(self, what: DocumentReason) -> Self {
        Self {
            what: Some(what),
            ..self
        }
    }

    /// Of what it says, its sender may not say this: it is refused for that, if for nothing else.
    pub(super) fn without(self, lacks: &[Right]) -> Self {
        if lacks.is_empty() || self.code.is_some() || self.state != DocumentState::Applied {
            return self;
        }
        let mut words: Vec<&str> = lacks.iter().map(|right| right.as_str()).collect();
        words.dedup();
        let rights = words.join(", ");
        Self {
            state: DocumentState::Refused,
            code: Some(ErrorCode::OneCRight),
            ..self
        }
        .because(DocumentReason::SenderMayNot { rights })
    }

    /// It is no document of the order's own.
    pub(super) fn beside(self) -> Self {
        Self {
            beside: true,
            ..self
        }
    }

    /// With the order that the document is about.
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
    let none = || Fault::new(FaultKind::NotXml, FileFault::Empty);
    items.next().unwrap_or_else(|| Err(none()))
}

/// The documents of an item, by what they are.
pub(super) struct Parts<'a> {
    /// The order; none: it holds none.
    pub(super) order: Option<&'a Document>,
    /// The payments and shipments that came with it, or without an order.
    pub(super) facts: Vec<&'a Document>,
    /// There are other documents, too.
    pub(super) more: bool,
}

/// What an item is about. Of several orders in one package none can be told to be meant.
pub(super) fn parts(item: &Item) -> Parts<'_> {
    let documents: Vec<&Document> = match item {
        Item::Document(one) => vec![&**one],
        Item::Package(package) => package.documents.iter().collect(),
        _ => Vec::new(),
    };
    let (orders, mut others): (Vec<_>, Vec<_>) = documents
        .into_iter()
        .partition(|one| one.operation.is_order());
    let order = match orders.as_slice() {
        [] => None,
        [order] => Some(*order),
        _ => {
            others.clear();
            None
        }
    };
    others.extend(order.iter().flat_map(|order| &order.subordinates));
    let many = others.len();
    others.retain(|one| is_fact(one));
    Parts {
        order,
        more: others.len() < many,
        facts: others,
    }
}
