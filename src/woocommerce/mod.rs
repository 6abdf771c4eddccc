//! WooCommerce's webhooks as they are: from an order of its REST API (`wp_api_v3`, `v2`) to an event like any other shop's.
//!
//! Owns: what WooCommerce's fields mean. Refuses: signatures, storing, and judging the event; [`crate::domain::Event`] does that. PURE.
//!
//! An order is known by WooCommerce's `id`, not by its `number`: a deletion carries nothing but the id, plugins change the number, and
//! `wc_get_order` on the way back takes the id. The number that customers see is the snapshot's `id`.
//!
//! Only the body is signed. So the topic alone never turns an order into a deletion, and nothing else is taken from the headers but
//! what tells two deletions apart.

mod lines;
mod order;
mod values;

#[cfg(test)]
mod tests;

use crate::domain::{DELETED, Fault, Faults, SAVED};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The `source` of every event that is made here.
const SOURCE: &str = "woocommerce";
/// An order that is not one yet: the checkout keeps its form in it.
const DRAFTS: &[&str] = &["checkout-draft", "auto-draft"];
const TRASH: &str = "trash";

/// What a delivery means.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// An event to accept.
    Event(Value),
    /// Nothing that concerns the bridge, and why.
    Ignored(&'static str),
}

/// Reads a delivery: its topic, its id, its signed body.
pub fn read(topic: &str, delivery_id: &str, body: &Value) -> Result<Delivery, Faults> {
    if topic.split('.').next() != Some("order") {
        return Ok(Delivery::Ignored("only orders are taken"));
    }
    let Value::Object(order) = body else {
        return fault("", "the body must be an order: a JSON object");
    };
    let Some(id) = values::id(order, "id") else {
        return fault("/id", "`id` must be the order's id");
    };
    match order.get("status").and_then(Value::as_str).map(str::trim) {
        None if topic == "order.deleted" => {
            let tail: String = delivery_id
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(64)
                .collect();
            let data = json!({ "number": id });
            Ok(event(DELETED, &format!("{id}-deleted-{tail}"), &data))
        }
        None | Some("") => fault("/status", "`status` is required"),
        Some(status) if DRAFTS.contains(&status) => {
            Ok(Delivery::Ignored("a draft is not an order yet"))
        }
        Some(TRASH) => {
            let data =
                json!({ "number": id, "updated_at": values::moment(order, "date_modified_gmt") });
            Ok(event(DELETED, &identity(&id, order), &data))
        }
        Some(status) => {
            let status = status.strip_prefix("wc-").unwrap_or(status);
            let snapshot = order::snapshot(&id, status, order)?;
            Ok(event(SAVED, &identity(&id, order), &snapshot))
        }
    }
}

/// The same order in the same state is the same event. WooCommerce's delivery id will not do: it is the same for all orders of a second.
fn identity(id: &str, order: &Map<String, Value>) -> String {
    let text = Value::Object(order.clone()).to_string();
    let digest = Sha256::digest(text.as_bytes());
    format!("{id}-{}", URL_SAFE_NO_PAD.encode(digest))
}

fn event(kind: &str, id: &str, data: &Value) -> Delivery {
    Delivery::Event(json!({
        "specversion": "1.0",
        "type": kind,
        "source": SOURCE,
        "id": id,
        "datacontenttype": "application/json",
        "data": data,
    }))
}

fn fault(pointer: &str, detail: &str) -> Result<Delivery, Faults> {
    Err(vec![Fault {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    }])
}
