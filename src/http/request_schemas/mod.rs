//! The shapes of what is sent to the API, for its description alone: what is really taken is
//! decided where it is read.
//!
//! Fields that are not named are kept and may be mapped, so no shape forbids them.

#![expect(dead_code, reason = "these are described, not made")]

mod catalogue;
mod order;

pub(super) use catalogue::CatalogueProduct;
pub(super) use order::{
    OrderCustomer, OrderDelivery, OrderDiscount, OrderItem, OrderOrigin, OrderPayment, OrderUtm,
};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What may be sent as `application/json`: one event, or several.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "it describes a body and is never made"
)]
pub(super) enum AnyEvents {
    /// One event; with the headers of CloudEvents' binary mode its `data` alone.
    One(CloudEvent),
    /// Up to 1,000 events; each is answered by itself, in their order.
    Batch(Vec<CloudEvent>),
}

/// A CloudEvents 1.0 event that tells of an order, or of goods.
#[derive(Deserialize, ToSchema)]
pub(super) struct CloudEvent {
    /// The version of CloudEvents: `1.0`, and no other.
    #[schema(pattern = "^1\\.0$")]
    specversion: String,
    /// With `source` the identity of the event.
    #[schema(min_length = 1, max_length = 256)]
    id: String,
    /// Who sends it, e.g. `https://shop.example/orders`.
    #[schema(min_length = 1, max_length = 512)]
    source: String,
    /// `shop.order.saved.v1`, or `shop.order.deleted.v1`, whose data needs only `number`.
    r#type: EventType,
    /// When the event was made (RFC 3339).
    time: Option<DateTime<Utc>>,
    /// The shop, where a key does not say it.
    shop: Option<String>,
    /// The type of `data`, which must be JSON: `application/json`.
    datacontenttype: Option<String>,
    /// What the event tells, by its `type`.
    data: EventData,
}

#[derive(Deserialize, ToSchema)]
pub(super) enum EventType {
    #[serde(rename = "shop.order.saved.v1")]
    Saved,
    #[serde(rename = "shop.order.deleted.v1")]
    Deleted,
    #[serde(rename = "shop.stock.moved.v1")]
    Moved,
    #[serde(rename = "shop.stock.counted.v1")]
    Counted,
    #[serde(rename = "pos.receipt.saved.v1")]
    Receipt,
    #[serde(rename = "shop.activity.recorded.v1")]
    Recorded,
    #[serde(rename = "shop.product.saved.v1")]
    ProductSaved,
    #[serde(rename = "shop.product.deleted.v1")]
    ProductDeleted,
}

/// What an event of each type carries.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "it describes a body and is never made"
)]
pub(super) enum EventData {
    /// The order, whole: an event carries all of it, and not only what changed.
    Order(Order),
    /// Goods that came or went.
    Moved(StockMoved),
    /// How much there is, by somebody who has counted.
    Counted(StockCounted),
    /// A receipt of a till.
    Receipt(TillReceipt),
    /// A call, a mail or a message.
    Recorded(ActivityRecorded),
    /// A product, whole; of one that is gone `id` is enough.
    Product(CatalogueProduct),
}

/// A receipt of a till, whole.
#[derive(Deserialize, ToSchema)]
pub(super) struct TillReceipt {
    /// Its id in the till: with `till` its identity.
    receipt: Id,
    /// The till; with a till's own key it need not be said.
    till: Option<Id>,
    /// The store, by its name or an id; left out, the only one.
    store: Option<Id>,
    /// `sale`: goods went to the customer; `refund`: they came back.
    kind: String,
    /// The receipt of the sale that a refund is of.
    of: Option<Id>,
    /// The order of which it is the pick-up.
    number: Option<Id>,
    /// The till's shift, at most 128 characters. It is kept and moves nothing.
    shift: Option<Id>,
    /// The till's count of changes: of two versions the greater one is newer.
    version: Option<i64>,
    /// Whether it was annulled: then it moves nothing.
    cancelled: Option<bool>,
    /// When it was closed, by the till's clock. An annulled one need not say it.
    closed_at: Option<DateTime<Utc>>,
    /// The receipt's currency (ISO 4217). It is kept, and not judged.
    currency: Option<String>,
    /// What was paid, or paid back.
    total: Option<Amount>,
    /// What was sold or taken back, line by line.
    lines: Option<Vec<TillReceiptLine>>,
    /// What was paid, by kind. It is kept, and moves nothing.
    payments: Option<Vec<TillPayment>>,
}

