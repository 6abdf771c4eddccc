//! The turn of receipts of tills that wait for 1C.

use super::{
    draft::{Documents, Page},
    turn::{Drafts, held},
};
use crate::{
    app::Error,
    domain::{ErrorCode, OrderKey, ReceiptKind, ShopName},
    formats::{
        commerceml::write::Order,
        onec::{
            Base, Since,
            order::{Identity, Writing},
            receipt::{self, Fate, KnownGoods, ReceiptHold, Standing, TillReceipt},
        },
    },
    process::bug,
    storage::{
        Unreadable,
        onec::{
            goods,
            offers::Offer,
            orders::{NamedRow, WaitingRow},
            receipts::{self, TillReceiptRow},
        },
    },
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// From when on receipts go to a base that first got any at `first`; none: all.
pub(in crate::app::onec) fn receipts_since(
    base: &Base,
    first: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    match base.export.since {
        Since::All => Some(DateTime::UNIX_EPOCH),
        Since::Now => first,
        Since::At(at) => Some(at),
    }
}

/// Receipts by the orders that they are to the base.
type Found = BTreeMap<OrderKey, TillReceiptRow>;

/// What receipts are written with.
struct Around {
    names: BTreeMap<OrderKey, Identity>,
    sales: BTreeMap<OrderKey, String>,
    goods: BTreeMap<OrderKey, BTreeMap<String, KnownGoods>>,
    by_sku: BTreeMap<String, String>,
}

impl Drafts {
    /// Writes receipts; those that the base does not know yet are named. Nothing else is stored.
    pub(super) async fn receipts(
        &self,
        tx: &mut PgConnection,
        rows: Vec<WaitingRow>,
        page: &mut Page<impl Documents>,
    ) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let base = self.base.name.as_str();
        let of = |row: &WaitingRow| OrderKey::new(&row.shop, &row.number);
        let (shops, numbers) = OrderKey::columns(rows.iter().map(of));
        let keys = (shops.as_slice(), numbers.as_slice());
        let found = receipts::documents(&mut *tx, base, keys).await?;
        let key = |row: TillReceiptRow| (OrderKey::new(&row.shop, &row.number), row);
        let found: BTreeMap<OrderKey, _> = found.into_iter().map(key).collect();
        let since = receipts::since(&mut *tx, base).await?;
        let since = receipts_since(&self.base, since);
        let mut fates = Vec::with_capacity(rows.len());
        let mut fresh = Vec::new();
        for row in rows {
            let receipt = found.get(&OrderKey::new(&row.shop, &row.number));
            let fate = receipt.map(|receipt| self.standing(&row, receipt, since).fate());
            if let (Some(receipt), Some(Fate::Goes), None) = (receipt, fate, &row.doc_id) {
                fresh.extend(self.named_anew(receipt));
            }
            fates.push((row, receipt.zip(fate)));
        }
        let around = self
            .around(&mut *tx, (keys, &found), &fates, &fresh)
            .await?;
        let refused = |why: ReceiptHold| Err((Some(ErrorCode::OneCOrder), why.as_str().to_owned()));
        for (row, fate) in fates {
            let turn = match fate {
                None => refused(ReceiptHold::Gone),
                Some((_, Fate::Held(why))) => Err((None, why.as_str().to_owned())),
                Some((_, Fate::Refused(why))) => refused(why),
                Some((receipt, fate)) => self.written(&row, (receipt, fate), &around),
            };
            match turn {
                Ok((order, version)) => {
                    page.offered.push(Offer {
                        shop: row.shop,
                        number: row.number,
                        head: row.head,
                        version,
                        resends: row.resends,
                        status: None,
                    });
                    page.documents.take(order);
                }
                Err((code, why)) => page.held.push(held(&row, code, &why)),
            }
        }
        Ok(())
    }

    fn standing(
        &self,
        row: &WaitingRow,
        receipt: &TillReceiptRow,
        since: Option<DateTime<Utc>>,
    ) -> Standing {
        // By its own time, unless it was changed.
        let is_changed = receipt.changed_at > receipt.received_at;
        let at = if is_changed {
            receipt.changed_at
        } else {
            receipt.closed_at
        };
        let is_sale = receipt.kind == ReceiptKind::Sale;
        let of_order = receipt.order_number.as_ref().filter(|_| is_sale);
        Standing {
            goes: self.base.export.receipts,
            named: row.doc_id.is_some(),
            annulled: receipt.cancelled,
            older: since.is_some_and(|since| at < since),
            pick_up: of_order.map(|_| receipt.order_known),
        }
    }

    fn named_anew(&self, receipt: &TillReceiptRow) -> Option<NamedRow> {
        let shop = ShopName::parse(&receipt.shop).ok()?;
        let name = receipt::identity(&self.base, &shop, &receipt.till, &receipt.receipt);
        Some(NamedRow {
            shop: receipt.shop.clone(),
            number: receipt.number.clone(),
            doc_id: name.id,
            doc_number: name.number,
        })
    }

    /// Names those that are fresh, and reads what all are written with.
    async fn around(
        &self,
        tx: &mut PgConnection,
        (keys, found): ((&[String], &[String]), &Found),
        fates: &[(WaitingRow, Option<(&TillReceiptRow, Fate)>)],
        fresh: &[NamedRow],
    ) -> Result<Around, Error> {
        let base = self.base.name.as_str();
        let rows = fates.iter().map(|(row, _)| row);
        let names = self.names(&mut *tx, rows, fresh).await?;
        let sales = receipts::sales(&mut *tx, base, keys).await?;
        let sales = sales
            .into_iter()
            .map(|(shop, number, id)| (OrderKey { shop, number }, id));
        let mut known: BTreeMap<OrderKey, BTreeMap<String, KnownGoods>> = BTreeMap::new();
        // One that cannot be read names nothing: it is refused where it is written.
        let bodies = found.values().filter_map(|receipt| body_of(receipt).ok());
        let mut skus: BTreeSet<String> = bodies.flat_map(skus_of).collect();
        for row in receipts::goods(&mut *tx, base, keys).await? {
            skus.extend(row.sku.clone());
            let goods = KnownGoods {
                product: Some(row.product),
                xml_id: row.xml_id,
                sku: row.sku,
            };
            let order = OrderKey {
                shop: row.shop,
                number: row.number,
            };
            let lines = known.entry(order).or_default();
            lines.insert(row.line, goods);
        }
        let skus: Vec<String> = skus.into_iter().collect();
        let by_sku = if skus.is_empty() {
            Vec::new()
        } else {
            goods::by_sku(tx, base, &skus).await?
        };
        Ok(Around {
            names,
            sales: sales.collect(),
            goods: known,
            by_sku: by_sku.into_iter().collect(),
        })
    }

    /// The document, and its version; or the code and the reason why there is none.
    fn written(
        &self,
        row: &WaitingRow,
        (receipt, fate): (&TillReceiptRow, Fate),
        around: &Around,
    ) -> Result<(Order, String), (Option<ErrorCode>, String)> {
        let key = OrderKey::new(&row.shop, &row.number);
        let unusable = |why: String| (Some(ErrorCode::OneCOrder), why);
        let name = around.names.get(&key).ok_or_else(|| {
            let why = "another order has its Ид or its Номер in the base";
            (Some(ErrorCode::OneCNumber), why.to_owned())
        })?;
        let words = self.onec.shop_words(&row.shop);
        // It grows with each change, also across a restored back-up.
        let version = receipt.changed_at.timestamp_micros() + i64::from(row.resends);
        let with = Writing {
            base: &self.base,
            shop: &words,
            version: self.version,
            identity: name,
            onec_number: row.onec_number.clone(),
            number_of_version: version.to_string(),
            received_at: receipt.received_at,
            goods: &around.by_sku,
        };
        let none = BTreeMap::new();
        let told = TillReceipt {
            till: &receipt.till,
            receipt: &receipt.receipt,
            is_refund: receipt.kind == ReceiptKind::Refund,
            basis: around.sales.get(&key).cloned(),
            store: receipt.store.as_deref(),
            closed_at: receipt.closed_at,
            data: body_of(receipt).map_err(|why| unusable(why.to_string()))?,
            goods: around.goods.get(&key).unwrap_or(&none),
        };
        let rules = self.onec.intake.rules_of(&row.shop);
        let rules = rules.map_err(|error| unusable(error.to_string()))?;
        let order = bug::caught(|| match fate {
            Fate::IsNoMore => Ok(receipt::no_more(&with, &told)),
            _ => receipt::write(&with, &told, rules.reading()),
        });
        let order = order.map_err(|bug| (Some(ErrorCode::Bug), bug.to_string()))?;
        Ok((order.map_err(unusable)?, version.to_string()))
    }
}

/// The receipt as it came.
fn body_of(receipt: &TillReceiptRow) -> Result<&Value, Unreadable> {
    let body = receipt.body.value();
    body.map_err(|why| {
        let (shop, till) = (&receipt.shop, &receipt.till);
        let place = format_args!("{} of the till {till} of the shop {shop}", receipt.receipt);
        Unreadable::of("bridge.receipts", "body", place, why)
    })
}

/// The articles that its lines name.
fn skus_of(body: &Value) -> Vec<String> {
    let lines = body.get("lines").and_then(Value::as_array);
    let named = lines
        .into_iter()
        .flatten()
        .filter_map(|line| line.get("sku").and_then(Value::as_str));
    named.map(str::to_owned).collect()
}
