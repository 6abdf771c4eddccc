//! Receipts as deals, and notes on cards: comments, and what a person is to do.

use super::queue::{Making, Understood};
use crate::{
    domain::{Entry, ErrorCode, OrderNumber, ShopRules, TodoEntry},
    formats::tills::{self, ReceiptDeals},
    planner::Sought,
    storage::{
        self,
        forms::subjects::{self, DueSubject, NewSubject},
    },
};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;

/// How long somebody has for what a note asks of him.
const WITHIN: TimeDelta = TimeDelta::hours(4);

/// What is put on a card of the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::app) enum Note {
    /// A comment.
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
        kind: "note",
        shop,
        key: &key,
        portal,
        order: Some(number),
        body: &json!(note),
    };
    subjects::add(db, &new).await
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
        kind: "receipt",
        shop,
        key,
        portal,
        order: None,
        body: &body,
    };
    subjects::put(db, &new).await
}

pub(super) fn understand_receipt(
    shop: &ShopRules,
    due: &DueSubject,
) -> Result<Understood, (ErrorCode, String)> {
    let invalid = |why: String| (ErrorCode::Invalid, why);
    let body = due.body.value().map_err(|why| invalid(why.to_owned()))?;
    let deals = body.get("deals").cloned().unwrap_or_default();
    let deals: ReceiptDeals =
        serde_json::from_value(deals).map_err(|why| invalid(why.to_string()))?;
    let order = tills::as_order(shop, &deals, &due.key, body)
        .map_err(|faults| invalid(crate::app::sentence(&faults)))?;
    Ok(Understood {
        making: Making::Order(Box::new(order)),
        entries: Vec::new(),
        sought: Sought::default(),
        makes: true,
        responsible_id: shop.responsible_id,
    })
}

pub(super) fn understand_note(
    shop: &ShopRules,
    due: &DueSubject,
) -> Result<Understood, (ErrorCode, String)> {
    let invalid = |why: String| (ErrorCode::Invalid, why);
    let body = due.body.value().map_err(|why| invalid(why.to_owned()))?;
    let note: Note =
        serde_json::from_value(body.clone()).map_err(|why| invalid(why.to_string()))?;
    let number = due.order_number.as_deref().unwrap_or_default();
    let order = OrderNumber::parse(number).map_err(invalid)?;
    let entry = match note {
        Note::Comment(text) => Entry::Comment(text),
        Note::Todo(title, text) => Entry::Todo(TodoEntry {
            title,
            text,
            deadline: due.received_at + WITHIN,
        }),
    };
    Ok(Understood {
        making: Making::Never,
        entries: vec![entry],
        sought: Sought {
            order: Some(order),
            only_deals: true,
            ..Sought::default()
        },
        makes: false,
        responsible_id: shop.responsible_id,
    })
}
