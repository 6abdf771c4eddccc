//! The fields that one deal or lead is made with, and those that are written over it later.
//!
//! Managers own what they changed: a new comment of the shop is not put over theirs, nor a deal
//! moved out of the funnel they put it in.

use super::{DEAL, LEAD, names, stage_of};
use crate::{
    domain::{Stage, happening::Note},
    planner::{
        State,
        customers::communications,
        json::{text, words},
        wave::writes_in_flight::SUM,
    },
};
use serde_json::{Map, Value, json};

impl State {
    /// What a new lead or deal is made with, but for its stage and its customer.
    fn new_fields(&self) -> Map<String, Value> {
        let Some(desired) = &self.desired else {
            return Map::new();
        };
        let mut fields = desired.once.clone();
        fields.extend(desired.kept.clone());
        fields.retain(|_, value| value != "");
        fields
    }

    pub(in crate::planner) fn deal_fields(&mut self) -> Map<String, Value> {
        let mut fields = self.new_fields();
        let wanted = self.wanted.as_ref();
        let funnel = wanted.map_or(self.job.rules.funnel, |stage| stage.funnel);
        fields.insert("CATEGORY_ID".to_owned(), json!(funnel));
        if let Some(wanted) = wanted {
            fields.insert(DEAL.stage.to_owned(), json!(wanted.id));
            self.stage_written = true;
        }
        if let Some(contact) = self.known.contact_id {
            fields.insert("CONTACT_IDS".to_owned(), json!([contact]));
        }
        fields
    }

    /// A lead carries its customer itself.
    pub(super) fn lead_fields(&self) -> Map<String, Value> {
        let mut fields = self.new_fields();
        if let Some(rule) = &self.lead {
            fields.insert(LEAD.stage.to_owned(), json!(rule.status));
        }
        let Some(customer) = self.snapshot().and_then(|order| order.customer.as_ref()) else {
            return fields;
        };
        let company = customer.company.as_ref();
        let names = self.person.as_ref().map(|person| &person.names);
        let [name, last_name, second_name] =
            names.map_or([None; 3], |names| names.each_ref().map(Option::as_ref));
        for (field, value) in [
            ("NAME", name),
            ("LAST_NAME", last_name),
            ("SECOND_NAME", second_name),
            (
                "COMPANY_TITLE",
                company.and_then(|company| company.title.as_ref()),
            ),
        ] {
            if let Some(value) = value {
                fields.insert(field.to_owned(), json!(value));
            }
        }
        if let Some(person) = &self.person {
            communications(&mut fields, &person.phones, &person.emails);
        }
        fields
    }

    /// A lead that people made a deal of.
    pub(super) fn converted(&self) -> bool {
        let status = self.row.as_ref().map(|row| text(row.get("STATUS_ID")));
        status.as_deref() == Some("CONVERTED")
    }

    /// What is written over a deal or lead that is there.
    pub(super) fn update_fields(&mut self) -> Map<String, Value> {
        self.believe_seen();
        let mut fields = self.changed();
        self.spare_comment(&mut fields);
        self.spare_cards(&mut fields);
        let summed = SUM.iter().any(|field| fields.contains_key(*field));
        if !summed && self.rows_changed() {
            self.spare_sum();
        }
        if summed || self.rows_changed() && !self.spares_sum {
            let kept = self.desired.as_ref().map(|desired| &desired.kept);
            for field in SUM {
                if let Some(value) = kept.and_then(|kept| kept.get(field)) {
                    fields.insert(field.to_owned(), value.clone());
                }
            }
        }
        self.tell_overwritten(&fields);
        if let Some(stage) = self.stage_to_write() {
            fields.insert(names(self.is_lead()).stage.to_owned(), json!(stage.id));
            self.stage_written = true;
        }
        fields
    }

    /// What may have been sent and is seen to stand there was written: when something else is sent,
    /// it is still the shop's.
    fn believe_seen(&mut self) {
        let (Some(written), Some(row)) = (&mut self.known.written, &self.row) else {
            return;
        };
        for (field, sent) in &self.known.open.fields {
            let shows = row.get(field);
            if shows.is_some() && words(&text(Some(sent))) == words(&text(shows)) {
                written.shown.remove(field);
                written.fields.insert(field.clone(), sent.clone());
            }
        }
    }

    /// A sum that a manager set by hand stays where the shop changes rows and not their sum.
    fn spare_sum(&mut self) {
        let by_hand = self.row.as_ref().is_some_and(|row| {
            text(row.get("IS_MANUAL_OPPORTUNITY")) == "Y" && row.contains_key("OPPORTUNITY")
        });
        if by_hand && !self.known.open.sum && !self.as_written("OPPORTUNITY") {
            self.spares_sum = true;
            self.note(Note::SumKept);
        }
    }

    /// A comment that a manager changed stays: what stands there must still be what was last
    /// written.
    fn spare_comment(&mut self, fields: &mut Map<String, Value>) {
        let written = self.known.written.as_ref();
        // Where it is not known what was written last, what stands there may be the shop's.
        let Some(last) = written.and_then(|written| written.fields.get("COMMENTS")) else {
            return;
        };
        if !fields.contains_key("COMMENTS") {
            return;
        }
        let theirs = self.row.as_ref().and_then(|row| row.get("COMMENTS"));
        let theirs = words(&text(theirs));
        let sent = self.known.open.fields.get("COMMENTS");
        let is_theirs = |ours: &Value| words(&text(Some(ours))) == theirs;
        if is_theirs(last) || sent.is_some_and(is_theirs) {
            return;
        }
        // What may have been sent counts as the shop's; what stands there does not.
        self.known.open.fields.remove("COMMENTS");
        fields.remove("COMMENTS");
        self.note(Note::CommentKept);
    }

    /// The stage to write to a deal that is there: only where the shop deleted the order, and never
    /// across funnels. What a changed status means for a deal that people move, too, is a decision
    /// and not the planner's.
    fn stage_to_write(&mut self) -> Option<Stage> {
        let stage = self.wanted.clone().filter(|_| self.snapshot().is_none())?;
        let funnel = self
            .row
            .as_ref()
            .map_or(stage.funnel, |row| stage_of(row).funnel);
        if funnel == stage.funnel {
            return Some(stage);
        }
        self.note(Note::FunnelLeft { funnel });
        None
    }
}
