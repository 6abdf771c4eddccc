//! Trying dead letters again.
//!
//! A letter is closed when its event is stored again, is stored already, or something newer of
//! its order has come; else it stays open, and whoever asked is told why.

use super::{bug_letters, outdated::came_in};
use crate::{
    app::{
        Accepted, Actor, DeadLetters, Error, Retry, RetryOutcome,
        intake::{
            accept::{self, StoredEvents},
            event_age, event_reader,
            subject_events::ReadSubject,
        },
        stock::{events::is_goods, orders as goods, receipts},
        sync::compare,
    },
    domain::{
        ErrorCode, Fault, OrderKey, ShopName, ShopRules,
        happening::{Act, OrderEvent},
    },
    process::bug,
    storage::{
        ClosedHow, EventState, LetterAbout,
        dead_letters::{self, Filter, LetterRow},
        journal::{self, Line, LineKind},
        queue::{
            orders::{self, QueueHead},
            outbox::{self, NewEvent, StoredEvent},
        },
        sync::status_changes,
    },
};
use serde_json::{Value, json};
use sqlx::PgConnection;

impl DeadLetters {
    /// Tries a letter again: as it is, or with a mended payload in its place.
    pub async fn retry(&self, id: i64, who: &Actor, options: Retry) -> Result<RetryOutcome, Error> {
        let mut tx = self.db.begin().await?;
        let (retried, lanes) = self.retry_in(&mut tx, id, who, options).await?;
        tx.commit().await?;
        for lane in lanes {
            self.waker.wake(&lane);
        }
        Ok(retried)
    }

    /// The same inside a transaction of the caller's, who wakes these lanes when it is committed.
    pub(in crate::app) async fn retry_in(
        &self,
        tx: &mut PgConnection,
        id: i64,
        who: &Actor,
        options: Retry,
    ) -> Result<(RetryOutcome, Vec<String>), Error> {
        let letter = dead_letters::open(tx, id).await?.ok_or(Error::NotFound)?;
        let detail = json!({ "mended": options.payload.is_some(), "recreate": options.recreate });
        let subject = dead_letters::subject(tx, id).await?;
        let retried = match letter.outbox_id {
            _ if subject.as_deref().is_some_and(receipts::is_subject) => {
                self.stock.retry_receipt(tx, &letter, &options).await?;
                end(tx, &letter, who, RetryOutcome::Queued).await?
            }
            _ if subject.is_some() => {
                let shop = letter.shop.as_deref().ok_or(Error::NotFound)?;
                let key = subject.as_deref().ok_or(Error::NotFound)?;
                self.forms
                    .retry_subject(tx, (id, shop, key), who, options.payload)
                    .await?
            }
            _ if letter.change_seq.is_some() => {
                self.retry_change(tx, &letter, who, &options).await?
            }
            _ if letter.about.is_some() => {
                if options.payload.is_some() {
                    return Err(bug_letters::nothing_to_mend());
                }
                let retried = self.retry_about(tx, &letter).await?;
                end(tx, &letter, who, retried).await?
            }
            Some(event) => {
                self.retry_accepted(tx, &letter, event, who, options)
                    .await?
            }
            None => self.retry_stray(tx, &letter, who, options).await?,
        };
        let act = Act::LetterRetried { letter: id };
        journal::audit(tx, &who.0, &act, &id.to_string(), &detail).await?;
        Ok((retried, self.lanes_of(&letter)))
    }

    /// The lanes that may have something to do once a letter was tried again.
    fn lanes_of(&self, letter: &LetterRow) -> Vec<String> {
        let portals = &self.registry.portals;
        let rules = letter
            .shop
            .as_deref()
            .and_then(|shop| self.intake.rules_of(shop).ok());
        let mut lanes: Vec<_> = match rules {
            Some(rules) => vec![rules.portal.as_str().to_owned()],
            None => portals
                .iter()
                .map(|name| name.as_str().to_owned())
                .collect(),
        };
        let told = letter.change_seq.is_some() || letter.is_about(LetterAbout::Message);
        if let (Some(shop), true) = (&letter.shop, told) {
            lanes.push(compare::lane_of(shop));
        }
        let shop = letter.shop.as_deref();
        lanes.extend(shop.and_then(|shop| self.registry.push_lane(shop)));
        lanes
    }

