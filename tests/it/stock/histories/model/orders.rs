//! Orders in the model: what their statuses claim, what their receipts sell, and who loses.

use super::{Fact, Model, Piece, Place, Posted, Receipt, Reservation, State, Time};
use std::collections::{BTreeMap, BTreeSet};

impl Model {
    fn shipped(&self, number: &str, product: &str) -> i64 {
        let of = |(id, r): &(&String, &Reservation)| {
            *id == number || r.number.as_deref() == Some(number)
        };
        let pieces = self
            .reservations
            .iter()
            .filter(of)
            .flat_map(|(_, r)| &r.pieces);
        pieces
            .filter(|p| p.place.0 == product)
            .map(|p| p.shipped)
            .sum()
    }

    fn of_order<'a>(
        &'a self,
        number: &'a str,
        product: &'a str,
    ) -> impl Iterator<Item = &'a Posted> {
        let of = move |((_, p, n), _): &(&(String, String, String), &Posted)| {
            n == number && p == product
        };
        self.posted.iter().filter(of).map(|(_, posted)| posted)
    }

    fn taken(&self, number: &str, product: &str) -> i64 {
        let key = (number.to_owned(), product.to_owned());
        self.claims.get(&key).map_or(0, |claim| claim.taken)
    }

    fn unclaimed(&self, number: &str, product: &str) -> i64 {
        let receipts = self
            .of_order(number, product)
            .map(|p| p.held + p.gone + p.returned);
        self.shipped(number, product) + self.taken(number, product) - receipts.sum::<i64>()
    }

    /// How many pieces of an order are off the shelf.
    pub(in super::super) fn left(&self, number: &str, product: &str) -> i64 {
        let receipts = self.of_order(number, product).map(|p| p.sold - p.returned);
        self.shipped(number, product) + self.taken(number, product) + receipts.sum::<i64>()
    }

    /// What its status claims, and what its receipts say.
    pub(in super::super) fn said(&self, number: &str, product: &str) -> (i64, i64) {
        let claim = self.claims.get(&(number.to_owned(), product.to_owned()));
        let of = |r: &&Receipt| r.number.as_deref() == Some(number) && !r.refund && !r.cancelled;
        let receipts = self.receipts.values().filter(of);
        let said = receipts.filter_map(|r| r.goods.get(product)).sum();
        (claim.map_or(0, |claim| claim.claimed), said)
    }

    /// An order's status says that its goods have left.
    pub(in super::super) fn order_left(
        &mut self,
        number: &str,
        store: Option<&str>,
        at: Time,
        goods: &BTreeMap<String, i64>,
    ) {
        self.claim(number, store, at, goods);
        for (_, reservation) in self.named(number).filter(|(_, r)| r.state == State::Held) {
            reservation.state = State::Released;
        }
    }

    fn claim(
        &mut self,
        number: &str,
        store: Option<&str>,
        at: Time,
        goods: &BTreeMap<String, i64>,
    ) {
        for (product, quantity) in goods {
            let key = (number.to_owned(), product.clone());
            let claim = self.claims.entry(key.clone()).or_default();
            if claim.claimed < *quantity {
                (claim.claimed, claim.at) = (*quantity, at);
                claim.store = store.map(str::to_owned);
            }
            let wanted = quantity - self.left(number, product);
            if wanted <= 0 {
                continue;
            }
            let picked = self.pick(number, product, wanted, None);
            let rest = wanted - picked.iter().map(|(_, part)| part).sum::<i64>();
            let left = picked.into_iter();
            self.facts
                .extend(left.map(|(place, part)| Fact::new(place, -part, at)));
            if rest > 0 {
                let place = (product.clone(), store.unwrap_or("a").to_owned());
                self.facts.push(Fact::new(place, -rest, at));
            }
            if let Some(claim) = self.claims.get_mut(&key) {
                claim.taken += rest;
            }
        }
    }

    /// A version of a receipt; an older one changes nothing.
    pub(in super::super) fn receipt(&mut self, key: &str, said: &Receipt) {
        let known = self.receipts.get(key);
        if known.is_some_and(|known| said.version <= known.version) {
            return;
        }
        let before = known.and_then(|known| known.number.clone());
        self.receipts.insert(key.to_owned(), said.clone());
        let number = said
            .number
            .clone()
            .filter(|_| !said.refund)
            .unwrap_or_default();
        let mut wanted: BTreeMap<(String, String), i64> = BTreeMap::new();
        if !said.cancelled {
            let good = |(product, quantity): (&String, &i64)| {
                ((product.clone(), number.clone()), *quantity)
            };
            wanted.extend(said.goods.iter().map(good));
        }
        for (receipt, product, number) in self.posted.keys() {
            if receipt == key {
                wanted.entry((product.clone(), number.clone())).or_insert(0);
            }
        }
        for ((product, number), quantity) in wanted {
            self.post(key, said, (&product, &number), quantity);
        }
        for number in BTreeSet::from([before, said.number.clone()])
            .into_iter()
            .flatten()
        {
            self.settle(&number);
        }
    }

    fn post(&mut self, key: &str, said: &Receipt, (product, number): (&str, &str), quantity: i64) {
        let id = (key.to_owned(), product.to_owned(), number.to_owned());
        let was = self.posted.get(&id).cloned().unwrap_or_default();
        let (mut rest, mut keeps, mut picks, mut gone) = (quantity, 0, 0, 0);
        if !number.is_empty() && rest > 0 {
            keeps = rest.min(was.held);
            rest -= keeps;
            // What the status claims and no other receipt has is this one's, before what is held.
            let free = was.gone + self.unclaimed(number, product);
            let all: i64 = self
                .of_order(number, product)
                .map(|posted| posted.held + posted.gone + posted.sold)
                .sum();
            let others = all - was.held - was.gone - was.sold;
            let claimed = self.said(number, product).0 - others - keeps;
            gone = rest.min(free).min(claimed.max(was.gone)).max(0);
            rest -= gone;
            let picked = self.pick(number, product, rest, Some(&said.store));
            picks = picked.iter().map(|(_, part)| part).sum();
            rest -= picks;
            let part = rest.min(free - gone).max(0);
            gone += part;
            rest -= part;
        }
        let before = was.refunded - was.held - was.sold;
        let after = if said.refund {
            rest
        } else {
            -(keeps + picks + rest)
        };
        for (store, quantity, at) in [
            (was.store, -before, was.at),
            (said.store.clone(), after, said.at),
        ] {
            self.facts.push(Fact {
                said: Some((key.to_owned(), said.version)),
                ..Fact::new((product.to_owned(), store), quantity, at)
            });
        }
        let posted = Posted {
            store: said.store.clone(),
            at: said.at,
            held: keeps + picks,
            gone,
            sold: if said.refund { 0 } else { rest },
            returned: was.returned + was.held - keeps,
            refunded: if said.refund { rest } else { 0 },
        };
        self.posted.insert(id, posted);
    }

    /// What the change of a receipt means for the other pieces of its order.
    fn settle(&mut self, number: &str) {
        let of_number = |key: &&(String, String, String)| key.2 == number;
        let products: BTreeSet<String> = self
            .posted
            .keys()
            .filter(of_number)
            .map(|key| key.1.clone())
            .collect();
        for product in &products {
            let unclaimed = self.unclaimed(number, product);
            let sum = |of: fn(&Posted) -> i64| self.of_order(number, product).map(of).sum::<i64>();
            let (sold, held) = (sum(|posted| posted.sold), sum(|posted| posted.held));
            let claim = self.claims.get(&(number.to_owned(), product.clone()));
            let called = claim.map_or(0, |claim| claim.called);
            let over = self.left(number, product) - self.said(number, product).0;
            let excess = unclaimed.min(over);
            let mut sales = excess.min(sold);
            // What was shipped by a call beside a pick-up was another piece.
            let mut pick_ups = (excess - sales).min(held).min(unclaimed - called);
            let mut others: Vec<_> = self
                .posted
                .iter_mut()
                .filter(|((_, p, n), _)| n == number && p == product)
                .collect();
            others.sort_by_key(|((receipt, ..), posted)| (posted.at, (*receipt).clone()));
            for (_, posted) in others {
                let part = posted.sold.min(sales).max(0);
                let picked = posted.held.min(pick_ups).max(0);
                (sales, pick_ups) = (sales - part, pick_ups - picked);
                posted.sold -= part;
                posted.held -= picked;
                posted.gone += part + picked;
                posted.returned += picked;
                let place = (product.clone(), posted.store.clone());
                self.facts.push(Fact::new(place, part + picked, posted.at));
            }
        }
        let claims = self
            .claims
            .iter()
            .filter(|((of, _), claim)| of == number && claim.claimed > 0);
        let claims: Vec<_> = claims
            .map(|((_, product), claim)| (product.clone(), claim.clone()))
            .collect();
        for (product, claim) in claims {
            let goods = BTreeMap::from([(product, claim.claimed)]);
            self.claim(number, claim.store.as_deref(), claim.at, &goods);
        }
    }

    /// The newest reservations of what is short are lost, as many as are needed.
    pub(in super::super) fn drop_newest(&mut self, places: &[Place]) {
        for place in places {
            let mut short = self.reserved(place) - self.on_hand(place);
            if short <= 0 || self.on_hand(place) < 0 {
                // Where nobody's loss would cure it, nobody loses.
                continue;
            }
            let holds = |r: &&mut Reservation| {
                r.state == State::Held && r.pieces.iter().any(|p| p.place == *place && p.open() > 0)
            };
            let mut holders: Vec<_> = self.reservations.values_mut().filter(holds).collect();
            holders.sort_by_key(|r| std::cmp::Reverse(r.since));
            for reservation in holders {
                if short <= 0 {
                    break;
                }
                let here = reservation.pieces.iter().filter(|p| p.place == *place);
                short -= here.map(Piece::open).sum::<i64>();
                reservation.state = State::Short;
            }
        }
    }
}
