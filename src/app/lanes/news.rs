//! News of other processes, by NOTIFY: a hint only, for whoever misses it looks by himself soon.

use crate::app::Error;
use sqlx::{PgPool, postgres::PgListener};

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A shop published events by SQL.
    Published,
    /// A process waits for a place in the limit of this portal.
    Permit(String),
    /// This lane has work.
    Lane(String),
}

/// A connection that listens.
#[derive(Debug)]
pub struct NewsListener(PgListener);

impl NewsListener {
    pub(in crate::app) async fn of(pool: &PgPool) -> Result<Self, Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener
            .listen_all(["bridge_lane", "bridge_published", "bridge_permit"])
            .await?;
        Ok(Self(listener))
    }

    /// Waits for news. After an error the connection is gone.
    pub async fn next(&mut self) -> Result<News, Error> {
        let news = self.0.recv().await?;
        let about = news.payload().to_owned();
        Ok(match news.channel() {
            "bridge_published" => News::Published,
            "bridge_permit" => News::Permit(about),
            _ => News::Lane(about),
        })
    }
}
