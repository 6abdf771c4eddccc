//! Stock: its setup, its levels, and the functions that change them.
//!
//! What changes figures is a function in the database each (`bridge.stock_*`): it locks, decides
//! and writes in one trip, and is the same for HTTP, for events and for a shop's own transaction.

mod events;
mod levels;
pub mod policy;
pub mod quantity;
mod receipt_rows;
mod receipts;
mod reservations;
mod setup;
pub mod shortages;
mod tills;
pub mod told;

pub use events::{
    NewStockEvent, OddLine, OddUnit, UnclearCount, UnclearLine, UntakenWarehouse, count_of_onec,
    count_part, drop_count, insert, lines_in_other_units, lines_of_no_product, odd_units, order,
    other_unit, revive_count, ship_of_onec, unclear_counts, untaken_warehouses,
};
pub use levels::{
    ExpiringRow, Level, LevelFigures, LevelKey, MoveRow, Unproved, all_levels, busy, changes,
    check, expiring, ledger, levels, of_product, tell,
};
pub use receipt_rows::{
    ReceiptFilter, ReceiptRow, TillFigures, forget_receipts, newest_receipts, products_named,
    prune_receipt_events, till_figures, unread_tills,
};
pub use receipts::{
    Meant, ParkedRow, ReceiptKey, lock_sale, number_of, parked, receipt, receipt_again, refunds_of,
};
pub use reservations::{expire, extend, held_for, read, release, reserve, ship, take_over};
pub use setup::{ShopRow, StockRow, StoreRow, configure, elsewhere};
pub use tills::{
    HintRow, add_hints, drop_hint, hints, leave_till, move_till_cursor, receipt_version_after,
    take_till, till_cursor,
};
