//! Calls, mails and messages: taken in once, and understood when they are put on a card.

use super::subject::{Making, Understood};
use crate::{
    activities::{self, Activity, ActivityEvent, ActivityKind},
    app::{
        Accepted, Error, Forms,
        intake::event_reader::{Rejection, fingerprint, identity_of, shop_for},
    },
    domain::{
        ActivityRules, ErrorCode, FormRules, FormService, FormTarget, OrderKey, Readable, ShopName,
        ShopRules, UnknownCaller, happening::OrderEvent, words,
    },
    formats::forms::Enquiry,
    planner::Sought,
    storage::{
        SubjectKind, Unreadable,
        forms::activities::{self as stored, ActivityRow, NewActivity},
        journal::{self, Line, LineKind},
        queue::subjects::{self, DueSubject, NewSubject},
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use std::{collections::BTreeMap, sync::Arc};
use utoipa::ToSchema;

/// The most activities of an order that are shown.
const SHOWN: i64 = 100;

/// An event about an activity, read.
#[derive(Debug, Clone)]
pub(in crate::app) struct ReadActivity {
    new: NewActivity,
    portal: String,
    order: Option<String>,
    body: Value,
}

impl ReadActivity {
    /// The shop whose it is.
    pub(in crate::app) fn shop(&self) -> &String {
        &self.new.shop
    }

    /// The portal to which it goes.
    pub(in crate::app) fn portal(&self) -> &str {
        &self.portal
    }
}

words! {
    /// How far an activity is on its way to its card.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ActivityState {
        /// It is to be put on its card.
        Waits = "waits",
        /// It stands on its card.
        Done = "done",
        /// A dead letter stands for it.
        Dead = "dead",
    }
}

/// A call, a mail or a message of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ActivityView {
    /// The key in the shop's queue: the kind, a colon and an id.
    pub key: String,
    /// When it was, else when it was received.
    pub at: DateTime<Utc>,
    /// `call`, `mail` or `message`.
    #[schema(value_type = String)]
    pub kind: ActivityKind,
    /// What it is called in the portal.
    pub title: String,
    /// `waits`, `done` or `dead`.
    #[schema(value_type = String)]
    pub state: ActivityState,
    /// The stable code of what went wrong; left out where nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The deal that it stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deal_id: Option<u64>,
    /// The id of the lead that it stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_id: Option<u64>,
    /// The id of the contact that it stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<u64>,
    /// Where what was said cannot be read by this version: its table, column and key. It is called
    /// by its kind then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Whether this is the key of an activity.
pub(super) fn is_activity_key(key: &str) -> bool {
    kind_of(key).is_some()
}

/// What the key of an activity begins with.
fn kind_of(key: &str) -> Option<ActivityKind> {
    let (kind, _) = key.split_once(':')?;
    ActivityKind::parse(kind)
}

impl Forms {
    /// Accepts an event about an activity, of the shop whose key was shown; returns when it is
    /// stored durably.
    pub(in crate::app) async fn accept_activity(
        &self,
        shop: Option<&ShopName>,
        value: &Value,
    ) -> Result<Accepted, Error> {
        let event = match self.read_activity(shop, value) {
            Ok(event) => event,
            Err(rejection) => return Ok(rejection.into()),
        };
        let mut tx = self.db.begin().await?;
        let accepted = self.store_activity(&mut tx, &event).await?;
        tx.commit().await?;
        if accepted == Accepted::Queued {
            self.waker.wake(&event.portal);
        }
        Ok(accepted)
    }

    /// Reads an event about an activity.
    pub(in crate::app) fn read_activity(
        &self,
        shop: Option<&ShopName>,
        value: &Value,
    ) -> Result<ReadActivity, Rejection> {
        let shop = shop_for(&self.registry, shop, value)?;
        let refused = |code, faults| Rejection {
            code,
            faults,
            shop: Some(shop.clone()),
        };
        let rules = self.registry.rules(&shop);
        let rules = rules.ok_or_else(|| refused(ErrorCode::UnknownShop, Vec::new()))?;
        let event = ActivityEvent::read(value, &rules.phone_country);
        let event = event.map_err(|faults| refused(ErrorCode::Invalid, faults))?;
        let (source, event_id) = identity_of(value).unwrap_or((event.source, event.id));
        Ok(ReadActivity {
            new: NewActivity {
                shop: shop.as_str().to_owned(),
                source,
                event_id,
                kind: event.activity.kind.as_str(),
                fingerprint: fingerprint(value),
            },
            portal: rules.portal.as_str().to_owned(),
            order: event.activity.order.map(|order| order.as_str().to_owned()),
            body: value.clone(),
        })
    }

    /// Stores an event about an activity once.
    pub(in crate::app) async fn store_activity(
        &self,
        db: &mut PgConnection,
        event: &ReadActivity,
    ) -> Result<Accepted, Error> {
        let Some(id) = stored::add(db, &event.new).await? else {
            let same = stored::is_same(db, &event.new).await?;
            return Ok(if same {
                Accepted::Duplicate
            } else {
                Accepted::Conflict
            });
        };
        let key = format!("{}:{id}", event.new.kind);
        let subject = NewSubject {
            kind: SubjectKind::Activity,
            shop: &event.new.shop,
            key: &key,
            portal: &event.portal,
            order: event.order.as_deref(),
            body: &event.body,
        };
        subjects::add(db, &subject).await?;
        let line = Line {
            shop: event.new.shop.clone(),
            number: key,
            kind: LineKind::Accepted,
            what: OrderEvent::ActivityCame.into(),
            detail: None,
        };
        journal::add(db, &[line]).await?;
        Ok(Accepted::Queued)
    }

    /// The rules of a shop's activities.
    pub(super) fn activity_rules(&self, shop: &ShopName) -> ActivityRules {
        let own = self.registry.activities.get(shop);
        own.cloned().unwrap_or_default()
    }

    pub(super) fn understand_activity(
        &self,
        shop: &ShopRules,
        due: &DueSubject,
    ) -> Result<Understood, (ErrorCode, String)> {
        let invalid = |why: String| (ErrorCode::Invalid, why);
        let body = due.body.value().map_err(|why| invalid(why.to_owned()))?;
        let event = ActivityEvent::read(body, &shop.phone_country);
        let event = event.map_err(|faults| invalid(crate::app::sentence(&faults)))?;
        let rules = self.activity_rules(&shop.shop);
        let activity = event.activity;
        let at = activity.at.or(event.time).unwrap_or(due.received_at);
        Ok(Understood {
            making: Making::Enquiry(
                Arc::new(card_rules(shop, &rules, &activity)),
                Box::new(enquiry(&activity)),
            ),
            entries: activities::entries(&activity, at, &rules),
            makes: rules.unknown == UnknownCaller::Lead,
            responsible_id: rules.responsible_id.or(shop.responsible_id),
            sought: Sought {
                order: activity.order,
                phones: activity.phone.into_iter().collect(),
                emails: activity.email.into_iter().collect(),
                only_deals: false,
            },
        })
    }
}

/// The activities of an order, newest first.
pub(in crate::app) async fn of_order(
    db: &mut PgConnection,
    shop: &ShopName,
    number: &str,
) -> Result<Vec<ActivityView>, Error> {
    let order = OrderKey::new(shop.as_str(), number);
    let rows = stored::of_order(db, &order, SHOWN).await?;
    let views: Result<_, Unreadable> = rows.into_iter().map(|row| view(shop, row)).collect();
    Ok(views?)
}

fn view(shop: &ShopName, row: ActivityRow) -> Result<ActivityView, Unreadable> {
    let id = |id: Option<i64>| id.and_then(|id| u64::try_from(id).ok());
    let odd = |column: &str, why: &str| {
        let place = format_args!("{} of the shop {shop}", row.key);
        Unreadable::of("bridge.subjects", column, place, why)
    };
    let kind = kind_of(&row.key).ok_or_else(|| odd("key", "it names no kind of activity"))?;
    let read = row.body.value().map_err(str::to_owned).and_then(|body| {
        let event = ActivityEvent::read(body, "");
        event.map_err(|faults| crate::app::sentence(&faults))
    });
    let (event, fault) = match read {
        Ok(event) => (Some(event), None),
        Err(why) => (None, Some(odd("body", &why).to_string())),
    };
    let title = event
        .as_ref()
        .map(|event| activities::title(&event.activity));
    let at = event
        .as_ref()
        .and_then(|event| event.activity.at.or(event.time));
    let state = match (row.waits, &row.error_code) {
        (true, _) => ActivityState::Waits,
        (false, Some(_)) => ActivityState::Dead,
        (false, None) => ActivityState::Done,
    };
    Ok(ActivityView {
        at: at.unwrap_or(row.received_at),
        title: title.unwrap_or(kind.as_str()).to_owned(),
        kind,
        key: row.key,
        state,
        code: row.error_code,
        deal_id: id(row.deal_id),
        lead_id: id(row.lead_id),
        contact_id: id(row.contact_id),
        fault,
    })
}

/// How the card of somebody is made whom the portal does not know.
fn card_rules(shop: &ShopRules, rules: &ActivityRules, activity: &Activity) -> FormRules {
    let source = match activity.kind {
        ActivityKind::Call => "CALL",
        ActivityKind::Mail => "EMAIL",
        ActivityKind::Message => shop.source_id.as_deref().unwrap_or("WEB"),
    };
    FormRules {
        name: activities::title(activity).to_owned(),
        service: FormService::Auto,
        fields: BTreeMap::new(),
        becomes: FormTarget::Auto,
        source_id: source.to_owned(),
        responsible_id: rules.responsible_id,
        funnel: shop.funnel,
        same_within: 0.0,
        honeypot: None,
        require_consent: false,
        join_open: false,
    }
}

fn enquiry(activity: &Activity) -> Enquiry {
    let unread = activity.unread_phone.clone().map(Readable::Phone);
    Enquiry {
        phones: activity.phone.iter().cloned().collect(),
        emails: activity.email.iter().cloned().collect(),
        readable: unread.into_iter().collect(),
        comment: activity.text.clone().or_else(|| activity.subject.clone()),
        ..Enquiry::default()
    }
}
