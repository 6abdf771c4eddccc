//! The shapes of what is sent to the API, for its description alone: what is really taken is
//! decided where it is read.
//!
//! Fields that are not named are kept and may be mapped, so no shape forbids them.

#![expect(dead_code, reason = "these are described, not made")]

mod order;

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
    /// Up to 1,000 events.
    Batch(Vec<CloudEvent>),
}

/// A CloudEvents 1.0 event that tells of an order, or of goods.
#[derive(Deserialize, ToSchema)]
pub(super) struct CloudEvent {
    /// `1.0`.
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
    /// When it was made.
    time: Option<DateTime<Utc>>,
    /// The shop, where a key does not say it.
    shop: Option<String>,
    /// `application/json`.
    datacontenttype: Option<String>,
    /// What it tells.
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
    /// The order, whole.
    Order(Order),
    /// Goods that came or went.
    Moved(StockMoved),
    /// How much there is.
    Counted(StockCounted),
    /// A receipt of a till.
    Receipt(TillReceipt),
    /// A call, a mail or a message.
    Recorded(ActivityRecorded),
    /// A product, whole; of one that is gone `id` is enough.
    Product(CatalogueProduct),
}

/// A product of the shop's catalogue.
#[derive(Deserialize, ToSchema)]
pub(super) struct CatalogueProduct {
    /// The shop's id of it, by which orders name it.
    id: Id,
    /// Grows with each change.
    version: Option<i64>,
    /// When it was last changed.
    updated_at: Option<DateTime<Utc>>,
    /// Article.
    sku: Option<Id>,
    /// What it is called; only a product that is gone may do without.
    name: Option<String>,
    /// Text or HTML.
    description: Option<String>,
    /// Where it stands: names of sections, from the top.
    section: Option<Vec<String>>,
    /// What it costs.
    prices: Option<Vec<CataloguePrice>>,
    /// VAT in percent.
    vat: Option<Amount>,
    /// Whether prices include it (the default).
    vat_included: Option<bool>,
    /// Unit of measure: a symbol or an OKEI code.
    unit: Option<Id>,
    /// Whether it is sold (the default).
    active: Option<bool>,
    /// Its external code in the portal, where the shop knows better than prefix and id.
    xml_id: Option<Id>,
    /// Its barcode, or a list of them: the first is written.
    barcode: Option<Ids>,
    /// Values by the codes or names of the portal's properties.
    properties: Option<BTreeMap<String, PropertyValue>>,
    /// Its pictures, in their order; left out, they stay as they are.
    pictures: Option<Vec<CataloguePicture>>,
    /// What is sold in its place.
    variations: Option<Vec<CatalogueVariation>>,
}

/// A picture: by its address, or with its file.
#[derive(Deserialize, ToSchema)]
pub(super) struct CataloguePicture {
    /// Where it stands: JPEG, PNG, GIF or WebP, at most 5 MiB.
    url: Option<String>,
    /// The name of the file.
    name: Option<String>,
    /// The file, in base64.
    content: Option<String>,
}

/// A price of one kind.
#[derive(Deserialize, ToSchema)]
pub(super) struct CataloguePrice {
    /// The portal's kind of price; left out, the base one.
    r#type: Option<String>,
    /// The price of one unit.
    price: Amount,
    /// The currency (ISO 4217).
    currency: String,
}

/// A variation of a product.
#[derive(Deserialize, ToSchema)]
pub(super) struct CatalogueVariation {
    /// The shop's id of it, by which orders name it.
    id: Id,
    /// Article.
    sku: Option<Id>,
    /// What it is called; left out, as the product.
    name: Option<String>,
    /// What it costs; left out, as the product.
    prices: Option<Vec<CataloguePrice>>,
    /// Whether it is sold (the default).
    active: Option<bool>,
    /// Its external code in the portal.
    xml_id: Option<Id>,
    /// Its barcode, or a list of them.
    barcode: Option<Ids>,
    /// Values by the codes or names of the portal's properties.
    properties: Option<BTreeMap<String, PropertyValue>>,
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
    /// `sale` or `refund`.
    kind: String,
    /// The receipt of the sale that a refund is of.
    of: Option<Id>,
    /// The order of which it is the pick-up.
    number: Option<Id>,
    /// The shift.
    shift: Option<Id>,
    /// Grows with each change.
    version: Option<i64>,
    /// Whether it was annulled: then it moves nothing.
    cancelled: Option<bool>,
    /// When it was closed, by the till's clock. An annulled one need not say it.
    closed_at: Option<DateTime<Utc>>,
    /// The currency (ISO 4217).
    currency: Option<String>,
    /// What was paid, or paid back.
    total: Option<Amount>,
    /// What was sold or taken back, line by line.
    lines: Option<Vec<TillReceiptLine>>,
    /// What was paid, and how.
    payments: Option<Vec<TillPayment>>,
}

