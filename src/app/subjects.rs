//! Subjects of the queue, as far as they are alike: how one is claimed, given up, and written
//! about.

use super::{Claim, Error, Kind};
use crate::{
    domain::{
        ErrorCode, Fault, ProductEvent,
        happening::{OrderEvent, Words},
        product_key,
    },
    process::telemetry::Metrics,
    storage::{
        self, Reason, dead_letters,
        journal::{self, Line, LineKind},
        queue::{
            lanes::{self, Lease},
            subjects::{self, DueSubject},
        },
    },
};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

/// The longest message that is kept.
const MESSAGE: usize = 2_000;

/// The claim of a subject's state.
pub(in crate::app) fn claim_of(due: &DueSubject) -> Claim {
    Claim {
        kind: Kind::Subject,
        shop: due.shop.clone(),
        number: due.key.clone(),
        event: due.revision,
        person: None,
        firm: None,
        contact_key: None,
        company_key: None,
        traceparent: None,
        history: false,
        follows: false,
        unlinked: None,
    }
}

/// Makes a claimed subject a dead letter. Nothing that is known of it is touched.
pub(in crate::app) async fn dead_letter(
    db: &PgPool,
    metrics: &Metrics,
    lease: &Lease,
    claim: &Claim,
    (code, message): (ErrorCode, String),
) -> Result<(), Error> {
    let (shop, key) = (&claim.shop, &claim.number);
    let message = clean(&message);
    tracing::error!(shop, key, %code, "a subject is given up");
    let mut tx = db.begin().await?;
    lanes::fence(&mut tx, lease).await?;
    let why = Reason::new(code, &message);
    let state = (&**shop, &**key, claim.event);
    let Some(nth) = subjects::give_up(&mut tx, state, why).await? else {
        return Ok(tx.rollback().await?);
    };
    write_letter(&mut tx, (shop, key), why, nth).await?;
    tx.commit().await?;
    metrics.died(&lease.portal, code.as_str());
    metrics.tried(&lease.portal, "dead", 1);
    Ok(())
}

/// Writes the letter of a subject that was given up after so many tries, and the line of its life.
pub(in crate::app) async fn write_letter(
    db: &mut PgConnection,
    (shop, key): (&str, &str),
    Reason { code, message }: Reason<'_>,
    tries: i32,
) -> Result<(), storage::Error> {
    let one = |text: &str| vec![text.to_owned()];
    let of = (&*one(shop), &*one(key));
    let codes = one(code.as_str());
    dead_letters::write_subjects(db, of, &codes, &one(message), &[tries]).await?;
    let line = Line {
        shop: shop.to_owned(),
        number: key.to_owned(),
        kind: LineKind::Dead,
        what: OrderEvent::GivenUp {
            words: Words(message.to_owned()),
            code: code.to_string(),
        }
        .into(),
        detail: None,
    };
    journal::add(db, &[line]).await
}

/// Whether a mended event is still about the product with this key.
pub(in crate::app) fn same_product(mended: &Value, key: &str) -> Result<(), Error> {
    let event = ProductEvent::read(mended).map_err(Error::Invalid)?;
    if product_key(&event.change.id) == key {
        return Ok(());
    }
    Err(Error::Invalid(vec![Fault {
        pointer: "/data/id".to_owned(),
        detail: format!("the letter is about {key}"),
    }]))
}

/// Words as Postgres can hold them, bounded.
pub(in crate::app) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
        .chars()
        .take(MESSAGE)
        .collect()
}
