//! Customers: found in whatever spelling, completed, or made once.

use super::*;
use crate::domain::happening::Tell;

#[test]
fn two_orders_of_one_new_customer_make_one_contact() {
    let mut portal = Portal::default();
    let mut by_email = order(2, 1);
    by_email["customer"]["phones"] = json!(["+79990000000"]);
    drive(
        &mut portal,
        vec![
            job(&order(1, 1), KnownLinks::default()),
            job(&by_email, KnownLinks::default()),
        ],
    );
    assert_eq!((portal.contacts.len(), portal.deals.len()), (1, 2));
    assert_eq!(portal.contacts[&1]["PHONE"].as_array().unwrap().len(), 2);
}

#[test]
fn a_contact_in_another_spelling_is_found_completed_and_keeps_its_name() {
    let mut portal = Portal::default();
    let typed = json!(
        {"ID": "1", "NAME": "Маша из бухгалтерии", "PHONE": [{"ID": "9", "VALUE": "89160000001"}]}
    );
    portal.add_contact(&typed);
    let settled = bring(&mut portal, &order(1, 1));
    assert_eq!(settled.known.contact_id, Some(1));
    assert_eq!(portal.contacts[&1]["NAME"], "Маша из бухгалтерии");
    assert_eq!(portal.contacts[&1]["EMAIL"][0]["VALUE"], "c1@example.com");
}

#[test]
fn of_several_matching_contacts_the_oldest_is_taken_and_it_is_told() {
    let mut portal = Portal::default();
    for id in [7_u64, 3] {
        let row = json!({"ID": id.to_string(), "PHONE": [{"VALUE": "+79160000001"}]});
        portal.add_contact(&row);
    }
    let settled = bring(&mut portal, &order(1, 1));
    assert_eq!(settled.known.contact_id, Some(3));
    assert!(
        settled
            .notes
            .iter()
            .any(|note| note.sentence().contains("2 contacts")),
        "{:?}",
        settled.notes
    );
}

#[test]
fn more_than_twenty_hits_in_one_search_hide_nobody() {
    let mut portal = Portal::default();
    for id in 1..=30_u64 {
        let row = json!({"ID": id.to_string(), "PHONE": [{"VALUE": format!("+7916{id:07}")}]});
        portal.add_contact(&row);
    }
    let jobs = (1..=30)
        .map(|at| job(&order(at, at), KnownLinks::default()))
        .collect();
    let settled = drive(&mut portal, jobs);
    assert_eq!(portal.contacts.len(), 30);
    for (at, one) in settled.iter().enumerate() {
        assert_eq!(one.known.contact_id, Some(at as u64 + 1));
    }
}

#[test]
fn a_legal_entity_becomes_a_company_with_its_requisite_and_is_found_again_by_its_number() {
    let mut portal = Portal::default();
    let mut first = order(1, 1);
    first["customer"]["company"] = json!(
        {"title": "ООО «Ромашка»", "inn": "7707083893", "kpp": "770701001", "address": "Москва"}
    );
    drive(&mut portal, vec![job(&first, KnownLinks::default())]);
    assert_eq!(portal.requisites[&1]["RQ_INN"], "7707083893");
    assert_eq!(portal.requisites[&1]["ENTITY_ID"], 1);
    assert_eq!(portal.deals[&1]["COMPANY_ID"], 1);
    portal.companies.get_mut(&1).unwrap().remove("ORIGIN_ID");
    let mut second = order(2, 2);
    second["customer"]["company"] = json!({"title": "Ромашка", "inn": "7707083893"});
    drive(&mut portal, vec![job(&second, KnownLinks::default())]);
    assert_eq!(
        (portal.companies.len(), &portal.deals[&2]["COMPANY_ID"]),
        (1, &json!(1))
    );
}

#[test]
fn a_company_that_is_gone_is_looked_for_again_like_a_contact() {
    let mut portal = Portal::default();
    let customer = json!({
        "id": "7", "kind": "company", "name": "Иван", "phones": ["+74951002030"],
        "company": {"title": "ООО", "inn": "7707083893"}
    });
    let first = json!({"number": "1", "customer": customer});
    let settled = only(drive(&mut portal, vec![job(&first, KnownLinks::default())]));
    let known = KnownLinks {
        contact_id: settled.known.contact_id,
        company_id: settled.known.company_id,
        ..KnownLinks::default()
    };
    assert_eq!(known.company_id, Some(1));
    // A manager merges it into an older one, which takes the requisite over.
    let mut older = portal.companies.remove(&1).unwrap();
    older.insert("ID".to_owned(), json!("40"));
    older.insert("ORIGIN_ID".to_owned(), Value::Null);
    portal.companies.insert(40, older);
    for requisite in portal.requisites.values_mut() {
        requisite.insert("ENTITY_ID".to_owned(), json!("40"));
    }
    let second = json!({"number": "2", "customer": customer});
    let settled = only(drive(&mut portal, vec![job(&second, known)]));
    assert_eq!(settled.known.company_id, Some(40));
    assert_eq!(portal.deals[&2]["COMPANY_ID"], json!(40));
    assert!(
        settled
            .notes
            .iter()
            .any(|note| note.sentence().contains("company 1"))
    );
    assert_eq!(portal.companies.len(), 1);
    // It is deleted, but its requisite outlives it: a new one is made.
    portal.companies.clear();
    let third = json!({"number": "3", "customer": customer});
    let known = KnownLinks {
        company_id: settled.known.company_id,
        ..KnownLinks::default()
    };
    let settled = only(drive(&mut portal, vec![job(&third, known)]));
    assert_eq!(settled.known.company_id, Some(1));
    assert_eq!(portal.deals[&3]["COMPANY_ID"], json!(1));
}

