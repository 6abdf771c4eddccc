//! Rows of deals whose products came into the catalogue later: they are linked to them, once.
//!
//! Only rows that stand as they were written are linked, each by itself: what a manager changed is
//! the manager's, and so is a deal that is closed.

use super::{
    names,
    product_rows::{LINK, is_as_written, link, linkable},
};
use crate::{
    domain::happening::Note,
    planner::{
        State, Wave,
        indexes::JobIx,
        json::{id, rows, text},
        list_query::row_id,
        wave::batching::{PendingCommand, PlannedCommand},
    },
};
use serde_json::{Map, Value, json};

/// A row of the portal that is to be linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::planner) struct RowLink {
    /// Which of the written rows it is.
    at: usize,
    /// Its id in the portal.
    row: u64,
}

/// What a row is called by the universal methods, of what we write into one.
const UNIVERSAL: [(&str, &str); 9] = [
    (LINK, "productId"),
    ("PRODUCT_NAME", "productName"),
    ("PRICE", "price"),
    ("QUANTITY", "quantity"),
    ("DISCOUNT_TYPE_ID", "discountTypeId"),
    ("DISCOUNT_SUM", "discountSum"),
    ("TAX_RATE", "taxRate"),
    ("TAX_INCLUDED", "taxIncluded"),
    ("MEASURE_CODE", "measureCode"),
];

impl Wave {
    /// Asks for the rows of deals of which some can be linked by now.
    pub(in crate::planner) fn ask_rows_to_link(&mut self) {
        for job in self.jobs_where(State::links_are_due) {
            let state = &mut self.jobs[job];
            let (Some(row), Some(target)) = (&state.row, state.target_id()) else {
                continue;
            };
            if text(row.get("CLOSED")) == "Y" {
                state.leave_links(Note::ClosedNotLinked);
                continue;
            }
            let method = names(state.is_lead()).rows;
            let ask = PendingCommand::RowsToLink { job };
            self.ask(method, json!({ "id": target }), ask);
        }
    }

    /// Puts the linking of each row in waiting.
    pub(super) fn ask_row_links(&mut self, job: JobIx) {
        let state = &mut self.jobs[job];
        let links = std::mem::take(&mut state.row_links);
        let desired = state.desired.as_ref();
        let wanted = desired.map(|desired| desired.rows.rows.clone());
        for RowLink { at, row } in links {
            let Some(Value::Object(wanted)) = wanted.as_ref().and_then(|rows| rows.get(at)) else {
                continue;
            };
            let sent = UNIVERSAL.iter().filter_map(|(classic, name)| {
                let value = wanted.get(*classic)?;
                Some(((*name).to_owned(), value.clone()))
            });
            let fields: Map<String, Value> = sent.collect();
            let params = json!({"id": row, "fields": fields});
            let ask = PendingCommand::LinkRow { job, at };
            let step = PlannedCommand::new("crm.item.productrow.update", params, ask);
            self.waiting.push(vec![step]);
        }
    }
}

impl State {
    /// Whether rows of its deal were written as free text whose products are known by now.
    pub(in crate::planner) fn links_are_due(&self) -> bool {
        let (Some(desired), Some(written)) = (&self.desired, &self.known.written) else {
            return false;
        };
        let is_deal = self.known.target.is_some() && !self.is_lead();
        let mut free = linkable(&written.rows, &desired.rows.rows);
        is_deal && !written.links_left && !self.rows_changed() && free.next().is_some()
    }

    /// Takes the deal's rows: they are linked if all of them stand as they were written.
    pub(in crate::planner) fn take_rows_to_link(&mut self, result: &Value) {
        let mut theirs = rows(result);
        let sort = |row: &Map<String, Value>| text(row.get("SORT")).parse::<i64>();
        theirs.sort_by_key(|row| (sort(row).unwrap_or_default(), row_id(row)));
        let (Some(desired), Some(written)) = (&self.desired, &mut self.known.written) else {
            return;
        };
        let wanted = &desired.rows.rows;
        let mut pairs = written.rows.iter().zip(wanted).zip(&theirs);
        let stand = theirs.len() == written.rows.len()
            && pairs.all(|((ours, wanted), theirs)| is_as_written(theirs, ours, wanted));
        self.known.open.links = false;
        if !stand {
            self.leave_links(Note::RowsNotOurs);
            return;
        }
        let free: Vec<usize> = linkable(&written.rows, wanted).collect();
        for at in free {
            let (Some(row), Some(theirs)) = (written.rows.get_mut(at), theirs.get(at)) else {
                continue;
            };
            // A call whose answer was lost has linked it.
            if theirs.get(LINK).and_then(id).is_some() {
                row[LINK] = json!(link(&wanted[at]));
            } else if let Some(row) = row_id(theirs) {
                self.row_links.push(RowLink { at, row });
            }
        }
    }

    /// A row was linked; the answer is the row as it stands.
    pub(in crate::planner) fn row_linked(&mut self, at: usize, result: &Value) {
        self.wrote = true;
        let desired = self.desired.as_ref();
        let wanted = desired.and_then(|desired| desired.rows.rows.get(at));
        let wanted = wanted.map(link).unwrap_or_default();
        let stands = result.pointer("/productRow/productId").and_then(id);
        if stands.is_some_and(|stands| stands != wanted) {
            self.leave_links(Note::RowsNotOurs);
            return;
        }
        let written = self.known.written.as_mut();
        if let Some(row) = written.and_then(|written| written.rows.get_mut(at)) {
            row[LINK] = json!(wanted);
        }
        self.note(Note::RowsLinked);
    }

    /// Its rows stay as they are: nobody asks again until the shop changes them.
    pub(in crate::planner) fn leave_links(&mut self, why: Note) {
        self.known.open.links = false;
        self.known.written.get_or_insert_default().links_left = true;
        self.note(why);
    }
}
