//! What the portal was told of an order before, and what of the order is news to it.
//!
//! Where it is not known what was written last, the portal's own values stand for it.

use super::{State, Written, value::same};
use serde_json::{Map, Value};

impl State {
    /// Whether the portal was told everything before: then nothing is asked.
    pub(super) fn nothing_changed(&self) -> bool {
        self.known.written.is_some()
            && self.snapshot().is_some()
            && self.known.target.is_some()
            && self.changed().is_empty()
            && !self.rows_changed()
            && self.customer_told()
    }

    /// Fields that differ from what was last written; if that is not known, from what the portal holds.
    pub(super) fn changed(&self) -> Map<String, Value> {
        let Some(desired) = &self.desired else {
            return Map::new();
        };
        let held = |field: &str| match &self.known.written {
            Some(written) => written.fields.get(field),
            None => self.row.as_ref().and_then(|row| row.get(field)),
        };
        desired
            .kept
            .iter()
            .filter(|(field, value)| {
                !same(value, held(field)) && (held(field).is_some() || *value != "")
            })
            .map(|(field, value)| (field.clone(), value.clone()))
            .collect()
    }

    pub(super) fn rows_changed(&self) -> bool {
        let Some(desired) = &self.desired else {
            return false;
        };
        self.known
            .written
            .as_ref()
            .is_none_or(|written| written.rows != desired.rows.rows)
    }

    /// Whether the portal was told all of the customer's phones and e-mails before.
    pub(super) fn customer_told(&self) -> bool {
        let told = self
            .known
            .written
            .as_ref()
            .map(|written| written.contacts.as_slice())
            .unwrap_or_default();
        self.communications().iter().all(|one| told.contains(one))
    }

    /// The customer's phones and e-mails.
    fn communications(&self) -> Vec<String> {
        let Some(customer) = self.snapshot().and_then(|order| order.customer.as_ref()) else {
            return Vec::new();
        };
        let phones = customer.phones.iter().map(ToString::to_string);
        phones.chain(customer.emails.iter().cloned()).collect()
    }

    /// Keeps what was written, for the next comparison.
    pub(super) fn remember(&mut self, fields: Option<Map<String, Value>>) {
        let contacts = self.communications();
        let desired = self.desired.as_ref();
        let written = self.known.written.get_or_insert_with(|| Written {
            // What was compared with the portal's own values and found the same counts as written.
            fields: desired
                .map(|desired| desired.kept.clone())
                .unwrap_or_default(),
            ..Written::default()
        });
        written.fields.extend(fields.unwrap_or_default());
        written.contacts = contacts;
    }
}
