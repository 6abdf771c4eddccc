//! Exchange sessions.

use crate::storage::{CataloguePart, Error, ExchangeKind};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An exchange session of a base, as it is stored.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The session's id: later ones have greater ones.
    pub id: i64,
    /// The base's name in the settings.
    pub base: String,
    /// The type that it was opened with.
    pub kind: ExchangeKind,
    /// The login of whoever exchanges.
    pub login: String,
    /// The version that is spoken; none: the client asked for none.
    pub version: Option<String>,
    /// Payments and shipments stand inside their orders.
    pub subordinate: bool,
    /// Which init it is in.
    pub round: i32,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
}

/// A session to be opened.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// SHA-256 of its token.
    pub token: &'a [u8],
    /// The base's name in the settings.
    pub base: &'a str,
    /// What is exchanged: the `type` of its requests.
    pub kind: ExchangeKind,
    /// The login of whoever exchanges.
    pub login: &'a str,
    /// How long it lasts without a request, in seconds.
    pub seconds: f64,
}

/// Opens a session; returns its id and the time by the bridge's clock.
pub async fn open(db: &mut PgConnection, new: &NewSession<'_>) -> Result<SessionRow, Error> {
    Ok(sqlx::query_as!(
        SessionRow,
        r#"INSERT INTO bridge.onec_sessions (token, base, kind, login, expires_at)
         VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))
         RETURNING id, base, kind AS "kind: ExchangeKind", login, version, subordinate, round,
                   started_at"#,
        new.token,
        new.base,
        new.kind.as_str(),
        new.login,
        new.seconds
    )
    .fetch_one(db)
    .await?)
}

/// The session with one of these tokens, which lasts on by this request.
pub async fn find(
    db: &mut PgConnection,
    base: &str,
    tokens: &[Vec<u8>],
    seconds: f64,
) -> Result<Option<SessionRow>, Error> {
    Ok(sqlx::query_as!(
        SessionRow,
        r#"UPDATE bridge.onec_sessions SET last_at = now(), shown = true,
         expires_at = now() + make_interval(secs => $3)
         WHERE id = (SELECT id FROM bridge.onec_sessions WHERE token = ANY($2) AND base = $1
           AND expires_at > now()
                     ORDER BY id DESC LIMIT 1)
         RETURNING id, base, kind AS "kind: ExchangeKind", login, version, subordinate, round,
                   started_at"#,
        base,
        tokens,
        seconds
    )
    .fetch_optional(db)
    .await?)
}

/// The newest session of a login that shows nothing but itself.
pub async fn find_by_login(
    db: &mut PgConnection,
    (base, kind, login): (&str, ExchangeKind, &str),
    seconds: f64,
) -> Result<Option<SessionRow>, Error> {
    Ok(sqlx::query_as!(
        SessionRow,
        r#"UPDATE bridge.onec_sessions SET last_at = now(),
         expires_at = now() + make_interval(secs => $4)
         WHERE id = (SELECT id FROM bridge.onec_sessions
                     WHERE base = $1 AND kind = $2 AND login = $3 AND expires_at > now()
                       AND NOT shown
                     ORDER BY id DESC LIMIT 1)
         RETURNING id, base, kind AS "kind: ExchangeKind", login, version, subordinate, round,
                   started_at"#,
        base,
        kind.as_str(),
        login,
        seconds
    )
    .fetch_optional(db)
    .await?)
}

/// An init: what is spoken from now on.
pub async fn init(
    db: &mut PgConnection,
    id: i64,
    version: Option<&str>,
    subordinate: bool,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_sessions
         SET round = round + 1, version = $2, subordinate = $3, catalogue_part = NULL,
             catalogue_shop = NULL, catalogue_after = NULL, catalogue_given = 0
         WHERE id = $1",
        id,
        version,
        subordinate
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A query asks for a version without an init.
pub async fn speak(
    db: &mut PgConnection,
    id: i64,
    version: &str,
    subordinate: bool,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_sessions SET version = $2, subordinate = $3 WHERE id = $1",
        id,
        version,
        subordinate
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The number of the next query, with the session locked until the transaction ends.
pub async fn next_batch(db: &mut PgConnection, id: i64) -> Result<i32, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE bridge.onec_sessions SET batch = batch + 1 WHERE id = $1 RETURNING batch",
        id
    )
    .fetch_one(db)
    .await?)
}

