//! Comparing statuses and stages, and recording what was decided.
//!
//! The portal is read, and written, between transactions; each transaction decides with everything
//! locked and fenced by the lane's lease. A stage is stored as being written before it is sent, so
//! that after a crash the portal's history is asked what became of it.

mod batch;

use batch::SyncBatch;

use crate::{
    app::{
        Error, RetryPolicy, Sync,
        bisection::Bisection,
        sync::order::{OrderSync, SyncContext},
    },
    clients::bitrix24::ServerTime,
    decision::HistoryRow,
    domain::{OrderKey, Stage},
    planner::{ScanResult, StageWrite},
    process::bug::{self, Step},
    storage::{
        AskedBy, DecisionWinner,
        queue::{
            lanes::{self, Lease},
            orders,
        },
        sync::{
            agreements::{self, FoundRow},
            clock_offsets,
            comparisons::{self, DueComparison},
            decisions::{self},
            stage_history,
        },
    },
};
use chrono::TimeDelta;
use sqlx::{PgConnection, Postgres, Transaction};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

/// An order that is to be compared.
#[derive(Debug, Clone)]
pub struct Comparison {
    claimed: DueComparison,
    /// The id of its deal in the portal.
    pub deal: u64,
    /// The newest row of the history before a write of ours that is not accounted for.
    pub guard: Option<Option<u64>>,
}

/// What a scan of the portal comes with.
#[derive(Debug)]
pub struct ScanContext {
    /// The deals and the stage history that the call brought.
    pub seen: ScanResult,
    /// What the portal's clock showed.
    pub heard: Option<ServerTime>,
    /// Who the bridge is in the portal, if it is known.
    pub me: Option<u64>,
    /// How often, and how long apart, what the portal refuses is tried; and how long a write
    /// whose answer was lost may still land.
    pub tries: RetryPolicy,
}

/// What follows from a comparison.
#[derive(Debug, Default)]
pub struct ComparisonResult {
    /// Stages to write, each with the order that is to be compared again after it.
    pub writes: Vec<(Comparison, StageWrite)>,
    /// Decisions put on record.
    pub decided: usize,
    /// Orders that are looked at again later.
    pub put_off: usize,
}

impl Comparison {
    /// Which order is compared.
    pub fn order(&self) -> OrderKey {
        OrderKey::new(&self.claimed.shop, &self.claimed.number)
    }

    /// Whether it is of one of these orders.
    pub fn is_of(&self, orders: &BTreeSet<OrderKey>) -> bool {
        orders.contains(&self.order())
    }
}

impl ComparisonResult {
    fn add(&mut self, other: Self) {
        self.writes.extend(other.writes);
        self.decided += other.decided;
        self.put_off += other.put_off;
    }
}

impl Sync {
    /// The orders of a lane that are due for comparison, the longest due first.
    pub async fn comparisons(&self, lease: &Lease, limit: u32) -> Result<Vec<Comparison>, Error> {
        let shops = self.registry.shops_of(&lease.portal);
        let mut db = self.db.acquire().await?;
        let claimed = comparisons::claim(&mut db, lease, &shops, i64::from(limit)).await?;
        drop(db);
        // What only the shop said may agree with what is known of the portal: then the portal need
        // not be asked.
        let (events, mut rest): (Vec<_>, Vec<_>) = claimed
            .into_iter()
            .partition(|one| one.why == AskedBy::Event);
        let mut parts = Bisection::of(events);
        while let Some(part) = parts.next().filter(|part| !part.is_empty()) {
            match self.confirm_some(lease, part.clone()).await {
                // With a look at the portal it is told what is wrong with it.
                Err(error) if error.is_of_the_row() => rest.extend(parts.failed(part)),
                confirmed => rest.extend(confirmed?),
            }
        }
        let (mut known, mut strays) = (Vec::new(), Vec::new());
        for one in rest {
            match one.deal_id.and_then(|deal| u64::try_from(deal).ok()) {
                Some(deal) => {
                    // One that cannot be read is told when its order is compared.
                    let writing = one.writing.as_ref().and_then(|json| json.value().ok());
                    known.push(Comparison {
                        guard: writing.map(|writing| writing.guard),
                        deal,
                        claimed: one,
                    });
                }
                // Without a deal there is nothing to compare with.
                None => strays.push(one),
            }
        }
        if !strays.is_empty() {
            let (shops, numbers, asked) = columns(strays.iter());
            let mut db = self.db.acquire().await?;
            comparisons::done(&mut db, &shops, &numbers, &asked).await?;
        }
        Ok(known)
    }

