//! 1C's side of an order: each document is weighed and taken in, in a transaction of its own.

use super::outcome::{Became, Parts, Refusal, is_guid, parts, unknown};
use crate::{
    app::{
        Error, Onec, SyncRules,
        sync::{
            compare::lane_of,
            order::{
                onec::{OneCContext, OneCDecided, OneCOutcome, OneCSide, OneCWord, hear},
                stored_basis,
            },
        },
    },
    decision::{
        Basis,
        onec::{OneCDecision, Verdict},
    },
    domain::{ErrorCode, OrderKey, SentStatus, happening::DocumentReason},
    formats::{
        commerceml::{Document, Item, Moment, SchemaVersion},
        onec::{
            Base, Right,
            facts::{OneCFact, basis},
        },
    },
    process::bug,
    storage::{
        AskedBy, DecisionAction, DecisionBasis, DecisionWinner, DocumentState,
        journal::{self, Line, LineKind},
        onec::{
            documents, orders,
            sides::{self, FoundRow, SideRow},
        },
        queue,
        sync::{
            agreements, clock_offsets, comparisons,
            decisions::{self, NewDecision},
            status_changes::{self, NewChange},
        },
    },
};
use chrono::{DateTime, NaiveDateTime, Utc};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// How a document is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    /// It was kept, and is decided now.
    pub(super) again: bool,
    /// A person has said that 1C is right.
    pub(super) ruled: bool,
}

/// A document that is kept.
pub(super) struct Kept {
    pub(super) id: i64,
    /// When its file was made.
    pub(super) formed_at: Option<DateTime<Utc>>,
    /// The user of 1C by whose login its file came.
    pub(super) login: Option<String>,
    /// The version of its file; none: it is decided again, or says none.
    pub(super) version: Option<SchemaVersion>,
    /// When it came; none: now.
    pub(super) came: Option<DateTime<Utc>>,
    pub(super) look: Look,
}

/// Goods of an order that 1C has shipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shipped {
    /// How many of each of 1C's products.
    pub(super) goods: BTreeMap<String, Decimal>,
    /// When the last of them left, as it stands in its document.
    pub(super) at: Option<NaiveDateTime>,
}

pub(super) fn word_of(document: &Document) -> OneCWord {
    let words = [document.status_id(), document.status_name()];
    let date = |moment: Moment| moment.naive().to_string();
    let truths = [document.cancelled(), document.deleted];
    OneCWord {
        status: words.into_iter().flatten().map(str::to_owned).collect(),
        cancelled: match truths {
            [None, None] => None,
            truths => Some(truths.contains(&Some(true))),
        },
        paid_on: document.paid_at().map(date),
        shipped_on: document.shipped_at().map(date),
        ..OneCWord::default()
    }
}

/// Takes from a document what its sender may not say; tells what of it would have been news.
fn allowed(word: &mut OneCWord, order: &Order<'_>, kept: &Kept) -> Vec<Right> {
    let (base, side) = (order.base, &order.side);
    let may = |right| base.may(kept.login.as_deref(), right);
    let mut lacks = Vec::new();
    if !may(Right::Statuses) {
        let first = word.status.first();
        let has = |status: &String| base.statuses.accepts(status, &word.status);
        let says = first.is_some() && side.said.as_ref() != first;
        let cancels = word.cancelled.is_some_and(|now| now != side.cancelled);
        if says && !side.agreed.as_ref().is_some_and(has) || cancels {
            lacks.push(Right::Statuses);
        }
        word.status.clear();
        word.cancelled = None;
    }
    if !may(Right::Payments) {
        let pays = word.paid_on.is_some() && side.paid_on.is_none();
        if pays || word.shipped_on.is_some() && side.shipped_on.is_none() {
            lacks.push(Right::Payments);
        }
        word.paid_on = None;
        word.shipped_on = None;
    }
    lacks
}

/// The orders that `Основание` may mean: the one with this `Ид`, else those with this number.
pub(super) async fn of_basis(
    tx: &mut PgConnection,
    base: &Base,
    basis: &str,
) -> Result<Vec<FoundRow>, Error> {
    let name = base.name.as_str();
    let found = sides::find(&mut *tx, name, None, Some(basis)).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    Ok(sides::find(tx, name, Some(basis), None).await?)
}

