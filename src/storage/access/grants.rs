//! Installations and authorisations that somebody told of, until they are judged.

use crate::storage::Error;
use sqlx::PgConnection;

/// One that is due.
#[derive(Debug, Clone)]
pub struct GrantRow {
    /// The grant's number: later ones have greater ones.
    pub id: i64,
    /// What the installation brought, encrypted by the vault.
    pub sealed: Vec<u8>,
    /// How often it was begun, this time included.
    pub tries: i32,
}

/// How many may wait at once.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// The most that wait of one portal, from wherever they came.
    pub of_portal: i64,
    /// Of a portal and from one source.
    pub of_source: i64,
}

/// Keeps one, unless too many wait already; what was judged more than a week ago goes. What an
/// operator began (without a source) always has a place.
pub async fn add(
    db: &mut PgConnection,
    portal: &str,
    source: Option<&str>,
    sealed: &[u8],
    most: Most,
) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "WITH old AS (DELETE FROM bridge.grants WHERE settled_at < now() - interval '7 days'),
              waiting AS (SELECT count(*) AS of_portal,
                                 count(*) FILTER (WHERE source = $3) AS of_source
                          FROM bridge.grants WHERE portal = $1 AND settled_at IS NULL
                            AND source IS NOT NULL)
         INSERT INTO bridge.grants (portal, sealed, source)
         SELECT $1, $2, $3::text FROM waiting WHERE $3 IS NULL OR of_portal < $4 AND of_source < $5
         RETURNING id",
        portal,
        sealed,
        source,
        most.of_portal,
        most.of_source
    )
    .fetch_optional(db)
    .await?)
}

/// Takes some that are due, for so long: after that another may take them. Those that an operator
/// began come first, then the newest of each source, then the second of each: whoever offers many
/// waits behind those who offer one.
pub async fn take(
    db: &mut PgConnection,
    portal: &str,
    seconds: f64,
    most: i64,
) -> Result<Vec<GrantRow>, Error> {
    Ok(sqlx::query_as!(
        GrantRow,
        r#"WITH ranked AS (
             SELECT id, source IS NULL AS begun, row_number() OVER (PARTITION BY source
               ORDER BY id DESC) AS rank
             FROM bridge.grants WHERE portal = $1 AND settled_at IS NULL AND due_at <= now()),
           chosen AS (
             SELECT g.id FROM bridge.grants g JOIN ranked r ON r.id = g.id
             WHERE g.settled_at IS NULL AND g.due_at <= now()
             ORDER BY r.begun DESC, r.rank, g.id DESC LIMIT $3 FOR UPDATE OF g SKIP LOCKED)
         UPDATE bridge.grants g SET due_at = now() + make_interval(secs => $2), tries = tries + 1
         FROM chosen WHERE g.id = chosen.id
         RETURNING g.id, sealed AS "sealed!", tries"#,
        portal,
        seconds,
        most
    )
    .fetch_all(db)
    .await?)
}

/// How many of a portal wait.
pub async fn waiting(db: &mut PgConnection, portal: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM bridge.grants WHERE portal = $1
             AND settled_at IS NULL"#,
        portal
    )
    .fetch_one(db)
    .await?)
}

/// Has it judged again after so long.
pub async fn later(db: &mut PgConnection, id: i64, seconds: f64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.grants SET due_at = now() + make_interval(secs => $2) WHERE id = $1
           AND settled_at IS NULL",
        id,
        seconds
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Puts other secrets in the place of those it came with.
pub async fn advance(db: &mut PgConnection, id: i64, sealed: &[u8]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.grants SET sealed = $2 WHERE id = $1 AND settled_at IS NULL",
        id,
        sealed
    )
    .execute(db)
    .await?;
    Ok(())
}

/// It is judged; the secrets go.
pub async fn settle(db: &mut PgConnection, id: i64, refused: Option<&str>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.grants SET settled_at = now(), sealed = NULL, due_at = NULL, refused = $2
         WHERE id = $1 AND settled_at IS NULL",
        id,
        refused
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What became of one: none while it waits, else why it was refused, if it was.
pub async fn outcome(db: &mut PgConnection, id: i64) -> Result<Option<Option<String>>, Error> {
    let row = sqlx::query!(
        r#"SELECT settled_at IS NOT NULL AS "settled!", refused FROM bridge.grants WHERE id = $1"#,
        id
    )
    .fetch_optional(db)
    .await?;
    Ok(row.filter(|row| row.settled).map(|row| row.refused))
}

/// Begins an authorisation in a browser; those that nobody finished go.
pub async fn begin(
    db: &mut PgConnection,
    portal: &str,
    state: &[u8],
    seconds: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "WITH old AS (DELETE FROM bridge.authorisations WHERE expires_at < now() - interval '1 day')
         INSERT INTO bridge.authorisations (state, portal, expires_at)
           VALUES ($2, $1, now() + make_interval(secs => $3))",
        portal,
        state,
        seconds
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether an authorisation with this state was begun and waits; the row is locked.
pub async fn begun(db: &mut PgConnection, portal: &str, state: &[u8]) -> Result<bool, Error> {
    let row = sqlx::query_scalar!(
        "SELECT true FROM bridge.authorisations
         WHERE state = $2 AND portal = $1 AND expires_at > now() AND grant_id IS NULL FOR UPDATE",
        portal,
        state
    )
    .fetch_optional(db)
    .await?;
    Ok(row.is_some())
}

/// What came back with this state.
pub async fn came_back(db: &mut PgConnection, state: &[u8], grant: i64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.authorisations SET grant_id = $2 WHERE state = $1",
        state,
        grant
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How far an authorisation is.
#[derive(Debug, Clone)]
pub struct AuthorizationRow {
    /// Whether it is too late to come back.
    pub over: bool,
    /// Whether something came back.
    pub came_back: bool,
    /// Whether that is judged.
    pub settled: bool,
    /// Why it was refused, if it was.
    pub refused: Option<String>,
}

/// How far the authorisation with this state is; none if nobody began it.
pub async fn follow(
    db: &mut PgConnection,
    portal: &str,
    state: &[u8],
) -> Result<Option<AuthorizationRow>, Error> {
    Ok(sqlx::query_as!(
        AuthorizationRow,
        r#"SELECT a.expires_at < now() AS "over!", a.grant_id IS NOT NULL AS "came_back!",
                  a.grant_id IS NOT NULL AND (g.id IS NULL
                    OR g.settled_at IS NOT NULL) AS "settled!", g.refused AS "refused?"
           FROM bridge.authorisations a LEFT JOIN bridge.grants g ON g.id = a.grant_id
           WHERE a.state = $2 AND a.portal = $1"#,
        portal,
        state
    )
    .fetch_optional(db)
    .await?)
}

/// The grant that came back with this state, if one did.
pub async fn of_state(db: &mut PgConnection, state: &[u8]) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT grant_id FROM bridge.authorisations WHERE state = $1",
        state
    )
    .fetch_optional(db)
    .await?
    .flatten())
}
