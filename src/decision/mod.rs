//! Decides what a difference between a shop's status and a portal's stage means.
//!
//! PURE. States are compared, not messages, so late, doubled, reordered and missing notifications
//! cannot matter: the same inputs give the same [`Decision`], and after it was carried out the next
//! look ends in [`Action::Agree`]. The room refuses to guess: what the table cannot translate is
//! refused by name, what time cannot order goes to the configured authority, what a rule leaves to
//! people waits for them.
//!
//! How a caller uses it, for one order at a time under the portal's lease:
//!
//! 1. read the id of the deal's newest stage-history row, *then* the deal; build [`Inputs`]; call
//!    [`decide`];
//! 2. [`Action::WritePortal`]: write, then read the history after `guard` and ask
//!    [`foreign_moves`]; a move that the write buried ([`overwritten`]) goes to [`decide_again`];
//!    otherwise store the action's `agreed`;
//! 3. [`Action::TellShop`]: store its `agreed` and the message in one transaction; on
//!    acknowledgement store [`Agreed::delivered`], on 409 [`Agreed::refused`] together with the
//!    snapshot that came with it, and decide afresh. Whenever an agreement is stored, messages that
//!    it no longer [awaits](Agreed::awaits) are dropped from the shop's lane;
//! 4. every write is appended to the order's turns; a review is stored and handed back as
//!    [`Waiting`] until somebody gives a [`Ruling`]; the [`Record`] is stored always.
//!
//! Invariants:
//! - consistent states cause no write, so an echo of our own writes ends here;
//! - a final fact of the shop is never taken back because of the portal, unless a rule names the
//!   portal the winner or a person says so;
//! - one value is written to one side a bounded number of times within a window, then a person is
//!   asked;
//! - a changed table of statuses moves nothing that was agreed until somebody has confirmed it
//!   ([`decide_with_table`]).
//!
//! Design notes. A portal's move counts by its meaning: moving between stages that mean the same to
//! the shop is no claim against a change of the shop; leaving the agreed stage and coming back to
//! it is one (MOVED_TIME tells). For shops only the value counts: too many of them stamp
//! `status_changed_at` at every edit. What a shop was told counts as its status until it says
//! something newer, because its older snapshots may still be on their way.
//!
//! To add an outcome: a variant of [`Action`], of [`Refusal`] or of [`ReviewWhy`], its sentence in
//! both languages, where `case` comes to it, and a property in `tests/it/two_way/decision_model`
//! that fails without it.

mod case;
mod explanation;
mod loop_guard;
pub mod onec;
mod ordering;
mod outcome;
mod ruling;
mod sending;
mod stage_history;
pub mod status_map;

#[cfg(test)]
pub(crate) mod tests;

pub use crate::domain::{BridgeWrite, Ruling, Waiting, WrittenValue};
pub use outcome::{Action, Basis, Change, Decision, Purpose, Record, Refusal, ReviewWhy};
pub use sending::{Message, Person, Sending, Withdrawal, sending};
pub use stage_history::{
    ForeignMove, HistoryRow, OwnWrite, Place, decide_again, foreign_moves, overwritten,
};

use crate::domain::{Agreed, Clocks, Observation, Policy, Source, Stage};
use case::{Case, Table};
use chrono::{DateTime, Utc};

/// Everything a decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What the shop says.
    pub shop: &'a Observation<String>,
    /// What the portal says; read after the bridge's last write to the deal.
    pub portal: &'a Observation<Stage>,
    /// What was last the same thing on both sides; none on a first meeting.
    pub agreed: Option<&'a Agreed>,
    /// Whether the shop's snapshot says that the order is paid, whatever its status.
    pub paid: bool,
    /// Whether the shop's snapshot says that the order is cancelled, whatever its status.
    pub cancelled: bool,
    /// How the shop's configuration wants differences decided.
    pub policy: &'a Policy,
    /// How far both clocks are off.
    pub clocks: Clocks,
    /// Id of the deal's newest stage-history row, read before the deal itself.
    pub history: Option<u64>,
    /// What was written for this order lately, on both sides.
    pub turns: &'a [BridgeWrite],
    /// A person's word on a difference.
    pub ruling: Option<&'a Ruling>,
    /// A review that is open for this order.
    pub waiting: Option<&'a Waiting>,
    /// The time of the decision, by the bridge's clock.
    pub now: DateTime<Utc>,
}

/// Decides one difference between the shop's status and the portal's stage. Pure: the same inputs
/// give the same decision.
pub fn decide(inputs: &Inputs<'_>) -> Decision {
    Case::new(inputs, Table::Asked).decide()
}

/// What the rules say of a difference that a changed table of statuses makes: a plan, carried out
/// when a person has confirmed it.
pub fn decide_with_table(inputs: &Inputs<'_>) -> Decision {
    Case::new(inputs, Table::Applied).decide()
}

/// The order's status: what the shop says, or what it was told since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The status by the shop's own code.
    pub status: String,
    /// Whose word it is.
    pub by: Source,
    /// When that was said, on the bridge's clock; `None`: that is not known.
    pub at: Option<DateTime<Utc>>,
    /// Nothing that the shop was told crosses what it says: that is decided with the portal first.
    pub settled: bool,
}

/// The shop's status that counts: what it says, or what it was told since.
pub fn counted(inputs: &Inputs<'_>) -> Counted {
    Case::new(inputs, Table::Asked).counted()
}