/// The order that a document is about: by its number first, cross-checked by its id.
pub(super) fn about(found: &[FoundRow]) -> Result<&FoundRow, Refusal> {
    let by = |by: &str| found.iter().filter(|row| row.by == by).collect::<Vec<_>>();
    let (number, plain, id) = (by("number"), by("plain"), by("id"));
    let named = if number.is_empty() { plain } else { number };
    let same =
        |one: &FoundRow, other: &FoundRow| (&one.shop, &one.number) == (&other.shop, &other.number);
    match (named.as_slice(), id.as_slice()) {
        ([one], [other, ..]) if !same(one, other) => Err(Refusal::because(
            ErrorCode::OneCTwoOrders,
            DocumentReason::TwoOrders {
                by_number: one.number.clone(),
                by_id: other.number.clone(),
            },
        )),
        ([one], _) | ([], [one, ..]) => Ok(one),
        ([], []) => Err(unknown()),
        _ => Err(Refusal::because(
            ErrorCode::OneCTwoOrders,
            DocumentReason::NumberOfSeveralShops,
        )),
    }
}

impl SideRow {
    pub(super) fn side(&self) -> OneCSide {
        OneCSide {
            said: self.said.clone(),
            cancelled: self.cancelled,
            before_cancel: self.before_cancel.clone(),
            agreed: self.agreed.clone(),
            won: self.won.clone(),
            paid_on: self.paid_on.clone(),
            shipped_on: self.shipped_on.clone(),
        }
    }

    pub(super) fn take(&mut self, side: OneCSide) {
        self.said = side.said;
        self.cancelled = side.cancelled;
        self.before_cancel = side.before_cancel;
        self.agreed = side.agreed;
        self.won = side.won;
        self.paid_on = side.paid_on;
        self.shipped_on = side.shipped_on;
    }
}

impl Onec {
    /// Locks the orders that an item may be about: before its document, of which an order has
    /// several.
    pub(super) async fn lock_orders_of(
        &self,
        tx: &mut PgConnection,
        base: &Base,
        item: &Item,
    ) -> Result<(), Error> {
        let Parts { order, facts, .. } = parts(item);
        let name = base.name.as_str();
        let found = match (order, facts.iter().find_map(|one| basis(one))) {
            (Some(order), _) => {
                let (number, id) = (order.number.as_deref(), order.id.as_deref());
                sides::find(&mut *tx, name, number, id).await?
            }
            (None, Some(basis)) => of_basis(&mut *tx, base, basis).await?,
            (None, None) => return Ok(()),
        };
        let shops: Vec<String> = found.iter().map(|row| row.shop.clone()).collect();
        let numbers: Vec<String> = found.into_iter().map(|row| row.number).collect();
        queue::orders::lock(tx, &shops, &numbers).await?;
        Ok(())
    }

    /// Decides what a document says of its order, and tells of the payments and shipments that came
    /// with it.
    pub(super) async fn take_in(
        &self,
        tx: &mut PgConnection,
        base: &Base,
        (document, facts): (&Document, &[OneCFact]),
        kept: &Kept,
    ) -> Result<Became, Error> {
        let name = base.name.as_str();
        let number = document.number.as_deref();
        let found = sides::find(&mut *tx, name, number, document.id.as_deref()).await?;
        let FoundRow { shop, number, .. } = match about(&found) {
            Ok(row) => row.clone(),
            Err(refusal) if refusal.code == ErrorCode::OneCUnknown => {
                return self.take_in_unknown(tx, base, document, kept).await;
            }
            Err(refusal) => return Ok(Became::refused(refusal)),
        };
        let key = OrderKey::new(&shop, &number);
        let Some(mut order) = self.locked(tx, base, &key).await? else {
            return Ok(Became::refused(unknown()));
        };
        if order.side.document == Some(kept.id) && !kept.look.again {
            return Ok(Became::applied().of(&shop, &number));
        }
        if self.names_another(tx, &order, facts).await? {
            let why = DocumentReason::FactOfAnother;
            let became = Became::refused_for(ErrorCode::OneCTwoOrders, why);
            return Ok(became.of(&shop, &number));
        }
        let facts = self
            .with_own_facts(tx, &order, (document, facts), kept)
            .await?;
        let mut settled = self.tell_facts(tx, &order, &facts, kept).await?;
        let times = order.side.document_at.zip(kept.formed_at);
        if times.is_some_and(|(then, now)| now < then) {
            let became = Became::overtaken(DocumentReason::NewerTaken).of(&shop, &number);
            return Ok(became);
        }
        if let Some(number) = &document.onec_number {
            order.side.onec_number = Some(number.chars().take(300).collect());
        }
        let own = |id: &&String| order.side.doc_id.as_ref() != Some(*id) && is_guid(id);
        if let Some(id) = document.id.as_ref().filter(own) {
            order.side.onec_id = Some(id.clone());
        }
        if base.may(kept.login.as_deref(), Right::Contents) {
            self.tell_contents(tx, &mut order, document, kept).await?;
        }
        let mut word = word_of(document);
        let mut lacks = allowed(&mut word, &order, kept);
        lacks.extend(settled.lacks.take());
        order.paid = self.mark_paid(tx, &order, (&word, &settled)).await?;
        order.shipped = std::mem::take(&mut settled.shipped);
        settled.add_to(&mut word);
        let became = self.hear_word(tx, order, word, kept).await?.without(&lacks);
        if became.state == DocumentState::Applied {
            documents::overtake(&mut *tx, (name, &shop, &number), kept.id).await?;
        }
        Ok(became.of(&shop, &number))
    }

