//! The status report: whether everything flows.

use crate::{
    app::{
        APPLICATION, Actor, Error, FROM_SQL, GOODS, HOUSEKEEPING, JOBS, Operations, STOCK, TILL,
        delivery::portal_identity::PortalChange, intake::shop_notices::ShopNotice,
        registry::onec_lane_of, sync::compare::lane_of,
    },
    domain::{
        ErrorCode, Place, ShopRules,
        happening::{Act, Pause},
    },
    storage::{
        Settings, journal,
        queue::lanes::{self, LaneRow},
        settings,
        stock::shortages,
        views::{
            incidents::{self, IncidentRow},
            stats,
        },
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};
use utoipa::ToSchema;

/// The state of the whole bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatusReport {
    /// Every portal that is configured, with its lane.
    pub portals: Vec<PortalStatus>,
    /// Every shop that is configured.
    pub shops: Vec<ShopStatus>,
    /// Open dead letters by portal, shop and code.
    pub dead: Vec<DeadCount>,
    /// Shortages that wait for a person, of each stock that has some. They stand among the
    /// conflicts.
    pub shortages: Vec<ShortageCount>,
    /// Events from SQL that are not taken up yet.
    pub published: i64,
    /// Work that fails again and again.
    pub stuck: Vec<StuckTask>,
    /// What shops' systems send in place of orders.
    pub notices: Vec<ShopNotice>,
}

/// Work that fails again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Stuck)]
pub struct StuckTask {
    /// The lane; `:sql` for taking up events from SQL, `:jobs` for jobs over dead letters,
    /// `:housekeeping`; `:application:NAME` for looking after the application of a portal.
    pub lane: String,
    /// How often it failed since then.
    pub times: i64,
    /// When it first failed.
    pub since: DateTime<Utc>,
    /// What was said of the last failure.
    pub message: String,
    /// The stable code of why it fails.
    pub code: String,
}

/// What work that fails again and again may be told by.
const STUCK: [ErrorCode; 2] = [ErrorCode::Stuck, ErrorCode::TillUnread];

fn stuck_codes() -> Vec<String> {
    STUCK.map(|code| code.as_str().to_owned()).to_vec()
}

/// The state of one portal's lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PortalStatus {
    /// The portal's name in the settings.
    pub portal: String,
    /// Orders with events that are not settled yet.
    pub pending: i64,
    /// Age of the oldest that waits, in seconds; 0 if none does.
    pub oldest_seconds: i64,
    /// Dead letters of the portal that are open.
    pub dead: i64,
    /// Events done in the last hour.
    pub done_last_hour: i64,
    /// What the lane does now.
    pub state: LaneState,
    /// The process that holds the lane's lease; null if none does.
    pub owner: Option<String>,
    /// Until when that process holds the lease, unless it renews it.
    pub lease_until: Option<DateTime<Utc>>,
    /// Since when the lane is paused; null if it is not.
    pub paused_at: Option<DateTime<Utc>>,
    /// The code of what paused it; none if a person did.
    pub paused_code: Option<String>,
    /// Why it is paused, in one English sentence.
    pub paused_reason: Option<String>,
    /// The same as data: `kind` says what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_what: Option<Pause>,
    /// When it tries again by itself.
    pub resume_at: Option<DateTime<Utc>>,
    /// Failures of the portal in a row.
    pub failures: i32,
    /// Until when it goes at half its pace, because somebody else uses up the portal's request
    /// limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowered_until: Option<DateTime<Utc>>,
    /// That another portal, or an older state of it, was found lately under this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<PortalChange>,
}

/// What a lane does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LaneState {
    /// Driven by a worker.
    Running,
    /// No worker drives it.
    Idle,
    /// The portal is in trouble: tries again by itself.
    Waiting,
    /// Waits for a person.
    Paused,
}

/// The state of one shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShopStatus {
    /// The shop's name in the settings.
    pub shop: String,
    /// The portal that its orders go to.
    pub portal: String,
    /// Orders with events that are not settled yet.
    pub pending: i64,
    /// Age of the oldest that waits, in seconds; 0 if none does.
    pub oldest_seconds: i64,
    /// Dead letters of the shop that are open.
    pub dead: i64,
    /// Events done in the last hour.
    pub done_last_hour: i64,
    /// Changes of status that the shop was not told yet.
    pub untold: i64,
    /// Changes of status that the shop is not told: the message died, or was let go. Each is a
    /// difference.
    pub given_up: i64,
    /// Differences that wait for a person.
    pub conflicts: i64,
    /// What the lane of its callback does; none if the shop is not called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback: Option<LaneState>,
    /// Why that lane does not send, in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_reason: Option<String>,
    /// The same as data: `kind` says what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_what: Option<Pause>,
    /// The code of it; none if a person paused the lane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_code: Option<String>,
    /// When that lane tries again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_resume_at: Option<DateTime<Utc>>,
}

