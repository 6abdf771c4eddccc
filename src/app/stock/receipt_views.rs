//! Receipts and tills, as people look at them; and what a till's body would mean.

use super::Teller;
use crate::{
    app::{Error, Stock},
    domain::{Fault, ReceiptKind, TillName},
    formats::tills::{Receipt, TillKind, TillSettings},
    storage::stock::{self as rows, Meant, ReceiptRow},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::storage::stock::ReceiptFilter;

/// A receipt, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptView {
    /// The shop's name in the settings.
    pub shop: String,
    /// The till: its name in the settings, with a part of it behind a slash; or as the event named
    /// it.
    pub till: String,
    /// The receipt's id in the till: with shop and till its identity.
    pub receipt: String,
    /// The store, as it is called here, else as it was named.
    pub store: Option<String>,
    /// `sale`: goods went to the customer; `refund`: they came back.
    pub kind: ReceiptKind,
    /// The order that was picked up.
    pub number: Option<String>,
    /// Whether it was annulled.
    pub cancelled: bool,
    /// When it was closed, by the till's clock.
    pub closed_at: DateTime<Utc>,
    /// When its newest version came.
    pub changed_at: DateTime<Utc>,
    /// What was paid, or paid back, in the receipt's currency; `None`: the till did not say it.
    pub total: Option<String>,
    /// Its goods, in words; or why what is stored of them cannot be read.
    pub goods: String,
    /// How many lines are parked.
    pub parked: i32,
    /// Where it stands in the 1C base that gets it; none: none does.
    pub onec: Option<ReceiptInOneC>,
}

/// Where a receipt stands in a 1C base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptInOneC {
    /// The base's name in the settings.
    pub base: String,
    /// `Номер` there, once it was offered.
    pub number: Option<String>,
    /// The document's number in 1C, once it has told it.
    pub onec_number: Option<String>,
    /// When the base confirmed it.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// Whether the base is to get something newer.
    pub waits: bool,
    /// Why it does not go.
    pub held: Option<String>,
    /// 1C has cancelled it, or marked it for deletion.
    pub undone: bool,
}

/// A till, and what it has sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TillView {
    /// The till's name in the settings.
    pub till: String,
    /// How its receipts come: `event`, `evotor` or `moysklad`.
    pub kind: &'static str,
    /// The shop's name in the settings.
    pub shop: String,
    /// Receipts that came or were changed within a day.
    pub received: i64,
    /// When the newest came, within a month.
    pub newest: Option<DateTime<Utc>>,
    /// Receipts with parked lines.
    pub parked: i64,
    /// Of these, those whose store is not known.
    pub storeless: i64,
    /// Of the others, those that wait for nothing but a unit.
    pub in_other_units: i64,
    /// When its vendor's API was last read to its end.
    pub read_at: Option<DateTime<Utc>>,
    /// For how many seconds it has not been read; none: it is not read.
    pub unread_for: Option<f64>,
}

/// What a receipt would come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReceiptTrial {
    /// Its id, if it has one.
    pub receipt: Option<String>,
    /// The store; none: not known.
    pub store: Option<String>,
    /// What is wrong with it.
    pub faults: Vec<String>,
    /// The lines that are goods; none where the receipt cannot be read.
    pub lines: Vec<LineTrial>,
}

/// What a line of a receipt would come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineTrial {
    /// The line's id in the receipt.
    pub line: String,
    /// The name that stands in it: the product's id, else the article, else the barcode.
    pub named: String,
    /// How much was sold or taken back: above zero, at most three digits after the point.
    pub quantity: String,
    /// The products that it may mean: exactly one is posted, else the line is parked.
    pub products: Vec<String>,
    /// Whether the product that it means is counted in another unit: then it is none of these.
    pub other_unit: bool,
}

impl Stock {
    /// Receipts, the newest change first.
    pub async fn receipts(
        &self,
        filter: &ReceiptFilter,
        limit: i64,
    ) -> Result<Vec<ReceiptView>, Error> {
        let mut db = self.db.acquire().await?;
        let rows = rows::newest_receipts(&mut db, filter, limit).await?;
        Ok(rows.into_iter().map(view).collect())
    }

    /// The tills, and what each has sent.
    pub async fn till_views(&self) -> Result<Vec<TillView>, Error> {
        let tills = self.tills();
        let name = |till: &TillSettings| till.name.as_str().to_owned();
        let names: Vec<String> = tills.iter().map(name).collect();
        let shop = |till: &TillSettings| till.shop.as_str().to_owned();
        let shops: Vec<String> = tills.iter().map(shop).collect();
        let mut db = self.db.acquire().await?;
        let figures = rows::till_figures(&mut db, &shops, &names).await?;
        let mut views = Vec::new();
        for (till, figures) in tills.iter().zip(figures) {
            let (name, shop) = (till.name.as_str(), till.shop.as_str());
            views.push(TillView {
                till: name.to_owned(),
                kind: till.kind.as_str(),
                shop: shop.to_owned(),
                received: figures.received,
                newest: figures.newest,
                parked: figures.parked,
                storeless: figures.storeless,
                in_other_units: figures.in_other_units,
                read_at: figures.read_at,
                unread_for: figures.unread_for,
            });
        }
        Ok(views)
    }

