//! Later events: they write only what changed, and nothing that managers own.

use super::*;
use crate::domain::happening::Tell;
use serde_json::Map;

#[test]
fn a_later_event_writes_only_what_changed_and_leaves_what_managers_own() {
    let mut portal = Portal::default();
    let first = bring(&mut portal, &order(1, 1));
    portal.set_deal(1, "TITLE", "Срочно! Заказ");
    portal.methods.clear();
    let mut paid = order(1, 1);
    paid["status"] = json!("P");
    paid["comment"] = json!("Позвоните");
    let second = bring_again(&mut portal, &paid, first.known);
    assert_eq!(second.outcome, DONE);
    let deal = &portal.deals[&1];
    assert_eq!(
        (&deal["COMMENTS"], &deal["TITLE"], &deal["STAGE_ID"]),
        (&json!("Позвоните"), &json!("Срочно! Заказ"), &json!("NEW")),
        "what a new status means for the stage is decided elsewhere"
    );
    assert!(
        !portal.methods.contains(&"crm.deal.productrows.set"),
        "{:?}",
        portal.methods
    );
}

#[test]
fn a_stage_that_means_the_same_is_not_written_over() {
    let mut portal = Portal::default();
    let first = bring(&mut portal, &order(1, 1));
    portal.set_deal(1, "STAGE_ID", "PREPARATION");
    let mut more = order(1, 1);
    more["comment"] = json!("Позвоните");
    bring_again(&mut portal, &more, first.known);
    assert_eq!(portal.deals[&1]["STAGE_ID"], "PREPARATION");
    assert_eq!(portal.deals[&1]["COMMENTS"], "Позвоните");
}

#[test]
fn a_deal_that_is_gone_waits_for_a_person_and_is_made_anew_when_asked() {
    let mut portal = Portal::default();
    let first = bring(&mut portal, &order(1, 1));
    let gone = portal.deals.remove(&1).unwrap();
    portal
        .deals
        .insert(9, Map::from_iter([("ID".to_owned(), json!("9"))]));
    let mut changed = order(1, 1);
    changed["comment"] = json!("?");
    let settled = bring_again(&mut portal, &changed, first.known.clone());
    assert_eq!(hopeless(&settled), Some(ErrorCode::DealGone), "{settled:?}");
    let mut again = job(&changed, first.known);
    again.recreate = true;
    assert_eq!(only(drive(&mut portal, vec![again])).outcome, DONE);
    assert_eq!(
        portal
            .deals
            .values()
            .filter(|deal| deal.get("ORIGIN_ID") == gone.get("ORIGIN_ID"))
            .count(),
        1
    );
}

#[test]
fn an_order_of_the_configured_kind_becomes_a_lead_and_stays_one() {
    let mut portal = Portal::default();
    let mut lead_rules = rules();
    lead_rules.leads.push(crate::domain::LeadRule {
        channel: Some("one-click".to_owned()),
        property: None,
        status: "NEW".to_owned(),
    });
    let mut quick = order(1, 1);
    quick["origin"] = json!({"channel": "one-click"});
    let mut one = job(&quick, KnownLinks::default());
    one.rules = Arc::new(lead_rules);
    let settled = only(drive(&mut portal, vec![one.clone()]));
    assert_eq!(settled.known.target, Some(CrmEntity::Lead(1)));
    assert!(portal.deals.is_empty() && portal.contacts.is_empty());
    assert_eq!(portal.leads[&1]["PHONE"][0]["VALUE"], "+79160000001");
    one.known = settled.known;
    if let Intent::Save(snapshot) = &mut one.intent {
        snapshot.comment = Some("Перезвоните".to_owned());
    }
    only(drive(&mut portal, vec![one]));
    assert_eq!(
        (portal.leads.len(), &portal.leads[&1]["COMMENTS"]),
        (1, &json!("Перезвоните"))
    );
}

#[test]
fn a_deleted_order_moves_its_deal_only_if_the_rules_say_so() {
    let mut portal = Portal::default();
    let first = bring(&mut portal, &order(1, 1));
    let mut delete = job(&order(1, 1), first.known);
    delete.intent = Intent::Delete;
    assert_eq!(
        only(drive(&mut portal, vec![delete.clone()])).outcome,
        Outcome::Done { wrote: false }
    );
    let mut moving = rules();
    moving.on_deleted = OnDeleted::Stage(Stage::new(0, "LOSE"));
    delete.rules = Arc::new(moving);
    only(drive(&mut portal, vec![delete]));
    assert_eq!(portal.deals[&1]["STAGE_ID"], "LOSE");
}

