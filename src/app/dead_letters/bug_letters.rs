//! Letters of what is neither an event nor a change of status: it met a fault of the bridge, or a
//! shop did not take it. It is out of the way, and is tried again when a person says so.

use crate::{
    app::{
        Accepted, DeadLetters, Error, RetryOutcome, delivery::dead_letter::clean, intake::accept,
    },
    domain::{
        ErrorCode, Fault, Marketplace, OrderKey, ShopName,
        happening::{Happening, OrderEvent, SyncEvent, Words},
    },
    formats::woocommerce::{self, Delivery},
    process::bug,
    storage::{
        AskedBy, Json, LetterAbout, Unreadable,
        dead_letters::{self, LetterRow, Special},
        journal::{self, Line, LineKind},
        onec::pushes,
        queue::{
            lanes::{self, Lease},
            portal_identity,
        },
        stock,
        sync::{comparisons, messages},
        written,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;

/// How long a notification is left alone before its deal is read.
const AT_ONCE_MS: i64 = 0;

/// What such a letter is about, with all that it takes to try it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub(in crate::app) enum About {
    /// A document of 1C that is refused.
    Document { base: String, document: i64 },
    /// An order that a base does not take.
    Push {
        base: String,
        shop: String,
        number: String,
    },
    /// An order whose status and stage could not be compared.
    Comparison { shop: String, number: String },
    /// A notification of a portal that could not be taken up.
    Notification {
        event: String,
        deal: Option<i64>,
        body: Value,
    },
    /// A row of a portal's stage history that could not be taken up.
    Move { deal: i64, row: Value },
    /// An order that could not be looked up by its origin.
    Origin { shop: String, number: String },
    /// A delivery of a shop's webhook that could not be read.
    Delivery {
        topic: String,
        delivery: String,
        marketplace: Marketplace,
        order: Value,
    },
    /// A message that a shop did not take.
    Message { id: i64, message: Value },
    /// A count of goods that cannot be applied: the database sets it aside.
    Count { stock: String, count: i64 },
}

impl About {
    fn kind(&self) -> LetterAbout {
        match self {
            Self::Document { .. } => LetterAbout::Document,
            Self::Push { .. } => LetterAbout::Push,
            Self::Comparison { .. } => LetterAbout::Comparison,
            Self::Notification { .. } => LetterAbout::Notification,
            Self::Move { .. } => LetterAbout::Move,
            Self::Origin { .. } => LetterAbout::Origin,
            Self::Delivery { .. } => LetterAbout::Delivery,
            Self::Message { .. } => LetterAbout::Message,
            Self::Count { .. } => LetterAbout::Count,
        }
    }
}

/// What a letter about a fault of the bridge belongs to, as far as that is known.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::app) struct Whose<'a> {
    pub(in crate::app) portal: Option<&'a str>,
    pub(in crate::app) shop: Option<&'a str>,
    pub(in crate::app) number: Option<&'a str>,
}

