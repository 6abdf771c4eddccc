//! Receipts whose sender cannot be answered.

use crate::{
    app::{Accepted, Error, Intake},
    domain::{ErrorCode, Fault, ShopName, TillName},
    storage::dead_letters,
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
        let (mut words, mut taken) = (Vec::with_capacity(events.len()), Vec::new());
        let accepted = self.stock.accept_of_till(till, events).await?;
        let settings = self.stock.till(till)?;
        for (event, accepted) in events.iter().zip(accepted) {
            let (code, faults) = match accepted {
                Accepted::Invalid(faults) => (ErrorCode::Invalid, faults),
                Accepted::Refused(code, faults) => (code, faults),
                Accepted::Failed(detail) => {
                    let pointer = String::new();
                    (ErrorCode::Bug, vec![Fault { pointer, detail }])
                }
                accepted => {
                    let receipt = event.pointer("/data/receipt").and_then(Value::as_str);
                    if accepted == Accepted::Queued {
                        taken.extend(receipt.map(str::to_owned));
                    }
                    words.push(accepted.word());
                    continue;
                }
            };
            if !self.was_let_go(&settings.shop, event).await? {
                self.dead_letter_received(&settings.shop, event, code, &faults)
                    .await?;
            }
            words.push("dead");
        }
        if !taken.is_empty() {
            let of = (settings.shop.as_str(), till.as_str());
            let mut db = self.db.acquire().await?;
            dead_letters::close_receipts(&mut db, of, &taken).await?;
        }
        Ok(words)
    }

    /// Whether a person has let this very event go: whoever reads a vendor's documents again comes
    /// by it again and again.
    async fn was_let_go(&self, shop: &ShopName, event: &Value) -> Result<bool, Error> {
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let (Some(source), Some(id)) = (text("source"), text("id")) else {
            return Ok(false);
        };
        let mut db = self.db.acquire().await?;
        Ok(dead_letters::was_let_go(&mut db, shop.as_str(), source, id).await?)
    }
}
