//! Recognising the customer: what finds a card, what does not, and that deals follow whom the shop
//! names.

use super::*;
use crate::domain::happening::Tell;
use proptest::prelude::*;
use std::collections::BTreeSet;

pub(super) fn person(id: &str, name: &str, last: &str, phone: &str, email: &str) -> Value {
    let list = |one: &str| {
        if one.is_empty() {
            json!([])
        } else {
            json!([one])
        }
    };
    let mut person = json!({
        "name": name, "last_name": last, "phones": list(phone), "emails": list(email)
    });
    if !id.is_empty() {
        person["id"] = json!(id);
    }
    person
}

pub(super) fn of(number: usize, customer: &Value) -> Value {
    json!({"number": format!("A{number}"), "total": 0, "customer": customer})
}

pub(super) fn numbers(portal: &Portal, contact: u64) -> BTreeSet<String> {
    let card = &portal.contacts[&contact];
    ["PHONE", "EMAIL"]
        .iter()
        .filter_map(|field| card.get(*field)?.as_array())
        .flatten()
        .map(|one| json::text(one.get("VALUE")))
        .collect()
}

pub(super) fn contact_of(portal: &Portal, deal: u64) -> u64 {
    json::id(&portal.deals[&deal]["CONTACT_ID"]).unwrap()
}

const ANNA: (&str, &str) = ("Анна", "Петрова");
const BORIS: (&str, &str) = ("Борис", "Сидоров");

pub(super) fn anna(id: &str, phone: &str, email: &str) -> Value {
    person(id, ANNA.0, ANNA.1, phone, email)
}

pub(super) fn boris(id: &str, phone: &str, email: &str) -> Value {
    person(id, BORIS.0, BORIS.1, phone, email)
}

#[test]
fn a_deal_follows_the_customer_to_another_person_and_nobody_gets_anothers_numbers() {
    for (first, second) in [("", ""), ("5", "6"), ("5", ""), ("", "6"), ("5", "5")] {
        let mut portal = Portal::default();
        let before = of(1, &anna(first, "+79160000001", "a@example.com"));
        let known = bring(&mut portal, &before).known;
        let after = of(1, &boris(second, "+79160000002", "b@example.com"));
        let settled = bring_again(&mut portal, &after, known);
        assert_eq!(contact_of(&portal, 1), 2, "{first} {second} {settled:?}");
        assert_eq!(
            numbers(&portal, 1),
            ["+79160000001", "a@example.com"].map(str::to_owned).into()
        );
        assert_eq!(
            numbers(&portal, 2),
            ["+79160000002", "b@example.com"].map(str::to_owned).into()
        );
        assert_eq!(
            settled.links_contact,
            !second.is_empty() && first != second,
            "{settled:?}"
        );
        // And back: to the card that was made first.
        let settled = bring_again(&mut portal, &before, settled.known);
        assert_eq!(
            (contact_of(&portal, 1), portal.contacts.len()),
            (1, 2),
            "{settled:?}"
        );
    }
}

#[test]
fn a_mended_phone_is_added_to_the_customers_own_card_whosoever_had_it() {
    for id in ["", "5"] {
        let mut portal = Portal::default();
        let known = bring(&mut portal, &of(1, &anna(id, "+79160000001", ""))).known;
        let typed = json!(
            {
                "ID": "9", "NAME": "Борис", "LAST_NAME": "Сидоров", "PHONE": [
                    {"VALUE": "+79160000002"}
                ]
            }
        );
        portal.add_contact(&typed);
        let settled = bring_again(&mut portal, &of(1, &anna(id, "+79160000002", "")), known);
        assert_eq!(contact_of(&portal, 1), 1, "{settled:?}");
        assert_eq!(numbers(&portal, 1).len(), 2);
        assert_eq!(numbers(&portal, 9).len(), 1);
    }
}

#[test]
fn a_mistyped_phone_that_found_a_stranger_is_undone_when_it_is_mended() {
    let mut portal = Portal::default();
    let stranger = json!({"ID": "9", "NAME": "Фирма", "PHONE": [{"VALUE": "+79160000001"}]});
    portal.add_contact(&stranger);
    let first = of(1, &person("", "", "", "+79160000001", ""));
    let known = bring(&mut portal, &first).known;
    assert_eq!(contact_of(&portal, 1), 9);
    let mended = of(1, &person("", "", "", "+79160000002", ""));
    bring_again(&mut portal, &mended, known);
    assert_ne!(contact_of(&portal, 1), 9);
    assert_eq!(
        numbers(&portal, 9).len(),
        1,
        "the stranger's card is as it was"
    );
}

