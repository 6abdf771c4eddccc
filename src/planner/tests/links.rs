//! Rows whose products came into the catalogue later.

use super::*;
use crate::domain::happening::Note;

/// The order of three lines, of which the portal has the first one's product by now.
fn of_product(order: &Value, known: KnownLinks) -> Job {
    let mut one = job(order, known);
    if let Intent::Save(snapshot) = &mut one.intent {
        snapshot.items[0].catalogue_id = Some(77);
    }
    one
}

/// A portal with the order's deal, whose rows stand for no products.
fn made() -> (Portal, Value, KnownLinks, String) {
    let mut portal = Portal::default();
    let order = order(1, 1);
    let first = bring(&mut portal, &order);
    let Some(CrmEntity::Deal(deal)) = first.known.target else {
        panic!("{first:?}");
    };
    let rows = format!("crm.deal.productrows.set{deal}");
    (portal, order, first.known, rows)
}

fn links(portal: &Portal, rows: &str) -> Vec<u64> {
    let rows = portal.rows[rows].as_array().unwrap().iter();
    rows.map(|row| row["PRODUCT_ID"].as_u64().unwrap())
        .collect()
}

fn updates(portal: &Portal) -> usize {
    let linked = |method: &&&str| **method == "crm.item.productrow.update";
    portal.methods.iter().filter(linked).count()
}

#[test]
fn a_row_is_linked_once_when_its_product_comes_and_the_others_are_not_touched() {
    let (mut portal, order, known, rows) = made();
    assert_eq!(links(&portal, &rows), [0, 0, 0]);
    let second = only(drive(&mut portal, vec![of_product(&order, known)]));
    assert_eq!(second.outcome, DONE);
    assert!(second.notes.contains(&Note::RowsLinked), "{second:?}");
    assert_eq!(links(&portal, &rows), [77, 0, 0]);
    assert_eq!(updates(&portal), 1);
    let calls = portal.calls;
    let third = only(drive(&mut portal, vec![of_product(&order, second.known)]));
    assert_eq!(third.outcome, Outcome::Done { wrote: false });
    assert_eq!(portal.calls, calls);
}

#[test]
fn rows_that_a_manager_changed_stay_and_are_not_looked_at_again() {
    for (field, value) in [
        ("QUANTITY", json!("2")),
        ("PRICE", json!("90")),
        ("PRODUCT_NAME", json!("другое")),
        ("PRODUCT_ID", json!(5)),
    ] {
        let (mut portal, order, known, rows) = made();
        portal.rows.get_mut(&rows).unwrap()[1][field] = value;
        let second = only(drive(&mut portal, vec![of_product(&order, known)]));
        assert!(second.notes.contains(&Note::RowsNotOurs), "{field}");
        assert_eq!((links(&portal, &rows)[0], updates(&portal)), (0, 0));
        let calls = portal.calls;
        let third = only(drive(&mut portal, vec![of_product(&order, second.known)]));
        assert_eq!(third.outcome, Outcome::Done { wrote: false });
        assert_eq!(portal.calls, calls);
    }
}

#[test]
fn a_row_that_a_manager_added_keeps_all_of_them_as_they_are_until_the_shop_changes_them() {
    let (mut portal, mut order, known, rows) = made();
    let added = json!({"PRODUCT_ID": 0, "PRODUCT_NAME": "подарок", "PRICE": "0", "QUANTITY": 1});
    let all = portal.rows.get_mut(&rows).unwrap().as_array_mut().unwrap();
    all.push(added);
    let second = only(drive(&mut portal, vec![of_product(&order, known)]));
    assert_eq!(links(&portal, &rows), [0, 0, 0, 0]);
    order["items"][2]["quantity"] = json!(2);
    order["total"] = json!("400");
    let third = only(drive(&mut portal, vec![of_product(&order, second.known)]));
    assert_eq!(third.outcome, DONE);
    assert_eq!(links(&portal, &rows), [77, 0, 0]);
    assert!(!third.known.written.unwrap().links_left);
}

#[test]
fn a_closed_deal_is_left_as_it_is() {
    let (mut portal, order, known, rows) = made();
    let deal = portal.deals.values_mut().next().unwrap();
    deal.insert("CLOSED".to_owned(), json!("Y"));
    let second = only(drive(&mut portal, vec![of_product(&order, known)]));
    assert!(second.notes.contains(&Note::ClosedNotLinked), "{second:?}");
    assert_eq!(links(&portal, &rows), [0, 0, 0]);
}

#[test]
fn an_answer_that_was_lost_links_no_row_twice_and_none_over_what_people_did_meanwhile() {
    for changed in [false, true] {
        let (mut portal, order, known, rows) = made();
        let links_one = |call: &Call| {
            let mut methods = call.commands.iter().map(|command| command.method);
            methods.any(|method| method == "crm.item.productrow.update")
        };
        let second = only(drive_by(vec![of_product(&order, known)], |call| {
            let answered = portal.run(call);
            if links_one(call) {
                return CallAnswer::InDoubt;
            }
            CallAnswer::Answered(answered)
        }));
        assert!(second.known.open.links, "{second:?}");
        if changed {
            portal.rows.get_mut(&rows).unwrap()[2]["PRICE"] = json!("1");
        }
        let third = only(drive(&mut portal, vec![of_product(&order, second.known)]));
        assert_eq!(updates(&portal), 1);
        assert!(!third.known.open.links);
        assert_eq!(third.notes.contains(&Note::RowsNotOurs), changed);
        assert_eq!(links(&portal, &rows), [77, 0, 0]);
    }
}
