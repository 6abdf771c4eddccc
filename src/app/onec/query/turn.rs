//! The turn of an order that waits for 1C: it is written, or it is told why it does not go.

use crate::{
    app::{
        Onec, SyncRules,
        delivery::claim::mastered,
        intake::event_reader,
        sync::order::onec::{OneCContext, order_status},
    },
    domain::{
        Agreed, Clocks, ErrorCode, EventBody, OrderKey, ReportedStatus, happening::GoodsEvent,
    },
    formats::{
        commerceml::{SchemaVersion, write::Order},
        onec::{
            Base, Hold, ShopWords, Since, changed_at,
            order::{self, Identity, Writing},
        },
    },
    process::bug,
    storage::{
        Json, JsonText,
        journal::{Line, LineKind},
        onec::orders::{Held, WaitingRow},
    },
};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, sync::Arc};

/// Writes the orders of a base in one version.
pub(in crate::app::onec) struct Drafts {
    pub(super) onec: Onec,
    pub(super) base: Arc<Base>,
    pub(super) version: SchemaVersion,
    /// Orders that changed before go only if the base has them.
    pub(super) since: Option<DateTime<Utc>>,
}

/// An order's newest event, and when it came; or why it cannot be read.
pub(super) type Event = Result<(EventBody, DateTime<Utc>), String>;

/// What becomes of an order that waits.
pub(super) enum Turn {
    Writes {
        order: Box<Order>,
        /// The order's status in it.
        status: Option<String>,
        without_status: bool,
    },
    Held(Held),
}

/// What waits and does not go: with its code, and why in at most 1,000 characters.
pub(super) fn held(row: &WaitingRow, code: Option<ErrorCode>, why: &str) -> Held {
    let why: String = why.chars().take(1_000).collect();
    Held {
        shop: row.shop.clone(),
        number: row.number.clone(),
        head: row.head,
        code: code.map(|code| code.to_string()),
        why: why.replace('\0', "\u{fffd}"),
    }
}

impl Drafts {
    /// For a base that was first seen then.
    pub(in crate::app::onec) fn new(
        onec: &Onec,
        base: &Arc<Base>,
        version: SchemaVersion,
        seen_since: DateTime<Utc>,
    ) -> Self {
        Self {
            onec: onec.clone(),
            base: Arc::clone(base),
            version,
            since: match base.export.since {
                Since::All => None,
                Since::Now => Some(seen_since),
                Since::At(at) => Some(at),
            },
        }
    }

    pub(super) fn holds(
        &self,
        order: &crate::domain::Snapshot,
        received_at: DateTime<Utc>,
    ) -> Option<Hold> {
        let base = &self.base;
        let changed_at = changed_at(order, received_at);
        base.export
            .holds(&base.statuses, order, changed_at, self.since)
    }

    /// The order as it is to go: with the status that counts, whoever has said it. Its event is
    /// taken out of the row.
    pub(super) fn read(
        &self,
        row: &mut WaitingRow,
        shops: &mut Shops,
        now: DateTime<Utc>,
    ) -> Event {
        let gone = || "its newest event is kept no longer".to_owned();
        let value = match row.body.take().ok_or_else(gone)?.read() {
            Json::Value(value) => value,
            Json::Unreadable { why, .. } => return Err(why),
        };
        let rules = self
            .onec
            .intake
            .rules_of(&row.shop)
            .map_err(|error| error.to_string())?;
        // What 1C says itself it is not sent otherwise.
        let contents = row.contents.as_ref();
        let contents = contents.filter(|_| self.base.is_master(&row.shop));
        let key = &OrderKey::new(&row.shop, &row.number);
        let value = match contents.map(JsonText::read) {
            Some(contents) => mastered(&value, &contents, key).map_err(|why| why.to_string())?,
            None => value,
        };
        let event = bug::caught(|| event_reader::parse_owned(value, rules))
            .map_err(|bug| bug.to_string())?;
        let mut body = event.map_err(|faults| crate::app::sentence(&faults))?.body;
        if let EventBody::Saved(order) = &mut body {
            order::Allowed::of(order).map_err(|why| why.to_string())?;
            if let Some(status) = self.counting(row, shops, now)? {
                order.status = status;
            }
        }
        Ok((body, row.received_at.ok_or_else(gone)?))
    }

