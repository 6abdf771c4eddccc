//! Lists, filters and what is found.

use crate::portal::sandbox::desk;
use serde_json::json;

#[tokio::test]
async fn an_external_id_is_text_and_leading_zeros_count() {
    let desk = desk().await;
    desk.deal(json!({"ORIGIN_ID": "007"})).await;
    for (wanted, hits) in [("7", 0), ("007", 1)] {
        let found = desk
            .get("crm.deal.list", json!({"filter": {"=ORIGIN_ID": wanted}}))
            .await;
        assert_eq!(found.as_array().unwrap().len(), hits, "{wanted}");
    }
}

#[tokio::test]
async fn an_unknown_filter_field_is_ignored_by_one_family_and_refused_by_the_other() {
    let desk = desk().await;
    desk.deal(json!({})).await;
    desk.deal(json!({})).await;
    let all = desk
        .get("crm.deal.list", json!({"filter": {"NO_SUCH": 1}}))
        .await;
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(
        desk.refused(
            "crm.item.list",
            json!({"entityTypeId": 2, "filter": {"noSuch": 1}})
        )
        .await
        .1,
        "INVALID_ARG_VALUE"
    );
    let either = json!(
        {
            "entityTypeId": 2, "filter": {
                "0": {"logic": "OR", "0": {"id": 2}, "1": {"title": "Сделка #9"}}
            }
        }
    );
    assert_eq!(
        desk.get("crm.item.list", either).await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let nothing = desk
        .get(
            "crm.item.list",
            json!({"entityTypeId": 2, "select": ["noSuch"]}),
        )
        .await;
    assert_eq!(nothing["items"], json!([[], []]));
}

#[tokio::test]
async fn telephones_are_found_only_as_they_are_spelled() {
    let desk = desk().await;
    assert_eq!(
        desk.get(
            "crm.duplicate.findbycomm",
            json!({"type": "PHONE", "values": ["+79001234567"]})
        )
        .await,
        json!([])
    );
    let id = desk.contact("Иван", "+79001234567").await;
    let found = desk
        .get(
            "crm.duplicate.findbycomm",
            json!({"type": "PHONE", "values": ["+79001234567#12", "1"], "entity_type": "CONTACT"}),
        )
        .await;
    assert_eq!(found, json!({"CONTACT": [id]}));
    assert_eq!(
        desk.get(
            "crm.duplicate.findbycomm",
            json!({"type": "PHONE", "values": ["89001234567"]})
        )
        .await,
        json!([])
    );
    assert_eq!(
        desk.refused(
            "crm.duplicate.findbycomm",
            json!({"type": "PHONE", "values": "1"})
        )
        .await
        .2,
        "Communication values is not defined"
    );
    let list = desk
        .get(
            "crm.contact.list",
            json!({"filter": {"PHONE": "+79001234567"}, "select": ["ID", "PHONE"]}),
        )
        .await;
    assert_eq!(list[0]["PHONE"][0]["VALUE"], "+79001234567");
    let bare = desk.get("crm.contact.list", json!({})).await;
    assert!(bare[0].get("PHONE").is_none() && bare[0]["HAS_PHONE"] == "Y");
}

#[tokio::test]
async fn twenty_hits_of_one_type_hide_the_next() {
    let desk = desk().await;
    for _ in 0..21 {
        desk.contact("Иван", "+7").await;
    }
    desk.get(
        "crm.company.add",
        json!({"fields": {"TITLE": "x", "PHONE": [{"VALUE": "+7"}]}}),
    )
    .await;
    let found = desk
        .get(
            "crm.duplicate.findbycomm",
            json!({"type": "PHONE", "values": ["+7"]}),
        )
        .await;
    assert_eq!(found["CONTACT"].as_array().unwrap().len(), 20);
    assert!(found.get("COMPANY").is_none());
}

#[tokio::test]
async fn contacts_of_a_deal_have_one_primary() {
    let desk = desk().await;
    let (a, b) = (desk.contact("А", "1").await, desk.contact("Б", "2").await);
    let id = desk.deal(json!({"CONTACT_IDS": [a, 999]})).await;
    let add = json!({"id": id, "fields": {"CONTACT_ID": b}});
    assert_eq!(desk.get("crm.deal.contact.add", add.clone()).await, true);
    assert_eq!(desk.get("crm.deal.contact.add", add).await, false);
    let items = desk
        .get("crm.deal.contact.items.get", json!({"id": id}))
        .await;
    assert_eq!(
        items,
        json!([{"CONTACT_ID": a, "SORT": 10, "ROLE_ID": 0, "IS_PRIMARY": "Y"},
        {"CONTACT_ID": b, "SORT": 20, "ROLE_ID": 0, "IS_PRIMARY": "N"}])
    );
    let set = json!({"id": id, "items": [{"CONTACT_ID": a}, {"CONTACT_ID": b, "IS_PRIMARY": "Y"}]});
    desk.get("crm.deal.contact.items.set", set).await;
    assert_eq!(desk.portal.deal(id).unwrap()["CONTACT_ID"], b.to_string());
    assert_eq!(desk.portal.merge_contacts(&[a, b]), [b]);
    assert_eq!(desk.portal.deal(id).unwrap()["CONTACT_ID"], a.to_string());
    assert_eq!(
        desk.portal.contacts()[0]["PHONE"].as_array().unwrap().len(),
        2
    );
}
