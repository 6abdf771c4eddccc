//! The audit log: who did what by hand.

use crate::{
    app::{Error, Operations, page::page_size},
    domain::happening::{Act, Stored},
    storage::journal::{self, AuditRow},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Which acts to read; none means any.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only of this actor, such as `operator:anna`.
    pub actor: Option<String>,
    /// Only this act, such as `letter.discard`.
    pub action: Option<String>,
    /// Only to this thing.
    pub target: Option<String>,
    /// Only with ids below this: the `next` of the page before.
    pub before: Option<i64>,
    /// How many: at most 500; 0 means 50.
    pub limit: u32,
}

/// An act of a person.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AuditEntry {
    /// The entry's id: a later one has a greater id.
    pub id: i64,
    /// When it was done, by the database's clock.
    pub at: DateTime<Utc>,
    /// Who: `operator:NAME`, `shop:NAME`, `cli:USER`, or `bridge` by itself.
    pub actor: String,
    /// What, such as `letter.retry` or `portal.pause`.
    pub action: String,
    /// To what: a letter's or a job's id, a portal's name.
    pub target: String,
    /// With which options; never a secret.
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub detail: Value,
    /// The act as data: `kind` says what it is. None in rows of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Act>)]
    pub what: Option<Stored<Act>>,
}

/// A page of acts.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AuditPage {
    /// The acts, newest first.
    pub items: Vec<AuditEntry>,
    /// The `before` of the next page; none if this is the last.
    pub next: Option<i64>,
}

impl From<AuditRow> for AuditEntry {
    fn from(act: AuditRow) -> Self {
        Self {
            id: act.id,
            at: act.at,
            actor: act.actor,
            action: act.action,
            target: act.target,
            detail: act.detail,
            what: act.what,
        }
    }
}

impl Operations {
    /// What people did, the newest first.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<AuditPage, Error> {
        let limit = page_size(filter.limit);
        let of = (
            filter.actor.as_deref(),
            filter.action.as_deref(),
            filter.target.as_deref(),
        );
        let mut db = self.db.acquire().await?;
        let mut rows =
            journal::audit_entries(&mut db, of, filter.before, i64::from(limit) + 1).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| row.id);
        Ok(AuditPage {
            items: rows.into_iter().map(AuditEntry::from).collect(),
            next,
        })
    }
}
