//! The usual meaning of statuses and stages, told from their codes and names in Russian and
//! English.

use super::{PortalStage, Semantics};
use crate::domain::{Finality, StatusMap};

/// A step in the usual life of an order, in the order of that life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meaning {
    /// The order was placed, and nothing else.
    New,
    /// The order waits to be paid.
    AwaitingPayment,
    /// It was put aside until something is settled.
    OnHold,
    /// Somebody works on it, or packs it.
    InWork,
    /// The customer's money has come in.
    Paid,
    /// It is on its way to the customer.
    Shipped,
    /// The customer has it.
    Delivered,
    /// It was called off before it was handed over.
    Cancelled,
    /// Money was given back.
    Refunded,
    /// A payment was tried and did not come about.
    Failed,
}

/// Status codes of the usual shops: 1C-Bitrix, WooCommerce.
const CODES: &[(&str, Meaning)] = &[
    ("N", Meaning::New),
    ("P", Meaning::Paid),
    ("S", Meaning::Shipped),
    ("DS", Meaning::Shipped),
    ("F", Meaning::Delivered),
    ("DF", Meaning::Delivered),
    ("D", Meaning::Cancelled),
    ("pending", Meaning::AwaitingPayment),
    ("on-hold", Meaning::OnHold),
    ("processing", Meaning::Paid),
    ("completed", Meaning::Delivered),
    ("cancelled", Meaning::Cancelled),
    ("refunded", Meaning::Refunded),
    ("failed", Meaning::Failed),
];

/// Stage ids that every portal starts with.
const STAGE_IDS: &[(&str, Meaning)] = &[
    ("NEW", Meaning::New),
    ("PREPARATION", Meaning::InWork),
    ("PREPAYMENT_INVOICE", Meaning::AwaitingPayment),
    ("EXECUTING", Meaning::InWork),
    ("FINAL_INVOICE", Meaning::AwaitingPayment),
];

/// Parts of names, the telling ones first: «ожидает оплаты» is no payment, «не оплачен» neither.
const WORDS: &[(&str, Meaning)] = &[
    ("возвра", Meaning::Refunded),
    ("refund", Meaning::Refunded),
    ("отмен", Meaning::Cancelled),
    ("отказ", Meaning::Cancelled),
    ("cancel", Meaning::Cancelled),
    ("провал", Meaning::Cancelled),
    ("не удал", Meaning::Failed),
    ("fail", Meaning::Failed),
    ("отлож", Meaning::OnHold),
    ("удерж", Meaning::OnHold),
    ("hold", Meaning::OnHold),
    ("не оплач", Meaning::AwaitingPayment),
    ("неоплач", Meaning::AwaitingPayment),
    ("unpaid", Meaning::AwaitingPayment),
    ("ожида", Meaning::AwaitingPayment),
    ("awaiting", Meaning::AwaitingPayment),
    ("pending", Meaning::AwaitingPayment),
    ("счет", Meaning::AwaitingPayment),
    ("счёт", Meaning::AwaitingPayment),
    ("invoice", Meaning::AwaitingPayment),
    ("оплач", Meaning::Paid),
    ("оплата получена", Meaning::Paid),
    ("paid", Meaning::Paid),
    ("доставлен", Meaning::Delivered),
    ("выполнен", Meaning::Delivered),
    ("заверш", Meaning::Delivered),
    ("успеш", Meaning::Delivered),
    ("получен", Meaning::Delivered),
    ("delivered", Meaning::Delivered),
    ("complete", Meaning::Delivered),
    ("отгру", Meaning::Shipped),
    ("отправ", Meaning::Shipped),
    ("достав", Meaning::Shipped),
    ("в пути", Meaning::Shipped),
    ("ship", Meaning::Shipped),
    ("deliver", Meaning::Shipped),
    ("transit", Meaning::Shipped),
    ("в работе", Meaning::InWork),
    ("сбор", Meaning::InWork),
    ("комплект", Meaning::InWork),
    ("обраб", Meaning::InWork),
    ("подготов", Meaning::InWork),
    ("process", Meaning::InWork),
    ("progress", Meaning::InWork),
    ("prepar", Meaning::InWork),
    ("нов", Meaning::New),
    ("принят", Meaning::New),
    ("new", Meaning::New),
];

impl Meaning {
    /// What a shop's status means: by its code if that is a usual one, else by its name.
    pub fn of_status(code: &str, name: &str) -> Option<Self> {
        let code = code.strip_prefix("wc-").unwrap_or(code);
        lookup(CODES, code)
            .or_else(|| by_words(name))
            .or_else(|| by_words(code))
    }

    /// What a stage means: how it ends a deal, else what people call it, else the id it was born
    /// with.
    pub fn of_stage(stage: &PortalStage) -> Option<Self> {
        let named = by_words(&stage.name);
        match stage.semantics {
            Semantics::Success => Some(Self::Delivered),
            Semantics::Failure => Some(match named {
                Some(Self::Refunded) => Self::Refunded,
                Some(Self::Failed) => Self::Failed,
                _ => Self::Cancelled,
            }),
            Semantics::Process => {
                let bare = stage.stage.id.rsplit(':').next().unwrap_or_default();
                named.or_else(|| lookup(STAGE_IDS, bare))
            }
        }
    }

    /// What may stand in where no stage means exactly this, the nearest first.
    pub(super) fn neighbours(self) -> &'static [Self] {
        match self {
            Self::New | Self::Delivered => &[],
            Self::AwaitingPayment => &[Self::New],
            Self::OnHold => &[Self::AwaitingPayment, Self::InWork, Self::New],
            Self::InWork => &[Self::Paid],
            Self::Paid => &[Self::InWork],
            Self::Shipped => &[Self::InWork, Self::Paid],
            Self::Cancelled => &[Self::Failed],
            Self::Refunded | Self::Failed => &[Self::Cancelled],
        }
    }
}

fn lookup(table: &[(&str, Meaning)], key: &str) -> Option<Meaning> {
    table.iter().find(|(k, _)| *k == key).map(|(_, m)| *m)
}

fn by_words(name: &str) -> Option<Meaning> {
    let name = name.to_lowercase();
    WORDS
        .iter()
        .find(|(word, _)| name.contains(word))
        .map(|(_, meaning)| *meaning)
}

/// Which statuses of a table usually say that an order is paid, delivered or cancelled, by their
/// codes and by the stages they are written as: for shops that do not list them.
pub fn finality(map: &StatusMap) -> Finality {
    let all = |meanings: &[Meaning], stages: &[&str]| {
        map.rows()
            .iter()
            .filter(|row| {
                let stage = row.stage.id.rsplit(':').next().unwrap_or_default();
                match Meaning::of_status(&row.status, "") {
                    Some(meaning) => meanings.contains(&meaning),
                    None => stages.contains(&stage),
                }
            })
            .map(|row| row.status.clone())
            .collect()
    };
    Finality {
        paid: all(&[Meaning::Paid], &[]),
        delivered: all(&[Meaning::Delivered], &["WON"]),
        cancelled: all(
            &[Meaning::Cancelled, Meaning::Refunded],
            &["LOSE", "APOLOGY"],
        ),
    }
}
