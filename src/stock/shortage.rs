//! Shortages: more is reserved than there is, and somebody loses.
//!
//! The rules are tried in their order; the first that settles the whole of it is carried out, and
//! where none does, a person is asked. What a rule cannot settle completely it leaves alone: nobody
//! loses goods for half a cure.

use super::text;
use crate::domain::{ShortageAct, ShortageCause};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;

/// A rule of `[[stock.NAME.rules]]`: what it does not name it does not ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortageRule {
    /// What is done where the rule matches.
    pub then: ShortageAct,
    /// Only in this store.
    pub store: Option<String>,
    /// Only where this took the goods.
    pub cause: Option<ShortageCause>,
}

impl ShortageRule {
    fn fits(&self, of: &Shortage) -> bool {
        let store = self.store.as_ref().is_none_or(|store| *store == of.store);
        store && (self.cause.is_none() || self.cause == of.cause)
    }
}

/// More is reserved than there is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shortage {
    /// The id of the product that is short.
    pub product: String,
    /// The name of the store where it is short.
    pub store: String,
    /// What is on the shelf.
    pub on_hand: Decimal,
    /// What of it is held.
    pub reserved: Decimal,
    /// What took the goods.
    pub cause: Option<ShortageCause>,
    /// The reservations that hold it, whoever's they are.
    pub reservations: Vec<Held>,
}

/// What a reservation holds of a product in a store.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// The shop that reserved.
    pub shop: String,
    /// The shop's id of the reservation.
    pub id: String,
    /// The order it is for.
    pub number: Option<String>,
    /// How much it holds.
    pub quantity: Decimal,
    /// Whether its order is paid.
    pub paid: bool,
    /// When it was first held.
    pub held_at: DateTime<Utc>,
    /// Whether it is picked up there: it is never held elsewhere.
    pub bound: bool,
    /// What would have to be held in another store: of each product, how much.
    pub together: BTreeMap<String, Decimal>,
}

/// What another store has: of each product, how much can be sold.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherStore {
    /// The name of the other store.
    pub name: String,
    /// What can be sold there, by product.
    pub available: BTreeMap<String, Decimal>,
}

/// What is done about a shortage. Places are those among its reservations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// These are held in that store.
    Move(Vec<(usize, String)>),
    /// These reservations are lost.
    Drop(Vec<usize>),
    /// No rule helps: it waits for a person.
    Review,
}

impl Settlement {
    /// What it is called.
    pub fn act(&self) -> ShortageAct {
        match self {
            Self::Move(_) => ShortageAct::Move,
            Self::Drop(_) => ShortageAct::DropNewestUnpaid,
            Self::Review => ShortageAct::Review,
        }
    }
}

impl Shortage {
    /// How much is missing; not above zero: nothing.
    pub fn missing(&self) -> Decimal {
        self.reserved - self.on_hand
    }

    /// What is done about it, where these other stores may give the goods, the first before the
    /// others.
    pub fn settle(&self, rules: &[ShortageRule], others: &[OtherStore]) -> Settlement {
        let carried_out = rules
            .iter()
            .filter(|rule| rule.fits(self))
            .find_map(|rule| match rule.then {
                ShortageAct::Move => self.moved(others).map(Settlement::Move),
                ShortageAct::DropNewestUnpaid => self.dropped().map(Settlement::Drop),
                ShortageAct::Review => Some(Settlement::Review),
            });
        carried_out.unwrap_or(Settlement::Review)
    }

