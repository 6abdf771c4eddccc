//! Goods of a file are stored.
//!
//! What is known by its print is noted as repeated, and writes nothing else.

use super::rows::{Rows, rows};
use crate::{
    app::{Error, Onec, onec::parse::Part},
    formats::onec::Base,
    storage::onec::{
        goods::{
            self as stored, StoredRow, StoredRows, lists,
            prints::{self, PrintRow, Run},
        },
        imports, offers,
    },
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;

/// Where goods of a file stand, and what is known of them.
#[derive(Clone, Copy)]
pub(super) struct GoodsOrigin<'a> {
    pub(super) base: &'a Base,
    pub(super) import: i64,
    /// Items of the file before them.
    pub(super) position: i64,
    /// When the file was made.
    pub(super) formed_at: DateTime<Utc>,
    /// The generation of the prints by which some are known; `None`: none are.
    pub(super) since: Option<i64>,
}

/// What became of a part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Became {
    Stored,
    /// Another process has stored it.
    Elsewhere,
    /// What was known is not so any more: it is to be read.
    Outdated,
}

impl Onec {
    /// Stores a part of a file that is goods, together with how far the file is done.
    pub(super) async fn store_goods(
        &self,
        at: GoodsOrigin<'_>,
        part: Part,
    ) -> Result<Became, Error> {
        if part.count == 0 {
            return Ok(Became::Stored);
        }
        let name = at.base.name.as_str();
        let mut tx = self.db.begin().await?;
        // What is lost with the database's machine is done again; the end of a file is not.
        offers::wait_for_no_disk(&mut tx).await?;
        let generation = prints::begin(&mut tx, name).await?;
        let (known, count) = (part.known, part.count);
        let others = at.since.is_none_or(|since| since + 1 < generation);
        if !known.is_empty() && others {
            let since = at.since.unwrap_or_default();
            if prints::are_newer(&mut tx, since, &known).await? {
                return Ok(Became::Outdated);
            }
        }
        let (rows, done) = rows(part.items, count);
        let formed_at = at.formed_at;
        let late = prints::fold_newer(&mut tx, name, formed_at, &rows.ids()).await?;
        let told = !self.registry.shops_of_goods(at.base).is_empty();
        let listed = rows.lists();
        if told && lists::are_news(&mut tx, name, formed_at, &listed).await? {
            stored::mark_all_due(&mut tx, name).await?;
        }
        lists::store(&mut tx, name, formed_at, &listed).await?;
        let turn = Turn {
            base: name,
            generation,
            formed_at,
            late,
        };
        let Some(repeated) = turn.store(&mut tx, &rows, &known).await? else {
            return Ok(Became::Outdated);
        };
        if told {
            stored::mark_due(&mut tx, name, &rows.ids()).await?;
        }
        if !known.is_empty() {
            prints::repeat(&mut tx, name, formed_at, &repeated).await?;
        }
        if rows.only_changes.is_some() {
            imports::head(&mut tx, at.import, None, rows.only_changes).await?;
        }
        if !imports::advance(&mut tx, at.import, at.position, &done).await? {
            return Ok(Became::Elsewhere);
        }
        tx.commit().await?;
        Ok(Became::Stored)
    }
}

/// The turn to store goods of a base, as a file says them.
struct Turn<'a> {
    base: &'a str,
    generation: i64,
    formed_at: DateTime<Utc>,
    /// A newer file has repeated something.
    late: bool,
}

