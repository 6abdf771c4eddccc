//! The identity of a portal: whether it is the one that orders were brought to, and where in it
//! they are. By origin, since an id alone is never proof.
//!
//! PURE. Deals that orders were linked with testify: where none of them carries its order's origin,
//! it is another portal; where the newest do not, and the stage history ends earlier than it did,
//! it is an older state of the same. Where nothing at all is to be seen, the bridge's user may have
//! lost his rights: a portal leaves out of its lists what a user may not see.

use super::{
    BATCH_LIMIT, Call, CallAnswer, Command, CommandAnswer, CrmEntity,
    json::{rows, text},
    list_query::{PAGE, above, further, is_told, listed, of_ids, of_origins, row_id},
};
use crate::domain::OrderKey;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a card says of where it comes from, and what tells it where that was taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// `ORIGINATOR_ID`: the name of the shop that the order came from.
    pub originator: String,
    /// `ORIGIN_ID`: the order's number.
    pub origin: String,
    /// `TITLE`: what tells the card where its origin was taken away.
    pub title: String,
}

impl Origin {
    pub(super) fn read(row: &Map<String, Value>) -> Self {
        Self {
            originator: text(row.get("ORIGINATOR_ID")),
            origin: text(row.get("ORIGIN_ID")),
            title: text(row.get("TITLE")),
        }
    }

    /// Whether it is this order's.
    pub fn is_of(&self, shop: &str, number: &str) -> bool {
        self.originator == shop && self.origin == number
    }

    /// Whether it says nothing: it was taken away, or never there.
    pub fn is_empty(&self) -> bool {
        self.originator.is_empty() && self.origin.is_empty()
    }
}

/// A deal that testifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The shop of the order.
    pub shop: String,
    /// The order's number in that shop.
    pub number: String,
    /// The deal that it is linked with.
    pub deal: u64,
}

/// What is known of a portal before it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RememberedWitness {
    /// Its member id, else its host; `None` before the first time.
    pub address: Option<String>,
    /// The highest id of its stage history that was seen.
    pub history_id: u64,
    /// The newest deals that are linked, and the oldest, by falling id.
    pub witnesses: Vec<Witness>,
}

/// What a portal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The one that orders were brought to.
    Same,
    /// The same, but its stage history is numbered anew or lost its end: it is read again from its
    /// newest row.
    HistoryShort,
    /// An older state of the same.
    WentBack,
    /// Another portal than that.
    Another,
    /// It shows nothing of what is known of it, to a user who does not see everything: what is
    /// hidden from him cannot be told from what is gone.
    Hidden,
}

/// Asks a portal who it is: one call.
#[derive(Debug)]
pub struct Inquiry<'a> {
    remembered: &'a RememberedWitness,
    cards: Option<BTreeMap<u64, Origin>>,
    newest: Option<u64>,
    /// Whether the bridge's user is an administrator: such a one sees everything.
    sees_all: bool,
}

const DEALS: &str = "deals";
const HISTORY: &str = "history";
const USER: &str = "user";
/// So many deals are not all deleted by hand.
const MANY: usize = 10;
/// So many may be the newest ones that somebody deletes.
const FEW: usize = 3;

impl<'a> Inquiry<'a> {
    /// An inquiry about the portal that this is remembered of.
    pub fn new(remembered: &'a RememberedWitness) -> Self {
        Self {
            remembered,
            cards: None,
            newest: None,
            sees_all: false,
        }
    }

    /// The call by which the portal is asked.
    pub fn call(&self) -> Call {
        let ids = self.remembered.witnesses.iter().map(|one| one.deal);
        let ids: Vec<u64> = ids.take(PAGE).collect();
        let mut commands = vec![Command {
            key: HISTORY.to_owned(),
            method: "crm.stagehistory.list",
            params: json!({"entityTypeId": 2, "order": {"ID": "DESC"}, "select": ["ID"]}),
        }];
        if !ids.is_empty() {
            let select = ["ID", "ORIGINATOR_ID", "ORIGIN_ID", "TITLE"];
            commands.push(Command {
                key: DEALS.to_owned(),
                method: "crm.deal.list",
                params: listed(&of_ids(&ids), &select),
            });
            commands.push(Command {
                key: USER.to_owned(),
                method: "profile",
                params: json!({}),
            });
        }
        Call::from(commands)
    }

