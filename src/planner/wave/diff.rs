//! The difference between an order and what the portal was last told of it.
//!
//! Where it is not known what was written last, or whether it arrived, the portal's own values
//! stand for it. Remembered as written is only what an answer or a reading confirmed, piece by
//! piece.

use super::writes_in_flight::{self, SUM};
use crate::domain::happening::{ContentChanges, Note};
use crate::planner::{
    CrmEntity, State,
    entities::product_rows::{changes, same_but_links},
    json::{is_empty, same, text},
};
use serde_json::{Map, Value, json};

/// Fields of whose changes a rule of their own tells.
const OWN_RULES: [&str; 4] = [
    "IS_MANUAL_OPPORTUNITY",
    "COMMENTS",
    "CONTACT_ID",
    "COMPANY_ID",
];

impl State {
    /// Whether the portal was told everything before, and the shop tells nothing new: then nothing
    /// is asked.
    pub(in crate::planner) fn nothing_changed(&self) -> bool {
        let written = self.known.written.as_ref();
        let Some(order) = self.snapshot() else {
            return false;
        };
        let told = writes_in_flight::told(&order.data);
        let agreed = self.job.agreed.as_ref() == Some(&order.status);
        written.is_some_and(|last| last.told == told && (agreed || last.status == order.status))
            && self.known.target.is_some()
            && self.known.open.is_nothing()
            && self.changed().is_empty()
            && !self.rows_changed()
            && !self.links_are_due()
            && self.customer_told()
            && self.firm_is_told()
    }

    /// What the portal is known, or seen, to hold in a field.
    fn held(&self, field: &str) -> Option<&Value> {
        let sure = !self.known.open.fields.contains_key(field);
        let written = self.known.written.as_ref().filter(|_| sure);
        let read = || self.row.as_ref().and_then(|row| row.get(field));
        written
            .and_then(|written| written.fields.get(field))
            .or_else(read)
    }

    /// Fields that differ from what was last written; if that is not known, from what the portal
    /// holds.
    pub(in crate::planner) fn changed(&self) -> Map<String, Value> {
        let Some(desired) = &self.desired else {
            return Map::new();
        };
        desired
            .kept
            .iter()
            .filter(|(field, value)| {
                let held = self.held(field);
                !same(value, held) && (held.is_some() || **value != "")
            })
            .map(|(field, value)| (field.clone(), value.clone()))
            .collect()
    }

    /// Whether the shop changed the rows. That some are known in the catalogue by now is no reason
    /// to set them: a manager may have changed them meanwhile ([`State::links_are_due`]).
    pub(in crate::planner) fn rows_changed(&self) -> bool {
        let Some(desired) = &self.desired else {
            return false;
        };
        let written = self.known.written.as_ref();
        self.known.open.rows
            || written.is_none_or(|written| !same_but_links(&written.rows, &desired.rows.rows))
    }

    /// What is other in the rows than what was last written, as far as that is known.
    pub(in crate::planner) fn rows_are_other(&self) -> Option<ContentChanges> {
        let (desired, written) = (self.desired.as_ref()?, self.known.written.as_ref()?);
        changes(&written.rows, &desired.rows.rows)
    }

    /// The same, once the portal has it.
    pub(in crate::planner) fn take_other_rows(&mut self) -> Option<ContentChanges> {
        let (desired, written) = (self.desired.as_ref()?, self.known.written.as_ref()?);
        let is_there = same_but_links(&written.rows, &desired.rows.rows);
        is_there.then(|| self.other_rows.take()).flatten()
    }

    /// Whether the portal was told all of this same customer's phones and e-mails before.
    pub(in crate::planner) fn customer_told(&self) -> bool {
        if self.person.is_some() && !self.is_lead() && !self.same_customer() {
            return false;
        }
        let told = self
            .known
            .written
            .as_ref()
            .map(|written| written.contacts.as_slice())
            .unwrap_or_default();
        self.communications().iter().all(|one| told.contains(one))
    }

    /// Whether the deal's company, or that it has none, is the one that the snapshot names.
    pub(in crate::planner) fn firm_is_told(&self) -> bool {
        if self.firm_told.is_none() {
            return !self.firm_dropped();
        }
        self.is_lead() || self.same_firm()
    }

    /// The phones and e-mails that identify the customer.
    fn communications(&self) -> Vec<String> {
        let Some(person) = &self.person else {
            return Vec::new();
        };
        person
            .phones
            .iter()
            .chain(&person.emails)
            .cloned()
            .collect()
    }

    /// Whether the portal shows in a field what the bridge last wrote there; also where that is not
    /// known.
    pub(in crate::planner) fn as_written(&self, field: &str) -> bool {
        let shows = self.row.as_ref().and_then(|row| row.get(field));
        let Some(written) = &self.known.written else {
            return true;
        };
        // What an earlier version remembered does not say how the portal shows it.
        if written.told.is_empty() && field.starts_with("UF_") {
            return true;
        }
        let sent = self.known.open.fields.get(field);
        let mut ours = [sent, written.fields.get(field), written.shown.get(field)]
            .into_iter()
            .flatten()
            .peekable();
        shows.is_none() || ours.peek().is_none() || ours.any(|ours| same(ours, shows))
    }

    /// What the new order became; all of it is still to be seen.
    pub(in crate::planner) fn target_created(&mut self, target: CrmEntity) {
        self.making = self.to_make();
        self.found(target);
        self.wrote = true;
        let fields = self.desired.as_ref().map(|desired| desired.kept.clone());
        self.known.open.fields = fields.unwrap_or_default();
        self.sent.fields = self.known.open.fields.clone();
        self.sent.sum = true;
    }

