//! Events that shops publish by SQL: they are taken up here, and what cannot be accepted is kept,
//! for nobody waits for an answer.

use super::{accept, event_reader::Rejection, subject_events::ReadSubject};
use crate::{
    app::{
        Accepted, Error, Intake,
        delivery::dead_letter::clean,
        stock::{Teller, events::is_goods},
    },
    domain::{ErrorCode, Faults, MOST_FAULTS, OrderNumber, ShopName, shorten},
    process::bug::{self, Step},
    storage::{
        Json, PublishedOutcome,
        dead_letters::{self, RejectedEvent},
        intake::sql_events::{self, NamedShop, SqlEvent},
        queue::outbox::NewEvent,
        storable,
    },
};
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// The most events that are taken up in one transaction.
const BATCH: i64 = 500;

impl Intake {
    /// Takes up the oldest events from SQL with the checks that HTTP makes; what cannot be accepted
    /// becomes a dead letter. Returns how many were taken up; 0 also while another process does it.
    pub async fn ingest_sql_events(&self) -> Result<usize, Error> {
        match self.ingest_batch(BATCH).await {
            Err(error) if error.is_of_the_row() => self.ingest_each().await,
            taken => taken,
        }
    }

    /// Takes events up one by one, after one of them failed together with the others: the fault is
    /// its own.
    async fn ingest_each(&self) -> Result<usize, Error> {
        let mut sum = 0;
        for _ in 0..BATCH {
            let taken = match self.ingest_batch(1).await {
                Err(error) if error.is_of_the_row() => self.dead_letter_next(&error).await?,
                taken => taken?,
            };
            if taken == 0 {
                break;
            }
            sum += taken;
        }
        Ok(sum)
    }

    /// Takes up some in one transaction; all of them or none.
    async fn ingest_batch(&self, most: i64) -> Result<usize, Error> {
        bug::caught_in(Box::pin(self.ingest_in_transaction(most))).await?
    }

    async fn ingest_in_transaction(&self, most: i64) -> Result<usize, Error> {
        let mut tx = self.db.begin().await?;
        let rows = sql_events::take(&mut tx, most).await?;
        if rows.is_empty() {
            // At once and not some time after the drop: the transaction may hold the lock that
            // others try.
            tx.rollback().await?;
            return Ok(0);
        }
        let (of_stock, of_orders): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|row| row.event.value().is_ok_and(is_goods));
        let mut count = of_stock.len();
        for row in &of_stock {
            let outcome = self.take_stock_event(&mut tx, row).await?;
            sql_events::taken(&mut tx, &[row.id], &[outcome]).await?;
        }
        let (of_subjects, rows): (Vec<_>, Vec<_>) = of_orders
            .into_iter()
            .partition(|row| row.event.value().is_ok_and(ReadSubject::is));
        let mut woken = BTreeSet::new();
        count += of_subjects.len();
        for row in &of_subjects {
            let outcome = self.take_subject(&mut tx, row, &mut woken).await?;
            sql_events::taken(&mut tx, &[row.id], &[outcome]).await?;
        }
        count += rows.len();
        let mut read: Vec<_> = rows
            .iter()
            .map(|row| self.read_stored(&row.event))
            .collect();
        if self.registry.shops.len() > 1 {
            refuse_strangers(&mut tx, &rows, &mut read).await?;
        }
        let good: Vec<&NewEvent> = read
            .iter()
            .filter_map(|event| event.as_ref().ok())
            .collect();
        for event in &good {
            self.traps.step(Step::TakeUp, &event.event_id);
        }
        let results = accept::store(self, &mut tx, &good).await?;
        let mut stored = good.iter().zip(&results.results);
        let mut outcomes = Vec::with_capacity(rows.len());
        for (row, event) in rows.iter().zip(&read) {
            let outcome = match event {
                Err(rejection) => self.dead_letter_sql_event(&mut tx, row, rejection).await?,
                Ok(_) => match stored.next() {
                    Some((event, Accepted::Conflict)) => {
                        dead_letter_conflict(&mut tx, row, event).await?
                    }
                    Some((_, Accepted::Duplicate)) => PublishedOutcome::Duplicate,
                    _ => PublishedOutcome::Queued,
                },
            };
            outcomes.push(outcome);
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        sql_events::taken(&mut tx, &ids, &outcomes).await?;
        tx.commit().await?;
        self.wake_lanes(&good, &results);
        for portal in woken {
            self.waker.wake(&portal);
        }
        for result in &results.results {
            self.metrics.accepted(result.word());
        }
        Ok(count)
    }

