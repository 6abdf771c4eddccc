//! Random people who share phones and addresses, write their names in several ways, order under
//! each other's accounts, and whose calls get lost: whatever happens, nobody's card gets what only
//! a stranger told.

use super::identity::{contact_of, numbers, of, person};
use super::*;
use crate::domain::{Agreement, Person};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// People, each in several ways of writing; the last says nothing.
const PEOPLE: [[(&str, &str); 5]; 5] = [
    [
        ("Анна", "Петрова"),
        ("Petrova", "Anna"),
        ("АННА ПЕТРОВА", ""),
        ("Аня", "Петрова"),
        ("", ""),
    ],
    [
        ("Борис", "Сидоров"),
        ("Сидоров Борис", ""),
        ("Boris", "Sidorov"),
        ("Б.", "Сидоров"),
        ("", ""),
    ],
    [
        ("Вера", "Кузнецова"),
        ("Кузнецова Вера", ""),
        ("Vera", "Kuznetsova"),
        ("вера", "кузнецова"),
        ("", ""),
    ],
    [
        ("Григорий", "Лебедев"),
        ("Гриша", "Лебедев"),
        ("Grigory", "Lebedev"),
        ("Лебедев, Григорий", ""),
        ("", ""),
    ],
    [
        ("Дарья", "Жукова"),
        ("Daria", "Zhukova"),
        ("Жукова Дарья Ильинична", ""),
        ("Даша", "Жукова"),
        ("", ""),
    ],
];

/// What one order tells at one turn.
#[derive(Debug, Clone)]
struct Told {
    number: usize,
    who: usize,
    spelling: usize,
    phones: BTreeSet<usize>,
    email: usize,
    /// 0: a guest; 1: the operator's account; else one's own.
    account: usize,
    /// Whether the database knows whom the account's contact was linked for.
    linked_for: bool,
}

impl Told {
    fn id(&self) -> String {
        match self.account {
            0 => String::new(),
            1 => "1".to_owned(),
            _ => format!("1{}", self.who),
        }
    }

    fn order(&self) -> Value {
        let (name, last) = PEOPLE[self.who][self.spelling];
        let email = format!("c{}@example.com", self.email);
        let mut customer = person(&self.id(), name, last, "", &email);
        customer["phones"] = self.phones.iter().map(|phone| phone_of(*phone)).collect();
        of(self.number, &customer)
    }

    fn person(&self) -> Person {
        let customer = snapshot(&self.order()).customer.unwrap();
        Person::of(&customer, &Placeholders::default()).0
    }
}

fn phone_of(nth: usize) -> String {
    format!("+7916000000{nth}")
}

fn told() -> impl Strategy<Value = Told> {
    let phones = prop::collection::btree_set(0..6usize, 0..3);
    let who = (0..5usize, prop_oneof![5 => 0..4usize, 1 => Just(4usize)]);
    (1..6usize, who, phones, 0..6usize, 0..4usize, any::<bool>()).prop_map(
        |(number, (who, spelling), phones, email, account, linked_for)| Told {
            number,
            who,
            spelling,
            phones,
            email,
            account,
            linked_for,
        },
    )
}

/// A turn: what orders tell, and which call's answer is lost, after it ran or before.
fn turn() -> impl Strategy<Value = (Vec<Told>, Option<(usize, bool)>)> {
    let told = prop::collection::vec(told(), 1..4);
    (told, prop::option::of((1..9usize, any::<bool>())))
}

/// The world between the turns.
#[derive(Default)]
struct Model {
    portal: Portal,
    orders: BTreeMap<usize, KnownLinks>,
    /// Customer id to contact, and for whom it was linked.
    links: BTreeMap<String, (u64, Person)>,
    /// Who told a value.
    tellers: BTreeMap<String, Vec<Person>>,
    /// What stood on the cards that managers made.
    before: BTreeMap<u64, BTreeSet<String>>,
}

impl Model {
    fn new(managers: &[(usize, usize)]) -> Self {
        let mut model = Self::default();
        for (nth, (who, phone)) in managers.iter().enumerate() {
            let id = 100 + u64::try_from(nth).unwrap();
            let (name, last) = PEOPLE[*who][0];
            let row = json!({
                "ID": id.to_string(), "NAME": name, "LAST_NAME": last, "PHONE": [
                    {"VALUE": phone_of(*phone)}
                ]
            });
            model.portal.add_contact(&row);
            model.before.insert(id, [phone_of(*phone)].into());
        }
        model
    }

    fn job(&self, told: &Told) -> Job {
        let known = self.orders.get(&told.number).cloned().unwrap_or_default();
        let mut job = job(&told.order(), known);
        job.who.link = self.links.get(&told.id()).map(|link| link.0);
        job.who.contact = self
            .links
            .get(&told.id())
            .map(|(contact, whose)| (*contact, told.linked_for.then(|| whose.clone())));
        job
    }

