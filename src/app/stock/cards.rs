//! Cards and messages about goods: receipts as deals and comments and in the lives of orders, tasks
//! for a person about goods that were lost, and the message that tells the shop of a receipt.

use super::receipts::{NewReceipt, is_part};
use crate::{
    app::{
        Error, Registry, Stock,
        forms::notes::{self, Note},
        lane_of,
    },
    domain::{ShopName, happening::GoodsEvent},
    formats::tills::{self, ReceiptKind, TillSettings},
    storage::{
        MessageKind,
        journal::{self, Line},
        stock::{self as rows, ReceiptKey},
        sync::messages,
    },
};
use serde_json::{Value, json};
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

    /// What an order's life, the shop and the portal are told of a new version of a receipt, the
    /// last of so many; whether pieces that were held have left with it. One that was annulled
    /// before anybody heard of it has no card, and needs none.
    pub(super) async fn pass_on(
        &self,
        tx: &mut PgConnection,
        new: &NewReceipt,
        picked: bool,
        versions: i64,
    ) -> Result<(), Error> {
        tell_order(tx, new, picked, versions).await?;
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
        let own = tills::key(&key.till, &key.receipt);
        let card = match (receipt.kind, &receipt.of) {
            (ReceiptKind::Refund, Some(of)) => {
                let of_order = rows::number_of(tx, &sale_of(key, of)).await?;
                Some(of_order.unwrap_or_else(|| tills::key(&key.till, of)))
            }
            _ => order_of(tx, new).await?,
        };
        match (receipt.kind, card.as_deref()) {
            (ReceiptKind::Sale, None) => {
                notes::put_receipt(tx, (shop, portal, &own), deals, &data).await?;
            }
            (kind, Some(card)) => {
                if kind == ReceiptKind::Sale {
                    // What was said of the sale before anybody knew that it is a pick-up.
                    notes::readdress(tx, shop, (&own, card)).await?;
                }
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

/// A sale of the till that a refund came from.
fn sale_of(refund: &ReceiptKey, of: &str) -> ReceiptKey {
    ReceiptKey {
        receipt: of.to_owned(),
        ..refund.clone()
    }
}

/// The order whose goods a receipt is about: that it is the pick-up of, or whose pick-up it
/// refunds.
async fn order_of(tx: &mut PgConnection, new: &NewReceipt) -> Result<Option<String>, Error> {
    let (key, receipt) = (&new.key, &new.receipt);
    let by_sale = match (receipt.kind, &receipt.of) {
        (ReceiptKind::Refund, Some(of)) => rows::number_of(tx, &sale_of(key, of)).await?,
        (ReceiptKind::Sale, _) if receipt.cancelled => rows::number_of(tx, key).await?,
        _ => None,
    };
    Ok(by_sale.or_else(|| receipt.number.clone()))
}

/// What became of an order's goods, by the receipt and its till.
type Told = fn(String, String) -> GoodsEvent;

/// Tells the life of an order what a receipt did to its goods, and what came before its pick-up:
/// each thing once. One that was annulled before anybody heard of it did nothing.
async fn tell_order(
    tx: &mut PgConnection,
    new: &NewReceipt,
    picked: bool,
    versions: i64,
) -> Result<(), Error> {
    let (key, receipt) = (&new.key, &new.receipt);
    match (receipt.kind, &receipt.of) {
        (ReceiptKind::Refund, Some(of)) => rows::lock_sale(tx, &sale_of(key, of)).await?,
        (ReceiptKind::Sale, _) if receipt.number.is_some() => rows::lock_sale(tx, key).await?,
        _ => {}
    }
    let Some(number) = order_of(tx, new).await? else {
        return Ok(());
    };
    let own = key.receipt.clone();
    let brought: Told = |receipt, till| GoodsEvent::BroughtBack { receipt, till };
    let mut told: Vec<(String, Told)> = Vec::new();
    match (receipt.kind, receipt.cancelled) {
        (ReceiptKind::Sale, false) => {
            if picked {
                told.push((own, |receipt, till| GoodsEvent::PickedUp { receipt, till }));
            }
            let refunds = rows::refunds_of(tx, key).await?.into_iter();
            told.extend(refunds.map(|refund| (refund, brought)));
        }
        (ReceiptKind::Refund, false) => told.push((own, brought)),
        (_, true) if versions < 2 => {}
        (ReceiptKind::Sale, true) => {
            told.push((own, |receipt, till| GoodsEvent::PickUpAnnulled {
                receipt,
                till,
            }));
        }
        (ReceiptKind::Refund, true) => {
            told.push((own, |receipt, till| GoodsEvent::ReturnAnnulled {
                receipt,
                till,
            }));
        }
    }
    for (receipt, what) in told {
        let detail = json!({ "receipt": receipt, "till": key.till });
        let line = Line {
            shop: key.shop.clone(),
            number: number.clone(),
            kind: "goods",
            what: what(receipt, key.till.clone()).into(),
            detail: Some(detail),
        };
        journal::add_once(tx, &line).await?;
    }
    Ok(())
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
