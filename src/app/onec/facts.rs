//! Payments and shipments that 1C speaks of: told to the shop, each change once.

use super::{
    outcome::{Became, parts, read, unknown},
    sides::{Kept, Order, Shipped, about, of_basis, word_of},
};
use crate::{
    app::{Error, Onec, sync::order::onec::OneCWord},
    domain::{ErrorCode, OrderKey, happening::DocumentReason},
    formats::{
        commerceml::{Document, write::Order as Sheet},
        onec::{
            Base, Right,
            facts::{self as said, FactKind, OneCFact},
            told,
        },
    },
    process::bug,
    storage::{
        Json, MessageKind, Unreadable,
        journal::{self, Line, LineKind},
        onec::{
            facts::{self, Key, NewFact, ToldRow},
            sides::{self, FoundRow},
        },
        sync::messages,
    },
};
use chrono::{NaiveDateTime, NaiveTime};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::PgConnection;

/// Where they are kept.
const TABLE: &str = "bridge.onec_facts";

/// Since when 1C has an order as paid and as shipped, by the documents beside it: as it stands
/// there, empty where no time does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settled {
    paid_on: Option<String>,
    shipped_on: Option<String>,
    /// A payment of 1C's own makes the order paid, or no longer; none: there is none.
    paid: Option<bool>,
    /// What 1C has shipped by all its shipments, where one of them is news.
    pub(super) shipped: Shipped,
    /// What of them is news, and may not be said by who sent it.
    pub(super) lacks: Option<Right>,
}

/// What a payment or a shipment is to the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// 1C's own word, to be decided upon.
    Word,
    /// That, and its sender may not say it.
    NotAllowed,
    /// Nothing that the bridge does not know already.
    NoNews,
}

impl Settled {
    /// Adds to what the order's own document says of it.
    pub(super) fn add_to(self, word: &mut OneCWord) {
        word.paid_on = word.paid_on.take().or(self.paid_on);
        word.shipped_on = word.shipped_on.take().or(self.shipped_on);
    }
}

impl Onec {
    /// Payments and shipments that come without their order: found by what they name.
    pub(super) async fn take_in_alone(
        &self,
        tx: &mut PgConnection,
        base: &Base,
        facts: &[OneCFact],
        kept: &Kept,
    ) -> Result<Became, Error> {
        let mut bases: Vec<&str> = facts
            .iter()
            .filter_map(|one| one.basis.as_deref())
            .collect();
        bases.dedup();
        let found = match bases.as_slice() {
            [] => Vec::new(),
            [one] => of_basis(tx, base, one).await?,
            _ => {
                let why = DocumentReason::SeveralOrders;
                return Ok(Became::refused_for(ErrorCode::OneCTwoOrders, why));
            }
        };
        let key = match about(&found) {
            Ok(row) => OrderKey::new(&row.shop, &row.number),
            Err(refusal) => {
                let born = match bases.first() {
                    Some(one) => self.waits_for_birth(tx, base, one).await?,
                    None => None,
                };
                return Ok(born.unwrap_or_else(|| Became::refused(refusal)));
            }
        };
        let Some(mut order) = self.locked(tx, base, &key).await? else {
            return Ok(Became::refused(unknown()));
        };
        order.is_own = false;
        let mut word = OneCWord::default();
        let mut settled = self.tell_facts(tx, &order, facts, kept).await?;
        let lacks: Vec<Right> = settled.lacks.take().into_iter().collect();
        order.paid = self.mark_paid(tx, &order, (&word, &settled)).await?;
        order.shipped = std::mem::take(&mut settled.shipped);
        settled.add_to(&mut word);
        let became = self.hear_word(tx, order, word, kept).await?;
        Ok(became.without(&lacks).of(&key.shop, &key.number).beside())
    }

