//! Sessions, and logins that were verified a short while ago.

use crate::{
    app::{Error, Onec},
    formats::{commerceml::SchemaVersion, onec::Base},
    storage::{
        ExchangeKind,
        onec::{bases, sessions},
    },
};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long a verified login is remembered: 1C repeats it with each request.
const REMEMBERED: Duration = Duration::from_mins(5);
/// The most that are remembered.
const MOST: usize = 1_000;

/// Logins that were verified lately, by the digest of all that was shown.
#[derive(Debug, Default)]
pub struct Logins(Mutex<HashMap<[u8; 32], Instant>>);

impl Logins {
    /// The digest of a login for a base.
    pub fn digest(base: &str, login: &str, password: &str, hash: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [base, login, password, hash] {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    /// Whether it was verified lately.
    pub fn knows(&self, digest: &[u8; 32]) -> bool {
        let known = self.0.lock();
        known
            .get(digest)
            .is_some_and(|until| *until > Instant::now())
    }

    /// It was verified now.
    pub fn verified(&self, digest: [u8; 32]) {
        let now = Instant::now();
        let mut known = self.0.lock();
        if known.len() >= MOST {
            known.retain(|_, until| *until > now);
        }
        if known.len() < MOST {
            known.insert(digest, now + REMEMBERED);
        }
    }
}

/// An exchange session: from 1C's `checkauth` until it runs out.
#[derive(Debug, Clone)]
pub struct Session {
    /// The row's id in the database.
    pub id: i64,
    /// The base that exchanges in it.
    pub base: Arc<Base>,
    /// The type that it was opened with.
    pub kind: ExchangeKind,
    /// The user of 1C whose login and password opened it.
    pub login: String,
    /// The version that is spoken; none: the client asked for none.
    pub version: Option<SchemaVersion>,
    /// Payments and shipments stand inside their orders.
    pub subordinate: bool,
    /// Which init it is in.
    pub round: i32,
    /// When it was opened, by the database's clock.
    pub started_at: DateTime<Utc>,
}

impl Session {
    fn of(base: &Arc<Base>, row: sessions::SessionRow) -> Self {
        Self {
            id: row.id,
            base: Arc::clone(base),
            kind: row.kind,
            login: row.login,
            version: row.version.as_deref().and_then(SchemaVersion::parse),
            subordinate: row.subordinate,
            round: row.round,
            started_at: row.started_at,
        }
    }

    /// The version that is written: the old one for a client that asked for none.
    pub fn speaks(&self) -> SchemaVersion {
        self.base.version(self.version)
    }
}

fn seconds(base: &Base) -> f64 {
    base.session_ttl.as_secs_f64()
}

fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

impl Onec {
    /// Logins that were verified lately.
    pub fn onec_logins(&self) -> &Logins {
        &self.logins
    }

    /// Opens a session; returns it with its token: 32 hexadecimal digits, kept nowhere.
    pub async fn open_onec_session(
        &self,
        base: &Arc<Base>,
        kind: ExchangeKind,
        login: &str,
    ) -> Result<(Session, String), Error> {
        let random: [u8; 16] = rand::random();
        let token = hex::encode(random);
        let mut db = self.db.acquire().await?;
        bases::open(&mut db, base.name.as_str()).await?;
        let new = sessions::NewSession {
            token: &digest(&token),
            base: base.name.as_str(),
            kind,
            login,
            seconds: seconds(base),
        };
        let row = sessions::open(&mut db, &new).await?;
        Ok((Session::of(base, row), token))
    }

    /// The session that one of these tokens names, if it has not ended.
    pub async fn onec_session(
        &self,
        base: &Arc<Base>,
        tokens: &[String],
    ) -> Result<Option<Session>, Error> {
        let tokens: Vec<Vec<u8>> = tokens.iter().map(|token| digest(token)).collect();
        let mut db = self.db.acquire().await?;
        let name = base.name.as_str();
        let row = sessions::find(&mut db, name, &tokens, seconds(base)).await?;
        Ok(row.map(|row| Session::of(base, row)))
    }

    /// The newest session of a client that shows its login alone, with every request.
    pub async fn onec_session_of(
        &self,
        base: &Arc<Base>,
        kind: ExchangeKind,
        login: &str,
    ) -> Result<Option<Session>, Error> {
        let mut db = self.db.acquire().await?;
        let key = (base.name.as_str(), kind, login);
        let row = sessions::find_by_login(&mut db, key, seconds(base)).await?;
        Ok(row.map(|row| Session::of(base, row)))
    }

    /// An init: from now on this version is spoken. What was offered before is confirmed by a
    /// `success` alone.
    pub async fn init_onec_session(
        &self,
        session: &Session,
        asked: Option<SchemaVersion>,
        subordinate: bool,
    ) -> Result<SchemaVersion, Error> {
        let spoken = session.base.version(asked);
        let version = asked.map(|_| spoken.to_string());
        let mut db = self.db.acquire().await?;
        sessions::init(&mut db, session.id, version.as_deref(), subordinate).await?;
        Ok(spoken)
    }

    /// A query names a version of its own.
    pub async fn speak_onec_version(
        &self,
        session: &mut Session,
        asked: SchemaVersion,
        subordinate: bool,
    ) -> Result<(), Error> {
        let spoken = session.base.version(Some(asked));
        if session.version == Some(spoken) && session.subordinate == subordinate {
            return Ok(());
        }
        let mut db = self.db.acquire().await?;
        sessions::speak(&mut db, session.id, &spoken.to_string(), subordinate).await?;
        session.version = Some(spoken);
        session.subordinate = subordinate;
        Ok(())
    }
}