impl StuckTask {
    /// What its remedy is about.
    pub fn place(&self) -> Place<'_> {
        match self.lane.strip_prefix(TILL) {
            Some(till) => Place::till(till),
            None => Place::default(),
        }
    }

    /// What fails, in one sentence without its words.
    pub fn sentence(&self) -> String {
        let what = match self.lane.as_str() {
            FROM_SQL => "taking up events from SQL".to_owned(),
            JOBS => "working on jobs over dead letters".to_owned(),
            HOUSEKEEPING => "housekeeping".to_owned(),
            STOCK => "keeping stock".to_owned(),
            GOODS => "taking up products of 1C".to_owned(),
            lane => match (lane.strip_prefix(APPLICATION), lane.strip_prefix(TILL)) {
                (Some(portal), _) => format!("looking after the application of {portal}"),
                (_, Some(till)) => format!("reading the till {till}"),
                _ => format!("the lane {lane}"),
            },
        };
        let since = self.since.format("%Y-%m-%d %H:%M:%S UTC");
        format!("{what} fails again and again since {since}")
    }
}

impl From<IncidentRow> for StuckTask {
    fn from(row: IncidentRow) -> Self {
        Self {
            lane: row.lane,
            times: row.times,
            since: row.first_at,
            message: row.message,
            code: row.code,
        }
    }
}

/// How many letters are open for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadCount {
    /// The portal of these letters; null if it is not known.
    pub portal: Option<String>,
    /// The shop of these letters; null if it is not known.
    pub shop: Option<String>,
    /// The stable code that they share.
    pub code: String,
    /// How many letters are open.
    pub count: i64,
}

/// Shortages of one stock that wait for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShortageCount {
    /// The stock's name in the settings.
    pub stock: String,
    /// How many levels have less than is reserved.
    pub count: i64,
}

impl Operations {
    /// The state of everything.
    pub async fn status(&self) -> Result<StatusReport, Error> {
        let notices = self.intake.shop_notices().await?;
        let mut db = self.db.acquire().await?;
        let waiting = stats::waiting(&mut db).await?;
        let done = self.settled_lately(&mut db).await?;
        let dead = stats::dead(&mut db).await?;
        let lanes = lanes::all(&mut db).await?;
        let published = stats::published(&mut db).await?;
        let back = stats::back(&mut db).await?;
        let stuck = incidents::lasting(&mut db, &stuck_codes()).await?;
        let shortages = shortages::open_by_stock(&mut db).await?;
        let shortages = shortages.into_iter().filter(|(_, count)| *count > 0);
        let figures = Figures {
            waiting,
            done,
            dead,
            back,
        };
        let changes = self.delivery.portal_changes(&mut db).await?;
        let portals = self.registry.portals.iter().map(|portal| {
            let lane = lanes.iter().find(|lane| lane.portal == portal.as_str());
            PortalStatus {
                changed: changes.get(portal.as_str()).cloned(),
                ..figures.portal(portal.as_str(), lane)
            }
        });
        let shops = self
            .registry
            .shops
            .values()
            .map(|rules| self.shop_status(&figures, rules, &lanes));
        Ok(StatusReport {
            portals: portals.collect(),
            shops: shops.collect(),
            dead: figures.counts(),
            shortages: shortages
                .map(|(stock, count)| ShortageCount { stock, count })
                .collect(),
            published,
            stuck: stuck.into_iter().map(StuckTask::from).collect(),
            notices,
        })
    }

    /// Work that fails again and again.
    pub async fn stuck(&self) -> Result<Vec<StuckTask>, Error> {
        let mut db = self.db.acquire().await?;
        let stuck = incidents::lasting(&mut db, &stuck_codes()).await?;
        Ok(stuck.into_iter().map(StuckTask::from).collect())
    }

    fn shop_status(&self, figures: &Figures, rules: &ShopRules, lanes: &[LaneRow]) -> ShopStatus {
        let called = self
            .registry
            .two_way(rules.shop.as_str())
            .is_some_and(|two_way| two_way.callback);
        let name = lane_of(rules.shop.as_str());
        let lane = lanes.iter().find(|lane| lane.portal == name);
        ShopStatus {
            callback: called.then(|| state(lane)),
            callback_reason: lane.and_then(|lane| lane.paused_reason.clone()),
            callback_what: lane.and_then(LaneRow::pause),
            callback_code: lane.and_then(|lane| lane.paused_code.clone()),
            callback_resume_at: lane.and_then(|lane| lane.resume_at),
            ..figures.shop(rules)
        }
    }

