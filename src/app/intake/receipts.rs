//! Receipts whose sender cannot be answered.

use crate::{
    app::{Accepted, Error, Intake},
    domain::{ErrorCode, Fault, TillName},
};
use serde_json::Value;

impl Intake {
    /// Accepts receipts of a till whose sender cannot be answered: what cannot be used is kept as
    /// dead letters. One word for each, in order: `dead`, or what the API says.
    pub async fn take_receipts(
        &self,
        till: &TillName,
        events: &[Value],
    ) -> Result<Vec<&'static str>, Error> {
        let mut words = Vec::with_capacity(events.len());
        let accepted = self.stock.accept_of_till(till, events).await?;
        let mut tills = self.stock.tills().iter();
        let settings = tills
            .find(|known| known.name == *till)
            .ok_or(Error::NotFound)?;
        for (event, accepted) in events.iter().zip(accepted) {
            let (code, faults) = match accepted {
                Accepted::Invalid(faults) => (ErrorCode::Invalid, faults),
                Accepted::Refused(code, faults) => (code, faults),
                Accepted::Failed(detail) => {
                    let pointer = String::new();
                    (ErrorCode::Bug, vec![Fault { pointer, detail }])
                }
                taken => {
                    words.push(taken.word());
                    continue;
                }
            };
            self.dead_letter_received(&settings.shop, event, code, &faults)
                .await?;
            words.push("dead");
        }
        Ok(words)
    }
}
