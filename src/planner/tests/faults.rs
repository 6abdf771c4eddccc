//! Faults of the portal: commands that it refuses, drops, answers strangely or does not answer.

use super::*;
use crate::domain::{LeadRule, happening::Tell};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn an_unmapped_status_and_a_stage_the_portal_does_not_have_are_hopeless_and_write_nothing() {
    for (status, code) in [("Q", ErrorCode::Status), ("X", ErrorCode::StageUnknown)] {
        let mut portal = Portal::default();
        let mut lost = order(1, 1);
        lost["status"] = json!(status);
        let settled = bring(&mut portal, &lost);
        assert_eq!(hopeless(&settled), Some(code), "{settled:?}");
        assert!(portal.deals.is_empty() && portal.contacts.is_empty());
    }
}

#[test]
fn a_refused_order_leaves_its_neighbours_alone_and_carries_the_portals_words() {
    let mut portal = Portal::default();
    let mut currency = order(2, 2);
    currency["currency"] = json!("XXX");
    let mut email = order(3, 3);
    email["customer"]["emails"] = json!(["нету", "bad@host.example"]);
    let jobs = vec![
        job(&order(1, 1), KnownLinks::default()),
        job(&currency, KnownLinks::default()),
        job(&email, KnownLinks::default()),
    ];
    let settled = drive(&mut portal, jobs);
    assert_eq!(settled[0].outcome, DONE);
    assert!(matches!(
        &settled[1].outcome,
        Outcome::Refused { code: ErrorCode::Currency, message } if message.contains("Валюта")
    ));
    assert_eq!(settled[2].outcome, DONE);
    assert_eq!(portal.deals.len(), 2);
}

#[test]
fn an_address_that_the_portal_refuses_is_left_out_noted_and_readable() {
    let mut portal = Portal::default();
    let mut one = order(1, 1);
    one["customer"]["emails"] = json!(["bad@host.example", "нету"]);
    let settled = bring(&mut portal, &one);
    assert_eq!(settled.outcome, DONE);
    let contact = portal.contacts.values().next().unwrap();
    assert!(contact.get("PHONE").is_some() && contact.get("EMAIL").is_none());
    let comment = portal.deals[&1]["COMMENTS"].as_str().unwrap();
    assert!(
        comment.contains("bad@host.example") && comment.contains("нету"),
        "{comment}"
    );
    for word in ["bad@host.example", "нету"] {
        assert!(
            settled
                .notes
                .iter()
                .any(|note| note.sentence().contains(word)),
            "{:?}",
            settled.notes
        );
    }
    // A contact that is there already does not get it either, and the next state comes through.
    one["comment"] = json!("Позвоните");
    let again = drive(&mut portal, vec![job(&one, settled.known)]).remove(0);
    assert_eq!(again.outcome, DONE);
    assert!(
        portal.deals[&1]["COMMENTS"]
            .as_str()
            .unwrap()
            .contains("Позвоните")
    );
    one["number"] = json!("A2");
    one["customer"]["emails"] = json!(["bad@host.example"]);
    assert_eq!(bring(&mut portal, &one).outcome, DONE);
    assert_eq!((portal.contacts.len(), portal.deals.len()), (1, 2));
}

#[test]
fn a_lead_with_an_address_that_the_portal_refuses_is_made_without_it() {
    let mut portal = Portal::default();
    let mut one = order(1, 1);
    one["customer"]["emails"] = json!(["bad@host.example"]);
    let mut lead = job(&one, KnownLinks::default());
    let mut rules = rules();
    rules.leads.push(LeadRule {
        channel: None,
        property: None,
        status: "NEW".to_owned(),
    });
    lead.rules = Arc::new(rules);
    assert_eq!(drive(&mut portal, vec![lead]).remove(0).outcome, DONE);
    let lead = portal.leads.values().next().unwrap();
    assert!(lead.get("EMAIL").is_none() && lead["COMMENTS"].as_str().unwrap().contains("bad@"));
}

