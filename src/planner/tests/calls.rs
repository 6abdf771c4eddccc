//! How many calls orders take: a new one, many at once, one that is known.

use super::*;

#[test]
fn a_lone_new_order_takes_three_calls() {
    let mut portal = Portal::default();
    let settled = bring(&mut portal, &order(1, 1));
    assert_eq!(settled.outcome, DONE);
    assert_eq!(portal.calls, 3);
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
