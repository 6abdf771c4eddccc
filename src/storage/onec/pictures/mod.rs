//! Pictures that 1C sent, by their names. Their bytes stay in the files in which they came.

use crate::storage::Error;
use sqlx::PgConnection;

/// A file whose pictures are to be looked at.
#[derive(Debug, Clone)]
pub struct FileToLookAt {
    /// The id under which its parts are kept.
    pub id: i64,
    /// Its name, as it is compared.
    pub name: String,
    /// How long it is by now.
    pub bytes: i64,
    /// Of a zip: at which of the files in it the looking goes on.
    pub looked: i32,
}

/// What a session sent so far is whole: its pictures are looked at now.
pub async fn look_now(db: &mut PgConnection, session: i64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_files SET look_at = now() WHERE session = $1 AND look_at > now()",
        session
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes the oldest file of a base whose pictures are to be looked at: nobody else gets it for a
/// minute. Files of orders hold none.
pub async fn take_file(db: &mut PgConnection, base: &str) -> Result<Option<FileToLookAt>, Error> {
    Ok(sqlx::query_as!(
        FileToLookAt,
        "UPDATE bridge.onec_files SET look_at = now() + interval '1 minute'
         WHERE id = (SELECT id FROM bridge.onec_files
                     WHERE base = $1 AND look_at <= now() AND kind <> 'sale'
                     ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id, name, bytes, looked",
        base
    )
    .fetch_optional(db)
    .await?)
}

/// The pictures in a file were looked at: all, or those before `more` in the zip, and the rest is
/// next; false: it has grown since, and is looked at anew.
pub async fn looked_at(
    db: &mut PgConnection,
    file: &FileToLookAt,
    more: Option<i32>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_files
         SET look_at = CASE WHEN $3::int IS NOT NULL THEN now() END, looked = coalesce($3, looked)
         WHERE id = $1 AND bytes = $2",
        file.id,
        file.bytes,
        more
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A picture in a file, or what stands under the name of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedAt {
    /// Its name, as it is compared.
    pub name: String,
    /// The last part of its name, in lower case.
    pub last_part: String,
    /// The file in which it is.
    pub file: i64,
    /// SHA-256 of it as hex, or why it cannot be taken.
    pub digest: Result<String, String>,
    /// Which file of the zip it is; none: the file itself.
    pub member: Option<i32>,
}

/// Stores pictures, each name once. What a newer file said stays; one that cannot be
/// taken does not take the place of one that can. The last parts of the names of which something
/// else is known now.
pub async fn store(
    db: &mut PgConnection,
    base: &str,
    all: &[LookedAt],
) -> Result<Vec<String>, Error> {
    let names: Vec<&str> = all.iter().map(|one| &*one.name).collect();
    let lasts: Vec<&str> = all.iter().map(|one| &*one.last_part).collect();
    let files: Vec<i64> = all.iter().map(|one| one.file).collect();
    let digest = |one: &LookedAt| one.digest.as_ref().ok().cloned();
    let digests: Vec<Option<String>> = all.iter().map(digest).collect();
    let fault = |one: &LookedAt| one.digest.as_ref().err().cloned();
    let faults: Vec<Option<String>> = all.iter().map(fault).collect();
    let members: Vec<Option<i32>> = all.iter().map(|one| one.member).collect();
    Ok(sqlx::query_scalar!(
        r#"WITH before AS MATERIALIZED (
               SELECT name, digest, fault FROM bridge.onec_pictures
               WHERE base = $1 AND name = ANY($2)
           ), stored AS (
               INSERT INTO bridge.onec_pictures AS p
                   (base, name, last_part, newest, digest, fault, file, member)
               SELECT $1, n.name, n.last_part, n.file, n.digest, n.fault,
                      CASE WHEN n.digest IS NOT NULL THEN n.file END, n.member
               FROM UNNEST($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[],
                           $7::int[]) AS n (name, last_part, file, digest, fault, member)
               ORDER BY n.name
               ON CONFLICT (base, name) DO UPDATE
               SET newest = excluded.newest, digest = coalesce(excluded.digest, p.digest),
                   fault = excluded.fault, came_at = now(),
                   file = CASE WHEN excluded.digest IS NOT NULL THEN excluded.file ELSE p.file END,
                   member = CASE WHEN excluded.digest IS NOT NULL THEN excluded.member
                            ELSE p.member END
               WHERE p.newest <= excluded.newest
               RETURNING name, last_part, digest, fault
           )
           SELECT s.last_part AS "last_part!" FROM stored s LEFT JOIN before b USING (name)
           WHERE b.name IS NULL OR (b.digest, b.fault) IS DISTINCT FROM (s.digest, s.fault)"#,
        base,
        &names as &[&str],
        &lasts as &[&str],
        &files,
        &digests as &[Option<String>],
        &faults as &[Option<String>],
        &members as &[Option<i32>]
    )
    .fetch_all(db)
    .await?)
}

/// Marks the products as not told to the catalogue yet that name files whose names end so; also
/// those that are just being told: what is told may be older.
pub async fn mark_products_due(
    db: &mut PgConnection,
    base: &str,
    last_parts: &[String],
) -> Result<(), Error> {
    sqlx::query!(
        r#"WITH naming AS MATERIALIZED (
               SELECT id FROM bridge.onec_products p
               WHERE base = $1 AND EXISTS (
                   SELECT FROM jsonb_array_elements_text(p.product -> 'pictures') AS n (name)
                   WHERE lower(regexp_replace(n.name, '^.*[/\\]', '')) = ANY($2))
               ORDER BY id FOR UPDATE)
           UPDATE bridge.onec_products p SET due = true FROM naming n
           WHERE p.base = $1 AND p.id = n.id"#,
        base,
        last_parts
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A picture as it is known by its name.
#[derive(Debug, Clone)]
pub struct SentRow {
    /// Its name, as it is compared.
    pub name: String,
    /// The last part of its name, in lower case.
    pub last_part: String,
    /// SHA-256 of the newest one that can be taken, as hex.
    pub digest: Option<String>,
    /// Why the newest one cannot be taken.
    pub fault: Option<String>,
}

/// The pictures of a base whose names end so, the newest first.
pub async fn ending(
    db: &mut PgConnection,
    base: &str,
    last_parts: &[String],
) -> Result<Vec<SentRow>, Error> {
    Ok(sqlx::query_as!(
        SentRow,
        "SELECT name, last_part, digest, fault FROM bridge.onec_pictures
         WHERE base = $1 AND last_part = ANY($2) ORDER BY newest DESC, name",
        base,
        last_parts
    )
    .fetch_all(db)
    .await?)
}

/// Where the bytes of a picture are.
#[derive(Debug, Clone)]
pub struct KeptPicture {
    /// The id under which the file's parts are kept.
    pub file: i64,
    /// How long the file is.
    pub bytes: i64,
    /// Which file of the zip it is; none: the file itself.
    pub member: Option<i32>,
}

/// Where the bytes of a base's picture are, by their SHA-256 as hex; none if they are kept no more.
pub async fn kept(
    db: &mut PgConnection,
    base: &str,
    digest: &str,
) -> Result<Option<KeptPicture>, Error> {
    Ok(sqlx::query_as!(
        KeptPicture,
        "SELECT f.id AS file, f.bytes, p.member FROM bridge.onec_pictures p
         JOIN bridge.onec_files f ON f.id = p.file
         WHERE p.base = $1 AND p.digest = $2 ORDER BY f.id DESC LIMIT 1",
        base,
        digest
    )
    .fetch_optional(db)
    .await?)
}

/// Forgets pictures of a base whose bytes are kept no more and that no product names, at most
/// `batch`.
pub async fn prune(db: &mut PgConnection, base: &str, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        r#"DELETE FROM bridge.onec_pictures WHERE base = $1 AND name IN (
               SELECT p.name FROM bridge.onec_pictures p
               WHERE p.base = $1 AND p.file IS NULL
                 AND p.came_at < now() - interval '1 day'
                 AND NOT EXISTS (
                     SELECT FROM bridge.onec_products o,
                         LATERAL jsonb_array_elements_text(o.product -> 'pictures') AS n (name)
                     WHERE o.base = $1
                       AND lower(regexp_replace(n.name, '^.*[/\\]', '')) = p.last_part)
               LIMIT $2)"#,
        base,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
