//! A changed table of statuses: what it would move of what was agreed, and moving it when somebody
//! has seen that.

use super::order::status::judged;
use crate::{
    app::{
        Actor, Error, Sync,
        dead_letters::bug_letters::{About, Whose},
    },
    decision::{Action, Change, decide_with_table},
    domain::{
        Ruling, ShopName, Side, StandingRuling, Waiting,
        happening::{Act, Explanation, SyncEvent, Tell, Voice, Words},
    },
    process::bug::{self, Step},
    storage::{
        AskedBy,
        journal::{self, Line, LineKind},
        queue::orders,
        sync::{
            agreements::{self, FoundRow, Row},
            clock_offsets, comparisons,
        },
    },
};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::{Value, json};

/// Orders looked at in one transaction.
const PAGE: i64 = 500;

/// An order whose agreed status and stage no longer mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedChange {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The id of its deal in the portal.
    pub deal_id: Option<i64>,
    /// The status that was agreed.
    pub status: String,
    /// The stage that was agreed.
    pub stage: String,
    /// What comes of that. As JSON: `sentence`, `winner`, `failed`, and the explanation in `what`.
    #[serde(flatten)]
    pub outcome: PlannedOutcome,
}

/// What a changed table comes to for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedOutcome {
    /// The rules were asked, and this is what they say.
    Decided {
        /// What was met, who is right and why, and what is done.
        explanation: Explanation,
        /// Who is right by the rules; none where nothing can be done, or a person has to say.
        winner: Option<Side>,
    },
    /// The bridge failed at it, and says how: the order is left alone.
    Failed(Words),
}

impl PlannedOutcome {
    /// Who is right; none where nothing is moved.
    pub fn winner(&self) -> Option<Side> {
        match self {
            Self::Decided { winner, .. } => *winner,
            Self::Failed(_) => None,
        }
    }
}

impl Tell for PlannedOutcome {
    fn tell(&self, voice: Voice) -> String {
        match self {
            Self::Decided { explanation, .. } => explanation.tell(voice),
            Self::Failed(words) => words.tell(voice),
        }
    }
}

impl Serialize for PlannedOutcome {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let what = match self {
            Self::Decided { explanation, .. } => Some(explanation),
            Self::Failed(_) => None,
        };
        let mut told = to.serialize_struct("PlannedOutcome", 4)?;
        told.serialize_field("sentence", &self.sentence())?;
        told.serialize_field("winner", &self.winner())?;
        told.serialize_field("failed", &what.is_none())?;
        told.serialize_field("what", &what)?;
        told.end()
    }
}

impl Sync {
    /// What the table of a shop, as it is configured now, would move of what was agreed. Nothing is
    /// asked of the portal.
    pub async fn table_plan(&self, shop: &ShopName) -> Result<Vec<PlannedChange>, Error> {
        let mut planned = Vec::new();
        let mut after = String::new();
        let mut db = self.db.acquire().await?;
        loop {
            let now = clock_offsets::now(&mut db).await?;
            let rows = agreements::agreed(&mut db, shop.as_str(), &after, PAGE).await?;
            let Some(last) = rows.last() else {
                return Ok(planned);
            };
            after.clone_from(&last.number);
            planned.extend(
                rows.iter()
                    .filter_map(|row| self.planned_for(row, now))
                    .map(|(p, _)| p),
            );
        }
    }

    /// Has the plan carried out: each order is read once more by its lane, and moved if it still
    /// stands as the plan says. Returns how many.
    pub async fn apply_table(&self, shop: &ShopName, who: &Actor) -> Result<usize, Error> {
        let plan = self.table_plan(shop).await?;
        self.dead_letter_failed(shop, &plan).await?;
        let wanted: Vec<String> = {
            let plan = plan.into_iter();
            plan.filter(|one| one.outcome.winner().is_some())
                .map(|one| one.number)
                .collect()
        };
        let mut portals = std::collections::BTreeSet::new();
        let mut applied = 0;
        for numbers in wanted.chunks(usize::try_from(PAGE).unwrap_or(1)) {
            let shops = vec![shop.as_str().to_owned(); numbers.len()];
            let mut tx = self.db.begin().await?;
            orders::lock(&mut tx, &shops, numbers).await?;
            let rows = agreements::lock(&mut tx, &shops, numbers).await?;
            let now = clock_offsets::now(&mut tx).await?;
            let (mut asked, mut lines) = (Vec::new(), Vec::new());
            let rows = rows.into_iter().filter_map(|found| {
                let (planned, ruling) = self.planned_for(&found, now)?;
                let mut row = found.into_row().ok()?;
                row.ruling = Some(StandingRuling::new(ruling?));
                asked.push(row.number.clone());
                lines.push(Line {
                    shop: row.shop.clone(),
                    number: row.number.clone(),
                    kind: LineKind::Decided,
                    what: SyncEvent::TableApplied { who: who.0.clone() }.into(),
                    detail: Some(plan_of(&planned.outcome)),
                });
                Some(row)
            });
            let rows: Vec<Row> = rows.collect();
            let lane = self
                .registry
                .rules(shop)
                .ok_or(Error::NotFound)?
                .portal
                .as_str()
                .to_owned();
            let shops = vec![shop.as_str().to_owned(); asked.len()];
            let lanes = vec![lane.clone(); asked.len()];
            agreements::save(&mut tx, &rows).await?;
            comparisons::ask(&mut tx, (&shops, &asked, &lanes), AskedBy::Table, 0).await?;
            journal::add(&mut tx, &lines).await?;
            let detail = json!({ "orders": asked.len() });
            let act = Act::StatusesApplied {
                shop: shop.to_string(),
                orders: asked.len(),
            };
            journal::audit(&mut tx, &who.0, &act, shop.as_str(), &detail).await?;
            tx.commit().await?;
            applied += asked.len();
            portals.insert(lane);
        }
        for portal in portals {
            self.waker.wake(&portal);
        }
        Ok(applied)
    }