    /// One wave of these orders; then another, if an answer was lost.
    fn turn(&mut self, all: &[Told], lost: Option<(usize, bool)>) -> Result<(), TestCaseError> {
        for told in all {
            let person = told.person();
            for value in person.phones.iter().chain(&person.emails) {
                let tellers = self.tellers.entry(value.clone()).or_default();
                tellers.push(person.clone());
            }
        }
        let cards = self.cards_of_deals();
        for lost in [lost, None] {
            let jobs = all.iter().map(|told| self.job(told)).collect();
            let settled = drive_with(&mut self.portal, jobs, |call, asks| {
                lost.is_some_and(|(at, ran)| at == call && (!asks || ran))
            });
            for (told, one) in all.iter().zip(settled) {
                self.settle(told, one)?;
            }
        }
        for told in all {
            self.follows(told)?;
        }
        for (number, card) in self.cards_of_deals() {
            let theirs = all.iter().any(|told| format!("A{}", told.number) == number);
            prop_assert!(
                theirs || cards.get(&number) == Some(&card),
                "{number}: not its turn"
            );
        }
        self.nobody_has_a_strangers_numbers()
    }

    fn settle(&mut self, told: &Told, one: Settlement) -> Result<(), TestCaseError> {
        let person = told.person();
        if let (true, Some(contact)) = (one.links_contact, one.known.contact_id) {
            if let Some((linked, whose)) = self.links.get(&told.id()) {
                prop_assert!(
                    *linked == contact || whose.agreement(&person) != Agreement::Contradict,
                    "the link of {whose:?} goes to the contact of {person:?}"
                );
            }
            self.links.insert(told.id(), (contact, person));
        }
        self.orders.insert(told.number, one.known);
        Ok(())
    }

    /// The contact of each order's deal.
    fn cards_of_deals(&self) -> BTreeMap<String, u64> {
        let deals = self.portal.deals.values();
        deals
            .filter_map(|deal| {
                let contact = deal.get("CONTACT_ID").and_then(json::id)?;
                Some((json::text(deal.get("ORIGIN_ID")), contact))
            })
            .collect()
    }

    fn card(&self, contact: u64) -> Person {
        let row = &self.portal.contacts[&contact];
        let name = |field: &str| Some(json::text(row.get(field)));
        Person {
            names: [name("NAME"), name("LAST_NAME"), name("SECOND_NAME")],
            ..Person::default()
        }
    }

    /// The deal has a card that can be the customer's, and the order remembers that card.
    fn follows(&self, told: &Told) -> Result<(), TestCaseError> {
        let number = format!("A{}", told.number);
        let deal = self.portal.deals.iter();
        let mut deal = deal.filter(|(_, deal)| deal["ORIGIN_ID"] == number);
        let (Some((id, _)), None) = (deal.next(), deal.next()) else {
            return Err(TestCaseError::fail(format!("{number} has not one deal")));
        };
        let contact = contact_of(&self.portal, *id);
        let known = &self.orders[&told.number];
        prop_assert_eq!(known.contact_id, Some(contact), "{}", number);
        let (card, person) = (self.card(contact), told.person());
        prop_assert_ne!(
            card.agreement(&person),
            Agreement::Contradict,
            "{} {:?} {:?}",
            number,
            card,
            person
        );
        Ok(())
    }

    fn nobody_has_a_strangers_numbers(&self) -> Result<(), TestCaseError> {
        for contact in self.portal.contacts.keys() {
            let card = self.card(*contact);
            let own = |person: &Person| person.agreement(&card) != Agreement::Contradict;
            for value in numbers(&self.portal, *contact) {
                let before = self.before.get(contact);
                let there = before.is_some_and(|values| values.contains(&value));
                let told = self.tellers.get(&value);
                prop_assert!(
                    there || told.is_some_and(|all| all.iter().any(own)),
                    "{contact} {card:?} has {value}"
                );
            }
        }
        Ok(())
    }
}

#[test]
fn the_people_are_strangers_to_each_other_however_they_write_themselves() {
    let name = |(name, last): (&str, &str)| {
        let customer = person("", name, last, "", "");
        let customer = snapshot(&of(1, &customer)).customer.unwrap();
        Person::of(&customer, &Placeholders::default()).0
    };
    for (one, ways) in PEOPLE.iter().enumerate() {
        for (other, theirs) in PEOPLE.iter().enumerate() {
            for (way, their) in ways[..4].iter().zip(&theirs[..4]) {
                let contradict = name(*way).agreement(&name(*their)) == Agreement::Contradict;
                assert_eq!(contradict, one != other, "{way:?} {their:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_card_gets_a_strangers_numbers_and_no_deal_or_link_of_another_moves(
        managers in prop::collection::vec((0..5usize, 0..6usize), 0..3),
        turns in prop::collection::vec(turn(), 1..9),
    ) {
        let mut model = Model::new(&managers);
        for (mut all, lost) in turns {
            let mut seen = BTreeSet::new();
            all.retain(|told| seen.insert(told.number));
            model.turn(&all, lost)?;
        }
    }
}
