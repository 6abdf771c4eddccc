//! Sessions of the console. What opens one, and what a person may do in it, is the settings'
//! affair.

use crate::{
    app::{Actor, Error, Operations},
    domain::happening::Act,
    storage::{
        access::sessions::{self, SessionRow},
        journal,
    },
};
use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// A session that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The name under `[operators]`.
    pub operator: String,
    /// Digest of the operator's credentials when it was opened: another one now ends the session.
    pub stamp: Vec<u8>,
}

impl Operations {
    /// Opens a session under this token, which only the browser keeps.
    pub async fn open_session(
        &self,
        token: &str,
        session: &Session,
        life: Duration,
    ) -> Result<(), Error> {
        let row = SessionRow {
            operator: session.operator.clone(),
            stamp: session.stamp.clone(),
        };
        let who = Actor::new(format!("operator:{}", session.operator));
        let mut tx = self.db.begin().await?;
        sessions::open(&mut tx, &hash(token), &row, life.as_secs_f64()).await?;
        let act = Act::SignedIn;
        journal::audit(&mut tx, &who.0, &act, "console", &json!({})).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The session of this token, and the time, by which a page tells how long ago something was.
    pub async fn session(&self, token: &str) -> Result<Option<(Session, DateTime<Utc>)>, Error> {
        let mut db = self.db.acquire().await?;
        let row = sessions::find(&mut db, &hash(token)).await?;
        Ok(row.map(|row| {
            let (operator, stamp) = (row.operator, row.stamp);
            (Session { operator, stamp }, row.now)
        }))
    }

    /// Ends the session of this token.
    pub async fn close_session(&self, token: &str) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        Ok(sessions::close(&mut db, &hash(token)).await?)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
