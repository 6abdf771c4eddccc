//! The nouns of the bridge, and the rules that need nothing but them.
//!
//! PURE: no clock, no randomness, no IO. Everything that arrives from outside is parsed here once,
//! into types that cannot hold what was refused.
//!
//! To add a type: a file with private fields, a `parse` that names every fault by its pointer, and
//! serde through the same door; money as decimals, times in UTC. What is read from outside gets
//! lines in `tests/it/incoming/intake/written`.

mod agreement;
mod clock_offset;
mod contacts;
mod entry;
mod error_code;
mod event;
mod event_age;
mod goods;
pub mod happening;
mod ids;
mod input;
pub mod money;
mod observation;
mod product;
mod reported_status;
mod rules;
mod snapshot;
mod status;
mod words;

pub use agreement::{
    BridgeWrite, Ruling, StageWriteInFlight, StandingRuling, Waiting, WrittenValue,
};
pub use clock_offset::{ClockOffset, Clocks, ONE_WAY_DELAY, Offset, UNMEASURED};
pub use contacts::email::{Emails, read as read_emails};
pub use contacts::person::{
    Agreement, LegalEntity, Names, Person, Placeholders, is_common, names_nobody,
};
pub use contacts::phone::{Number, Phone, Phones};
pub use entry::{CallEntry, Entry, MailEntry, TodoEntry};
pub use error_code::{ErrorCode, Place};
pub use event::{DELETED, Event, EventBody, SAVED};
pub use event_age::{AHEAD, Age, Claim, Ground, Verdict};
pub use goods::{ReceiptKind, ShortageAct, ShortageCause};
pub use ids::{BaseName, OrderKey, OrderNumber, PortalName, ShopName, StockName, TillName};
pub use input::fault::{Fault, Faults, MOST_FAULTS, cut, shorten};
pub(crate) use input::json_reader::{Reader, did_you_mean, nearest, unstorable};
pub use input::text::Texts;
pub use observation::{Agreed, Observation, PreviousAgreement, SentStatus, Source, TOLD_KEPT};
pub use product::{
    Attributes, CatalogueField, CatalogueOwner, CatalogueRules, LARGEST_PICTURE, PRODUCT_DELETED,
    PRODUCT_SAVED, Picture, PictureFile, PictureKind, Product, ProductChange, ProductEvent,
    ProductPicture, ProductPrice, Variation, product_key, take_picture_files,
};
pub use reported_status::ReportedStatus;
pub use rules::activity::{ActivityRules, UnknownCaller};
pub use rules::conflict_policy::{
    Authority, Conflict, Fact, Finality, Policy, Rule, Side, Winner, WriteLimit,
};
pub use rules::form::{
    FormField, FormRules, FormService, FormTarget, form_field_name, form_key, is_form_key,
    is_picture_key, is_product_key, is_subject_key, picture_key, product_id,
};
pub use rules::shop_rules::{LeadRule, Marketplace, OnDeleted, ShopRules};
pub use snapshot::{
    Channel, Company, Customer, CustomerKind, Delivery, Discount, Item, Origin, Payment, Readable,
    Reading, Snapshot, Utm,
};
pub use status::{Correspondence, Direction, Stage, StatusMap, Untranslatable};
pub(crate) use words::words;
