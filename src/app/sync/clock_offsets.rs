//! Offsets of the clocks of portals and shops from the clock that all processes of the bridge
//! share: the database's.

use crate::{
    app::{Error, Registry},
    clients::bitrix24::ServerTime,
    domain::{ClockOffset, Clocks, ErrorCode, ShopName},
    storage::{Reason, sync::clock_offsets, views::incidents},
};
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use sqlx::PgConnection;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// How often samples are stored.
const STORE_EVERY: Duration = Duration::from_secs(5);

/// Clocks as this process knows them.
#[derive(Debug, Default)]
struct KnownClocks(Mutex<BTreeMap<String, KnownClock>>);

#[derive(Debug, Clone, Default)]
struct KnownClock {
    offset: ClockOffset,
    loaded: bool,
    changed: bool,
    stored: Option<Instant>,
}

/// A shop among the systems that have clocks.
pub(in crate::app) fn of_shop(shop: &str) -> String {
    format!("shop:{shop}")
}

/// A portal among them.
fn of_portal(portal: &str) -> String {
    format!("portal:{portal}")
}

/// Offsets of clocks, as this process has measured or read them. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::app) struct ClockOffsets {
    registry: Arc<Registry>,
    known: Arc<KnownClocks>,
}

impl ClockOffsets {
    pub(in crate::app) fn new(registry: &Arc<Registry>) -> Self {
        Self {
            registry: Arc::clone(registry),
            known: Arc::default(),
        }
    }

    /// The same clocks, with what is configured newly.
    pub(in crate::app) fn renewed(&self, registry: &Arc<Registry>) -> Self {
        Self {
            registry: Arc::clone(registry),
            known: Arc::clone(&self.known),
        }
    }
}

impl KnownClocks {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, KnownClock>) -> T) -> T {
        act(&mut self.0.lock())
    }
}

impl ClockOffsets {
    /// A shop's event says when it was made; `received` is when it was accepted.
    pub(in crate::app) fn record_shop_clock(
        &self,
        shop: &str,
        made: DateTime<Utc>,
        received: DateTime<Utc>,
    ) {
        self.known.with(|known| {
            let clock = known.entry(of_shop(shop)).or_default();
            clock.offset.one_way(made, received);
            clock.changed = true;
        });
    }

    /// The portal told its time in an answer.
    pub(in crate::app) fn record_portal_clock(
        &self,
        portal: &str,
        heard: &ServerTime,
        now: DateTime<Utc>,
    ) {
        let ago = TimeDelta::from_std(heard.at.elapsed()).unwrap_or_default();
        let trip = TimeDelta::from_std(heard.round_trip).unwrap_or_default();
        let received = now - ago;
        self.known.with(|known| {
            let clock = known.entry(of_portal(portal)).or_default();
            clock
                .offset
                .two_way(received - trip, received, heard.remote, heard.step);
            clock.changed = true;
        });
    }

    /// The systems whose clocks decisions of a portal rest on.
    pub(in crate::app) fn clock_sources(&self, portal: &str) -> Vec<String> {
        let shops = self.registry.shops_of(portal).into_iter();
        std::iter::once(of_portal(portal))
            .chain(shops.map(|shop| of_shop(&shop)))
            .collect()
    }

    /// What this process has measured of a shop's clock.
    pub(in crate::app) fn shop_clock(&self, shop: &str) -> ClockOffset {
        self.known.with(|known| {
            let known = known.get(&of_shop(shop));
            known.map(|known| known.offset.clone()).unwrap_or_default()
        })
    }

    /// Both offsets, as far as they were measured.
    pub(in crate::app) fn clocks_of(&self, shop: &str, portal: &str) -> Clocks {
        self.known.with(|known| {
            let of = |system: String| {
                known
                    .get(&system)
                    .map(|k| k.offset.clone())
                    .unwrap_or_default()
            };
            Clocks::measured(&of(of_shop(shop)), &of(of_portal(portal)))
        })
    }

    /// What all processes have measured of a system's clock. What cannot be read is told as a
    /// trouble of the portal's lane with its table, column and key; the clock counts as one that
    /// was not measured, as a new one does, and what is heard of it from now on takes its place.
    pub(in crate::app) async fn stored(
        &self,
        db: &mut PgConnection,
        system: &str,
    ) -> Result<ClockOffset, Error> {
        let Some(stored) = clock_offsets::load(db, system).await? else {
            return Ok(ClockOffset::default());
        };
        let why = match stored.read_of("bridge.clocks", "samples", system) {
            Ok(offset) => return Ok(offset),
            Err(why) => why.to_string(),
        };
        let code = ErrorCode::Bug;
        tracing::error!(system, %code, why, "the clock is measured anew");
        let words = format!("{why}; the clock is measured anew");
        let reason = Reason::new(code, &words);
        incidents::note(db, &self.lane_of(system), reason, 1).await?;
        Ok(ClockOffset::default())
    }

    /// The lane that waits for decisions which rest on a system's clock.
    fn lane_of(&self, system: &str) -> String {
        let shop = system.strip_prefix("shop:").map(ShopName::parse);
        let shop = shop.and_then(Result::ok);
        let rules = shop.and_then(|shop| self.registry.rules(&shop));
        let name = system.split_once(':').map_or(system, |(_, name)| name);
        rules.map_or(name, |rules| rules.portal.as_str()).to_owned()
    }

    /// Reads what other processes have measured, once for each system.
    pub(in crate::app) async fn load_clocks(
        &self,
        db: &mut PgConnection,
        systems: &[String],
    ) -> Result<(), Error> {
        for system in systems {
            if self
                .known
                .with(|known| known.get(system).is_some_and(|k| k.loaded))
            {
                continue;
            }
            let before = self.stored(db, system).await?;
            self.known.with(|known| {
                let clock = known.entry(system.clone()).or_default();
                // What was measured meanwhile is put on top of what others knew.
                let newer = std::mem::replace(&mut clock.offset, before);
                clock.offset.add(newer);
                clock.loaded = true;
            });
        }
        Ok(())
    }

    /// Stores what was measured since a while.
    pub(in crate::app) async fn store_clocks(
        &self,
        db: &mut PgConnection,
        systems: &[String],
    ) -> Result<(), Error> {
        for system in systems {
            let due = self.known.with(|known| {
                let clock = known.get_mut(system)?;
                let old = clock
                    .stored
                    .is_none_or(|stored| stored.elapsed() >= STORE_EVERY);
                (clock.changed && old).then(|| {
                    clock.changed = false;
                    clock.stored = Some(Instant::now());
                    clock.offset.clone()
                })
            });
            if let Some(samples) = due {
                clock_offsets::save(db, system, &samples).await?;
            }
        }
        Ok(())
    }
}