    /// The title that an order's deal is made with; none where it does not name the order.
    fn title_of(&self, shop: &str, number: &str) -> Option<String> {
        let rules = self.registry.shops.get(shop)?;
        let names = rules.title.contains("{number}");
        names.then(|| rules.title.replace("{number}", number))
    }

    /// Puts these comparisons off.
    pub async fn postpone_comparisons(
        &self,
        lease: &Lease,
        compared: Vec<Comparison>,
        after: Duration,
    ) -> Result<(), Error> {
        if compared.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let (shops, numbers, _) = columns(compared.iter().map(|one| &one.claimed));
        orders::lock(&mut tx, &shops, &numbers).await?;
        let after = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        comparisons::postpone(&mut tx, &shops, &numbers, after).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Settles the comparisons that agree with the portal as it was last known; returns the others.
    async fn confirm_some(
        &self,
        lease: &Lease,
        claimed: Vec<DueComparison>,
    ) -> Result<Vec<DueComparison>, Error> {
        bug::caught_in(Box::pin(self.confirm(lease, claimed))).await?
    }

    async fn confirm(
        &self,
        lease: &Lease,
        claimed: Vec<DueComparison>,
    ) -> Result<Vec<DueComparison>, Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let now = clock_offsets::now(&mut tx).await?;
        let (shops, numbers, _) = columns(claimed.iter());
        orders::lock(&mut tx, &shops, &numbers).await?;
        let rows = agreements::lock(&mut tx, &shops, &numbers).await?;
        let ids = decisions::reserve(&mut tx, i32::try_from(rows.len()).unwrap_or(i32::MAX));
        let mut ids = ids.await?;
        let mut next_id = || ids.next_id();
        let mut rest: HashMap<OrderKey, DueComparison> = claimed
            .into_iter()
            .map(|one| (OrderKey::new(&one.shop, &one.number), one))
            .collect();
        let stock = &self.intake.stock;
        let (mut writes, mut saved) = (SyncBatch::default(), Vec::new());
        // One that cannot be read is compared with a look at the portal, and told there.
        for mut row in rows.into_iter().filter_map(|row| row.into_row().ok()) {
            let key = OrderKey::new(&row.shop, &row.number);
            let deal = row.deal_id.and_then(|deal| u64::try_from(deal).ok());
            let (Some(two_way), Some(deal)) = (self.registry.two_way(&row.shop), deal) else {
                continue;
            };
            let around = SyncContext {
                seen: &ScanResult::default(),
                two_way: &two_way,
                clocks: self.clocks.clocks_of(&row.shop, &lease.portal),
                now,
                me: None,
                doubt: TimeDelta::zero(),
                tries: &RetryPolicy::default(),
                why: AskedBy::Event,
                title: None,
                later: &BTreeMap::new(),
            };
            self.traps.step(Step::Compare, &row.number);
            let before = stock.counts_as(&row, now);
            if let Some(outcome) = OrderSync::new(&mut row, deal, &around, &mut next_id).confirm()
                && let Some(claimed) = rest.remove(&key)
            {
                if stock.counts_as(&row, now) != before {
                    writes.moved.push(key);
                }
                let guard = None;
                let one = Comparison {
                    claimed,
                    deal,
                    guard,
                };
                writes.add(one, outcome, &row, now)?;
                saved.push(row);
            }
        }
        ids.enough()?;
        agreements::save(&mut tx, &saved).await?;
        let moved = std::mem::take(&mut writes.moved);
        writes.write(&mut tx, &lease.portal).await?;
        stock.follow(&mut tx, &moved, None).await?;
        tx.commit().await?;
        Ok(rest.into_values().collect())
    }

