//! Events about goods: moves are applied in the transaction that accepts them, counts wait and are
//! applied in parts.

use super::{
    Place, Teller,
    acts::{or_later, repeated},
    receipts::NewReceipt,
};
use crate::{
    app::{
        Accepted, Actor, Error, STOCK, Stock,
        intake::event_reader::{Rejection, fingerprint, fingerprint_of_count, shop_for},
    },
    domain::{ErrorCode, Fault, Faults, ShopName, TillName, happening::Act},
    formats::{onec::Base, tills::ReceiptEvent},
    stock::{CountText, CountsMean, Master, StockEvent, StockSettings, Store, Told},
    storage::{
        StockEventKind, journal,
        onec::goods::prints,
        stock::{self, NewStockEvent},
    },
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

/// Lines of a count that are applied in one transaction.
const COUNTED_AT_ONCE: i32 = 1_000;
/// Lines of what 1C has counted that become one count.
const ONEC_AT_ONCE: i32 = 10_000;

/// Whether an event is about goods, and not about an order.
pub(in crate::app) fn is_goods(event: &Value) -> bool {
    StockEvent::is(event) || ReceiptEvent::is(event)
}

/// An event about goods.
#[derive(Debug)]
pub(in crate::app) enum GoodsEvent {
    /// What came and went, or a count.
    Told(Box<NewStockEvent>),
    /// A receipt of a till.
    Receipt(Box<NewReceipt>),
}

impl GoodsEvent {
    /// The shop whose goods they are, by its name in the settings.
    pub(in crate::app) fn shop(&self) -> &str {
        match self {
            Self::Told(event) => &event.shop,
            Self::Receipt(receipt) => receipt.shop(),
        }
    }
}

/// A count that an operator brings.
#[derive(Debug, Clone)]
pub struct OperatorCount {
    /// The store, if the stock has several.
    pub store: Option<String>,
    /// The time of which it is true.
    pub as_of: DateTime<Utc>,
    /// Whether what it does not name is not there.
    pub complete: bool,
    /// Products, as they are named, and how much there is of each.
    pub counts: Vec<(String, rust_decimal::Decimal)>,
}

impl Stock {
    /// Accepts an event about goods; returns when it is stored durably.
    pub(in crate::app) async fn accept_goods(
        &self,
        by: Teller<'_>,
        value: &Value,
    ) -> Result<Accepted, Error> {
        match self.read_goods(by, value) {
            Ok(GoodsEvent::Told(event)) => self.accept_told(&event).await,
            Ok(GoodsEvent::Receipt(receipt)) => self.accept_receipt(&receipt).await,
            Err(rejection) => Ok(rejection.into()),
        }
    }

    /// Accepts a count whose lines stayed text, of the shop whose key was shown; returns when it is
    /// stored durably.
    pub async fn accept_count(
        &self,
        shop: Option<&ShopName>,
        count: &CountText<'_>,
    ) -> Result<Accepted, Error> {
        self.accept_count_by(shop.map_or(Teller::Event, Teller::Shop), count)
            .await
    }

    /// The same of a till.
    pub async fn accept_count_of_till(
        &self,
        till: &TillName,
        count: &CountText<'_>,
    ) -> Result<Accepted, Error> {
        self.accept_count_by(Teller::Till(self.till(till)?), count)
            .await
    }

    async fn accept_count_by(
        &self,
        by: Teller<'_>,
        count: &CountText<'_>,
    ) -> Result<Accepted, Error> {
        let fingerprint = || fingerprint_of_count(count);
        let accepted = match self.read_told(by, &count.message(), count.read(), fingerprint) {
            Ok(event) => self.accept_told(&event).await?,
            Err(rejection) => rejection.into(),
        };
        self.metrics.accepted(accepted.word());
        Ok(accepted)
    }

    /// Stores what came and went, or a count, in a transaction of its own.
    async fn accept_told(&self, event: &NewStockEvent) -> Result<Accepted, Error> {
        let stored = repeated(false, || async {
            let mut db = self.db.acquire().await?;
            self.store_stock_event(&mut db, event).await
        })
        .await;
        // Where the worker is in this process it need not wait for its next look.
        self.waker.subscribe(STOCK).notify_one();
        stored
    }

    /// Accepts what a till tells by its token: receipts, counts and moves, each by itself; one
    /// result for each, in order.
    pub async fn accept_of_till(
        &self,
        till: &TillName,
        events: &[Value],
    ) -> Result<Vec<Accepted>, Error> {
        let till = self.till(till)?;
        let mut results = Vec::with_capacity(events.len());
        for event in events {
            let accepted = if is_goods(event) {
                self.accept_goods(Teller::Till(till), event).await?
            } else {
                let detail = "a till's key tells receipts, counts and moves alone".to_owned();
                let pointer = "/type".to_owned();
                Accepted::Refused(ErrorCode::Forbidden, vec![Fault { pointer, detail }])
            };
            self.metrics.accepted(accepted.word());
            results.push(accepted);
        }
        Ok(results)
    }

    /// Reads an event about goods.
    pub(in crate::app) fn read_goods(
        &self,
        by: Teller<'_>,
        value: &Value,
    ) -> Result<GoodsEvent, Rejection> {
        if ReceiptEvent::is(value) {
            let receipt = self.read_receipt(by, value)?;
            return Ok(GoodsEvent::Receipt(Box::new(receipt)));
        }
        let read = StockEvent::read(value);
        let event = self.read_told(by, value, read, || fingerprint(value))?;
        Ok(GoodsEvent::Told(Box::new(event)))
    }

    /// Stores an event about goods once, in a transaction of the caller's.
    pub(in crate::app) async fn store_goods(
        &self,
        db: &mut PgConnection,
        event: &GoodsEvent,
    ) -> Result<Accepted, Error> {
        match event {
            GoodsEvent::Told(event) => self.store_stock_event(db, event).await,
            GoodsEvent::Receipt(receipt) => self.store_receipt(db, receipt, false).await,
        }
    }

    /// What came and went, or a count, for the stock of its shop.
    fn read_told(
        &self,
        by: Teller<'_>,
        message: &Value,
        read: Result<StockEvent, Faults>,
        fingerprint: impl FnOnce() -> Vec<u8>,
    ) -> Result<NewStockEvent, Rejection> {
        let shop = shop_for(&self.registry, by.shop(), message)?;
        let refused = |code: ErrorCode, faults: Faults| Rejection {
            code,
            faults,
            shop: Some(shop.clone()),
        };
        let mut event = read.map_err(|faults| refused(ErrorCode::Invalid, faults))?;
        let at = |pointer: &str, detail: String| {
            vec![Fault {
                pointer: pointer.to_owned(),
                detail,
            }]
        };
        let Some(stock) = self.stock_of(&shop) else {
            let detail = format!("the shop `{shop}` sells from no stock");
            return Err(refused(ErrorCode::Invalid, at("/shop", detail)));
        };
        let counted = matches!(event.told, Told::Counted { .. });
        let counts = match by {
            Teller::Till(_) => Master::Till,
            Teller::Shop(_) | Teller::Event => Master::Shop,
        };
        if counted && stock.master != counts {
            let detail = format!(
                "only the master's counts are taken, and the master of the stock `{}` is `{}`",
                stock.name,
                stock.master.as_str()
            );
            return Err(refused(ErrorCode::NotMaster, at("/type", detail)));
        }
        if let Teller::Till(_) = by {
            match by.place(stock, event.store.as_deref()) {
                Place::Known(store) => event.store = Some(store),
                Place::Unknown => {}
                Place::Foreign(store) => {
                    let detail = format!("the till does not stand in the store `{store}`");
                    return Err(refused(ErrorCode::Forbidden, at("/data/store", detail)));
                }
            }
        }
        Ok(new_event(stock, shop.as_str(), event, fingerprint()))
    }

    /// Stores what came and went, or a count, once.
    async fn store_stock_event(
        &self,
        db: &mut PgConnection,
        event: &NewStockEvent,
    ) -> Result<Accepted, Error> {
        let fault = |pointer: &str, detail: String| {
            vec![Fault {
                pointer: pointer.to_owned(),
                detail,
            }]
        };
        if let Some((line, odd)) = stock::other_unit(db, event).await? {
            let list = match event.kind {
                StockEventKind::Counted => "counts",
                _ => "moves",
            };
            let faults = fault(&format!("/data/{list}/{line}/unit"), odd);
            return Ok(Accepted::Refused(ErrorCode::OtherUnit, faults));
        }
        Ok(match stock::insert(db, event).await?.as_str() {
            "queued" => Accepted::Queued,
            "duplicate" => Accepted::Duplicate,
            "conflict" => Accepted::Conflict,
            "store" => {
                let detail = event.store.as_ref().map_or_else(
                    || "the stock has several stores: name one".to_owned(),
                    |store| format!("`{store}` is no store of the stock"),
                );
                Accepted::Refused(ErrorCode::Invalid, fault("/data/store", detail))
            }
            "ahead" => {
                let detail = "`as_of` is more than five minutes ahead".to_owned();
                Accepted::Refused(ErrorCode::Invalid, fault("/data/as_of", detail))
            }
            odd => Accepted::Refused(ErrorCode::UnknownProduct, fault("/data", odd.to_owned())),
        })
    }

    /// Stores a count of an operator, on record. What is wrong with it is a value.
    pub async fn count_stock(
        &self,
        of: &StockSettings,
        count: OperatorCount,
        actor: &Actor,
    ) -> Result<Accepted, Error> {
        let (names, quantities): (Vec<_>, Vec<_>) = count.counts.into_iter().unzip();
        let id = uuid::Uuid::now_v7().to_string();
        let event = NewStockEvent {
            stock: of.name.as_str().to_owned(),
            shop: String::new(),
            source: actor.0.clone(),
            fingerprint: fingerprint(&json!(id)),
            event_id: id,
            kind: StockEventKind::Counted,
            store: count.store,
            as_of: Some(count.as_of),
            available: of.counts_mean == CountsMean::Available,
            complete: count.complete,
            reason: String::new(),
            lines: Vec::new(),
            times: Vec::new(),
            names,
            quantities,
            units: Vec::new(),
        };
        let mut db = self.db.acquire().await?;
        let mut tx = db.begin().await?;
        let stored = self.store_stock_event(&mut tx, &event).await?;
        if stored == Accepted::Queued {
            let detail = json!({ "stock": event.stock, "store": event.store, "as_of": event.as_of,
                "complete": event.complete, "lines": event.names.len() });
            let act = Act::GoodsCounted {
                stock: event.stock.clone(),
                lines: event.names.len(),
            };
            journal::audit(&mut tx, &actor.0, &act, &event.stock, &detail).await?;
            tx.commit().await?;
        }
        Ok(stored)
    }

    /// The base of 1C that counts a stock, with a shop of both; none: somebody else counts it.
    pub(super) fn base_of(&self, of: &StockSettings) -> Option<(&str, &Base)> {
        let mut bases = self.registry.bases.values();
        let own = |shop: &&ShopName| of.shops.iter().any(|(one, _)| one == *shop);
        let found = bases.find_map(|base| Some((base.shops.iter().find(own)?, base)));
        let (shop, base) = found.filter(|_| of.master == Master::Onec)?;
        Some((shop.as_str(), base.as_ref()))
    }

    /// Takes what its 1C base has counted into a stock whose master 1C is: as counts that wait.
    /// Returns how many lines.
    pub async fn take_counts_of_onec(&self, of: &StockSettings) -> Result<usize, Error> {
        let Some((shop, base)) = self.base_of(of) else {
            return Ok(0);
        };
        let warehouses = warehouses(of);
        let available = of.counts_mean == CountsMean::Available;
        let name = base.name.as_str();
        let whose = (of.name.as_str(), shop, name);
        // What a newer file repeats was counted again.
        let counted_again = prints::any_uncounted(&mut *self.db.acquire().await?, name).await?;
        if counted_again {
            let mut tx = self.db.begin().await?;
            prints::begin(&mut tx, name).await?;
            prints::fold_counts(&mut tx, name).await?;
            tx.commit().await?;
        }
        let mut lines = 0;
        loop {
            let taken = repeated(false, || async {
                let mut db = self.db.acquire().await?;
                let most = ONEC_AT_ONCE;
                Ok(stock::count_of_onec(&mut db, whose, &warehouses, available, most).await?)
            });
            match taken.await? {
                0 => return Ok(lines),
                taken => lines += usize::try_from(taken).unwrap_or_default(),
            }
        }
    }

    /// Applies what waits of a stock's counts; returns in how many parts. Two parts of a large
    /// count are applied at once while nobody reserves by this process: then both have a processor.
    pub async fn apply_counts(&self, of: &str) -> Result<usize, Error> {
        let mut parts = 0;
        let mut quiet = false;
        loop {
            let before = self.reserved();
            let done = if quiet {
                let (one, other) = tokio::join!(self.apply_part(of), self.apply_part(of));
                usize::from(one?) + usize::from(other?)
            } else {
                usize::from(self.apply_part(of).await?)
            };
            parts += done;
            if done == 0 {
                return Ok(parts);
            }
            quiet = self.reserved() == before;
        }
    }

    /// Applies one part; false: none waits, others are at it, or somebody's transaction is long.
    async fn apply_part(&self, of: &str) -> Result<bool, Error> {
        let applied = repeated(false, || async {
            let mut db = self.db.acquire().await?;
            Ok(stock::count_part(&mut db, of, COUNTED_AT_ONCE).await?)
        });
        or_later(applied.await, false)
    }
}

/// The warehouses of 1C that a stock's stores are, by their names and ids. A file that names none
/// counts the only store, unless that has an id.
pub(super) fn warehouses(of: &StockSettings) -> Vec<String> {
    let named = |store: &Store| [vec![store.name.clone()], store.ids.clone()].concat();
    let mut all: Vec<String> = of.stores.iter().flat_map(named).collect();
    if let [only] = of.stores.as_slice()
        && only.ids.is_empty()
    {
        all.push(String::new());
    }
    all
}

fn new_event(
    stock: &StockSettings,
    shop: &str,
    event: StockEvent,
    fingerprint: Vec<u8>,
) -> NewStockEvent {
    let mut new = NewStockEvent {
        stock: stock.name.as_str().to_owned(),
        shop: shop.to_owned(),
        source: event.source,
        event_id: event.id,
        fingerprint,
        kind: StockEventKind::Moved,
        store: event.store,
        as_of: event.time,
        available: false,
        complete: false,
        reason: String::new(),
        names: Vec::new(),
        quantities: Vec::new(),
        units: Vec::new(),
        times: Vec::new(),
        lines: Vec::new(),
    };
    match event.told {
        Told::Moved { reason, moves } => {
            new.reason = reason;
            for one in moves {
                new.names.push(one.product);
                new.quantities.push(one.quantity);
                new.units.push(one.unit);
                new.times.push(one.at);
                new.lines.push(one.line);
            }
        }
        Told::Counted {
            as_of,
            complete,
            counts,
        } => {
            new.kind = StockEventKind::Counted;
            new.as_of = Some(as_of);
            new.complete = complete;
            new.available = stock.counts_mean == CountsMean::Available;
            for one in counts {
                new.names.push(one.product);
                new.quantities.push(one.quantity);
                new.units.push(one.unit);
            }
        }
    }
    new
}