    /// Takes what became of it.
    pub fn answer(&mut self, answer: CallAnswer) {
        let CallAnswer::Answered(mut answered) = answer else {
            return;
        };
        let user = answered.remove(USER);
        self.sees_all = matches!(
            user,
            Some(CommandAnswer::Done { result, .. }) if is_administrator(&result)
        );
        let mut done = |key: &str| match answered.remove(key) {
            Some(CommandAnswer::Done { result, .. }) if is_told(&result) => Some(result),
            _ => None,
        };
        self.newest = done(HISTORY).map(|result| {
            let ids = rows(&result).iter().filter_map(row_id).max();
            ids.unwrap_or(0)
        });
        self.cards = done(DEALS).map(|result| {
            let cards = rows(&result).into_iter();
            let card = |row: Map<String, Value>| Some((row_id(&row)?, Origin::read(&row)));
            cards.filter_map(card).collect()
        });
    }

    /// The highest id of the stage history, if it was told.
    pub fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// The few witnesses that are not shown, where all others are as they were: they may have been
    /// deleted by hand. Nothing where there are more.
    pub fn deleted(&self) -> Vec<u64> {
        let shown = |one: &&Witness| {
            let card = self.cards.as_ref()?.get(&one.deal)?;
            Some(card.is_of(&one.shop, &one.number))
        };
        let witnesses = self.remembered.witnesses.iter().take(PAGE);
        let mut missing = Vec::new();
        for one in witnesses {
            match shown(&one) {
                Some(true) => {}
                Some(false) => return Vec::new(),
                None => missing.push(one.deal),
            }
        }
        if missing.len() > FEW {
            missing.clear();
        }
        missing
    }

    /// What the portal is; `None` where it did not tell. `address` is where it is asked now. Where
    /// it does not tell its history, the deals alone testify.
    pub fn verdict(&self, address: Option<&str>) -> Option<Verdict> {
        let remembered = self.remembered;
        let short = self
            .newest
            .is_some_and(|newest| newest < remembered.history_id);
        let moved = remembered.address.is_some()
            && address.is_some()
            && remembered.address.as_deref() != address;
        if remembered.witnesses.is_empty() {
            self.newest?;
            return Some(if moved || short {
                Verdict::HistoryShort
            } else {
                Verdict::Same
            });
        }
        let cards = self.cards.as_ref()?;
        let (mut own, mut others) = (0, 0);
        for witness in remembered.witnesses.iter().take(PAGE) {
            match cards.get(&witness.deal) {
                Some(card) if card.is_of(&witness.shop, &witness.number) => own += 1,
                Some(_) => others += 1,
                None => {}
            }
        }
        // The newest deal is the first that an older state has lost.
        let lost = remembered.witnesses.first().is_some_and(|newest| {
            cards
                .get(&newest.deal)
                .is_none_or(|card| !card.is_of(&newest.shop, &newest.number))
        });
        let emptied = short && self.newest == Some(0);
        let hidden = emptied || remembered.witnesses.len() >= MANY;
        Some(match (own, others) {
            (0, 0) if hidden && !moved && !self.sees_all => Verdict::Hidden,
            (0, _) if moved => Verdict::Another,
            (0, others) if others > 1 || others > 0 && short => Verdict::Another,
            (_, _) if short && lost => Verdict::WentBack,
            (_, _) if short => Verdict::HistoryShort,
            (_, _) => Verdict::Same,
        })
    }
}

/// Whether `profile` speaks of an administrator; portals write the flag in several ways.
pub(super) fn is_administrator(profile: &Value) -> bool {
    match profile.get("ADMIN") {
        Some(Value::Bool(admin)) => *admin,
        Some(flag) => matches!(text(Some(flag)).as_str(), "Y" | "1" | "true"),
        None => false,
    }
}

/// Orders of one shop that are looked up in one command, among the leads or the deals.
#[derive(Debug)]
struct Page {
    lead: bool,
    orders: Vec<OrderKey>,
    /// Above which id; `None`: the first page.
    above: Option<u64>,
}