    /// Locks an order and what is known of it in 1C; none: there is no such order.
    pub(super) async fn locked<'a>(
        &self,
        tx: &mut PgConnection,
        base: &'a Base,
        OrderKey { shop, number }: &OrderKey,
    ) -> Result<Option<Order<'a>>, Error> {
        let (shops, numbers) = ([shop.clone()], [number.clone()]);
        queue::orders::lock(&mut *tx, &shops, &numbers).await?;
        let found = agreements::lock(&mut *tx, &shops, &numbers).await?.pop();
        let side = sides::side(&mut *tx, (base.name.as_str(), shop, number)).await?;
        let (Some(found), Some(side)) = (found, side) else {
            return Ok(None);
        };
        let Some(rules) = self.registry.two_way(shop) else {
            return Ok(None);
        };
        Ok(Some(Order {
            base,
            row: found.into_row()?,
            side,
            rules,
            is_own: true,
            paid: false,
            shipped: Shipped::default(),
        }))
    }

    /// What becomes of 1C's word, and whether the shop is told a status for it.
    pub(super) async fn weigh_word(
        &self,
        tx: &mut PgConnection,
        mut order: Order<'_>,
        word: OneCWord,
        kept: &Kept,
    ) -> Result<(Became, bool), Error> {
        let (base, shop) = (order.base, order.row.shop.clone());
        let portal = self.portal_of(&shop)?;
        self.load_clocks_of(tx, base).await?;
        let now = clock_offsets::now(tx).await?;
        let word = OneCWord {
            after: order.side.confirmed_at,
            came: kept.came.unwrap_or(now),
            again: kept.look.again,
            ruled: kept.look.ruled,
            ..word
        };
        let around = OneCContext {
            table: &base.statuses,
            import: &base.import,
            two_way: &order.rules,
            clocks: self.clocks.clocks_of(&shop, &portal),
            now,
        };
        let mut side = order.side.side();
        let outcome = bug::caught(|| hear(&mut order.row, &mut side, &word, &around))?;
        let mut is_told = false;
        let became = match outcome {
            OneCOutcome::Nothing => Became::applied(),
            OneCOutcome::Behind => {
                orders::resend(tx, base.name.as_str(), &shop, &order.row.number).await?;
                Became::applied()
            }
            OneCOutcome::Waits(why) => return Ok((Became::waiting(why), false)),
            OneCOutcome::Unknown(why) => {
                return Ok((Became::refused_for(ErrorCode::OneCStatus, why), false));
            }
            OneCOutcome::Decided(decided) => {
                let OneCDecided {
                    decision,
                    told,
                    counted,
                    meaning,
                } = *decided;
                let verdict = decision.verdict;
                is_told = told.is_some();
                let explanation = Box::new(decision.explanation.clone());
                let decided = Decided {
                    decision,
                    told,
                    status: counted.status,
                    meaning,
                };
                self.carry_out(tx, (&order, &portal), decided, kept.id)
                    .await?;
                if verdict == Verdict::Ask {
                    let why = DocumentReason::Review { explanation };
                    return Ok((Became::refused_for(ErrorCode::OneCReview, why), false));
                }
                Became::applied()
            }
        };
        order.side.take(side);
        if order.is_own {
            order.side.document = Some(kept.id);
            order.side.document_at = kept.formed_at;
        }
        let key = (base.name.as_str(), &*order.row.shop, &*order.row.number);
        sides::save_side(tx, key, &order.side).await?;
        Ok((became, is_told))
    }

    /// Stores a decision and what follows from it.
    async fn carry_out(
        &self,
        tx: &mut PgConnection,
        (order, portal): (&Order<'_>, &str),
        decided: Decided,
        document: i64,
    ) -> Result<(), Error> {
        let row = &order.row;
        let base = order.base.name.as_str();
        let mut ids = decisions::reserve(tx, 1).await?;
        let id = ids.next_id();
        ids.enough()?;
        let decision = decided.record(order, (id, document));
        decisions::insert(tx, portal, &[decision]).await?;
        agreements::save(tx, std::slice::from_ref(row)).await?;
        let kind = match decided.decision.verdict {
            Verdict::Ask => LineKind::Conflict,
            Verdict::Take | Verdict::PutBack => LineKind::Decided,
        };
        let line = Line {
            shop: row.shop.clone(),
            number: row.number.clone(),
            kind,
            what: decided.decision.what().into(),
            detail: Some(json!({"decision": id, "base": base, "document": document})),
        };
        journal::add(tx, &[line]).await?;
        if decided.decision.verdict == Verdict::PutBack {
            orders::resend(tx, base, &row.shop, &row.number).await?;
        }
        let Some(told) = decided.told else {
            return Ok(());
        };
        let change = NewChange {
            shop: row.shop.clone(),
            number: row.number.clone(),
            decision: id,
            status: told.status,
            previous: told.previous,
            stage: row.stage.clone().unwrap_or_default(),
            reason: decided.decision.sentence,
            decided_at: told.at,
            denies: told
                .denies
                .iter()
                .map(|fact| fact.word().to_owned())
                .collect(),
            document: Some(document),
        };
        status_changes::add(tx, portal, &[change]).await?;
        let (shops, numbers) = ([row.shop.clone()], [row.number.clone()]);
        let portals = [portal.to_owned()];
        comparisons::ask(tx, (&shops, &numbers, &portals), AskedBy::Onec, 0).await?;
        Ok(())
    }

    fn portal_of(&self, shop: &str) -> Result<String, Error> {
        let rules = self.intake.rules_of(shop)?;
        Ok(rules.portal.as_str().to_owned())
    }

    /// Tells the lanes that may have something to do since documents came in.
    pub(super) fn wake_for(&self, base: &Base) {
        self.wake_push(base);
        for shop in &base.shops {
            self.waker.wake(&lane_of(shop.as_str()));
            if let Ok(portal) = self.portal_of(shop.as_str()) {
                self.waker.wake(&portal);
            }
        }
    }
}

