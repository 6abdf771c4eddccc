//! What may happen to goods, by chance; and what is always true of it, whoever keeps the figures.

use super::{
    model::{Asked, Model, NOW, Place, Receipt, State, Time},
    number,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::collections::BTreeMap;

pub(super) const STORES: [&str; 2] = ["a", "b"];

/// Something that happens.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    Moved(Place, i64, Time),
    Counted(Place, i64, Time),
    Put {
        id: String,
        number: Option<String>,
        lines: Vec<(String, Place, i64)>,
    },
    Ship {
        id: String,
        part: Option<(String, i64)>,
    },
    End(String, State),
    Left {
        number: String,
        store: Option<String>,
        at: Time,
        goods: BTreeMap<String, i64>,
    },
    Receipt(String, Receipt),
}

impl Deed {
    /// Does it to the model; says what came of a request.
    pub(super) fn tell(&self, model: &mut Model) -> Option<Asked> {
        match self {
            Self::Moved(place, quantity, at) => model.moved(place.clone(), *quantity, *at),
            Self::Counted(place, quantity, at) => model.counted(place.clone(), *quantity, *at),
            Self::Put { id, number, lines } => {
                return Some(model.put(id, number.as_deref(), lines));
            }
            Self::Ship { id, part } => {
                let part = part
                    .as_ref()
                    .map(|(line, quantity)| (line.as_str(), *quantity));
                return Some(model.ship(id, part));
            }
            Self::End(id, state) => return Some(model.end(id, *state)),
            Self::Left {
                number,
                store,
                at,
                goods,
            } => model.order_left(number, store.as_deref(), *at, goods),
            Self::Receipt(key, said) => model.receipt(key, said),
        }
        None
    }
}

/// Who lets things happen, in the products, orders and reservations of one history.
pub(super) struct Fate {
    pub(super) name: String,
    pub(super) chance: StdRng,
}

impl Fate {
    pub(super) fn new(name: String, seed: u64) -> Self {
        let chance = StdRng::seed_from_u64(seed);
        Self { name, chance }
    }

    /// What there is to begin with.
    pub(super) fn opening(&self) -> Vec<Deed> {
        let bring = |place: Place| Deed::Moved(place, 5, 1);
        self.places().into_iter().map(bring).collect()
    }

    pub(super) fn places(&self) -> Vec<Place> {
        let place = |nth: usize| {
            (
                format!("{}-p{}", self.name, nth / 2),
                STORES[nth % 2].to_owned(),
            )
        };
        (0..4).map(place).collect()
    }

    pub(super) fn numbers(&self) -> [String; 2] {
        [0, 1].map(|nth| format!("{}-w{nth}", self.name))
    }

    fn below(&mut self, most: i64) -> i64 {
        self.chance.random_range(0..most)
    }

    fn one_of(&mut self, most: i64) -> bool {
        self.below(most) == 0
    }

    fn product(&mut self) -> String {
        let nth = self.below(2);
        format!("{}-p{nth}", self.name)
    }

    fn store(&mut self) -> String {
        STORES[self.chance.random_range(0..2)].to_owned()
    }

    fn place(&mut self) -> Place {
        (self.product(), self.store())
    }

    fn order(&mut self) -> String {
        let nth = self.below(2);
        format!("{}-w{nth}", self.name)
    }

    /// Facts happen at odd minutes, counts are of even ones.
    fn minute(&mut self) -> Time {
        1 + 2 * self.below(50)
    }

    /// A cart, or the reservation that is the order's own.
    fn reservation(&mut self) -> String {
        match self.below(4) {
            0 => self.order(),
            nth => format!("{}-r{nth}", self.name),
        }
    }

    fn goods(&mut self) -> BTreeMap<String, i64> {
        let mut goods = BTreeMap::new();
        for _ in 0..=self.below(2) {
            goods.insert(self.product(), 1 + self.below(3));
        }
        goods
    }

    /// Something that may happen to what the model knows.
    pub(super) fn next(&mut self, model: &Model) -> Deed {
        match self.below(14) {
            0 => Deed::Moved(self.place(), self.below(4) - 1, self.minute()),
            1 => Deed::Counted(self.place(), self.below(8), 2 * self.below(50)),
            2..=4 => self.put(),
            5 => self.ship(),
            6 => {
                let state = [State::Released, State::Expired][self.chance.random_range(0..2)];
                Deed::End(self.reservation(), state)
            }
            7 | 8 => Deed::Left {
                number: self.order(),
                store: self.one_of(2).then(|| self.store()),
                at: self.minute(),
                goods: self.goods(),
            },
            _ => self.receipt(model),
        }
    }

