//! Lanes: who holds one, its pauses, its place in the portal's limit, and what is wrong with it.
//!
//! What is written for a lane is written only while the lease holds; times are in seconds. Leases
//! are taken, renewed and given back on connections of their own, many in one statement: none runs
//! out because whoever works has all connections.

pub(super) mod lane_waker;
mod news;

pub use crate::storage::queue::{
    due_lanes::LaneWork,
    lanes::{GivenBack, LaneFault, LaneRow, Lease, LeaseTerm},
};
use crate::{
    app::{Error, PERMIT_PATIENCE, Shared},
    domain::ErrorCode,
    storage::{
        self, Reason,
        queue::{due_lanes, lanes, processes, rate_permits, rate_state},
        views::incidents,
    },
};
pub use news::{News, NewsListener};
use sqlx::PgPool;
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

/// Connections for leases: leases are taken, renewed and given back, and the process says that it
/// lives, and none of these waits for another.
const LEASE_CONNECTIONS: u32 = 4;

/// What is woken in place of a lane, in every process, when a process has come or gone. No lane has
/// this name.
pub const PROCESSES: &str = "*";

/// The lanes, by name.
#[derive(Debug)]
pub struct Lanes {
    db: PgPool,
    leases: LeasePool,
}

/// The connections for leases alone; the same for all use cases over a database. They are opened
/// where lanes are driven, and nowhere else.
#[derive(Debug, Clone)]
pub(in crate::app) struct LeasePool {
    work: PgPool,
    own: Arc<OnceLock<PgPool>>,
}

impl LeasePool {
    pub(in crate::app) fn new(work: PgPool) -> Self {
        Self {
            work,
            own: Arc::default(),
        }
    }

    fn pool(&self) -> &PgPool {
        self.own
            .get_or_init(|| storage::beside(&self.work, LEASE_CONNECTIONS))
    }
}

/// What went wrong with a lane, and what is over.
#[derive(Debug, Default)]
pub struct Incidents {
    /// What is wrong: its code, what was said, and how often.
    pub notes: Vec<(ErrorCode, String, i64)>,
    /// The codes of the incidents that are over.
    pub over: Vec<ErrorCode>,
}

impl Lanes {
    pub(in crate::app) fn new(shared: &Shared) -> Self {
        Self {
            db: shared.db.clone(),
            leases: shared.leases.clone(),
        }
    }

