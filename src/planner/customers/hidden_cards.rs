//! Cards that are not shown: gone, or hidden from the bridge's user. A portal leaves out of its
//! lists what a user may not see, so that a lost right looks like a deletion of everything.
//!
//! Where a wave sees one of the linked cards, those that it does not see are gone. Where it sees
//! none, the portal is asked before another card is made of anybody: for any card of the kind, and
//! whether the user is an administrator, who sees everything.

use crate::{
    domain::ErrorCode,
    planner::{
        Outcome, Wave,
        indexes::{CustomerIx, FirmIx, JobIx},
        json::rows,
        list_query::{CardKind, listed},
        portal_identity::is_administrator,
        wave::batching::PendingCommand,
    },
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl CardKind {
    /// From how many linked cards on it is suspicious that not one is shown. Every order has a
    /// contact; a firm may have been the only one, and deleted.
    fn suspicious(self) -> usize {
        match self {
            Self::Contact => 1,
            Self::Company => 2,
        }
    }
}

/// Whether the bridge's user sees cards of a kind.
#[derive(Debug, Default)]
pub(in crate::planner) struct Sight {
    asked: bool,
    /// Whether any card is shown; `None` while that is not told.
    any: Option<bool>,
}

impl Sight {
    fn hides(&self, sees_all: bool) -> bool {
        self.asked && (self.any.is_none() || self.any == Some(false) && !sees_all)
    }
}

impl Wave {
    /// Asks what there is to be seen, where not one linked card of a kind is shown; whether that
    /// was asked just now.
    pub(super) fn ask_sight(&mut self) -> bool {
        let mut asks = false;
        for (kind, method) in [
            (CardKind::Contact, "crm.contact.list"),
            (CardKind::Company, "crm.company.list"),
        ] {
            let is_seen = match kind {
                CardKind::Contact => self.contacts.values().any(Option::is_some),
                CardKind::Company => self.companies.values().any(|is_there| *is_there),
            };
            if self.sight(kind).asked || is_seen || self.count_unseen(kind) < kind.suspicious() {
                continue;
            }
            self.sight_mut(kind).asked = true;
            let params = listed(&json!({}), &["ID"]);
            self.ask(method, params, PendingCommand::AnyCard { kind });
            self.ask("profile", json!({}), PendingCommand::Profile);
            asks = true;
        }
        asks
    }

    pub(in crate::planner) fn take_any_card(&mut self, kind: CardKind, result: &Value) {
        self.sight_mut(kind).any = Some(!rows(result).is_empty());
    }

    pub(in crate::planner) fn take_profile(&mut self, result: &Value) {
        self.sees_all = is_administrator(result);
    }

    /// Whether what is not shown of a kind may be hidden, so that it is not taken for gone.
    pub(super) fn hides(&self, kind: CardKind) -> bool {
        self.sight(kind).hides(self.sees_all)
    }

    /// Orders of customers whose linked card may only be hidden wait: nothing is made in its place.
    pub(super) fn wait_for_sight(&mut self) {
        for kind in [CardKind::Contact, CardKind::Company] {
            if !self.hides(kind) {
                continue;
            }
            for job in self.unseen(kind) {
                self.jobs[job].end(Outcome::Again {
                    code: ErrorCode::Rights,
                });
            }
        }
    }

    /// The open jobs whose linked card was asked for and is not shown.
    pub(in crate::planner) fn unseen(&self, kind: CardKind) -> Vec<JobIx> {
        let contact = |at: CustomerIx| {
            let linked = self.customers[at].contact;
            linked.is_some_and(|id| matches!(self.contacts.get(&id), Some(None)))
        };
        let company = |at: FirmIx| {
            let linked = self.firms[at].company;
            linked.is_some_and(|id| self.companies.get(&id) == Some(&false))
        };
        self.jobs_where(|state| match kind {
            CardKind::Contact => state.customer.is_some_and(contact),
            CardKind::Company => state.firm.is_some_and(company),
        })
    }

    /// How many linked cards of open jobs are not shown.
    fn count_unseen(&self, kind: CardKind) -> usize {
        let of = |job: &JobIx| match kind {
            CardKind::Contact => self.jobs[*job]
                .customer
                .and_then(|at| self.customers[at].contact),
            CardKind::Company => self.jobs[*job].firm.and_then(|at| self.firms[at].company),
        };
        let cards: BTreeSet<u64> = self.unseen(kind).iter().filter_map(of).collect();
        cards.len()
    }

    fn sight(&self, kind: CardKind) -> &Sight {
        match kind {
            CardKind::Contact => &self.contact_sight,
            CardKind::Company => &self.company_sight,
        }
    }

    fn sight_mut(&mut self, kind: CardKind) -> &mut Sight {
        match kind {
            CardKind::Contact => &mut self.contact_sight,
            CardKind::Company => &mut self.company_sight,
        }
    }
}