    /// The shop is told again, unless it was told something newer since.
    async fn retry_change(
        &self,
        tx: &mut PgConnection,
        letter: &LetterRow,
        who: &Actor,
        options: &Retry,
    ) -> Result<RetryOutcome, Error> {
        let (Some(shop), Some(seq)) = (&letter.shop, letter.change_seq) else {
            return Err(Error::NotFound);
        };
        if options.payload.is_some() {
            return Err(refused("/payload", OWN_WORD.to_owned()));
        }
        if options.recreate {
            return Err(refused("/recreate", NO_DEAL.to_owned()));
        }
        let rules = self.configured(shop)?;
        if let Some(number) = &letter.number {
            self.lock_order(tx, rules, number).await?;
        }
        if status_changes::revive(tx, shop, seq).await? {
            if let Some(change) = status_changes::one(tx, shop, seq).await? {
                let order = [OrderKey::new(&change.shop, &change.number)];
                let before = self.stock.statuses_before(tx, &order).await?;
                crate::app::sync::status_changes::revived(tx, &change).await?;
                self.stock.follow_changed(tx, before).await?;
            }
            let two_way = self.registry.two_way(shop);
            if !two_way.is_some_and(|two_way| two_way.callback) {
                // Who reads the feed never looks below what it was given.
                status_changes::renumber(tx, shop, seq).await?;
            }
            return end(tx, letter, who, RetryOutcome::Queued).await;
        }
        if status_changes::one(tx, shop, seq).await?.is_none() {
            return Err(refused("", NO_MESSAGE.to_owned()));
        }
        status_changes::drop_dead(tx, shop, seq).await?;
        let what = OrderEvent::LetterMessageNewer { letter: letter.id };
        end_with(tx, letter, who, RetryOutcome::Overtaken, what).await
    }

    async fn retry_accepted(
        &self,
        tx: &mut PgConnection,
        letter: &LetterRow,
        event: i64,
        who: &Actor,
        options: Retry,
    ) -> Result<RetryOutcome, Error> {
        let (Some(shop), Some(number)) = (&letter.shop, &letter.number) else {
            return Err(Error::NotFound);
        };
        let rules = self.configured(shop)?;
        let before = self.lock_order(tx, rules, number).await?;
        if let Some(head) = before.head_id.filter(|head| *head != event) {
            outbox::overtake(tx, &[event], &[head]).await?;
            return end(tx, letter, who, RetryOutcome::Overtaken).await;
        }
        if let Some(payload) = options.payload {
            let payload = mended(letter, payload, event);
            let new = self.read_again(letter, &payload)?;
            if new.number != *number {
                let detail = format!("the letter is about order `{number}`");
                return Err(refused("/data/number", detail));
            }
            let stored = self.accept_by_hand(tx, &new, &before).await?;
            outbox::overtake(tx, &[event], &[stored]).await?;
            orders::wake(tx, shop, number, options.recreate).await?;
            let what = OrderEvent::LetterMended {
                letter: letter.id,
                who: who.0.clone(),
            };
            return end_with(tx, letter, who, RetryOutcome::Queued, what).await;
        }
        match outbox::state(tx, event).await? {
            Some(EventState::Done) => return end(tx, letter, who, RetryOutcome::Duplicate).await,
            Some(_) => {
                outbox::revive(tx, event).await?;
            }
            // Its event is not stored any more: the letter has it.
            None => {
                let new = self.read_again(letter, value_of(letter)?)?;
                self.accept_by_hand(tx, &new, &before).await?;
            }
        }
        orders::wake(tx, shop, number, options.recreate).await?;
        end(tx, letter, who, RetryOutcome::Queued).await
    }

    /// An event that could not be accepted is read anew: the payload or the configuration may be
    /// right by now.
    async fn retry_stray(
        &self,
        tx: &mut PgConnection,
        letter: &LetterRow,
        who: &Actor,
        options: Retry,
    ) -> Result<RetryOutcome, Error> {
        let is_mended = options.payload.is_some();
        let mended = options.payload.map(|payload| mended(letter, payload, 0));
        let payload = match &mended {
            Some(payload) => payload,
            None => value_of(letter)?,
        };
        if is_goods(payload) {
            return self.retry_goods(tx, letter, who, payload).await;
        }
        if ReadSubject::is(payload) {
            return self.retry_stray_subject(tx, letter, who, payload).await;
        }
        let new = self.read_again(letter, payload)?;
        let (shops, numbers) = ([new.shop.clone()], [new.number.clone()]);
        let before = orders::lock(tx, &shops, &numbers).await?.pop();
        if let Some(stored) = find(tx, &new).await? {
            return self.of_known(tx, letter, who, (&new, &stored)).await;
        }
        if let Some(head) = &before {
            let age = new
                .age
                .clone()
                .at(came_in(letter.first_failed_at, head.now));
            if self.is_outdated(tx, &age, head).await? {
                return end(tx, letter, who, RetryOutcome::Overtaken).await;
            }
        }
        let StoredEvents { results, .. } = accept::store(&self.intake, tx, &[&new]).await?;
        let stored = find(tx, &new).await?;
        let (Some(Accepted::Queued), Some(stored)) = (results.first(), stored) else {
            return Err(refused("/id", TAKEN.to_owned()));
        };
        if outbox::state(tx, stored.id).await? == Some(EventState::Superseded) {
            return end(tx, letter, who, RetryOutcome::Overtaken).await;
        }
        if options.recreate {
            orders::wake(tx, &new.shop, &new.number, true).await?;
        }
        if !is_mended {
            return end(tx, letter, who, RetryOutcome::Queued).await;
        }
        let what = OrderEvent::LetterMended {
            letter: letter.id,
            who: who.0.clone(),
        };
        end_with(tx, letter, who, RetryOutcome::Queued, what).await
    }

