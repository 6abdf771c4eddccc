//! Trying events again that could not be accepted, and are about no order.

use super::retry::{TAKEN, end, refused};
use crate::{
    app::{Accepted, Actor, DeadLetters, Error, RetryOutcome},
    domain::ShopName,
    storage::dead_letters::LetterRow,
};
use serde_json::Value;
use sqlx::PgConnection;

impl DeadLetters {
    /// An event about a product or an activity that could not be accepted is read anew.
    pub(super) async fn retry_stray_subject(
        &self,
        tx: &mut PgConnection,
        letter: &LetterRow,
        who: &Actor,
        payload: &Value,
    ) -> Result<RetryOutcome, Error> {
        let shop = letter.shop.as_deref().map(ShopName::parse).transpose();
        let shop = shop.map_err(|detail| refused("/shop", detail))?;
        let read = self.intake.read_subject(shop.as_ref(), payload);
        let event = read.map_err(|rejection| Error::Invalid(rejection.faults))?;
        let retried = match self.intake.store_subject(tx, &event).await? {
            Accepted::Duplicate => RetryOutcome::Duplicate,
            Accepted::Conflict => return Err(refused("/id", TAKEN.to_owned())),
            _ => RetryOutcome::Queued,
        };
        end(tx, letter, who, retried).await
    }

    /// An event about goods that could not be accepted is read anew.
    pub(super) async fn retry_goods(
        &self,
        tx: &mut PgConnection,
        letter: &LetterRow,
        who: &Actor,
        payload: &Value,
    ) -> Result<RetryOutcome, Error> {
        let shop = letter.shop.as_deref().map(ShopName::parse).transpose();
        let shop = shop.map_err(|detail| refused("/shop", detail))?;
        let by = self.stock.teller_of(shop.as_ref(), payload);
        let read = self.stock.read_goods(by, payload);
        let event = read.map_err(|rejection| Error::Invalid(rejection.faults))?;
        let retried = match self.stock.store_goods(tx, &event).await? {
            Accepted::Queued | Accepted::Changed(_) => RetryOutcome::Queued,
            Accepted::Duplicate => RetryOutcome::Duplicate,
            Accepted::Invalid(faults) | Accepted::Refused(_, faults) => {
                return Err(Error::Invalid(faults));
            }
            Accepted::Conflict => return Err(refused("/id", TAKEN.to_owned())),
            Accepted::Failed(why) => return Err(refused("", why)),
        };
        end(tx, letter, who, retried).await
    }
}
