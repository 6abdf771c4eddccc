//! Acts on a reservation that is held: release, shipment, extension, expiry. Each is one statement.

use super::ReservationAnswer;
use crate::{
    app::{Actor, Error, Stock},
    domain::{ShopName, happening::Act},
    stock::{self, Extension, Shipment},
    storage::{self, journal},
};
use serde_json::{Value, json};

/// So often two who got in each other's way are tried again.
const DEADLOCKS: u32 = 5;
/// So often a request that is alone waits for a lock, a second each time.
const WAITS: u32 = 8;
/// Reservations that are ended in one transaction.
const EXPIRED_AT_ONCE: i32 = 500;

/// Whether what failed is to be tried again: nothing of it was done.
pub(super) fn again(error: &storage::Error, alone: bool, tries: &mut u32) -> bool {
    *tries += 1;
    let deadlock = error.is_deadlock() && *tries <= DEADLOCKS;
    deadlock || alone && error.is_lock_timeout() && *tries <= WAITS
}

/// Does one thing in the database, and does it again where others got in its way, so that nothing
/// of it was done: where two waited for each other, and, of a request that is `alone`, where
/// somebody held a lock for too long.
pub(super) async fn repeated<T, F>(alone: bool, mut act: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut tries = 0;
    loop {
        match act().await {
            Err(Error::Storage(error)) if again(&error, alone, &mut tries) => {}
            done => return done,
        }
    }
}

/// What was done; this where somebody's transaction is long: it is done in the next turn.
pub(super) fn or_later<T>(done: Result<T, Error>, later: T) -> Result<T, Error> {
    match done {
        Err(Error::Storage(error)) if error.is_lock_timeout() => Ok(later),
        done => done,
    }
}

impl Stock {
    /// Sets free what a reservation still holds. One that is not held any more stays as it is.
    pub async fn release(&self, shop: &ShopName, id: &str) -> Result<ReservationAnswer, Error> {
        let answer = repeated(false, || async {
            let mut db = self.db.acquire().await?;
            Ok(storage::stock::release(&mut db, shop.as_str(), id).await?)
        });
        ReservationAnswer::read(answer.await?, (shop.as_str(), id))
    }

    /// The same by a person, on record.
    pub async fn release_by_hand(
        &self,
        shop: &ShopName,
        id: &str,
        actor: &Actor,
    ) -> Result<ReservationAnswer, Error> {
        let mut tx = self.db.begin().await?;
        let answer = storage::stock::release(&mut tx, shop.as_str(), id).await?;
        let answer = ReservationAnswer::read(answer, (shop.as_str(), id))?;
        if let ReservationAnswer::Reserved(reserved) = &answer {
            let target = format!("{shop}/{id}");
            let detail = json!({ "state": reserved.state });
            let act = Act::ReservationReleased {
                shop: shop.to_string(),
                reservation: id.to_owned(),
            };
            journal::audit(&mut tx, &actor.0, &act, &target, &detail).await?;
            tx.commit().await?;
        }
        Ok(answer)
    }

    /// Takes what a reservation holds, or some of it, from the shelf.
    pub async fn ship(
        &self,
        shop: &ShopName,
        id: &str,
        shipment: &Shipment,
    ) -> Result<ReservationAnswer, Error> {
        let line = |line: &stock::ShippedLine| {
            json!(
                { "line": line.line, "quantity": stock::text(line.quantity) }
            )
        };
        let lines = shipment.lines.as_ref();
        let lines: Option<Value> = lines.map(|lines| lines.iter().map(line).collect());
        let named = shipment.shipment.as_deref();
        let which = (shop.as_str(), id);
        let answer = repeated(false, || async {
            let mut db = self.db.acquire().await?;
            Ok(storage::stock::ship(&mut db, which, named, lines.as_ref()).await?)
        });
        ReservationAnswer::read(answer.await?, which)
    }

    /// Holds a reservation for so long from now.
    pub async fn extend(
        &self,
        shop: &ShopName,
        id: &str,
        extension: &Extension,
    ) -> Result<ReservationAnswer, Error> {
        let seconds = extension.hold.as_seconds_f64();
        let mut db = self.db.acquire().await?;
        let answer = storage::stock::extend(&mut db, shop.as_str(), id, seconds).await?;
        ReservationAnswer::read(answer, (shop.as_str(), id))
    }

    /// A reservation as it is now: that it has run out is written first.
    pub async fn reservation(&self, shop: &ShopName, id: &str) -> Result<ReservationAnswer, Error> {
        let mut db = self.db.acquire().await?;
        let answer = storage::stock::read(&mut db, shop.as_str(), id).await?;
        ReservationAnswer::read(answer, (shop.as_str(), id))
    }

    /// Writes down which reservations have run out; returns how many.
    pub async fn expire_reservations(&self) -> Result<i64, Error> {
        let mut sum = 0;
        loop {
            let expired = self.expire(None, None, EXPIRED_AT_ONCE).await?;
            self.metrics.expired(expired);
            sum += expired;
            if expired < i64::from(EXPIRED_AT_ONCE) {
                return Ok(sum);
            }
        }
    }

    /// Writes down what has run out of these products of a stock, or of all; returns how many
    /// reservations have. What is in somebody's long transaction runs out when that is over.
    pub(super) async fn expire(
        &self,
        of: Option<&str>,
        products: Option<&[String]>,
        most: i32,
    ) -> Result<i64, Error> {
        let expired = repeated(false, || async {
            let mut db = self.db.acquire().await?;
            Ok(storage::stock::expire(&mut db, of, products, most).await?)
        });
        or_later(expired.await, 0)
    }

    /// Looks again at reservations whose orders somebody was at when they were made: what of them
    /// has left already is not held. Returns how many were looked at.
    pub async fn take_over(&self) -> Result<usize, Error> {
        let mut looked_at = 0;
        loop {
            let taken = repeated(false, || async {
                let mut db = self.db.acquire().await?;
                Ok(storage::stock::take_over(&mut db).await?)
            });
            if !or_later(taken.await, false)? {
                return Ok(looked_at);
            }
            looked_at += 1;
        }
    }
}
