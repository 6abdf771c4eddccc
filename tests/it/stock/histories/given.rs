//! A base of 1C that counts its shelf and knows of it what it was given: whatever is sold, changed,
//! confirmed and counted in whatever order, what is on hand is what lies there.

use super::{
    model::{Model, Place, Receipt, Time},
    number,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::collections::BTreeMap;

const OPENING: i64 = 100;
const RECEIPTS: usize = 5;

/// A receipt, by how much it takes, and how much 1C believes so.
#[derive(Debug, Clone, Copy, Default)]
struct Sold {
    takes: i64,
    given: i64,
    stays: bool,
    at: Time,
    version: i64,
}

/// The shelf itself.
struct Shelf {
    chance: StdRng,
    now: Time,
    sold: [Sold; RECEIPTS],
    /// What 1C would have counted, and when.
    figures: Vec<(Time, i64)>,
    model: Model,
    story: Vec<String>,
}

impl Shelf {
    fn new(seed: u64) -> Self {
        let mut shelf = Self {
            chance: StdRng::seed_from_u64(seed),
            now: 1_000,
            sold: [Sold::default(); RECEIPTS],
            figures: Vec::new(),
            model: Model::default(),
            story: Vec::new(),
        };
        shelf.model.gives_receipts();
        shelf.model.counted(place(), OPENING, shelf.now);
        shelf
    }

    /// What lies there.
    fn lies(&self) -> i64 {
        OPENING - self.sold.iter().map(|sold| sold.takes).sum::<i64>()
    }

    /// What 1C believes: what it was given, and of what never goes to it what others have told it.
    fn believes(&self) -> i64 {
        let of = |sold: &Sold| if sold.stays { sold.takes } else { sold.given };
        OPENING - self.sold.iter().map(of).sum::<i64>()
    }

    fn step(&mut self) {
        self.now += 1;
        match self.chance.random_range(0..8) {
            0..=3 => self.sell(),
            4 | 5 => {
                self.story.push(format!("{} confirmed", self.now));
                self.model.confirmed(self.now);
                for sold in &mut self.sold {
                    sold.given = sold.takes;
                }
            }
            6 => self.count(self.now, self.believes()),
            _ => {
                // A file that was made earlier comes now.
                let nth = self.chance.random_range(0..=self.figures.len());
                if let Some((at, figure)) = self.figures.get(nth).copied() {
                    self.count(at, figure);
                }
            }
        }
        self.now += 1;
        self.figures.push((self.now, self.believes()));
    }

    fn count(&mut self, at: Time, figure: i64) {
        self.story.push(format!("{figure} counted of {at}"));
        self.model.counted(place(), figure, at);
    }

    /// A receipt is made, changed or annulled; a refund brings something back.
    fn sell(&mut self) {
        let nth = self.chance.random_range(0..RECEIPTS);
        let (now, before) = (self.now, self.sold[nth]);
        let is_new = before.version == 0;
        let refund = nth == 1;
        let quantity = self.chance.random_range(1..4);
        let cancelled = self.chance.random_range(0..3) == 0;
        let takes = if refund { -quantity } else { quantity };
        let sold = Sold {
            takes: if cancelled { 0 } else { takes },
            given: before.given,
            // The last is a pick-up, say: it is never changed, and 1C hears of it at once.
            stays: nth == RECEIPTS - 1,
            // Tills are offline for a while, unless who counts is told by others.
            at: match (is_new, nth == RECEIPTS - 1) {
                (true, false) => now - self.chance.random_range(0..50),
                (true, true) => now,
                (false, _) => before.at,
            },
            version: before.version + 1,
        };
        if sold.stays && !is_new {
            return;
        }
        let key = format!("k{nth}");
        if sold.stays {
            self.model.stays(&key);
        }
        self.story.push(format!("{now} {key} {sold:?}"));
        let said = Receipt {
            version: sold.version,
            number: None,
            store: "a".to_owned(),
            at: sold.at,
            refund,
            cancelled,
            goods: BTreeMap::from([("cup".to_owned(), quantity)]),
        };
        self.model.receipt(&key, &said);
        self.sold[nth] = sold;
    }
}

fn place() -> Place {
    ("cup".to_owned(), "a".to_owned())
}

#[test]
fn what_is_on_hand_is_what_lies_there_whatever_1c_was_given_before_it_counted() {
    for nth in 0..number("STOCK_PURE_HISTORIES", 20_000) {
        let mut shelf = Shelf::new(number("STOCK_SEED", 1) * 10_000_000 + nth);
        for _ in 0..16 {
            shelf.step();
            let found = shelf.model.on_hand(&place());
            assert_eq!(found, shelf.lies(), "{nth}: {:#?}", shelf.story);
        }
    }
}
