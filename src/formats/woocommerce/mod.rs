//! WooCommerce's webhooks as they are: from an order of its REST API (`wp_api_v3`, `v2`) to an
//! event like any other shop's.
//!
//! Owns: what WooCommerce's fields mean. Refuses: signatures, storing, and judging the event;
//! [`crate::domain::Event`] does that. PURE.
//!
//! An order is known by WooCommerce's `id`, not by its `number`: a deletion carries nothing but the
//! id, plugins change the number, and `wc_get_order` on the way back takes the id. The number that
//! customers see is the snapshot's `id`.
//!
//! Only the body is signed. So the topic alone never turns an order into a deletion, and nothing
//! else is taken from the headers but what tells two deletions apart.
//!
//! To add a field or a plugin: read it here, and put what a real shop posts into `sample.json` or
//! the cases of the tests.

mod lines;
mod order;
mod values;

#[cfg(test)]
mod tests;

use crate::domain::{DELETED, ErrorCode, Fault, Faults, Marketplace, SAVED};
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
    /// Something else in place of an order: for the operator to hear.
    Notice {
        /// The stable code of what it means.
        code: ErrorCode,
        /// What came, in its own words.
        words: String,
    },
}

/// An order that cannot be used as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// The event that it makes as far as it can be read; what cannot stands in it as it came.
    pub event: Value,
    /// Everything that cannot be read, with its place in what was sent.
    pub faults: Faults,
}

/// Why a marketplace's order is not taken, if it is not.
fn passed_over(marketplace: Marketplace, order: &Map<String, Value>) -> Option<&'static str> {
    let part = values::id(order, "parent_id").is_some();
    let mut entries = values::list(order, "meta_data");
    let divided = entries.any(|(_, entry)| {
        values::text(entry, "key", 100).as_deref() == Some("has_sub_order")
            && entry.get("value").is_some_and(values::yes)
    });
    match marketplace {
        Marketplace::Parents if part => Some("a part of a marketplace's order is not taken"),
        Marketplace::SubOrders if divided => {
            Some("an order is taken in the parts it was divided into")
        }
        _ => None,
    }
}

/// What WooCommerce says in place of an order that the webhook's owner may not see.
const MAY_NOT_SEE: &str = "woocommerce_rest_cannot_view";

/// Reads a delivery: its topic, its id, its signed body.
pub fn read(
    marketplace: Marketplace,
    topic: &str,
    delivery_id: &str,
    body: &Value,
) -> Result<Delivery, Broken> {
    if topic.split('.').next() != Some("order") {
        return Ok(Delivery::Ignored("only orders are taken"));
    }
    let Value::Object(order) = body else {
        return Ok(notice(ErrorCode::NotAnOrder, &body.to_string()));
    };
    let Some(id) = values::id(order, "id") else {
        return in_place_of_an_order(order);
    };
    if let Some(why) = passed_over(marketplace, order) {
        return Ok(Delivery::Ignored(why));
    }
    match order.get("status").and_then(Value::as_str).map(str::trim) {
        None if topic == "order.deleted" => {
            let tail: String = delivery_id
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(64)
                .collect();
            let data = json!({ "number": id });
            let id = format!("{id}-deleted-{tail}");
            Ok(Delivery::Event(event(DELETED, &id, &data)))
        }
        None | Some("") => {
            let missing = fault("/status", "`status` is required");
            Err(broken(Some(&id), "", order, missing))
        }
        Some(status) if DRAFTS.contains(&status) => {
            Ok(Delivery::Ignored("a draft is not an order yet"))
        }
        Some(TRASH) => {
            let data =
                json!({ "number": id, "updated_at": values::moment(order, "date_modified_gmt") });
            let id = identity(&id, order);
            Ok(Delivery::Event(event(DELETED, &id, &data)))
        }
        Some(status) => {
            let status = status.strip_prefix("wc-").unwrap_or(status);
            let (snapshot, faults) = order::snapshot(Some(&id), status, order);
            let event = event(SAVED, &identity(&id, order), &snapshot);
            if faults.is_empty() {
                Ok(Delivery::Event(event))
            } else {
                Err(Broken { event, faults })
            }
        }
    }
}

/// The same order in the same state is the same event. WooCommerce's delivery id will not do: it is
/// the same for all orders of a second.
fn identity(id: &str, order: &Map<String, Value>) -> String {
    let text = Value::Object(order.clone()).to_string();
    let digest = Sha256::digest(text.as_bytes());
    format!("{id}-{}", URL_SAFE_NO_PAD.encode(digest))
}

/// What has no order's id: an error that WordPress answers with, or anything else that is no order.
fn in_place_of_an_order(body: &Map<String, Value>) -> Result<Delivery, Broken> {
    let told = |name| values::text(body, name, 300).unwrap_or_default();
    if body.contains_key("code") && body.contains_key("message") {
        let status = body.get("data").and_then(|data| data.get("status"));
        let denied = matches!(status.and_then(Value::as_u64), Some(401 | 403));
        let code = if denied || told("code") == MAY_NOT_SEE {
            ErrorCode::WebhookOwner
        } else {
            ErrorCode::NotAnOrder
        };
        return Ok(notice(
            code,
            &format!("{}: {}", told("code"), told("message")),
        ));
    }
    if body.contains_key("status") || body.contains_key("line_items") {
        let status = told("status");
        let missing = fault("/id", "`id` must be the order's id");
        return Err(broken(None, &status, body, missing));
    }
    Ok(notice(
        ErrorCode::NotAnOrder,
        &Value::Object(body.clone()).to_string(),
    ))
}

/// Something else than an order, told in its own words.
pub fn notice(code: ErrorCode, words: &str) -> Delivery {
    let seen = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    let words = seen.take(300).collect();
    Delivery::Notice { code, words }
}

fn event(kind: &str, id: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0",
        "type": kind,
        "source": SOURCE,
        "id": id,
        "datacontenttype": "application/json",
        "data": data,
    })
}

/// An order that lacks what it is known by.
fn broken(id: Option<&str>, status: &str, order: &Map<String, Value>, missing: Fault) -> Broken {
    let (snapshot, mut faults) = order::snapshot(id, status, order);
    faults.insert(0, missing);
    let identity = identity(id.unwrap_or("0"), order);
    let event = event(SAVED, &identity, &snapshot);
    Broken { event, faults }
}

fn fault(pointer: &str, detail: &str) -> Fault {
    Fault {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    }
}