#[test]
fn a_sum_that_the_portal_makes_differently_is_set_by_hand() {
    let mut portal = Portal {
        miscounts: true,
        ..Portal::default()
    };
    let settled = bring(&mut portal, &order(1, 1));
    assert_eq!(settled.outcome, DONE);
    assert_eq!(
        (
            &portal.deals[&1]["OPPORTUNITY"],
            &portal.deals[&1]["IS_MANUAL_OPPORTUNITY"]
        ),
        (&json!("300.00"), &json!("Y"))
    );
    assert!(!settled.notes.is_empty());
}

#[test]
fn a_user_field_that_the_portal_drops_is_told() {
    let mut portal = Portal::default();
    let mut mapped = job(
        &json!({"number": "1", "properties": {"promo": "X"}}),
        KnownLinks::default(),
    );
    let mut with_field = rules();
    with_field
        .fields
        .insert("properties.promo".to_owned(), "UF_CRM_PROMO".to_owned());
    mapped.rules = Arc::new(with_field);
    let settled = only(drive_by(vec![mapped], |call| {
        let mut answers = portal.run(call);
        for deal in portal.deals.values_mut() {
            deal.remove("UF_CRM_PROMO");
        }
        for answer in answers.values_mut() {
            if let CommandAnswer::Done { result, .. } = answer {
                let rows = result.as_array_mut().into_iter().flatten();
                rows.filter_map(Value::as_object_mut)
                    .for_each(|row| drop(row.remove("UF_CRM_PROMO")));
            }
        }
        CallAnswer::Answered(answers)
    }));
    assert_eq!(hopeless(&settled), Some(ErrorCode::Field), "{settled:?}");
    assert_eq!(settled.known.target, Some(CrmEntity::Deal(1)));
}

#[test]
fn answers_of_unexpected_shape_break_nothing() {
    for strange in [
        json!(null),
        json!([]),
        json!({"id": []}),
        json!("yes"),
        json!(true),
        json!({"items": 5}),
    ] {
        let jobs = vec![job(&order(1, 1), KnownLinks::default())];
        let answer = |command: &Command| {
            // What is looked up is not there.
            let adds = command.method.rsplit('.').next() == Some("add");
            let (result, next) = (if adds { strange.clone() } else { json!([]) }, None);
            (command.key.clone(), CommandAnswer::Done { result, next })
        };
        let settled = only(drive_by(jobs, |call| {
            CallAnswer::Answered(call.commands.iter().map(answer).collect())
        }));
        assert_eq!(
            refused(&settled),
            Some(ErrorCode::Protocol),
            "{strange}: {settled:?}"
        );
    }
}

/// What becomes of orders that are put apart, tried again as the lane does it: each alone.
fn alone(portal: &mut Portal, orders: &[Value]) -> Vec<Outcome> {
    let settle = |order| bring(portal, order).outcome;
    orders.iter().map(settle).collect()
}

#[test]
fn of_one_customers_orders_only_the_one_with_the_refused_value_does_without_it() {
    let mut bad = order(2, 1);
    bad["customer"]["emails"] = json!(["bad@host.example"]);
    for company in [false, true] {
        let mut orders = [order(1, 1), bad.clone(), order(3, 1)];
        if company {
            for order in &mut orders {
                order["customer"]["company"] = json!({"title": "ООО", "inn": "7707083893"});
            }
        }
        let mut portal = Portal::default();
        let jobs = orders.iter().map(|one| job(one, KnownLinks::default()));
        for settled in drive(&mut portal, jobs.collect()) {
            let apart = matches!(
                settled.outcome,
                Outcome::Apart {
                    code: ErrorCode::Email,
                    ..
                }
            );
            assert!(apart, "{settled:?}");
        }
        let outcomes = alone(&mut portal, &orders);
        assert_eq!(outcomes, [DONE, DONE, DONE]);
        let deals = portal.deals.values();
        let comments = deals.filter_map(|deal| Some(deal.get("COMMENTS")?.to_string()));
        let told = comments.filter(|text| text.contains("bad@host.example"));
        assert_eq!(told.count(), 1);
        assert_eq!(portal.contacts.len(), 1);
    }
}