    /// Stops a lane until somebody resumes it: a portal's by its name, a shop's callback by
    /// `shop:NAME`, a base's by `onec:NAME`.
    pub async fn pause_lane(&self, lane: &str, who: &Actor) -> Result<(), Error> {
        self.known(lane)?;
        let mut tx = self.db.begin().await?;
        lanes::pause(&mut tx, lane, &who.0).await?;
        let act = Act::LanePaused {
            lane: lane.to_owned(),
        };
        journal::audit(&mut tx, &who.0, &act, lane, &json!({})).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Lets a lane send again, at once.
    pub async fn resume_lane(&self, lane: &str, who: &Actor) -> Result<(), Error> {
        self.known(lane)?;
        let mut tx = self.db.begin().await?;
        lanes::resume(&mut tx, lane).await?;
        let act = Act::LaneResumed {
            lane: lane.to_owned(),
        };
        journal::audit(&mut tx, &who.0, &act, lane, &json!({})).await?;
        tx.commit().await?;
        self.waker.wake(lane);
        Ok(())
    }

    fn known(&self, lane: &str) -> Result<(), Error> {
        let registry = &self.registry;
        let known = registry
            .portals
            .iter()
            .any(|portal| portal.as_str() == lane)
            || registry
                .shops
                .keys()
                .any(|shop| lane_of(shop.as_str()) == lane)
            || registry
                .bases
                .values()
                .any(|base| base.push.is_some() && onec_lane_of(base.name.as_str()) == lane);
        known.then_some(()).ok_or(Error::NotFound)
    }
}

/// What the database counted.
struct Figures {
    waiting: Vec<stats::WaitingCount>,
    done: Vec<stats::SettledMinute>,
    dead: Vec<stats::DeadCountRow>,
    back: Vec<stats::ChangeBacklog>,
}

impl Figures {
    fn portal(&self, portal: &str, lane: Option<&LaneRow>) -> PortalStatus {
        let waiting = self.waiting.iter().filter(|row| row.portal == portal);
        let dead = self
            .dead
            .iter()
            .filter(|row| row.portal.as_deref() == Some(portal));
        let done = self.done.iter().filter(|row| row.portal == portal);
        PortalStatus {
            portal: portal.to_owned(),
            pending: waiting.clone().map(|row| row.pending).sum(),
            oldest_seconds: waiting.map(|row| row.oldest_seconds).max().unwrap_or(0),
            dead: dead.map(|row| row.count).sum(),
            done_last_hour: done.map(|row| row.done).sum(),
            state: state(lane),
            owner: lane.and_then(|lane| lane.owner.clone()),
            lease_until: lane.and_then(|lane| lane.lease_until),
            paused_at: lane.and_then(|lane| lane.paused_at),
            paused_code: lane.and_then(|lane| lane.paused_code.clone()),
            paused_reason: lane.and_then(|lane| lane.paused_reason.clone()),
            paused_what: lane.and_then(LaneRow::pause),
            resume_at: lane.and_then(|lane| lane.resume_at),
            failures: lane.map_or(0, |lane| lane.failures),
            lowered_until: lane.and_then(|lane| lane.lowered_until),
            changed: None,
        }
    }

    fn shop(&self, rules: &ShopRules) -> ShopStatus {
        let shop = rules.shop.as_str();
        let waiting = self.waiting.iter().filter(|row| row.shop == shop);
        let dead = self
            .dead
            .iter()
            .filter(|row| row.shop.as_deref() == Some(shop));
        let done = self.done.iter().filter(|row| row.shop == shop);
        ShopStatus {
            shop: shop.to_owned(),
            portal: rules.portal.as_str().to_owned(),
            pending: waiting.clone().map(|row| row.pending).sum(),
            oldest_seconds: waiting.map(|row| row.oldest_seconds).max().unwrap_or(0),
            dead: dead.map(|row| row.count).sum(),
            done_last_hour: done.map(|row| row.done).sum(),
            untold: self.back(shop).map_or(0, |back| back.untold),
            given_up: self.back(shop).map_or(0, |back| back.given_up),
            conflicts: self.back(shop).map_or(0, |back| back.conflicts),
            callback: None,
            callback_reason: None,
            callback_what: None,
            callback_code: None,
            callback_resume_at: None,
        }
    }

    fn back(&self, shop: &str) -> Option<&stats::ChangeBacklog> {
        self.back.iter().find(|row| row.shop == shop)
    }

    fn counts(self) -> Vec<DeadCount> {
        let count = |row: stats::DeadCountRow| DeadCount {
            portal: row.portal,
            shop: row.shop,
            code: row.code,
            count: row.count,
        };
        self.dead.into_iter().map(count).collect()
    }
}

fn state(lane: Option<&LaneRow>) -> LaneState {
    match lane {
        Some(lane) if lane.paused_at.is_some() && lane.resume_at.is_none() => LaneState::Paused,
        Some(lane) if lane.paused_at.is_some() => LaneState::Waiting,
        Some(lane) if lane.owner.is_some() => LaneState::Running,
        _ => LaneState::Idle,
    }
}

impl Operations {
    /// How the database server is set up.
    pub async fn database_settings(&self) -> Result<Settings, Error> {
        let mut db = self.db.acquire().await?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(settings(&mut db, now.as_secs_f64()).await?)
    }
}
