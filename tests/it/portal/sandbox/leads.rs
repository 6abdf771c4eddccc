//! Leads and their end, activities and the mails that they send, comments and quiet messages.

use std::collections::BTreeSet;
use std::time::Duration;

use b24_bridge::sandbox::{Options, Plan};
use serde_json::{Value, json};

use super::{Desk, desk, desk_with, until};

impl Desk {
    async fn lead(&self, fields: Value) -> u64 {
        self.get("crm.lead.add", json!({ "fields": fields }))
            .await
            .as_u64()
            .unwrap()
    }
}

fn card(cards: &[Value], id: u64) -> Value {
    let id = id.to_string();
    let found = cards.iter().find(|card| card["ID"] == id.as_str());
    found.cloned().unwrap_or(Value::Null)
}

#[tokio::test]
async fn with_leads_a_lead_stays_one_until_somebody_converts_it() {
    let desk = desk().await;
    assert_eq!(desk.get("crm.settings.mode.get", json!({})).await, 1);
    let phone = json!([{"VALUE": "+79161234567", "VALUE_TYPE": "MOBILE"}]);
    let lead = json!({"TITLE": "Заявка", "NAME": "Иван", "PHONE": phone, "UTM_SOURCE": "yandex",
        "ORIGINATOR_ID": "main", "ORIGIN_ID": "form:1"});
    let id = desk.lead(lead).await;
    assert_eq!(card(&desk.portal.leads(), id)["STATUS_ID"], "NEW");
    assert_eq!(
        desk.control(&format!("leads/{id}/convert"), json!({}))
            .await,
        200
    );
    assert!(!desk.portal.convert_lead(id), "only once");
    let lead = card(&desk.portal.leads(), id);
    assert_eq!(
        (&lead["STATUS_ID"], &lead["STATUS_SEMANTIC_ID"]),
        (&json!("CONVERTED"), &json!("S"))
    );
    let found = desk
        .get(
            "crm.deal.list",
            json!({"filter": {"LEAD_ID": id}, "select": ["*"]}),
        )
        .await;
    assert_eq!(
        (&found[0]["TITLE"], &found[0]["UTM_SOURCE"]),
        (&json!("Заявка"), &json!("yandex"))
    );
    assert_eq!(
        found[0]["ORIGIN_ID"],
        Value::Null,
        "the origin stays with the lead"
    );
    let contact = card(
        &desk.portal.contacts(),
        found[0]["CONTACT_ID"].as_str().unwrap().parse().unwrap(),
    );
    assert_eq!(
        (&contact["NAME"], &contact["PHONE"][0]["VALUE"]),
        (&json!("Иван"), &json!("+79161234567"))
    );
}

#[tokio::test]
async fn without_leads_one_with_a_name_turns_into_a_deal_by_itself() {
    let desk = desk_with(Options {
        leads: false,
        conversion_delay: Duration::from_millis(50),
        ..Options::default().plan(Plan::Unlimited)
    })
    .await;
    assert_eq!(desk.get("crm.settings.mode.get", json!({})).await, 2);
    let named = desk.lead(json!({"NAME": "Иван"})).await;
    let nameless = desk.lead(json!({"TITLE": "Без имени"})).await;
    until("the lead with a name is converted", || {
        card(&desk.portal.leads(), named)["STATUS_ID"] == "CONVERTED"
    })
    .await;
    assert_eq!(desk.portal.deals().len(), 1);
    assert_eq!(card(&desk.portal.leads(), nameless)["STATUS_ID"], "NEW");
    assert_eq!(desk.control("switch", json!({"leads": true})).await, 200);
    assert_eq!(desk.get("crm.settings.mode.get", json!({})).await, 1);
}

#[tokio::test]
async fn a_lead_of_a_known_contact_is_a_return_and_nobody_can_say_otherwise() {
    let desk = desk().await;
    let contact = desk.contact("Иван", "+79161234567").await;
    let known = desk
        .lead(json!({"CONTACT_ID": contact, "IS_RETURN_CUSTOMER": "N"}))
        .await;
    let unknown = desk
        .lead(json!({"NAME": "Пётр", "IS_RETURN_CUSTOMER": "Y"}))
        .await;
    let leads = desk.portal.leads();
    assert_eq!(card(&leads, known)["IS_RETURN_CUSTOMER"], "Y");
    assert_eq!(card(&leads, unknown)["IS_RETURN_CUSTOMER"], "N");
}

fn call(desk_contact: u64, deal: u64) -> Value {
    json!({"OWNER_TYPE_ID": 2, "OWNER_ID": deal, "TYPE_ID": 2, "SUBJECT": "Звонок",
        "RESPONSIBLE_ID": 1, "DIRECTION": 1, "START_TIME": "2026-01-02T12:00:00+03:00",
        "DEADLINE": "2030-01-01T00:00:00+03:00", "ORIGINATOR_ID": "main", "ORIGIN_ID": "call:1",
        "COMMUNICATIONS": [
            {"VALUE": "+79161234567", "ENTITY_ID": desk_contact, "ENTITY_TYPE_ID": 3}]})
}