    fn put(&mut self) -> Deed {
        let id = self.reservation();
        let own = id.contains("-w");
        let number = (!own && self.one_of(2)).then(|| self.order());
        let lines = 0..=self.below(2);
        let lines = lines.map(|line| (line.to_string(), self.place(), 1 + self.below(3)));
        let lines = lines.collect();
        Deed::Put { id, number, lines }
    }

    fn ship(&mut self) -> Deed {
        let id = self.reservation();
        let part = self.one_of(2).then(|| ("0".to_owned(), 1 + self.below(2)));
        Deed::Ship { id, part }
    }

    /// A new receipt, or a newer or older version of one.
    fn receipt(&mut self, model: &Model) -> Deed {
        let nth = self.below(4);
        let key = format!("{}-k{nth}", self.name);
        let known = model.receipts.get(&key).cloned();
        let Some(known) = known else {
            let number = (!self.one_of(3)).then(|| self.order());
            let said = Receipt {
                version: 1,
                number,
                store: self.store(),
                at: self.minute(),
                refund: self.one_of(6),
                cancelled: false,
                goods: self.goods(),
            };
            return Deed::Receipt(key, said);
        };
        let mut said = known;
        match self.below(8) {
            // Late: it is another, and older than what is known.
            0 if said.version > 1 => {
                (said.version, said.goods) = (said.version - 2, self.goods());
            }
            1 => said.number = (!self.one_of(3)).then(|| self.order()),
            2 => said.store = self.store(),
            3 => said.at = self.minute(),
            4 => said.goods = self.goods(),
            _ => said.cancelled = !said.cancelled,
        }
        said.version += 1;
        Deed::Receipt(key, said)
    }
}

/// What must hold of every history at every step.
fn must_hold(model: &Model, fate: &Fate, story: &[Deed]) {
    for number in fate.numbers() {
        for product in [0, 1].map(|nth| format!("{}-p{nth}", fate.name)) {
            let (claimed, said) = model.said(&number, &product);
            let left = model.left(&number, &product);
            if model.called.contains(&number) {
                assert!(left >= claimed.max(said), "{number} {product}: {story:#?}");
            } else {
                // Whoever said it first, and whatever was taken back.
                assert_eq!(left, claimed.max(said), "{number} {product}: {story:#?}");
            }
        }
    }
    for reservation in model.reservations.values() {
        for piece in &reservation.pieces {
            assert!(piece.shipped <= piece.quantity, "{story:#?}");
        }
    }
}

#[test]
fn of_an_order_each_piece_leaves_once_whatever_happens_in_whatever_order() {
    for nth in 0..number("STOCK_PURE_HISTORIES", 20_000) {
        let mut fate = Fate::new("h".to_owned(), number("STOCK_SEED", 1) * 10_000_000 + nth);
        let mut model = Model::default();
        let mut story = fate.opening();
        for deed in &story {
            deed.tell(&mut model);
        }
        for _ in 0..16 {
            let deed = fate.next(&model);
            story.push(deed.clone());
            let free = |model: &Model, place: &Place| model.on_hand(place) - model.reserved(place);
            let before: Vec<_> = fate
                .places()
                .iter()
                .map(|place| free(&model, place))
                .collect();
            let asked = deed.tell(&mut model);
            if let (Deed::Put { .. }, Some(Asked::Done)) = (&deed, asked) {
                for (place, before) in fate.places().iter().zip(before) {
                    // Nobody is promised what is not there.
                    let after = free(&model, place);
                    assert!(after >= 0 || after >= before, "{story:#?}");
                }
            }
            must_hold(&model, &fate, &story);
        }
    }
}

#[test]
fn a_pick_up_its_annulment_and_the_status_come_to_the_same_in_any_order() {
    let cup = |quantity| BTreeMap::from([("cup".to_owned(), quantity)]);
    let sale = |version, cancelled| Receipt {
        version,
        number: Some("w".to_owned()),
        store: "b".to_owned(),
        at: 5,
        refund: false,
        cancelled,
        goods: cup(3),
    };
    let shipped = Deed::Left {
        number: "w".to_owned(),
        store: None,
        at: 7,
        goods: cup(2),
    };
    let facts = [
        Deed::Receipt("k".to_owned(), sale(1, false)),
        Deed::Receipt("k".to_owned(), sale(2, true)),
        shipped,
    ];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [2, 0, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 1, 0],
    ] {
        let mut model = Model::default();
        for nth in order {
            facts[nth].tell(&mut model);
        }
        let at = |store: &str| model.on_hand(&("cup".to_owned(), store.to_owned()));
        assert_eq!((at("a"), at("b")), (-2, 0), "{order:?}");
    }
    const { assert!(NOW > 100, "calls come after all facts") };
}
