//! Differences that wait for a person.

use crate::{
    app::{Actor, Error, Retry, Sync, page::page_size},
    domain::{
        ErrorCode, Fault, Place, PortalName, Ruling, ShopName, Side, Stage, StandingRuling,
        Waiting,
        happening::{Act, Stored, SyncEvent},
    },
    storage::{
        AskedBy, ConflictEnd, Json, dead_letters,
        journal::{self, Line, LineKind},
        queue::{orders, outbox},
        sync::{
            agreements, comparisons,
            conflicts::{self, ConflictRow, Filter},
        },
    },
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

/// Letters of one order that one word settles.
const LETTERS: i64 = 100;
/// Why no new deal can be made.
const EVENT_GONE: &str =
    "the order's last event is no longer stored: send the order again from the shop, or let it go";

/// A conflict, as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConflictView {
    /// The conflict's id, by which it is resolved.
    pub id: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// The portal that holds the deal.
    pub portal: String,
    /// The order's number in its shop.
    pub number: String,
    /// The id of its deal in the portal, if there is one.
    pub deal_id: Option<u64>,
    /// The stable code of why a person has to decide.
    pub code: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// The same as data: `kind` says what it is. None in conflicts of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<SyncEvent>)]
    pub what: Option<Stored<SyncEvent>>,
    /// What to do about it.
    pub remedy: String,
    /// What the shop says.
    pub status: String,
    /// What the portal says.
    pub stage: String,
    /// The status that the shop would be told if the portal is right; none if the stage means none.
    pub if_portal: Option<String>,
    /// The stage that the deal would go to if the shop is right; none if the status has none.
    pub if_shop: Option<String>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When a person decided; null while nobody has.
    pub ruled_at: Option<DateTime<Utc>>,
    /// Who decided: `operator:NAME`, `shop:NAME` or `cli:USER`.
    pub ruled_by: Option<String>,
    /// For whom: `shop` or `portal`.
    #[schema(value_type = Option<String>)]
    pub winner: Option<Side>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// `ruled`, or `vanished` by itself.
    #[schema(value_type = Option<String>)]
    pub closed_how: Option<ConflictEnd>,
    /// What the decision rests on: both observations, what was agreed, the clocks.
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    pub inputs: Option<Value>,
    /// Of those, what a page shows beside the whole; none where they cannot be read.
    #[serde(skip)]
    pub times: Option<DecisionInputs>,
    /// Where those cannot be read by this version: their table, column and key. `if_portal` is
    /// left out then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Of what a decision rests on, what says where each side was, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DecisionInputs {
    /// What the shop said.
    pub shop: Option<SideInput<String>>,
    /// What the portal said.
    pub portal: Option<SideInput<Stage>>,
    /// What both agreed on before.
    pub agreed: Option<AgreedInput>,
}

/// What one side said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SideInput<V> {
    /// The status, or the stage.
    pub value: Option<V>,
    /// Since when, by that side's clock.
    pub since: Option<DateTime<Utc>>,
    /// When the bridge heard of it.
    pub seen: Option<DateTime<Utc>>,
}

/// What both sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AgreedInput {
    /// The status, in the shop's words.
    pub status: Option<String>,
    /// Since when the deal has the stage of it, by the portal's clock.
    pub portal_since: Option<DateTime<Utc>>,
    /// When the bridge heard of it; earlier versions tell.
    pub seen: Option<DateTime<Utc>>,
}

/// Which conflicts to list.
#[derive(Debug, Clone, Default)]
pub struct ConflictFilter {
    /// Only of this shop.
    pub shop: Option<ShopName>,
    /// Only of this portal.
    pub portal: Option<PortalName>,
    /// Only of this order.
    pub number: Option<String>,
    /// Ruled and closed ones, too.
    pub closed: bool,
    /// Only with ids above this: the `next` of the page before.
    pub after: Option<i64>,
    /// How many: at most 500; 0 means 50.
    pub limit: u32,
}

/// A page of conflicts.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConflictPage {
    /// The conflicts, oldest first.
    pub items: Vec<ConflictView>,
    /// Where the next page starts; none if this is the last.
    pub next: Option<i64>,
}