#[test]
fn two_customer_ids_that_share_a_phone_are_two_in_one_wave_and_in_two() {
    let shared = "+79160000001";
    let orders = [
        of(1, &anna("5", shared, "")),
        of(2, &person("6", "Анна", "Ким", shared, "")),
    ];
    let mut together = Portal::default();
    let jobs = orders.iter().map(|order| job(order, KnownLinks::default()));
    drive(&mut together, jobs.collect());
    let mut apart = Portal::default();
    for order in &orders {
        bring(&mut apart, order);
    }
    for portal in [together, apart] {
        assert_eq!(portal.contacts.len(), 2);
        assert_ne!(contact_of(&portal, 1), contact_of(&portal, 2));
    }
}

#[test]
fn of_two_strangers_under_one_customer_id_the_first_of_a_wave_is_linked_whoever_knows_the_other() {
    let mut portal = Portal::default();
    let jobs = [
        of(1, &anna("1", "", "a@example.com")),
        of(2, &boris("", "", "b@example.com")),
        of(3, &boris("1", "", "b@example.com")),
    ];
    let jobs = jobs.iter().map(|order| job(order, KnownLinks::default()));
    let settled = drive(&mut portal, jobs.collect());
    let links: Vec<bool> = settled.iter().map(|one| one.links_contact).collect();
    assert_eq!(links, [true, false, false], "{settled:?}");
    assert_eq!(contact_of(&portal, 2), contact_of(&portal, 3));
    assert_eq!(portal.contacts.len(), 2);
}

#[test]
fn names_that_contradict_make_two_of_one_address_and_say_whom_they_passed() {
    let mut portal = Portal::default();
    bring(
        &mut portal,
        &of(1, &anna("", "+79160000001", "info@shop.example")),
    );
    let settled = bring(
        &mut portal,
        &of(2, &boris("", "+79160000002", "info@shop.example")),
    );
    assert_eq!(contact_of(&portal, 2), 2);
    let recognised = settled.known.recognised.unwrap().contact.unwrap();
    assert_eq!(recognised.evidence, [Evidence::Made]);
    assert_eq!(
        (recognised.passed[0].id, recognised.passed[0].because),
        (1, Because::Name)
    );
    assert!(
        settled
            .notes
            .iter()
            .any(|note| note.sentence().contains("Анна Петрова")),
        "{:?}",
        settled.notes
    );
    // A common address alone is no evidence, even where no name contradicts.
    bring(
        &mut portal,
        &of(3, &person("", "Фирма", "", "", "info@shop.example")),
    );
    assert_eq!(portal.contacts.len(), 3);
}

#[test]
fn what_identifies_nobody_finds_nobody_and_stands_on_no_card_but_in_the_deal() {
    let mut portal = Portal::default();
    let mut own = rules();
    own.placeholders.add("kassa@shop.example", "7").unwrap();
    own.placeholders.add("+7 495 000-00-00", "7").unwrap();
    for number in 1..=2 {
        let mut customer = person("", "", "", "+74950000000", "kassa@shop.example");
        customer["phones"] = json!(["+74950000000", format!("+7916000000{number}")]);
        let mut one = job(&of(number, &customer), KnownLinks::default());
        one.rules = Arc::new(own.clone());
        drive(&mut portal, vec![one]);
    }
    assert_eq!(portal.contacts.len(), 2);
    assert_eq!(
        numbers(&portal, 1),
        BTreeSet::from(["+79160000001".to_owned()])
    );
    let comment = portal.deals[&1]["COMMENTS"].as_str().unwrap();
    assert!(comment.contains("kassa@shop.example") && comment.contains("+74950000000"));
}

#[test]
fn an_erased_customer_changes_no_card_and_no_deal() {
    let mut portal = Portal::default();
    let known = bring(
        &mut portal,
        &of(1, &anna("", "+79160000001", "a@example.com")),
    )
    .known;
    let erased = of(
        1,
        &person("0", "[deleted]", "[deleted]", "", "deleted@site.invalid"),
    );
    bring_again(&mut portal, &erased, known);
    assert_eq!((contact_of(&portal, 1), portal.contacts.len()), (1, 1));
    assert_eq!(numbers(&portal, 1).len(), 2);
}

#[test]
fn a_value_that_several_use_is_no_evidence() {
    let mut portal = Portal::default();
    bring(&mut portal, &of(1, &anna("", "+79160000001", "")));
    let mut one = job(
        &of(2, &person("", "Анна", "", "+79160000001", "x@example.com")),
        KnownLinks::default(),
    );
    one.who.shared.insert("+79160000001".to_owned());
    let settled = only(drive(&mut portal, vec![one]));
    assert_eq!(settled.known.contact_id, Some(2));
    assert_eq!(
        numbers(&portal, 2),
        BTreeSet::from(["x@example.com".to_owned()])
    );
}

