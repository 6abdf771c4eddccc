//! Tokens of applications: sealed by the caller, versioned here. Nothing in these tables can be
//! used without the key.

use crate::storage::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// The tokens of a portal, as they lie there.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// Grows with each change: what renews tokens replaces only the version that it read.
    pub version: i64,
    /// The tokens, encrypted by the vault.
    pub sealed: Vec<u8>,
    /// `member_id`: the portal's identity, whatever its address; `None` until it is known.
    pub member_id: Option<String>,
    /// SHA-256 of the application token.
    pub application_token: Option<Vec<u8>>,
    /// When they were stored.
    pub stored_at: DateTime<Utc>,
    /// When the application was last installed, authorised or updated.
    pub installed_at: DateTime<Utc>,
    /// Why the portal refuses to renew them.
    pub refused_reason: Option<String>,
}

/// The tokens of a portal.
pub async fn get(db: &mut PgConnection, portal: &str) -> Result<Option<TokenRow>, Error> {
    Ok(sqlx::query_as!(
        TokenRow,
        "SELECT version, sealed, member_id, application_token, stored_at, installed_at,
                refused_reason
         FROM bridge.tokens WHERE portal = $1",
        portal
    )
    .fetch_optional(db)
    .await?)
}

/// What an installation or authorisation brings.
#[derive(Debug, Clone)]
pub struct Installation<'a> {
    /// The portal's name in the settings.
    pub portal: &'a str,
    /// The tokens, encrypted by the vault.
    pub sealed: &'a [u8],
    /// `member_id`: the portal's identity, whatever its address; `None` until it is known.
    pub member_id: Option<&'a str>,
    /// SHA-256 of the application token, if it came along.
    pub application_token: Option<&'a [u8]>,
    /// Whether the portal's identity may change by this.
    pub other_portal: bool,
}

