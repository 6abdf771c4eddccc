//! The view of one order: everything that is known of it.

use super::{order_contents::OrderContents, order_list::OrderState};
use crate::{
    app::{
        ActivityView, Error, Operations, forms::activities, intake::event_reader, onec::OneCView,
    },
    domain::{
        EventBody, OrderKey, SentStatus, ShopName,
        happening::{Happening, Stored},
    },
    formats::onec::contents::overlaid,
    planner::Recognised,
    storage::{Json, Unreadable, journal, onec, queue::orders},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The most sentences of a life that are shown: the newest.
const TIMELINE_LIMIT: i64 = 500;

/// One order, as people and shops see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderView {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number: with the shop its identity.
    pub number: String,
    /// The portal it goes to.
    pub portal: String,
    /// The id of its deal in the portal, once there is one.
    pub deal_id: Option<u64>,
    /// Its lead, where the shop's rules made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_id: Option<u64>,
    /// The id of its customer's contact, once there is one.
    pub contact_id: Option<u64>,
    /// The id of its customer's company, once there is one.
    pub company_id: Option<u64>,
    /// The shop's status: what its newest snapshot says, or what it was told since.
    pub status: Option<String>,
    /// The stage, as last known.
    pub stage: Option<String>,
    /// What the shop was told last and has not said itself since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<ToldStatus>,
    /// How far the bridge is with it.
    pub state: OrderState,
    /// Whether both sides hold the same and nothing is on its way.
    pub in_sync: bool,
    /// Accepted events that are not settled yet.
    pub pending: i64,
    /// Dead letters of the order that are open.
    pub dead: i64,
    /// What was ordered, by whom, for how much, as the shop last told it; none where that is no
    /// longer stored, cannot be read, or says that the order was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<OrderContents>,
    /// By what its contact and its company were recognised, and which cards were passed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    pub recognised: Option<Recognised>,
    /// What the shop's 1C base has of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onec: Option<OneCView>,
    /// The calls, mails and messages that were about it, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub activities: Vec<ActivityView>,
    /// What was refused of it and is still tried by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tried: Option<TriedEvent>,
    /// What of it cannot be read by this version, where something cannot: its table, column and
    /// key. What rests on that is left out above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Its life, oldest first.
    pub timeline: Vec<TimelineEntry>,
}

/// A status that the shop was told, and with which it has not sent the order since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToldStatus {
    /// The status, in the shop's words.
    pub status: String,
    /// When that was decided, by the database's clock.
    pub decided_at: DateTime<Utc>,
    /// When the shop took the message: by its callback, or by reading on behind it.
    pub taken_at: Option<DateTime<Utc>>,
    /// Whether the message was given up: it is not sent any more by itself.
    pub given_up: bool,
}

impl From<&SentStatus> for ToldStatus {
    fn from(sent: &SentStatus) -> Self {
        Self {
            status: sent.status.clone(),
            decided_at: sent.at,
            taken_at: sent.delivered_at,
            given_up: sent.died_at.is_some(),
        }
    }
}

/// An order's newest event, which was refused and is tried again by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TriedEvent {
    /// Its id: what is put right or given up is this event, and no newer one.
    pub event: i64,
    /// The stable code of the last refusal.
    pub code: String,
    /// What was said with it, in the words of whoever refused.
    pub message: String,
    /// Tries that the portal judged.
    pub attempts: i32,
    /// When it is tried next.
    pub next_at: DateTime<Utc>,
}

/// One thing that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TimelineEntry {
    /// When it happened, by the database's clock.
    pub at: DateTime<Utc>,
    /// What kind of thing: `accepted`, `superseded`, `written`, `note`, `refused`, `dead`,
    /// `retried`, `discarded`; and of the status: `moved`, `decided`, `told`, `conflict`, `gone`.
    pub kind: String,
    /// What happened, in one English sentence.
    pub text: String,
    /// The same as data: `kind` says what it is. None in entries of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Happening>)]
    pub what: Option<Stored<Happening>>,
    /// What it refers to (event, deal, move, decision, change), and the times of all clocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    pub detail: Option<Value>,
}

