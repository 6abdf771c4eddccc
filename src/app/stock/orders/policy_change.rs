//! A changed `ship_on` or `release_on`: what it would do with goods as they stand, and doing it
//! when somebody has seen that. By itself it moves nothing: goods move with their order's word.

use crate::{
    app::{Actor, Error, Stock},
    domain::{OrderKey, happening::Act},
    stock::{GoodsAct, StockSettings},
    storage::{
        journal,
        queue::orders,
        stock::policy::{self, GoodsStand},
    },
};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use std::collections::HashMap;

/// Orders that are looked at in one transaction.
const PAGE: i64 = 100;

/// An order whose goods do not stand as its status says by the settings of now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoodsDifference {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The status that the order has, whoever gave it.
    pub status: String,
    /// What would become of its goods.
    pub act: GoodsAct,
}

/// The next orders that were looked at.
struct Page {
    found: Vec<GoodsDifference>,
    /// Where to go on; none: that was all.
    next: Option<OrderKey>,
}

impl Stock {
    /// The orders of a stock's shops whose goods do not stand as `ship_on` and `release_on` say by
    /// now: those for which something is held, and those of which nothing has left. After so many
    /// it ends. Nothing is moved.
    pub async fn goods_plan(
        &self,
        of: &StockSettings,
        most: usize,
    ) -> Result<Vec<GoodsDifference>, Error> {
        let mut planned = Vec::new();
        let mut after = Some(OrderKey::new("", ""));
        while let Some(place) = after.filter(|_| planned.len() < most) {
            let mut tx = self.db.begin().await?;
            let page = self.astray(&mut tx, of, &place).await?;
            tx.rollback().await?;
            planned.extend(page.found);
            after = page.next;
        }
        planned.truncate(most);
        Ok(planned)
    }

    /// Has the goods of these orders follow their statuses, on record; returns of how many orders.
    /// Each is looked at once more where it is locked.
    pub async fn apply_goods_plan(&self, of: &StockSettings, who: &Actor) -> Result<usize, Error> {
        let mut applied = 0;
        let mut after = Some(OrderKey::new("", ""));
        while let Some(place) = after {
            let mut tx = self.db.begin().await?;
            let page = self.astray(&mut tx, of, &place).await?;
            after = page.next;
            if page.found.is_empty() {
                continue;
            }
            let found = page.found.iter();
            let keys: Vec<_> = found
                .map(|one| OrderKey::new(&one.shop, &one.number))
                .collect();
            self.follow(&mut tx, &keys, None).await?;
            let stock = of.name.as_str();
            let act = Act::GoodsApplied {
                stock: stock.to_owned(),
                orders: keys.len(),
            };
            let detail = json!({ "orders": page.found });
            journal::audit(&mut tx, &who.0, &act, stock, &detail).await?;
            tx.commit().await?;
            applied += keys.len();
        }
        Ok(applied)
    }

    /// The next orders whose goods stand otherwise, locked with all that were looked at.
    async fn astray(
        &self,
        db: &mut PgConnection,
        of: &StockSettings,
        after: &OrderKey,
    ) -> Result<Page, Error> {
        let shops = of.shops.iter().map(|(shop, _)| shop.as_str().to_owned());
        let shops: Vec<String> = shops.collect();
        let name = of.name.as_str();
        let ship_on = &of.orders.ship_on;
        let rows = policy::maybe_astray(db, (name, &shops), ship_on, after, PAGE).await?;
        let full = i64::try_from(rows.len()).is_ok_and(|count| count == PAGE);
        let next = rows.last().filter(|_| full).map(|last| last.order.clone());
        let stand = rows.into_iter().map(|row| (row.order.clone(), row));
        let stand: HashMap<OrderKey, GoodsStand> = stand.collect();
        let (shops, numbers) = OrderKey::columns(stand.keys().cloned());
        orders::lock(db, &shops, &numbers).await?;
        let mut statuses = self.statuses_of(db, (&shops, &numbers)).await?;
        let mut found = Vec::new();
        for head in orders::heads(db, &shops, &numbers).await? {
            let key = OrderKey::new(&head.shop, &head.number);
            let (Some(row), Some(status)) = (stand.get(&key), statuses.remove(&key)) else {
                continue;
            };
            let (act, wants) = match &head.event {
                None => (status.goods.act(&of.orders), false),
                Some(event) => {
                    // One that cannot be read is told by the letter of its event.
                    let body = event.body.value().ok();
                    let goods = body.and_then(|body| self.meant(&key, body, Some(&status.goods)));
                    let Some(goods) = goods else { continue };
                    (goods.act, !goods.lines.is_empty())
                }
            };
            let differs = match act {
                GoodsAct::Release => row.held,
                GoodsAct::Ship => row.held || wants && !row.gone,
                GoodsAct::Hold | GoodsAct::Keep => false,
            };
            if differs {
                found.push(GoodsDifference {
                    shop: key.shop,
                    number: key.number,
                    status: status.goods.status,
                    act,
                });
            }
        }
        Ok(Page { found, next })
    }
}
