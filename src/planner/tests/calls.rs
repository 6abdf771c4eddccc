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
