//! b24-bridge carries an online store's orders into Bitrix24 CRM, once and only once, brings the
//! stages back, and tells what became of each.
//!
//! # Layers
//!
//! ```text
//! cli -> {http, console, worker} -> app -> {storage, clients, planner, decision} -> domain
//! {http, console, app} -> formats -> domain
//! ```
//!
//! | room | owns |
//! |---|---|
//! | [`domain`] | the nouns and what is always true of them: orders, statuses, codes. Pure |
//! | [`planner`] | from orders to portal commands and from answers to settlements. Pure |
//! | [`decision`] | from a difference between status and stage to what is done about it. Pure |
//! | [`storage`] | all SQL |
//! | [`clients::bitrix24`] | the portal client: limits, tokens, batches, errors |
//! | [`app`] | use cases; owns the transactions |
//! | [`clients::connections`] | what every client reaches other systems by, once a process |
//! | [`clients::callback`] | one signed message to a shop, and what its answer means |
//! | [`worker`] | lanes of portals and of shops that are called, and what is due by the clock |
//! | [`http`] | the API, health and metrics; the one table of error to status |
//! | [`console`] | the operators' pages |
//! | [`stock`] | reservations, counts and moves of goods, and what is wrong with one. Pure |
//! | [`formats::commerceml`] | the XML in which 1C and a site exchange orders and goods. Pure |
//! | [`formats::onec`] | a 1C base: which orders it gets, and how they are written. Pure |
//! | [`formats::woocommerce`] | WooCommerce's webhooks as events. Pure |
//! | [`activities`] | calls, mails and messages: what is told, and what is put on a card. Pure |
//! | [`formats::forms`] | forms of a shop's site: what services post, and what it says. Pure |
//! | [`clients::onec`] | one order brought to an HTTP service of a 1C base, and its answer |
//! | [`clients::moysklad`] | the client of MoySklad's API: its limit, its pages |
//! | [`clients::pictures`] | files that a shop names by address: which are asked, and bounds |
//! | [`formats::tills`] | tills: receipts by event, and the bodies of their vendors. Pure |
//! | [`auth`] | who somebody is, by key, password or session, and what that allows |
//! | [`cli`] | one file per command |
//! | [`config`] | one file per section of the settings |
//! | [`process::doors`] | what any caller may use of the process: bytes in work, tries at keys |
//! | [`process::embedded`] | a PostgreSQL of our own for those who brought none |
//! | [`sandbox`] | a simulated portal, the other side: it uses nothing of ours |
//! | [`process::telemetry`] | logs, metrics, traces |
//! | [`process::signals`] | the process's signals and tasks |
//! | [`process::backoff`] | pauses between tries |
//! | [`process::bug`] | panics as values |
//!
//! [`clients`], [`formats`] and [`process`] only gather rooms.
//! A room uses only rooms below it; `storage` and `clients` never meet; the pure rooms know no IO,
//! no clock and no chance. A test reads the source and enforces this.
//!
//! # Words
//!
//! Who: *Shop*: a store that posts events. *Portal*: one Bitrix24 account. *Base*: a 1C database
//! that exchanges files with us. *Till*: a cash register whose *receipt* moves goods. *Operator*: a
//! person who runs the bridge; *viewer*: one who may look.
//!
//! Orders in: *Event*: a CloudEvents message with the identity (source, id). It carries a
//! *snapshot*: the whole order. *Intake*: accepting events. *Outbox*: accepted events not yet
//! settled. *Backfill*: a history of orders loaded from a file. *Submission*: what a form of a site
//! sent. *Activity*: a call, mail or message of a customer. *Subject*: what is neither order nor
//! customer but goes to the portal: a submission, an activity, a product or one of its *pictures*.
//! *Catalogue*: the products of a shop, which the portal's are kept in step with. *Print*: bytes
//! that stand for what a file says of a product, so that the same again is known.
//!
//! To the portal: *Lane*: everything that goes to one portal, or to one shop's callback. One worker
//! drives it at a time, under a *lease* with an *epoch*. *Claim*: taking due orders for a *wave*:
//! rounds of calls that many orders go through at once. *Share*: the lanes of one process among
//! several on the same database. *Link*: from an external id to a Bitrix24 id. *Card*: a contact,
//! company, lead or deal. *Intent*: what a wave is about to write, stored before it is sent.
//! *Settle*: the end of an event: done, superseded or dead. *Permit*: a place in the portal's
//! request limit, given to another process.
//!
//! Letting in: *Application*: how a portal lets the bridge in by OAuth 2.0 instead of a webhook. A
//! *grant* is an installation that somebody tells of; it is an offer until the portal has confirmed
//! it. *Vault*: what encrypts tokens. *Witness*: a deal by which the portal is known again.
//!
//! Stages back: *Inbox*: received notifications. *Scan*: one reading of deals and stage history.
//! *Observation*: what one system says an order's status is, and since when by its own clock.
//! *Agreement*: the last status and stage known to be the same thing. *Comparison*: an order whose
//! sides are to be compared. *Decision*: what came of comparing observations, on record.
//! *Conflict*: a difference that waits for a person, whose answer is a *ruling*. *Status map*:
//! which status of the shop stands for which stage. *Callback*: the signed message that tells a
//! shop of a change. *Feed*: the same changes, to be read. *Fact*: that an order is paid, shipped
//! or cancelled. *Contents*: its lines and sums. *Birth*: an order that was made in 1C.
//!
//! Goods: *Ledger*: every move of a product. *Level*: how much of it is free. *Reservation*: goods
//! held for an order. *Shortage*: more is reserved than there is. *Count*: somebody has counted
//! what is there.
//!
//! When something is wrong: *Dead letter*: an event or a message that will not be tried again by
//! itself, with a code and a remedy. *Incident*: something wrong with a lane. *Pause*: nothing is
//! sent for a while. *Audit*: who did what by hand. *Timeline*: what became of one order.
//! *Happening*: one thing that happened, as data, from which its sentence is made. *Gauge*: a
//! figure that is measured in the database.
//!
//! # The way of one order
//!
//! 1. The shop posts an event to `/v1/events`; [`http`] finds the shop by its key.
//! 2. [`app`] parses every fault out of it ([`domain::Event`]), writes the outbox and the order's
//!    row in one transaction, commits, answers 202.
//! 3. A NOTIFY wakes the portal's lane; polling finds the order if the hint is lost.
//! 4. The lane's owner ([`worker`]) claims due orders: the newest snapshot of each, older ones are
//!    superseded.
//! 5. A [`planner::Wave`] asks for lookups: which deals, contacts and companies are there already?
//! 6. It makes the missing customers, then deals with their rows, 50 commands to a call, and reads
//!    back what was written.
//! 7. [`clients::bitrix24`] keeps the portal's limits and reports every command's own answer.
//! 8. One transaction settles: links, what was written, done, retry at, or dead letter, if the
//!    lease still holds.
//! 9. An answer that never came is looked up by the order's origin before anything is written
//!    again.
//! 10. `GET /v1/orders/{shop}/{number}` tells the order's life.
//!
//! A history that is loaded waits until nothing else is due. That its deals are to be imported
//! stands with each order: the wave then imports many in one command, looks them up by their
//! origin, and sets their rows in the next call.
//!
//! # The way of one stage back
//!
//! 1. A notification (`/webhooks/bitrix24/{portal}`, its token checked) is a hint: its deal is put
//!    on the list of comparisons. The portal's stage history, read from a cursor, is the truth:
//!    what moved elsewhere than was agreed is put there, too; and so is an order whose status
//!    changed.
//! 2. A [`planner::DealScan`] reads the history and up to 2,250 deals in one call.
//! 3. One transaction decides for each order with everything locked ([`decision::decide`]): agree,
//!    write the deal, tell the shop, refuse, or ask a person; the decision is stored with all it
//!    rests on, and a write is stored before it is sent.
//! 4. Deals are moved and read back in the same call, with their own history: somebody else's move
//!    in between is decided again, also after a crash.
//! 5. A shop's lane sends the change, signed ([`clients::callback`]); or the shop reads it from
//!    `/v1/status-changes`, numbered in the order of commits.

pub mod activities;
pub mod app;
pub mod auth;
pub mod cli;
pub mod clients;
pub mod config;
pub mod console;
pub mod decision;
pub mod domain;
pub mod formats;
pub mod http;
pub mod planner;
pub mod process;
pub mod sandbox;
pub mod stock;
pub mod storage;
pub mod worker;
