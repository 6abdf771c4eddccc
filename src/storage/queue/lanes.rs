//! Lanes: who may send to which portal, and whether anybody should.

use crate::{
    domain::happening::{Pause, Tell, Words},
    storage::Error,
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;

/// A held lease. Whoever settles shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The portal's name in the settings, or `shop:` and a shop's.
    pub portal: String,
    /// The worker that drives the lane.
    pub owner: String,
    /// The turn: grows with each change of owner.
    pub epoch: i64,
}

/// A lease as it is renewed.
#[derive(Debug, Clone)]
pub struct LeaseTerm {
    /// The lease that is to go on.
    pub lease: Lease,
    /// Seconds for which the portal's bucket counts as full, should its owner die.
    pub drains: f64,
}

/// Takes those of the lanes that are free, whose lease is over, or that are this owner's already:
/// `most` of them, the first first. Waits for no row: passes over those that somebody has locked,
/// as over those that another holds.
pub async fn acquire(
    db: &mut PgConnection,
    (lanes, most): (&[String], i64),
    owner: &str,
    seconds: f64,
) -> Result<Vec<Lease>, Error> {
    // The rows of lanes that nobody has ever held.
    sqlx::query!(
        "INSERT INTO bridge.lanes (portal)
         SELECT portal FROM unnest($1::text[]) AS wanted (portal)
         WHERE NOT EXISTS (SELECT FROM bridge.lanes l WHERE l.portal = wanted.portal)
         ORDER BY portal ON CONFLICT (portal) DO NOTHING",
        lanes
    )
    .execute(&mut *db)
    .await?;
    let taken = sqlx::query!(
        "WITH free AS (
             SELECT l.portal
             FROM unnest($1::text[]) WITH ORDINALITY AS wanted (portal, nth)
             JOIN bridge.lanes l USING (portal)
             WHERE l.owner IS NULL OR l.lease_until <= now() OR l.owner = $2
             ORDER BY nth LIMIT $4 FOR UPDATE OF l SKIP LOCKED)
         UPDATE bridge.lanes l
         SET owner = $2, epoch = l.epoch + 1, lease_until = now() + make_interval(secs => $3)
         FROM free WHERE l.portal = free.portal
         RETURNING l.portal, l.epoch",
        lanes,
        owner,
        seconds,
        most
    )
    .fetch_all(db)
    .await?;
    Ok(taken
        .into_iter()
        .map(|row| Lease {
            portal: row.portal,
            owner: owner.to_owned(),
            epoch: row.epoch,
        })
        .collect())
}

/// Makes leases of one owner hold longer, and counts each portal's bucket as full for as long as it
/// drains; returns the lanes. Waits for no row: passes over those that somebody has locked, as over
/// those that another has taken.
pub async fn renew_free(
    db: &mut PgConnection,
    terms: &[LeaseTerm],
    seconds: f64,
) -> Result<Vec<String>, Error> {
    let lanes: Vec<String> = terms.iter().map(|term| term.lease.portal.clone()).collect();
    let owners: Vec<String> = terms.iter().map(|term| term.lease.owner.clone()).collect();
    let epochs: Vec<i64> = terms.iter().map(|term| term.lease.epoch).collect();
    let drains: Vec<f64> = terms.iter().map(|term| term.drains).collect();
    Ok(sqlx::query_scalar!(
        "WITH free AS (
             SELECT l.portal, held.drains
             FROM unnest($1::text[], $2::text[], $3::bigint[], $4::float8[])
               AS held (portal, owner, epoch, drains)
             JOIN bridge.lanes l USING (portal, owner, epoch)
             FOR UPDATE OF l SKIP LOCKED)
         UPDATE bridge.lanes l
         SET lease_until = now() + make_interval(secs => $5),
             limit_until = greatest(limit_until, now() + make_interval(secs => free.drains))
         FROM free WHERE l.portal = free.portal
         RETURNING l.portal",
        &lanes,
        &owners,
        &epochs,
        &drains,
        seconds
    )
    .fetch_all(db)
    .await?)
}

/// Those of these lanes that are still held by these leases, locked or not.
pub async fn still_held(db: &mut PgConnection, leases: &[Lease]) -> Result<Vec<String>, Error> {
    let lanes: Vec<String> = leases.iter().map(|lease| lease.portal.clone()).collect();
    let owners: Vec<String> = leases.iter().map(|lease| lease.owner.clone()).collect();
    let epochs: Vec<i64> = leases.iter().map(|lease| lease.epoch).collect();
    Ok(sqlx::query_scalar!(
        "SELECT l.portal
         FROM unnest($1::text[], $2::text[], $3::bigint[]) AS held (portal, owner, epoch)
         JOIN bridge.lanes l USING (portal, owner, epoch)",
        &lanes,
        &owners,
        &epochs
    )
    .fetch_all(db)
    .await?)
}

