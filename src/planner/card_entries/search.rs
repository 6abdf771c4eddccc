//! The search for the card that entries belong on.

use super::{CardId, Planning, Question, State};
use crate::{
    domain::Phone,
    planner::{
        json::{elements, id, rows, text},
        list_query::{PAGE, listed, of_ids, of_origins, row_id},
    },
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Values that one search takes (vendor limit).
const SEARCH_LIMIT: usize = 20;
/// What is read of a card.
const FIELDS: [&str; 4] = ["ID", "ASSIGNED_BY_ID", "CONTACT_ID", "STATUS_SEMANTIC_ID"];

/// A card as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) id: u64,
    /// The contact that the card belongs to; `None` where it names none.
    pub(super) contact: Option<u64>,
    /// Who deals with it.
    pub(super) responsible: Option<u64>,
    /// Whether a lead is still worked on.
    open: bool,
}

impl Row {
    pub(super) fn read(row: &Map<String, Value>) -> Option<Self> {
        Some(Self {
            id: row_id(row)?,
            contact: row.get("CONTACT_ID").and_then(id),
            responsible: row.get("ASSIGNED_BY_ID").and_then(id),
            open: text(row.get("STATUS_SEMANTIC_ID")) == "P",
        })
    }
}

/// What the search has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    order: Option<Row>,
    contact_ids: BTreeSet<u64>,
    lead_ids: BTreeSet<u64>,
    deals: Vec<Row>,
    leads: Vec<Row>,
    contacts: Vec<Row>,
    /// The card that is known from before, or was chosen.
    pub(super) card: Option<Row>,
}

impl Found {
    pub(super) fn take(&mut self, question: Question, result: &Value) {
        let read = || {
            rows(result)
                .iter()
                .filter_map(Row::read)
                .collect::<Vec<_>>()
        };
        match question {
            Question::Order => self.order = read().into_iter().min_by_key(|row| row.id),
            Question::Deals => self.deals = read(),
            Question::Leads => self.leads = read(),
            Question::Contacts => self.contacts = read(),
            Question::People => {
                let ids = |kind: &str| {
                    let list = result.get(kind).map(elements).unwrap_or_default();
                    list.into_iter().filter_map(id).collect::<Vec<_>>()
                };
                self.contact_ids.extend(ids("CONTACT"));
                self.lead_ids.extend(ids("LEAD"));
            }
            Question::Card | Question::Origin | Question::Marks | Question::Put(_) => {}
        }
    }

    /// The order's deal, else the newest open deal, else the newest open lead, else the oldest
    /// contact.
    pub(super) fn choose(&mut self, only_deals: bool) -> Option<CardId> {
        let newest = |rows: &[Row]| rows.iter().copied().max_by_key(|row| row.id);
        let open: Vec<Row> = self.leads.iter().copied().filter(|row| row.open).collect();
        let oldest = self.contacts.iter().copied().min_by_key(|row| row.id);
        let deal = self.order.or_else(|| newest(&self.deals));
        let (card, row) = match (deal, newest(&open), oldest) {
            (Some(row), ..) => (CardId::Deal(row.id), row),
            _ if only_deals => return None,
            (None, Some(row), _) => (CardId::Lead(row.id), row),
            (None, None, Some(row)) => (CardId::Contact(row.id), row),
            (None, None, None) => return None,
        };
        self.card = Some(row);
        Some(card)
    }

    /// The contact that the search found.
    pub(super) fn contact(&self) -> Option<u64> {
        self.contacts.iter().map(|row| row.id).min()
    }
}

impl State {
    /// The first look: for the card and what stands on it, or for whose it is.
    pub(super) fn search(&self) -> Vec<Planning> {
        if let Some(card) = self.card {
            return self.look(card);
        }
        let sought = &self.job.sought;
        let mut asks = Vec::new();
        if let Some(order) = &sought.order {
            let of = of_origins(self.job.shop.as_str(), &[order.as_str()]);
            asks.push((Question::Order, "crm.deal.list", listed(&of, &FIELDS[..3])));
        }
        let phones: Vec<String> = sought.phones.iter().flat_map(Phone::spellings).collect();
        for (kind, values) in [("PHONE", &phones), ("EMAIL", &sought.emails)] {
            for values in values.chunks(SEARCH_LIMIT) {
                // Each kind of card by itself: many hits of one hide the others.
                for of in ["CONTACT", "LEAD"] {
                    let params = json!({"type": kind, "values": values, "entity_type": of});
                    asks.push((Question::People, "crm.duplicate.findbycomm", params));
                }
            }
        }
        asks
    }

    /// The second look: at the cards of whom the first has found.
    pub(super) fn search_further(&self) -> Vec<Planning> {
        let found = &self.found;
        if self.card.is_some() || found.order.is_some() {
            return Vec::new();
        }
        let some = |ids: &BTreeSet<u64>| ids.iter().copied().take(PAGE).collect::<Vec<_>>();
        let mut asks = Vec::new();
        let contacts = some(&found.contact_ids);
        if !contacts.is_empty() {
            let open = json!({"@CONTACT_ID": contacts, "CLOSED": "N"});
            let mut newest = listed(&open, &FIELDS[..3]);
            newest["order"] = json!({"ID": "DESC"});
            asks.push((Question::Deals, "crm.deal.list", newest));
            let own = listed(&of_ids(&contacts), &FIELDS[..2]);
            asks.push((Question::Contacts, "crm.contact.list", own));
        }
        let leads = some(&found.lead_ids);
        if !leads.is_empty() {
            let own = listed(&of_ids(&leads), &FIELDS);
            asks.push((Question::Leads, "crm.lead.list", own));
        }
        asks
    }

    /// The card that is known from before, and what stands on it.
    fn look(&self, card: CardId) -> Vec<Planning> {
        let (list, fields, kind) = match card {
            CardId::Deal(_) => ("crm.deal.list", &FIELDS[..3], 2),
            CardId::Lead(_) => ("crm.lead.list", &FIELDS[..], 1),
            CardId::Contact(_) => ("crm.contact.list", &FIELDS[..2], 3),
        };
        let own = listed(&of_ids(&[card.id()]), fields);
        let newest = json!({"ID": "DESC"});
        // No page of the vendor's says that this filter counts: where it does not, what was put a
        // moment ago stands among the newest.
        let origin = json!({
            "filter": {
                "ORIGINATOR_ID": self.job.shop.as_str(), "ORIGIN_ID": self.job.number.as_str()
            },
            "select": ["ID", "ORIGINATOR_ID", "ORIGIN_ID"], "order": newest,
        });
        let todos = json!({
            "filter": {"OWNER_TYPE_ID": kind, "OWNER_ID": card.id(), "PROVIDER_ID": "CRM_TODO"},
            "select": ["ID", "DESCRIPTION"], "order": newest,
        });
        let comments = json!({
            "filter": {"ENTITY_TYPE": card.word(), "ENTITY_ID": card.id()},
            "select": ["ID", "COMMENT"], "order": newest,
        });
        vec![
            (Question::Card, list, own),
            (Question::Origin, "crm.activity.list", origin),
            (Question::Marks, "crm.activity.list", todos),
            (Question::Marks, "crm.timeline.comment.list", comments),
        ]
    }
}