    /// Decides what 1C says of an order. Its goods follow the status that comes of it, a payment,
    /// and what was shipped.
    pub(super) async fn hear_word(
        &self,
        tx: &mut PgConnection,
        order: Order<'_>,
        word: OneCWord,
        kept: &Kept,
    ) -> Result<Became, Error> {
        let key = OrderKey::new(&order.row.shop, &order.row.number);
        let base = order.base;
        let left = word.shipped_on.as_deref().and_then(left_at);
        let left = left.map(|at| base.from_local(at));
        let (is_paid, shipped) = (order.paid, order.shipped.clone());
        let (became, is_told) = self.weigh_word(tx, order, word, kept).await?;
        if is_told || is_paid {
            let orders = std::slice::from_ref(&key);
            self.intake.stock.follow(tx, orders, left).await?;
        }
        let at = shipped.at.filter(|at| at.time() != NaiveTime::MIN);
        let at = at.map(|at| base.from_local(at));
        let stock = &self.intake.stock;
        let goods = &shipped.goods;
        stock.ship_of_onec(tx, base, &key, goods, at).await?;
        Ok(became)
    }

    /// 1C has said so, and a person has let it go: that 1C says it again is no claim.
    pub(super) async fn heard(
        &self,
        tx: &mut PgConnection,
        key: (&str, &str, &str),
        (id, raw): (i64, &str),
    ) -> Result<(), Error> {
        let read = bug::caught(|| read(raw))?;
        let odd = |fault| Unreadable::of("bridge.onec_documents", "raw", id, fault);
        let item = read.map_err(odd)?;
        let Some(document) = parts(&item).order else {
            return Ok(());
        };
        let Some(mut row) = sides::side(tx, key).await? else {
            return Ok(());
        };
        let mut side = row.side();
        side.heard(&word_of(document));
        row.take(side);
        Ok(sides::save_side(tx, key, &row).await?)
    }

    /// 1C says that the order is paid, or no longer: that protects it at once. Says whether that is
    /// news.
    pub(super) async fn mark_paid(
        &self,
        tx: &mut PgConnection,
        order: &Order<'_>,
        (word, settled): (&OneCWord, &Settled),
    ) -> Result<bool, Error> {
        let is_news = word.paid_on.is_some() && word.paid_on != order.side.paid_on;
        let Some(is_paid) = settled.paid.or_else(|| is_news.then_some(true)) else {
            return Ok(false);
        };
        let row = &order.row;
        let key = (order.base.name.as_str(), &*row.shop, &*row.number);
        sides::set_paid(tx, key, is_paid).await?;
        Ok(row.said.as_ref().is_some_and(|said| said.paid != is_paid))
    }

