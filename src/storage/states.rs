//! The states of rows, as their columns name them. Each is one of the words that the column's
//! constraint allows; any other is an error that names the column.

use crate::domain::words;
use serde::{Deserialize, Serialize};

words! {
    /// What became of an accepted event: `bridge.outbox.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum EventState {
        /// It is the newest of its order, and waits.
        Pending = "pending",
        /// The portal holds it.
        Done = "done",
        /// A newer one of its order stands for it.
        Superseded = "superseded",
        /// A dead letter stands for it.
        Dead = "dead",
    }
}

words! {
    /// What became of a message to a shop: `bridge.status_changes.state` and
    /// `bridge.shop_messages.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum MessageState {
        /// It is to be sent, or read from the feed.
        Waiting = "waiting",
        /// The shop has it.
        Delivered = "delivered",
        /// Something newer stands for it.
        Dropped = "dropped",
        /// A dead letter stands for it.
        Dead = "dead",
    }
}

words! {
    /// What an event that was published by SQL was taken up as: `bridge.published.outcome`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum PublishedOutcome {
        /// It is in the outbox.
        Queued = "queued",
        /// It was there before.
        Duplicate = "duplicate",
        /// It is a dead letter.
        Dead = "dead",
    }
}

words! {
    /// What a document of 1C is: `bridge.onec_documents.kind`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum DocumentKind {
        /// One document: an order, a payment or a shipment, say.
        Document = "document",
        /// Several in one container.
        Package = "package",
        /// A customer or a supplier.
        Counterparty = "counterparty",
        /// What cannot be read.
        Unreadable = "unreadable",
    }
}

words! {
    /// What became of a document of 1C: `bridge.onec_documents.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum DocumentState {
        /// It is decided once something else is.
        Waiting = "waiting",
        /// It is carried out.
        Applied = "applied",
        /// It is not carried out, for a code.
        Refused = "refused",
        /// A newer one of its order stands for it.
        Overtaken = "overtaken",
        /// A person has let it go.
        Discarded = "discarded",
    }
}

words! {
    /// How far a file of 1C is: `bridge.onec_imports.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum ImportState {
        /// It is being taken in.
        Working = "working",
        /// All of it is taken in.
        Taken = "taken",
        /// None of it is, for a code.
        Refused = "refused",
    }
}

words! {
    /// What is exchanged with a base: `bridge.onec_sessions.kind` and `bridge.onec_files.kind`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum ExchangeKind {
        /// Orders.
        Sale = "sale",
        /// Goods of 1C, for the site.
        Catalog = "catalog",
        /// Goods of the site, for 1C.
        GetCatalog = "get_catalog",
        /// 1C waits for news.
        Listen = "listen",
        /// A person has a file taken in.
        ByHand = "by_hand",
    }
}

words! {
    /// What an order's `Ид` is to a base: `bridge.onec_bases.id_kind`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum OrderIdKind {
        /// The shop's internal id.
        Id = "id",
        /// The number that the customer sees.
        Number = "number",
    }
}

words! {
    /// A document of MoySklad's that a webhook told of: `bridge.till_hints.entity`, in the words
    /// of its API.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "lowercase")]
    pub enum HintEntity {
        /// A sale at a till.
        RetailDemand = "retaildemand",
        /// A return at a till.
        RetailSalesReturn = "retailsalesreturn",
    }
}

words! {
    /// Which part of a shop's products a session gives next:
    /// `bridge.onec_sessions.catalogue_part`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum CataloguePart {
        /// Its groups and properties.
        Groups = "groups",
        /// Its goods.
        Goods = "goods",
        /// What they cost.
        Offers = "offers",
        /// Nothing more: all of it was given.
        Over = "over",
    }
}

words! {
    /// How far a job over dead letters is: `bridge.bulk_jobs.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum BulkState {
        /// It is at work, or will be.
        Running = "running",
        /// No letter is left for it.
        Done = "done",
        /// Somebody has stopped it, or the bridge could not read it.
        Stopped = "stopped",
    }
}

words! {
    /// What a thing of a shop is linked to: `bridge.links.entity`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum LinkEntity {
        /// The deal of an order. Written by earlier versions alone: `bridge.orders` has it.
        Deal = "deal",
        /// The lead of an order, likewise.
        Lead = "lead",
        /// The contact of a customer.
        Contact = "contact",
        /// The company of a firm that orders.
        Company = "company",
        /// A product of the portal's catalogue.
        Product = "product",
    }
}

words! {
    /// What a letter is about that is about no event: `bridge.dead_letters.about`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum LetterAbout {
        /// An order whose status and stage could not be compared.
        Comparison = "comparison",
        /// An order that could not be looked up by its origin.
        Origin = "origin",
        /// A notification of a portal.
        Notification = "notification",
        /// A row of a portal's stage history.
        Move = "move",
        /// A delivery of a shop's webhook.
        Delivery = "delivery",
        /// A message that a shop did not take.
        Message = "message",
        /// A document of 1C.
        Document = "document",
        /// An order that a 1C base does not take.
        Push = "push",
        /// A count of goods.
        Count = "count",
    }
}

words! {
    /// How a letter ended: `bridge.dead_letters.closed_how`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum ClosedHow {
        /// A person had it tried again, or it got through.
        Retried = "retried",
        /// A person has let it go.
        Discarded = "discarded",
        /// Something newer stands for it.
        Overtaken = "overtaken",
        /// Its event had been accepted before.
        Duplicate = "duplicate",
    }
}

