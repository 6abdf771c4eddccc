//! Cards and messages about goods: receipts as deals and comments, tasks for a person about goods
//! that were lost, and the message that tells the shop of a receipt.

use super::receipts::{NewReceipt, is_part};
use crate::{
    app::{
        Error, Registry, Stock,
        forms::notes::{self, Note},
        lane_of,
    },
    domain::ShopName,
    formats::tills::{self, ReceiptKind, TillSettings},
    storage::{
        MessageKind,
        stock::{self as rows, ReceiptKey},
        sync::messages,
    },
};
use serde_json::Value;
use sqlx::PgConnection;

impl Stock {
    /// The till of a receipt, if it is one that is configured.
    fn settings_of(&self, key: &ReceiptKey) -> Option<&TillSettings> {
        let mut tills = self.tills().iter();
        tills.find(|till| {
            let name = till.name.as_str();
            till.shop.as_str() == key.shop && (key.till == name || is_part(&key.till, name))
        })
    }

    /// What the shop and the portal are told of a new version of a receipt, the last of so many.
    /// One that was annulled before anybody heard of it has no card, and needs none.
    pub(super) async fn pass_on(
        &self,
        tx: &mut PgConnection,
        new: &NewReceipt,
        versions: i64,
    ) -> Result<(), Error> {
        let Some(till) = self.settings_of(&new.key) else {
            return Ok(());
        };
        let (key, receipt) = (&new.key, &new.receipt);
        let mut data = new.said["body"].clone();
        if let Value::Object(members) = &mut data {
            members.insert("till".to_owned(), Value::from(key.till.as_str()));
            members.insert("store".to_owned(), new.said["store"].clone());
        }
        if till.tell_shop {
            let subject = format!("{}/{}", key.till, key.receipt);
            let number = receipt.number.as_deref();
            let of = (key.shop.as_str(), subject.as_str(), number);
            messages::add(tx, MessageKind::ReceiptSaved, of, &data).await?;
        }
        let rules = self.registry.rules(&till.shop);
        let (Some(deals), Some(rules)) = (&till.deals, rules) else {
            return Ok(());
        };
        if receipt.cancelled && versions < 2 {
            return Ok(());
        }
        let portal = rules.portal.as_str();
        let shop = key.shop.as_str();
        let card = match (receipt.kind, &receipt.of) {
            (ReceiptKind::Refund, Some(of)) => Some(card_of_sale(tx, key, of).await?),
            _ => receipt.number.clone(),
        };
        match (receipt.kind, card.as_deref()) {
            (ReceiptKind::Sale, None) => {
                let own = tills::key(&key.till, &key.receipt);
                notes::put_receipt(tx, (shop, portal, &own), deals, &data).await?;
            }
            (_, Some(card)) => {
                let note = Note::Comment(tills::comment(receipt, &key.till));
                notes::add(tx, (shop, portal, card), &note).await?;
            }
            // Of which sale it is, nobody knows.
            (ReceiptKind::Refund, None) => {}
        }
        Ok(())
    }

    /// Wakes who tells of a receipt that was stored.
    pub(super) fn wake_for(&self, new: &NewReceipt) {
        if let Some(lane) = self.registry.push_lane(&new.key.shop) {
            self.waker.wake(&lane);
        }
        let Some(till) = self.settings_of(&new.key) else {
            return;
        };
        if till.tell_shop {
            self.waker.wake(&lane_of(&new.key.shop));
        }
        let rules = self.registry.rules(&till.shop);
        if let Some(rules) = rules.filter(|_| till.deals.is_some()) {
            self.waker.wake(rules.portal.as_str());
        }
    }
}

/// On whose card a sale of this till stands: the order's that it was the pick-up of, else its own.
async fn card_of_sale(tx: &mut PgConnection, key: &ReceiptKey, of: &str) -> Result<String, Error> {
    let sale = ReceiptKey {
        receipt: of.to_owned(),
        ..key.clone()
    };
    let number = rows::number_of(tx, &sale).await?;
    Ok(number.unwrap_or_else(|| tills::key(&sale.till, of)))
}

/// Has a to-do put on the deal of an order that has lost its goods.
pub(super) async fn ask_for_the_goods(
    tx: &mut PgConnection,
    registry: &Registry,
    (shop, number): (&str, &str),
    why: &str,
) -> Result<(), Error> {
    let rules = ShopName::parse(shop).ok();
    let Some(rules) = rules.and_then(|shop| registry.rules(&shop)) else {
        return Ok(());
    };
    let title = format!("Товара не хватило: заказ {number}");
    let text = format!("{why}. Договоритесь с покупателем: замена, другой срок или отказ.");
    let on = (shop, rules.portal.as_str(), number);
    Ok(notes::add(tx, on, &Note::Todo(title, text)).await?)
}