#[test]
fn a_refused_card_is_never_taken_again_and_the_deal_leaves_it() {
    let mut portal = Portal::default();
    let told = of(1, &anna("5", "+79160000001", ""));
    let mut known = bring(&mut portal, &told).known;
    let refused = Refused {
        id: 1,
        of: NotOf::Person(known.person.take().unwrap()),
        same: true,
    };
    known.contact_id = None;
    let mut again = job(&told, known);
    again.who.refused.push(refused.clone());
    let settled = only(drive(&mut portal, vec![again]));
    assert_eq!(
        (settled.known.contact_id, contact_of(&portal, 1)),
        (Some(2), 2),
        "{settled:?}"
    );
    let recognition = settled.known.recognised.unwrap().contact.unwrap();
    assert_eq!(recognition.passed[0].because, Because::Operator);
    // The next order of the same customer finds the second card, also without a link.
    let mut next = job(
        &of(2, &anna("5", "+79160000001", "")),
        KnownLinks::default(),
    );
    next.who.refused.push(refused);
    let settled = only(drive(&mut portal, vec![next]));
    assert_eq!(
        (settled.known.contact_id, portal.contacts.len()),
        (Some(2), 2),
        "{settled:?}"
    );
}

#[test]
fn a_contact_that_a_manager_put_to_the_deal_stays_until_the_shop_names_another_customer() {
    let mut portal = Portal::default();
    let known = bring(&mut portal, &of(1, &anna("", "+79160000001", ""))).known;
    portal.add_contact(&json!({"ID": "9", "NAME": "Клара"}));
    portal.set_deal(1, "CONTACT_ID", "9");
    let mut more = anna("", "+79160000001", "");
    more["emails"] = json!(["a@example.com"]);
    let settled = bring_again(&mut portal, &of(1, &more), known);
    assert_eq!(contact_of(&portal, 1), 9);
    let other = of(1, &boris("", "+79160000002", ""));
    let settled = bring_again(&mut portal, &other, settled.known);
    assert_eq!(Some(contact_of(&portal, 1)), settled.known.contact_id);
    assert!(
        settled
            .notes
            .iter()
            .any(|note| note.sentence().contains("contact 9")),
        "{:?}",
        settled.notes
    );
    assert_eq!(numbers(&portal, 9).len(), 0);
}

#[test]
fn a_merged_contact_is_followed_where_the_portal_put_it() {
    let mut portal = Portal::default();
    let known = bring(&mut portal, &of(1, &anna("5", "+79160000001", ""))).known;
    let mut kept = portal.contacts.remove(&1).unwrap();
    kept.insert("ID".to_owned(), json!("40"));
    kept.remove("ORIGIN_ID");
    portal.contacts.insert(40, kept);
    portal.set_deal(1, "CONTACT_ID", "40");
    let mut more = anna("5", "+79160000001", "");
    more["emails"] = json!(["a@example.com"]);
    let settled = bring_again(&mut portal, &of(1, &more), known);
    assert_eq!(
        (settled.known.contact_id, contact_of(&portal, 1)),
        (Some(40), 40),
        "{settled:?}"
    );
    assert!(numbers(&portal, 40).contains("a@example.com"));
    assert!(
        settled.links_contact,
        "the link goes on to the card that is left"
    );
    let recognition = settled.known.recognised.unwrap().contact.unwrap();
    assert_eq!(recognition.evidence[0], Evidence::Deal);
}

#[test]
fn a_deal_follows_its_firm_to_another_number_and_to_a_person() {
    let firm = |inn: &str| {
        let mut customer = anna("5", "+79160000001", "");
        customer["company"] = json!({"title": "ООО", "inn": inn});
        of(1, &customer)
    };
    let company = |portal: &Portal| json::id(&portal.deals[&1]["COMPANY_ID"]);
    let mut portal = Portal::default();
    let known = bring(&mut portal, &firm("7707083893")).known;
    let settled = bring_again(&mut portal, &firm("7736050003"), known);
    assert_eq!(
        (company(&portal), settled.known.company_id),
        (Some(2), Some(2))
    );
    assert!(settled.links_company);
    let settled = bring_again(
        &mut portal,
        &of(1, &anna("5", "+79160000001", "")),
        settled.known,
    );
    assert_eq!(
        (company(&portal), settled.known.company_id),
        (None, None),
        "{settled:?}"
    );
    let settled = bring_again(&mut portal, &firm("7707083893"), settled.known);
    assert_eq!(
        (company(&portal), settled.known.company_id),
        (Some(1), Some(1))
    );
    assert_eq!(portal.companies.len(), 2);
}

