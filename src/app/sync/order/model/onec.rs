//! The third side: a 1C base, its accountants, and its exchange.
//!
//! 1C sends the order with its status whenever it exchanges, and then fetches what the bridge has
//! for it: the order after a change of the shop's, or once more where 1C was not right. What it
//! fetched counts as changed there, and is sent back before its people set anything else. (Of one
//! that never takes a status over, the same status again is no claim: nothing is sent to and fro
//! without an end.)
//!
//! What must hold, beside what holds for two sides: when everybody is quiet, 1C has the order's
//! status or the difference is on record; and its last word stands where it is the only one.

use super::*;
use crate::{
    app::sync::order::onec::{
        OneCContext, OneCDecided, OneCOutcome, OneCSide, OneCWord, hear, order_status,
    },
    decision::onec::Verdict,
    formats::onec::{Import, StatusTable},
};

/// What the bridge knows of the base.
#[derive(Debug, Clone)]
pub(super) struct Base {
    side: OneCSide,
    /// The shop's version that 1C has.
    has: u64,
    /// The order is to be sent again.
    again: bool,
    /// When the shop was told something last, as it was when the base took that up.
    told: Option<DateTime<Utc>>,
    confirmed_at: Option<DateTime<Utc>>,
    /// The document that was taken in last.
    last: Option<OneCWord>,
    /// It waits to be decided.
    waits: bool,
    /// A person is asked about it.
    asked: bool,
}

impl Default for Base {
    fn default() -> Self {
        Self {
            side: OneCSide {
                agreed: Some("N".to_owned()),
                said: Some("N".to_owned()),
                ..OneCSide::default()
            },
            has: 1,
            again: false,
            told: None,
            confirmed_at: None,
            last: None,
            waits: false,
            asked: false,
        }
    }
}

impl Base {
    pub(super) fn is_quiet(&self) -> bool {
        !self.waits && !self.asked && !self.again
    }
}

impl World {
    pub(super) fn account(&mut self, status: &str) {
        self.onec = status.to_owned();
        self.tell(&format!("an accountant sets {status}"));
    }

    pub(super) fn exchange(&mut self) {
        self.pass(10);
        if self.database.base.waits {
            self.decide(false);
        }
        let word = self.word();
        // The same document is applied once; what is not decided is decided again.
        let base = &mut self.database.base;
        let same = base
            .last
            .as_ref()
            .is_some_and(|last| last.status == word.status);
        if !same || base.side.said.as_ref() != word.status.first() {
            base.last = Some(word);
            base.waits = false;
            base.asked = false;
            self.hears_onec(false, false);
        }
        self.fetch();
    }

    /// 1C gets the order.
    fn fetch(&mut self) {
        self.take_up_status();
        let news = self.database.version > self.database.base.has;
        // What 1C has not told yet, its people have not lost.
        let open = self.database.base.waits || self.database.base.asked;
        if open || !news && !self.database.base.again {
            return;
        }
        let Some(status) = self.order_status() else {
            return;
        };
        self.pass(10);
        let base = &mut self.database.base;
        base.again = false;
        base.has = self.database.version;
        base.side.agreed = Some(status.clone());
        base.side.won = base.side.won.take().filter(|won| *won == status);
        base.confirmed_at = Some(at(self.now));
        self.tell(&format!("1C gets {status}"));
        self.onec = status;
        // What it took in it counts as changed, and sends back.
        let word = self.word();
        self.database.base.last = Some(word);
        self.hears_onec(false, false);
    }

    fn word(&self) -> OneCWord {
        OneCWord {
            status: vec![self.onec.clone()],
            after: self.database.base.confirmed_at,
            came: at(self.now),
            ..OneCWord::default()
        }
    }

    /// The status counts differently, without a word of the shop: 1C is to get the order, unless it
    /// has that.
    fn take_up_status(&mut self) {
        let row = &self.database.row;
        let agreed = row.agreed.clone();
        let told = agreed.and_then(|agreed| agreed.told.last().cloned());
        let said = row.said.clone().and_then(|said| said.status);
        let base = &mut self.database.base;
        let at = told.as_ref().map(|told| told.at);
        if base.told != at {
            base.told = at;
            base.again |= base.side.agreed != told.map(|told| told.status).or(said);
        }
    }

    /// The order's status: what the shop says, or what it was told since.
    pub(super) fn order_status(&self) -> Option<String> {
        let said = self.database.row.said.clone()?;
        let status = said.status.clone()?;
        let agreed = self.database.row.agreed.clone();
        let (table, import) = (StatusTable::default(), Import::default());
        let around = self.around(&table, &import);
        Some(order_status(&said, &status, agreed.as_ref(), &around).status)
    }