#[tokio::test]
async fn a_call_needs_one_person_and_is_found_by_its_origin() {
    let desk = desk().await;
    let contact = desk.contact("Иван", "+79161234567").await;
    let deal = desk.deal(json!({})).await;
    let good = call(contact, deal);
    let id = desk.get("crm.activity.add", json!({"fields": good})).await;
    let filter = json!({"ORIGINATOR_ID": "main", "ORIGIN_ID": "call:1"});
    let found = desk
        .get("crm.activity.list", json!({"filter": filter}))
        .await;
    assert_eq!(
        (&found[0]["ID"], &found[0]["OWNER_ID"]),
        (&json!(id.to_string()), &json!("1"))
    );
    assert_eq!(
        found[0]["DEADLINE"], "2026-01-02T12:00:00+03:00",
        "taken from the start"
    );
    assert!(
        found[0].get("COMMUNICATIONS").is_none(),
        "only where it is asked for"
    );
    let asked = json!({"filter": filter, "select": ["ID", "COMMUNICATIONS"]});
    let found = desk.get("crm.activity.list", asked).await;
    assert_eq!(found[0]["COMMUNICATIONS"][0]["VALUE"], "+79161234567");
    let people = json!([good["COMMUNICATIONS"][0], good["COMMUNICATIONS"][0]]);
    for (name, value, said) in [
        (
            "SUBJECT",
            json!(""),
            "The field SUBJECT is not defined or empty",
        ),
        (
            "RESPONSIBLE_ID",
            json!(null),
            "The field RESPONSIBLE_ID is not defined or invalid",
        ),
        (
            "TYPE_ID",
            json!(null),
            "The field TYPE_ID is not defined or invalid",
        ),
        (
            "TYPE_ID",
            json!(5),
            "The custom activity without provider is not supported in current context",
        ),
        (
            "COMMUNICATIONS",
            json!([]),
            "The field COMMUNICATIONS is not defined or invalid",
        ),
        (
            "COMMUNICATIONS",
            people,
            "The only one communication is allowed for activity of specified type",
        ),
        (
            "OWNER_ID",
            json!(77),
            "Could not build binding. Please ensure that owner info and communications are defined \
             correctly",
        ),
    ] {
        let mut fields = good.clone();
        fields[name] = value;
        let refused = desk
            .refused("crm.activity.add", json!({"fields": fields}))
            .await;
        assert_eq!(refused, (400, json!(""), said.to_owned()));
    }
}

#[tokio::test]
async fn a_mail_is_sent_by_three_fields_together_and_by_no_two_of_them() {
    let desk = desk().await;
    let contact = desk.contact("Иван", "+79161234567").await;
    let deal = desk.deal(json!({})).await;
    for (kind, direction, completed, sent) in [
        (4, 1, "Y", 0),
        (4, 2, "N", 0),
        (2, 2, "Y", 0),
        (4, 2, "Y", 1),
    ] {
        let mut fields = call(contact, deal);
        fields["TYPE_ID"] = json!(kind);
        fields["DIRECTION"] = json!(direction);
        fields["COMPLETED"] = json!(completed);
        let id = desk
            .get("crm.activity.add", json!({"fields": fields}))
            .await;
        assert_eq!(desk.portal.mails(), sent, "{kind} {direction} {completed}");
        // To call it done later sends nothing.
        let done = json!({"id": id, "fields": {"COMPLETED": "Y"}});
        assert_eq!(desk.get("crm.activity.update", done).await, true);
        assert_eq!(desk.portal.mails(), sent);
    }
    desk.get("crm.activity.delete", json!({"id": 1})).await;
    assert_eq!(
        desk.refused("crm.activity.get", json!({"id": 1})).await.2,
        "Not found"
    );
}

#[tokio::test]
async fn a_to_do_has_a_deadline_and_no_origin() {
    let desk = desk().await;
    let deal = desk.deal(json!({})).await;
    let todo = json!({"ownerTypeId": 2, "ownerId": deal, "deadline": "2026-01-02T15:00:00",
        "title": "Перезвонить", "description": "call:1", "originId": "x"});
    let made = desk.get("crm.activity.todo.add", todo.clone()).await;
    let filter = json!({"OWNER_TYPE_ID": 2, "OWNER_ID": deal, "PROVIDER_ID": "CRM_TODO"});
    let found = desk
        .get("crm.activity.list", json!({"filter": filter}))
        .await;
    assert_eq!(
        (&found[0]["DESCRIPTION"], &found[0]["ORIGIN_ID"]),
        (&json!("call:1"), &Value::Null)
    );
    assert_eq!(
        found[0]["DEADLINE"], "2026-01-02T15:00:00+03:00",
        "the portal's own time"
    );
    let mut later = todo.clone();
    later["id"] = made["id"].clone();
    later["deadline"] = json!("2026-01-03 15:00:00");
    assert_eq!(desk.get("crm.activity.todo.update", later).await, made);
    assert_eq!(desk.portal.activities().len(), 1);
    let mut lost = todo;
    lost["ownerId"] = json!(77);
    assert_eq!(
        desk.refused("crm.activity.todo.add", lost).await.1,
        "OWNER_NOT_FOUND"
    );
    assert!(desk.portal.delete_deal(deal));
    assert!(
        desk.portal.activities().is_empty(),
        "they go with their card"
    );
}

