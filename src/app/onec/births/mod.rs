//! Orders that were made in 1C: the shop is told, and makes them its own.
//!
//! The order is the shop's: it comes about when the shop sends it, and the portal hears of it
//! then. Until that what 1C says of it waits.

mod customers;

use super::{outcome::Became, sides::Kept};
use crate::{
    app::{Error, Onec, intake::event_reader},
    domain::{
        ErrorCode, EventBody, ShopName,
        happening::{DocumentReason, GoodsEvent},
    },
    formats::{
        commerceml::Document,
        onec::{
            Base, Right,
            births::{Birth, NoBirth, birth, is_as_told},
        },
    },
    process::bug,
    storage::{
        MessageKind, Unreadable,
        journal::{self, Line, LineKind},
        onec::births::{self, BirthRow, NewBirth, TakenRow},
        queue,
        sync::messages,
    },
};
use serde_json::json;
use sqlx::PgConnection;
use std::time::Duration;
use tokio::time::Instant;

/// Orders that are recognised in one round.
const AT_ONCE: i64 = 100;

/// The shop in which a base's orders and customers are made.
fn shop_of(base: &Base) -> Option<&ShopName> {
    let named = base.import.new_orders_shop.as_ref();
    named.or_else(|| base.shops.first())
}

impl Onec {
    /// A document of an order that is not known: one that was made in 1C is told to the shop, where
    /// the settings want it.
    pub(super) async fn take_in_unknown(
        &self,
        tx: &mut PgConnection,
        base: &Base,
        document: &Document,
        kept: &Kept,
    ) -> Result<Became, Error> {
        let name = base.name.as_str();
        let number = document.number.as_ref().or(document.onec_number.as_ref());
        let number = number.map(String::as_str);
        let known = births::lock(&mut *tx, name, document.id.as_deref(), number).await?;
        let made = match birth(document, base) {
            Ok(made) => made,
            // It is known, and only its lines are not said again.
            Err(_) if known.is_some() => return Ok(waits(known.as_ref())),
            Err(why) => {
                return Ok(Became::refused_for(ErrorCode::OneCUnknown, why.reason()));
            }
        };
        let Some(shop) = shop_of(base).filter(|_| base.import.create_orders) else {
            let why = DocumentReason::NoSuchOrderNoBirths;
            return Ok(match known {
                Some(_) => waits(known.as_ref()),
                None => Became::refused_for(ErrorCode::OneCUnknown, why),
            });
        };
        // An old one, of which the base has never heard.
        let shops = super::names(&base.shops);
        if known.is_none() && births::is_order(&mut *tx, &shops, &made.number).await? {
            let why = NoBirth::OfSite.reason();
            return Ok(Became::refused_for(ErrorCode::OneCUnknown, why));
        }
        if known.is_none() && made.cancelled {
            return Ok(Became::overtaken(DocumentReason::CancelledUnborn));
        }
        if !base.may(kept.login.as_deref(), Right::Create) {
            return Ok(match known {
                Some(_) => waits(known.as_ref()),
                None => Became::applied().without(&[Right::Create]),
            });
        }
        self.tell_birth(tx, (base, shop), (&made, document), known, kept)
            .await
    }

    async fn tell_birth(
        &self,
        tx: &mut PgConnection,
        (base, shop): (&Base, &ShopName),
        (made, document): (&Birth, &Document),
        known: Option<BirthRow>,
        kept: &Kept,
    ) -> Result<Became, Error> {
        let new = NewBirth {
            base: base.name.as_str(),
            id: known.as_ref().map_or(&*made.id, |known| &*known.id),
            number: known.as_ref().map_or(&*made.number, |known| &*known.number),
            shop: known.as_ref().map_or(shop.as_str(), |known| &*known.shop),
            snapshot: &made.snapshot,
            status: made.status.as_deref(),
            said: document.status_id().or_else(|| document.status_name()),
            formed_at: kept.formed_at,
        };
        let is_new = known.is_none() && births::add(&mut *tx, &new).await?;
        let is_changed = match &known {
            Some(known) => is_changed(base, known, (made, kept))?,
            None => false,
        };
        if is_changed {
            births::tell(&mut *tx, &new).await?;
        }
        if is_new || is_changed {
            let body = json!({
                "number": new.number, "id": new.id, "source": "onec", "base": new.base,
                "snapshot": new.snapshot,
            });
            let of = (new.shop, new.number, Some(new.number));
            messages::add(&mut *tx, MessageKind::OrderCreated, of, &body).await?;
        }
        let became = Became::told().of(new.shop, new.number);
        Ok(became)
    }

