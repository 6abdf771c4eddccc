//! A panic as a value: what panics while one thing is worked on is that thing's fault, and nobody
//! else's.
//!
//! [`caught`] and [`caught_in`] stand where one row, one order, one message is worked on. Whoever
//! calls them writes the [`Bug`] down with that thing (code `BRIDGE-BUG`) and goes on with the next
//! one. A panic aborts nothing: the profiles keep `panic = "unwind"`.

use futures_util::FutureExt as _;
use std::{
    any::Any,
    cell::RefCell,
    fmt,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Once},
};

/// A panic: where, and in which words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bug {
    /// File and line of the source.
    pub place: String,
    /// The panic's words. They may hold what was worked on: they belong to it, and not into a log.
    pub words: String,
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a fault of the bridge at {}: {}", self.place, self.words)
    }
}

impl std::error::Error for Bug {}

/// The longest words that are kept.
const WORDS: usize = 500;

thread_local! {
    /// Where this thread panicked last.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Does something of which a panic is that thing's own. What it changed before a panic is half
/// done: it is thrown away, or told anew.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Bug> {
    watch();
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| bug(&*panic))
}

/// The same for what takes its time.
pub async fn caught_in<F: Future>(work: F) -> Result<F::Output, Bug> {
    watch();
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.map_err(|panic| bug(&*panic))
}

fn bug(panic: &(dyn Any + Send)) -> Bug {
    let words = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no words");
    let place = PLACE.with(RefCell::take);
    Bug {
        place: place.unwrap_or_else(|| "an unknown place".to_owned()),
        words: words.chars().take(WORDS).collect(),
    }
}

/// Has every panic remember its place, before whatever else is done about panics.
fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let place = panic
                .location()
                .map(|at| format!("{}:{}", at.file(), at.line()));
            PLACE.with(|last| *last.borrow_mut() = place);
            next(panic);
        }));
    });
}

/// What is done with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An event is read: from HTTP, from a file, from a webhook or a shop's answer.
    Read,
    /// An event from SQL is taken up.
    TakeUp,
    /// A due order is read for the planner.
    Claim,
    /// The planner works on an order.
    Plan,
    /// What became of an order is stored.
    Settle,
    /// An order's status and stage are compared.
    Compare,
    /// A message to a shop is looked at before it is sent.
    Tell,
    /// A shop's answer to a message is taken.
    Answer,
    /// A notification of a portal is stored, or taken up.
    Hear,
    /// A row of a portal's stage history is stored.
    Move,
    /// A delivery of a shop's webhook is made an event.
    Translate,
    /// A changed table of statuses is applied to an order.
    Table,
    /// An installation of an application is judged.
    Judge,
    /// An order is looked up by its origin.
    Find,
}

impl Step {
    /// Every step, for tests that go through them.
    pub const ALL: [Self; 14] = [
        Self::Read,
        Self::TakeUp,
        Self::Claim,
        Self::Plan,
        Self::Settle,
        Self::Compare,
        Self::Tell,
        Self::Answer,
        Self::Hear,
        Self::Move,
        Self::Translate,
        Self::Table,
        Self::Judge,
        Self::Find,
    ];
}

/// What is called before each step with the event's or the order's name; for tests, which panic in
/// it.
#[derive(Clone)]
pub struct Trap(pub Arc<Spring>);

/// What a [`Trap`] does.
pub type Spring = dyn Fn(Step, &str) + Send + Sync;

impl fmt::Debug for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trap")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_value_with_its_place_and_words() {
        let bug = caught(|| panic!("at {}", "once"))
            .map(|(): ()| ())
            .unwrap_err();
        assert_eq!(bug.words, "at once");
        assert!(
            bug.place.starts_with("src/process/bug.rs:"),
            "{}",
            bug.place
        );
        assert_eq!(caught(|| 5), Ok(5));
    }

    #[tokio::test]
    async fn a_panic_after_a_pause_is_one_too() {
        let late = caught_in(async {
            tokio::task::yield_now().await;
            let none: Vec<u8> = Vec::new();
            none[usize::from(std::env::args().count() > 999)]
        });
        assert!(late.await.unwrap_err().words.contains("out of bounds"));
    }
}