#[tokio::test]
async fn comments_are_listed_of_one_card_and_can_be_changed() {
    let desk = desk().await;
    let deal = desk.deal(json!({})).await;
    let fields = json!({"ENTITY_ID": deal, "ENTITY_TYPE": "deal", "COMMENT": "Привет"});
    let id = desk
        .get("crm.timeline.comment.add", json!({"fields": fields}))
        .await;
    let of = |filter: Value| json!({ "filter": filter });
    assert_eq!(
        desk.refused("crm.timeline.comment.list", of(json!({"ENTITY_ID": deal})))
            .await
            .0,
        400
    );
    assert_eq!(
        desk.refused("crm.timeline.comment.list", json!({})).await.1,
        100
    );
    let write = json!({"id": id, "fields": {"COMMENT": "Пока"}});
    assert_eq!(desk.get("crm.timeline.comment.update", write).await, id);
    let found = desk
        .get(
            "crm.timeline.comment.list",
            of(json!({"ENTITY_ID": deal, "ENTITY_TYPE": "deal"})),
        )
        .await;
    assert_eq!(found[0]["COMMENT"], "Пока");
    assert_eq!(
        desk.get("crm.timeline.comment.delete", json!({"id": id}))
            .await,
        Value::Null
    );
    assert_eq!(
        desk.refused("crm.timeline.comment.delete", json!({"id": id}))
            .await
            .1,
        "NOT_FOUND"
    );
    let quiet =
        json!({"entityTypeId": 2, "entityId": deal, "title": "t", "text": "x", "iconCode": "info"});
    desk.get("crm.timeline.logmessage.add", json!({"fields": quiet}))
        .await;
    let half = json!({"fields": {"entityTypeId": 2, "entityId": deal, "title": "t"}});
    assert_eq!(
        desk.refused("crm.timeline.logmessage.add", half).await.1,
        100
    );
}

/// The names in the vendor's own descriptions of these answers.
#[tokio::test]
async fn answers_have_the_documented_fields_and_no_others() {
    let desk = desk().await;
    let contact = desk.contact("Иван", "+79161234567").await;
    let deal = desk.deal(json!({})).await;
    let fields = json!({"ENTITY_ID": deal, "ENTITY_TYPE": "deal", "COMMENT": "Привет"});
    desk.get("crm.timeline.comment.add", json!({"fields": fields}))
        .await;
    desk.get("crm.activity.add", json!({"fields": call(contact, deal)}))
        .await;
    let catalogs = desk.get("catalog.catalog.list", json!({})).await;
    let block = &catalogs["catalogs"][0]["iblockId"];
    let product = json!({"fields": {"iblockId": block, "name": "Чайник"}});
    let product = desk.get("catalog.product.add", product).await["element"]["id"].clone();
    let price = json!({"productId": product, "catalogGroupId": 1, "price": 1, "currency": "RUB"});
    let price = desk
        .get("catalog.price.add", json!({"fields": price}))
        .await["price"]["id"]
        .clone();
    let shapes = include_str!("../../data/bitrix24/shapes.json");
    let shapes: Value = serde_json::from_str(shapes).unwrap();
    let products = json!({"filter": {"iblockId": block, "id": product},
        "select": shapes["catalog.product.list"]});
    for (method, params, place) in [
        ("catalog.catalog.list", json!({}), "/catalogs/0"),
        ("catalog.product.list", products, "/products/0"),
        ("catalog.price.get", json!({"id": price}), "/price"),
        ("crm.activity.get", json!({"id": 1}), ""),
        ("crm.timeline.comment.get", json!({"id": 1}), ""),
    ] {
        let answer = desk.get(method, params).await;
        let shown = answer.pointer(place).and_then(Value::as_object).unwrap();
        let shown: BTreeSet<&str> = shown.keys().map(String::as_str).collect();
        let documented = shapes[method].as_array().unwrap();
        let documented: BTreeSet<&str> = documented.iter().filter_map(Value::as_str).collect();
        assert_eq!(shown, documented, "{method}");
    }
}