words! {
    /// What goes to a portal beside orders: `bridge.subjects.kind`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum SubjectKind {
        /// A submission of a form.
        Form = "form",
        /// A call, mail or message.
        Activity = "activity",
        /// A sale at a till, as a deal.
        Receipt = "receipt",
        /// A comment or a task on an order's card.
        Note = "note",
        /// A product of a catalogue.
        Product = "product",
        /// A picture of a product.
        Picture = "picture",
    }
}

words! {
    /// How a difference came to an end: `bridge.conflicts.closed_how`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum ConflictEnd {
        /// A person's answer was carried out.
        Ruled = "ruled",
        /// It was there no more, and nobody had answered.
        Vanished = "vanished",
    }
}

words! {
    /// What an event says of its order: `bridge.outbox.kind`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum EventKind {
        /// The whole order as it is now: its snapshot.
        Saved = "saved",
        /// The shop has it no more.
        Deleted = "deleted",
    }
}

words! {
    /// A card that an operator took from a customer: `bridge.refused_cards.entity`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum CustomerCard {
        /// The contact of a person.
        Contact = "contact",
        /// The company of a firm.
        Company = "company",
    }
}

words! {
    /// Whose word a message to a shop is: `bridge.status_changes.source`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum MessageSource {
        /// The deal was moved, or the rules say so.
        Portal = "portal",
        /// 1C has said it.
        Onec = "onec",
    }
}

words! {
    /// How a shortage came to an end: `bridge.shortages.closed_how`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum ShortageEnd {
        /// The rule for it was carried out.
        Rule = "rule",
        /// A person's answer was carried out.
        Ruled = "ruled",
        /// There was enough again, and nobody had answered.
        Vanished = "vanished",
    }
}

words! {
    /// What an event tells of goods: `bridge.stock_events.kind`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum StockEventKind {
        /// Goods came or went.
        Moved = "moved",
        /// Somebody has counted what is there.
        Counted = "counted",
        /// A till has sold or taken back.
        Receipt = "receipt",
    }
}

words! {
    /// What a catalogue of 1C names beside its products: `bridge.onec_lists.kind`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum ListKind {
        /// A group of products.
        Group = "group",
        /// A kind of price.
        PriceType = "price_type",
        /// A property that products have.
        Property = "property",
        /// A warehouse, which is a store to the bridge.
        Warehouse = "warehouse",
    }
}

words! {
    /// What becomes of a notification of a portal: `bridge.inbox.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum InboxState {
        /// It is to be taken up.
        New = "new",
        /// Its deal was put on the list of comparisons.
        Done = "done",
        /// The bridge does not act on it.
        Ignored = "ignored",
    }
}

words! {
    /// How far an order is that was written in an answer to 1C: `bridge.onec_offers.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum OfferState {
        /// It is about to be written.
        Sending = "sending",
        /// All of the answer but for its last bytes is written.
        Offered = "offered",
        /// The whole answer is written.
        Written = "written",
        /// The answer broke off: it was no offer.
        Cut = "cut",
        /// 1C has it.
        Confirmed = "confirmed",
    }
}

words! {
    /// How far an order is that is brought to a base: `bridge.onec_pushes.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum PushState {
        /// It is on its way, or in doubt.
        Sending = "sending",
        /// It is sent again later.
        Waiting = "waiting",
        /// The base does not take it.
        Refused = "refused",
    }
}

words! {
    /// How it stands with a reservation: `bridge.reservations.state`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum ReservationState {
        /// Its goods are held.
        Held = "held",
        /// Its goods went.
        Shipped = "shipped",
        /// Somebody has set it free.
        Released = "released",
        /// It ran out.
        Expired = "expired",
        /// It was lost to a shortage.
        Short = "short",
    }
}

words! {
    /// What a message to a shop tells: `bridge.shop_messages.kind`, which is its CloudEvents
    /// `type`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text")]
    pub enum MessageKind {
        /// A reservation is lost.
        #[sqlx(rename = "bridge.reservation.short.v1")]
        ReservationShort = "bridge.reservation.short.v1",
        /// A till has sold or taken back.
        #[sqlx(rename = "bridge.receipt.saved.v1")]
        ReceiptSaved = "bridge.receipt.saved.v1",
        /// 1C has another word on an order's payment.
        #[sqlx(rename = "bridge.order.payment.v1")]
        OrderPayment = "bridge.order.payment.v1",
        /// 1C has another word on an order's shipment.
        #[sqlx(rename = "bridge.order.shipment.v1")]
        OrderShipment = "bridge.order.shipment.v1",
        /// An order has other lines or sums in 1C.
        #[sqlx(rename = "bridge.order.contents.v1")]
        OrderContents = "bridge.order.contents.v1",
        /// An order was made in 1C.
        #[sqlx(rename = "bridge.order.created.v1")]
        OrderCreated = "bridge.order.created.v1",
        /// 1C tells of a customer.
        #[sqlx(rename = "bridge.customer.saved.v1")]
        CustomerSaved = "bridge.customer.saved.v1",
    }
}

words! {
    /// What moved goods: `bridge.stock_moves.cause`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum MoveCause {
        /// A reservation holds them, or no longer does.
        Reservation = "reservation",
        /// What a reservation held was shipped.
        Shipment = "shipment",
        /// An order left with more than was held for it.
        Order = "order",
        /// Somebody has counted them.
        Count = "count",
        /// An event said so.
        Moved = "moved",
        /// A till sold them, or took them back.
        Receipt = "receipt",
    }
}