impl Sync {
    /// Conflicts that wait for a person; closed ones, too, if asked for.
    pub async fn conflicts(&self, filter: &ConflictFilter) -> Result<ConflictPage, Error> {
        let limit = page_size(filter.limit);
        let wanted = Filter {
            shop: filter.shop.as_ref().map(ShopName::as_str),
            portal: filter.portal.as_ref().map(PortalName::as_str),
            number: filter.number.as_deref(),
            closed: filter.closed,
            after: filter.after.unwrap_or(0),
            limit: i64::from(limit) + 1,
        };
        let mut rows = {
            let mut db = self.db.acquire().await?;
            conflicts::list(&mut db, &wanted).await?
        };
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| row.id);
        let items = rows
            .into_iter()
            .map(|row| self.conflict_view(row))
            .collect();
        Ok(ConflictPage { items, next })
    }

    /// One conflict, open or closed.
    pub async fn conflict(&self, id: i64) -> Result<Option<ConflictView>, Error> {
        let mut db = self.db.acquire().await?;
        let row = conflicts::one(&mut db, id).await?;
        Ok(row.map(|row| self.conflict_view(row)))
    }

    fn conflict_view(&self, row: ConflictRow) -> ConflictView {
        let two_way = self.registry.two_way(&row.shop);
        let map = two_way.as_ref().map(|two_way| &two_way.policy.statuses);
        let read = row.inputs.as_ref().map(|inputs| {
            let key = format_args!("the decision on {} of the shop {}", row.number, row.shop);
            inputs.typed_of::<DecisionInputs>("bridge.decisions", "inputs", key)
        });
        let (inputs, fault) = match read.transpose() {
            Ok(inputs) => (inputs, None),
            Err(why) => (None, Some(why.to_string())),
        };
        let stage = inputs.as_ref();
        let stage = stage.and_then(|inputs| inputs.portal.as_ref()?.value.as_ref());
        let code = ErrorCode::parse(&row.code);
        ConflictView {
            if_portal: map
                .zip(stage)
                .and_then(|(map, stage)| map.back(stage).ok().map(str::to_owned)),
            if_shop: map.and_then(|map| map.there(&row.status).ok().map(|stage| stage.id.clone())),
            remedy: code.map_or(String::new(), |code| {
                let at = Place {
                    portal: Some(&row.portal),
                    ..Place::shop(&row.shop)
                };
                at.fill(code.remedy()).into_owned()
            }),
            id: row.id,
            shop: row.shop,
            portal: row.portal,
            number: row.number,
            deal_id: row.deal_id.and_then(|id| u64::try_from(id).ok()),
            code: row.code,
            sentence: row.sentence,
            what: row.what,
            status: row.status,
            stage: row.stage,
            opened_at: row.opened_at,
            ruled_at: row.ruled_at,
            ruled_by: row.ruled_by,
            winner: row.winner,
            closed_at: row.closed_at,
            closed_how: row.closed_how,
            inputs: row.inputs.map(Json::shown),
            times: inputs,
            fault,
        }
    }

    /// Says who is right in an open conflict. The portal's lane carries it out. About a deal that
    /// is gone: for the shop a new one is made, for the portal the order is let go.
    pub async fn resolve(&self, id: i64, winner: Side, who: &Actor) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let conflict = conflicts::one(&mut tx, id).await?.ok_or(Error::NotFound)?;
        let (shops, numbers) = ([conflict.shop.clone()], [conflict.number.clone()]);
        orders::lock(&mut tx, &shops, &numbers).await?;
        let row = agreements::lock(&mut tx, &shops, &numbers).await?.pop();
        if !conflicts::rule(&mut tx, id, winner, &who.0).await? {
            return Err(Error::Decided);
        }
        let who_said = who.0.clone();
        let what = match (ErrorCode::parse(&conflict.code), row) {
            (Some(ErrorCode::DealGone), _) => {
                Box::pin(self.deal_gone(&mut tx, &conflict, winner, who)).await?;
                match winner {
                    Side::Shop => SyncEvent::NewDealDecided { who: who_said },
                    Side::Portal => SyncEvent::OrderLetGo { who: who_said },
                }
            }
            (_, Some(row)) => {
                let mut row = row.into_row()?;
                let of = row.waiting.clone().ok_or(Error::Decided)?;
                self.can_be_carried_out(&row.shop, &of, winner)?;
                row.ruling = Some(StandingRuling::new(Ruling { of, winner }));
                agreements::save(&mut tx, &[row]).await?;
                let portals = [conflict.portal.clone()];
                comparisons::ask(&mut tx, (&shops, &numbers, &portals), AskedBy::Person, 0).await?;
                SyncEvent::Ruled {
                    who: who_said,
                    right: winner,
                }
            }
            _ => return Err(Error::Decided),
        };
        let detail = json!({ "winner": winner });
        let act = Act::ConflictRuled {
            conflict: id,
            right: winner,
        };
        journal::audit(&mut tx, &who.0, &act, &id.to_string(), &detail).await?;
        let line = Line {
            shop: conflict.shop.clone(),
            number: conflict.number.clone(),
            kind: LineKind::Conflict,
            what: what.into(),
            detail: Some(json!({ "conflict": id })),
        };
        journal::add(&mut tx, &[line]).await?;
        tx.commit().await?;
        self.waker.wake(&conflict.portal);
        Ok(())
    }
}