/// A lane as it is given back.
#[derive(Debug, Clone)]
pub struct GivenBack {
    /// The lease that ends.
    pub lease: Lease,
    /// Seconds for which the portal's limit is still used up; none: not known, it counts as full.
    pub used: Option<f64>,
}

/// Gives lanes back, and wakes whoever waits for them; returns the lanes. Waits for no row: passes
/// over those that somebody has locked, as over those that another has taken.
pub async fn release_free(
    db: &mut PgConnection,
    given: &[GivenBack],
) -> Result<Vec<String>, Error> {
    let lanes: Vec<String> = given.iter().map(|one| one.lease.portal.clone()).collect();
    let owners: Vec<String> = given.iter().map(|one| one.lease.owner.clone()).collect();
    let epochs: Vec<i64> = given.iter().map(|one| one.lease.epoch).collect();
    let used: Vec<Option<f64>> = given.iter().map(|one| one.used).collect();
    Ok(sqlx::query_scalar!(
        r#"WITH free AS (
             SELECT l.portal, given.used
             FROM unnest($1::text[], $2::text[], $3::bigint[], $4::float8[])
               AS given (portal, owner, epoch, used)
             JOIN bridge.lanes l USING (portal, owner, epoch)
             FOR UPDATE OF l SKIP LOCKED),
         gone AS (
             UPDATE bridge.lanes l
             SET owner = NULL, lease_until = NULL,
                 limit_until = coalesce(now() + make_interval(secs => free.used), limit_until)
             FROM free WHERE l.portal = free.portal RETURNING l.portal)
         SELECT portal AS "portal!"
         FROM gone, LATERAL (SELECT pg_notify('bridge_lane', portal)) AS t"#,
        &lanes,
        &owners,
        &epochs,
        &used as &[Option<f64>]
    )
    .fetch_all(db)
    .await?)
}

/// Locks the lane for settling.
pub async fn fence(db: &mut PgConnection, lease: &Lease) -> Result<(), Error> {
    let held = sqlx::query_scalar!(
        "SELECT true FROM bridge.lanes WHERE portal = $1 AND owner = $2 AND epoch = $3 FOR UPDATE",
        lease.portal,
        lease.owner,
        lease.epoch
    )
    .fetch_optional(db)
    .await?;
    held.map(|_| ()).ok_or(Error::LeaseLost)
}

/// A lane: who drives it, and whether and why it is paused.
#[derive(Debug, Clone)]
pub struct LaneRow {
    /// The portal's name in the settings, or `shop:` and a shop's.
    pub portal: String,
    /// Who drives it, if the lease holds.
    pub owner: Option<String>,
    /// When the lease ends, unless it is renewed.
    pub lease_until: Option<DateTime<Utc>>,
    /// Since when it is paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// The code of the fault that paused it.
    pub paused_code: Option<String>,
    /// Who paused it: a person, or `bridge` for good; none if a fault did for a while.
    pub paused_by: Option<String>,
    /// Why, in one sentence.
    pub paused_reason: Option<String>,
    /// When it tries again by itself.
    pub resume_at: Option<DateTime<Utc>>,
    /// Failures in a row.
    pub failures: i32,
    /// Seconds until it tries again by itself.
    pub resume_in: Option<f64>,
    /// Until when it goes at half its pace, if it does.
    pub lowered_until: Option<DateTime<Utc>>,
}

impl LaneRow {
    /// For how long it rests from now, looked at again after `longest` at most; zero: the time of
    /// its pause is over. None: it does not rest.
    pub fn rests_for(&self, longest: Duration) -> Option<Duration> {
        self.paused_at?;
        Some(self.resume_in.map_or(longest, |seconds| {
            Duration::from_secs_f64(seconds.clamp(0.0, 3600.0)).min(longest)
        }))
    }

    /// Why it rests; none if it does not.
    pub fn pause(&self) -> Option<Pause> {
        self.paused_at?;
        Some(match (&self.paused_by, &self.paused_code) {
            (Some(who), None) => Pause::ByPerson { who: who.clone() },
            _ => Pause::ByFault {
                words: Words(self.paused_reason.clone().unwrap_or_default()),
            },
        })
    }
}

/// Every lane that was ever driven or paused.
pub async fn all(db: &mut PgConnection) -> Result<Vec<LaneRow>, Error> {
    Ok(sqlx::query_as!(
        LaneRow,
        r#"SELECT portal, CASE WHEN lease_until > now() THEN owner END AS owner, lease_until,
                  paused_at, paused_code, paused_by,
                  paused_reason, resume_at, failures, extract(epoch
                    FROM resume_at - now())::float8 AS resume_in,
                  CASE WHEN lowered_until > now() THEN lowered_until END AS lowered_until
           FROM bridge.lanes ORDER BY portal"#
    )
    .fetch_all(db)
    .await?)
}