#[test]
fn what_an_earlier_version_stored_is_read_and_followed() {
    let mut portal = Portal::default();
    let known = bring(&mut portal, &of(1, &anna("", "+79160000001", ""))).known;
    let mut old = serde_json::to_value(&known).unwrap();
    for new in ["person", "firm", "recognised"] {
        old.as_object_mut().unwrap().remove(new);
    }
    old["written"]["fields"]
        .as_object_mut()
        .unwrap()
        .remove("CONTACT_ID");
    let old: KnownLinks = serde_json::from_value(old).unwrap();
    portal.methods.clear();
    let same = bring_again(
        &mut portal,
        &of(1, &anna("", "+79160000001", "")),
        old.clone(),
    );
    assert_eq!(
        (same.outcome, portal.methods.len()),
        (Outcome::Done { wrote: false }, 0)
    );
    bring_again(&mut portal, &of(1, &boris("", "+79160000002", "")), old);
    assert_eq!(contact_of(&portal, 1), 2);
    assert_eq!(numbers(&portal, 1).len(), 1);
}

#[test]
fn a_lost_answer_at_any_call_of_a_changed_customer_makes_nothing_twice() {
    for lost in 1..=12 {
        for ran in [false, true] {
            let mut portal = Portal::default();
            let known = bring(&mut portal, &of(1, &anna("5", "+79160000001", ""))).known;
            let after = of(1, &boris("5", "+79160000002", ""));
            let first = drive_with(&mut portal, vec![job(&after, known)], |call, asks| {
                call == lost && (!asks || ran)
            });
            let mut settled = only(first);
            for _ in 0..2 {
                settled = bring_again(&mut portal, &after, settled.known);
            }
            assert_eq!(portal.contacts.len(), 2, "{lost} {ran}");
            assert_eq!(Some(contact_of(&portal, 1)), settled.known.contact_id);
            assert_eq!(contact_of(&portal, 1), 2, "{lost} {ran}");
        }
    }
}

/// Four people whose names contradict; phones and addresses go from one to another.
const PEOPLE: [(&str, &str); 4] = [
    ("Анна", "Петрова"),
    ("Борис", "Сидоров"),
    ("Вера", "Кузнецова"),
    ("Григорий", "Лебедев"),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn whatever_orders_tell_no_card_gets_a_strangers_numbers_and_no_link_moves(
        turns in prop::collection::vec(
            prop::collection::vec(
                (1..4usize, 0..4usize, 0..4usize, 0..4usize, any::<bool>(), any::<bool>()), 1..4
            ),
            1..8,
        )
    ) {
        let mut portal = Portal::default();
        let mut orders: BTreeMap<usize, KnownLinks> = BTreeMap::new();
        let mut links: BTreeMap<String, u64> = BTreeMap::new();
        let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for turn in turns {
            let mut jobs = Vec::new();
            let mut told = BTreeMap::new();
            for (number, who, phone, email, with_id, operator) in turn {
                if told.contains_key(&number) {
                    continue;
                }
                let (name, last) = PEOPLE[who];
                let id = match (with_id, operator) {
                    (true, true) => "1".to_owned(),
                    (true, false) => format!("1{who}"),
                    _ => String::new(),
                };
                let (phone, email) = (
                    format!("+7916000000{phone}"), format!("c{email}@example.com")
                );
                said.entry(last.to_owned()).or_default().extend([phone.clone(), email.clone()]);
                let known = orders.get(&number).cloned().unwrap_or_default();
                let mut one = job(&of(number, &person(&id, name, last, &phone, &email)), known);
                one.who.contact = links.get(&id).map(|id| (*id, None));
                jobs.push(one);
                told.insert(number, (id, last, jobs.len() - 1));
            }
            let settled = drive(&mut portal, jobs);
            let before = links.clone();
            for (number, (id, last, at)) in told {
                let one = &settled[at];
                prop_assert!(matches!(one.outcome, Outcome::Done { .. }), "{:?}", one);
                orders.insert(number, one.known.clone());
                let contact = one.known.contact_id.unwrap();
                if one.links_contact {
                    links.entry(id).or_insert(contact);
                }
                let deal = portal.deals.values().find(
                    |deal| deal["ORIGIN_ID"] == format!("A{number}")
                ).unwrap();
                prop_assert_eq!(json::id(&deal["CONTACT_ID"]), Some(contact));
                prop_assert_eq!(&portal.contacts[&contact]["LAST_NAME"], last);
            }
            for (id, contact) in before {
                prop_assert_eq!(links[&id], contact);
            }
            for (contact, card) in &portal.contacts {
                let last = json::text(card.get("LAST_NAME"));
                let theirs = numbers(&portal, *contact);
                prop_assert!(theirs.is_subset(&said[&last]), "{} {:?}", last, theirs);
            }
        }
    }
}
