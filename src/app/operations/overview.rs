//! What the console asks beside the use cases that everybody has.

use crate::{
    app::{Error, Operations, intake::search_keys},
    domain::{PortalName, ShopName},
    storage::views::{
        incidents, overview,
        search::{self, FoundRow},
    },
};

pub use crate::storage::views::{
    incidents::{
        DeadRow, RefusedChange, RefusedRow as Refused, TroubleRow as Trouble, WaitingConflicts,
    },
    overview::{DecisionRow as Decided, Minute, WaitingOrder},
    search::FoundRow as Found,
};

/// Under this name in the place of a lane's: taking up events from SQL.
pub const FROM_SQL: &str = ":sql";
/// Under this name in the place of a lane's: jobs over many dead letters.
pub const JOBS: &str = ":jobs";
/// Under this name in the place of a lane's: housekeeping.
pub const HOUSEKEEPING: &str = ":housekeeping";
/// Under this name in the place of a lane's: what stock does by itself.
pub const STOCK: &str = ":stock";
/// Before a till's name in the place of a lane's: reading its vendor's API.
pub const TILL: &str = ":till:";
/// Before a portal's name in the place of a lane's: looking after its application.
pub const APPLICATION: &str = ":application:";
/// The most orders that a search shows.
pub const FOUND: i64 = 200;
/// For how many seconds a trouble that is over is still shown.
const LATELY: f64 = 900.0;

/// What the overview shows beside the status.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The last hour by minute.
    pub minutes: Vec<Minute>,
    /// The order that waits longest, of each portal.
    pub oldest: Vec<WaitingOrder>,
    /// Conflicts that wait for a person.
    pub conflicts: Vec<WaitingConflicts>,
    /// Open dead letters.
    pub dead: Vec<DeadRow>,
    /// What was refused and is tried again.
    pub refused: Vec<Refused>,
    /// What the calls to the portals met lately.
    pub troubles: Vec<Trouble>,
}

impl Operations {
    /// What the overview shows beside the status.
    pub async fn overview(&self) -> Result<Overview, Error> {
        let shops = self.registry.shops.values();
        let names = |rules: &std::sync::Arc<crate::domain::ShopRules>| {
            (
                rules.portal.as_str().to_owned(),
                rules.shop.as_str().to_owned(),
            )
        };
        let (portals, shops): (Vec<_>, Vec<_>) = shops.map(names).unzip();
        let mut db = self.db.acquire().await?;
        Ok(Overview {
            minutes: overview::last_hour(&mut db).await?,
            oldest: overview::oldest(&mut db, &portals, &shops).await?,
            conflicts: incidents::conflicts(&mut db).await?,
            dead: incidents::dead(&mut db).await?,
            refused: incidents::refused(&mut db).await?,
            troubles: incidents::lately(&mut db, LATELY).await?,
        })
    }

    /// Orders by number, deal id, e-mail address or phone number; the newest without any words.
    pub async fn find_orders(&self, words: &str) -> Result<Vec<FoundRow>, Error> {
        let words = words.trim();
        let mut tx = self.db.begin().await?;
        if words.is_empty() {
            return Ok(search::newest(&mut tx, FOUND).await?);
        }
        let shops: Vec<String> = self
            .registry
            .shops
            .keys()
            .map(|shop| shop.as_str().to_owned())
            .collect();
        let deal = words.trim_start_matches('#').parse().ok();
        let found = search::by_number(&mut tx, &shops, words, deal, FOUND).await?;
        match search_keys::key_of_words(words) {
            Some(key) if found.is_empty() => Ok(search::by_contact(&mut tx, &[key], FOUND).await?),
            _ => Ok(found),
        }
    }

    /// Orders of a portal that were refused and are tried again.
    pub async fn refused_orders(&self, portal: &PortalName) -> Result<Vec<WaitingOrder>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(overview::refused(&mut db, portal.as_str(), 10).await?)
    }

    /// Changes that a shop refused and is told again.
    pub async fn refused_changes(&self, shop: &ShopName) -> Result<Vec<RefusedChange>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(incidents::refused_by(&mut db, shop.as_str(), 10).await?)
    }

    /// The newest decisions that changed something or asked somebody.
    pub async fn recent_decisions(&self, limit: i64) -> Result<Vec<Decided>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(overview::decisions(&mut db, limit).await?)
    }
}
