//! Levels, and the feed of those that changed.

use super::{acts::repeated, sentence};
use crate::{
    app::{Error, Stock, lane_of},
    domain::ShopName,
    stock::{PortalStock, StockSettings},
    storage::stock::{self, Level, quantity},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

const DEFAULT_PAGE: u32 = 100;
/// Levels that get their places in one transaction.
const TOLD_AT_ONCE: i32 = 1_000;
/// Reservations of the products asked for that are ended first.
const EXPIRED_AT_ONCE: i32 = 1_000;

/// What a store has of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StockLevel)]
pub struct LevelView {
    /// The product, by its `product_id`.
    pub product: String,
    /// The store, by its name in the settings.
    pub store: String,
    /// What is on the shelf; below zero where more left than was known of.
    pub on_hand: String,
    /// What of it is held for somebody.
    pub reserved: String,
    /// What can be sold.
    pub available: String,
    /// Grows with every change.
    pub version: i64,
}

/// A page of changed levels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StockChanges)]
pub struct LevelChanges {
    /// The levels, each with its newest figures, in the order in which they changed last.
    pub changes: Vec<LevelView>,
    /// What to give as `after` next time; also where there is nothing new.
    pub next: i64,
}

impl From<Level> for LevelView {
    fn from(level: Level) -> Self {
        Self {
            product: level.product,
            store: level.store,
            on_hand: level.on_hand,
            reserved: level.reserved,
            available: level.available,
            version: level.version,
        }
    }
}

impl Stock {
    /// The levels of products, by any of their names; what has run out of them is free. None: the
    /// shop sells from no stock.
    pub async fn stock_levels(
        &self,
        shop: &ShopName,
        names: &[String],
    ) -> Result<Option<Vec<LevelView>>, Error> {
        let Some(of) = self.stock_of(shop) else {
            return Ok(None);
        };
        let found = self.levels_named(shop, names).await?;
        let mut products: Vec<String> = found.iter().map(|level| level.product.clone()).collect();
        products.dedup();
        let name = Some(of.name.as_str());
        let expired = self.expire(name, Some(&products), EXPIRED_AT_ONCE).await?;
        let found = if expired > 0 {
            self.levels_named(shop, names).await?
        } else {
            found
        };
        Ok(Some(found.into_iter().map(LevelView::from).collect()))
    }

    async fn levels_named(&self, shop: &ShopName, names: &[String]) -> Result<Vec<Level>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(stock::levels(&mut db, shop.as_str(), names).await?)
    }

    /// Levels that changed after this place; from 0 on all of them. None: the shop sells from no
    /// stock.
    pub async fn stock_changes(
        &self,
        shop: &ShopName,
        after: i64,
        limit: u32,
    ) -> Result<Option<LevelChanges>, Error> {
        let Some(of) = self.stock_of(shop) else {
            return Ok(None);
        };
        let limit = if limit == 0 { DEFAULT_PAGE } else { limit };
        self.tell_levels(of.name.as_str()).await?;
        let mut db = self.db.acquire().await?;
        let rows = stock::changes(&mut db, of.name.as_str(), after, i64::from(limit)).await?;
        Ok(Some(LevelChanges {
            next: rows.last().map_or(after, |level| level.seq),
            changes: rows.into_iter().map(LevelView::from).collect(),
        }))
    }

    /// The shops that are called have something to hear.
    fn wake_callbacks(&self, of: &str) {
        let stock = self.stocks().iter().find(|stock| stock.name.as_str() == of);
        for (shop, _) in stock.iter().flat_map(|stock| &stock.shops) {
            let two_way = self.registry.two_way(shop.as_str());
            if two_way.is_some_and(|two_way| two_way.callback) {
                self.waker.wake(&lane_of(shop.as_str()));
            }
        }
    }

    /// The stocks where something is to be done, found for all of them in one statement.
    pub async fn busy_stocks(&self) -> Result<Vec<&StockSettings>, Error> {
        let all = self.stocks();
        let names = all.iter().map(|stock| stock.name.as_str().to_owned());
        let names: Vec<String> = names.collect();
        let shows = all
            .iter()
            .map(|stock| stock.portal == PortalStock::Quantity);
        let shows: Vec<bool> = shows.collect();
        let busy = {
            let mut db = self.db.acquire().await?;
            stock::busy(&mut db, &names, &shows).await?
        };
        let busy: BTreeSet<String> = busy.into_iter().collect();
        let is_busy = |stock: &&StockSettings| busy.contains(stock.name.as_str());
        Ok(all.iter().filter(is_busy).collect())
    }

    /// Gives changed levels of a stock their places in the feed; returns how many.
    pub async fn tell_levels(&self, of: &str) -> Result<i64, Error> {
        let mut sum = 0;
        loop {
            let told = repeated(false, || async {
                let mut db = self.db.acquire().await?;
                Ok(stock::tell(&mut db, of, TOLD_AT_ONCE).await?)
            });
            let told = told.await?;
            sum += told;
            if told < i64::from(TOLD_AT_ONCE) {
                if sum > 0 {
                    self.wake_callbacks(of);
                }
                return Ok(sum);
            }
        }
    }
}

