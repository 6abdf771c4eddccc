//! Writes in flight: what is on its way to the portal, or was sent and is not known to have
//! arrived.
//!
//! Before anything of an order is written, what is about to be written is told
//! ([`Wave::intentions`]), so that after a crash it is known what may have happened. While a call
//! whose answer was lost may still land, an order is sent nothing but what that call carried:
//! whichever of the two lands last, the portal holds the same. What may not be sent twice (a deal,
//! a contact, a company) must be found first.

use super::batching::PendingCommand;
use crate::{
    domain::{OrderNumber, ShopName, Stage},
    planner::{CardId, Intent, State, Wave, indexes::JobIx},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// A sum means nothing without saying whether the rows or the hand made it.
pub(in crate::planner) const SUM: [&str; 2] = ["OPPORTUNITY", "IS_MANUAL_OPPORTUNITY"];
/// The stage of a deal, and that of a lead: written, and never remembered as written.
pub(in crate::planner) const STAGES: [&str; 2] = ["STAGE_ID", "STATUS_ID"];

/// What was sent for an order and is not known to have arrived, piece by piece.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one piece whether it is known to have arrived"
)]
pub struct Open {
    /// A deal or lead that may have been made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub making: Option<Making>,
    /// Fields, with the values that were sent.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    /// Fields of which more than one value was sent: nobody knows which of them stands there.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unsure: BTreeSet<String>,
    /// Whether the product rows may be on their way.
    #[serde(skip_serializing_if = "is_false")]
    pub rows: bool,
    /// Links of rows to the catalogue.
    #[serde(skip_serializing_if = "is_false")]
    pub links: bool,
    /// What the portal makes of the sum.
    #[serde(skip_serializing_if = "is_false")]
    pub sum: bool,
    /// That the contact belongs to the company.
    #[serde(skip_serializing_if = "is_false")]
    pub link: bool,
    /// The company's requisite and its address.
    #[serde(skip_serializing_if = "is_false")]
    pub requisite: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "what serde asks for takes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Open {
    /// Whether everything that was sent arrived.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over what else may have been sent.
    fn add(&mut self, other: Self) {
        self.making = self.making.take().or(other.making);
        self.unsure.extend(other.unsure);
        for (field, value) in other.fields {
            let before = self.fields.insert(field.clone(), value);
            if before.is_some_and(|before| self.fields.get(&field) != Some(&before)) {
                self.unsure.insert(field);
            }
        }
        self.rows |= other.rows;
        self.links |= other.links;
        self.sum |= other.sum;
        self.link |= other.link;
        self.requisite |= other.requisite;
    }
}

/// As what a deal or lead may have been made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Making {
    /// The status by which its stage was chosen, in the shop's words.
    pub status: String,
    /// The stage of a deal.
    pub stage: Option<Stage>,
}

/// What is about to be written for an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WritesInFlight {
    /// Tells whether something else is to be written by now.
    pub plan: String,
    /// What may be sent, as if none of it had arrived.
    pub open: Open,
    /// What tells the customers whose contacts and companies may be made or completed.
    pub who: BTreeSet<String>,
    /// The card on which entries are being put.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<CardId>,
}

impl WritesInFlight {
    /// The same where what is open is kept with the order itself.
    fn without_pieces(&self) -> Self {
        Self {
            open: Open::default(),
            ..self.clone()
        }
    }
}

/// Something of an order that was sent, or is about to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intention {
    /// The shop whose order it is.
    pub shop: ShopName,
    /// The order's number in that shop.
    pub number: OrderNumber,
    /// What may be written.
    pub what: WritesInFlight,
}

/// What was under way when an order was last worked on, and nobody heard how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubt {
    /// The writes that may have arrived.
    pub what: WritesInFlight,
    /// Whether it can no longer land.
    pub over: bool,
}

/// What of an order may still land in the portal after a wave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Landing {
    /// Nothing: every write was answered.
    #[default]
    Nothing,
    /// What was under way before, until then; everything that this wave sent was answered.
    AsBefore(WritesInFlight),
    /// A write of this wave whose answer was lost.
    Lost(WritesInFlight),
}

impl Wave {
    /// Customers whom other orders may still be making: nothing is made or added for them that is
    /// not found.
    pub fn doubt_customers(&mut self, who: BTreeSet<String>) {
        self.doubtful.extend(who);
    }

