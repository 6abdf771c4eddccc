//! The nouns of the bridge, and the rules that need nothing but them.
//!
//! PURE: no clock, no randomness, no IO. Everything that arrives from outside is parsed here once, into types that
//! cannot hold what was refused.

mod age;
mod clock;
mod code;
mod email;
mod event;
mod fault;
mod form;
mod ids;
mod inn;
pub mod money;
mod observation;
mod person;
mod phone;
mod policy;
mod reader;
mod rules;
mod snapshot;
mod status;
mod text;

pub use age::{AHEAD, Age, Ground, Says, Verdict};
pub use clock::{ClockOffset, Clocks, ONE_WAY_DELAY, Offset, UNMEASURED};
pub use code::Code;
pub use email::{Emails, read as read_emails};
pub use event::{DELETED, Event, EventBody, SAVED};
pub use fault::{Fault, Faults, MOST_FAULTS, cut, shorten};
pub use form::{
    FormField, FormRules, FormService, FormTarget, form_field_name, form_key, is_form_key,
};
pub use ids::{BaseName, OrderNumber, PortalName, ShopName, StockName};
pub use observation::{Agreed, Before, Observation, Source, Told};
pub use person::{Agreement, LegalEntity, Person, Placeholders, is_common, names_nobody};
pub use phone::{Number, Phone, Phones};
pub use policy::{Authority, Conflict, Fact, Finality, Policy, Rule, Side, TurnLimit, Winner};
pub(crate) use reader::{Reader, unstorable};
pub use rules::{LeadRule, Marketplace, OnDeleted, ShopRules};
pub use snapshot::{
    Channel, Company, Customer, CustomerKind, Delivery, Discount, Item, Origin, Payment, Readable,
    Reading, Snapshot, Utm,
};
pub use status::{Correspondence, Direction, Stage, StatusMap, Untranslatable};
pub use text::Texts;
