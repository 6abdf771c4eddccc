//! Cards, rows, lists, stages, duplicates.

mod lists;

use serde_json::{Value, json};

use super::desk;

#[tokio::test]
async fn a_deal_without_fields_gets_the_usual_ones_as_strings() {
    let desk = desk().await;
    let id = desk.deal(json!({})).await;
    let deal = desk.get("crm.deal.get", json!({"ID": id})).await;
    for (field, value) in [
        ("ID", json!("1")),
        ("TITLE", json!("Сделка #1")),
        ("CATEGORY_ID", json!("0")),
        ("STAGE_ID", json!("NEW")),
        ("STAGE_SEMANTIC_ID", json!("P")),
        ("OPPORTUNITY", json!("0.00")),
        ("CLOSED", json!("N")),
        ("OPENED", json!("Y")),
        ("IS_NEW", json!("Y")),
        ("CURRENCY_ID", json!("RUB")),
        ("ASSIGNED_BY_ID", json!("1")),
        ("CONTACT_ID", Value::Null),
    ] {
        assert_eq!(deal[field], value, "{field}");
    }
    let item = desk
        .get("crm.item.get", json!({"entityTypeId": 2, "id": id}))
        .await;
    assert_eq!(item["item"]["id"], 1);
    assert_eq!(item["item"]["opportunity"], 0);
    assert_eq!(item["item"]["contactId"], 0);
    assert_eq!(item["item"]["quoteId"], Value::Null);
}

#[tokio::test]
async fn what_may_not_be_written_is_passed_over_in_silence() {
    let desk = desk().await;
    let id = desk
        .deal(json!(
            {
                "TITLE": "x", "NO_SUCH": 1, "UF_CRM_X": "1", "CLOSED": "Y", "DATE_CREATE":
                    "2001-01-01"
            }
        ))
        .await;
    let fields =
        json!({"STAGE_ID": "C1:WON", "CATEGORY_ID": 1, "ID": 99, "STAGE_SEMANTIC_ID": "S"});
    assert_eq!(
        desk.get("crm.deal.update", json!({"id": id, "fields": fields}))
            .await,
        true
    );
    let deal = desk.portal.deal(id).unwrap();
    assert_eq!(
        (&deal["STAGE_ID"], &deal["CATEGORY_ID"]),
        (&json!("NEW"), &json!("0"))
    );
    assert_eq!(deal["CLOSED"], "N");
    assert!(deal.get("NO_SUCH").is_none() && deal.get("UF_CRM_X").is_none());
    assert!(!deal["DATE_CREATE"].as_str().unwrap().starts_with("2001"));
}

#[tokio::test]
async fn a_user_field_keeps_values_once_it_exists() {
    let desk = desk().await;
    let field = json!({"fields": {"FIELD_NAME": "PROMO", "USER_TYPE_ID": "string"}});
    desk.get("crm.deal.userfield.add", field.clone()).await;
    assert_eq!(
        desk.refused("crm.deal.userfield.add", field).await.1,
        "ERROR_CORE"
    );
    let id = desk.deal(json!({"UF_CRM_PROMO": "SPRING"})).await;
    let item = desk
        .get("crm.item.get", json!({"entityTypeId": 2, "id": id}))
        .await;
    assert_eq!(item["item"]["ufCrmPromo"], "SPRING");
    let found = desk
        .get(
            "crm.deal.list",
            json!({"filter": {"UF_CRM_PROMO": "spring"}, "select": ["UF_CRM_PROMO"]}),
        )
        .await;
    assert_eq!(found, json!([{"ID": "1", "UF_CRM_PROMO": "SPRING"}]));
}