#[test]
fn a_value_refused_for_an_order_that_has_ended_is_not_held_against_the_one_that_goes_on() {
    let mut portal = Portal::default();
    let mut ended = order(2, 1);
    ended["customer"]["emails"] = json!(["bad@host.example"]);
    // Its stage is not there: it ends before the contact is made, which its address spoils all the
    // same.
    ended["status"] = json!("X");
    let jobs = vec![
        job(&order(1, 1), KnownLinks::default()),
        job(&ended, KnownLinks::default()),
    ];
    let settled = drive(&mut portal, jobs);
    assert!(
        matches!(settled[0].outcome, Outcome::Apart { .. }),
        "{settled:?}"
    );
    assert_eq!(hopeless(&settled[1]), Some(ErrorCode::StageUnknown));
}

#[test]
fn a_call_that_is_spoilt_as_a_whole_judges_an_order_only_if_it_is_alone_in_it() {
    let poisoned = || CallAnswer::Poisoned {
        code: ErrorCode::Proxy,
        message: "403".to_owned(),
    };
    for nth in 1..=3 {
        // A lone order takes two calls.
        for many in [1, 2].into_iter().filter(|many| nth < 3 || *many > 1) {
            let mut portal = Portal::default();
            let mut count = 0;
            let jobs = (1..=many).map(|n| job(&order(n, n), KnownLinks::default()));
            let settled = drive_by(jobs.collect(), |call| {
                count += 1;
                if count == nth {
                    return poisoned();
                }
                CallAnswer::Answered(portal.run(call))
            });
            for one in settled {
                let judged = matches!(
                    one.outcome,
                    Outcome::Refused {
                        code: ErrorCode::Proxy,
                        ..
                    }
                );
                let apart = matches!(
                    one.outcome,
                    Outcome::Apart {
                        code: ErrorCode::Proxy,
                        ..
                    }
                );
                assert!(
                    if many == 1 { judged } else { apart },
                    "{nth} {many} {one:?}"
                );
            }
        }
    }
}

#[test]
fn a_method_that_rests_holds_up_only_the_orders_that_need_it() {
    let mut portal = Portal::default();
    let mut firm = order(2, 2);
    firm["customer"]["company"] = json!({"title": "ООО", "inn": "7707083893"});
    let jobs = vec![
        job(&order(1, 1), KnownLinks::default()),
        job(&firm, KnownLinks::default()),
    ];
    let resting = ["crm.status.list", "crm.requisite.preset.list"];
    let settled = drive_by(jobs, |call| {
        let mut answers = portal.run(call);
        for command in &call.commands {
            if resting.contains(&command.method) {
                answers.insert(command.key.clone(), CommandAnswer::Later);
            }
        }
        CallAnswer::Answered(answers)
    });
    assert_eq!(settled[0].outcome, DONE);
    let later = Outcome::Again {
        code: ErrorCode::Operating,
    };
    assert_eq!(settled[1].outcome, later);
}

#[test]
fn words_of_a_field_that_was_not_sent_are_not_taken_for_its_fault() {
    let mut portal = Portal::default();
    let settled = only(drive_by(
        vec![job(&order(1, 1), KnownLinks::default())],
        |call| {
            let mut answers = portal.run(call);
            for command in &call.commands {
                if command.method == "crm.deal.add" {
                    let refused = CommandAnswer::Refused {
                        error: String::new(),
                        description: "Не заполнено поле «E-mail менеджера»".to_owned(),
                    };
                    answers.insert(command.key.clone(), refused);
                }
            }
            CallAnswer::Answered(answers)
        },
    ));
    assert_eq!(refused(&settled), Some(ErrorCode::Refused));
}