    /// A shipment of an order that nobody knows makes it, where the settings want that.
    pub(super) async fn take_in_orphan(
        &self,
        tx: &mut PgConnection,
        base: &Base,
        shipment: &Document,
        kept: &Kept,
    ) -> Result<Option<Became>, Error> {
        if !base.import.create_order_for_shipment {
            return Ok(None);
        }
        let basis = shipment.basis.clone().or_else(|| shipment.id.clone());
        let order = Document {
            id: basis.clone(),
            number: basis,
            onec_number: None,
            ..shipment.clone()
        };
        let became = self.take_in_unknown(tx, base, &order, kept).await?;
        Ok(Some(became.beside()))
    }

    /// Payments and shipments of an order that the shop does not have yet wait for it. None: no
    /// such order was made in 1C.
    pub(super) async fn waits_for_birth(
        &self,
        tx: &mut PgConnection,
        base: &Base,
        basis: &str,
    ) -> Result<Option<Became>, Error> {
        let name = base.name.as_str();
        let known = births::lock(&mut *tx, name, Some(basis), None).await?;
        let known = match known {
            Some(known) => Some(known),
            None => births::lock(&mut *tx, name, None, Some(basis)).await?,
        };
        Ok(known.map(|known| waits(Some(&known)).beside()))
    }

    /// The same, of what the shops have sent by now; of all bases that wait for some.
    pub(super) async fn adopt_open_births(&self) -> Result<(), Error> {
        let open = {
            let mut db = self.db.acquire().await?;
            births::open_bases(&mut db).await?
        };
        let bases = self.registry.bases.values();
        for base in bases.filter(|base| open.iter().any(|name| name == base.name.as_str())) {
            let until = Instant::now() + Duration::from_secs(2);
            self.take_up_orders(base, until).await?;
        }
        Ok(())
    }

    /// Recognises orders that shops have sent as ones that were made in 1C: they get the identity
    /// that they have there.
    pub(super) async fn adopt_births(&self, base: &Base) -> Result<(), Error> {
        let name = base.name.as_str();
        let rows = {
            let mut db = self.db.acquire().await?;
            if !births::any_open(&mut db, name).await? {
                return Ok(());
            }
            births::taken(&mut db, name, AT_ONCE).await?
        };
        for row in &rows {
            let Some((status, is_same)) = self.as_taken(row) else {
                continue;
            };
            let mut tx = self.db.begin().await?;
            let (shops, numbers) = ([row.shop.clone()], [row.number.clone()]);
            queue::orders::lock(&mut tx, &shops, &numbers).await?;
            if !births::adopt(&mut tx, name, row, (&status, is_same)).await? {
                continue;
            }
            let line = Line {
                shop: row.shop.clone(),
                number: row.number.clone(),
                kind: LineKind::Note,
                what: GoodsEvent::OnecBorn {
                    base: name.to_owned(),
                    document: row.doc_number.clone(),
                }
                .into(),
                detail: None,
            };
            journal::add(&mut tx, &[line]).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The status with which the shop has it, and whether it has it as it was told. `None`: what it
    /// sent cannot be read, which the portal's lane tells; it stops no other.
    fn as_taken(&self, row: &TakenRow) -> Option<(String, bool)> {
        let rules = self.intake.rules_of(&row.shop).ok()?;
        let value = row.body.value().ok()?;
        let event = bug::caught(|| event_reader::parse(value, rules)).ok()?;
        let EventBody::Saved(taken) = event.ok()?.body else {
            return None;
        };
        let is_same = match row.snapshot.value() {
            Ok(told) => is_as_told(told, &taken),
            // 1C is sent the order as the shop has it: no more is lost than that nothing was to do.
            Err(why) => {
                let why = Unreadable::of("bridge.onec_births", "snapshot", &row.id, why);
                tracing::error!(error = %why, "an order of 1C's is sent back to it");
                false
            }
        };
        Some((taken.status.clone(), is_same))
    }
}

/// Whether the shop is to be told of it again: 1C says another thing of it, and no earlier one.
fn is_changed(
    base: &Base,
    known: &BirthRow,
    (made, kept): (&Birth, &Kept),
) -> Result<bool, Unreadable> {
    let key = format!("{}/{}", base.name, known.id);
    let told = known.snapshot.value();
    let told = told.map_err(|why| Unreadable::of("bridge.onec_births", "snapshot", key, why))?;
    let times = known.formed_at.zip(kept.formed_at);
    let is_older = times.is_some_and(|(then, now)| now < then);
    Ok(!is_older && *told != made.snapshot)
}

fn waits(known: Option<&BirthRow>) -> Became {
    let became = Became::told();
    match known {
        Some(known) => became.of(&known.shop, &known.number),
        None => became,
    }
}
