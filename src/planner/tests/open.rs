//! Writes that were sent and not confirmed: they are done at the next turn, whatever the shop says,
//! and are never mistaken for what is there.

use super::*;
use crate::domain::happening::{ContentChanges, LineChange, Tell};
use proptest::prelude::*;

/// Runs a wave before a portal that refuses these methods and does nothing of them.
fn drive_refusing(portal: &mut Portal, jobs: Vec<Job>, refused: &[&str]) -> Vec<Settlement> {
    drive_by(jobs, |call| {
        let (no, yes): (Vec<_>, Vec<_>) = call
            .commands
            .iter()
            .cloned()
            .partition(|command| refused.contains(&command.method));
        let mut answers = portal.run(&Call::from(yes));
        answers.extend(no.into_iter().map(|command| {
            let refused = CommandAnswer::Refused {
                error: String::new(),
                description: "нет".to_owned(),
            };
            (command.key, refused)
        }));
        CallAnswer::Answered(answers)
    })
}

fn firm_order() -> Value {
    let mut firm = order(1, 1);
    firm["customer"]["company"] =
        json!({"title": "ООО «Ромашка»", "inn": "7707083893", "address": "Москва"});
    firm
}

#[test]
fn a_correction_of_the_sum_that_was_refused_is_made_at_the_next_turn() {
    let mut portal = Portal {
        miscounts: true,
        ..Portal::default()
    };
    let jobs = vec![job(&order(1, 1), KnownLinks::default())];
    let first = only(drive_refusing(&mut portal, jobs, &["crm.deal.update"]));
    assert_eq!(refused(&first), Some(ErrorCode::Refused));
    assert_eq!(portal.deals[&1]["OPPORTUNITY"], "300.01");
    let second = bring_again(&mut portal, &order(1, 1), first.known);
    assert_eq!(second.outcome, DONE);
    assert_eq!(portal.deals[&1]["OPPORTUNITY"], "300.00");
    assert!(second.known.open.is_nothing());
}

#[test]
fn a_user_field_that_is_made_later_is_filled_though_the_shop_says_nothing_new() {
    let mapped = |known| {
        let mut mapped = job(&json!({"number": "1", "properties": {"promo": "X"}}), known);
        let mut with_field = rules();
        with_field
            .fields
            .insert("properties.promo".to_owned(), "UF_CRM_PROMO".to_owned());
        mapped.rules = Arc::new(with_field);
        mapped
    };
    let mut portal = Portal {
        unknown: Some("UF_CRM_PROMO"),
        ..Portal::default()
    };
    let mut known = KnownLinks::default();
    for _ in 0..2 {
        let settled = only(drive(&mut portal, vec![mapped(known)]));
        assert_eq!(hopeless(&settled), Some(ErrorCode::Field), "{settled:?}");
        known = settled.known;
    }
    portal.unknown = None;
    let settled = only(drive(&mut portal, vec![mapped(known)]));
    assert_eq!(settled.outcome, DONE);
    assert_eq!(portal.deals[&1]["UF_CRM_PROMO"], "X");
    assert_eq!(portal.deals.len(), 1);
}

#[test]
fn a_requisite_that_was_refused_is_made_at_the_next_turn_and_once() {
    let mut portal = Portal::default();
    let jobs = vec![job(&firm_order(), KnownLinks::default())];
    let first = only(drive_refusing(&mut portal, jobs, &["crm.requisite.add"]));
    assert_eq!(first.outcome, DONE);
    assert!(first.known.open.requisite && portal.requisites.is_empty());
    let second = bring_again(&mut portal, &firm_order(), first.known);
    assert!(second.known.open.is_nothing(), "{second:?}");
    assert_eq!(portal.requisites[&1]["RQ_INN"], "7707083893");
    bring_again(&mut portal, &firm_order(), second.known);
    assert_eq!((portal.requisites.len(), portal.companies.len()), (1, 1));
}

#[test]
fn a_link_of_contact_and_company_that_was_refused_is_made_at_the_next_turn() {
    let mut portal = Portal::default();
    let jobs = vec![job(&firm_order(), KnownLinks::default())];
    let link = "crm.contact.company.add";
    let first = only(drive_refusing(&mut portal, jobs, &[link]));
    assert!(first.known.open.link && first.outcome == DONE);
    portal.methods.clear();
    let second = bring_again(&mut portal, &firm_order(), first.known);
    assert!(portal.methods.contains(&link));
    assert!(second.known.open.is_nothing());
    portal.calls = 0;
    bring_again(&mut portal, &firm_order(), second.known);
    assert_eq!(portal.calls, 0);
}