    /// Takes those of these lanes for so many seconds that nobody else holds: `most` of them, the
    /// first first.
    pub async fn acquire(
        &self,
        lanes: &[String],
        most: usize,
        owner: &str,
        seconds: f64,
    ) -> Result<Vec<Lease>, Error> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut db = self.leases.pool().acquire().await?;
        Ok(lanes::acquire(&mut db, (lanes, most), owner, seconds).await?)
    }

    /// Lanes that were just taken begin: for how many seconds earlier owners have used up the limit
    /// of each. From now on it counts as full, should this owner die; and what earlier owners left
    /// open of incidents is over, as whatever lasts is met again. Left out are those that somebody
    /// else has by now.
    pub async fn begin(&self, terms: &[LeaseTerm]) -> Result<BTreeMap<String, f64>, Error> {
        let names = terms.iter().map(|term| term.lease.portal.clone());
        let (others, portals): (Vec<_>, Vec<_>) = names.partition(|lane| lane.contains(':'));
        let mut tx = self.leases.pool().begin().await?;
        let used = rate_state::take_over(&mut tx, terms).await?;
        let stuck = (&*others, ErrorCode::Stuck.as_str());
        incidents::over_of_taken(&mut tx, &portals, stuck).await?;
        tx.commit().await?;
        Ok(used.into_iter().collect())
    }

    /// Says that a process is alive for so many seconds, and by a fingerprint which lanes it knows.
    /// Returns the living processes that know the same, the oldest first.
    pub async fn attend(
        &self,
        owner: &str,
        lanes: &str,
        seconds: f64,
    ) -> Result<Vec<String>, Error> {
        let mut db = self.leases.pool().acquire().await?;
        processes::attend(&mut db, owner, Some(lanes), seconds).await?;
        Ok(processes::sharing(&mut db, lanes).await?)
    }

    /// A process ends, and takes no more lanes: the others may.
    pub async fn leave(&self, owner: &str) -> Result<(), Error> {
        let mut db = self.leases.pool().acquire().await?;
        Ok(processes::leave(&mut db, owner).await?)
    }

    /// Keeps lanes for so many seconds from now: returns those that are kept. Left out are those
    /// that somebody else has, and those whose row is locked.
    pub async fn renew_free(
        &self,
        terms: &[LeaseTerm],
        seconds: f64,
    ) -> Result<Vec<String>, Error> {
        let mut db = self.leases.pool().acquire().await?;
        Ok(lanes::renew_free(&mut db, terms, seconds).await?)
    }

    /// The lanes of these leases that nobody else has.
    pub async fn still_held(&self, leases: &[Lease]) -> Result<Vec<String>, Error> {
        let mut db = self.leases.pool().acquire().await?;
        Ok(lanes::still_held(&mut db, leases).await?)
    }

    /// Gives lanes back, so that others take over at once: returns those that are free. Left out
    /// are those that somebody else has, and those whose row is locked.
    pub async fn release_free(&self, given: &[GivenBack]) -> Result<Vec<String>, Error> {
        let mut db = self.leases.pool().acquire().await?;
        Ok(lanes::release_free(&mut db, given).await?)
    }

    /// How a lane stands; none if nobody ever held or paused it.
    pub async fn row(&self, lane: &str) -> Result<Option<LaneRow>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(lanes::one(&mut db, lane).await?)
    }

    /// Pauses a lane for as long as a fault says, and counts it.
    pub async fn fail(&self, lease: &Lease, fault: &LaneFault<'_>) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        lanes::fail(&mut db, lease, fault).await?;
        Ok(())
    }

    /// Stops a lane until somebody resumes it.
    pub async fn stop(&self, lease: &Lease, code: ErrorCode) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        Ok(lanes::stop(&mut db, lease, code.as_str(), code.sentence()).await?)
    }

    /// Ends a pause. Failures are forgotten only where the lane has recovered.
    pub async fn clear_pause(&self, lease: &Lease, recovered: bool) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        Ok(lanes::clear_pause(&mut db, lease, recovered).await?)
    }

    /// Puts on record that the lane goes at half the pace for so long.
    pub async fn lower_pace(&self, lease: &Lease, seconds: f64) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        Ok(lanes::slow_down(&mut db, lease, seconds).await?)
    }

    /// The place in the portal's limit that another process asked for first and still waits for.
    pub async fn next_permit(&self, lane: &str) -> Result<Option<i64>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(rate_permits::next(&mut db, lane, PERMIT_PATIENCE.as_secs_f64()).await?)
    }

    /// Gives that place, which was counted so long ago.
    pub async fn grant_permit(&self, lease: &Lease, id: i64, ago: f64) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        Ok(rate_permits::grant(&mut db, lease, id, ago).await?)
    }

    /// Writes down what is wrong with a lane, and what is over. Notes first: what is over again
    /// must have been there, or nobody would hear of it.
    pub async fn record(&self, lane: &str, incidents: &Incidents) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        for (code, words, times) in &incidents.notes {
            let words = words.replace('\0', " ");
            let reason = Reason::new(*code, &words);
            incidents::note(&mut tx, lane, reason, *times).await?;
        }
        if !incidents.over.is_empty() {
            let codes: Vec<String> = incidents.over.iter().map(ToString::to_string).collect();
            incidents::over(&mut tx, lane, Some(&codes)).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// What waits for a portal of these shops, due now or later.
    pub async fn work(&self, portal: &str, shops: &[String]) -> Result<LaneWork, Error> {
        let mut db = self.db.acquire().await?;
        Ok(due_lanes::work(&mut db, portal, shops).await?)
    }

    /// Those of these portals for which something is due; a portal with several shops stands there
    /// with each.
    pub async fn due_portals(&self, with_shops: &[(String, String)]) -> Result<Vec<String>, Error> {
        let (portals, shops): (Vec<_>, Vec<_>) = with_shops.iter().cloned().unzip();
        let mut db = self.db.acquire().await?;
        Ok(due_lanes::portals(&mut db, &portals, &shops).await?)
    }

    /// Those of these shops that are to be told something.
    pub async fn due_shops(&self, shops: &[String]) -> Result<Vec<String>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(due_lanes::shops(&mut db, shops).await?)
    }

    /// Those of these 1C bases to which something is to be pushed; a base with several shops stands
    /// there with each.
    pub async fn due_bases(&self, with_shops: &[(String, String)]) -> Result<Vec<String>, Error> {
        let (bases, shops): (Vec<_>, Vec<_>) = with_shops.iter().cloned().unzip();
        let mut db = self.db.acquire().await?;
        Ok(due_lanes::bases(&mut db, &bases, &shops).await?)
    }

    /// The portals of which other processes ask a place in the limit.
    pub async fn asked_for_places(&self) -> Result<Vec<String>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(due_lanes::asked_for_places(&mut db).await?)
    }

    /// Listens to what other processes say by NOTIFY.
    pub async fn listen(&self) -> Result<NewsListener, Error> {
        NewsListener::of(&self.db).await
    }
}