    fn around<'a>(&'a self, table: &'a StatusTable, import: &'a Import) -> OneCContext<'a> {
        OneCContext {
            table,
            import,
            two_way: &self.two_way,
            clocks: self.clocks(),
            now: at(self.now),
        }
    }

    fn decide(&mut self, ruled: bool) {
        self.hears_onec(true, ruled);
    }

    fn hears_onec(&mut self, again: bool, ruled: bool) {
        let Some(mut word) = self.database.base.last.clone() else {
            return;
        };
        self.pass(1);
        word.again = again;
        word.ruled = ruled;
        let mut row = self.database.row.clone();
        let mut side = self.database.base.side.clone();
        let (table, import) = (StatusTable::default(), Import::default());
        let outcome = hear(&mut row, &mut side, &word, &self.around(&table, &import));
        self.database.row = row;
        self.database.base.side = side;
        self.database.base.waits = matches!(outcome, OneCOutcome::Waits(_));
        self.database.base.again |= matches!(outcome, OneCOutcome::Behind);
        self.database.base.asked = false;
        let OneCOutcome::Decided(decided) = outcome else {
            return;
        };
        let OneCDecided { decision, told, .. } = *decided;
        self.tell(&decision.sentence);
        match decision.verdict {
            Verdict::Take => {}
            Verdict::PutBack => self.database.base.again = true,
            Verdict::Ask => self.database.base.asked = true,
        }
        if let Some(told) = told {
            let rules = &self.policy().rules;
            let by_rule = rules.iter().any(|rule| rule.winner == Winner::Onec);
            self.tells(&told, ruled || by_rule);
            self.look(&[], &[]);
        }
    }

    /// A message of 1C's was dropped: what it said is decided once more.
    pub(super) fn reopen(&mut self) {
        self.tell("what 1C said is decided again");
        self.database.base.waits = true;
        // The order has its status by whoever said it meanwhile.
        self.database.base.side.won = None;
    }

    /// A person says whether 1C is right, where one is asked.
    pub(super) fn rule_onec(&mut self, winner: Side) -> bool {
        if !self.database.base.asked {
            return false;
        }
        self.rulings += 1;
        self.tell(&format!("a person about 1C: {winner}"));
        if winner == Side::Portal {
            self.decide(true);
        } else {
            let base = &mut self.database.base;
            base.asked = false;
            base.again = true;
            if let Some(word) = &base.last {
                base.side.heard(word);
            }
        }
        true
    }
}

fn op_of_three() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => op(),
        3 => (0..STATUSES.len()).prop_map(Op::Account),
        3 => Just(Op::Exchange),
    ]
}

fn winner_of_three() -> impl Strategy<Value = Winner> {
    prop_oneof![4 => winner(), 1 => Just(Winner::Onec)]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn three_systems_have_one_status_in_the_end_and_no_paid_order_is_turned_back(
        winner in winner_of_three(),
        habits in habits(),
        ahead in (SKEW, SKEW),
        ops in prop::collection::vec(op_of_three(), 0..40),
        ruled in side(),
    ) {
        let mut world = World::new(policy(winner), habits, ahead);
        world.exchanges = true;
        for op in &ops {
            world.happen(op);
        }
        let writes = world.settle(Some(ruled));
        prop_assert!(world.agrees(), "{}", world.story());
        prop_assert!(writes <= 18, "{writes} writes\n{}", world.story());
        prop_assert_eq!(&world.shop.turned_back, &None, "{}", world.story());
        let order_status = world.order_status();
        prop_assert_eq!(Some(&world.onec), order_status.as_ref(), "{}", world.story());
    }

    #[test]
    fn the_only_word_is_the_accountants_and_it_stands(
        winner in winner_of_three(),
        habits in habits(),
        ahead in (SKEW, SKEW),
        before in prop::collection::vec(op_of_three(), 0..20),
        n in 0..STATUSES.len(),
        weather in prop::collection::vec(weather(), 0..8),
        ruled in side(),
    ) {
        let mut world = World::new(policy(winner), habits, ahead);
        world.exchanges = true;
        for op in &before {
            world.happen(op);
        }
        world.settle(Some(ruled));
        let order = world.shop.books.order.clone();
        let finality = world.policy().finality.clone();
        let mut facts = finality.facts(order.status, order.paid, false);
        // What the shop told and never took back is believed, whatever its books say by now.
        let said = world.database.row.said.clone();
        if let Some((said, status)) = said.and_then(|said| Some((said.clone(), said.status?))) {
            facts.extend(finality.facts(&status, said.paid, said.cancelled));
        }
        world.happen(&Op::Account(n));
        world.happen(&Op::Exchange);
        for op in &weather {
            world.happen(op);
        }
        let (rulings, refused) = (world.rulings, world.refused);
        world.settle(Some(ruled));
        if facts.is_empty() && world.rulings == rulings && world.refused == refused {
            prop_assert_eq!(world.shop.status(), STATUSES[n], "{}", world.story());
            prop_assert!(world.agrees(), "{}", world.story());
        }
    }
}
