//! Receipts of tills: stored once, and posted in the transaction that accepts them.
//!
//! A receipt is a fact: it is never refused for lack of goods. Lines whose product or store is not
//! known are parked, with one letter for all of a receipt, and posted when they are known.

use super::{
    Place, Teller,
    acts::repeated,
    sentence::{ParkedLine, why_parked},
};
use crate::{
    app::{
        Accepted, Error, Retry, STOCK, Stock,
        delivery::dead_letter::clean,
        intake::event_reader::{Rejection, fingerprint, shop_for},
    },
    domain::{ErrorCode, Fault, ShopName},
    formats::tills::{self, Receipt, ReceiptEvent, TillKind},
    stock,
    storage::{
        self, ClosedHow, Json,
        dead_letters::{self, LetterRow, ReceiptLetter},
        stock::{self as rows, ParkedRow, ReceiptKey},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

/// Receipts with parked lines that are looked at in one turn.
const LOOKED_AT: i64 = 200;
/// What the subjects of letters about parked lines begin with.
const PARKED: &str = "receipt-parked:";
/// What the subjects of letters about changed receipts begin with.
const CHANGED: &str = "receipt-changed:";

/// Whether the subject of a letter is a receipt.
pub(in crate::app) fn is_subject(subject: &str) -> bool {
    subject.starts_with(PARKED) || subject.starts_with(CHANGED)
}

/// A receipt on its way in.
#[derive(Debug, Clone)]
pub(in crate::app) struct NewReceipt {
    /// The shop, the till and the receipt's id: the identity of a receipt.
    pub(super) key: ReceiptKey,
    /// The receipt as it was read.
    pub(super) receipt: Receipt,
    /// As the database reads it.
    pub(super) said: Value,
    /// The event as it came, for the letter if it has to wait.
    event: Value,
}

impl NewReceipt {
    /// The shop of the till, by its name in the settings.
    pub(in crate::app) fn shop(&self) -> &str {
        &self.key.shop
    }

    /// The store; none: not known.
    pub(super) fn store(&self) -> Option<&str> {
        self.said["store"].as_str()
    }
}

/// What the database says became of a receipt.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Posted {
    result: String,
    parked: Vec<ParkedLine>,
    picked: Option<String>,
    /// Of how many versions this is the last.
    revision: i64,
}

impl Posted {
    /// Whether pieces that were held for an order have left with it.
    fn picked(&self) -> bool {
        self.picked.as_deref().is_some_and(|sum| sum != "0")
    }
}

impl Stock {
    /// Reads an event about a receipt.
    pub(in crate::app) fn read_receipt(
        &self,
        by: Teller<'_>,
        value: &Value,
    ) -> Result<NewReceipt, Rejection> {
        let shop = shop_for(&self.registry, by.shop(), value)?;
        let refused = |code: ErrorCode, pointer: &str, detail: String| Rejection {
            code,
            faults: vec![Fault {
                pointer: pointer.to_owned(),
                detail,
            }],
            shop: Some(shop.clone()),
        };
        let event = ReceiptEvent::read(value).map_err(|faults| Rejection {
            code: ErrorCode::Invalid,
            faults,
            shop: Some(shop.clone()),
        })?;
        let Some(of) = self.stock_of(&shop) else {
            let detail = format!("the shop `{shop}` sells from no stock");
            return Err(refused(ErrorCode::Invalid, "/shop", detail));
        };
        let receipt = &event.receipt;
        let Some(till) = till_of(by, receipt) else {
            let detail = "`till` is required: with `receipt` it is the identity".to_owned();
            return Err(refused(ErrorCode::Invalid, "/data/till", detail));
        };
        let store = match by.place(of, receipt.store.as_deref()) {
            Place::Known(store) => Some(store),
            Place::Unknown if receipt.store.is_none() && !receipt.cancelled => {
                let detail = "the stock has several stores: name one".to_owned();
                return Err(refused(ErrorCode::Invalid, "/data/store", detail));
            }
            Place::Unknown => None,
            Place::Foreign(store) => {
                let detail = format!("the till does not stand in the store `{store}`");
                return Err(refused(ErrorCode::Forbidden, "/data/store", detail));
            }
        };
        let key = ReceiptKey {
            shop: shop.as_str().to_owned(),
            till,
            receipt: receipt.receipt.clone(),
        };
        let contents = match by {
            Teller::Till(till) if till.kind == TillKind::Evotor => receipt.essence(),
            _ => receipt.contents(),
        };
        let lines = receipt.goods().map(|line| {
            json!({
                "line": line.line,
                "names": line.names(),
                "quantity": stock::text(line.quantity),
            })
        });
        let said = json!({
            "stock": of.name.as_str(),
            "shop": key.shop,
            "source": event.source,
            "event_id": event.id,
            "fingerprint": hex::encode(fingerprint(value)),
            "contents": hex::encode(fingerprint(&contents)),
            "till": key.till,
            "receipt": key.receipt,
            "store": store,
            "store_named": receipt.store,
            "kind": receipt.kind.as_str(),
            "number": receipt.number,
            "version": receipt.version,
            "cancelled": receipt.cancelled,
            "closed_at": receipt.closed_at,
            "lines": lines.collect::<Vec<_>>(),
            "body": value.get("data"),
        });
        Ok(NewReceipt {
            key,
            receipt: event.receipt,
            said,
            event: value.clone(),
        })
    }

    /// Accepts a receipt; returns when it is stored durably, and its goods have moved.
    pub(super) async fn accept_receipt(&self, new: &NewReceipt) -> Result<Accepted, Error> {
        let stored = repeated(false, || async {
            let mut tx = self.db.begin().await?;
            let stored = self.store_receipt(&mut tx, new, false).await?;
            tx.commit().await?;
            Ok(stored)
        });
        let stored = stored.await?;
        self.waker.subscribe(STOCK).notify_one();
        self.wake_for(new);
        Ok(stored)
    }

    /// Stores a receipt and posts it, in a transaction of the caller's; by hand: whatever its
    /// version.
    pub(in crate::app) async fn store_receipt(
        &self,
        tx: &mut PgConnection,
        new: &NewReceipt,
        by_hand: bool,
    ) -> Result<Accepted, Error> {
        let posted = posted(rows::receipt(tx, &new.said, by_hand).await?)?;
        self.metrics.receipt(&posted.result);
        match posted.result.as_str() {
            "queued" => {
                let newer = (
                    ClosedHow::Overtaken,
                    "a newer version of the receipt has come",
                );
                let own = tills::key(&new.key.till, &new.key.receipt);
                let subjects = [subject(PARKED, &new.key), subject(CHANGED, &new.key), own];
                dead_letters::close_subjects(tx, &new.key.shop, &subjects, newer).await?;
                self.tell_of_parked(tx, new, &posted).await?;
                self.pass_on(tx, new, posted.picked(), posted.revision)
                    .await?;
                Ok(Accepted::Queued)
            }
            "older" => Ok(Accepted::Queued),
            "duplicate" => Ok(Accepted::Duplicate),
            "changed" => {
                let detail = format!(
                    "the receipt {} of the till {} came before with other contents, and this is no \
                     newer version of it",
                    new.key.receipt, new.key.till
                );
                let code = ErrorCode::ReceiptChanged;
                self.write_letter(tx, new, (CHANGED, code, &detail)).await?;
                Ok(Accepted::Changed(vec![Fault {
                    pointer: "/data/version".to_owned(),
                    detail: format!("{detail} ({code})"),
                }]))
            }
            _ => Ok(Accepted::Conflict),
        }
    }

    /// The letter for parked lines.
    async fn tell_of_parked(
        &self,
        tx: &mut PgConnection,
        new: &NewReceipt,
        posted: &Posted,
    ) -> Result<(), Error> {
        if let Some((code, message)) =
            why_parked(&new.key, &posted.parked, &new.said["store_named"])
        {
            let of = (PARKED, code, message.as_str());
            self.write_letter(tx, new, of).await?;
        }
        Ok(())
    }

    async fn write_letter(
        &self,
        tx: &mut PgConnection,
        new: &NewReceipt,
        (begins, code, message): (&str, ErrorCode, &str),
    ) -> Result<(), Error> {
        let shop = ShopName::parse(&new.key.shop).ok();
        let rules = shop.and_then(|shop| self.registry.rules(&shop));
        let mut event = new.event.clone();
        // Whose it is, and of which till, for whoever tries it again.
        if let Value::Object(members) = &mut event {
            members.insert("shop".to_owned(), Value::from(new.key.shop.as_str()));
        }
        if let Some(Value::Object(data)) = event.get_mut("data") {
            data.insert("till".to_owned(), Value::from(new.key.till.as_str()));
        }
        let letter = ReceiptLetter {
            portal: rules.map(|rules| rules.portal.as_str()),
            shop: &new.key.shop,
            subject: &subject(begins, &new.key),
            code: code.as_str(),
            message: &clean(message),
            payload: &Json::Value(event),
        };
        Ok(dead_letters::write_receipt(tx, &letter).await?)
    }

    /// Posts what is known by now of receipts with parked lines: some of those behind `after`. One
    /// that cannot be posted holds no other up: its letter says why. Returns where to go on, and
    /// how many were posted.
    pub async fn replay_receipts(&self, after: &ReceiptKey) -> Result<(ReceiptKey, usize), Error> {
        let mut db = self.db.acquire().await?;
        let parked = rows::parked(&mut db, after, LOOKED_AT).await?;
        drop(db);
        let full = i64::try_from(parked.len()).is_ok_and(|count| count == LOOKED_AT);
        let next = parked.last().filter(|_| full).map(|row| row.key.clone());
        let mut replayed = 0;
        for row in &parked {
            let store = self.store_by_now(row);
            if (row.known && row.has_store) || store.is_some() {
                match self.replay(&row.key, store).await {
                    Ok(()) => replayed += 1,
                    // It would fail the same way for ever.
                    Err(error) if error.is_of_the_row() => {
                        let (key, error) = (&row.key, error.chain());
                        tracing::error!(?key, %error, "a receipt with parked lines is not posted");
                        let mut db = self.db.acquire().await?;
                        let own = subject(PARKED, key);
                        let words = clean(&error);
                        dead_letters::say_of_subject(&mut db, &key.shop, &own, &words).await?;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok((next.unwrap_or_default(), replayed))
    }

    /// Posts a receipt again, in a transaction of its own.
    async fn replay(&self, key: &ReceiptKey, store: Option<&str>) -> Result<(), Error> {
        repeated(false, || async {
            let mut tx = self.db.begin().await?;
            self.post_again(&mut tx, key, store).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// The store of a receipt, where it was not known when it came and is by now.
    fn store_by_now(&self, row: &ParkedRow) -> Option<&str> {
        let named = row.store_named.as_deref();
        let till = self
            .tills()
            .iter()
            .find(|till| till.name.as_str() == row.key.till);
        let stock = self
            .stocks()
            .iter()
            .find(|stock| stock.name.as_str() == row.stock)?;
        let own = till.and_then(|till| till.store(named));
        own.or_else(|| stock.store(named?))
            .filter(|_| !row.has_store)
    }

    /// Posts a receipt again; returns why lines of it are parked still.
    async fn post_again(
        &self,
        tx: &mut PgConnection,
        key: &ReceiptKey,
        store: Option<&str>,
    ) -> Result<Option<String>, Error> {
        let Some(answer) = rows::receipt_again(tx, key, store).await? else {
            return Ok(None);
        };
        let posted = posted(answer)?;
        self.metrics.receipt("replayed");
        self.pass_on_again(tx, key, posted.picked()).await?;
        let why = why_parked(key, &posted.parked, &Value::Null);
        let subjects = [subject(PARKED, key)];
        match &why {
            None => {
                let known = (ClosedHow::Retried, "what its lines name is known by now");
                dead_letters::close_subjects(tx, &key.shop, &subjects, known).await?;
            }
            Some((_, message)) => {
                let message = clean(message);
                dead_letters::say_of_subject(tx, &key.shop, &subjects[0], &message).await?;
            }
        }
        Ok(why.map(|(_, message)| message))
    }

    /// Who told an event of a shop that is kept as a letter: the till that it names, else the shop.
    pub(in crate::app) fn teller_of<'a>(
        &'a self,
        shop: Option<&'a ShopName>,
        event: &Value,
    ) -> Teller<'a> {
        let named = event.pointer("/data/till").and_then(Value::as_str);
        let mut tills = self.tills().iter();
        let till = tills.find(|till| {
            let name = till.name.as_str();
            Some(&till.shop) == shop && named.is_some_and(|it| it == name || is_part(it, name))
        });
        match (till, shop) {
            (Some(till), _) => Teller::Till(till),
            (None, Some(shop)) => Teller::Shop(shop),
            (None, None) => Teller::Event,
        }
    }

    /// Tries a letter about a receipt again: parked lines are looked up once more, and a changed
    /// receipt takes the place of the one before, on a person's word.
    pub(in crate::app) async fn retry_receipt(
        &self,
        tx: &mut PgConnection,
        letter: &LetterRow,
        options: &Retry,
    ) -> Result<(), Error> {
        let fault = |detail: &str| {
            Error::Invalid(vec![Fault {
                pointer: String::new(),
                detail: detail.to_owned(),
            }])
        };
        if options.payload.is_some() {
            return Err(fault(NOTHING_TO_MEND));
        }
        let event = letter.payload.value().map_err(fault)?;
        let shop = letter
            .shop
            .as_deref()
            .and_then(|shop| ShopName::parse(shop).ok());
        let subject = dead_letters::subject(tx, letter.id)
            .await?
            .unwrap_or_default();
        let by = self.teller_of(shop.as_ref(), event);
        let new = self
            .read_receipt(by, event)
            .map_err(|rejection| Error::Invalid(rejection.faults))?;
        if subject.starts_with(CHANGED) {
            let posted = posted(rows::receipt(tx, &new.said, true).await?)?;
            let subjects = [self::subject(PARKED, &new.key)];
            let taken = (
                ClosedHow::Overtaken,
                "another version of the receipt was taken by hand",
            );
            dead_letters::close_subjects(tx, &new.key.shop, &subjects, taken).await?;
            self.tell_of_parked(tx, &new, &posted).await?;
            let picked = posted.picked();
            return self.pass_on(tx, &new, picked, posted.revision).await;
        }
        let store = new.said["store"].as_str();
        // The letter is closed by whoever asked.
        let Some(answer) = rows::receipt_again(tx, &new.key, store).await? else {
            return Ok(());
        };
        let posted = posted(answer)?;
        self.pass_on_again(tx, &new.key, posted.picked()).await?;
        match why_parked(&new.key, &posted.parked, &new.said["store_named"]) {
            Some((_, message)) => Err(fault(&message)),
            None => Ok(()),
        }
    }
}

const NOTHING_TO_MEND: &str =
    "a receipt is mended in its till: count the product in, or name the store, and try again";

/// The till of a receipt: a till's key speaks for its own name, and for what it calls its parts.
fn till_of(by: Teller<'_>, receipt: &Receipt) -> Option<String> {
    let said = receipt.till.as_deref();
    match by {
        Teller::Till(till) => {
            let name = till.name.as_str();
            Some(match said {
                Some(said) if said != name && !is_part(said, name) => format!("{name}/{said}"),
                Some(said) => said.to_owned(),
                None => name.to_owned(),
            })
        }
        Teller::Shop(_) | Teller::Event => said.map(str::to_owned),
    }
}

/// Whether a till is a part of the one of this name.
pub(super) fn is_part(till: &str, name: &str) -> bool {
    till.strip_prefix(name)
        .is_some_and(|part| part.starts_with('/'))
}

fn subject(begins: &str, key: &ReceiptKey) -> String {
    format!("{begins}{}/{}", key.till, key.receipt)
}

fn posted(answer: Value) -> Result<Posted, Error> {
    serde_json::from_value(answer).map_err(|error| {
        let detail = error.to_string();
        storage::Error::Unreadable {
            table: "the answer of a stock function",
            detail,
        }
        .into()
    })
}
