//! Cards of a deal that were sent and not seen, and cards that an operator refused.

use super::identity::{anna, boris, contact_of, numbers, of, person};
use super::*;
use crate::domain::happening::Tell;

const MANAGERS: &str = "was put to the deal in the portal";

/// Brings an order of which this is known; the answer of a call is lost after it ran.
fn bring_losing(portal: &mut Portal, order: &Value, known: KnownLinks, lost: usize) -> Settlement {
    let job = job(order, known);
    only(drive_with(portal, vec![job], |call, _| call == lost))
}

#[test]
fn a_card_that_was_sent_and_not_seen_is_no_managers_and_the_deal_follows_at_last() {
    let vera = person("", "Вера", "Кузнецова", "+79160000003", "");
    for (first, second) in (1..=10).flat_map(|first| (0..=10).map(move |second| (first, second))) {
        let mut portal = Portal::default();
        let known = bring(&mut portal, &of(1, &anna("", "+79160000001", ""))).known;
        let told = of(1, &boris("", "+79160000002", ""));
        let settled = bring_losing(&mut portal, &told, known, first);
        let mut notes = settled.notes;
        let settled = bring_losing(&mut portal, &of(1, &vera), settled.known, second);
        notes.extend(settled.notes);
        let settled = bring_again(&mut portal, &of(1, &vera), settled.known);
        notes.extend(settled.notes.clone());
        assert!(
            !notes.iter().any(|note| note.sentence().contains(MANAGERS)),
            "{first} {second} {notes:?}"
        );
        let contact = contact_of(&portal, 1);
        assert_eq!(Some(contact), settled.known.contact_id, "{first} {second}");
        assert_eq!(
            numbers(&portal, contact),
            ["+79160000003".to_owned()].into(),
            "{first} {second}"
        );
        assert!(settled.known.open.is_nothing(), "{settled:?}");
    }
}

#[test]
fn a_company_that_was_sent_and_not_seen_leaves_the_deal_with_the_firm() {
    let mut firm = anna("5", "+79160000001", "");
    firm["company"] = json!({"title": "ООО Ромашка", "inn": "7707083893"});
    let alone = of(1, &anna("5", "+79160000001", ""));
    for lost in 1..=10 {
        let mut portal = Portal::default();
        let known = bring(&mut portal, &alone).known;
        let settled = bring_losing(&mut portal, &of(1, &firm), known, lost);
        let settled = bring_again(&mut portal, &alone, settled.known);
        let company = portal.deals[&1].get("COMPANY_ID").and_then(json::id);
        assert_eq!(company, None, "{lost} {settled:?}");
        assert_eq!(settled.known.company_id, None, "{lost}");
        assert!(
            !settled
                .notes
                .iter()
                .any(|note| note.sentence().contains(MANAGERS)),
            "{lost} {settled:?}"
        );
    }
}

/// That this contact is not this order's customer's, `same` of the very order.
fn refused(known: &KnownLinks, same: bool) -> Refused {
    Refused {
        id: known.contact_id.unwrap(),
        of: NotOf::Person(known.person.clone().unwrap()),
        same,
    }
}

#[test]
fn a_card_that_was_refused_while_a_wave_took_it_is_left_at_the_next_turn() {
    let mut portal = Portal::default();
    let told = of(1, &anna("5", "+79160000001", ""));
    let known = bring(&mut portal, &told).known;
    let mut next = job(&told, known.clone());
    next.who.refused.push(refused(&known, true));
    let settled = only(drive(&mut portal, vec![next]));
    assert_eq!(settled.known.contact_id, Some(2), "{settled:?}");
    assert_eq!(contact_of(&portal, 1), 2);
    // Whom a manager put there meanwhile stays.
    portal.add_contact(&json!({"ID": "9", "NAME": "Клара"}));
    portal.set_deal(1, "CONTACT_ID", "9");
    let mut next = job(&told, settled.known.clone());
    next.who.refused.push(refused(&known, true));
    next.who.refused.push(refused(&settled.known, true));
    only(drive(&mut portal, vec![next]));
    assert_eq!(contact_of(&portal, 1), 9);
}

