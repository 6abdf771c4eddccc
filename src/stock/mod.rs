//! Stock: what can be sold, to whom it is promised, and who says how much there is.
//!
//! PURE. Owns: the words of `[stock.NAME]`, and everything that is asked or told about goods,
//! parsed with every fault at once. Refuses: arithmetic that needs what others do meanwhile. That
//! is done where the figures are locked: in the database, by the functions `bridge.stock_*`, of
//! which there is one for each thing done.
//!
//! *Store*: a place that holds goods. *On hand*, *reserved*, *available* = on hand - reserved.
//! *Reservation*: held, shipped, released, expired or short. *Move*: a row of the ledger, appended
//! and never changed. *Level*: what the moves of a product in a store come to. *Count*: an absolute
//! figure of the master, as of a time. *Shortage*: more is reserved than there is.
//!
//! To add a kind of move: a variant with its figures here, the statement that posts it in
//! `storage::stock`, its sentence in both languages, and a step in `tests/it/stock/histories` that
//! must keep the ledger, the levels and the model equal.

mod count_text;
mod event;
mod hold;
mod order;
mod quantity;
mod request;
mod setup;
mod shortage;

pub use count_text::CountText;
pub(crate) use event::Envelope;
pub use event::{COUNTED, Counted, MOVED, Moved, StockEvent, Told};
pub use hold::{LONGEST_HOLD, hold};
pub use order::{GoodsAct, GoodsLine, GoodsStatus, OrderGoods, OrderPolicy, ReserveOn};
pub(crate) use quantity::quantity;
pub use quantity::text;
pub use request::{Extension, Line, MOST_LINES, Reservation, Shipment, ShippedLine};
pub use setup::{CountsMean, Master, NameKind, PortalStock, StockSettings, Store};
pub use shortage::{Held, OtherStore, Settlement, Shortage, ShortageRule};
