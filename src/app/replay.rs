//! Trying dead letters again.

use super::{Actor, Bridge, Error, Retried, Retry, accept, ages, compare, mend};
use crate::{
    domain::{Code, Fault},
    storage::{
        Json, changes,
        journal::{self, Line},
        letters::{self, Filter, LetterRow},
        orders::{self, Head},
        outbox,
        outbox::NewEvent,
    },
};
use serde_json::{Value, json};
use sqlx::PgConnection;

impl Bridge {
    /// Tries a letter again: as it is, or with a mended payload in its place.
    pub async fn retry(&self, id: i64, who: &Actor, options: Retry) -> Result<Retried, Error> {
        let mut tx = self.pool().begin().await?;
        let (retried, lanes) = self.retry_in(&mut tx, id, who, options).await?;
        tx.commit().await?;
        for lane in lanes {
            self.bell().ring(&lane);
        }
        Ok(retried)
    }

    /// The same inside a transaction of the caller's, who rings these lanes when it is committed.
    pub(super) async fn retry_in(
        &self,
        tx: &mut PgConnection,
        id: i64,
        who: &Actor,
        options: Retry,
    ) -> Result<(Retried, Vec<String>), Error> {
        let letter = letters::open(tx, id).await?.ok_or(Error::NotFound)?;
        let detail = json!({ "mended": options.payload.is_some(), "recreate": options.recreate });
        let retried = match letter.outbox_id {
            _ if letter.change_seq.is_some() => self.retry_change(tx, &letter, who).await?,
            Some(event) => {
                self.retry_accepted(tx, &letter, event, who, options)
                    .await?
            }
            None => self.retry_stray(tx, &letter, who, options).await?,
        };
        journal::audit(tx, &who.0, "letter.retry", &id.to_string(), &detail).await?;
        let mut lanes = match &letter.portal {
            Some(portal) => vec![portal.clone()],
            None => self
                .directory()
                .portals
                .iter()
                .map(|name| name.as_str().to_owned())
                .collect(),
        };
        if let (Some(shop), Some(_)) = (&letter.shop, letter.change_seq) {
            lanes.push(compare::lane_of(shop));
        }
        Ok((retried, lanes))
    }

    /// The shop is told again, unless it was told something newer since.
    async fn retry_change(
        &self,
        tx: &mut PgConnection,
        letter: &LetterRow,
        who: &Actor,
    ) -> Result<Retried, Error> {
        let (Some(shop), Some(seq)) = (&letter.shop, letter.change_seq) else {
            return Err(Error::NotFound);
        };
        let revived = changes::revive(tx, shop, seq).await?;
        let (how, text) = if revived {
            (
                "retried",
                format!("dead letter {} tried again by {}", letter.id, who.0),
            )
        } else {
            (
                "overtaken",
                format!(
                    "dead letter {} closed: the shop was told something newer",
                    letter.id
                ),
            )
        };
        close(tx, letter, how, who).await?;
        say(tx, letter, text).await?;
        Ok(if revived {
            Retried::Queued
        } else {
            Retried::Overtaken
        })
    }

    async fn retry_accepted(
        &self,
        tx: &mut PgConnection,
        letter: &LetterRow,
        event: i64,
        who: &Actor,
        options: Retry,
    ) -> Result<Retried, Error> {
        let (Some(shop), Some(number)) = (&letter.shop, &letter.number) else {
            return Err(Error::NotFound);
        };
        let locked =
            orders::lock(tx, std::slice::from_ref(shop), std::slice::from_ref(number)).await?;
        let head = locked.first().and_then(|head| head.head_id);
        if head != Some(event) {
            close(tx, letter, "overtaken", who).await?;
            say(
                tx,
                letter,
                format!(
                    "dead letter {} closed: a newer snapshot has come since",
                    letter.id
                ),
            )
            .await?;
            return Ok(Retried::Overtaken);
        }
        close(tx, letter, "retried", who).await?;
        let Some(payload) = options.payload else {
            outbox::revive(tx, event).await?;
            orders::wake(tx, shop, number, options.recreate).await?;
            say(
                tx,
                letter,
                format!("dead letter {} tried again by {}", letter.id, who.0),
            )
            .await?;
            return Ok(Retried::Queued);
        };
        let payload = mended(letter, payload, event);
        let new = mend::read_as(self.rules_of(shop)?, &payload).map_err(Error::Invalid)?;
        if new.number != *number {
            let detail = format!("the letter is about order `{number}`");
            return Err(Error::Invalid(vec![Fault {
                pointer: "/data/number".to_owned(),
                detail,
            }]));
        }
        if let Some(before) = locked.first() {
            replace_head(tx, &new, before).await?;
        }
        orders::wake(tx, shop, number, options.recreate).await?;
        let text = format!(
            "dead letter {} tried again by {} with a mended payload",
            letter.id, who.0
        );
        say(tx, letter, text).await?;
        Ok(Retried::Queued)
    }