    /// Whether a payment or a shipment that came with an order names another one.
    pub(super) async fn names_another(
        &self,
        tx: &mut PgConnection,
        order: &Order<'_>,
        facts: &[OneCFact],
    ) -> Result<bool, Error> {
        let side = &order.side;
        for basis in facts.iter().filter_map(|one| one.basis.as_deref()) {
            if side.doc_id.as_deref() == Some(basis) {
                continue;
            }
            let found = of_basis(tx, order.base, basis).await?;
            let own = |one: &FoundRow| one.shop == order.row.shop && one.number == order.row.number;
            if !found.is_empty() && !found.iter().any(own) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What came with an order that is locked, and what its own document tells of: that it is paid,
    /// where the shop has it as unpaid, and that it is shipped, where 1C has not said so before; no
    /// document of whatever file tells of either.
    pub(super) async fn with_own_facts(
        &self,
        tx: &mut PgConnection,
        order: &Order<'_>,
        (document, came): (&Document, &[OneCFact]),
        kept: &Kept,
    ) -> Result<Vec<OneCFact>, Error> {
        let (base, row) = (order.base, &order.row);
        let is_paid_here = row.said.as_ref().is_some_and(|said| said.paid);
        let payment = said::own_payment(document, base, came).filter(|_| !is_paid_here);
        let shipment = said::own_shipment(document, base, came, kept.version);
        let mut facts = came.to_vec();
        for own in payment.into_iter().chain(shipment) {
            let key = (base.name.as_str(), &*row.shop, &*row.number);
            let all = facts::of_order(&mut *tx, key, own.kind.as_str()).await?;
            let ids: Vec<&str> = all.iter().map(|one| &*one.id).collect();
            let since = own.since.map(|at| at.to_string());
            let was_said = own.kind == FactKind::Shipment && order.side.shipped_on == since;
            let is_known = ids.contains(&&*own.id);
            if ids.iter().all(|id| said::is_of_order(id)) && (is_known || !was_said) {
                facts.push(own);
            }
        }
        Ok(facts)
    }

    /// Tells the shop what is new of payments and shipments of an order that is locked; what 1C
    /// only gives back is not. Says what they come to, where any of them is 1C's own word.
    pub(super) async fn tell_facts(
        &self,
        tx: &mut PgConnection,
        order: &Order<'_>,
        facts: &[OneCFact],
        kept: &Kept,
    ) -> Result<Settled, Error> {
        if facts.is_empty() {
            return Ok(Settled::default());
        }
        let newest = self.sheet(tx, order, order.side.head).await?;
        let mut sheets: Vec<Sheet> = newest.iter().cloned().collect();
        // 1C may not have taken in the newest yet.
        if let Some(had) = order.side.confirmed.filter(|id| *id != order.side.head) {
            sheets.extend(self.sheet(tx, order, had).await?);
        }
        let mut words = Vec::new();
        let mut settled = Settled::default();
        for fact in facts {
            match self.tell_fact(tx, (order, &sheets), fact, kept).await? {
                Heard::Word => words.push(fact),
                Heard::NotAllowed => settled.lacks = Some(Right::Payments),
                Heard::NoNews => {}
            }
        }
        let pays = words.iter().any(|fact| fact.kind == FactKind::Payment);
        words.retain(|fact| fact.holds);
        let Some(newest) = newest else {
            return Ok(settled);
        };
        let row = &order.row;
        let key = (order.base.name.as_str(), &*row.shop, &*row.number);
        let since = |kind: FactKind| {
            let word = words.iter().rfind(|fact| fact.kind == kind)?;
            let text = |at: NaiveDateTime| at.to_string();
            Some(word.since.map(text).unwrap_or_default())
        };
        if pays {
            let all: Vec<said::ToldPayment> = told_of(tx, key, FactKind::Payment).await?;
            let is_paid = said::is_paid(&all, &newest, order.base);
            settled.paid = Some(is_paid);
            settled.paid_on = since(FactKind::Payment).filter(|_| is_paid);
        }
        if let Some(since) = since(FactKind::Shipment) {
            let all: Vec<told::ToldShipment> = told_of(tx, key, FactKind::Shipment).await?;
            settled.shipped_on = told::is_shipped(&all, &newest).then_some(since);
            let last = words.iter().rfind(|fact| fact.kind == FactKind::Shipment);
            settled.shipped = Shipped {
                goods: told::shipped_goods(&all),
                at: last.and_then(|fact| fact.since),
            };
        }
        Ok(settled)
    }

    /// Tells the shop of one payment or shipment, if that is new.
    async fn tell_fact(
        &self,
        tx: &mut PgConnection,
        (order, sheets): (&Order<'_>, &[Sheet]),
        fact: &OneCFact,
        kept: &Kept,
    ) -> Result<Heard, Error> {
        let (base, shop, number) = (order.base, &*order.row.shop, &*order.row.number);
        let key = Key {
            base: base.name.as_str(),
            shop,
            number,
            kind: fact.kind.as_str(),
            id: &fact.id,
        };
        let known = facts::known(tx, key).await?;
        let heard_at = known.as_ref().and_then(|row| row.formed_at);
        if heard_at
            .zip(kept.formed_at)
            .is_some_and(|(then, now)| now < then)
        {
            return Ok(Heard::NoNews);
        }
        let own = order
            .side
            .doc_id
            .as_deref()
            .is_some_and(|id| fact.is_own(id));
        let is_echo = match sheets {
            [] => own,
            sheets => sheets.iter().any(|sent| fact.is_echo(sent)),
        };
        let is_same = match &known {
            Some(row) => *data_of(&row.data, key)? == fact.data,
            None => false,
        };
        let heard = if is_echo || is_same && !kept.look.again {
            Heard::NoNews
        } else {
            Heard::Word
        };
        if is_same {
            return Ok(heard);
        }
        if !base.may(kept.login.as_deref(), Right::Payments) {
            return Ok(match heard {
                Heard::Word => Heard::NotAllowed,
                heard => heard,
            });
        }
        let may = match fact.kind {
            FactKind::Payment => base.import.create_payments,
            FactKind::Shipment => base.import.create_shipments,
        };
        let is_first = known.is_none() && heard == Heard::Word;
        let was_told = known.is_some_and(|row| row.told);
        let in_place = is_first && takes_place(tx, key, fact).await?;
        let tells = (may || own) && (!is_echo || was_told) && !in_place;
        let new = NewFact {
            data: &fact.data,
            told: was_told || tells || in_place,
            formed_at: kept.formed_at,
        };
        facts::put(tx, key, &new).await?;
        if tells {
            tell(tx, OrderKey::new(shop, number), fact, kept.id).await?;
        }
        Ok(heard)
    }
}

/// When goods left, if 1C says more than the day: at midnight of it they were there.
fn left_at(at: &str) -> Option<NaiveDateTime> {
    let at = NaiveDateTime::parse_from_str(at, "%Y-%m-%d %H:%M:%S").ok()?;
    (at.time() != NaiveTime::MIN).then_some(at)
}

/// All of one kind that the shop was told of an order, or would have been.
async fn told_of<T: DeserializeOwned>(
    tx: &mut PgConnection,
    key: (&str, &str, &str),
    kind: FactKind,
) -> Result<Vec<T>, Error> {
    let (_, shop, number) = key;
    let rows = facts::of_order(tx, key, kind.as_str()).await?;
    let read = |row: &ToldRow| {
        let place = format_args!("{} of {number} of the shop {shop}", row.id);
        row.data.typed_of::<T>(TABLE, "data", place)
    };
    let read: Result<_, Unreadable> = rows.iter().map(read).collect();
    Ok(read?)
}

/// Which payment or shipment of which order it is.
fn place(key: Key<'_>) -> String {
    format!("{} of {} of the shop {}", key.id, key.number, key.shop)
}

/// As the shop was told of it; or an error that names the row.
fn data_of<'a>(stored: &'a Json, key: Key<'_>) -> Result<&'a Value, Unreadable> {
    let odd = |why| Unreadable::of(TABLE, "data", place(key), why);
    stored.value().map_err(odd)
}

/// Whether the shop heard of a payment or a shipment before, by the order's own document: the
/// document of it takes the place of as much of that, in whatever file it comes.
async fn takes_place(tx: &mut PgConnection, key: Key<'_>, fact: &OneCFact) -> Result<bool, Error> {
    if !fact.holds || said::is_of_order(&fact.id) {
        return Ok(false);
    }
    let all = facts::of_order(tx, (key.base, key.shop, key.number), key.kind).await?;
    let Some(ToldRow { id, data }) = all.into_iter().find(|one| said::is_of_order(&one.id)) else {
        return Ok(false);
    };
    let of_own = Key { id: &id, ..key };
    let left = said::left_of(data_of(&data, of_own)?, fact);
    let odd = |why| Unreadable::of(TABLE, "data", place(of_own), why);
    let Some(left) = left.map_err(odd)? else {
        return Ok(false);
    };
    match left.data {
        Some(data) => {
            if let Some(row) = facts::known(tx, of_own).await? {
                let new = NewFact {
                    data: &data,
                    told: row.told,
                    formed_at: row.formed_at,
                };
                facts::put(tx, of_own, &new).await?;
            }
        }
        None => facts::remove(tx, of_own).await?,
    }
    Ok(left.is_all_known)
}

async fn tell(
    tx: &mut PgConnection,
    OrderKey { shop, number }: OrderKey,
    fact: &OneCFact,
    document: i64,
) -> Result<(), Error> {
    let mut body = fact.data.clone();
    body["number"] = Value::from(number.as_str());
    body["source"] = Value::from("onec");
    let of = (&*shop, &*number, Some(&*number));
    let kind = match fact.kind {
        FactKind::Payment => MessageKind::OrderPayment,
        FactKind::Shipment => MessageKind::OrderShipment,
    };
    messages::add(&mut *tx, kind, of, &body).await?;
    let line = Line {
        shop,
        number,
        kind: LineKind::Note,
        what: fact.what.clone().into(),
        detail: Some(json!({"document": document})),
    };
    Ok(journal::add(tx, &[line]).await?)
}