impl Stock {
    /// Makes the products of changed levels due for the portals that show what can be sold; returns
    /// of how many products levels had changed.
    pub async fn show_levels(&self, of: &StockSettings) -> Result<i64, Error> {
        if of.portal != PortalStock::Quantity {
            return Ok(0);
        }
        let shops = of.shops.iter().map(|(shop, _)| shop);
        let shops = shops.filter(|shop| self.registry.catalogues.contains_key(*shop));
        let shops: Vec<&ShopName> = shops.collect();
        let names: Vec<String> = shops.iter().map(|shop| shop.as_str().to_owned()).collect();
        let mut sum = 0;
        loop {
            let mut db = self.db.acquire().await?;
            let shown = quantity::show(&mut db, of.name.as_str(), &names, TOLD_AT_ONCE).await?;
            sum += shown;
            if shown == 0 {
                break;
            }
        }
        if sum > 0 {
            for rules in shops.iter().filter_map(|shop| self.registry.rules(shop)) {
                self.waker.wake(rules.portal.as_str());
            }
        }
        Ok(sum)
    }
}

/// A reservation that runs out.
pub type ExpiringReservation = stock::ExpiringRow;

/// A row of a product's ledger, with what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LedgerEntry {
    /// The moment at which it happened, which may be long before the bridge was told of it.
    pub at: DateTime<Utc>,
    /// The store, by its name in the settings.
    pub store: String,
    /// By how much it changed what is on hand.
    pub on_hand: String,
    /// What is on hand in the store after it.
    pub stands: String,
    /// By how much it changed what is reserved.
    pub reserved: String,
    /// What happened, in one sentence.
    pub text: String,
}

impl LedgerEntry {
    /// By how much it changed what is on hand, with a sign: `+2`, `-1`, `0`.
    pub fn signed_on_hand(&self) -> String {
        signed(&self.on_hand)
    }

    /// By how much it changed what is reserved, with a sign.
    pub fn signed_reserved(&self) -> String {
        signed(&self.reserved)
    }
}

/// With a sign, also where it is a plus.
fn signed(text: &str) -> String {
    if text.starts_with('-') || text == "0" {
        text.to_owned()
    } else {
        format!("+{text}")
    }
}

/// A page of a product's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPage {
    /// Its rows as sentences, the newest first.
    pub entries: Vec<LedgerEntry>,
    /// What to give as `before` for older ones; none: there are none.
    pub next: Option<i64>,
}

/// A level that is not what its moves come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnprovedLevel {
    /// The product, by its `product_id`.
    pub product: String,
    /// The store, by its name in the settings.
    pub store: String,
    /// What is wrong, in one sentence.
    pub text: String,
}

/// What a check of a stock's levels found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StockCheck {
    /// How many levels there are.
    pub levels: i64,
    /// Those that are not what their moves, or their reservations, come to: at most a hundred.
    pub unproved: Vec<UnprovedLevel>,
}

impl Stock {
    /// All levels of a stock after this product and store, in their order.
    pub async fn all_levels(
        &self,
        of: &str,
        after: (&str, &str),
        limit: u32,
    ) -> Result<Vec<LevelView>, Error> {
        let mut db = self.db.acquire().await?;
        let rows = stock::all_levels(&mut db, of, after, i64::from(limit)).await?;
        Ok(rows.into_iter().map(LevelView::from).collect())
    }

    /// A product's whole ledger, in sentences.
    pub async fn stock_ledger(&self, of: &str, product: &str) -> Result<Vec<LedgerEntry>, Error> {
        let mut db = self.db.acquire().await?;
        let mut entries = Vec::new();
        let mut after = None;
        loop {
            let between = (after, None);
            let rows = stock::ledger(&mut db, (of, product), between, false, 1_000).await?;
            let Some(last) = rows.last() else {
                return Ok(entries);
            };
            after = Some(last.id);
            entries.extend(rows.into_iter().map(LedgerEntry::from));
        }
    }

    /// A page of a product's ledger, the newest first.
    pub async fn ledger_page(
        &self,
        of: &str,
        product: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<LedgerPage, Error> {
        let mut db = self.db.acquire().await?;
        let one_more = i64::from(limit) + 1;
        let mut rows =
            stock::ledger(&mut db, (of, product), (None, before), true, one_more).await?;
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| has_more).map(|row| row.id);
        let entries = rows.into_iter().map(LedgerEntry::from).collect();
        Ok(LedgerPage { entries, next })
    }

    /// The levels of a product, by its `product_id`.
    pub async fn levels_of(&self, of: &str, product: &str) -> Result<Vec<LevelView>, Error> {
        let mut db = self.db.acquire().await?;
        let rows = stock::of_product(&mut db, of, product).await?;
        Ok(rows.into_iter().map(LevelView::from).collect())
    }

    /// The reservations of a stock that run out next.
    pub async fn expiring(&self, of: &str, limit: i64) -> Result<Vec<ExpiringReservation>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(stock::expiring(&mut db, of, limit).await?)
    }

    /// Proves levels against their moves and reservations.
    pub async fn check_stock(&self, of: &str) -> Result<StockCheck, Error> {
        let mut db = self.db.acquire().await?;
        let (levels, odd) = stock::check(&mut db, of, 100).await?;
        let unproved = odd.into_iter().map(UnprovedLevel::from).collect();
        Ok(StockCheck { levels, unproved })
    }
}

impl From<stock::Unproved> for UnprovedLevel {
    fn from(row: stock::Unproved) -> Self {
        let text = format!(
            "the level says {} on hand and {} reserved, its moves come to {} and {}, \
             its reservations hold {}",
            row.on_hand, row.reserved, row.on_hand_moved, row.reserved_moved, row.held
        );
        Self {
            product: row.product,
            store: row.store,
            text,
        }
    }
}

impl From<stock::MoveRow> for LedgerEntry {
    fn from(row: stock::MoveRow) -> Self {
        let text = sentence::of(&row);
        Self {
            at: row.at,
            store: row.store,
            on_hand: row.on_hand,
            stands: row.stands,
            reserved: row.reserved,
            text,
        }
    }
}
