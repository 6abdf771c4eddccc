//! Cards and messages about goods: receipts as deals and comments and in the lives of orders, tasks
//! for a person about goods that were lost, and the message that tells the shop of a receipt.

use super::receipts::{NewReceipt, is_part};
use crate::{
    app::{
        Error, Registry, Stock,
        forms::notes::{self, Note},
        lane_of,
    },
    domain::{OrderKey, ReceiptKind, ShopName, happening::GoodsEvent},
    formats::tills::{self, TillSettings},
    storage::{
        MessageKind,
        journal::{self, Line, LineKind},
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
        let goods = SoldGoods::of(new);
        let order = goods.order(tx).await?;
        goods.tell(tx, order.any(), picked, versions).await?;
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
                let by_sale = order.by_sale.clone();
                Some(by_sale.unwrap_or_else(|| tills::key(&key.till, of)))
            }
            _ => order.any().map(str::to_owned),
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

    /// What an order's life is told of a receipt whose parked lines were posted: whether pieces
    /// that were held have left with them.
    pub(super) async fn pass_on_again(
        &self,
        tx: &mut PgConnection,
        key: &ReceiptKey,
        picked: bool,
    ) -> Result<(), Error> {
        if !picked {
            return Ok(());
        }
        let number = rows::number_of(tx, key).await?;
        // Nothing else picks up.
        let goods = SoldGoods {
            key,
            kind: ReceiptKind::Sale,
            cancelled: false,
            of: None,
            number: number.as_deref(),
        };
        let order = goods.order(tx).await?;
        goods.tell(tx, order.any(), picked, 1).await
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

/// What a receipt says of goods.
struct SoldGoods<'a> {
    key: &'a ReceiptKey,
    kind: ReceiptKind,
    cancelled: bool,
    /// The sale that it refunds.
    of: Option<&'a str>,
    /// The order of which it is the pick-up.
    number: Option<&'a str>,
}

/// The order whose goods a receipt is about.
struct OrderOf {
    /// Whose pick-up it refunds, or was before it was annulled.
    by_sale: Option<String>,
    /// That it says itself.
    number: Option<String>,
}

impl OrderOf {
    fn any(&self) -> Option<&str> {
        self.by_sale.as_deref().or(self.number.as_deref())
    }
}

/// What became of an order's goods, by the receipt and its till.
type Told = fn(String, String) -> GoodsEvent;

impl<'a> SoldGoods<'a> {
    fn of(new: &'a NewReceipt) -> Self {
        Self {
            key: &new.key,
            kind: new.receipt.kind,
            cancelled: new.receipt.cancelled,
            of: new.receipt.of.as_deref(),
            number: new.receipt.number.as_deref(),
        }
    }

    /// The order, with the sale locked.
    async fn order(&self, tx: &mut PgConnection) -> Result<OrderOf, Error> {
        let by_sale = match (self.kind, self.of) {
            (ReceiptKind::Refund, Some(of)) => {
                let sale = sale_of(self.key, of);
                rows::lock_sale(tx, &sale).await?;
                rows::number_of(tx, &sale).await?
            }
            (ReceiptKind::Sale, _) => {
                if self.number.is_some() {
                    rows::lock_sale(tx, self.key).await?;
                }
                if self.cancelled {
                    rows::number_of(tx, self.key).await?
                } else {
                    None
                }
            }
            (ReceiptKind::Refund, None) => None,
        };
        Ok(OrderOf {
            by_sale,
            number: self.number.map(str::to_owned),
        })
    }

    /// Tells the life of an order what the receipt did to its goods, and what came before its
    /// pick-up: each thing once. One that was annulled before anybody heard of it did nothing.
    async fn tell(
        &self,
        tx: &mut PgConnection,
        order: Option<&str>,
        picked: bool,
        versions: i64,
    ) -> Result<(), Error> {
        let Some(number) = order else {
            return Ok(());
        };
        let key = self.key;
        let own = key.receipt.clone();
        let brought: Told = |receipt, till| GoodsEvent::BroughtBack { receipt, till };
        let mut told: Vec<(String, Told)> = Vec::new();
        match (self.kind, self.cancelled) {
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
                number: number.to_owned(),
                kind: LineKind::Goods,
                what: what(receipt, key.till.clone()).into(),
                detail: Some(detail),
            };
            journal::add_once(tx, &line).await?;
        }
        Ok(())
    }
}

/// Has a to-do put on the deal of an order that has lost its goods.
pub(super) async fn ask_for_the_goods(
    tx: &mut PgConnection,
    registry: &Registry,
    OrderKey { shop, number }: &OrderKey,
    why: &str,
) -> Result<(), Error> {
    let rules = ShopName::parse(shop).ok();
    let Some(rules) = rules.and_then(|shop| registry.rules(&shop)) else {
        return Ok(());
    };
    let title = format!("Товара не хватило: заказ {number}");
    let text = format!("{why}. Договоритесь с покупателем: замена, другой срок или отказ.");
    let on = (shop.as_str(), rules.portal.as_str(), number.as_str());
    Ok(notes::add(tx, on, &Note::Todo(title, text)).await?)
}
