//! What goods come to, from facts alone: the referee. It knows no SQL, no clock and no locks.

mod orders;

use std::collections::{BTreeMap, BTreeSet};

/// Product and store.
pub(super) type Place = (String, String);
/// Minutes since the history began; what has no time of its own happens now.
pub(super) type Time = i64;
pub(super) const NOW: Time = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Held,
    Shipped,
    Released,
    Expired,
    Short,
}

impl State {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Shipped => "shipped",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::Short => "short",
        }
    }
}

/// What a line holds in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) line: String,
    pub(super) place: Place,
    pub(super) quantity: i64,
    pub(super) shipped: i64,
}

impl Piece {
    fn open(&self) -> i64 {
        self.quantity - self.shipped
    }
}

#[derive(Debug, Clone)]
pub(super) struct Reservation {
    pub(super) number: Option<String>,
    pub(super) state: State,
    pub(super) pieces: Vec<Piece>,
    /// When it was first held, as a count of deeds.
    since: usize,
}

impl Reservation {
    /// It is shipped once nothing of it is open.
    fn close(&mut self) {
        if self.pieces.iter().all(|piece| piece.open() == 0) {
            self.state = State::Shipped;
        }
    }
}

/// A receipt, as its newest version says.
#[derive(Debug, Clone)]
pub(super) struct Receipt {
    pub(super) version: i64,
    pub(super) number: Option<String>,
    pub(super) store: String,
    pub(super) at: Time,
    pub(super) refund: bool,
    pub(super) cancelled: bool,
    pub(super) goods: BTreeMap<String, i64>,
}

/// What a receipt has posted of a product for an order.
#[derive(Debug, Clone, Default)]
struct Posted {
    store: String,
    at: Time,
    held: i64,
    gone: i64,
    sold: i64,
    returned: i64,
    refunded: i64,
}

/// What an order's status says has left.
#[derive(Debug, Clone, Default)]
struct Claim {
    claimed: i64,
    taken: i64,
    /// What was shipped by calls.
    called: i64,
    store: Option<String>,
    at: Time,
}

/// Goods that came or went.
#[derive(Debug, Clone)]
struct Fact {
    place: Place,
    quantity: i64,
    at: Time,
    /// The receipt that says so, and in which version.
    said: Option<(String, i64)>,
}

impl Fact {
    fn new(place: Place, quantity: i64, at: Time) -> Self {
        Self {
            place,
            quantity,
            at,
            said: None,
        }
    }
}

/// What came of asking for goods.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Done,
    Short,
    Invalid,
    Unknown,
    NotHeld,
}

/// All of a history.
#[derive(Debug, Default)]
pub(super) struct Model {
    facts: Vec<Fact>,
    /// In the order in which they came: place, quantity, as of.
    counts: Vec<(Place, i64, Time)>,
    pub(super) reservations: BTreeMap<String, Reservation>,
    pub(super) receipts: BTreeMap<String, Receipt>,
    /// By receipt, product and order.
    posted: BTreeMap<(String, String, String), Posted>,
    /// By order and product.
    claims: BTreeMap<(String, String), Claim>,
    /// Orders of which something was shipped by a call.
    pub(super) called: BTreeSet<String>,
    /// Which versions of receipts the base that counts has confirmed, and when; none: no receipts
    /// go to who counts.
    given: Option<BTreeMap<String, Vec<(i64, Time)>>>,
    /// Receipts that never go there.
    stay: BTreeSet<String>,
    deeds: usize,
}

impl Model {
    pub(super) fn on_hand(&self, place: &Place) -> i64 {
        let of = |(at, ..): &&(Place, i64, Time)| at == place;
        // Of two of the same time the later that came.
        let newest = self.counts.iter().filter(of).max_by_key(|(.., at)| *at);
        let (counted, since) = newest.map_or((0, i64::MIN), |(_, q, at)| (*q, *at));
        let facts = self.facts.iter().filter(|fact| fact.place == *place);
        let later = facts.filter(|fact| fact.at > since || self.is_not_given(fact, since));
        counted + later.map(|fact| fact.quantity).sum::<i64>()
    }

    /// Whether who counts was still to be told of it then: what a receipt says in a version is in
    /// a count once that version or a newer one was confirmed; one that never goes counts by its
    /// time.
    fn is_not_given(&self, fact: &Fact, since: Time) -> bool {
        let (Some(given), Some((receipt, version))) = (&self.given, &fact.said) else {
            return false;
        };
        let confirmed = given.get(receipt).into_iter().flatten();
        let first = confirmed.filter(|(of, _)| of >= version).map(|(_, at)| at);
        !self.stay.contains(receipt) && first.min().is_none_or(|first| *first > since)
    }

    /// Who counts gets the receipts from now on, but those that stay.
    pub(super) fn gives_receipts(&mut self) {
        self.given = Some(BTreeMap::new());
    }

    /// A receipt never goes to who counts.
    pub(super) fn stays(&mut self, receipt: &str) {
        self.stay.insert(receipt.to_owned());
    }

