//! The number of calls that orders take: a new one, many at once, one that is known.

use super::*;

#[test]
fn a_lone_new_order_takes_two_calls() {
    let mut portal = Portal::default();
    let settled = bring(&mut portal, &order(1, 1));
    assert_eq!(settled.outcome, DONE);
    assert_eq!(portal.calls, 2);
    let deal = &portal.deals[&1];
    assert_eq!(
        (
            &deal["ORIGINATOR_ID"],
            &deal["ORIGIN_ID"],
            &deal["STAGE_ID"]
        ),
        (&json!("main"), &json!("A1"), &json!("NEW"))
    );
    assert_eq!(
        (&deal["CONTACT_ID"], &deal["OPPORTUNITY"]),
        (&json!(1), &json!("300.00"))
    );
    assert_eq!(
        portal
            .rows
            .values()
            .next()
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(settled.known.target, Some(CrmEntity::Deal(1)));
    assert_eq!(settled.stage, Some(Stage::new(0, "NEW")));
}

#[test]
fn a_lone_new_order_of_a_known_customer_with_another_phone_takes_two_calls_of_which_one_reads() {
    let mut portal = Portal::default();
    bring(&mut portal, &order(1, 1));
    portal.calls = 0;
    let mut other = order(2, 1);
    other["customer"]["phones"] = json!(["+79161234567"]);
    // The search reads the contact that the e-mail shows, before it gets the phone.
    let settled = bring(&mut portal, &other);
    assert_eq!((settled.outcome, portal.calls), (DONE, 3));
    assert_eq!(portal.deals[&2]["CONTACT_ID"], json!(1));
    assert_eq!(portal.contacts[&1]["PHONE"].as_array().unwrap().len(), 2);
}

#[test]
fn a_customer_who_is_refused_leaves_no_deal_behind() {
    for waits in [false, true] {
        let mut portal = Portal::default();
        let mut answers = |call: &Call| {
            let mut call = call.clone();
            let refused = call.commands.iter();
            let at = refused
                .take_while(|one| one.method != "crm.contact.add")
                .count();
            assert!(at == call.commands.len() || call.halts, "{call:?}");
            let rest = call.commands.split_off(at);
            let mut answered = portal.run(&call);
            if let Some(refused) = rest.into_iter().next() {
                answered.insert(
                    refused.key,
                    if waits {
                        CommandAnswer::Later
                    } else {
                        CommandAnswer::Refused {
                            error: String::new(),
                            description: "Не заполнено обязательное поле".to_owned(),
                        }
                    },
                );
            }
            CallAnswer::Answered(answered)
        };
        let jobs = vec![job(&order(1, 1), KnownLinks::default())];
        let settled = only(drive_by(jobs, &mut answers));
        // Nothing is in doubt: what was not run cannot land.
        assert_eq!(settled.landing, Landing::Nothing);
        assert_eq!(settled.known.open, Open::default());
        let wanted = if waits {
            Outcome::Again {
                code: ErrorCode::Operating,
            }
        } else {
            Outcome::Refused {
                code: ErrorCode::Refused,
                message: "Не заполнено обязательное поле".to_owned(),
            }
        };
        assert_eq!(settled.outcome, wanted);
        assert!(portal.deals.is_empty() && portal.contacts.is_empty());
        // The next turn makes all of it.
        let settled = bring_again(&mut portal, &order(1, 1), settled.known);
        assert_eq!(settled.outcome, DONE);
        assert_eq!(portal.deals[&1]["CONTACT_ID"], json!(1));
    }
}

#[test]
fn a_lone_orders_deal_that_is_refused_keeps_the_contact_that_was_made() {
    let mut portal = Portal::default();
    let mut refused = order(1, 1);
    refused["currency"] = json!("XXX");
    let settled = bring(&mut portal, &refused);
    assert_eq!(
        super::refused(&settled),
        Some(ErrorCode::Currency),
        "{settled:?}"
    );
    assert_eq!(settled.known.contact_id, Some(1));
    let settled = bring_again(&mut portal, &order(1, 1), settled.known);
    assert_eq!((settled.outcome, portal.contacts.len()), (DONE, 1));
    assert_eq!(portal.deals[&1]["CONTACT_ID"], json!(1));
}

#[test]
fn a_thousand_new_orders_of_a_thousand_new_customers_take_at_most_seventy_two_calls() {
    let mut portal = Portal::default();
    let orders: Vec<Value> = (0..1_000).map(|number| order(number, number)).collect();
    for wave in orders.chunks(400) {
        let settled = drive(
            &mut portal,
            wave.iter()
                .map(|order| job(order, KnownLinks::default()))
                .collect(),
        );
        assert!(settled.iter().all(|one| one.outcome == DONE));
    }
    assert_eq!((portal.deals.len(), portal.contacts.len()), (1_000, 1_000));
    assert!(portal.calls <= 72, "{} calls", portal.calls);
}

#[test]
fn an_order_of_a_linked_contact_takes_two_calls_and_an_unchanged_one_none() {
    let mut portal = Portal::default();
    let first = bring(&mut portal, &order(1, 1));
    portal.calls = 0;
    let known = KnownLinks {
        contact_id: first.known.contact_id,
        ..KnownLinks::default()
    };
    let second = bring_again(&mut portal, &order(2, 1), known);
    assert_eq!((second.outcome, portal.calls), (DONE, 2));
    portal.calls = 0;
    let again = bring_again(&mut portal, &order(1, 1), first.known);
    assert_eq!(
        (again.outcome, portal.calls),
        (Outcome::Done { wrote: false }, 0)
    );
}

#[test]
fn an_answer_that_is_no_list_is_not_taken_for_an_empty_one() {
    let look_ups = [
        "crm.deal.list",
        "crm.contact.list",
        "crm.duplicate.findbycomm",
    ];
    for method in look_ups {
        for nonsense in [json!(null), json!(false), json!([{"TITLE": "Заказ"}])] {
            let mut portal = Portal::default();
            bring(&mut portal, &order(1, 1));
            // Nothing is known of it any more, as after a database was restored.
            let jobs = vec![job(&order(1, 1), KnownLinks::default())];
            let settled = only(drive_by(jobs, |call| {
                let mut answers = portal.run(call);
                for asked in call.commands.iter().filter(|one| one.method == method) {
                    let (result, next) = (nonsense.clone(), None);
                    let answer = CommandAnswer::Done { result, next };
                    answers.insert(asked.key.clone(), answer);
                }
                CallAnswer::Answered(answers)
            }));
            let code = ErrorCode::InDoubt;
            assert_eq!(settled.outcome, Outcome::Again { code }, "{method}");
            assert_eq!((portal.deals.len(), portal.contacts.len()), (1, 1));
        }
    }
}

/// What an earlier wave learnt of the funnel: one stage of these is not there any more.
fn learnt() -> PortalFacts {
    let stages = ["NEW", "PREPARATION", "EXECUTING", "WON", "NOT_THERE"];
    let stages = stages.map(str::to_owned).into();
    PortalFacts {
        stages: BTreeMap::from([(0, stages)]),
        ..PortalFacts::default()
    }
}

#[test]
fn a_stage_that_was_taken_away_since_is_named_and_nobody_is_said_to_have_moved_the_deal() {
    for many in [1, 2] {
        let mut portal = Portal::default();
        let lost = |nth: usize| {
            let mut lost = order(nth, nth);
            lost["status"] = json!("X");
            job(&lost, KnownLinks::default())
        };
        let jobs = (1..=many).map(lost).collect();
        let settled = drive_with_facts(learnt(), jobs, |call| {
            CallAnswer::Answered(portal.run(call))
        });
        assert_eq!(portal.deals.len(), many);
        for one in settled {
            assert_eq!(hopeless(&one), Some(ErrorCode::StageUnknown), "{one:?}");
            let chosen = Stage::new(0, "NEW");
            assert_eq!(one.made_as, Some(("X".to_owned(), chosen.clone())));
            assert_eq!(one.stage, Some(chosen));
        }
    }
}

#[test]
fn a_deal_that_was_moved_at_once_from_a_stage_that_is_there_was_moved() {
    let mut portal = Portal::default();
    let mut paid = order(1, 1);
    paid["status"] = json!("P");
    let jobs = vec![job(&paid, KnownLinks::default())];
    let settled = drive_with_facts(learnt(), jobs, |call| {
        let mut answers = portal.run(call);
        if call.commands.iter().any(|one| one.method == "crm.deal.add") {
            portal.set_deal(1, "STAGE_ID", "PREPARATION");
            let list = call.commands.last().unwrap();
            let (result, next) = (json!([portal.deals[&1]]), None);
            answers.insert(list.key.clone(), CommandAnswer::Done { result, next });
        }
        CallAnswer::Answered(answers)
    });
    let settled = only(settled);
    assert_eq!(settled.outcome, DONE);
    let written = Stage::new(0, "EXECUTING");
    assert_eq!(settled.made_as, Some(("P".to_owned(), written)));
    assert_eq!(settled.stage, Some(Stage::new(0, "PREPARATION")));
}

/// What comes back of one command that the portal has run.
#[derive(Debug, Clone, Copy)]
enum Torn {
    /// Nothing.
    Missing,
    /// Nothing that could be read.
    Null,
}

/// Brings an order until it is done, while the answer to one command is torn out; false where there
/// were fewer commands.
fn brought_though_torn(portal: &mut Portal, order: &Value, torn: Torn, nth: usize) -> bool {
    let (mut known, mut doubt) = (KnownLinks::default(), None);
    let mut count = 0;
    for _ in 0..6 {
        let mut one = job(order, known);
        one.doubt = doubt;
        let settled = only(drive_by(vec![one], |call| {
            let mut answers = portal.run(call);
            for command in &call.commands {
                if count == nth {
                    answers.remove(&command.key);
                    if matches!(torn, Torn::Null) {
                        let (result, next) = (Value::Null, None);
                        let answer = CommandAnswer::Done { result, next };
                        answers.insert(command.key.clone(), answer);
                    }
                }
                count += 1;
            }
            CallAnswer::Answered(answers)
        }));
        if matches!(settled.outcome, Outcome::Done { .. }) && settled.known.open.is_nothing() {
            return count > nth;
        }
        known = settled.known;
        doubt = match settled.landing {
            Landing::Nothing => None,
            Landing::AsBefore(what) | Landing::Lost(what) => Some(Doubt { what, over: true }),
        };
    }
    panic!("not done: {torn:?} of command {nth}");
}

#[test]
fn whichever_command_of_a_batch_is_not_answered_the_order_is_brought_once() {
    for firm in [false, true] {
        let mut one = order(1, 1);
        if firm {
            one["customer"]["company"] =
                json!({"title": "ООО «Ромашка»", "inn": "7707083893", "address": "Москва"});
        }
        for torn in [Torn::Missing, Torn::Null] {
            for nth in 0.. {
                let mut portal = Portal::default();
                if !brought_though_torn(&mut portal, &one, torn, nth) {
                    break;
                }
                let firms = usize::from(firm);
                let made = [
                    portal.deals.len(),
                    portal.contacts.len(),
                    portal.companies.len(),
                    portal.requisites.len(),
                ];
                assert_eq!(made, [1, 1, firms, firms], "{torn:?} of command {nth}");
                let deal = &portal.deals[&1];
                let sum = json::decimal(deal.get("OPPORTUNITY")).unwrap();
                assert_eq!(sum.to_string(), "300.00", "{torn:?} of command {nth}");
                let rows = portal.rows["crm.deal.productrows.set1"].as_array().unwrap();
                assert_eq!(rows.len(), 3, "{torn:?} of command {nth}");
                assert_eq!(deal["CONTACT_ID"], json!(1), "{torn:?} of command {nth}");
            }
        }
    }
}