    /// Takes up an event about a product or an activity; what cannot be accepted becomes a dead
    /// letter.
    async fn take_subject(
        &self,
        tx: &mut PgConnection,
        row: &SqlEvent,
        woken: &mut BTreeSet<String>,
    ) -> Result<PublishedOutcome, Error> {
        let read = match row.event.value() {
            Ok(value) => self.read_subject(None, value),
            Err(why) => Err(Rejection::by_bridge(why)),
        };
        let event = match read {
            Ok(event) if self.registry.shops.len() > 1 => {
                let may = sql_events::may(tx, &[&row.published_by], &[event.shop()]).await?;
                if may.first() == Some(&true) {
                    Ok(event)
                } else {
                    Err(Rejection::of_stranger(&row.published_by, event.shop()))
                }
            }
            read => read,
        };
        let event = match event {
            Ok(event) => event,
            Err(rejection) => return self.dead_letter_sql_event(tx, row, &rejection).await,
        };
        let stored = self.store_subject(tx, &event).await?;
        self.metrics.accepted(stored.word());
        match stored {
            Accepted::Queued => {
                woken.insert(event.portal().to_owned());
                Ok(PublishedOutcome::Queued)
            }
            Accepted::Duplicate => Ok(PublishedOutcome::Duplicate),
            _ => {
                let stray = RejectedEvent {
                    portal: None,
                    shop: Some(event.shop()),
                    number: None,
                    code: ErrorCode::Conflict.as_str(),
                    message: ErrorCode::Conflict.sentence(),
                    payload: &row.event,
                };
                dead_letters::write_stray(tx, &stray).await?;
                Ok(PublishedOutcome::Dead)
            }
        }
    }

    /// Takes up an event about goods; what cannot be accepted becomes a dead letter.
    async fn take_stock_event(
        &self,
        tx: &mut PgConnection,
        row: &SqlEvent,
    ) -> Result<PublishedOutcome, Error> {
        let read = match row.event.value() {
            Ok(value) => self.stock.read_goods(Teller::Event, value),
            Err(why) => Err(Rejection::by_bridge(why)),
        };
        let read = match read {
            Ok(event) if self.registry.shops.len() > 1 => {
                let may = sql_events::may(tx, &[&row.published_by], &[event.shop()]).await?;
                if may.first() == Some(&true) {
                    Ok(event)
                } else {
                    Err(Rejection::of_stranger(&row.published_by, event.shop()))
                }
            }
            read => read,
        };
        let (event, stored) = match read {
            Ok(event) => {
                let stored = self.stock.store_goods(tx, &event).await?;
                (event, stored)
            }
            Err(rejection) => return self.dead_letter_sql_event(tx, row, &rejection).await,
        };
        self.metrics.accepted(stored.word());
        let (code, faults) = match stored {
            Accepted::Queued => return Ok(PublishedOutcome::Queued),
            Accepted::Duplicate => return Ok(PublishedOutcome::Duplicate),
            Accepted::Changed(_) => return Ok(PublishedOutcome::Dead),
            Accepted::Refused(code, faults) => (code, faults),
            _ => (ErrorCode::Conflict, Vec::new()),
        };
        let mut message = clean(&crate::app::sentence(&faults));
        if message.is_empty() {
            code.sentence().clone_into(&mut message);
        }
        let stray = RejectedEvent {
            portal: None,
            shop: Some(event.shop()),
            number: None,
            code: code.as_str(),
            message: &message,
            payload: &row.event,
        };
        dead_letters::write_stray(tx, &stray).await?;
        Ok(PublishedOutcome::Dead)
    }

    /// Makes the oldest event a dead letter because the bridge failed at it.
    async fn dead_letter_next(&self, error: &Error) -> Result<usize, Error> {
        let mut tx = self.db.begin().await?;
        let rows = sql_events::take(&mut tx, 1).await?;
        let Some(row) = rows.first() else {
            tx.rollback().await?;
            return Ok(0);
        };
        let rejection = Rejection::by_bridge(&error.chain());
        let outcome = self.dead_letter_sql_event(&mut tx, row, &rejection).await?;
        sql_events::taken(&mut tx, &[row.id], &[outcome]).await?;
        tx.commit().await?;
        Ok(1)
    }