/// A line of a receipt.
#[derive(Deserialize, ToSchema)]
pub(super) struct TillReceiptLine {
    /// Its id in the receipt; left out, its place.
    line: Option<Id>,
    /// The product, by the till's id.
    product_id: Option<Id>,
    /// The article (SKU), at most 128 characters: a name that goods may be found by.
    sku: Option<Id>,
    /// The barcode, at most 128 characters: a name that goods may be found by.
    barcode: Option<Id>,
    /// What it is called, for people and for 1C.
    name: Option<String>,
    /// How much, above zero; at most three digits after the point.
    quantity: Amount,
    /// The unit of measure, in the till's words.
    unit: Option<String>,
    /// The price of one unit, not below zero.
    price: Option<Amount>,
    /// What was taken off, not below zero.
    discount: Option<Amount>,
    /// What the line comes to, not below zero.
    sum: Option<Amount>,
    /// The rate of VAT in percent, not below zero.
    vat_rate: Option<Amount>,
    /// Whether it is no goods: then it moves nothing, and needs no product.
    service: Option<bool>,
}

/// A payment of a receipt.
#[derive(Deserialize, ToSchema)]
pub(super) struct TillPayment {
    /// How it was paid: `cash`, `card`, or any other word.
    kind: String,
    /// The sum that was paid so.
    sum: Amount,
}

/// A call, a mail or a message; who it was is told by `phone`, `email` or `number`.
#[derive(Deserialize, ToSchema)]
pub(super) struct ActivityRecorded {
    /// Which of the three it was.
    kind: ActivityWord,
    /// `in` (the default): the customer called or wrote; `out`: the shop did.
    direction: Option<DirectionWord>,
    /// When, if not at the event's `time`.
    at: Option<DateTime<Utc>>,
    /// How long a call was, in seconds.
    duration: Option<u32>,
    /// The subject of a mail, at most 250 characters.
    subject: Option<String>,
    /// The text of a mail or a message, or words about a call; at most 50,000 characters.
    text: Option<String>,
    /// The customer's telephone, at most 64 characters; finds the card.
    phone: Option<Id>,
    /// The customer's e-mail address, at most 320 characters; finds the card.
    email: Option<String>,
    /// The order that it was about.
    number: Option<Id>,
    /// Where the recording of a call is.
    recording_url: Option<String>,
    /// Whether nobody took a call that came in.
    missed: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ActivityWord {
    Call,
    Mail,
    Message,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DirectionWord {
    In,
    Out,
}

/// Goods that came or went.
#[derive(Deserialize, ToSchema)]
pub(super) struct StockMoved {
    /// The store, by its name or an id; left out, the only one of the stock.
    store: Option<String>,
    /// Why they came or went, for the ledger.
    reason: Option<String>,
    /// What came or went, line by line.
    moves: Vec<StockMovedLine>,
}

/// A line of goods that came or went.
#[derive(Deserialize, ToSchema)]
pub(super) struct StockMovedLine {
    /// The line's id, unique in the event: at most 128 characters.
    line: Id,
    /// The product; one that is not known becomes known by this name.
    product: Id,
    /// How much came, or below zero went.
    quantity: Amount,
    /// In which unit: another one than the product's is refused.
    unit: Option<String>,
    /// When, if not at the event's `time`.
    at: Option<DateTime<Utc>>,
}

/// An absolute figure of the stock's master.
#[derive(Deserialize, ToSchema)]
pub(super) struct StockCounted {
    /// The store, by its name or an id; left out, the only one of the stock.
    store: Option<String>,
    /// The time of which it is true.
    as_of: DateTime<Utc>,
    /// Whether what it does not name is not there.
    complete: Option<bool>,
    /// What was counted, one product a line.
    counts: Vec<StockCountedLine>,
}

/// A line of a count.
#[derive(Deserialize, ToSchema)]
pub(super) struct StockCountedLine {
    /// The product; one that is not known becomes known by this name.
    product: Id,
    /// How much there is, at most three digits after the point; a system may count below zero.
    quantity: Amount,
    /// In which unit: another one than the product's is refused.
    unit: Option<String>,
}

/// A decimal as text, exactly, or as a number.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Amount {
    Text(String),
    Number(f64),
}

/// An id as text or as a whole number.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Id {
    Text(String),
    Number(i64),
}

/// One id, or several.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Ids {
    One(Id),
    Many(Vec<Id>),
}

/// A text, a number, or yes and no.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum PropertyValue {
    Text(String),
    Number(f64),
    Flag(bool),
}

/// One text, or several.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Texts {
    One(String),
    Many(Vec<String>),
}

