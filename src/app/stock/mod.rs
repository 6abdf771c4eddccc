//! Goods that can be sold: reservations, levels and their feed.
//!
//! Figures are changed by functions of the database alone, which lock, decide and write in one
//! trip. Here is who asks them, how requests share a commit, and what is done again when two got in
//! each other's way.

mod acts;
mod answer;
mod cards;
mod count_faults;
pub(super) mod events;
mod levels;
pub(super) mod orders;
mod receipt_views;
pub(super) mod receipts;
mod reserve;
mod sentence;
mod shortage_views;
mod shortages;
mod tills;

use super::{
    Error, LaneWaker, Registry, Shared, intake::group_commit::CommitQueue,
    sync::clock_offsets::ClockOffsets,
};
use crate::{
    domain::{ShopName, TillName},
    formats::{onec::Base, tills::TillSettings},
    process::telemetry::Metrics,
    stock::{NameKind, StockSettings},
    storage::stock::{self, ShopRow, StockRow, StoreRow},
};
use sqlx::PgPool;
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

pub use crate::storage::stock::{OddUnit, ReceiptKey, UnclearCount, UntakenWarehouse};
pub use answer::{
    NotHeld, ReservationAnswer, Reserved, ReservedLine, ShortLine, StockFault, StoreAvailable,
};
pub use count_faults::CountFault;
pub use events::OperatorCount;
pub use levels::{
    ExpiringReservation, LedgerEntry, LedgerPage, LevelChanges, LevelView, StockCheck,
    UnprovedLevel,
};
pub use orders::GoodsDifference;
pub use receipt_views::{
    LineTrial, ReceiptFilter, ReceiptInOneC, ReceiptTrial, ReceiptView, TillView,
};
pub(super) use reserve::ReservationRequest;
pub use shortage_views::{ShortReservation, ShortageView};
pub use shortages::ShortageRuling;
pub use tills::TillReader;

impl Stock {
    /// Says which stocks there are. The first word counts.
    pub(super) fn set_stocks(&self, stocks: Vec<StockSettings>) {
        let _ = self.stocks.set(stocks);
    }

    /// Says which tills there are. The first word counts.
    pub(super) fn set_tills(&self, tills: Vec<TillSettings>) {
        let _ = self.tills.set(tills);
    }

    /// The tills that are configured.
    pub fn tills(&self) -> &[TillSettings] {
        self.tills.get().map_or(&[], Vec::as_slice)
    }

    /// A till by its name; `NotFound` where none of this name is configured.
    pub(in crate::app) fn till(&self, name: &TillName) -> Result<&TillSettings, Error> {
        let known = self.tills().iter().find(|known| known.name == *name);
        known.ok_or(Error::NotFound)
    }

    /// The stocks that are configured.
    pub fn stocks(&self) -> &[StockSettings] {
        self.stocks.get().map_or(&[], Vec::as_slice)
    }

    /// The stock that a shop sells from.
    pub fn stock_of(&self, shop: &ShopName) -> Option<&StockSettings> {
        let sells = |stock: &&StockSettings| stock.shops.iter().any(|(name, _)| name == shop);
        self.stocks().iter().find(sells)
    }

    /// Stores what is configured, for the functions in the database. The error is one sentence
    /// where a shop is to sell from another stock than its reservations are held in.
    pub async fn configure_stocks(&self) -> Result<Result<(), String>, Error> {
        let mut stocks: Vec<StockRow> = Vec::new();
        let mut shops: Vec<ShopRow> = Vec::new();
        for stock in self.stocks() {
            let base = self.base_of(stock).map(|(_, base)| base);
            stocks.push(stock_row(stock, base));
            shops.extend(shop_rows(stock, base));
        }
        let stores: Vec<StoreRow> = self.stocks().iter().flat_map(store_rows).collect();
        let mut tx = self.db.begin().await?;
        if let Some((shop, held)) = stock::elsewhere(&mut tx, &shops).await? {
            return Ok(Err(format!(
                "the shop `{shop}` has reservations that are held in the stock `{held}`: \
                 ship or release them before it sells from another"
            )));
        }
        stock::configure(&mut tx, &stocks, &shops, &stores).await?;
        tx.commit().await?;
        Ok(Ok(()))
    }
}

