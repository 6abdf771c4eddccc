//! The journal: the timeline of orders, and the audit of people's acts.

use super::{Error, json::stored};
use crate::domain::{
    happening::{Act, Happening, Stored, Tell},
    words,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

words! {
    /// What kind of thing of an order's life it is: `bridge.timeline.kind`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum LineKind {
        /// It came in.
        Accepted = "accepted",
        /// Something newer stands for it.
        Superseded = "superseded",
        /// The other side has it.
        Written = "written",
        /// It was refused, and is tried again.
        Refused = "refused",
        /// A dead letter stands for it.
        Dead = "dead",
        /// A person had it tried again.
        Retried = "retried",
        /// A person let it go.
        Discarded = "discarded",
        /// What happened since has closed a dead letter.
        Overtaken = "overtaken",
        /// A difference of status and stage was decided.
        Decided = "decided",
        /// A difference waits for a person, or a person has spoken.
        Conflict = "conflict",
        /// Somebody moved the deal.
        Moved = "moved",
        /// The deal is gone, or back.
        Gone = "gone",
        /// What became of a message to the shop.
        Told = "told",
        /// Goods were held, shipped, sold or lost.
        Goods = "goods",
        /// Something else that is worth knowing.
        Note = "note",
    }
}

/// One thing of an order's life, on its way in.
#[derive(Debug, Clone)]
pub struct Line {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// What kind of thing it is.
    pub kind: LineKind,
    /// What happened, as data: its English sentence is stored beside it.
    pub what: Happening,
    /// What it refers to, and the times of all clocks.
    pub detail: Option<Value>,
}

/// Adds to orders' lives.
pub async fn add(db: &mut PgConnection, lines: &[Line]) -> Result<(), Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    let shops: Vec<&str> = lines.iter().map(|l| &*l.shop).collect();
    let numbers: Vec<&str> = lines.iter().map(|l| &*l.number).collect();
    let kinds: Vec<&str> = lines.iter().map(|l| l.kind.as_str()).collect();
    let sentence = |l: &Line| {
        let sentence = (!l.what.is_plain()).then(|| clean(&l.what.sentence()));
        sentence.unwrap_or_default()
    };
    let texts: Vec<String> = lines.iter().map(sentence).collect();
    let whats: Vec<Value> = lines.iter().map(|l| stored(&l.what)).collect();
    let details: Vec<Option<&Value>> = lines.iter().map(|l| l.detail.as_ref()).collect();
    sqlx::query!(
        "INSERT INTO bridge.timeline (shop, number, kind, text, detail, what)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[],
           $6::jsonb[])",
        &shops as &[&str],
        &numbers as &[&str],
        &kinds as &[&str],
        &texts,
        &details as &[Option<&Value>],
        &whats
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds to an order's life what does not stand there yet.
pub async fn add_once(db: &mut PgConnection, line: &Line) -> Result<bool, Error> {
    let told = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.timeline
                          WHERE shop = $1 AND number = $2 AND what = $3) AS "it!""#,
        line.shop,
        line.number,
        stored(&line.what)
    );
    if told.fetch_one(&mut *db).await? {
        return Ok(false);
    }
    add(db, std::slice::from_ref(line)).await?;
    Ok(true)
}

/// A sentence of an order's life.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When it happened, by the database's clock.
    pub at: DateTime<Utc>,
    /// What kind of thing.
    pub kind: String,
    /// What happened, in one sentence.
    pub text: String,
    /// The same as data; none in rows of earlier versions.
    pub what: Option<Stored<Happening>>,
    /// What it refers to, and the times of all clocks.
    pub detail: Option<Value>,
}

/// The newest sentences of an order, oldest first.
pub async fn of_order(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let mut entries = sqlx::query_as!(
        Entry,
        r#"SELECT at, kind, text, what AS "what: Stored<Happening>",
                  CASE WHEN text = '' AND kind = 'accepted'
                       THEN jsonb_build_object('event', what -> 'event',
                                               'shop_clock', detail -> 'shop_clock')
                       ELSE detail END AS detail
           FROM bridge.timeline
           WHERE shop = $1 AND number = $2 ORDER BY id DESC LIMIT $3"#,
        shop,
        number,
        limit
    )
    .fetch_all(db)
    .await?;
    entries.reverse();
    for entry in entries.iter_mut().filter(|entry| entry.text.is_empty()) {
        let what = entry.what.as_ref().and_then(Stored::known);
        entry.text = what.map(Tell::sentence).unwrap_or_default();
    }
    Ok(entries)
}

/// Puts an act of a person on record; `detail` has what else is to be known of it.
pub async fn audit(
    db: &mut PgConnection,
    actor: &str,
    act: &Act,
    target: &str,
    detail: &Value,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.audit (actor, action, target, detail, what)
         VALUES ($1, $2, $3, $4, $5)",
        actor,
        act.action(),
        target,
        detail,
        stored(act)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An act of a person.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// The id of the act: a later act has a greater one.
    pub id: i64,
    /// When it was done, by the database's clock.
    pub at: DateTime<Utc>,
    /// The person who acted, by name.
    pub actor: String,
    /// The act, as one word for filters.
    pub action: String,
    /// The thing that was acted on.
    pub target: String,
    /// The options that the person gave.
    pub detail: Value,
    /// The act as data; none in rows of earlier versions.
    pub what: Option<Stored<Act>>,
}

/// Acts of people with ids below `before`, the newest first; only of this actor, action and target
/// where given.
pub async fn audit_entries(
    db: &mut PgConnection,
    of: (Option<&str>, Option<&str>, Option<&str>),
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<AuditRow>, Error> {
    Ok(sqlx::query_as!(
        AuditRow,
        r#"SELECT id, at, actor, action, target, detail, what AS "what: Stored<Act>"
         FROM bridge.audit
         WHERE ($1::text IS NULL OR actor = $1) AND ($2::text IS NULL OR action = $2)
           AND ($3::text IS NULL OR target = $3)
           AND ($4::bigint IS NULL OR id < $4)
         ORDER BY id DESC LIMIT $5"#,
        of.0,
        of.1,
        of.2,
        before,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Removes sentences older than this many seconds, at most `batch`, the oldest first.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    // Ids grow with time, so the oldest are the lowest: no index on the time is needed.
    let done = sqlx::query!(
        "DELETE FROM bridge.timeline t USING (SELECT id, at FROM bridge.timeline ORDER BY id
           LIMIT $2) o
         WHERE t.id = o.id AND o.at < now() - make_interval(secs => $1)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Removes acts of people older than this many seconds, at most `batch`, the oldest first.
pub async fn prune_audit(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.audit a USING (SELECT id, at FROM bridge.audit ORDER BY id LIMIT $2) o
         WHERE a.id = o.id AND o.at < now() - make_interval(secs => $1)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