#[test]
fn what_was_written_and_is_not_to_be_seen_is_looked_at_again_before_it_counts() {
    let mut portal = Portal::default();
    let mut calls = 0;
    let first = only(drive_by(
        vec![job(&order(1, 1), KnownLinks::default())],
        |call| {
            calls += 1;
            let mut answers = portal.run(call);
            for command in &call.commands {
                if calls == 2 && command.method == "crm.deal.list" {
                    let none = CommandAnswer::Done {
                        result: json!([]),
                        next: None,
                    };
                    answers.insert(command.key.clone(), none);
                }
            }
            CallAnswer::Answered(answers)
        },
    ));
    assert!(matches!(first.outcome, Outcome::Again { .. }), "{first:?}");
    assert!(!first.known.open.is_nothing());
    portal.set_deal(1, "OPPORTUNITY", "1.00");
    let second = bring_again(&mut portal, &order(1, 1), first.known);
    assert!(matches!(second.outcome, Outcome::Done { .. }));
    assert_eq!(portal.deals[&1]["OPPORTUNITY"], "300.00");
    assert!(second.known.open.is_nothing());
    assert_eq!(portal.deals.len(), 1);
}

#[test]
fn a_sum_that_a_manager_changed_stays_when_the_shop_changes_something_else() {
    let mut portal = Portal::default();
    let first = bring(&mut portal, &order(1, 1));
    portal.set_deal(1, "OPPORTUNITY", "999.00");
    portal.set_deal(1, "IS_MANUAL_OPPORTUNITY", "Y");
    let mut more = order(1, 1);
    more["comment"] = json!("Позвоните");
    let second = bring_again(&mut portal, &more, first.known);
    assert_eq!(portal.deals[&1]["OPPORTUNITY"], "999.00");
    // A row is called otherwise: the shop's rows come, the sum is still the manager's.
    more["items"][0]["name"] = json!("A");
    let third = bring_again(&mut portal, &more, second.known);
    assert_eq!(portal.deals[&1]["OPPORTUNITY"], "999.00");
    assert!(
        third
            .notes
            .iter()
            .any(|note| note.sentence().contains("by hand"))
    );
    let renamed = Note::ContentsChanged {
        changes: ContentChanges {
            lines: vec![
                LineChange::Added {
                    name: "A".to_owned(),
                    quantity: "1".to_owned(),
                    price: "100".to_owned(),
                },
                LineChange::Removed {
                    name: "a".to_owned(),
                    quantity: "1".to_owned(),
                },
            ],
            more: 0,
            total: None,
        },
    };
    assert!(third.notes.contains(&renamed), "{third:?}");
    // The shop's own sum changes: its word counts, and that is said.
    more["total"] = json!("310");
    let fourth = bring_again(&mut portal, &more, third.known);
    assert_eq!(portal.deals[&1]["OPPORTUNITY"], "310.00");
    assert!(
        fourth
            .notes
            .iter()
            .any(|note| note.sentence().contains("OPPORTUNITY"))
    );
}

#[test]
fn what_is_not_known_of_an_order_takes_no_bytes_and_is_read_as_before() {
    let nothing = KnownLinks::default();
    assert_eq!(serde_json::to_value(&nothing).unwrap(), json!({}));
    let nulls = json!({
        "target": null, "contact_id": null, "company_id": null, "written": null,
    });
    for stored in [json!({}), nulls] {
        let read: KnownLinks = serde_json::from_value(stored).unwrap();
        assert_eq!(read, nothing);
    }
}

#[test]
fn what_an_earlier_version_remembered_is_still_read() {
    let stored = json!({
        "target": {"deal": 7}, "contact_id": 3, "company_id": null,
        "written": {"fields": {"COMMENTS": "x"}, "rows": [], "contacts": ["+79160000001"]},
    });
    let known: KnownLinks = serde_json::from_value(stored).unwrap();
    assert_eq!(known.target, Some(CrmEntity::Deal(7)));
    assert!(known.open.is_nothing());
}

#[test]
fn an_event_that_changes_only_the_status_of_a_deal_that_is_gone_is_for_a_person() {
    let mut portal = Portal::default();
    let first = bring(&mut portal, &order(1, 1));
    portal.deals.clear();
    let mut paid = order(1, 1);
    paid["status"] = json!("P");
    let settled = bring_again(&mut portal, &paid, first.known);
    assert_eq!(hopeless(&settled), Some(ErrorCode::DealGone), "{settled:?}");
}

#[test]
fn the_echo_of_a_status_that_is_agreed_asks_nothing() {
    let mut portal = Portal::default();
    let first = bring(&mut portal, &order(1, 1));
    portal.calls = 0;
    let mut paid = order(1, 1);
    paid["status"] = json!("P");
    let mut echo = job(&paid, first.known);
    echo.agreed = Some("P".to_owned());
    let settled = only(drive(&mut portal, vec![echo]));
    assert_eq!(
        (settled.outcome, portal.calls),
        (Outcome::Done { wrote: false }, 0)
    );
}

/// How many steps a late call may take to land.
const LIMIT: usize = 4;

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    /// Not run, and not answered.
    Dropped,
    /// Run, and not answered.
    Lost,
    /// Not answered, and run so many steps later.
    Late(usize),
    /// The process dies before the answer comes; run so many steps later.
    Crash(usize),
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        5 => Just(Fate::Answered),
        1 => Just(Fate::Dropped),
        1 => Just(Fate::Lost),
        2 => (1..LIMIT).prop_map(Fate::Late),
        1 => (0..LIMIT).prop_map(Fate::Crash),
    ]
}