    /// Seconds until the next comparison of a portal is due.
    pub async fn next_comparison(&self, portal: &str) -> Result<Option<f64>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(comparisons::next_due(&mut db, portal, &self.registry.shops_of(portal)).await?)
    }

    /// How many comparisons of a portal wait.
    pub async fn comparisons_waiting(&self, portal: &str) -> Result<i64, Error> {
        let mut db = self.db.acquire().await?;
        Ok(comparisons::waiting(&mut db, portal).await?)
    }

    /// Decides what a scan of these orders means, and records it. The writes that follow are to be
    /// sent at once, and looked at. An order at which the bridge fails gets a letter of its own,
    /// and the others are compared.
    pub async fn compare(
        &self,
        lease: &Lease,
        compared: Vec<Comparison>,
        context: &ScanContext,
    ) -> Result<ComparisonResult, Error> {
        let mut sum = ComparisonResult::default();
        let mut parts = Bisection::of(compared);
        while let Some(part) = parts.next() {
            match self.compare_some(lease, part.clone(), context).await {
                Err(error) if error.is_of_the_row() => {
                    if let Some(one) = parts.failed(part) {
                        self.dead_letter_comparison(lease, &one, &error.chain())
                            .await?;
                    }
                }
                done => sum.add(done?),
            }
        }
        Ok(sum)
    }

    /// Gives a comparison up at which the bridge failed.
    pub async fn dead_letter_comparison(
        &self,
        lease: &Lease,
        one: &Comparison,
        words: &str,
    ) -> Result<(), Error> {
        let order = one.order();
        self.dead_letters
            .dead_letter_comparison(lease, &order, words)
            .await
    }

    /// Compares some orders in one transaction; all of them or none.
    async fn compare_some(
        &self,
        lease: &Lease,
        compared: Vec<Comparison>,
        context: &ScanContext,
    ) -> Result<ComparisonResult, Error> {
        bug::caught_in(Box::pin(self.compare_in_one(lease, compared, context))).await?
    }

    async fn compare_in_one(
        &self,
        lease: &Lease,
        compared: Vec<Comparison>,
        context: &ScanContext,
    ) -> Result<ComparisonResult, Error> {
        let systems = self.clocks.clock_sources(&lease.portal);
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        self.clocks.load_clocks(&mut tx, &systems).await?;
        let now = clock_offsets::now(&mut tx).await?;
        if let Some(heard) = &context.heard {
            self.clocks.record_portal_clock(&lease.portal, heard, now);
        }
        self.clocks.store_clocks(&mut tx, &systems).await?;
        let (shops, numbers, _) = columns(compared.iter().map(|one| &one.claimed));
        // Orders before agreements: the order in which everything locks.
        orders::lock(&mut tx, &shops, &numbers).await?;
        let mut rows = agreements::lock(&mut tx, &shops, &numbers).await?;
        // A comparison puts at most three decisions on record.
        let most = i32::try_from(rows.len())
            .unwrap_or(i32::MAX)
            .saturating_mul(3);
        let mut ids = decisions::reserve(&mut tx, most).await?;
        let mut next_id = || ids.next_id();
        let mut by_order: HashMap<OrderKey, Comparison> =
            compared.into_iter().map(|one| (one.order(), one)).collect();
        let later = moved_later(&mut tx, &lease.portal, &rows).await?;
        let stock = &self.intake.stock;
        let (mut writes, mut met) = (SyncBatch::default(), Vec::new());
        for found in &mut rows {
            let Some(one) = by_order.remove(&found.key()) else {
                continue;
            };
            let Some(two_way) = self.registry.two_way(&found.shop) else {
                let origin = context.seen.origins.get(&one.deal);
                if origin.is_some_and(|origin| origin.is_of(&found.shop, &found.number)) {
                    writes.shown.push(found.key());
                }
                writes.done.push(one.claimed);
                continue;
            };
            self.traps.step(Step::Compare, &found.number);
            let row = found.row_mut()?;
            let title = self.title_of(&row.shop, &row.number);
            let around = SyncContext {
                title: title.as_deref(),
                seen: &context.seen,
                two_way: &two_way,
                clocks: self.clocks.clocks_of(&row.shop, &lease.portal),
                now,
                me: context.me,
                doubt: TimeDelta::from_std(context.tries.doubt).unwrap_or_default(),
                tries: &context.tries,
                why: one.claimed.why,
                later: &later,
            };
            let before = (row.agreed.is_none(), stock.counts_as(row, now));
            let outcome = OrderSync::new(row, one.deal, &around, &mut next_id).compare();
            if before.0 && row.agreed.is_some() {
                met.push(one.order());
            } else if stock.counts_as(row, now) != before.1 {
                writes.moved.push(one.order());
            }
            writes.add(one, outcome, row, now)?;
        }
        writes.moved.extend(stock.left_behind(&mut tx, &met).await?);
        // What the bridge no longer knows is not asked for again.
        writes
            .done
            .extend(by_order.into_values().map(|one| one.claimed));
        ids.enough()?;
        let rows = rows.into_iter().filter_map(|row| row.into_row().ok());
        self.store(tx, lease, &rows.collect::<Vec<_>>(), writes)
            .await
    }

    /// Stores what came of comparisons, commits, and tells whoever waits for it.
    async fn store(
        &self,
        mut tx: Transaction<'static, Postgres>,
        lease: &Lease,
        rows: &[agreements::Row],
        mut writes: SyncBatch,
    ) -> Result<ComparisonResult, Error> {
        agreements::save(&mut tx, rows).await?;
        let told: BTreeSet<String> = writes.changes.iter().map(|c| c.shop.clone()).collect();
        let winners = writes.winners.clone();
        let moved = std::mem::take(&mut writes.moved);
        let shown = std::mem::take(&mut writes.shown);
        let done = writes.write(&mut tx, &lease.portal).await?;
        self.intake.stock.follow(&mut tx, &moved, None).await?;
        let returned = self.dead_letters.retry_returned(&mut tx, shown).await?;
        tx.commit().await?;
        if returned {
            self.waker.wake(&lease.portal);
        }
        for winner in winners {
            self.metrics
                .decision(winner.map_or("none", DecisionWinner::as_str));
        }
        for shop in told {
            self.waker.wake(&lane_of(&shop));
        }
        Ok(done)
    }
}