/// Puts tokens in the place of whatever was there; false, and nothing happens, if the portal is
/// known by another identity and may not change it.
pub async fn install(db: &mut PgConnection, new: &Installation<'_>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO bridge.tokens AS t (portal, sealed, member_id, application_token)
           VALUES ($1, $2, $3, $4)
         ON CONFLICT (portal) DO UPDATE
         SET version = t.version + 1, sealed = excluded.sealed,
             member_id = coalesce(excluded.member_id, t.member_id),
             application_token = coalesce(excluded.application_token, t.application_token),
             stored_at = now(),
             installed_at = now(), refused_at = NULL, refused_reason = NULL, renewer = NULL,
             renewer_until = NULL
         WHERE t.member_id IS NULL OR t.member_id = excluded.member_id OR $5",
        new.portal,
        new.sealed,
        new.member_id,
        new.application_token,
        new.other_portal
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes the caller the one who renews these tokens, for so long; false if another does, or they
/// have changed since.
pub async fn claim(
    db: &mut PgConnection,
    portal: &str,
    version: i64,
    who: Uuid,
    seconds: f64,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.tokens SET renewer = $3, renewer_until = now() + make_interval(secs => $4)
         WHERE portal = $1 AND version = $2 AND (renewer IS NULL OR renewer_until <= now())",
        portal,
        version,
        who,
        seconds
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores renewed tokens in the place of that version; false if it has been replaced meanwhile.
pub async fn renewed(
    db: &mut PgConnection,
    portal: &str,
    version: i64,
    sealed: &[u8],
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.tokens
         SET version = version + 1, sealed = $3, stored_at = now(), refused_at = NULL,
             refused_reason = NULL,
             renewer = NULL, renewer_until = NULL
         WHERE portal = $1 AND version = $2",
        portal,
        version,
        sealed
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives the claim back; `refused`: these tokens cannot be renewed, and why.
pub async fn release(
    db: &mut PgConnection,
    portal: &str,
    version: i64,
    who: Uuid,
    refused: Option<&str>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.tokens
         SET renewer = NULL, renewer_until = NULL,
             refused_at = CASE WHEN $4::text IS NULL THEN refused_at
               ELSE now() END, refused_reason = coalesce($4, refused_reason)
         WHERE portal = $1 AND version = $2 AND renewer = $3",
        portal,
        version,
        who,
        refused
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Encrypts the same tokens anew; false if they have changed since.
pub async fn reseal(
    db: &mut PgConnection,
    portal: &str,
    version: i64,
    sealed: &[u8],
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.tokens SET sealed = $3 WHERE portal = $1 AND version = $2",
        portal,
        version,
        sealed
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes the secret that the portal is asked to send back.
pub async fn probe(db: &mut PgConnection, portal: &str, digest: &[u8]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.tokens SET probe = $2 WHERE portal = $1",
        portal,
        digest
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Learns the application token from who sends the secret back; false if it is not that secret. A
/// secret serves once.
pub async fn learn(
    db: &mut PgConnection,
    portal: &str,
    probe: &[u8],
    application_token: &[u8],
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.tokens SET application_token = $3, probe = NULL WHERE portal = $1
           AND probe = $2",
        portal,
        probe,
        application_token
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Has a lane that a fault paused try again at once.
pub async fn wake(db: &mut PgConnection, portal: &str) -> Result<(), Error> {
    sqlx::query!(
        "WITH woken AS (
             UPDATE bridge.lanes SET resume_at = now()
             WHERE portal = $1 AND paused_at IS NOT NULL AND paused_by IS NULL RETURNING portal)
         SELECT pg_notify('bridge_lane', portal) FROM woken",
        portal
    )
    .fetch_all(db)
    .await?;
    Ok(())
}

/// Who says that the application was updated.
#[derive(Debug, Clone, Copy)]
pub struct UpdateHint<'a> {
    /// SHA-256 of the application token that was shown.
    pub application_token: Option<&'a [u8]>,
    /// The `member_id` that was named.
    pub member_id: Option<&'a str>,
}

/// Notes a new version of the application, as an installation by which nothing but the handlers
/// changes. Without the known token, by the portal's identity alone, only where the last one is
/// five minutes ago. False if nothing was noted.
pub async fn updated(
    db: &mut PgConnection,
    portal: &str,
    hint: &UpdateHint<'_>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.tokens SET installed_at = now()
         WHERE portal = $1
           AND (application_token = $2
                OR member_id = $3 AND installed_at < now() - interval '5 minutes')",
        portal,
        hint.application_token,
        hint.member_id
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks the tokens of a removed application as refused; false if the application token is another.
pub async fn uninstalled(
    db: &mut PgConnection,
    portal: &str,
    application_token: &[u8],
    reason: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.tokens SET refused_at = now(), refused_reason = $3 WHERE portal = $1
           AND application_token = $2",
        portal,
        application_token,
        reason
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How a portal of an application stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one independent thing of the portal"
)]
pub struct PortalState {
    /// The portal's name in the settings.
    pub portal: String,
    /// Whether offers of tokens are due to be judged.
    pub offers: bool,
    /// Whether this process drives the portal's lane, and nothing holds the lane back.
    pub driven: bool,
    /// When the application was last installed or authorised; `None`: it has no tokens.
    pub installed_at: Option<DateTime<Utc>>,
    /// Whether the token of its notifications is known.
    pub hears: bool,
    /// Whether the portal refuses to renew its tokens.
    pub refused: bool,
}

/// How each of these portals stands, for a process that drives lanes under this name.
pub async fn states(
    db: &mut PgConnection,
    portals: &[String],
    owner: &str,
) -> Result<Vec<PortalState>, Error> {
    Ok(sqlx::query_as!(
        PortalState,
        r#"SELECT p.portal AS "portal!",
                  EXISTS (SELECT FROM bridge.grants g
                          WHERE g.portal = p.portal AND g.settled_at IS NULL
                            AND g.due_at <= now()) AS "offers!",
                  coalesce(l.owner = $2 AND l.lease_until > now() AND l.paused_at IS NULL, false)
                    AS "driven!",
                  t.installed_at AS "installed_at?",
                  t.application_token IS NOT NULL AS "hears!",
                  t.refused_reason IS NOT NULL AS "refused!"
           FROM unnest($1::text[]) AS p (portal)
           LEFT JOIN bridge.lanes l ON l.portal = p.portal
           LEFT JOIN bridge.tokens t ON t.portal = p.portal"#,
        portals,
        owner
    )
    .fetch_all(db)
    .await?)
}
