//! Receipts as deals, and notes on cards: comments, and what a person is to do.

use crate::{
    formats::tills::ReceiptDeals,
    storage::{
        self, SubjectKind,
        queue::subjects::{self, NewSubject},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;

/// What is put on a card of the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::app) enum Note {
    /// A comment in the card's timeline, as text.
    Comment(String),
    /// Something to be done: in a few words, and in more.
    Todo(String, String),
}

/// Whether this is the key of a receipt or a note.
pub(super) fn is_key(key: &str) -> bool {
    key.starts_with("receipt:") || key.starts_with("note:")
}

/// Whose card it is: the shop, its portal, and the order or the receipt.
pub(in crate::app) type OnCard<'a> = (&'a str, &'a str, &'a str);

/// Has a note put on the card of an order or a receipt, once that is in the portal.
pub(in crate::app) async fn add(
    db: &mut PgConnection,
    (shop, portal, number): OnCard<'_>,
    note: &Note,
) -> Result<(), storage::Error> {
    let key = format!("note:{}", uuid::Uuid::now_v7());
    let new = NewSubject {
        kind: SubjectKind::Note,
        shop,
        key: &key,
        portal,
        order: Some(number),
        body: &json!(note),
    };
    subjects::add(db, &new).await
}

/// Has what waits for the card of one order or receipt put on that of another.
pub(in crate::app) async fn readdress(
    db: &mut PgConnection,
    shop: &str,
    cards: (&str, &str),
) -> Result<(), storage::Error> {
    subjects::readdress(db, shop, cards).await
}

/// Has the newest version of a receipt brought to the portal as a deal in these stages.
pub(in crate::app) async fn put_receipt(
    db: &mut PgConnection,
    (shop, portal, key): OnCard<'_>,
    deals: &ReceiptDeals,
    receipt: &Value,
) -> Result<(), storage::Error> {
    let mut body = receipt.clone();
    if let Value::Object(members) = &mut body {
        members.insert("deals".to_owned(), json!(deals));
    }
    let new = NewSubject {
        kind: SubjectKind::Receipt,
        shop,
        key,
        portal,
        order: None,
        body: &body,
    };
    subjects::put(db, &new).await
}