    /// The order is this deal or lead; what belongs to it is still to be seen.
    pub(in crate::planner) fn found(&mut self, target: CrmEntity) {
        if let Some(making) = self.known.open.making.take() {
            self.making.get_or_insert(making);
        }
        self.known.target = Some(target);
        self.known.written = None;
        self.known.open.rows = self
            .desired
            .as_ref()
            .is_some_and(|d| !d.rows.rows.is_empty());
        self.known.open.sum = true;
    }

    /// Fields were sent, and the answer was that they are written: they are still to be seen.
    pub(in crate::planner) fn fields_sent(&mut self, fields: Map<String, Value>) {
        self.wrote = true;
        self.known.open.sum |= SUM.iter().any(|field| fields.contains_key(*field));
        self.sent.fields.extend(fields.clone());
        self.sent.sum |= self.known.open.sum;
        self.open_fields(fields);
    }

    /// The rows were set.
    pub(in crate::planner) fn rows_sent(&mut self, rows: Vec<Value>) {
        self.wrote = true;
        self.known.open.rows = false;
        self.known.open.links = false;
        self.known.open.sum |= !self.spares_sum;
        self.sent.rows = true;
        self.sent.sum |= self.known.open.sum;
        let written = self.known.written.get_or_insert_default();
        written.rows = rows;
        written.links_left = false;
    }

    /// The portal holds these fields: what of them was open is so no longer.
    pub(in crate::planner) fn confirm(&mut self, row: &Map<String, Value>) {
        let missing = |field: &str| field.starts_with("UF_") && !row.contains_key(field);
        let open = std::mem::take(&mut self.known.open.fields);
        let written = self.known.written.get_or_insert_default();
        for (field, ours) in open {
            let theirs = row.get(&field);
            let refused = field == "CURRENCY_ID" && !same(&ours, theirs);
            if missing(&field) && !is_empty(&ours) || refused {
                written.fields.remove(&field);
                self.known.open.fields.insert(field, ours);
                continue;
            }
            written.shown.remove(&field);
            if !is_empty(&ours) && theirs.is_some_and(is_empty) {
                written.fields.remove(&field);
                continue;
            }
            let otherwise = theirs.filter(|theirs| !same(&ours, Some(theirs)));
            // The sum is what is corrected where it comes out otherwise.
            if let Some(theirs) = otherwise.filter(|_| !SUM.contains(&field.as_str())) {
                written.shown.insert(field.clone(), theirs.clone());
            }
            written.fields.insert(field, ours);
        }
    }

    /// What was compared with the portal's own values and found the same counts as written.
    pub(in crate::planner) fn confirm_same(&mut self) {
        let (Some(desired), Some(row)) = (&self.desired, &self.row) else {
            return;
        };
        let there = |(field, ours): &(&String, &Value)| {
            same(ours, row.get(*field)) || row.get(*field).is_none() && **ours == ""
        };
        let same: Vec<(String, Value)> = desired
            .kept
            .iter()
            .filter(there)
            .map(|(field, ours)| (field.clone(), ours.clone()))
            .collect();
        let written = self.known.written.get_or_insert_default();
        for (field, ours) in same {
            let open = self.known.open.fields.remove(&field).is_some();
            if open || !written.fields.contains_key(&field) {
                written.shown.remove(&field);
                written.fields.insert(field, ours);
            }
        }
    }

    /// The order ended well: what the shop told is told to the portal.
    pub(in crate::planner) fn remember(&mut self) {
        let contacts = self.communications();
        self.known.open.links = false;
        let told = self
            .snapshot()
            .map(|order| (writes_in_flight::told(&order.data), order.status.clone()));
        if let (Some(written), Some((told, status))) = (&mut self.known.written, told) {
            written.contacts = contacts;
            written.told = told;
            written.status = status;
        }
    }

    /// Says whose word counts where a manager changed what the shop changes now.
    pub(in crate::planner) fn tell_overwritten(&mut self, fields: &Map<String, Value>) {
        let theirs: Vec<&str> = fields
            .iter()
            .filter(|(field, ours)| {
                let shows = self.row.as_ref().and_then(|row| row.get(*field));
                // Who made the sum is no word of anybody, and comments have a rule of their own.
                let counts = !OWN_RULES.contains(&field.as_str());
                counts && !self.as_written(field) && !same(ours, shows)
            })
            .map(|(field, _)| field.as_str())
            .collect();
        if !theirs.is_empty() {
            let fields = theirs.into_iter().map(str::to_owned).collect();
            self.note(Note::FieldsOverwritten { fields });
        }
    }

    /// The rows as they were before the shop's were set: a manager's are told, since they are gone.
    pub(in crate::planner) fn tell_rows(&mut self, result: &Value) {
        let Some(written) = &self.known.written else {
            return;
        };
        let theirs = crate::planner::json::rows(result);
        let mut ours: Vec<String> = written.rows.iter().map(row_sentence).collect();
        let mut theirs: Vec<String> = theirs
            .into_iter()
            .map(|row| row_sentence(&Value::Object(row)))
            .collect();
        ours.sort();
        theirs.sort();
        if theirs != ours {
            let most = theirs.iter().take(20).map(String::as_str);
            let rows = most.collect::<Vec<_>>().join("; ");
            self.note(Note::RowsOverwritten { rows });
        }
    }
}

/// A product row as people read it.
fn row_sentence(row: &Value) -> String {
    let number = |field: &str| {
        let value = crate::planner::json::decimal(row.get(field)).unwrap_or_default();
        value.round_dp(4).normalize().to_string()
    };
    let name = json!(text(row.get("PRODUCT_NAME")).trim());
    format!("{name} {} × {}", number("QUANTITY"), number("PRICE"))
}