    /// The tills whose vendors' APIs are read, and for how many seconds each was not.
    pub(in crate::app) async fn unread_tills(&self) -> Result<Vec<(String, f64)>, Error> {
        let read = |till: &&TillSettings| till.kind == TillKind::Moysklad;
        let names: Vec<String> = self
            .tills()
            .iter()
            .filter(read)
            .map(|till| till.name.as_str().to_owned())
            .collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut db = self.db.acquire().await?;
        Ok(rows::unread_tills(&mut db, &names).await?)
    }

    /// What events of a till would come to. Nothing is stored.
    pub async fn try_receipts(
        &self,
        till: &TillName,
        events: &[Value],
    ) -> Result<Vec<ReceiptTrial>, Error> {
        let till = self.till(till)?;
        let mut trials = Vec::with_capacity(events.len());
        for event in events {
            trials.push(self.try_receipt(till, event).await?);
        }
        Ok(trials)
    }

    async fn try_receipt(&self, till: &TillSettings, event: &Value) -> Result<ReceiptTrial, Error> {
        let told = event.pointer("/data/receipt").and_then(Value::as_str);
        let new = match self.read_receipt(Teller::Till(till), event) {
            Ok(new) => new,
            Err(rejection) => {
                let words = |fault: &Fault| format!("{}: {}", fault.pointer, fault.detail);
                return Ok(ReceiptTrial {
                    receipt: told.map(str::to_owned),
                    store: None,
                    faults: rejection.faults.iter().map(words).collect(),
                    lines: Vec::new(),
                });
            }
        };
        let receipt: &Receipt = &new.receipt;
        let mut db = self.db.acquire().await?;
        let mut lines = Vec::new();
        for line in receipt.goods() {
            let names = line.names();
            let means = rows::products_named(&mut db, till.shop.as_str(), &names).await?;
            lines.push(LineTrial {
                line: line.line.clone(),
                named: named(&names),
                quantity: crate::stock::text(line.quantity),
                other_unit: means == Meant::InOtherUnit,
                products: match means {
                    Meant::Nothing | Meant::InOtherUnit => Vec::new(),
                    Meant::One(product) => vec![product],
                    Meant::Several(products) => products,
                },
            });
        }
        Ok(ReceiptTrial {
            receipt: Some(receipt.receipt.clone()),
            store: new.store().map(str::to_owned),
            faults: Vec::new(),
            lines,
        })
    }
}

/// A line of a receipt, as it is stored.
#[derive(Debug, Deserialize)]
struct StoredLine {
    quantity: String,
    names: Value,
}

fn view(row: ReceiptRow) -> ReceiptView {
    let key = format_args!("{} of the till {}", row.receipt, row.till);
    let lines = row
        .lines
        .typed_of::<Vec<StoredLine>>("bridge.receipts", "lines", key);
    let words = |line: &StoredLine| format!("{} × {}", line.quantity, named(&line.names));
    let goods = match lines {
        Ok(lines) => lines.iter().map(words).collect::<Vec<_>>().join("; "),
        // Whoever looks is told so, and not that there were no goods.
        Err(why) => why.to_string(),
    };
    let onec = row.base.map(|base| ReceiptInOneC {
        base,
        number: row.document,
        onec_number: row.onec_number,
        confirmed_at: row.confirmed_at,
        waits: row.waits == Some(true),
        held: row.held,
        undone: row.undone == Some(true),
    });
    ReceiptView {
        onec,
        goods,
        shop: row.shop,
        till: row.till,
        receipt: row.receipt,
        store: row.store.or(row.store_named),
        kind: row.kind,
        number: row.number,
        cancelled: row.cancelled,
        closed_at: row.closed_at,
        changed_at: row.changed_at,
        total: row.total,
        parked: row.parked,
    }
}

/// The first name that a line has.
fn named(names: &Value) -> String {
    let kinds = ["product_id", "sku", "barcode"];
    let name = kinds.iter().find_map(|kind| names.get(kind)?.as_str());
    name.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Json;

    fn row(lines: &str) -> ReceiptRow {
        let at = DateTime::from_timestamp(0, 0).unwrap();
        ReceiptRow {
            shop: "main".to_owned(),
            till: "t".to_owned(),
            receipt: "r-1".to_owned(),
            store: None,
            store_named: None,
            kind: ReceiptKind::Sale,
            number: None,
            cancelled: false,
            closed_at: at,
            changed_at: at,
            total: None,
            lines: Json::of(lines),
            parked: 0,
            base: None,
            document: None,
            onec_number: None,
            confirmed_at: None,
            waits: None,
            held: None,
            undone: None,
        }
    }

    #[test]
    fn goods_that_cannot_be_read_are_told_so_and_are_never_no_goods() {
        let line = r#"[{"line": "1", "names": {"sku": "A-1"}, "quantity": "2"}]"#;
        assert_eq!(view(row(line)).goods, "2 × A-1");
        let told = view(row("[7]")).goods;
        let place = "bridge.receipts holds what this version cannot read: `lines` of r-1 of";
        assert!(told.contains(place), "{told}");
    }
}