/// How far a session has given shops' products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CataloguePlace {
    /// What is given next.
    pub part: CataloguePart,
    /// The shop whose products are given next.
    pub shop: String,
    /// The last product that was given of that part, by its key; empty: none.
    pub after: String,
    /// How many of that part were given.
    pub given: i64,
}

/// How far a session has given shops' products; `None`: since its `init` nothing of them.
pub async fn catalogue(db: &mut PgConnection, id: i64) -> Result<Option<CataloguePlace>, Error> {
    let row = sqlx::query!(
        r#"SELECT catalogue_part AS "part: CataloguePart", catalogue_shop AS shop,
                  catalogue_after AS after, catalogue_given AS given
           FROM bridge.onec_sessions WHERE id = $1"#,
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(row.and_then(|row| {
        Some(CataloguePlace {
            part: row.part?,
            shop: row.shop?,
            after: row.after?,
            given: row.given,
        })
    }))
}

/// A session has given shops' products up to another place; false: it was not where it is said to
/// have been, as another request has moved it meanwhile.
pub async fn move_catalogue(
    db: &mut PgConnection,
    id: i64,
    from: Option<&CataloguePlace>,
    to: &CataloguePlace,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_sessions
         SET catalogue_part = $2, catalogue_shop = $3, catalogue_after = $4, catalogue_given = $5
         WHERE id = $1 AND catalogue_part IS NOT DISTINCT FROM $6
           AND catalogue_shop IS NOT DISTINCT FROM $7
           AND catalogue_after IS NOT DISTINCT FROM $8",
        id,
        to.part.as_str(),
        to.shop,
        to.after,
        to.given,
        from.map(|from| from.part.as_str()),
        from.map(|from| from.shop.as_str()),
        from.map(|from| from.after.as_str())
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A session as people look at it.
#[derive(Debug, Clone)]
pub struct SeenRow {
    /// The session's id: later ones have greater ones.
    pub id: i64,
    /// What is exchanged: the `type` of its requests.
    pub kind: ExchangeKind,
    /// The login of whoever exchanges.
    pub login: String,
    /// The version of the exchange that is spoken; none: the client asked for none.
    pub version: Option<String>,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// When its last request came.
    pub last_at: DateTime<Utc>,
    /// Orders offered in it.
    pub offered: i64,
    /// How many of these 1C has confirmed.
    pub confirmed: i64,
}

/// The newest sessions of a base.
pub async fn newest(db: &mut PgConnection, base: &str, limit: i64) -> Result<Vec<SeenRow>, Error> {
    Ok(sqlx::query_as!(
        SeenRow,
        r#"SELECT s.id, s.kind AS "kind: ExchangeKind", s.login, s.version, s.started_at, s.last_at,
                  (SELECT count(*) FROM bridge.onec_offers o WHERE o.session = s.id) AS "offered!",
                  (SELECT count(*) FROM bridge.onec_offers o WHERE o.session = s.id
                    AND o.state = 'confirmed') AS "confirmed!"
           FROM bridge.onec_sessions s WHERE s.base = $1 ORDER BY s.id DESC LIMIT $2"#,
        base,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Removes sessions that ended more than this many seconds ago, with what was offered in them.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let many = sqlx::query_scalar!(
        r#"WITH ended AS (
               DELETE FROM bridge.onec_sessions WHERE id IN (
                   SELECT id FROM bridge.onec_sessions
                   WHERE expires_at < now() - make_interval(secs => $1)
                   ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
               RETURNING id
           ), offers AS (
               DELETE FROM bridge.onec_offers o USING ended e WHERE o.session = e.id
           )
           SELECT count(*) AS "many!" FROM ended"#,
        older_than,
        batch
    )
    .fetch_one(&mut *db)
    .await?;
    // An earlier version removes sessions alone.
    sqlx::query!(
        "DELETE FROM bridge.onec_offers
         WHERE session < (SELECT min(id) FROM bridge.onec_sessions)"
    )
    .execute(db)
    .await?;
    Ok(u64::try_from(many).unwrap_or_default())
}