#[test]
fn a_branch_is_found_whose_requisite_stands_behind_a_page_of_others() {
    let mut portal = Portal::default();
    for branch in 1..=120_u64 {
        let member = |row: &Value| row.as_object().unwrap().clone();
        let company = json!({"ID": branch.to_string(), "TITLE": format!("Отделение {branch}")});
        let requisite = json!({
            "ID": branch.to_string(), "ENTITY_TYPE_ID": "4", "ENTITY_ID": branch.to_string(),
                "RQ_INN": "7707083893", "RQ_KPP": (770_701_000 + branch).to_string(),
        });
        portal.companies.insert(branch, member(&company));
        portal.requisites.insert(branch, member(&requisite));
    }
    let mut one = order(1, 1);
    one["customer"]["company"] = json!(
        {"title": "Отделение 115", "inn": "7707083893", "kpp": "770701115"}
    );
    let settled = bring(&mut portal, &one);
    assert_eq!(settled.known.company_id, Some(115), "{settled:?}");
    assert_eq!(portal.companies.len(), 120);
}

#[test]
fn a_card_beyond_a_full_page_of_anothers_copies_is_found_all_the_same() {
    let mut portal = Portal::default();
    let card = |id: u64, name: &str, origin: &str| {
        json!({
            "ID": id.to_string(), "NAME": name, "ORIGINATOR_ID": "main", "ORIGIN_ID": origin
        })
    };
    for id in 1..=60 {
        portal.add_contact(&card(id, "Анна", "c1"));
    }
    portal.add_contact(&card(61, "Олег", "c2"));
    let of = |number: &str, id: &str, name: &str| {
        let order = json!({"number": number, "customer": {"id": id, "name": name}});
        job(&order, KnownLinks::default())
    };
    let jobs = vec![of("A1", "c1", "Анна"), of("A2", "c2", "Олег")];
    let settled = drive(&mut portal, jobs);
    let contacts: Vec<_> = settled.iter().map(|one| one.known.contact_id).collect();
    assert_eq!(contacts, [Some(1), Some(61)]);
    assert_eq!(portal.contacts.len(), 61);
}

#[test]
fn a_company_beyond_a_full_page_of_its_name_is_found_all_the_same() {
    let mut portal = Portal::default();
    for id in 1..=60_u64 {
        let phone = format!("+7495{id:07}");
        let row = json!({"ID": id.to_string(), "TITLE": "Ромашка", "PHONE": [{"VALUE": phone}]});
        let row = row.as_object().cloned().unwrap_or_default();
        portal.companies.insert(id, row);
    }
    let order = json!({"number": "A1", "customer": {
        "kind": "company", "name": "Иван", "phones": ["+74950000060"],
        "company": {"title": "Ромашка"}
    }});
    let settled = bring(&mut portal, &order);
    assert_eq!(settled.known.company_id, Some(60));
    assert_eq!(portal.companies.len(), 60);
}

/// What becomes of the next order of two firms when none of this kind of card is to be seen.
fn next_without(portal: &mut Portal, companies: bool) -> Vec<(KnownLinks, Settlement)> {
    let order = |number: usize| {
        let firm = number % 2;
        let inn = ["7707083893", "7736050003"][firm];
        json!({"number": format!("A{number}"), "customer": {
            "id": format!("c{firm}"), "kind": "company", "name": format!("Имя{firm}"),
            "phones": [format!("+749510020{:02}", 30 + firm)],
            "company": {"title": format!("ООО {firm}"), "inn": inn}
        }})
    };
    let first = [0, 1].map(|number| job(&order(number), KnownLinks::default()));
    let settled = drive(portal, first.into());
    if companies {
        portal.companies.clear();
        portal.requisites.clear();
    } else {
        portal.contacts.clear();
    }
    let link = |one: &Settlement| KnownLinks {
        contact_id: one.known.contact_id,
        company_id: one.known.company_id,
        ..KnownLinks::default()
    };
    let known: Vec<KnownLinks> = settled.iter().map(link).collect();
    let jobs = known.iter().enumerate();
    let jobs = jobs.map(|(at, known)| job(&order(2 + at), known.clone()));
    let settled = drive(portal, jobs.collect());
    known.into_iter().zip(settled).collect()
}

#[test]
fn a_card_that_may_be_hidden_is_waited_for_and_none_is_made_in_its_place() {
    for companies in [false, true] {
        let mut portal = Portal {
            limited: true,
            ..Portal::default()
        };
        for (known, settled) in next_without(&mut portal, companies) {
            let code = ErrorCode::Rights;
            assert_eq!(settled.outcome, Outcome::Again { code }, "{companies}");
            assert_eq!(settled.known.contact_id, known.contact_id, "{companies}");
            assert_eq!(settled.known.company_id, known.company_id, "{companies}");
        }
        assert_eq!(portal.deals.len(), 2, "{companies}");
    }
}

#[test]
fn a_card_that_an_administrator_does_not_see_is_gone_and_made_anew() {
    for companies in [false, true] {
        let mut portal = Portal::default();
        for (_, settled) in next_without(&mut portal, companies) {
            assert_eq!(settled.outcome, DONE, "{companies}");
        }
        let made = (portal.contacts.len(), portal.companies.len());
        assert_eq!(made, (2, 2), "{companies}");
        assert_eq!(portal.deals.len(), 4, "{companies}");
    }
}
