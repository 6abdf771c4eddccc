//! What 1C counts that says nothing of the goods that the shops sell: defined here, and told by
//! `doctor` and the console.

use crate::{
    app::{Error, Stock},
    domain::ErrorCode,
    stock::StockSettings,
    storage::stock::{self, OddUnit, UnclearCount, UntakenWarehouse},
};

/// Products whose counts cannot be used as they are, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountFault {
    /// The stable code of the fault.
    pub code: ErrorCode,
    /// Which products they are and why, in one sentence.
    pub sentence: String,
    /// The same products, as the stock names them: some of them, where there are many.
    pub products: Vec<String>,
}

impl Stock {
    /// What 1C counts for a stock whose master it is that says nothing of the goods that the shops
    /// sell; nothing where all can be used.
    pub async fn count_faults(&self, of: &StockSettings) -> Result<Vec<CountFault>, Error> {
        let (odd, unclear) = (self.odd_units(of).await?, self.unclear_counts(of).await?);
        let mut faults = Vec::new();
        if !odd.is_empty() {
            let said = |one: &OddUnit| format!("{} ({} / {})", one.product, one.onec, one.shop);
            let all: Vec<_> = odd.iter().map(said).collect();
            faults.push(CountFault {
                code: ErrorCode::OtherUnit,
                sentence: format!(
                    "1C counts in another unit than the shop sells (1C / shop), and these counts \
                     wait: {}",
                    all.join(", ")
                ),
                products: odd.into_iter().map(|one| one.product).collect(),
            });
        }
        if !unclear.is_empty() {
            let said =
                |one: &UnclearCount| format!("{} (`{}`: {})", one.id, one.name, one.products);
            let all: Vec<_> = unclear.iter().map(said).collect();
            faults.push(CountFault {
                code: ErrorCode::UnknownProduct,
                sentence: format!(
                    "1C counts products by their ids in 1C alone, and their articles or barcodes \
                     are those of other products: {}",
                    all.join(", ")
                ),
                products: unclear.into_iter().map(|one| one.id).collect(),
            });
        }
        Ok(faults)
    }

    /// The warehouses in which 1C counts for a stock whose master it is, and that are no stores of
    /// it.
    pub async fn foreign_warehouses(
        &self,
        of: &StockSettings,
    ) -> Result<Vec<UntakenWarehouse>, Error> {
        let Some((_, base)) = self.base_of(of) else {
            return Ok(Vec::new());
        };
        let mut db = self.db.acquire().await?;
        let mut found = stock::untaken_warehouses(&mut db, base.name.as_str()).await?;
        let own = super::events::warehouses(of);
        found.retain(|warehouse| !own.contains(&warehouse.id));
        Ok(found)
    }

    /// Products that 1C counts in another unit than the shops say, for a stock whose master it is.
    pub async fn odd_units(&self, of: &StockSettings) -> Result<Vec<OddUnit>, Error> {
        let Some((_, base)) = self.base_of(of) else {
            return Ok(Vec::new());
        };
        let mut db = self.db.acquire().await?;
        Ok(stock::odd_units(&mut db, of.name.as_str(), base.name.as_str()).await?)
    }

    /// Products that 1C counts for a stock whose master it is, by its own ids alone: what it knows
    /// them by besides is that of others, as an article of two products is.
    pub async fn unclear_counts(&self, of: &StockSettings) -> Result<Vec<UnclearCount>, Error> {
        let Some((_, base)) = self.base_of(of) else {
            return Ok(Vec::new());
        };
        let mut db = self.db.acquire().await?;
        Ok(stock::unclear_counts(&mut db, of.name.as_str(), base.name.as_str()).await?)
    }
}