/// A line of a receipt.
#[derive(Deserialize, ToSchema)]
pub(super) struct TillReceiptLine {
    /// Its id in the receipt; left out, its place.
    line: Option<Id>,
    /// The product, by the till's id.
    product_id: Option<Id>,
    /// Article.
    sku: Option<Id>,
    /// Barcode.
    barcode: Option<Id>,
    /// What it is called.
    name: Option<String>,
    /// How much, above zero.
    quantity: Amount,
    /// Unit of measure.
    unit: Option<String>,
    /// Price of one unit.
    price: Option<Amount>,
    /// What was taken off.
    discount: Option<Amount>,
    /// What the line comes to.
    sum: Option<Amount>,
    /// VAT in percent.
    vat_rate: Option<Amount>,
    /// Whether it is no goods.
    service: Option<bool>,
}

/// A payment of a receipt.
#[derive(Deserialize, ToSchema)]
pub(super) struct TillPayment {
    /// `cash`, `card`, or any other.
    kind: String,
    /// The sum that was paid so.
    sum: Amount,
}

/// A call, a mail or a message; who it was is told by `phone`, `email` or `number`.
#[derive(Deserialize, ToSchema)]
pub(super) struct ActivityRecorded {
    /// What it was.
    kind: ActivityWord,
    /// `in` (the default): the customer called or wrote; `out`: the shop did.
    direction: Option<DirectionWord>,
    /// When, if not at the event's `time`.
    at: Option<DateTime<Utc>>,
    /// How long a call was, in seconds.
    duration: Option<u32>,
    /// Its subject.
    subject: Option<String>,
    /// Its text.
    text: Option<String>,
    /// The customer's telephone.
    phone: Option<Id>,
    /// The customer's address.
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
    /// Its id in the event.
    line: Id,
    /// The product; one that is not known becomes known by this name.
    product: Id,
    /// How much came, or below zero went.
    quantity: Amount,
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
    /// How much there is.
    quantity: Amount,
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
    /// The shop's own id.
    id: Option<Id>,
    /// Grows with each change.
    version: Option<i64>,
    /// The shop's status code.
    status: Option<String>,
    /// When it got that status.
    status_changed_at: Option<DateTime<Utc>>,
    /// When it was placed.
    created_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    updated_at: Option<DateTime<Utc>>,
    /// The currency (ISO 4217).
    currency: Option<String>,
    /// What the customer pays, everything included.
    total: Option<Amount>,
    /// Whether it is paid.
    paid: Option<bool>,
    /// When it was paid.
    paid_at: Option<DateTime<Utc>>,
    /// Whether it is cancelled.
    cancelled: Option<bool>,
    /// Why it was cancelled, in the shop's words.
    cancel_reason: Option<String>,
    /// Who ordered.
    customer: Option<OrderCustomer>,
    /// What was ordered, line by line.
    items: Option<Vec<OrderItem>>,
    /// Discounts on the whole order.
    discounts: Option<Vec<OrderDiscount>>,
    /// How it is delivered.
    delivery: Option<OrderDelivery>,
    /// How it is paid for.
    payment: Option<OrderPayment>,
    /// Anything else, by its code.
    properties: Option<BTreeMap<String, Value>>,
    /// Campaign marks.
    utm: Option<OrderUtm>,
    /// The customer's comment.
    comment: Option<String>,
    /// What else people are to read in the deal, a line each.
    notes: Option<Vec<String>>,
    /// Where it was placed.
    origin: Option<OrderOrigin>,
}

/// An order as in WooCommerce's REST API, as far as it is read.
#[derive(Deserialize, ToSchema)]
pub(super) struct WooOrder {
    /// Its id.
    id: i64,
    /// Its number, where a plugin gives one.
    number: Option<Id>,
    /// Its status without `wc-`.
    status: Option<String>,
    /// The currency (ISO 4217).
    currency: Option<String>,
    /// What the customer pays.
    total: Option<Amount>,
    /// Everything else that WooCommerce sends: it is read as far as it is known.
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

/// What Evotor's cloud sends: one document or receipt, in a wrapper or not, or a list of them.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum EvotorBody {
    /// One document or receipt.
    One(BTreeMap<String, Value>),
    /// Several of them.
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
    /// Its link.
    meta: MoyskladMeta,
    /// `CREATE`, `UPDATE` or `DELETE`.
    action: Option<String>,
}

/// A link.
#[derive(Deserialize, ToSchema)]
pub(super) struct MoyskladMeta {
    /// The kind of document.
    r#type: String,
    /// Its address, which ends in its id.
    href: String,
}

/// A description as OpenAPI 3.1 has it.
#[derive(Deserialize, ToSchema)]
pub(super) struct Description {
    /// `3.1.0`.
    openapi: String,
    /// What is described.
    info: BTreeMap<String, Value>,
    /// The operations, by path.
    paths: BTreeMap<String, Value>,
    /// The schemas that they refer to.
    components: BTreeMap<String, Value>,
}