#[tokio::test]
async fn faults_of_a_write_carry_the_documented_codes() {
    let desk = desk().await;
    let currency = desk
        .refused("crm.deal.add", json!({"fields": {"CURRENCY_ID": "XXX"}}))
        .await;
    assert_eq!(
        currency,
        (400, json!(""), "Неверное значение поля «Валюта»".to_owned())
    );
    let mail = json!({"fields": {"NAME": "x", "EMAIL": [{"VALUE": "nonsense"}]}});
    assert_eq!(desk.refused("crm.contact.add", mail).await.1, "ERROR_CORE");
    assert_eq!(
        desk.refused("crm.deal.get", json!({"id": 5})).await,
        (400, json!(""), "Not found".to_owned())
    );
    assert_eq!(
        desk.refused("crm.deal.update", json!({"id": 5, "fields": {}}))
            .await
            .2,
        "Not found"
    );
    assert_eq!(
        desk.refused("crm.deal.add", json!({"fields": "x"})).await.2,
        "Parameter 'fields' must be array."
    );
    assert_eq!(
        desk.refused("crm.item.get", json!({"entityTypeId": 2, "id": 5}))
            .await
            .1,
        "NOT_FOUND"
    );
    assert_eq!(
        desk.refused("crm.item.get", json!({"entityTypeId": 2}))
            .await
            .1,
        100
    );
    assert_eq!(
        desk.refused("crm.item.add", json!({"entityTypeId": 5, "fields": {}}))
            .await
            .1,
        "ENTITY_TYPE_NOT_SUPPORTED"
    );
    assert_eq!(
        desk.refused("crm.contact.add", json!({"fields": {}}))
            .await
            .1,
        "ERROR_CORE"
    );
}

#[tokio::test]
async fn rows_set_the_sum_unless_it_is_kept_by_hand() {
    let desk = desk().await;
    let id = desk.deal(json!({"OPPORTUNITY": 7})).await;
    let rows = json!([{"PRODUCT_NAME": "Стол", "PRICE": "80000", "QUANTITY": 2, "DISCOUNT_RATE": 20,
         "TAX_RATE": 20, "TAX_INCLUDED": "Y"},
        {"PRICE": 0.5}]);
    assert_eq!(
        desk.get("crm.deal.productrows.set", json!({"id": id, "rows": rows}))
            .await,
        true
    );
    assert_eq!(desk.portal.deal(id).unwrap()["OPPORTUNITY"], "160000.50");
    let got = desk
        .get("crm.deal.productrows.get", json!({"id": id}))
        .await;
    assert_eq!(got[0]["PRICE_BRUTTO"], 100_000.01);
    assert_eq!(
        (&got[0]["ID"], &got[0]["OWNER_ID"], &got[0]["QUANTITY"]),
        (&json!("1"), &json!("1"), &json!(2))
    );
    assert_eq!(got[1]["PRODUCT_NAME"], "[2]");
    desk.get(
        "crm.deal.update",
        json!({"id": id, "fields": {"OPPORTUNITY": 5, "IS_MANUAL_OPPORTUNITY": "Y"}}),
    )
    .await;
    assert_eq!(desk.portal.deal(id).unwrap()["OPPORTUNITY"], "5.00");
    let bad = json!({"id": id, "rows": [{"PRICE": 1, "DISCOUNT_TYPE_ID": 1}]});
    assert_eq!(
        desk.refused("crm.deal.productrows.set", bad).await.1,
        "ERROR_CORE"
    );
    assert_eq!(desk.portal.rows(id).len(), 2);
    desk.get(
        "crm.item.productrow.set",
        json!({"ownerType": "D", "ownerId": id, "productRows": []}),
    )
    .await;
    assert!(desk.portal.rows(id).is_empty());
}

#[tokio::test]
async fn universal_rows_are_listed_only_by_owner() {
    let desk = desk().await;
    let id = desk.deal(json!({})).await;
    let set = json!(
        {
            "ownerType": "D", "ownerId": id, "productRows": [
                {"productName": "a", "price": 3, "quantity": "1.5"}
            ]
        }
    );
    let rows = desk.get("crm.item.productrow.set", set).await;
    assert_eq!(rows["productRows"][0]["quantity"], 1.5);
    let list = desk
        .get(
            "crm.item.productrow.list",
            json!({"filter": {"=ownerType": "D", "=ownerId": id}}),
        )
        .await;
    assert_eq!(list["productRows"].as_array().unwrap().len(), 1);
    assert_eq!(
        desk.refused("crm.item.productrow.list", json!({})).await.1,
        "INVALID_ARG_VALUE"
    );
    let row = rows["productRows"][0]["id"].clone();
    desk.get(
        "crm.item.productrow.update",
        json!({"id": row, "fields": {"price": 4}}),
    )
    .await;
    assert_eq!(desk.portal.deal(id).unwrap()["OPPORTUNITY"], "6.00");
    assert_eq!(
        desk.get("crm.item.productrow.delete", json!({"id": row}))
            .await,
        Value::Null
    );
}