    /// The order's status, where the shop is compared with anybody.
    fn counting(
        &self,
        row: &WaitingRow,
        shops: &mut Shops,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, String> {
        let said: Option<ReportedStatus> = read_from(row.said.as_ref())?;
        let agreed: Option<Agreed> = read_from(row.agreed.as_ref())?;
        let said = said.filter(|said| !said.deleted);
        let (Some(said), Some((rules, clocks))) = (said, shops.of(&self.onec, &row.shop)) else {
            return Ok(None);
        };
        let Some(status) = said.status.clone() else {
            return Ok(None);
        };
        let base = &self.base;
        let around = OneCContext {
            table: &base.statuses,
            import: &base.import,
            two_way: rules,
            clocks: *clocks,
            now,
        };
        let counted = bug::caught(|| order_status(&said, &status, agreed.as_ref(), &around));
        Ok(Some(counted.map_err(|bug| bug.to_string())?.status))
    }

    pub(super) fn turn(
        &self,
        (row, event): (&WaitingRow, Event),
        name: Option<&Identity>,
        version: &str,
        (words, goods): (&ShopWords, &BTreeMap<String, String>),
    ) -> Turn {
        let held = |code: Option<ErrorCode>, why: &str| Turn::Held(held(row, code, why));
        let (body, received_at) = match event {
            Ok(read) => read,
            Err(why) => return held(Some(ErrorCode::OneCOrder), &why),
        };
        let has = row.confirmed.is_some();
        if let EventBody::Saved(order) = &body
            && !has
            && let Some(hold) = self.holds(order, received_at)
        {
            return held(None, hold.as_str());
        }
        if matches!(body, EventBody::Deleted { .. }) && !has {
            return held(None, Hold::Deleted.as_str());
        }
        let Some(name) = name else {
            let why = "another order has its Ид or its Номер in the base";
            return held(Some(ErrorCode::OneCNumber), why);
        };
        let with = Writing {
            base: &self.base,
            shop: words,
            version: self.version,
            identity: name,
            onec_number: row.onec_number.clone(),
            number_of_version: version.to_owned(),
            received_at,
            goods,
        };
        let order = match body {
            EventBody::Saved(order) => order,
            EventBody::Deleted { .. } => {
                let order = Box::new(order::deleted(&with));
                return Turn::Writes {
                    order,
                    status: None,
                    without_status: false,
                };
            }
        };
        match bug::caught(|| order::write(&with, &order)) {
            Ok(Ok(written)) => Turn::Writes {
                order: Box::new(written.order),
                status: Some(order.status.clone()),
                without_status: written.without_status,
            },
            Ok(Err(why)) => held(Some(ErrorCode::OneCOrder), &why.to_string()),
            Err(bug) => held(Some(ErrorCode::Bug), &bug.to_string()),
        }
    }

    pub(super) fn note(&self, row: &WaitingRow) -> Line {
        Line {
            shop: row.shop.clone(),
            number: row.number.clone(),
            kind: LineKind::Note,
            what: GoodsEvent::OnecWithoutStatus {
                base: self.base.name.to_string(),
            }
            .into(),
            detail: None,
        }
    }
}

fn read_from<T: DeserializeOwned>(text: Option<&JsonText>) -> Result<Option<T>, String> {
    match text.map(JsonText::read) {
        Some(Json::Value(value)) => Ok(Some(value)),
        Some(Json::Unreadable { why, .. }) => Err(why),
        None => Ok(None),
    }
}

/// How orders of each shop are compared, and the clocks of both sides; looked up once a page. None:
/// the shop is not configured any more.
#[derive(Default)]
pub(super) struct Shops(BTreeMap<String, Option<(Arc<SyncRules>, Clocks)>>);

impl Shops {
    fn of(&mut self, onec: &Onec, shop: &str) -> Option<&(Arc<SyncRules>, Clocks)> {
        if !self.0.contains_key(shop) {
            let rules = onec.registry.two_way(shop);
            let portal = onec.intake.rules_of(shop).ok();
            let known = rules.zip(portal).map(|(rules, portal)| {
                let portal = portal.portal.as_str();
                (rules, onec.clocks.clocks_of(shop, portal))
            });
            self.0.insert(shop.to_owned(), known);
        }
        self.0.get(shop)?.as_ref()
    }
}

/// `НомерВерсии`: it grows with each change, also across a restored back-up.
pub(super) fn number_of_version(row: &WaitingRow) -> String {
    let at = row.received_at.map_or(0, |at| at.timestamp_micros());
    (at + i64::from(row.resends)).to_string()
}