    /// The places of the reservations, the newest first.
    fn newest(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.reservations.len()).collect();
        let key = |place: &usize| {
            self.reservations
                .get(*place)
                .map(|one| (one.held_at, &one.id))
        };
        places.sort_by(|a, b| key(b).cmp(&key(a)));
        places
    }

    /// As many of the newest as it takes, each where there is enough for all of it; `None` if that
    /// does not settle it.
    fn moved(&self, others: &[OtherStore]) -> Option<Vec<(usize, String)>> {
        let mut left: Vec<OtherStore> = others.to_vec();
        let mut missing = self.missing();
        let mut moves = Vec::new();
        for place in self.newest() {
            if missing <= Decimal::ZERO {
                break;
            }
            let Some(one) = self.reservations.get(place).filter(|one| !one.bound) else {
                continue;
            };
            let has_all = |store: &&mut OtherStore| {
                one.together.iter().all(|(product, wanted)| {
                    store
                        .available
                        .get(product)
                        .is_some_and(|there| there >= wanted)
                })
            };
            let Some(store) = left.iter_mut().find(has_all) else {
                continue;
            };
            for (product, taken) in &one.together {
                if let Some(there) = store.available.get_mut(product) {
                    *there -= taken;
                }
            }
            missing -= one.quantity;
            moves.push((place, store.name.clone()));
        }
        (missing <= Decimal::ZERO).then_some(moves)
    }

    /// As many of the newest that are not paid as it takes; `None` if that does not settle it.
    fn dropped(&self) -> Option<Vec<usize>> {
        let mut missing = self.missing();
        let mut dropped = Vec::new();
        for place in self.newest() {
            if missing <= Decimal::ZERO {
                break;
            }
            let unpaid = |one: &&Held| one.number.is_none() || !one.paid;
            if let Some(one) = self.reservations.get(place).filter(unpaid) {
                missing -= one.quantity;
                dropped.push(place);
            }
        }
        (missing <= Decimal::ZERO).then_some(dropped)
    }

    /// What was decided, in one sentence.
    pub fn sentence(&self, settled: &Settlement) -> String {
        let (product, store) = (&self.product, &self.store);
        let (reserved, there) = (text(self.reserved), text(self.on_hand));
        let id = |place: usize| {
            let one = self.reservations.get(place);
            one.map_or_else(String::new, |one| format!("{}/{}", one.shop, one.id))
        };
        match settled {
            Settlement::Move(moves) => {
                let to = moves
                    .iter()
                    .map(|(place, to)| format!("{} → {to}", id(*place)));
                let to = to.collect::<Vec<_>>().join(", ");
                format!(
                    "of {product} in {store} {reserved} are reserved and {there} are there; held \
                     in another store now: {to}"
                )
            }
            Settlement::Drop(places) => {
                let lost = places.iter().map(|place| id(*place));
                let lost = lost.collect::<Vec<_>>().join(", ");
                format!(
                    "of {product} in {store} {reserved} are reserved and {there} are there; lost \
                     by the newest unpaid: {lost}"
                )
            }
            Settlement::Review => format!(
                "of {product} in {store} {reserved} are reserved and {there} are there; a person \
                 has to decide"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(id: &str, quantity: i64, paid: bool) -> Held {
        let age = id.bytes().map(i64::from).sum::<i64>();
        Held {
            shop: "main".to_owned(),
            id: id.to_owned(),
            number: Some(id.to_owned()),
            quantity: quantity.into(),
            paid,
            held_at: DateTime::from_timestamp(age, 0).unwrap(),
            bound: false,
            together: BTreeMap::from([("kettle".to_owned(), quantity.into())]),
        }
    }

    fn shortage(on_hand: i64, reservations: Vec<Held>) -> Shortage {
        Shortage {
            product: "kettle".to_owned(),
            store: "a".to_owned(),
            on_hand: on_hand.into(),
            reserved: reservations.iter().map(|one| one.quantity).sum(),
            cause: Some(ShortageCause::Count),
            reservations,
        }
    }

    fn rule(then: ShortageAct) -> ShortageRule {
        ShortageRule {
            then,
            store: None,
            cause: None,
        }
    }

    fn store(name: &str, kettles: i64) -> OtherStore {
        OtherStore {
            name: name.to_owned(),
            available: BTreeMap::from([("kettle".to_owned(), kettles.into())]),
        }
    }

    #[test]
    fn the_newest_unpaid_lose_as_many_as_it_takes_and_nobody_who_has_paid() {
        let drop = [rule(ShortageAct::DropNewestUnpaid)];
        let three = vec![held("a", 1, false), held("b", 1, false), held("c", 1, true)];
        let of = |on_hand| shortage(on_hand, three.clone()).settle(&drop, &[]);
        assert_eq!(of(2), Settlement::Drop(vec![1]));
        assert_eq!(of(1), Settlement::Drop(vec![1, 0]));
        assert_eq!(
            of(0),
            Settlement::Review,
            "who has paid is not dropped, and half helps nobody"
        );
        let mut cart = held("d", 1, true);
        cart.number = None;
        let with_cart = shortage(1, vec![held("a", 1, false), cart]);
        assert_eq!(
            with_cart.settle(&drop, &[]),
            Settlement::Drop(vec![1]),
            "a cart is unpaid"
        );
    }

    #[test]
    fn what_is_moved_goes_to_the_first_store_that_has_all_of_it_unless_it_is_picked_up_here() {
        let rules = [rule(ShortageAct::Move)];
        let mut here = held("z", 1, false);
        here.bound = true;
        let of = shortage(1, vec![held("a", 2, true), held("b", 2, false), here]);
        let settled = of.settle(&rules, &[store("b", 1), store("c", 3), store("d", 2)]);
        let expected = vec![(1, "c".to_owned()), (0, "d".to_owned())];
        assert_eq!(settled, Settlement::Move(expected));
        assert_eq!(of.settle(&rules, &[store("c", 3)]), Settlement::Review);
    }

    #[test]
    fn the_first_rule_that_fits_and_settles_it_is_carried_out() {
        let of = shortage(0, vec![held("a", 1, false)]);
        let mut elsewhere = rule(ShortageAct::Review);
        elsewhere.store = Some("b".to_owned());
        let mut till = rule(ShortageAct::Review);
        till.cause = Some(ShortageCause::Receipt);
        let rules = [
            elsewhere,
            till,
            rule(ShortageAct::Move),
            rule(ShortageAct::DropNewestUnpaid),
        ];
        assert_eq!(of.settle(&rules, &[]), Settlement::Drop(vec![0]));
        let moved = of.settle(&rules, &[store("b", 1)]);
        assert_eq!(moved, Settlement::Move(vec![(0, "b".to_owned())]));
        assert_eq!(of.settle(&[], &[store("b", 1)]), Settlement::Review);
    }

    #[test]
    fn random_shortages_are_settled_whole_or_reviewed_and_never_by_more_than_it_takes() {
        let mut seed = 7_u64;
        let mut next = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..100_000 {
            let reservations: Vec<Held> = (0..=next(5))
                .map(|nth| {
                    let mut one = held(&nth.to_string(), 1 + next(3).cast_signed(), next(2) == 0);
                    one.bound = next(3) == 0;
                    one
                })
                .collect();
            let sum: i64 = reservations.len().try_into().unwrap();
            let of = shortage(next(4).cast_signed() - 1, reservations);
            if of.missing() <= Decimal::ZERO {
                continue;
            }
            let acts = [
                ShortageAct::Move,
                ShortageAct::DropNewestUnpaid,
                ShortageAct::Review,
            ];
            let rules: Vec<_> = (0..next(3))
                .map(|_| rule(acts[usize::try_from(next(3)).unwrap()]))
                .collect();
            let others = [
                store("b", next(4).cast_signed()),
                store("c", next(3).cast_signed()),
            ];
            let settled = of.settle(&rules, &others);
            assert!(!of.sentence(&settled).is_empty());
            let quantity = |place: &usize| of.reservations[*place].quantity;
            let places: Vec<usize> = match &settled {
                Settlement::Review => continue,
                Settlement::Drop(places) => {
                    assert!(places.iter().all(|place| !of.reservations[*place].paid));
                    places.clone()
                }
                Settlement::Move(moves) => {
                    for other in &others {
                        let into = moves.iter().filter(|(_, to)| *to == other.name);
                        let into: Decimal = into.map(|(place, _)| quantity(place)).sum();
                        assert!(into <= other.available["kettle"]);
                    }
                    assert!(
                        moves
                            .iter()
                            .all(|(place, _)| !of.reservations[*place].bound)
                    );
                    moves.iter().map(|(place, _)| *place).collect()
                }
            };
            let freed: Decimal = places.iter().map(quantity).sum();
            assert!(freed >= of.missing() && places.len() <= usize::try_from(sum).unwrap());
            let but_last: Decimal = places.iter().rev().skip(1).map(quantity).sum();
            assert!(
                but_last < of.missing(),
                "nobody loses more than it takes: {of:?}"
            );
        }
    }
}
