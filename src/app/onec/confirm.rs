//! Confirmations: which answers reached 1C whole, and which orders it has confirmed.

use super::{Session, id_kind, prefixes};
use crate::{
    app::{Error, Onec},
    domain::happening::GoodsEvent,
    formats::onec::Base,
    storage::{
        OfferState,
        journal::{self, Line, LineKind},
        onec::{
            bases,
            offers::{self, Answer, By, ConfirmedRow, SentRow},
            pushes,
        },
    },
};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a request waits for the answer before it to be known as written or cut.
const SETTLING: Duration = Duration::from_secs(2);

/// What was offered in an answer.
#[derive(Debug, Clone)]
pub struct Offered {
    /// The base's name in the settings.
    pub base: String,
    /// Which query of which session.
    pub answer: Answer,
}

impl Onec {
    /// Waits until it is known what became of the answer before.
    pub(super) async fn settled(&self, session: &Session) -> Result<(), Error> {
        let until = Instant::now() + SETTLING;
        loop {
            let mut db = self.db.acquire().await?;
            let open = offers::unsettled(&mut db, session.id).await?;
            drop(db);
            if !open || Instant::now() > until {
                return Ok(());
            }
            sleep(Duration::from_millis(25)).await;
        }
    }

    /// `mode=success`: confirms exactly what was offered in the session; how many orders.
    pub async fn onec_success(&self, session: &Session) -> Result<u64, Error> {
        self.settled(session).await?;
        let mut tx = self.db.begin().await?;
        let confirmed = self.confirm_offers(&mut tx, session, By::Success).await?;
        tx.commit().await?;
        let base = session.base.name.as_str();
        self.metrics.onec_orders(base, "confirmed", confirmed);
        Ok(confirmed)
    }

    pub(super) async fn confirm_offers(
        &self,
        tx: &mut sqlx::PgConnection,
        session: &Session,
        by: By,
    ) -> Result<u64, Error> {
        let base = &session.base;
        let name = base.name.as_str();
        let sent = offers::confirm(&mut *tx, name, session.id, by).await?;
        self.has_orders(tx, base, &sent, Some(session.id)).await
    }

    /// A base has these orders, which the caller has locked: how many. Without a session
    /// they were pushed there.
    pub(super) async fn has_orders(
        &self,
        tx: &mut sqlx::PgConnection,
        base: &Base,
        sent: &[SentRow],
        session: Option<i64>,
    ) -> Result<u64, Error> {
        if sent.is_empty() {
            return Ok(0);
        }
        let name = base.name.as_str();
        let confirmed = offers::settle(&mut *tx, name, sent).await?;
        pushes::over(&mut *tx, name, sent).await?;
        let kind = id_kind(base.export.id);
        bases::exchanged(&mut *tx, name, kind, &prefixes(base)).await?;
        let many = confirmed.len() as u64;
        let line = |row: ConfirmedRow| Line {
            what: GoodsEvent::OnecTook {
                base: name.to_owned(),
                document: row.doc_number.unwrap_or_else(|| row.number.clone()),
            }
            .into(),
            shop: row.shop,
            number: row.number,
            kind: LineKind::Written,
            detail: Some(json!({"base": name, "session": session, "version": row.version})),
        };
        let lines: Vec<Line> = confirmed.into_iter().map(line).collect();
        journal::add(&mut *tx, &lines).await?;
        Ok(many)
    }

    /// The answer was written to its last byte.
    pub async fn onec_answer_written(&self, answer: Answer) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        offers::turn(&mut db, answer, OfferState::Offered, OfferState::Written).await?;
        Ok(())
    }

    /// The answer broke off: it was no offer.
    pub async fn onec_answer_cut(&self, offered: &Offered) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        let many = offers::cut(&mut db, offered.answer).await?;
        self.metrics.onec_orders(&offered.base, "cut", many);
        Ok(())
    }
}