/// The moves of deals that stand in the history above what was read when they were agreed on.
async fn moved_later(
    tx: &mut PgConnection,
    portal: &str,
    rows: &[FoundRow],
) -> Result<BTreeMap<u64, Vec<HistoryRow>>, Error> {
    let known = |row: &FoundRow| {
        let agreed = row.row().ok()?.agreed.as_ref()?;
        let above = i64::try_from(agreed.portal_row?).ok()?;
        Some((row.deal_id?, above))
    };
    let (deals, above): (Vec<i64>, Vec<i64>) = rows.iter().filter_map(known).unzip();
    let mut later: BTreeMap<u64, Vec<HistoryRow>> = BTreeMap::new();
    if deals.is_empty() {
        return Ok(later);
    }
    for row in stage_history::above(tx, portal, &deals, &above).await? {
        let ids = (
            u64::try_from(row.deal_id),
            u64::try_from(row.id),
            u32::try_from(row.funnel),
        );
        if let (Ok(deal), Ok(id), Ok(funnel)) = ids {
            later.entry(deal).or_default().push(HistoryRow {
                id,
                stage: Stage::new(funnel, &row.stage),
                at: row.moved_at,
            });
        }
    }
    Ok(later)
}

/// The lane of a shop's callback.
pub fn lane_of(shop: &str) -> String {
    format!("shop:{shop}")
}

fn columns<'a>(
    claimed: impl Iterator<Item = &'a DueComparison>,
) -> (Vec<String>, Vec<String>, Vec<i64>) {
    let (mut shops, mut numbers, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    for one in claimed {
        shops.push(one.shop.clone());
        numbers.push(one.number.clone());
        asked.push(one.asked);
    }
    (shops, numbers, asked)
}

/// What the shop says, as far as it is asked about: what counts in the difference that waits.
fn status_of(row: &agreements::Row) -> String {
    match (&row.waiting, &row.said) {
        (Some(waiting), _) => waiting.status.clone(),
        (None, said) => {
            let status = said.as_ref().and_then(|said| said.status.clone());
            status.unwrap_or_default()
        }
    }
}