#[test]
fn a_missing_right_is_told_by_the_code_whatever_the_words_are() {
    let mut portal = Portal::default();
    let settled = only(drive_by(
        vec![job(&order(1, 1), KnownLinks::default())],
        |call| {
            let mut answers = portal.run(call);
            for command in &call.commands {
                if command.method == "crm.deal.add" {
                    let denied = CommandAnswer::Refused {
                        error: "INVALID_CREDENTIALS".to_owned(),
                        description: "Invalid request".to_owned(),
                    };
                    answers.insert(command.key.clone(), denied);
                }
            }
            CallAnswer::Answered(answers)
        },
    ));
    assert_eq!(refused(&settled), Some(ErrorCode::Rights));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever answers are lost, and whether the portal ran what it did not answer.
    #[test]
    fn lost_answers_never_make_a_deal_or_a_contact_twice(
        losses in prop::collection::vec((0u8..4, any::<bool>()), 40),
        orders in prop::collection::vec(0usize..6, 1..40),
    ) {
        let mut portal = Portal::default();
        let orders: Vec<Value> = orders.iter().enumerate().map(
            |(number, customer)| order(number, *customer)
        ).collect();
        let mut known: Vec<KnownLinks> = vec![KnownLinks::default(); orders.len()];
        let mut open: Vec<usize> = (0..orders.len()).collect();
        let mut losses = losses.into_iter();
        for _ in 0..60 {
            let jobs = open.iter().map(|at| job(&orders[*at], known[*at].clone())).collect();
            let mut ran = false;
            let settled = drive_with(&mut portal, jobs, |_, second| {
                if second {
                    return ran;
                }
                let (loses, executed) = losses.next().unwrap_or((1, false));
                ran = executed;
                loses == 0
            });
            let mut left = Vec::new();
            for one in settled {
                let at = open[one.job.place()];
                known[at] = one.known;
                if matches!(one.outcome, Outcome::Again { .. }) {
                    left.push(at);
                } else {
                    prop_assert!(matches!(one.outcome, Outcome::Done { .. }), "{:?}", one.outcome);
                }
            }
            open = left;
            if open.is_empty() {
                break;
            }
        }
        prop_assert!(open.is_empty());
        prop_assert_eq!(portal.deals.len(), orders.len());
        let customers: BTreeSet<String> =
            orders.iter().map(|order| order["customer"]["emails"][0].to_string()).collect();
        prop_assert_eq!(portal.contacts.len(), customers.len());
        for deal in portal.deals.values() {
            prop_assert_eq!(json::decimal(deal.get("OPPORTUNITY")), Some(300.into()));
            let rows = portal.rows.get(
                &format!("crm.deal.productrows.set{}", json::id(&deal["ID"]).unwrap())
            );
            prop_assert_eq!(rows.and_then(Value::as_array).map(Vec::len), Some(3));
        }
    }
}

#[test]
fn a_stage_on_a_later_page_of_a_long_funnel_is_known() {
    let mut portal = Portal {
        early_stages: 60,
        ..Portal::default()
    };
    let settled = only(drive(
        &mut portal,
        vec![job(
            &json!({"number": "1", "status": "P"}),
            KnownLinks::default(),
        )],
    ));
    assert_eq!(settled.outcome, DONE);
    assert_eq!(portal.deals[&1]["STAGE_ID"], "EXECUTING");
    let read = |method: &&&str| **method == "crm.status.list";
    assert_eq!(portal.methods.iter().filter(read).count(), 2);
}

#[test]
fn a_user_field_that_the_portal_leaves_empty_is_told() {
    let mut portal = Portal::default();
    let mut mapped = job(
        &json!({"number": "1", "properties": {"promo": "X", "gift": "да"}}),
        KnownLinks::default(),
    );
    let mut with_fields = rules();
    for (property, field) in [
        ("properties.promo", "UF_CRM_LIST"),
        ("properties.gift", "UF_CRM_TEXT"),
    ] {
        with_fields
            .fields
            .insert(property.to_owned(), field.to_owned());
    }
    mapped.rules = Arc::new(with_fields);
    let settled = only(drive_by(vec![mapped], |call| {
        let mut answers = portal.run(call);
        for answer in answers.values_mut() {
            if let CommandAnswer::Done { result, .. } = answer {
                let rows = result.as_array_mut().into_iter().flatten();
                for row in rows.filter(|row| row.get("UF_CRM_LIST").is_some()) {
                    row["UF_CRM_LIST"] = json!(false);
                }
            }
        }
        CallAnswer::Answered(answers)
    }));
    assert_eq!(settled.outcome, DONE);
    let notes = settled
        .notes
        .iter()
        .map(Tell::sentence)
        .filter(|note| note.contains("empty"));
    let told: Vec<String> = notes.collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("UF_CRM_LIST") && !told[0].contains("UF_CRM_TEXT"));
}