#[test]
fn a_card_that_was_refused_for_a_nameless_phone_is_still_its_own_persons() {
    let mut portal = Portal::default();
    let card = json!({
        "ID": "9", "NAME": "Анна", "LAST_NAME": "Петрова", "PHONE": [{"VALUE": "+79160000001"}]
    });
    portal.add_contact(&card);
    let nameless = person("", "", "", "+79160000001", "");
    let known = bring(&mut portal, &of(1, &nameless)).known;
    assert_eq!(known.contact_id, Some(9));
    let with = |order: usize, customer: &Value, same: bool| {
        let mut job = job(&of(order, customer), KnownLinks::default());
        job.who.refused.push(refused(&known, same));
        job
    };
    let settled = only(drive(&mut portal, vec![with(2, &nameless, false)]));
    assert_ne!(settled.known.contact_id, Some(9), "nameless again");
    let herself = anna("", "+79160000001", "");
    let settled = only(drive(&mut portal, vec![with(3, &herself, false)]));
    assert_eq!(settled.known.contact_id, Some(9), "she orders herself");
    let settled = only(drive(&mut portal, vec![with(4, &herself, true)]));
    assert_ne!(
        settled.known.contact_id,
        Some(9),
        "of that order it was said"
    );
}

#[test]
fn a_company_that_was_refused_is_not_taken_for_the_firm_whoever_orders_for_it() {
    let mut portal = Portal::default();
    let firm = |order: usize, inn: &str, mut customer: Value| {
        customer["company"] = json!({"title": "ООО Ромашка", "inn": inn});
        job(&of(order, &customer), KnownLinks::default())
    };
    let first = firm(1, "7707083893", anna("5", "+79160000001", ""));
    let known = only(drive(&mut portal, vec![first])).known;
    let refused = Refused {
        id: known.company_id.unwrap(),
        of: NotOf::Firm(known.firm.unwrap()),
        same: false,
    };
    let mut second = firm(2, "7707083893", boris("6", "+79160000002", ""));
    second.who.refused.push(refused.clone());
    let settled = only(drive(&mut portal, vec![second]));
    assert_eq!(settled.known.company_id, Some(2), "{settled:?}");
    let passed = &settled.known.recognised.unwrap().company.unwrap().passed;
    assert_eq!(passed[0].because, Because::Operator);
    // Another firm of the same name is another matter.
    let mut third = firm(3, "7736050003", anna("5", "+79160000001", ""));
    third.who.refused.push(refused);
    let settled = only(drive(&mut portal, vec![third]));
    assert_eq!(settled.known.company_id, Some(3), "{settled:?}");
}

#[test]
fn how_a_card_was_recognised_stays_on_record_when_the_customer_tells_more() {
    let mut portal = Portal::default();
    let card = json!({
        "ID": "9", "NAME": "Анна", "LAST_NAME": "Петрова", "PHONE": [{"VALUE": "+79160000001"}]
    });
    portal.add_contact(&card);
    let known = bring(&mut portal, &of(1, &anna("", "+79160000001", ""))).known;
    let more = of(1, &anna("", "+79160000001", "a@example.com"));
    let settled = bring_again(&mut portal, &more, known.clone());
    for known in [known, settled.known] {
        let recognition = known.recognised.unwrap().contact.unwrap();
        assert_eq!(recognition.evidence, [Evidence::Phone, Evidence::Name]);
        assert_eq!(recognition.values, ["+79160000001"]);
    }
}

#[test]
fn a_lead_that_is_sent_again_asks_the_portal_nothing() {
    let mut portal = Portal::default();
    let mut lead = rules();
    lead.leads = vec![crate::domain::LeadRule {
        channel: None,
        property: None,
        status: "NEW".to_owned(),
    }];
    let mut customer = anna("5", "+79160000001", "a@example.com");
    customer["company"] = json!({"title": "ООО Ромашка", "inn": "7707083893"});
    let mut bring = |known: KnownLinks| {
        let mut job = job(&of(1, &customer), known);
        job.rules = Arc::new(lead.clone());
        portal.calls = 0;
        let settled = only(drive(&mut portal, vec![job]));
        (settled, portal.calls)
    };
    let (first, calls) = bring(KnownLinks::default());
    assert!(calls > 0 && matches!(first.known.target, Some(CrmEntity::Lead(_))));
    let (again, calls) = bring(first.known);
    assert_eq!((again.outcome, calls), (Outcome::Done { wrote: false }, 0));
}