    /// Who counts confirms all that it was not given before, but what stays.
    pub(super) fn confirmed(&mut self, at: Time) {
        let Some(given) = &mut self.given else {
            return;
        };
        for (receipt, said) in &self.receipts {
            let versions = given.entry(receipt.clone()).or_default();
            let is_new = versions.iter().all(|(version, _)| *version < said.version);
            if is_new && !self.stay.contains(receipt) {
                versions.push((said.version, at));
            }
        }
    }

    pub(super) fn reserved(&self, place: &Place) -> i64 {
        let held = self
            .reservations
            .values()
            .filter(|r| r.state == State::Held);
        let pieces = held.flat_map(|r| &r.pieces).filter(|p| p.place == *place);
        pieces.map(Piece::open).sum()
    }

    pub(super) fn moved(&mut self, place: Place, quantity: i64, at: Time) {
        self.facts.push(Fact::new(place, quantity, at));
    }

    pub(super) fn counted(&mut self, place: Place, quantity: i64, as_of: Time) {
        self.counts.push((place, quantity, as_of));
    }

    /// Asks for lines, each from its store.
    pub(super) fn put(
        &mut self,
        id: &str,
        number: Option<&str>,
        lines: &[(String, Place, i64)],
    ) -> Asked {
        self.deeds += 1;
        let old = self.reservations.get(id).cloned();
        if old.as_ref().is_some_and(|old| old.state == State::Shipped) {
            return Asked::Done;
        }
        let was_held = old.as_ref().is_some_and(|old| old.state == State::Held);
        let old_pieces = old
            .as_ref()
            .map(|old| old.pieces.clone())
            .unwrap_or_default();
        for piece in old_pieces.iter().filter(|piece| piece.shipped > 0) {
            let line = lines.iter().find(|(line, ..)| *line == piece.line);
            let of_line = old_pieces.iter().filter(|other| other.line == piece.line);
            let shipped: i64 = of_line.map(|other| other.shipped).sum();
            if line.is_none_or(|(_, place, wanted)| place.0 != piece.place.0 || *wanted < shipped) {
                return Asked::Invalid;
            }
        }
        let Some(pieces) = self.pieces_of(lines, &old_pieces, was_held) else {
            return Asked::Short;
        };
        let since = old
            .as_ref()
            .filter(|_| was_held)
            .map_or(self.deeds, |old| old.since);
        let before = old.as_ref().and_then(|old| old.number.clone());
        let parted = pieces.iter().any(|piece| piece.shipped > 0);
        let number = match (&before, number) {
            // What was shipped for an order stays that order's.
            (Some(before), _) if parted => Some(before.clone()),
            (_, Some(number)) => Some(number.to_owned()),
            (_, None) => before.clone(),
        };
        if let (Some(number), true, None) = (&number, parted, &before) {
            // What it had shipped for nobody was shipped for this order.
            self.called.insert(number.clone());
        }
        self.reservations.insert(
            id.to_owned(),
            Reservation {
                number,
                state: State::Held,
                pieces,
                since,
            },
        );
        self.take_over(id);
        Asked::Done
    }