    /// Writes the letters of orders at which the bridge failed.
    async fn dead_letter_failed(
        &self,
        shop: &ShopName,
        plan: &[PlannedChange],
    ) -> Result<(), Error> {
        for one in plan {
            let PlannedOutcome::Failed(Words(why)) = &one.outcome else {
                continue;
            };
            let about = About::Comparison {
                shop: one.shop.clone(),
                number: one.number.clone(),
            };
            let whose = Whose {
                number: Some(&one.number),
                ..self.dead_letters.of_shop(shop)
            };
            let mut db = self.db.acquire().await?;
            self.dead_letters
                .write_bug_letter(&mut db, whose, &about, why)
                .await?;
        }
        Ok(())
    }

    /// What is to be done about an order. One at which the bridge fails is told, and left alone.
    fn planned_for(
        &self,
        found: &FoundRow,
        now: DateTime<Utc>,
    ) -> Option<(PlannedChange, Option<Ruling>)> {
        let planned = found.row().map_err(Error::from).and_then(|row| {
            Ok(bug::caught(|| {
                self.traps.step(Step::Table, &row.number);
                self.planned(row, now)
            })?)
        });
        planned.unwrap_or_else(|error| {
            let failed = PlannedChange {
                shop: found.shop.clone(),
                number: found.number.clone(),
                deal_id: found.deal_id,
                status: String::new(),
                stage: String::new(),
                outcome: PlannedOutcome::Failed(Words(error.chain())),
            };
            Some((failed, None))
        })
    }

    /// What is to be done about an order, if the table alone makes a difference of it; and the word
    /// that does it.
    fn planned(&self, row: &Row, now: DateTime<Utc>) -> Option<(PlannedChange, Option<Ruling>)> {
        let two_way = self.registry.two_way(&row.shop)?;
        let said = row.said.clone().filter(|said| !said.deleted)?;
        let agreed = row.agreed.clone()?;
        let rules = self.registry.shops.get(&*row.shop)?;
        let clocks = self.clocks.clocks_of(&row.shop, rules.portal.as_str());
        let status = said.status.clone()?;
        let rules = (&two_way.policy, clocks);
        let decision = judged(
            (&said, &status),
            Some(&agreed),
            rules,
            now,
            decide_with_table,
        );
        let winner = match decision.action {
            Action::Agree { .. } => return None,
            _ if decision.record.change != Change::Neither => return None,
            Action::WritePortal { .. } => Some(Side::Shop),
            Action::TellShop { .. } => Some(Side::Portal),
            Action::Refused { .. } | Action::Review { .. } => None,
        };
        let of = Waiting {
            status: decision.record.shop_counts_as.clone(),
            stage: agreed.stage,
        };
        let planned = PlannedChange {
            shop: row.shop.clone(),
            number: row.number.clone(),
            deal_id: row.deal_id,
            status: of.status.clone(),
            stage: of.stage.id.clone(),
            outcome: PlannedOutcome::Decided {
                explanation: decision.explanation,
                winner,
            },
        };
        Some((planned, winner.map(|winner| Ruling { of, winner })))
    }
}

/// What the timeline keeps of an applied plan: the sentence for readers of the table, and the data.
fn plan_of(outcome: &PlannedOutcome) -> Value {
    match outcome {
        PlannedOutcome::Decided { explanation, .. } => {
            json!({ "plan": outcome.sentence(), "explanation": explanation })
        }
        PlannedOutcome::Failed(_) => json!({ "plan": outcome.sentence() }),
    }
}