/// The order as the shop sees it. `status`, `currency` and `total` are needed unless it was
/// deleted.
#[derive(Deserialize, ToSchema)]
pub(super) struct Order {
    /// The order's public number: with the shop its identity.
    number: Id,
    /// The shop's own id of the order, at most 256 characters.
    id: Option<Id>,
    /// The shop's count of changes: of two states the greater one is newer.
    version: Option<i64>,
    /// The shop's status code, at most 100 characters: a row of its status map.
    status: Option<String>,
    /// When the order got that status, by the shop's clock (RFC 3339).
    status_changed_at: Option<DateTime<Utc>>,
    /// When the order was placed, by the shop's clock (RFC 3339).
    created_at: Option<DateTime<Utc>>,
    /// When the order was last changed, by the shop's clock: tells which state is newer.
    updated_at: Option<DateTime<Utc>>,
    /// The currency of all amounts (ISO 4217).
    currency: Option<String>,
    /// What the customer pays, everything included.
    total: Option<Amount>,
    /// Whether the order is paid; left out, it is not.
    paid: Option<bool>,
    /// When it was paid, by the shop's clock (RFC 3339).
    paid_at: Option<DateTime<Utc>>,
    /// Whether the order is cancelled; left out, it is not.
    cancelled: Option<bool>,
    /// Why it was cancelled, in the shop's words.
    cancel_reason: Option<String>,
    /// The person or the company that ordered.
    customer: Option<OrderCustomer>,
    /// What was ordered, line by line.
    items: Option<Vec<OrderItem>>,
    /// At most 100 discounts on the whole order; those of lines stand with their prices.
    discounts: Option<Vec<OrderDiscount>>,
    /// How and where to the order is delivered, and for how much.
    delivery: Option<OrderDelivery>,
    /// How the order is paid for.
    payment: Option<OrderPayment>,
    /// Anything else, by its code: at most 200 members of 64 KiB each.
    properties: Option<BTreeMap<String, Value>>,
    /// The campaign that brought the customer, as in the page's `utm_` parameters.
    utm: Option<OrderUtm>,
    /// The customer's comment; beyond 10,000 characters it is shortened.
    comment: Option<String>,
    /// What else people are to read in the deal, a line each.
    notes: Option<Vec<String>>,
    /// Where the order was placed; left out, in the online store.
    origin: Option<OrderOrigin>,
}

/// An order as in WooCommerce's REST API, as far as it is read.
#[derive(Deserialize, ToSchema)]
pub(super) struct WooOrder {
    /// WooCommerce's id of the order, by which it is known: plugins change the number.
    id: i64,
    /// Its number, where a plugin gives one.
    number: Option<Id>,
    /// The order's status without `wc-`, as `processing`.
    status: Option<String>,
    /// The currency of all amounts (ISO 4217).
    currency: Option<String>,
    /// What the customer pays, everything included.
    total: Option<Amount>,
    /// Everything else that WooCommerce sends: it is read as far as it is known.
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

/// What Evotor's cloud sends: one document or receipt, in a wrapper or not, or a list of them.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum EvotorBody {
    /// One document or receipt, with or without a wrapper.
    One(BTreeMap<String, Value>),
    /// Several documents or receipts, each judged by itself.
    Many(Vec<BTreeMap<String, Value>>),
}

/// What MoySklad's webhooks send: links of documents that have changed.
#[derive(Deserialize, ToSchema)]
pub(super) struct MoyskladEvents {
    /// One for each document.
    events: Vec<MoyskladEvent>,
}

/// A document that has changed.
#[derive(Deserialize, ToSchema)]
pub(super) struct MoyskladEvent {
    /// The link to the document, which ends in the document's id.
    meta: MoyskladMeta,
    /// `CREATE`, `UPDATE` or `DELETE`.
    action: Option<String>,
}

/// A link to an entity, as MoySklad's JSON API 1.2 writes it.
#[derive(Deserialize, ToSchema)]
pub(super) struct MoyskladMeta {
    /// The kind of document, as `retaildemand`.
    r#type: String,
    /// Its address, which ends in its id.
    href: String,
}

/// A description as OpenAPI 3.1 has it.
#[derive(Deserialize, ToSchema)]
pub(super) struct Description {
    /// The version of OpenAPI: `3.1.0`.
    openapi: String,
    /// The title and the version of the API.
    info: BTreeMap<String, Value>,
    /// The operations, by path.
    paths: BTreeMap<String, Value>,
    /// The schemas that they refer to.
    components: BTreeMap<String, Value>,
}