    /// What this wave may write from here on, of each open order; nothing is told of an order of
    /// which nothing is to be written.
    pub fn intentions(&self) -> Vec<Intention> {
        let open = self.jobs.iter().filter(|state| state.open());
        open.filter_map(|state| {
            Some(Intention {
                shop: state.job.rules.shop.clone(),
                number: state.job.number.clone(),
                what: self.under_way(state)?,
            })
        })
        .collect()
    }

    fn under_way(&self, state: &State) -> Option<WritesInFlight> {
        let mut open = state.to_write();
        let firm = state.firm.map(|at| &self.firms[at]);
        let customer = state.customer.map(|at| &self.customers[at]);
        let firm_made = firm.is_some_and(|firm| firm.made || firm.company.is_none());
        let customer_made = customer.is_some_and(|one| one.made || one.contact.is_none());
        if open.making.is_some() {
            open.requisite |= firm_made;
            open.link |= firm.is_some() && customer.is_some() && (firm_made || customer_made);
        }
        let who = self.identities(state);
        let moves = state.snapshot().is_none();
        (moves || !open.is_nothing() || !who.is_empty()).then(|| WritesInFlight {
            plan: state.plan(),
            open: state.with_doubt(open),
            who,
            card: None,
        })
    }

    /// What tells the customer and the firm whom this order may make or complete.
    fn identities(&self, state: &State) -> BTreeSet<String> {
        let customer = state.customer.map(|at| self.customers[at].identity());
        let firm = state.firm.map(|at| self.firms[at].identity());
        let told = !state.is_new() && state.customer_told();
        let all = customer.into_iter().flatten().chain(firm);
        all.filter(|_| !told).collect()
    }

    /// Whether one of these identities is of somebody whom a lost call may still make.
    pub(in crate::planner) fn in_doubt(&self, who: &BTreeSet<String>) -> bool {
        !self.doubtful.is_disjoint(who)
    }

    /// Keeps what of these orders was sent and not answered.
    pub(in crate::planner) fn lose(
        &mut self,
        jobs: &[JobIx],
        ask: &PendingCommand,
        may_land: bool,
    ) {
        for job in jobs {
            self.jobs[*job].lose(ask, may_land);
        }
    }

    /// What of an order may still land.
    pub(in crate::planner) fn landing(&self, state: &State) -> Landing {
        let what = || WritesInFlight {
            plan: state.plan(),
            open: Open::default(),
            who: self.identities(state),
            card: None,
        };
        if state.lost {
            Landing::Lost(what())
        } else if let Some(doubt) = state.running() {
            Landing::AsBefore(doubt.without_pieces())
        } else {
            Landing::Nothing
        }
    }
}

impl State {
    /// Takes over what may have been written since the order was last settled: none of it is
    /// believed.
    pub(in crate::planner) fn distrust(&mut self) {
        if let Some(doubt) = &self.job.doubt {
            let mut open = doubt.what.open.clone();
            self.open_fields(std::mem::take(&mut open.fields));
            for field in std::mem::take(&mut open.unsure) {
                if let Some(written) = &mut self.known.written {
                    written.fields.remove(&field);
                }
            }
            self.known.open.add(open);
        }
        let (Some(desired), Some(written)) = (&self.desired, &mut self.known.written) else {
            return;
        };
        // What the shop no longer tells is not looked at: it is not known what stands there. Whose
        // card the deal gets is found out later.
        let names = [
            ("CONTACT_ID", self.person.is_some()),
            ("COMPANY_ID", self.firm_told.is_some()),
        ];
        self.known.open.fields.retain(|field, _| {
            let wanted =
                desired.kept.contains_key(field) || names.contains(&(field.as_str(), true));
            if !wanted {
                written.fields.remove(field);
            }
            wanted
        });
    }

    /// These fields were sent. Where something else was sent before and not seen, nobody knows
    /// whose word stands there.
    pub(in crate::planner) fn open_fields(&mut self, fields: Map<String, Value>) {
        for (field, value) in fields {
            let before = self.known.open.fields.insert(field.clone(), value);
            let another = before.is_some_and(|b| Some(&b) != self.known.open.fields.get(&field));
            if let (true, Some(written)) = (another, &mut self.known.written) {
                written.fields.remove(&field);
            }
        }
    }