/// One lane by its name; `None` if nobody has driven or paused it yet.
pub async fn one(db: &mut PgConnection, portal: &str) -> Result<Option<LaneRow>, Error> {
    Ok(sqlx::query_as!(
        LaneRow,
        r#"SELECT portal, CASE WHEN lease_until > now() THEN owner END AS owner, lease_until,
                  paused_at, paused_code, paused_by,
                  paused_reason, resume_at, failures, extract(epoch
                    FROM resume_at - now())::float8 AS resume_in,
                  CASE WHEN lowered_until > now() THEN lowered_until END AS lowered_until
           FROM bridge.lanes WHERE portal = $1"#,
        portal
    )
    .fetch_optional(db)
    .await?)
}

/// The lane goes at half its pace for so many seconds.
pub async fn slow_down(db: &mut PgConnection, lease: &Lease, seconds: f64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.lanes SET lowered_until = now() + make_interval(secs => $4)
         WHERE portal = $1 AND owner = $2 AND epoch = $3",
        lease.portal,
        lease.owner,
        lease.epoch,
        seconds
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Why a lane stops sending.
#[derive(Debug, Clone)]
pub struct LaneFault<'a> {
    /// The code of the fault, as in the runbook.
    pub code: &'a str,
    /// Why, in one sentence.
    pub reason: &'a str,
    /// Seconds until it tries again.
    pub resume_in: f64,
}

/// Pauses a lane because of a fault, unless a person has paused it; returns the failures in a row.
/// Nothing happens without the lease.
pub async fn fail(
    db: &mut PgConnection,
    lease: &Lease,
    fault: &LaneFault<'_>,
) -> Result<Option<i32>, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE bridge.lanes
         SET paused_at = coalesce(paused_at, now()), paused_code = $4, paused_reason = $5,
             resume_at = now() + make_interval(secs => $6), failures = failures + 1
         WHERE portal = $1 AND owner = $2 AND epoch = $3 AND paused_by IS NULL
         RETURNING failures",
        lease.portal,
        lease.owner,
        lease.epoch,
        fault.code,
        fault.reason,
        fault.resume_in
    )
    .fetch_optional(db)
    .await?)
}

/// Stops a lane because of a fault that only a person can mend.
pub async fn stop(
    db: &mut PgConnection,
    lease: &Lease,
    code: &str,
    reason: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.lanes
         SET paused_at = now(), paused_by = 'bridge', paused_code = $4, paused_reason = $5,
             resume_at = NULL
         WHERE portal = $1 AND owner = $2 AND epoch = $3",
        lease.portal,
        lease.owner,
        lease.epoch,
        code,
        reason
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends a pause that a fault made; `recovered` also forgets the failures.
pub async fn clear_pause(
    db: &mut PgConnection,
    lease: &Lease,
    recovered: bool,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.lanes
         SET paused_at = NULL, paused_code = NULL, paused_reason = NULL, resume_at = NULL,
             failures = CASE WHEN $4 THEN 0 ELSE failures END
         WHERE portal = $1 AND owner = $2 AND epoch = $3 AND paused_by IS NULL",
        lease.portal,
        lease.owner,
        lease.epoch,
        recovered
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Pauses a lane until a person resumes it.
pub async fn pause(db: &mut PgConnection, portal: &str, who: &str) -> Result<(), Error> {
    let reason = Pause::ByPerson {
        who: who.to_owned(),
    };
    let reason = reason.sentence();
    sqlx::query!(
        "INSERT INTO bridge.lanes (portal, paused_at, paused_by, paused_reason)
         VALUES ($1, now(), $2, $3)
         ON CONFLICT (portal) DO UPDATE
         SET paused_at = now(), paused_by = excluded.paused_by,
             paused_reason = excluded.paused_reason, paused_code = NULL,
             resume_at = NULL",
        portal,
        who,
        reason
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends any pause, whoever began it, and forgets the failures in a row.
pub async fn resume(db: &mut PgConnection, portal: &str) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.lanes
         SET paused_at = NULL, paused_by = NULL, paused_code = NULL, paused_reason = NULL,
             resume_at = NULL, failures = 0
         WHERE portal = $1",
        portal
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Tells every process that a lane has work.
pub async fn notify(db: &mut PgConnection, portal: &str) -> Result<(), Error> {
    sqlx::query!("SELECT pg_notify('bridge_lane', $1)", portal)
        .fetch_one(db)
        .await?;
    Ok(())
}