    async fn dead_letter_sql_event(
        &self,
        tx: &mut PgConnection,
        row: &SqlEvent,
        rejection: &Rejection,
    ) -> Result<PublishedOutcome, Error> {
        let named = match row.event.value() {
            Ok(event) => names_in(event),
            Err(_) => sql_events::names(tx, row.id).await?,
        };
        self.dead_letter_rejected(tx, named, &row.event, rejection)
            .await?;
        Ok(PublishedOutcome::Dead)
    }

    /// Keeps what a sender that cannot be refused sent, and what cannot be accepted, as a dead
    /// letter that names every fault. The same thing sent again while the letter is open is no
    /// second letter.
    pub async fn dead_letter_received(
        &self,
        shop: &ShopName,
        event: &Value,
        code: ErrorCode,
        faults: &Faults,
    ) -> Result<(), Error> {
        let rejection = Rejection {
            code,
            faults: shorten(faults.clone(), MOST_FAULTS),
            shop: Some(shop.clone()),
        };
        let mut event = storable(event.clone());
        // Whose it is, for whoever tries it again.
        if let Value::Object(members) = &mut event {
            members.insert("shop".to_owned(), Value::from(shop.as_str()));
        }
        let mut db = self.db.acquire().await?;
        let named = names_in(&event);
        self.dead_letter_rejected(&mut db, named, &Json::Value(event), &rejection)
            .await?;
        Ok(())
    }

    async fn dead_letter_rejected(
        &self,
        db: &mut PgConnection,
        named: NamedShop,
        payload: &Json,
        rejection: &Rejection,
    ) -> Result<(), Error> {
        let shop = rejection
            .shop
            .clone()
            .or_else(|| self.shop_of(named.shop.as_deref(), named.source.as_deref()));
        let rules = shop.and_then(|shop| self.registry.rules(&shop));
        // Only what can be an order's number: it stands in an index.
        let number = named
            .number
            .and_then(|number| OrderNumber::parse(number.trim()).ok());
        let message = clean(&crate::app::sentence(&rejection.faults));
        let stray = RejectedEvent {
            portal: rules.map(|rules| rules.portal.as_str()),
            shop: rules.map(|rules| rules.shop.as_str()),
            number: number.as_ref().map(OrderNumber::as_str),
            code: rejection.code.as_str(),
            message: &message,
            payload,
        };
        Ok(dead_letters::write_stray(db, &stray).await?)
    }
}

/// Refuses events of shops that their publishers may not publish for. Where there is one shop
/// everybody who may publish means it.
async fn refuse_strangers(
    tx: &mut PgConnection,
    rows: &[SqlEvent],
    read: &mut [Result<NewEvent, Rejection>],
) -> Result<(), Error> {
    let of = |(row, event): (&SqlEvent, &Result<NewEvent, Rejection>)| {
        let event = event.as_ref().ok()?;
        Some((row.published_by.clone(), event.shop.clone()))
    };
    let pairs: BTreeSet<_> = rows.iter().zip(&*read).filter_map(of).collect();
    let roles: Vec<&str> = pairs.iter().map(|(role, _)| role.as_str()).collect();
    let shops: Vec<&str> = pairs.iter().map(|(_, shop)| shop.as_str()).collect();
    let may = sql_events::may(tx, &roles, &shops).await?;
    let allowed: BTreeSet<_> = std::iter::zip(&pairs, may)
        .filter_map(|(pair, may)| may.then_some(pair))
        .collect();
    for (row, event) in rows.iter().zip(read) {
        if let Some(pair) = of((row, event))
            && !allowed.contains(&pair)
        {
            *event = Err(Rejection::of_stranger(&pair.0, &pair.1));
        }
    }
    Ok(())
}

fn names_in(event: &Value) -> NamedShop {
    let text = |pointer: &str| {
        event
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    NamedShop {
        shop: text("/shop"),
        source: text("/source"),
        number: text("/data/number"),
    }
}

async fn dead_letter_conflict(
    tx: &mut PgConnection,
    row: &SqlEvent,
    event: &NewEvent,
) -> Result<PublishedOutcome, Error> {
    let stray = RejectedEvent {
        portal: Some(&event.portal),
        shop: Some(&event.shop),
        number: Some(&event.number),
        code: ErrorCode::Conflict.as_str(),
        message: ErrorCode::Conflict.sentence(),
        payload: &row.event,
    };
    dead_letters::write_stray(tx, &stray).await?;
    Ok(PublishedOutcome::Dead)
}