/// Who tells of goods.
#[derive(Debug, Clone, Copy)]
pub(super) enum Teller<'a> {
    /// A shop, by its key.
    Shop(&'a ShopName),
    /// A till, by its token.
    Till(&'a TillSettings),
    /// Whomever the event names.
    Event,
}

/// Where goods are, as somebody tells.
enum Place {
    /// In this store of the stock, by its name in the settings.
    Known(String),
    /// That cannot be told: the name is no store's, or none is given and there are several.
    Unknown,
    /// In a store where the till does not stand.
    Foreign(String),
}

impl Teller<'_> {
    /// The shop whose key was shown.
    fn shop(&self) -> Option<&ShopName> {
        match self {
            Self::Shop(shop) => Some(shop),
            Self::Till(till) => Some(&till.shop),
            Self::Event => None,
        }
    }

    /// Where that is what is named, or not named.
    fn place(&self, stock: &StockSettings, named: Option<&str>) -> Place {
        let known = named.and_then(|named| stock.store(named));
        let Self::Till(till) = self else {
            return match (known, named, stock.stores.as_slice()) {
                (Some(store), ..) => Place::Known(store.to_owned()),
                (None, None, [only]) => Place::Known(only.name.clone()),
                _ => Place::Unknown,
            };
        };
        match (known, till.store(named)) {
            (Some(store), _) if till.stands_in(store) => Place::Known(store.to_owned()),
            (Some(store), None) => Place::Foreign(store.to_owned()),
            (Some(store), Some(_)) if till.is_at_one() => Place::Foreign(store.to_owned()),
            (_, Some(store)) => Place::Known(store.to_owned()),
            (None, None) => Place::Unknown,
        }
    }
}

fn stock_row(stock: &StockSettings, base: Option<&Base>) -> StockRow {
    StockRow {
        stock: stock.name.as_str().to_owned(),
        hold: stock.hold.num_seconds(),
        split: stock.split,
        tolerance: stock.count_tolerance.num_seconds(),
        base: base.map(|base| base.name.as_str().to_owned()),
    }
}

fn shop_rows(stock: &StockSettings, base: Option<&Base>) -> impl Iterator<Item = ShopRow> {
    let gets = base.filter(|base| base.export.receipts);
    stock.shops.iter().map(move |(shop, by)| {
        let by: Vec<&str> = by.iter().copied().map(NameKind::as_str).collect();
        ShopRow {
            shop: shop.as_str().to_owned(),
            stock: stock.name.as_str().to_owned(),
            products_by: by.join(","),
            gives_receipts: gets.is_some_and(|base| base.shops.contains(shop)),
        }
    })
}

fn store_rows(stock: &StockSettings) -> impl Iterator<Item = StoreRow> {
    stock.stores.iter().map(|store| StoreRow {
        stock: stock.name.as_str().to_owned(),
        store: store.name.clone(),
        ids: store.ids.clone().into(),
        rank: store.rank,
        online: store.online,
        pickup: store.pickup,
    })
}

/// What can be sold: reservations, levels and their feed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stock {
    db: PgPool,
    waker: LaneWaker,
    metrics: Metrics,
    registry: Arc<Registry>,
    clocks: ClockOffsets,
    stocks: Arc<OnceLock<Vec<StockSettings>>>,
    tills: Arc<OnceLock<Vec<TillSettings>>>,
    reservations: Arc<CommitQueue<ReservationRequest>>,
    /// Reservations that were asked for by this process.
    asked: Arc<AtomicU64>,
}

impl Stock {
    pub(super) fn new(shared: &Shared) -> Self {
        Self {
            db: shared.db.clone(),
            waker: shared.waker.clone(),
            metrics: shared.metrics.clone(),
            registry: Arc::clone(&shared.registry),
            clocks: shared.clocks.clone(),
            stocks: Arc::default(),
            tills: Arc::default(),
            reservations: Arc::default(),
            asked: Arc::default(),
        }
    }

    /// How many reservations were asked for by this process.
    fn reserved(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// One more was asked for.
    fn count_reservation(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }
}
