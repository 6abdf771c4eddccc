//! What the portal refuses, drops, answers strangely or does not answer.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn an_unmapped_status_and_a_stage_the_portal_does_not_have_are_hopeless_and_write_nothing() {
    for (status, code) in [("Q", Code::Status), ("X", Code::StageUnknown)] {
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
    email["customer"]["emails"] = json!(["bad"]);
    let jobs = vec![
        job(&order(1, 1), Known::default()),
        job(&currency, Known::default()),
        job(&email, Known::default()),
    ];
    let settled = drive(&mut portal, jobs);
    assert_eq!(settled[0].outcome, DONE);
    assert!(
        matches!(&settled[1].outcome, Outcome::Refused { code: Code::Currency, message } if message.contains("Валюта"))
    );
    assert_eq!(refused(&settled[2]), Some(Code::Email));
    assert_eq!(portal.deals.len(), 1);
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
        Known::default(),
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
    assert_eq!(hopeless(&settled), Some(Code::Field), "{settled:?}");
    assert_eq!(settled.known.target, Some(Target::Deal(1)));
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
        let jobs = vec![job(&order(1, 1), Known::default())];
        let answer = |command: &Command| {
            let done = CommandAnswer::Done {
                result: strange.clone(),
                next: None,
            };
            (command.key.clone(), done)
        };
        let settled = only(drive_by(jobs, |call| {
            CallAnswer::Answered(call.commands.iter().map(answer).collect())
        }));
        assert_eq!(
            refused(&settled),
            Some(Code::Protocol),
            "{strange}: {settled:?}"
        );
    }
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
        let orders: Vec<Value> = orders.iter().enumerate().map(|(number, customer)| order(number, *customer)).collect();
        let mut known: Vec<Known> = vec![Known::default(); orders.len()];
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
                let at = open[one.job];
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
            prop_assert_eq!(value::decimal(deal.get("OPPORTUNITY")), Some(300.into()));
            let rows = portal.rows.get(&format!("crm.deal.productrows.set{}", value::id(&deal["ID"]).unwrap()));
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
            Known::default(),
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
        Known::default(),
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
    let notes = settled.notes.iter().filter(|note| note.contains("empty"));
    let told: Vec<_> = notes.collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("UF_CRM_LIST") && !told[0].contains("UF_CRM_TEXT"));
}
