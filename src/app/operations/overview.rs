//! The overview of the console's first page, beside the use cases that everybody has.

use crate::{
    app::{Error, Operations},
    domain::{PortalName, ShopName},
    storage::views::{incidents, overview},
};

pub use crate::storage::views::{
    incidents::{
        DeadRow, IncidentRow as Incident, RefusedChange, RefusedRow as Refused, WaitingConflicts,
    },
    overview::{DecisionRow as Decided, WaitingOrder},
};

/// Under this name in the place of a lane's: taking up events from SQL.
pub const FROM_SQL: &str = ":sql";
/// Under this name in the place of a lane's: jobs over many dead letters.
pub const JOBS: &str = ":jobs";
/// Under this name in the place of a lane's: housekeeping.
pub const HOUSEKEEPING: &str = ":housekeeping";
/// Under this name in the place of a lane's: what stock does by itself.
pub const STOCK: &str = ":stock";
/// Under this name in the place of a lane's: taking up what 1C's files say of products.
pub const GOODS: &str = ":goods";
/// Before a till's name in the place of a lane's: reading its vendor's API.
pub const TILL: &str = ":till:";
/// Before a portal's name in the place of a lane's: looking after its application.
pub const APPLICATION: &str = ":application:";
/// For how many seconds an incident that is over is still shown.
const LATELY: f64 = 900.0;

/// What was settled in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// How many minutes ago: 0 to 59.
    pub ago: i64,
    /// How many events were done.
    pub done: i64,
    /// How many events became dead letters.
    pub dead: i64,
}

/// What the overview shows beside the status.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The last hour by minute; minutes in which nothing was settled are left out.
    pub minutes: Vec<Minute>,
    /// The order that waits longest, of each portal.
    pub oldest: Vec<WaitingOrder>,
    /// Conflicts that wait for a person.
    pub conflicts: Vec<WaitingConflicts>,
    /// The open dead letters, counted by reason.
    pub dead: Vec<DeadRow>,
    /// What was refused and is tried again.
    pub refused: Vec<Refused>,
    /// What the calls to the portals met lately.
    pub incidents: Vec<Incident>,
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
            minutes: self.minutes(&mut db).await?,
            oldest: overview::oldest(&mut db, &portals, &shops).await?,
            conflicts: incidents::conflicts(&mut db).await?,
            dead: incidents::dead(&mut db).await?,
            refused: incidents::refused(&mut db).await?,
            incidents: incidents::lately(&mut db, LATELY).await?,
        })
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

    /// The newest decisions that changed something or asked somebody: at most so many, with ids
    /// below `before`.
    pub async fn decisions(&self, before: Option<i64>, most: usize) -> Result<Vec<Decided>, Error> {
        let mut db = self.db.acquire().await?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Ok(overview::decisions(&mut db, before, most).await?)
    }
}
