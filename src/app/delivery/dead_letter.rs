//! Giving up one thing, in a transaction of its own.

use crate::{
    app::{Claim, Delivery, Error, Kind, subjects},
    domain::{
        ErrorCode,
        happening::{OrderEvent, Words},
    },
    storage::{
        EventState, Reason, dead_letters,
        journal::{self, Line, LineKind},
        queue::{
            attempts::{self, NewAttempt},
            lanes::{self, Lease},
            orders, outbox,
        },
    },
};

pub(in crate::app) use crate::app::subjects::clean;

impl Delivery {
    /// Makes a claimed order's event a dead letter, whatever it holds. Nothing that is known of the
    /// order is touched: it may have been written, and is looked up when somebody tries it again.
    /// Nothing happens if a newer event has come.
    pub async fn dead_letter_claim(
        &self,
        lease: &Lease,
        claim: &Claim,
        code: ErrorCode,
        message: &str,
    ) -> Result<(), Error> {
        if claim.kind == Kind::Subject {
            let fault = (code, message.to_owned());
            return subjects::dead_letter(&self.db, &self.metrics, lease, claim, fault).await;
        }
        let (shop, number, event) = (claim.shop.clone(), claim.number.clone(), claim.event);
        let message = clean(message);
        tracing::error!(shop, number, %code, "an order is given up");
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let why = Reason::new(code, &message);
        let Some(nth) = orders::give_up(&mut tx, (&shop, &number, event), why).await? else {
            return Ok(tx.rollback().await?);
        };
        outbox::settle(&mut tx, &[event], &[EventState::Dead]).await?;
        let code = code.as_str().to_owned();
        let attempt = NewAttempt {
            event,
            nth,
            code: code.clone(),
            message: message.clone(),
        };
        attempts::add(&mut tx, &[attempt]).await?;
        let what = OrderEvent::GivenUp {
            words: Words(message.clone()),
            code: code.clone(),
        };
        dead_letters::write(
            &mut tx,
            &[event],
            std::slice::from_ref(&code),
            &[message],
            &[nth],
        )
        .await?;
        let line = Line {
            shop,
            number,
            kind: LineKind::Dead,
            what: what.into(),
            detail: None,
        };
        journal::add(&mut tx, &[line]).await?;
        tx.commit().await?;
        self.metrics.died(&lease.portal, &code);
        self.metrics.tried(&lease.portal, "dead", 1);
        Ok(())
    }
}