/// One order before a portal that runs calls late, and a bridge that dies between steps.
#[derive(Default)]
struct Late {
    portal: Portal,
    step: usize,
    flying: Vec<(usize, Call)>,
    known: KnownLinks,
    under_way: Option<(WritesInFlight, usize)>,
}

impl Late {
    fn land(&mut self) {
        self.step += 1;
        let now = self.step;
        let (due, rest) = std::mem::take(&mut self.flying)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.flying = rest;
        let due: Vec<(usize, Call)> = due;
        for (_, call) in due {
            self.portal.run(&call);
        }
    }

    /// One turn; whether the order is done.
    fn turn(&mut self, order: &Value, mut fate: impl FnMut() -> Fate) -> bool {
        self.land();
        let mut one = job(order, self.known.clone());
        let mut who = std::collections::BTreeSet::new();
        one.doubt = self.under_way.clone().map(|(what, until)| {
            let over = self.step >= until;
            if !over {
                who.extend(what.who.clone());
            }
            Doubt { what, over }
        });
        let mut wave = Wave::new(vec![one], PortalFacts::default());
        wave.doubt_customers(who);
        let mut failed = false;
        loop {
            let calls = wave.next_round();
            if calls.is_empty() || failed {
                break;
            }
            for call in calls {
                if failed {
                    wave.answer(&call, CallAnswer::NotRun);
                    continue;
                }
                if call.writes() {
                    let until = self.step + LIMIT;
                    for intention in wave.intentions() {
                        self.under_way = Some((intention.what, until));
                    }
                }
                let (runs_at, crash) = match fate() {
                    Fate::Answered => {
                        let answers = self.portal.run(&call);
                        wave.answer(&call, CallAnswer::Answered(answers));
                        continue;
                    }
                    Fate::Dropped => (None, false),
                    Fate::Lost => (Some(self.step), false),
                    Fate::Late(after) => (Some(self.step + after), false),
                    Fate::Crash(after) => (Some(self.step + after), true),
                };
                match runs_at {
                    Some(at) if at == self.step => drop(self.portal.run(&call)),
                    Some(at) if call.writes() => self.flying.push((at, call.clone())),
                    _ => {}
                }
                if crash {
                    return false;
                }
                failed = true;
                wave.answer(&call, CallAnswer::InDoubt);
            }
        }
        let settled = only(wave.finish().0);
        self.known = settled.known;
        self.under_way = match settled.landing {
            Landing::Nothing => None,
            Landing::AsBefore(what) => {
                let until = self.under_way.take().map_or(0, |(_, until)| until);
                Some((what, until))
            }
            Landing::Lost(what) => Some((what, self.step + LIMIT)),
        };
        match settled.outcome {
            Outcome::Done { .. } => true,
            Outcome::Again { .. } => false,
            other => panic!("{other:?}"),
        }
    }
}

fn priced(price: u32) -> Value {
    let mut order = order(1, 1);
    order["total"] = json!(price.to_string());
    order["items"] = json!([{"name": "a", "quantity": 1, "price": price}]);
    order["comment"] = json!(format!("за {price}"));
    order
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever is lost, lands late or dies, and whatever the shop says meanwhile: one deal and one
    /// contact, and the shop's last word.
    #[test]
    fn whatever_lands_late_the_newest_word_stays(
        words in prop::collection::vec((0..3_u32, fates(), fates(), fates()), 1..12),
    ) {
        let mut world = Late::default();
        let mut last = 0;
        for (price, first, second, third) in words {
            last = 300 + price * 100;
            let mut fates = [first, second, third].into_iter();
            let done = world.turn(&priced(last), || fates.next().unwrap_or(Fate::Answered));
            if done && world.under_way.is_none() {
                prop_assert!(world.flying.is_empty());
                let sum = json::decimal(world.portal.deals[&1].get("OPPORTUNITY"));
                prop_assert_eq!(sum, Some(last.into()), "done means that it is there");
            }
        }
        let mut turns = 0;
        while !world.turn(&priced(last), || Fate::Answered) {
            turns += 1;
            prop_assert!(turns < 30, "it never ends");
        }
        (0..LIMIT).for_each(|_| world.land());
        prop_assert_eq!(world.portal.deals.len(), 1);
        prop_assert_eq!(world.portal.contacts.len(), 1);
        let deal = &world.portal.deals[&1];
        prop_assert_eq!(json::decimal(deal.get("OPPORTUNITY")), Some(last.into()));
        prop_assert_eq!(&deal["COMMENTS"], &json!(format!("за {last}")));
        let rows = &world.portal.rows["crm.deal.productrows.set1"];
        prop_assert_eq!(json::decimal(rows[0].get("PRICE")), Some(last.into()));
        let phones = world.portal.contacts[&1]["PHONE"].as_array().map(Vec::len);
        prop_assert_eq!(phones, Some(1));
    }
}