impl Sync {
    /// A word that the table of statuses has no way for is refused, not stored.
    fn can_be_carried_out(&self, shop: &str, of: &Waiting, winner: Side) -> Result<(), Error> {
        let two_way = self.registry.two_way(shop).ok_or(Error::NotFound)?;
        let map = &two_way.policy.statuses;
        let detail = match winner {
            Side::Shop if map.there(&of.status).is_err() => {
                format!("the status {} has no stage to be written as", of.status)
            }
            Side::Portal if map.back(&of.stage).is_err() => {
                format!("the stage {} means no status of the shop", of.stage)
            }
            _ => return Ok(()),
        };
        Err(Error::Invalid(vec![Fault {
            pointer: "/winner".to_owned(),
            detail,
        }]))
    }

    /// Applies the ruling to the order's open B24-DEAL-GONE letters.
    async fn deal_gone(
        &self,
        tx: &mut PgConnection,
        conflict: &ConflictRow,
        winner: Side,
        who: &Actor,
    ) -> Result<(), Error> {
        let wanted = dead_letters::Filter {
            shop: Some(&conflict.shop),
            number: Some(&conflict.number),
            code: Some(ErrorCode::DealGone.as_str()),
            limit: LETTERS,
            ..dead_letters::Filter::default()
        };
        let letters = dead_letters::list(tx, &wanted).await?;
        match winner {
            Side::Shop => {
                let again = || Retry {
                    recreate: true,
                    ..Retry::default()
                };
                for letter in &letters {
                    self.dead_letters
                        .retry_in(tx, letter.id, who, again())
                        .await?;
                }
                self.send_again(tx, conflict, who, again()).await?;
                // A new deal is made from the shop's last event: without it the word could not be
                // carried out.
                if !orders::has_event(tx, &conflict.shop, &conflict.number).await? {
                    let pointer = "/winner".to_owned();
                    let detail = EVENT_GONE.to_owned();
                    return Err(Error::Invalid(vec![Fault { pointer, detail }]));
                }
                orders::wake(tx, &conflict.shop, &conflict.number, true).await?;
            }
            Side::Portal => {
                for letter in &letters {
                    let reason = "the order is let go";
                    self.dead_letters
                        .discard_in(tx, letter.id, who, reason)
                        .await?;
                }
            }
        }
        let (shops, numbers) = ([conflict.shop.clone()], [conflict.number.clone()]);
        conflicts::close(tx, &shops, &numbers).await?;
        Ok(())
    }
}

impl Sync {
    /// The order's newest event is to be sent once more; the letter of one that died is tried
    /// again.
    async fn send_again(
        &self,
        tx: &mut PgConnection,
        conflict: &ConflictRow,
        who: &Actor,
        again: Retry,
    ) -> Result<(), Error> {
        let rules = self.dead_letters.configured(&conflict.shop)?;
        let head = self
            .dead_letters
            .lock_order(tx, rules, &conflict.number)
            .await?;
        let Some(event) = head.head_id else {
            return Ok(());
        };
        // Whatever became of it: what waits is not pruned before it is sent.
        match dead_letters::of_event(tx, event).await? {
            Some(letter) => {
                self.dead_letters.retry_in(tx, letter, who, again).await?;
            }
            None => {
                outbox::revive(tx, event).await?;
            }
        }
        Ok(())
    }
}

/// Whoever lets go the letter of an order whose deal is gone has decided the conflict about it,
/// too.
pub(in crate::app) async fn close_gone_conflict(
    tx: &mut PgConnection,
    shop: &str,
    number: &str,
    who: &Actor,
) -> Result<(), Error> {
    let wanted = Filter {
        shop: Some(shop),
        number: Some(number),
        limit: 1,
        ..Filter::default()
    };
    let open = conflicts::list(tx, &wanted).await?;
    let gone = open
        .iter()
        .find(|conflict| conflict.code == ErrorCode::DealGone.as_str());
    if let Some(conflict) = gone
        && conflicts::rule(tx, conflict.id, Side::Portal, &who.0).await?
    {
        let (shops, numbers) = ([shop.to_owned()], [number.to_owned()]);
        conflicts::close(tx, &shops, &numbers).await?;
    }
    Ok(())
}