    /// What is to be held for these lines: of each what was shipped, and the rest from the shelf.
    /// `None`: there is not enough.
    fn pieces_of(
        &self,
        lines: &[(String, Place, i64)],
        old_pieces: &[Piece],
        was_held: bool,
    ) -> Option<Vec<Piece>> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut free: BTreeMap<Place, i64> = BTreeMap::new();
        for (line, place, wanted) in lines {
            let mut rest = *wanted;
            let gone = |piece: &&Piece| piece.line == *line && piece.shipped > 0;
            for piece in old_pieces.iter().filter(gone) {
                rest -= piece.shipped;
                pieces.push(Piece {
                    quantity: piece.shipped,
                    ..piece.clone()
                });
            }
            if rest == 0 {
                continue;
            }
            let own = old_pieces
                .iter()
                .filter(|piece| was_held && piece.place == *place);
            let own: i64 = own.map(Piece::open).sum();
            let at_place = self.on_hand(place) - self.reserved(place) + own;
            let left = free.entry(place.clone()).or_insert(at_place);
            *left -= rest;
            if *left < 0 {
                return None;
            }
            match pieces
                .iter_mut()
                .find(|p| p.line == *line && p.place == *place)
            {
                Some(piece) => piece.quantity += rest,
                None => pieces.push(Piece {
                    line: line.clone(),
                    place: place.clone(),
                    quantity: rest,
                    shipped: 0,
                }),
            }
        }
        Some(pieces)
    }

    /// What has left of the order already is not held.
    fn take_over(&mut self, id: &str) {
        let mut reservation = self.reservations[id].clone();
        reservation
            .pieces
            .sort_by(|a, b| (&a.line, &a.place.1).cmp(&(&b.line, &b.place.1)));
        for piece in &mut reservation.pieces {
            let numbers = [reservation.number.as_deref(), Some(id)];
            piece.shipped += self.had_left(numbers, &piece.place.0, piece.open());
        }
        reservation.close();
        self.reservations.insert(id.to_owned(), reservation);
    }

    fn had_left(&mut self, numbers: [Option<&str>; 2], product: &str, most: i64) -> i64 {
        let of = |number: &str| !number.is_empty() && numbers.contains(&Some(number));
        let mut had = 0;
        let mut sold: Vec<_> = self
            .posted
            .iter_mut()
            .filter(|((_, of_product, number), posted)| {
                of(number) && of_product == product && posted.sold > 0
            })
            .collect();
        sold.sort_by_key(|((receipt, ..), posted)| (posted.at, (*receipt).clone()));
        for (_, posted) in sold {
            let part = posted.sold.min(most - had);
            posted.sold -= part;
            posted.held += part;
            had += part;
        }
        for ((number, of_product), claim) in &mut self.claims {
            if of(number) && of_product == product {
                let part = claim.taken.min(most - had);
                claim.taken -= part;
                had += part;
            }
        }
        had
    }

    /// Ships all of a reservation, or so much of a line.
    pub(super) fn ship(&mut self, id: &str, part: Option<(&str, i64)>) -> Asked {
        let Some(mut reservation) = self.reservations.get(id).cloned() else {
            return Asked::Unknown;
        };
        match (reservation.state, part) {
            (State::Shipped, None) => return Asked::Done,
            (State::Held | State::Shipped, _) => {}
            _ => return Asked::NotHeld,
        }
        let of_line = |piece: &Piece| part.is_none_or(|(line, _)| piece.line == line);
        let whole: i64 = reservation
            .pieces
            .iter()
            .filter(|p| of_line(p))
            .map(Piece::open)
            .sum();
        let mut rest = part.map_or(whole, |(_, quantity)| quantity);
        if !reservation.pieces.iter().any(of_line) {
            return Asked::Invalid;
        }
        if rest > whole {
            return Asked::Short;
        }
        reservation
            .pieces
            .sort_by(|a, b| (&a.line, &a.place.1).cmp(&(&b.line, &b.place.1)));
        for piece in reservation.pieces.iter_mut().filter(|piece| of_line(piece)) {
            let parted = piece.open().min(rest);
            rest -= parted;
            let numbers = [reservation.number.as_deref(), Some(id)];
            let had = self.had_left(numbers, &piece.place.0, parted);
            piece.shipped += parted;
            let left = Fact::new(piece.place.clone(), had - parted, NOW);
            self.facts.push(left);
            if had < parted {
                let number = reservation.number.clone();
                let number = number.unwrap_or_else(|| id.to_owned());
                let key = (number.clone(), piece.place.0.clone());
                self.claims.entry(key).or_default().called += parted - had;
                self.called.insert(number);
            }
        }
        reservation.close();
        self.reservations.insert(id.to_owned(), reservation);
        Asked::Done
    }

    /// Ends a held reservation.
    pub(super) fn end(&mut self, id: &str, state: State) -> Asked {
        let Some(reservation) = self.reservations.get_mut(id) else {
            return Asked::Unknown;
        };
        if reservation.state == State::Held {
            reservation.state = state;
        }
        Asked::Done
    }

    fn named<'a>(
        &'a mut self,
        number: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a mut Reservation)> {
        let of = move |(id, r): &(&String, &mut Reservation)| {
            *id == number || r.number.as_deref() == Some(number)
        };
        self.reservations.iter_mut().filter(of)
    }

    /// Takes from what is held for an order, in this order; returns how many there were.
    fn pick(
        &mut self,
        number: &str,
        product: &str,
        most: i64,
        first: Option<&str>,
    ) -> Vec<(Place, i64)> {
        let mut open: Vec<(bool, String, String, String, &mut Piece)> = Vec::new();
        for (id, reservation) in self.named(number).filter(|(_, r)| r.state == State::Held) {
            for piece in reservation
                .pieces
                .iter_mut()
                .filter(|p| p.place.0 == product && p.open() > 0)
            {
                let elsewhere = first.is_some_and(|first| first != piece.place.1);
                open.push((
                    elsewhere,
                    id.clone(),
                    piece.line.clone(),
                    piece.place.1.clone(),
                    piece,
                ));
            }
        }
        open.sort_by(|a, b| (&a.0, &a.1, &a.2, &a.3).cmp(&(&b.0, &b.1, &b.2, &b.3)));
        let mut rest = most;
        let mut picked = Vec::new();
        for (.., piece) in open {
            let part = piece.open().min(rest);
            if part > 0 {
                piece.shipped += part;
                rest -= part;
                picked.push((piece.place.clone(), part));
            }
        }
        for (_, reservation) in self.named(number).filter(|(_, r)| r.state == State::Held) {
            if reservation.pieces.iter().all(|piece| piece.open() == 0) {
                reservation.state = State::Shipped;
            }
        }
        picked
    }
}