/// An order that was looked up by its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundOrder {
    /// The order, by its shop and number.
    pub order: OrderKey,
    /// What was found of it; `None`: there is nothing.
    pub target: Option<CrmEntity>,
}

/// Looks orders up by their origin alone.
#[derive(Debug)]
pub struct Search {
    pages: Vec<Page>,
    asked: usize,
    found: BTreeMap<OrderKey, CrmEntity>,
    unread: Vec<OrderKey>,
}

impl Search {
    /// A search for these orders.
    pub fn new(orders: Vec<OrderKey>) -> Self {
        let mut by_shop: BTreeMap<String, Vec<OrderKey>> = BTreeMap::new();
        for order in orders {
            by_shop.entry(order.shop.clone()).or_default().push(order);
        }
        let mut pages = Vec::new();
        for orders in by_shop.values() {
            for orders in orders.chunks(PAGE) {
                pages.extend([true, false].map(|lead| Page {
                    lead,
                    orders: orders.to_vec(),
                    above: None,
                }));
            }
        }
        Self {
            pages,
            asked: 0,
            found: BTreeMap::new(),
            unread: Vec::new(),
        }
    }

    /// The next call; `None` when all was asked. Each must be answered before the next is asked
    /// for.
    pub fn next_call(&self) -> Option<Call> {
        let pages = self.pages.iter().enumerate().skip(self.asked);
        let command = |(nth, page): (usize, &Page)| {
            let orders = page.orders.iter();
            let numbers: Vec<&str> = orders.map(|order| order.number.as_str()).collect();
            let shop = page.orders.first().map_or("", |order| order.shop.as_str());
            let select = ["ID", "ORIGINATOR_ID", "ORIGIN_ID"];
            Command {
                key: format!("s{nth}"),
                method: if page.lead {
                    "crm.lead.list"
                } else {
                    "crm.deal.list"
                },
                params: listed(&above(of_origins(shop, &numbers), page.above), &select),
            }
        };
        let commands: Vec<Command> = pages.take(BATCH_LIMIT).map(command).collect();
        (!commands.is_empty()).then(|| Call::from(commands))
    }

    /// Takes what became of a call. What was not answered is not known to be absent.
    pub fn answer(&mut self, call: &Call, answer: CallAnswer) {
        let mut answered = match answer {
            CallAnswer::Answered(answered) => answered,
            _ => std::collections::HashMap::new(),
        };
        for command in &call.commands {
            let Some(page) = self.pages.get(self.asked) else {
                return;
            };
            let (lead, orders, before) = (page.lead, page.orders.clone(), page.above);
            self.asked += 1;
            let told = match answered.remove(&command.key) {
                Some(CommandAnswer::Done { result, .. }) if is_told(&result) => Some(result),
                _ => None,
            };
            let Some(result) = told else {
                self.unread.extend(orders);
                continue;
            };
            let rows = rows(&result);
            for row in &rows {
                let origin = Origin::read(row);
                let key = OrderKey {
                    shop: origin.originator,
                    number: origin.origin,
                };
                if let Some(id) = row_id(row)
                    && orders.contains(&key)
                {
                    self.take(key, CrmEntity::new(lead, id));
                }
            }
            let last = further(&rows, before);
            self.pages.extend(last.map(|_| Page {
                lead,
                orders,
                above: last,
            }));
        }
    }

    /// A deal counts before a lead, and the oldest of each.
    fn take(&mut self, key: OrderKey, one: CrmEntity) {
        let rank = |one: &CrmEntity| (matches!(one, CrmEntity::Lead(_)), one.id());
        let known = self.found.entry(key).or_insert(one);
        if rank(&one) < rank(known) {
            *known = one;
        }
    }

    /// Every order that could be looked up, and what was found of it.
    pub fn finish(self) -> Vec<FoundOrder> {
        let (found, unread) = (self.found, self.unread);
        let first = |page: &Page| !page.lead && page.above.is_none();
        let pages = self.pages.into_iter().filter(first);
        pages
            .flat_map(|page| page.orders)
            .filter(|order| !unread.contains(order))
            .map(|order| FoundOrder {
                target: found.get(&order).copied(),
                order,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