    /// The letter's event stands in the outbox, or another that has its identity.
    async fn of_known(
        &self,
        tx: &mut PgConnection,
        letter: &LetterRow,
        who: &Actor,
        (new, stored): (&NewEvent, &StoredEvent),
    ) -> Result<RetryOutcome, Error> {
        if stored.fingerprint != new.fingerprint {
            return Err(refused("/id", TAKEN.to_owned()));
        }
        let dead = outbox::state(tx, stored.id).await? == Some(EventState::Dead);
        // A letter of its own stands for it; one that was let go does not.
        if !dead || dead_letters::of_event(tx, stored.id).await?.is_some() {
            return end(tx, letter, who, RetryOutcome::Duplicate).await;
        }
        let letter = LetterRow {
            shop: Some(new.shop.clone()),
            number: Some(new.number.clone()),
            ..letter.clone()
        };
        let as_it_is = Retry::default();
        Box::pin(self.retry_accepted(tx, &letter, stored.id, who, as_it_is)).await
    }

    /// Reads a letter's event; one of a known shop is its own and no other's.
    fn read_again(&self, letter: &LetterRow, payload: &Value) -> Result<NewEvent, Error> {
        let shop = letter.shop.as_deref().map(ShopName::parse).transpose();
        let shop = shop.map_err(|detail| refused("/shop", detail))?;
        self.intake
            .read_event(shop.as_ref(), payload)
            .map_err(|no| Error::Invalid(no.faults))
    }

    /// The rules of a shop whose lane is driven: what is put into the queue of another waits for
    /// ever.
    pub(in crate::app) fn configured(&self, shop: &str) -> Result<&ShopRules, Error> {
        let unknown = |_| refused("/shop", format!("no shop `{shop}` is configured"));
        self.intake.rules_of(shop).map_err(unknown)
    }

