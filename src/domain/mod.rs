//! The nouns of the bridge, and the rules that need nothing but them.
//!
//! PURE: no clock, no randomness, no IO. Everything that arrives from outside is parsed here once,
//! into types that cannot hold what was refused.

mod activity;
mod clock_offset;
mod conflict_policy;
mod email;
mod entry;
mod error_code;
mod event;
mod event_age;
mod fault;
mod form;
mod ids;
mod json_reader;
pub mod money;
mod observation;
mod person;
mod phone;
mod shop_rules;
mod snapshot;
mod status;
mod tax_id;
mod text;

pub use activity::{ActivityRules, UnknownCaller};
pub use clock_offset::{ClockOffset, Clocks, ONE_WAY_DELAY, Offset, UNMEASURED};
pub use conflict_policy::{
    Authority, Conflict, Fact, Finality, Policy, Rule, Side, Winner, WriteLimit,
};
pub use email::{Emails, read as read_emails};
pub use entry::{CallEntry, Entry, MailEntry, TodoEntry};
pub use error_code::ErrorCode;
pub use event::{DELETED, Event, EventBody, SAVED};
pub use event_age::{AHEAD, Age, Claim, Ground, Verdict};
pub use fault::{Fault, Faults, MOST_FAULTS, cut, shorten};
pub use form::{
    FormField, FormRules, FormService, FormTarget, form_field_name, form_key, is_subject_key,
};
pub use ids::{BaseName, OrderNumber, PortalName, ShopName, StockName, TillName};
pub(crate) use json_reader::{Reader, unstorable};
pub use observation::{Agreed, Observation, PreviousAgreement, SentStatus, Source};
pub use person::{Agreement, LegalEntity, Person, Placeholders, is_common, names_nobody};
pub use phone::{Number, Phone, Phones};
pub use shop_rules::{LeadRule, Marketplace, OnDeleted, ShopRules};
pub use snapshot::{
    Channel, Company, Customer, CustomerKind, Delivery, Discount, Item, Origin, Payment, Readable,
    Reading, Snapshot, Utm,
};
pub use status::{Correspondence, Direction, Stage, StatusMap, Untranslatable};
pub use text::Texts;