impl Turn<'_> {
    /// Stores what was read, and returns which products are repeated by the file, all in all.
    /// `None`: what is known comes after something else that was said of its product here.
    async fn store(
        &self,
        tx: &mut PgConnection,
        rows: &Rows,
        known: &[Run],
    ) -> Result<Option<Vec<Run>>, Error> {
        if rows.products.is_empty() {
            return Ok(Some(merged(known, &[])));
        }
        let (base, formed_at) = (self.base, self.formed_at);
        let products = stored::products(tx, base, formed_at, &rows.products).await?;
        // What a newer file repeats in the same channel is not what this one says.
        let of = |channel: i16| (!self.late).then_some(channel);
        let priced = rows
            .prices
            .values()
            .map(|(row, channel)| (row, of(*channel)));
        let priced: Vec<_> = priced.collect();
        let prices = stored::prices(tx, base, formed_at, &priced).await?;
        let counted = rows
            .counts
            .values()
            .map(|(row, channel)| (row, of(*channel)));
        let counted: Vec<_> = counted.collect();
        let counts = stored::counts(tx, base, formed_at, &counted).await?;
        let all = |count: i64, of: usize| usize::try_from(count).is_ok_and(|count| count == of);
        let late = self.late
            || products.len() < rows.products.len()
            || !all(prices.count, priced.len())
            || !all(counts.count, counted.len());
        if late {
            // A newer file has said some of it otherwise: nobody's word is the whole of it.
            prints::forget(tx, self.generation, (base, &rows.ids())).await?;
            let met = |row: &StoredRow| row.was_there && covers(known, row.number, None);
            return Ok((!products.iter().any(met)).then(|| merged(known, &[])));
        }
        self.keep(tx, rows, (products, [prices, counts]), known)
            .await
    }

    /// Keeps the prints of what was stored, and forgets those that it contradicts.
    async fn keep(
        &self,
        tx: &mut PgConnection,
        rows: &Rows,
        (products, moved): (Vec<StoredRow>, [StoredRows; 2]),
        known: &[Run],
    ) -> Result<Option<Vec<Run>>, Error> {
        let moved: HashSet<&str> = moved
            .iter()
            .flat_map(|rows| rows.moved.iter().map(String::as_str))
            .collect();
        let (mut kept, mut doubtful, mut before) = (Vec::new(), Vec::new(), Vec::new());
        let mut changed = (Vec::new(), Vec::new());
        for row in &products {
            let (id, number) = (&*row.id, row.number);
            let said = rows.said.get(id).map(|(said, _)| *said);
            let Some((channel, print)) = said.and_then(|said| Some((said.channel, said.print?)))
            else {
                if row.was_there && covers(known, number, None) {
                    return Ok(None);
                }
                doubtful.push(id);
                continue;
            };
            let differs = row.changed || moved.contains(id);
            if row.was_there && covers(known, number, (!differs).then_some(channel)) {
                return Ok(None);
            }
            if differs {
                changed.0.push(number);
                changed.1.push(channel);
            }
            if row.was_there {
                before.push((number, id, channel));
            }
            let print = Uuid::from_bytes(print.0);
            kept.push(PrintRow {
                number,
                channel,
                print,
            });
        }
        let generation = self.generation;
        if !doubtful.is_empty() {
            prints::forget(tx, generation, (self.base, &doubtful)).await?;
        }
        if !changed.0.is_empty() {
            prints::forget_others(tx, generation, (&changed.0, &changed.1)).await?;
        }
        if !before.is_empty() {
            prints::let_go(tx, self.base, &before).await?;
        }
        prints::keep(tx, generation, &kept).await?;
        Ok(Some(merged(known, &kept)))
    }
}

/// Whether a product is among these; in this channel, if one is given.
fn covers(runs: &[Run], number: i64, channel: Option<i16>) -> bool {
    runs.iter().any(|run| {
        (run.first..=run.last).contains(&number)
            && channel.is_none_or(|channel| channel == run.channel)
    })
}

/// The products of both, in as few rows of them as there are.
fn merged(known: &[Run], kept: &[PrintRow]) -> Vec<Run> {
    let kept = kept.iter().map(|row| Run {
        channel: row.channel,
        first: row.number,
        last: row.number,
    });
    let mut all: Vec<Run> = known.iter().copied().chain(kept).collect();
    all.sort_unstable();
    let mut runs: Vec<Run> = Vec::new();
    for run in all {
        match runs.last_mut() {
            Some(last) if last.channel == run.channel && run.first <= last.last + 1 => {
                last.last = last.last.max(run.last);
            }
            _ => runs.push(run),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(channel: i16, first: i64, last: i64) -> Run {
        Run {
            channel,
            first,
            last,
        }
    }

    #[test]
    fn products_that_follow_each_other_are_one_run_whatever_told_of_them() {
        let kept = [3, 12].map(|number| PrintRow {
            number,
            channel: 5,
            print: Uuid::nil(),
        });
        let known = [run(5, 4, 9), run(5, 1, 2), run(2, 10, 11), run(5, 9, 10)];
        let runs = merged(&known, &kept);
        assert_eq!(runs, [run(2, 10, 11), run(5, 1, 10), run(5, 12, 12)]);
        assert!(covers(&runs, 11, None) && covers(&runs, 11, Some(2)));
        assert!(!covers(&runs, 11, Some(5)) && !covers(&runs, 13, None));
    }
}