/// An order, locked, and what is known of it in 1C.
pub(super) struct Order<'a> {
    pub(super) base: &'a Base,
    pub(super) row: agreements::Row,
    pub(super) side: SideRow,
    rules: std::sync::Arc<SyncRules>,
    /// The document is the order's own, not one beside it.
    pub(super) is_own: bool,
    /// 1C has just said that it is paid, or no longer.
    pub(super) paid: bool,
    /// What 1C has shipped of it.
    pub(super) shipped: Shipped,
}

struct Decided {
    decision: OneCDecision,
    told: Option<SentStatus>,
    /// The order's status before.
    status: String,
    meaning: String,
}

impl Decided {
    fn record(&self, order: &Order<'_>, (id, document): (i64, i64)) -> NewDecision {
        let (action, winner) = match self.decision.verdict {
            Verdict::Take => (DecisionAction::TellShop, Some(DecisionWinner::Onec)),
            Verdict::PutBack => (DecisionAction::PutBack, Some(DecisionWinner::Shop)),
            Verdict::Ask => (DecisionAction::Review, None),
        };
        let basis = match self.decision.basis {
            Basis::OneSide | Basis::Consistent | Basis::Doubtful => DecisionBasis::OneSide,
            basis => stored_basis(basis),
        };
        NewDecision {
            id,
            shop: order.row.shop.clone(),
            number: order.row.number.clone(),
            action,
            basis,
            winner,
            what: self.decision.what(),
            inputs: json!({
                "status": self.status, "onec": self.meaning, "document": document,
                "base": order.base.name.as_str(), "agreed": order.side.agreed,
                "said": order.side.said,
            }),
            outcome: json!({"action": action, "told": self.told}),
        }
    }
}