    /// Tries again every letter of an unmapped status that the table has by now; returns how many.
    /// To be called when a worker starts, which is when a changed configuration takes effect.
    pub async fn replay_mapped(&self) -> Result<u64, Error> {
        let mut replayed = 0;
        let mut after = 0;
        loop {
            let filter = Filter {
                code: Some(ErrorCode::Status.as_str()),
                after,
                limit: 200,
                ..Filter::default()
            };
            let page = {
                let mut db = self.db.acquire().await?;
                dead_letters::list(&mut db, &filter).await?
            };
            let Some(last) = page.last() else {
                return Ok(replayed);
            };
            after = last.id;
            for letter in page.iter().filter(|letter| self.is_mapped(letter)) {
                let dead_letters = Actor::new("bridge");
                let retried = self.retry(letter.id, &dead_letters, Retry::default());
                let retried = bug::caught_in(Box::pin(retried)).await;
                match retried.unwrap_or_else(|bug| Err(bug.into())) {
                    Ok(_) => replayed += 1,
                    // Somebody else was quicker.
                    Err(Error::NotFound) => {}
                    Err(error) if error.is_of_the_row() || matches!(error, Error::Invalid(_)) => {
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
            .and_then(|shop| self.intake.rules_of(shop).ok());
        rules.is_some_and(|rules| rules.statuses.row(&status).is_some())
    }
}

const OWN_WORD: &str =
    "a message to the shop is the bridge's own word: there is nothing to mend in it";
const NO_DEAL: &str =
    "the letter is about a message to the shop: there is no deal to be made anew for it";
const NO_MESSAGE: &str =
    "the message is not stored any more: change the order in the shop, or let the letter go";
pub(super) const TAKEN: &str =
    "another event has this source and id: a mended letter gets an id of its own";

pub(super) fn refused(pointer: &str, detail: String) -> Error {
    let pointer = pointer.to_owned();
    Error::Invalid(vec![Fault { pointer, detail }])
}

/// The event that the letter keeps. The error says why it cannot be read.
fn value_of(letter: &LetterRow) -> Result<&Value, Error> {
    letter
        .payload
        .value()
        .map_err(|why| refused("", why.to_owned()))
}

/// The letter's event with this payload in its place.
fn mended(letter: &LetterRow, payload: Value, turn: i64) -> Value {
    let old = letter.payload.value().unwrap_or(&Value::Null);
    event_reader::apply_edit(old, payload, letter.id, turn)
}

impl DeadLetters {
    /// Locks an order, in the lane that its shop belongs to now: a shop may have gone to another
    /// portal since.
    pub(in crate::app) async fn lock_order(
        &self,
        tx: &mut PgConnection,
        rules: &ShopRules,
        number: &str,
    ) -> Result<QueueHead, Error> {
        let (shops, numbers) = ([rules.shop.as_str().to_owned()], [number.to_owned()]);
        let portals = [rules.portal.as_str().to_owned()];
        let locked = orders::lock_or_make(tx, &shops, &numbers, &portals).await?;
        self.intake.follow_shops(tx, &locked).await?;
        locked.into_iter().next().ok_or(Error::NotFound)
    }

    /// Stores an event as the newest of its locked order, whatever its age, and does what it means
    /// for goods, unless the order is of the past; returns the stored event.
    async fn accept_by_hand(
        &self,
        tx: &mut PgConnection,
        new: &NewEvent,
        before: &QueueHead,
    ) -> Result<i64, Error> {
        let stored = outbox::insert(tx, &[new]).await?;
        let Some(stored) = stored.first() else {
            return Err(refused("/id", TAKEN.to_owned()));
        };
        let (shops, numbers) = ([new.shop.clone()], [new.number.clone()]);
        let of_the_past = orders::heads(tx, &shops, &numbers).await?.is_empty();
        let head = event_age::by_hand(new, stored.id, before)?;
        orders::set_heads(tx, &[head]).await?;
        if !of_the_past {
            Box::pin(goods::apply(&self.stock, tx, &[new])).await?;
        }
        Ok(stored.id)
    }
}

/// The stored event of this identity.
async fn find(tx: &mut PgConnection, new: &NewEvent) -> Result<Option<StoredEvent>, Error> {
    let shops = [new.shop.clone()];
    let (sources, ids) = ([new.source.clone()], [new.event_id.clone()]);
    Ok(outbox::find(tx, &shops, &sources, &ids).await?.pop())
}

/// Closes a letter that is about an event, and says so.
pub(super) async fn end(
    tx: &mut PgConnection,
    letter: &LetterRow,
    who: &Actor,
    retried: RetryOutcome,
) -> Result<RetryOutcome, Error> {
    let id = letter.id;
    let what = match retried {
        RetryOutcome::Queued => OrderEvent::LetterRetried {
            letter: id,
            who: who.0.clone(),
        },
        RetryOutcome::Duplicate => OrderEvent::LetterDuplicate { letter: id },
        RetryOutcome::Overtaken => OrderEvent::LetterSnapshotNewer { letter: id },
    };
    end_with(tx, letter, who, retried, what).await
}

async fn end_with(
    tx: &mut PgConnection,
    letter: &LetterRow,
    who: &Actor,
    retried: RetryOutcome,
    what: OrderEvent,
) -> Result<RetryOutcome, Error> {
    let how = match retried {
        RetryOutcome::Queued => ClosedHow::Retried,
        RetryOutcome::Overtaken => ClosedHow::Overtaken,
        RetryOutcome::Duplicate => ClosedHow::Duplicate,
    };
    if !dead_letters::close(tx, letter.id, how, &who.0, None).await? {
        return Err(Error::NotFound);
    }
    say(tx, letter, what).await?;
    Ok(retried)
}

async fn say(tx: &mut PgConnection, letter: &LetterRow, what: OrderEvent) -> Result<(), Error> {
    if let (Some(shop), Some(number)) = (letter.shop.clone(), letter.number.clone()) {
        journal::add(
            tx,
            &[Line {
                shop,
                number,
                kind: LineKind::Retried,
                what: what.into(),
                detail: None,
            }],
        )
        .await?;
    }
    Ok(())
}