impl Operations {
    /// One order; none if the bridge never heard of it.
    pub async fn order_view(
        &self,
        shop: &ShopName,
        number: &str,
    ) -> Result<Option<OrderView>, Error> {
        let mut db = self.db.acquire().await?;
        let Some(row) = orders::view(&mut db, shop.as_str(), number).await? else {
            return Ok(None);
        };
        let timeline = journal::of_order(&mut db, shop.as_str(), number, TIMELINE_LIMIT).await?;
        let in_onec = self.onec.onec_view(&mut db, shop, number).await?;
        let mastered = if self.registry.is_onecs(shop.as_str()) {
            onec::contents::of_order(&mut db, shop.as_str(), number).await?
        } else {
            None
        };
        let activities = activities::of_order(&mut db, shop, number).await?;
        let refused = orders::still_tried(&mut db, shop.as_str(), number).await?;
        let key = OrderKey::new(shop.as_str(), number);
        let recognised = row
            .recognised
            .map(|known| known.typed("bridge.orders", "known", &key));
        let (recognised, odd) = or_fault(recognised.transpose());
        let event = row
            .event
            .map(|event| event.read("bridge.outbox", "body", &key));
        let (event, odd_event) = or_fault(event.transpose());
        let agreed = row
            .agreed
            .map(|agreed| agreed.read("bridge.agreements", "agreed", &key));
        let (agreed, odd_agreed) = or_fault(agreed.transpose());
        let told = agreed.and_then(|agreed| agreed.told.last().map(ToldStatus::from));
        let id = |id: Option<i64>| id.and_then(|id| u64::try_from(id).ok());
        Ok(Some(OrderView {
            shop: shop.as_str().to_owned(),
            number: number.to_owned(),
            portal: row.portal,
            deal_id: id(row.deal_id),
            lead_id: id(row.lead_id),
            contact_id: id(row.contact_id),
            company_id: id(row.company_id),
            status: row.status,
            stage: row.stage,
            told,
            state: OrderState::of(row.dead > 0, row.pending > 0, row.in_sync),
            in_sync: row.in_sync,
            pending: row.pending,
            dead: row.dead,
            contents: event.and_then(|event| self.contents(shop, &event, mastered.as_ref())),
            recognised,
            onec: in_onec,
            activities,
            tried: refused.map(|row| TriedEvent {
                event: row.event,
                code: row.code,
                message: row.message,
                attempts: row.attempts,
                next_at: row.due_at,
            }),
            fault: odd.or(odd_event).or(odd_agreed),
            timeline: timeline
                .into_iter()
                .map(|entry| TimelineEntry {
                    at: entry.at,
                    kind: entry.kind,
                    text: entry.text,
                    what: entry.what,
                    detail: entry.detail,
                })
                .collect(),
        }))
    }

    /// What an event tells of its order.
    fn contents(
        &self,
        shop: &ShopName,
        own: &Value,
        mastered: Option<&Json>,
    ) -> Option<OrderContents> {
        let rules = self.registry.rules(shop)?;
        let mastered = match mastered {
            Some(contents) => Some(overlaid(own, contents.value().ok()?)?),
            None => None,
        };
        let event = event_reader::parse(mastered.as_ref().unwrap_or(own), rules);
        match event.ok()?.body {
            EventBody::Saved(snapshot) => Some(OrderContents::from(snapshot.as_ref())),
            EventBody::Deleted { .. } => None,
        }
    }
}

/// What could be read; or what is wrong with what could not.
fn or_fault<T>(read: Result<Option<T>, Unreadable>) -> (Option<T>, Option<String>) {
    match read {
        Ok(read) => (read, None),
        Err(why) => (None, Some(why.to_string())),
    }
}