#[tokio::test]
async fn a_stage_change_is_written_into_the_history() {
    let desk = desk().await;
    let id = desk.deal(json!({})).await;
    desk.get(
        "crm.deal.update",
        json!({"id": id, "fields": {"STAGE_ID": "EXECUTING"}}),
    )
    .await;
    assert!(desk.portal.move_deal(id, "WON"));
    assert!(desk.portal.move_to_category(id, 1, "C1:NEW"));
    assert!(
        !desk.portal.move_deal(id, "WON"),
        "a stage of another funnel"
    );
    let history = desk
        .get(
            "crm.stagehistory.list",
            json!({"entityTypeId": 2, "order": {"ID": "ASC"}, "filter": {">ID": 1}}),
        )
        .await;
    let seen: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| {
            (
                h["TYPE_ID"].as_u64().unwrap(),
                h["STAGE_ID"].as_str().unwrap(),
                h["CATEGORY_ID"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [(2, "EXECUTING", 0), (3, "WON", 0), (5, "C1:NEW", 1)]);
    let deal = desk.portal.deal(id).unwrap();
    assert_eq!(
        (&deal["MOVED_BY_ID"], &deal["CLOSED"]),
        (&json!("7"), &json!("N"))
    );
    assert_eq!(
        desk.refused(
            "crm.stagehistory.list",
            json!({"entityTypeId": 2, "filter": {"x": 1}})
        )
        .await
        .1,
        "INVALID_ARG_VALUE"
    );
}

#[tokio::test]
async fn a_universal_write_without_effect_saves_nothing() {
    let desk = desk().await;
    let id = desk
        .deal(json!({"TITLE": "x", "OPPORTUNITY": "10.5"}))
        .await;
    assert!(desk.portal.edit_deal(id, &json!({"COMMENTS": "by hand"})));
    let before = desk.portal.deal(id);
    assert_eq!(before.as_ref().unwrap()["MODIFY_BY_ID"], "7");
    let same = json!(
        {
            "entityTypeId": 2, "id": id, "fields": {
                "title": "x", "opportunity": 10.50, "stageId": "NEW"
            }
        }
    );
    desk.get("crm.item.update", same).await;
    assert_eq!(desk.portal.deal(id), before);
    let moved = json!({"entityTypeId": 2, "id": id, "fields": {"categoryId": 1}});
    let item = desk.get("crm.item.update", moved).await;
    assert_eq!(item["item"]["stageId"], "C1:NEW");
    let wrong = json!({"entityTypeId": 2, "id": id, "fields": {"stageId": "WON"}});
    assert_eq!(
        desk.refused("crm.item.update", wrong).await.1,
        "CRM_FIELD_ERROR_VALUE_NOT_VALID"
    );
}

#[tokio::test]
async fn lists_page_by_fifty_and_stop_counting_when_told() {
    let desk = desk().await;
    for chunk in 0..3 {
        let cmd: serde_json::Map<String, Value> = (0..40)
            .map(|n| {
                (
                    format!("d{n:02}"),
                    format!("crm.deal.add?fields[ORIGIN_ID]={}", chunk * 40 + n).into(),
                )
            })
            .collect();
        desk.get("batch", json!({"cmd": cmd})).await;
    }
    let (_, first) = desk
        .ask(
            "crm.deal.list",
            json!({"select": ["ORIGIN_ID"], "order": {"ID": "DESC"}}),
        )
        .await;
    assert_eq!((&first["total"], &first["next"]), (&json!(120), &json!(50)));
    assert_eq!(first["result"][0], json!({"ID": "120", "ORIGIN_ID": "119"}));
    let (_, last) = desk.ask("crm.deal.list", json!({"start": 100})).await;
    assert_eq!(last["result"].as_array().unwrap().len(), 20);
    assert!(last.get("next").is_none());
    let (_, cursor) = desk
        .ask(
            "crm.item.list",
            json!(
                {
                    "entityTypeId": 2, "filter": {">id": 70}, "order": {"id": "ASC"}, "start": -1,
                        "select": ["id"]
                }
            ),
        )
        .await;
    assert_eq!((&cursor["total"], cursor.get("next")), (&json!(0), None));
    assert_eq!(cursor["result"]["items"][0], json!({"id": 71}));
    assert_eq!(cursor["result"]["items"].as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn multifields_of_the_universal_family_go_by_id() {
    let desk = desk().await;
    let fields = json!(
        {
            "name": "Иван", "fm": [
                {"typeId": "PHONE", "value": "1"}, {"typeId": "EMAIL", "value": "a@b.ru"}
            ]
        }
    );
    let item = desk
        .get("crm.item.add", json!({"entityTypeId": 3, "fields": fields}))
        .await["item"]
        .take();
    let phone = item["fm"][0]["id"].to_string();
    let fm =
        json!({phone: {"typeId": "PHONE", "value": ""}, "n0": {"typeId": "PHONE", "value": "2"}});
    let change = json!({"entityTypeId": 3, "id": item["id"], "fields": {"fm": fm}});
    let item = desk.get("crm.item.update", change).await["item"].take();
    let values: Vec<_> = item["fm"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["value"].as_str().unwrap())
        .collect();
    assert_eq!(values, ["a@b.ru", "2"]);
}

#[tokio::test]
async fn requisites_and_addresses_belong_to_each_other() {
    let desk = desk().await;
    let company = desk
        .get("crm.company.add", json!({"fields": {"TITLE": "ООО"}}))
        .await;
    let fields = json!(
        {
            "ENTITY_TYPE_ID": 4, "ENTITY_ID": company, "PRESET_ID": 1, "NAME": "Реквизиты",
                "RQ_INN": "7736050003"
        }
    );
    let id = desk
        .get("crm.requisite.add", json!({"fields": fields}))
        .await;
    let found = desk
        .get(
            "crm.requisite.list",
            json!({"filter": {"RQ_INN": "7736050003", "ENTITY_TYPE_ID": 4}}),
        )
        .await;
    assert_eq!(found[0]["ID"], id.to_string());
    let place =
        json!({"fields": {"TYPE_ID": 1, "ENTITY_TYPE_ID": 8, "ENTITY_ID": id, "CITY": "Тюмень"}});
    assert_eq!(desk.get("crm.address.add", place.clone()).await, true);
    assert_eq!(
        desk.refused("crm.address.add", place).await.2,
        "TypeAddress exists."
    );
}

#[tokio::test]
async fn stages_are_listed_by_their_own_dictionary() {
    let desk = desk().await;
    let stages = desk
        .get(
            "crm.status.list",
            json!({"filter": {"ENTITY_ID": "DEAL_STAGE_1"}}),
        )
        .await;
    assert_eq!(stages[0]["STATUS_ID"], "C1:NEW");
    assert_eq!(stages[5]["SEMANTICS"], "S");
    assert_eq!(stages[7]["EXTRA"]["SEMANTICS"], "apology");
    assert_eq!(
        desk.refused("crm.status.list", json!({"filter": {"ENTITY_ID": ["x"]}}))
            .await
            .0,
        400
    );
    let funnels = desk
        .get("crm.category.list", json!({"entityTypeId": 2}))
        .await;
    assert_eq!(funnels["categories"][0]["isDefault"], "Y");
    assert_eq!(
        desk.refused("crm.category.list", json!({"entityTypeId": 1}))
            .await
            .1,
        "ENTITY_TYPE_NOT_SUPPORTED"
    );
}

#[tokio::test]
async fn robots_write_after_the_save() {
    let desk = desk().await;
    let rules = json!(
        [
            {"stage": "NEW", "fields": {"STAGE_ID": "PREPARATION"}},
            {"trigger": "paid", "fields": {"STAGE_ID": "WON"}}
        ]
    );
    assert_eq!(desk.control("robots", rules).await, 200);
    let id = desk.deal(json!({})).await;
    assert_eq!(desk.portal.deal(id).unwrap()["STAGE_ID"], "PREPARATION");
    desk.get(
        "crm.automation.trigger",
        json!({"target": format!("DEAL_{id}"), "code": "paid"}),
    )
    .await;
    assert_eq!(desk.portal.deal(id).unwrap()["STAGE_ID"], "WON");
}

#[tokio::test]
async fn every_listed_method_answers_something() {
    let desk = desk().await;
    for method in desk.get("methods", json!({})).await.as_array().unwrap() {
        let (_, answer) = desk.ask(method.as_str().unwrap(), json!({})).await;
        assert_ne!(answer["error"], "ERROR_METHOD_NOT_FOUND", "{method}");
    }
}