impl DeadLetters {
    /// Takes an order off the list of comparisons because the bridge failed at it; a letter says
    /// so. Nothing that is known of the order is touched.
    pub async fn dead_letter_comparison(
        &self,
        lease: &Lease,
        order: &OrderKey,
        words: &str,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let OrderKey { shop, number } = order;
        comparisons::drop_one(&mut tx, shop, number).await?;
        let about = About::Comparison {
            shop: shop.clone(),
            number: number.clone(),
        };
        let (code, words) = (ErrorCode::Bug, clean(words));
        let what = SyncEvent::GivenUpComparing {
            words: Words(words.clone()),
            code: code.to_string(),
        };
        let line = dead(shop, number, what);
        self.write_order_letter(&mut tx, lease, &about, &words, line)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Looks an order up by its origin no more because the bridge failed at it; a letter says so.
    /// Nothing is believed of it meanwhile: it is looked up when the shop next sends it.
    pub async fn dead_letter_search(
        &self,
        lease: &Lease,
        order: &OrderKey,
        words: &str,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        portal_identity::set_unverified(&mut tx, order, false).await?;
        let OrderKey { shop, number } = order;
        let about = About::Origin {
            shop: shop.clone(),
            number: number.clone(),
        };
        let (code, words) = (ErrorCode::Bug, clean(words));
        let what = OrderEvent::GivenUpLookingUp {
            words: Words(words.clone()),
            code: code.to_string(),
        };
        let line = dead(shop, number, what);
        self.write_order_letter(&mut tx, lease, &about, &words, line)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Writes an order's letter, and its line if there was no such letter.
    async fn write_order_letter(
        &self,
        tx: &mut PgConnection,
        lease: &Lease,
        about: &About,
        words: &str,
        line: Line,
    ) -> Result<(), Error> {
        let whose = Whose {
            portal: Some(&lease.portal),
            shop: Some(&line.shop),
            number: Some(&line.number),
        };
        if self.write_bug_letter(tx, whose, about, words).await? {
            journal::add(tx, &[line]).await?;
        }
        Ok(())
    }

    /// Writes the letter; true if there was none of the same thing.
    pub(in crate::app) async fn write_bug_letter(
        &self,
        tx: &mut PgConnection,
        whose: Whose<'_>,
        about: &About,
        words: &str,
    ) -> Result<bool, Error> {
        let kind = about.kind();
        let (portal, shop, number) = (whose.portal, whose.shop, whose.number);
        let word = kind.as_str();
        tracing::error!(portal, shop, number, about = word, code = %ErrorCode::Bug, "given up");
        let payload = written(about)?;
        let letter = Special {
            about: kind,
            portal,
            shop,
            number,
            code: ErrorCode::Bug.as_str(),
            message: &clean(words),
            payload: &Json::Value(payload),
        };
        let new = dead_letters::write_special(tx, &letter).await?;
        if new {
            let lane = portal.or(shop).unwrap_or_default();
            self.metrics.died(lane, ErrorCode::Bug.as_str());
        }
        Ok(new)
    }

    /// Reads a delivery of a shop's webhook. None if the bridge failed at it: then it waits as a
    /// dead letter, since nobody delivers it again.
    pub async fn read_delivery(
        &self,
        shop: &ShopName,
        marketplace: Marketplace,
        (topic, delivery): (&str, &str),
        order: &Value,
    ) -> Result<Option<Result<Delivery, woocommerce::Broken>>, Error> {
        let read = bug::caught(|| {
            self.traps.step(bug::Step::Translate, delivery);
            woocommerce::read(marketplace, topic, delivery, order)
        });
        let words = match read {
            Ok(read) => return Ok(Some(read)),
            Err(bug) => bug.to_string(),
        };
        let about = About::Delivery {
            topic: topic.to_owned(),
            delivery: delivery.to_owned(),
            marketplace,
            order: order.clone(),
        };
        let mut db = self.db.acquire().await?;
        self.write_bug_letter(&mut db, self.of_shop(shop), &about, &words)
            .await?;
        Ok(None)
    }

    /// Whose a thing of a shop is.
    pub(in crate::app) fn of_shop<'a>(&'a self, shop: &'a ShopName) -> Whose<'a> {
        let rules = self.registry.rules(shop);
        Whose {
            portal: rules.map(|rules| rules.portal.as_str()),
            shop: Some(shop.as_str()),
            number: None,
        }
    }

    /// Tries such a thing again.
    pub(in crate::app) async fn retry_about(
        &self,
        tx: &mut PgConnection,
        letter: &LetterRow,
    ) -> Result<RetryOutcome, Error> {
        let unknown = |why: &str| Error::Invalid(vec![fault(why)]);
        let portal = letter.portal.clone().unwrap_or_default();
        match about(letter)? {
            About::Document { document, .. } => {
                if !self.onec.decide_again(tx, document, true).await? {
                    let why = dead_letters::open(tx, letter.id).await?;
                    let why = why.map_or_else(|| letter.message.clone(), |now| now.message);
                    return Err(unknown(&why));
                }
            }
            About::Push { base, shop, number } => {
                if !pushes::revive(tx, &base, &OrderKey { shop, number }).await? {
                    return Ok(RetryOutcome::Duplicate);
                }
            }
            About::Comparison { shop, number } => {
                let key = (&*vec![shop], &*vec![number], &*vec![portal]);
                comparisons::ask(tx, key, AskedBy::Person, AT_ONCE_MS).await?;
            }
            About::Origin { shop, number } => {
                let order = OrderKey { shop, number };
                portal_identity::set_unverified(tx, &order, true).await?;
            }
            About::Notification { deal, .. } => {
                let deals: Vec<i64> = deal.into_iter().collect();
                comparisons::ask_deals(tx, &portal, &deals, AskedBy::Person, AT_ONCE_MS).await?;
            }
            About::Move { deal, .. } => {
                comparisons::ask_deals(tx, &portal, &[deal], AskedBy::Person, AT_ONCE_MS).await?;
            }
            About::Message { id, .. } => {
                if !messages::revive(tx, id).await? {
                    return Ok(RetryOutcome::Duplicate);
                }
            }
            About::Count { count, .. } => {
                if !stock::revive_count(tx, count).await? {
                    return Ok(RetryOutcome::Duplicate);
                }
            }
            About::Delivery {
                topic,
                delivery,
                marketplace,
                order,
            } => {
                let shop = letter.shop.as_deref().map(ShopName::parse);
                let shop = shop.and_then(Result::ok).ok_or(Error::NotFound)?;
                let read = bug::caught(|| {
                    self.traps.step(bug::Step::Translate, &delivery);
                    woocommerce::read(marketplace, &topic, &delivery, &order)
                })?;
                match read.map_err(|broken| Error::Invalid(broken.faults))? {
                    Delivery::Event(event) => {
                        let event = self.intake.read_event(Some(&shop), &event);
                        let new = event.map_err(|rejected| Error::Invalid(rejected.faults))?;
                        let stored = accept::store(&self.intake, tx, &[&new]).await?;
                        if stored.results.first() != Some(&Accepted::Queued) {
                            return Ok(RetryOutcome::Duplicate);
                        }
                    }
                    Delivery::Ignored(why) => return Err(unknown(why)),
                    Delivery::Notice { words, .. } => return Err(unknown(&words)),
                }
            }
        }
        Ok(RetryOutcome::Queued)
    }
}

fn dead(shop: &str, number: &str, what: impl Into<Happening>) -> Line {
    Line {
        shop: shop.to_owned(),
        number: number.to_owned(),
        kind: LineKind::Dead,
        what: what.into(),
        detail: None,
    }
}

/// A message that is not told any more, or a count that is not applied, because its letter is let
/// go.
pub(super) async fn let_go(tx: &mut PgConnection, letter: &LetterRow) -> Result<(), Error> {
    // Letters about other things say nothing that has to be read for this.
    let Some(LetterAbout::Message | LetterAbout::Count) = letter.about()? else {
        return Ok(());
    };
    match about(letter)? {
        About::Message { id, .. } => messages::drop_dead(tx, id).await?,
        About::Count { count, .. } => stock::drop_count(tx, count).await?,
        _ => {}
    }
    Ok(())
}

/// What a letter that is not about an event is about.
fn about(letter: &LetterRow) -> Result<About, Unreadable> {
    let key = format_args!("letter {}", letter.id);
    letter
        .payload
        .typed_of("bridge.dead_letters", "payload", key)
}

/// A letter that is not about an event has nothing to mend.
pub(in crate::app) fn nothing_to_mend() -> Error {
    let detail = "the letter is not about an event: there is nothing to mend in it".to_owned();
    Error::Invalid(vec![Fault {
        pointer: "/payload".to_owned(),
        detail,
    }])
}

fn fault(why: &str) -> Fault {
    Fault {
        pointer: String::new(),
        detail: why.to_owned(),
    }
}

/// The document of 1C that a letter is about.
pub(in crate::app) fn document(letter: &LetterRow) -> Result<Option<i64>, Unreadable> {
    if !letter.is_about(LetterAbout::Document) {
        return Ok(None);
    }
    Ok(match about(letter)? {
        About::Document { document, .. } => Some(document),
        _ => None,
    })
}