#[test]
fn a_deal_under_the_known_id_that_is_another_orders_is_not_touched() {
    let mut portal = Portal::default();
    let settled = bring(&mut portal, &order(1, 1));
    assert_eq!(settled.known.target, Some(CrmEntity::Deal(1)));
    for (originator, origin) in [("main", "A9"), ("other", "A1"), ("", "")] {
        portal.set_deal(1, "ORIGINATOR_ID", originator);
        portal.set_deal(1, "ORIGIN_ID", origin);
        portal.set_deal(1, "TITLE", "Чужая");
        portal.set_deal(1, "OPPORTUNITY", "7.00");
        let before = portal.deals[&1].clone();
        let mut changed = order(1, 1);
        changed["comment"] = json!("новый");
        let again = bring_again(&mut portal, &changed, settled.known.clone());
        let code = ErrorCode::OtherPortal;
        assert_eq!(
            again.outcome,
            Outcome::Again { code },
            "{originator}/{origin}"
        );
        assert_eq!(again.known, KnownLinks::default());
        assert!(!again.notes.is_empty());
        assert_eq!(portal.deals[&1], before);
        let made = bring_again(&mut portal, &changed, again.known);
        assert_eq!(made.outcome, DONE);
        let new = made.known.target.unwrap().id();
        assert_ne!(new, 1);
        assert_eq!(portal.deals[&1], before);
        portal.deals.remove(&new);
    }
}

#[test]
fn a_deal_whose_origin_was_taken_away_is_told_by_what_was_written_into_it() {
    let mut portal = Portal::default();
    let settled = bring(&mut portal, &order(1, 1));
    portal.set_deal(1, "ORIGINATOR_ID", "");
    portal.set_deal(1, "ORIGIN_ID", "");
    let mut changed = order(1, 1);
    changed["comment"] = json!("новый");
    let again = bring_again(&mut portal, &changed, settled.known);
    assert_eq!(again.outcome, DONE);
    assert_eq!(again.known.target, Some(CrmEntity::Deal(1)));
    assert!(
        again
            .notes
            .iter()
            .any(|note| note.sentence().contains("no longer carries"))
    );
    assert_eq!(portal.deals.len(), 1);
}

#[test]
fn an_order_whose_deal_is_gone_takes_the_one_that_carries_its_origin() {
    let mut portal = Portal::default();
    let settled = bring(&mut portal, &order(1, 1));
    let mut merged = portal.deals.remove(&1).unwrap();
    merged.insert("ID".to_owned(), json!("40"));
    portal.deals.insert(40, merged);
    let mut changed = order(1, 1);
    changed["comment"] = json!("новый");
    let again = bring_again(&mut portal, &changed, settled.known);
    assert_eq!(again.outcome, DONE);
    assert_eq!(again.known.target, Some(CrmEntity::Deal(40)));
    assert_eq!(portal.deals.len(), 1);
}

#[test]
fn what_the_shop_emptied_is_emptied_in_the_portal_and_a_managers_own_value_stays() {
    let mut portal = Portal::default();
    let mut one = order(1, 1);
    one["properties"] = json!({"promo": "SPRING", "tags": ["a", "b"], "note": null});
    one["utm"] = json!({"source": "yandex"});
    one["comment"] = json!("Позвоните");
    let with_fields = |order: &Value, known: KnownLinks| {
        let mut job = job(order, known);
        let mut rules = rules();
        for (path, field) in [
            ("promo", "UF_CRM_P"),
            ("tags", "UF_CRM_T"),
            ("note", "UF_CRM_N"),
        ] {
            rules
                .fields
                .insert(format!("properties.{path}"), field.to_owned());
        }
        job.rules = Arc::new(rules);
        job
    };
    let first = drive(&mut portal, vec![with_fields(&one, KnownLinks::default())]).remove(0);
    assert_eq!(first.outcome, DONE);
    assert_eq!(portal.deals[&1]["UF_CRM_P"], "SPRING");
    portal
        .deals
        .get_mut(&1)
        .unwrap()
        .insert("UF_CRM_N".to_owned(), json!("a manager's"));
    one["properties"] = json!({"promo": "", "tags": []});
    one["utm"] = json!([]);
    one["comment"] = json!("");
    let second = drive(&mut portal, vec![with_fields(&one, first.known)]).remove(0);
    assert_eq!(second.outcome, DONE);
    let deal = &portal.deals[&1];
    for field in ["UF_CRM_P", "UF_CRM_T", "UTM_SOURCE", "COMMENTS"] {
        assert_eq!(deal[field], "", "{field}");
    }
    assert_eq!(deal["UF_CRM_N"], "a manager's");
    let again = drive(&mut portal, vec![with_fields(&one, second.known)]).remove(0);
    assert_eq!(again.outcome, Outcome::Done { wrote: false });
}