    /// What may still land.
    pub(in crate::planner) fn running(&self) -> Option<&WritesInFlight> {
        let doubt = self.job.doubt.as_ref()?;
        (!doubt.over).then_some(&doubt.what)
    }

    /// Whether what may still land is something else than what is to be written now.
    pub(in crate::planner) fn at_odds(&self) -> bool {
        self.running().is_some_and(|what| what.plan != self.plan())
    }

    /// Whether a deal or lead of the order may still appear.
    pub(in crate::planner) fn may_appear(&self) -> bool {
        self.running().is_some() && self.known.open.making.is_some()
    }

    /// A fingerprint of everything that is to be written: what differs in it must not pass what may
    /// still land.
    fn plan(&self) -> String {
        let desired = self.desired.as_ref();
        let deleted = matches!(self.job.intent, Intent::Delete);
        fingerprint(&json!({
            "fields": desired.map(|desired| &desired.kept),
            "rows": desired.map(|desired| &desired.rows.rows),
            "deleted": deleted.then_some(&self.wanted),
            "recreate": self.job.recreate,
        }))
    }

    /// As what it is about to be made.
    pub(in crate::planner) fn to_make(&self) -> Option<Making> {
        let status = self.snapshot()?.status.clone();
        let stage = self.wanted.clone().filter(|_| !self.is_lead());
        self.is_new().then_some(Making { status, stage })
    }

    /// What is about to be sent, as if none of it had arrived.
    fn to_write(&self) -> Open {
        let mut open = self.known.open.clone();
        if let Some(making) = self.to_make() {
            open.making = Some(making);
            return open;
        }
        open.fields.extend(self.changed());
        if self.rows_changed() {
            open.rows = true;
        }
        open.links |= self.links_are_due();
        open.sum |= open.rows || SUM.iter().any(|field| open.fields.contains_key(*field));
        open
    }

    /// The same with what was in doubt before, and with what this wave has sent: until the order is
    /// settled, what was seen of that meanwhile is stored nowhere.
    fn with_doubt(&self, mut open: Open) -> Open {
        let before = self.job.doubt.as_ref().map(|doubt| &doubt.what.open);
        let mut all = before.cloned().unwrap_or_default();
        open.making = open.making.take().or(all.making.take());
        all.add(self.sent.clone());
        all.add(open);
        all
    }

    /// This was sent and not answered. `may_land`: it may still be running.
    fn lose(&mut self, ask: &PendingCommand, may_land: bool) {
        let open = &mut self.known.open;
        match ask {
            PendingCommand::Add { .. } | PendingCommand::Import { .. } => {
                let making = self.to_make();
                self.known.open.making = making;
            }
            PendingCommand::Update { fields, .. } => {
                open.sum |= SUM.iter().any(|field| fields.contains_key(*field));
                let mut fields = fields.clone();
                fields.retain(|field, _| !STAGES.contains(&field.as_str()));
                self.open_fields(fields);
            }
            PendingCommand::SetRows { .. } => {
                open.rows = true;
                open.sum = true;
            }
            PendingCommand::LinkRow { .. } => open.links = true,
            PendingCommand::FixSum { .. } => open.sum = true,
            PendingCommand::LinkCompany { .. } => open.link = true,
            PendingCommand::AddCompany { .. } | PendingCommand::AddToCompany { .. } => {
                open.requisite = true;
            }
            PendingCommand::AddContact { .. } | PendingCommand::CompleteContact { .. } => {}
            _ => return,
        }
        self.lost |= may_land;
    }
}

/// A short fingerprint of a value.
pub(in crate::planner) fn fingerprint(value: &Value) -> String {
    let mut hex = hex::encode(Sha256::digest(value.to_string()));
    // Twelve bytes.
    hex.truncate(24);
    hex
}

/// What is told of an order, but for its status and what only says which telling it is.
pub(in crate::planner) fn told(data: &Map<String, Value>) -> String {
    let mut data = data.clone();
    for which in ["version", "updated_at", "status", "status_changed_at"] {
        data.remove(which);
    }
    fingerprint(&Value::Object(data))
}