    /// An event that could not be accepted is read anew: the payload or the configuration may be right by now.
    async fn retry_stray(
        &self,
        tx: &mut PgConnection,
        letter: &LetterRow,
        who: &Actor,
        options: Retry,
    ) -> Result<Retried, Error> {
        let payload = match options.payload {
            Some(payload) => Json::Value(mended(letter, payload, 0)),
            None => letter.payload.clone(),
        };
        let new = self
            .read_stored(&payload)
            .map_err(|no| Error::Invalid(no.faults))?;
        accept::store(self, tx, &[&new]).await?;
        close(tx, letter, "retried", who).await?;
        Ok(Retried::Queued)
    }

    /// Tries again every letter of an unmapped status that the table has by now; returns how many. To be called when a worker
    /// starts, which is when a changed configuration takes effect.
    pub async fn replay_mapped(&self) -> Result<u64, Error> {
        let mut replayed = 0;
        let mut after = 0;
        loop {
            let filter = Filter {
                code: Some(Code::Status.as_str()),
                after,
                limit: 200,
                ..Filter::default()
            };
            let page = {
                let mut db = self.pool().acquire().await?;
                letters::list(&mut db, &filter).await?
            };
            let Some(last) = page.last() else {
                return Ok(replayed);
            };
            after = last.id;
            for letter in page.iter().filter(|letter| self.is_mapped(letter)) {
                match self
                    .retry(letter.id, &Actor::new("bridge"), Retry::default())
                    .await
                {
                    Ok(_) => replayed += 1,
                    // Somebody else was quicker.
                    Err(Error::NotFound) => {}
                    Err(error) if error.is_of_the_row() => {
                        tracing::warn!(letter = letter.id, "a dead letter could not be replayed");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }

    fn is_mapped(&self, letter: &LetterRow) -> bool {
        let status = letter
            .payload
            .value()
            .ok()
            .and_then(|event| event.pointer("/data/status"));
        let status = match status {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return false,
        };
        let rules = letter
            .shop
            .as_deref()
            .and_then(|shop| self.rules_of(shop).ok());
        rules.is_some_and(|rules| rules.statuses.row(&status).is_some())
    }
}

/// The letter's event with this payload in its place.
fn mended(letter: &LetterRow, payload: Value, turn: i64) -> Value {
    let old = letter.payload.value().unwrap_or(&Value::Null);
    mend::mended(old, payload, letter.id, turn)
}

/// Stores a mended event and makes it the head of its locked order, whatever its age.
async fn replace_head(tx: &mut PgConnection, new: &NewEvent, before: &Head) -> Result<(), Error> {
    let stored = outbox::insert(tx, &[new]).await?;
    let Some(stored) = stored.first() else {
        let detail = "an event of this identity was accepted before".to_owned();
        return Err(Error::Invalid(vec![Fault {
            pointer: "/id".to_owned(),
            detail,
        }]));
    };
    Ok(orders::set_heads(tx, &[ages::by_hand(new, stored.id, before)]).await?)
}

async fn close(
    tx: &mut PgConnection,
    letter: &LetterRow,
    how: &str,
    who: &Actor,
) -> Result<(), Error> {
    let closed = letters::close(tx, letter.id, how, &who.0, None).await?;
    closed.then_some(()).ok_or(Error::NotFound)
}

async fn say(tx: &mut PgConnection, letter: &LetterRow, text: String) -> Result<(), Error> {
    if let (Some(shop), Some(number)) = (letter.shop.clone(), letter.number.clone()) {
        journal::add(
            tx,
            &[Line {
                shop,
                number,
                kind: "retried",
                text,
                detail: None,
            }],
        )
        .await?;
    }
    Ok(())
}
