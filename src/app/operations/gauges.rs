//! The figures that only the database knows, shown to the meters.

use crate::{
    app::{Error, Operations, lane_of},
    domain::{ErrorCode, PortalName},
    process::telemetry::metrics::{Depth, StopReason},
    storage::{
        self, SchemaVersion,
        onec::orders,
        queue::lanes,
        stock::shortages,
        sync::inbox,
        views::{
            incidents::{self, IncidentRow},
            stats,
        },
    },
};
use chrono::{DateTime, Utc};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::timeout;

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(3);

impl Operations {
    /// The schema's version in the database, and the one that is needed.
    pub async fn schema_version(&self) -> Result<SchemaVersion, Error> {
        Ok(storage::schema_version(&self.db).await?)
    }

    /// When the portal last told of something.
    pub async fn last_notification(
        &self,
        portal: &PortalName,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(inbox::last(&mut db, portal.as_str()).await?)
    }

    /// Reads the figures anew. Without the database they keep their last values, and
    /// `bridge_database_up` says so; returns whether it answered.
    pub async fn refresh_gauges(&self) -> bool {
        let up = matches!(timeout(PATIENCE, self.read_figures()).await, Ok(Ok(())));
        let pool = &self.db;
        let most = pool.options().get_max_connections();
        self.metrics
            .database(up, pool.num_idle(), pool.size(), most);
        up
    }

    async fn read_figures(&self) -> Result<(), Error> {
        self.onec.take_up_onec(Duration::from_millis(500)).await?;
        let mut db = self.db.acquire().await?;
        let depths = stats::depths(&mut db).await?;
        let lanes = lanes::all(&mut db).await?;
        let dead = stats::dead(&mut db).await?;
        let conflicts = stats::open_conflicts(&mut db).await?;
        let shortages = shortages::open_by_stock(&mut db).await?;
        let back = stats::back(&mut db).await?;
        let published = stats::published(&mut db).await?;
        let waiting = orders::waiting_by_base(&mut db).await?;
        let broken = incidents::lasting(&mut db, &[ErrorCode::FormMapBroken.to_string()]).await?;
        let no_right = incidents::lasting(&mut db, &[ErrorCode::CatNoRight.to_string()]).await?;
        drop(db);
        let metrics = &self.metrics;
        let tills = self.intake.stock.unread_tills().await?;
        metrics.tills_unread(tills.iter().map(|(till, seconds)| (&**till, *seconds)));
        // A lane in which nothing waits has a depth, too: 0.
        let empty = self
            .registry
            .portals
            .iter()
            .filter(|portal| !depths.iter().any(|row| row.lane == portal.as_str()))
            .map(|portal| (portal.as_str(), "new", 0, 0.0));
        let found = depths
            .iter()
            .map(|row| (&*row.lane, &*row.state, row.count, row.oldest_seconds));
        metrics.depths(
            found
                .chain(empty)
                .map(|(lane, state, count, oldest_seconds)| Depth {
                    lane,
                    state,
                    count,
                    oldest_seconds,
                }),
        );
        for lane in &lanes {
            let stopped = lane.paused_at.map(|_| {
                if lane.paused_code.is_some() {
                    StopReason::Fault
                } else {
                    StopReason::Person
                }
            });
            metrics.lane(&lane.portal, stopped, lane.owner.is_some());
        }
        let undriven = self.registry.portals.iter();
        for portal in undriven.filter(|name| !lanes.iter().any(|row| row.portal == name.as_str())) {
            metrics.lane(portal.as_str(), None, false);
        }
        metrics.dead(dead.iter().map(|row| {
            let shop = row.shop.as_deref().unwrap_or_default();
            (shop, row.code.as_str(), row.count)
        }));
        metrics.conflicts(conflicts.iter().map(|row| (&*row.shop, row.count)));
        metrics.shortages_open(shortages.iter().map(|(stock, count)| (&**stock, *count)));
        let untold = |row: &stats::ChangeBacklog| {
            let shop = row.shop.clone();
            [
                (shop.clone(), "waiting", row.untold),
                (shop, "dead", row.given_up),
            ]
        };
        metrics.untold(back.iter().flat_map(untold));
        metrics.published(published);
        for base in self.registry.bases.keys() {
            let row = waiting.iter().find(|row| row.base == base.as_str());
            let (count, oldest) = row.map_or((0, 0.0), |row| (row.waiting, row.oldest_seconds));
            metrics.onec_waiting(base.as_str(), count, oldest);
        }
        self.read_held_back(&broken, &no_right);
        Ok(())
    }

    /// What a shop's forms lack, and what keeps products waiting.
    fn read_held_back(&self, broken: &[IncidentRow], no_right: &[IncidentRow]) {
        let metrics = &self.metrics;
        let catalogues = self.registry.catalogues.keys();
        let rules = catalogues.filter_map(|shop| self.registry.rules(shop));
        let with_products: BTreeSet<_> = rules.map(|rules| rules.portal.as_str()).collect();
        for portal in with_products {
            let held = no_right.iter().any(|row| row.lane == portal);
            metrics.products_held_back(portal, held);
        }
        let with_forms: BTreeSet<_> = self.registry.forms.keys().map(|(shop, _)| shop).collect();
        for shop in with_forms {
            let lane = lane_of(shop.as_str());
            let row = broken.iter().find(|row| row.lane == lane);
            // The words are the names of the forms.
            let count = row.map_or(0, |row| row.message.split(", ").count());
            metrics.forms_without_phones(shop.as_str(), count);
        }
    }
}
