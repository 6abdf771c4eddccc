//! Cards that are imported.

use super::{desk, desk_with};
use b24_bridge::sandbox::{Imports, Options, Plan};
use serde_json::{Value, json};

fn batch(data: &Value) -> Value {
    json!({"entityTypeId": 2, "data": data, "useOriginalUfNames": "Y"})
}

#[tokio::test]
async fn what_each_card_came_to_stands_at_its_place_and_no_robot_starts() {
    let desk = desk().await;
    let rules = json!([{"stage": "NEW", "fields": {"STAGE_ID": "PREPARATION"}}]);
    assert_eq!(desk.control("robots", rules).await, 200);
    let data = json!([
        {
            "title": "a", "originId": "1", "NO_SUCH": 1
        } , {
            "title": "b", "currencyId": "XXX"
        } , {
            "title": "c", "stageId": "NEW"
        }
    ]);
    let items = desk.get("crm.item.batchImport", batch(&data)).await["items"].clone();
    assert_eq!(items[0], json!({"item": {"id": 1}}));
    assert_eq!(items[1]["error"], "CRM_FIELD_ERROR_VALUE_NOT_VALID");
    assert_eq!(items[2], json!({"item": {"id": 2}}));
    let deal = desk.portal.deal(1).unwrap();
    assert_eq!(
        (&deal["STAGE_ID"], &deal["ORIGIN_ID"]),
        (&json!("NEW"), &json!("1"))
    );
}

#[tokio::test]
async fn more_than_twenty_and_what_is_no_list_are_refused_as_a_whole() {
    let desk = desk().await;
    let many: Vec<Value> = (0..21).map(|n| json!({"title": n.to_string()})).collect();
    let refused = desk
        .refused("crm.item.batchImport", batch(&json!(many)))
        .await;
    assert_eq!(
        (refused.0, refused.1),
        (400, json!("MAX_IMPORT_BATCH_SIZE_EXCEEDED"))
    );
    for wrong in [json!({"entityTypeId": 2}), batch(&json!("x"))] {
        assert_eq!(desk.refused("crm.item.batchImport", wrong).await.1, 100);
    }
    assert!(desk.portal.deals().is_empty());
}

#[tokio::test]
async fn dates_may_be_brought_if_they_grow_and_fit_each_other() {
    let desk = desk().await;
    let old = |created: &str, updated: &str, moved: &str| {
        json!(
            [{"createdTime": created, "updatedTime": updated, "movedTime": moved}]
        )
    };
    let import = async |data: Value| {
        desk.get("crm.item.batchImport", batch(&data)).await["items"][0].clone()
    };
    let fine = old(
        "2024-01-10T10:00:00+03:00",
        "2024-01-12T10:00:00+03:00",
        "2024-01-11T10:00:00+03:00",
    );
    assert_eq!(import(fine).await["item"]["id"], 1);
    let deal = desk.portal.deal(1).unwrap();
    assert!(
        deal["DATE_CREATE"]
            .as_str()
            .unwrap()
            .starts_with("2024-01-10")
    );
    assert!(
        deal["MOVED_TIME"]
            .as_str()
            .unwrap()
            .starts_with("2024-01-11")
    );
    for wrong in [
        old(
            "2024-01-09T10:00:00+03:00",
            "2024-01-12T10:00:00+03:00",
            "2024-01-11T10:00:00+03:00",
        ),
        old(
            "2024-02-10T10:00:00+03:00",
            "2024-02-09T10:00:00+03:00",
            "2024-02-10T10:00:00+03:00",
        ),
        old(
            "2024-02-10T10:00:00+03:00",
            "2024-02-12T10:00:00+03:00",
            "2024-02-13T10:00:00+03:00",
        ),
        old(
            "2999-02-10T10:00:00+03:00",
            "2999-02-12T10:00:00+03:00",
            "2999-02-11T10:00:00+03:00",
        ),
    ] {
        assert_eq!(
            import(wrong).await["error"],
            "CRM_FIELD_ERROR_VALUE_NOT_VALID"
        );
    }
}

#[tokio::test]
async fn a_portal_may_end_an_import_at_its_first_fault_and_keep_what_came_before() {
    let options = Options {
        imports: Imports::StopAtFault,
        ..Options::default().plan(Plan::Unlimited)
    };
    let desk = desk_with(options).await;
    let data = json!([{"title": "a"}, {"title": "b", "currencyId": "XXX"}, {"title": "c"}]);
    let refused = desk.refused("crm.item.batchImport", batch(&data)).await;
    assert_eq!(refused.1, "CRM_FIELD_ERROR_VALUE_NOT_VALID");
    assert_eq!(desk.portal.deals().len(), 1);
}

#[tokio::test]
async fn importing_takes_a_right_of_its_own_and_time_for_each_card() {
    let options = Options {
        imports: Imports::Denied,
        ..Options::default().plan(Plan::Unlimited)
    };
    let denied = desk_with(options).await;
    let data = json!([{"title": "a"}, {"title": "b"}]);
    let refused = denied.refused("crm.item.batchImport", batch(&data)).await;
    assert_eq!((refused.0, refused.1), (400, json!("ACCESS_DENIED")));
    denied
        .deal(json!({"TITLE": "adding is another right"}))
        .await;
    let options = Options::default()
        .plan(Plan::Unlimited)
        .cost("crm.item.batchImport", 1.5);
    let desk = desk_with(options).await;
    let (_, answer) = desk.ask("crm.item.batchImport", batch(&data)).await;
    assert_eq!(answer["time"]["operating"], 3.0);
}
