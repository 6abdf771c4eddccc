//! Documents from 1C: kept as they came, each once, and handed to whoever decides upon them.

use super::parse::Came;
use crate::{
    app::{Error, Onec},
    domain::ErrorCode,
    formats::{
        commerceml::{Fault, Item},
        onec::Base,
    },
    storage::{
        Json,
        dead_letters::{self, RejectedEvent},
        onec::imports::{self, NewDocument},
    },
};
use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

/// The longest document that is kept, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// Why a document is not carried out.
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl Onec {
    /// Decides upon a document, in the transaction in which it is kept. Nothing decides yet: each
    /// is kept, and refused by name.
    fn decide_onec_document(item: &Item) -> Result<(), Refusal> {
        let message = match item {
            Item::Counterparty(_) => "контрагент сохранён, но не принят",
            _ => "документ сохранён, но не принят",
        };
        Err(Refusal {
            code: ErrorCode::OneCLater,
            message: message.to_owned(),
        })
    }

    /// Keeps a document and decides upon it; the line for 1C's answer where it is refused.
    pub(super) async fn onec_document(
        &self,
        tx: &mut PgConnection,
        (base, import): (&Base, i64),
        formed_at: Option<DateTime<Utc>>,
        came: &Came,
    ) -> Result<Option<String>, Error> {
        let raw = came
            .raw
            .clone()
            .unwrap_or_default()
            .replace('\0', "\u{fffd}");
        let name = base.name.as_str();
        let mut new = match &came.item {
            Ok(item) => match of(item) {
                Some(new) => new,
                None => return Ok(None),
            },
            Err(fault) => unreadable(fault, came.number.as_ref()),
        };
        if raw.len() > LONGEST {
            new.code = ErrorCode::OneCDocument.as_str();
            "документ слишком велик".clone_into(&mut new.message);
        }
        new.print = Sha256::digest(&raw).to_vec();
        new.raw = raw.chars().take(LONGEST).collect();
        let kept = imports::keep(&mut *tx, (name, import), formed_at, &new).await?;
        let number = new
            .number
            .as_deref()
            .or(new.doc_id.as_deref())
            .unwrap_or("без номера");
        let line = format!("{number}: {}: {}", new.code, new.message);
        self.metrics.onec_document(name, new.code);
        if new.kind == "unreadable" && !kept.repeated {
            let payload = json!({"base": name, "document": kept.id, "raw": new.raw});
            let stray = RejectedEvent {
                portal: None,
                shop: None,
                number: new.number.as_deref(),
                code: new.code,
                message: &new.message,
                payload: &Json::Value(payload),
            };
            dead_letters::write_stray(&mut *tx, &stray).await?;
        }
        Ok(Some(line))
    }
}

fn clean(text: Option<&String>) -> Option<String> {
    text.map(|text| text.chars().take(300).filter(|c| *c != '\0').collect())
}

/// A document that can be read, with what is decided upon it; none: it is none.
fn of(item: &Item) -> Option<NewDocument> {
    let (kind, document) = match item {
        Item::Document(one) => ("document", Some(&**one)),
        Item::Package(package) => {
            let order = package
                .documents
                .iter()
                .find(|one| one.operation.is_order());
            ("package", order.or_else(|| package.documents.first()))
        }
        Item::Counterparty(_) => ("counterparty", None),
        _ => return None,
    };
    let (code, message) = match Onec::decide_onec_document(item) {
        Ok(()) => return None,
        Err(refusal) => (refusal.code.as_str(), refusal.message),
    };
    let who = match item {
        Item::Counterparty(who) => who.id.as_ref().or(Some(&who.name)),
        _ => None,
    };
    Some(NewDocument {
        kind,
        number: clean(document.and_then(|one| one.number.as_ref())),
        doc_id: clean(document.and_then(|one| one.id.as_ref()).or(who)),
        onec_number: clean(document.and_then(|one| one.onec_number.as_ref())),
        version: clean(document.and_then(|one| one.version.as_ref())),
        print: Vec::new(),
        raw: String::new(),
        code,
        message,
    })
}

fn unreadable(fault: &Fault, number: Option<&String>) -> NewDocument {
    NewDocument {
        kind: "unreadable",
        number: clean(number),
        doc_id: None,
        onec_number: None,
        version: None,
        print: Vec::new(),
        raw: String::new(),
        code: ErrorCode::OneCDocument.as_str(),
        message: fault
            .detail
            .chars()
            .take(500)
            .filter(|c| *c != '\0')
            .collect(),
    }
}
