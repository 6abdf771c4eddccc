//! The catalogue: what is found, what is kept, what vanishes, and who may do what.

use b24_bridge::sandbox::{CatalogRights, Options, Plan};
use serde_json::{Value, json};

use super::{Desk, desk, desk_with};

impl Desk {
    /// The information blocks of products and of variations.
    async fn blocks(&self) -> (Value, Value) {
        let result = self.get("catalog.catalog.list", json!({})).await;
        let rows = result["catalogs"].as_array().unwrap();
        let offers = rows.iter().find(|row| !row["productIblockId"].is_null());
        let offers = offers.unwrap();
        (
            offers["productIblockId"].clone(),
            offers["iblockId"].clone(),
        )
    }

    async fn product(&self, mut fields: Value) -> Value {
        fields["iblockId"] = self.blocks().await.0;
        let made = self
            .get("catalog.product.add", json!({ "fields": fields }))
            .await;
        made["element"].clone()
    }
}

#[tokio::test]
async fn a_product_without_an_external_code_gets_its_own_number_for_one() {
    let desk = desk().await;
    for fields in [
        json!({"name": "Чайник"}),
        json!({"name": "Чайник", "xmlId": ""}),
    ] {
        let made = desk.product(fields).await;
        assert_eq!(made["xmlId"], made["id"].to_string(), "{made}");
    }
    let made = desk
        .product(json!({"name": "Чайник", "xmlId": "main:7"}))
        .await;
    assert_eq!(
        (&made["xmlId"], &made["type"]),
        (&json!("main:7"), &json!(1))
    );
    assert_eq!(made["vatIncluded"], "N", "not included unless it is said");
    assert!(made.get("price").is_none());
}

#[tokio::test]
async fn a_list_wants_its_block_and_knows_no_at_sign() {
    let desk = desk().await;
    let made = desk
        .product(json!({"name": "Чайник", "xmlId": "007"}))
        .await;
    desk.product(json!({"name": "Чашка", "xmlId": "7"})).await;
    let block = made["iblockId"].clone();
    let ask = |filter: Value, select: Value| {
        json!(
            {"filter": filter, "select": select, "order": {"id": "ASC"}}
        )
    };
    let ids = json!(["id", "iblockId", "xmlId"]);
    for wrong in [
        ask(json!({"xmlId": "7"}), ids.clone()),
        ask(json!({"iblockId": block, "xmlId": "7"}), json!(["id"])),
        ask(json!({"iblockId": block, "@xmlId": ["7"]}), ids.clone()),
    ] {
        let refused = desk.refused("catalog.product.list", wrong.clone()).await;
        assert_eq!((refused.0, refused.1), (400, json!(0)), "{wrong}");
    }
    let both = ask(json!({"iblockId": block, "xmlId": ["007", "8"]}), ids);
    let found = desk.get("catalog.product.list", both).await;
    assert_eq!(
        found["products"],
        json!([{"id": made["id"], "iblockId": block, "xmlId": "007"}]),
        "a code is text: 7 is another product"
    );
}

#[tokio::test]
async fn a_symbolic_code_is_taken_only_once() {
    let desk = desk().await;
    let first = desk
        .product(json!({"name": "Чайник", "code": "kettle"}))
        .await;
    let second = desk.product(json!({"name": "Чашка"})).await;
    let again = json!({"iblockId": first["iblockId"], "name": "Чайник", "code": "kettle"});
    let refused = desk
        .refused("catalog.product.add", json!({"fields": again}))
        .await;
    assert_eq!((refused.0, refused.1), (400, json!(0)));
    let taken = json!({"id": second["id"], "fields": {"code": "kettle"}});
    assert_eq!(desk.refused("catalog.product.update", taken).await.1, 0);
    let own = json!({"id": first["id"], "fields": {"code": "kettle", "name": "Новый"}});
    let made = desk.get("catalog.product.update", own).await;
    assert_eq!(made["element"]["name"], "Новый");
}

#[tokio::test]
async fn variations_hang_on_a_parent_that_is_not_sold() {
    let desk = desk().await;
    let (products, offers) = desk.blocks().await;
    let parent = json!({"iblockId": products, "name": "Футболка", "vatId": 4, "quantity": 5});
    let parent = desk
        .get("catalog.product.sku.add", json!({"fields": parent}))
        .await;
    let parent = &parent["sku"];
    assert_eq!(parent["type"], 3);
    assert_eq!(
        (&parent["vatId"], &parent["quantity"]),
        (&Value::Null, &Value::Null)
    );
    let offer = json!({"iblockId": offers, "name": "Футболка S", "parentId": parent["id"]});
    let offer = desk
        .get("catalog.product.offer.add", json!({"fields": offer}))
        .await;
    let offer = &offer["offer"];
    assert_eq!(
        (&offer["type"], &offer["parentId"]["value"]),
        (&json!(4), &json!(parent["id"].to_string()))
    );
    let orphan = json!({"fields": {"iblockId": offers, "name": "Футболка M"}});
    let orphan = desk.get("catalog.product.offer.add", orphan).await;
    assert_eq!(orphan["offer"]["type"], 5);
    let wrong = json!({"fields": {"iblockId": products, "name": "Футболка L"}});
    let refused = desk.refused("catalog.product.offer.add", wrong).await;
    assert_eq!(refused.1, 200_040_300_000_u64);
    // Each group lists its own kind only.
    let ask = json!({"filter": {"iblockId": products}, "select": ["id", "iblockId"]});
    let listed = desk.get("catalog.product.list", ask.clone()).await;
    assert_eq!(listed["products"], json!([]));
    let listed = desk.get("catalog.product.sku.list", ask).await;
    assert_eq!(listed["units"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn one_price_of_a_kind_and_modify_deletes_what_it_is_not_told_of() {
    let desk = desk().await;
    let product = desk.product(json!({"name": "Чайник"})).await["id"].clone();
    let price = |kind: u64, sum: &str| {
        json!({"fields": {
            "productId": product, "catalogGroupId": kind, "price": sum, "currency": "RUB"
        }})
    };
    let base = desk.get("catalog.price.add", price(1, "100.50")).await;
    assert_eq!(base["price"]["price"], 100.5);
    desk.get("catalog.price.add", price(3, "90")).await;
    assert_eq!(desk.refused("catalog.price.add", price(1, "1")).await.1, 0);
    assert_eq!(desk.refused("catalog.price.add", price(9, "1")).await.1, 0);
    let id = base["price"]["id"].clone();
    let same = json!({"id": id, "fields": {"price": 101, "currency": "RUB"}});
    let updated = desk.get("catalog.price.update", same).await;
    assert_eq!(
        (&updated["price"]["id"], &updated["price"]["price"]),
        (&id, &json!(101))
    );
    let one = json!({"id": id, "catalogGroupId": 1, "price": 99, "currency": "RUB"});
    let modify = json!({"fields": {"product": {"id": product, "prices": [one]}}});
    desk.get("catalog.price.modify", modify).await;
    let left = desk
        .get(
            "catalog.price.list",
            json!({"filter": {"@productId": [product]}}),
        )
        .await;
    let left = left["prices"].as_array().unwrap();
    assert_eq!(left.len(), 1, "the wholesale price was not named: {left:?}");
    assert_eq!((&left[0]["id"], &left[0]["price"]), (&id, &json!(99)));
}

#[tokio::test]
async fn a_value_that_is_not_named_by_its_id_is_replaced() {
    let desk = desk().await;
    let block = desk.blocks().await.0;
    let property = |name: &str, multiple: &str| {
        json!(
            {"fields": {"iblockId": block, "name": name, "propertyType": "S", "multiple": multiple}}
        )
    };
    let one = desk
        .get("catalog.productProperty.add", property("Артикул", "N"))
        .await;
    let many = desk
        .get("catalog.productProperty.add", property("Цвета", "Y"))
        .await;
    let one = format!("property{}", one["productProperty"]["id"]);
    let many = format!("property{}", many["productProperty"]["id"]);
    let made = desk
        .product(json!({"name": "Чайник", &one: "A-1", &many: ["red", {"value": "blue"}]}))
        .await;
    assert_eq!(made[&one]["value"], "A-1");
    let (red, blue) = (&made[&many][0], &made[&many][1]);
    assert_eq!(
        (&red["value"], &blue["value"]),
        (&json!("red"), &json!("blue"))
    );
    let keep = json!({"value": "crimson", "valueId": red["valueId"]});
    let write = json!({"id": made["id"], "fields": {&one: "A-2", &many: [keep, "green"]}});
    let after = desk.get("catalog.product.update", write).await["element"].clone();
    assert_ne!(after[&one]["valueId"], made[&one]["valueId"]);
    let values: Vec<&Value> = after[&many]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["value"])
        .collect();
    assert_eq!(values, ["crimson", "green"]);
    assert_eq!(after[&many][0]["valueId"], red["valueId"]);
}

#[tokio::test]
async fn stock_is_written_only_without_inventory_management() {
    let desk = desk().await;
    let product = desk
        .product(json!({"name": "Чайник", "quantity": "5.5"}))
        .await;
    assert_eq!(product["quantity"], 5.5);
    assert_eq!(
        desk.get("catalog.document.mode.status", json!({})).await,
        "N"
    );
    assert_eq!(
        desk.control("switch", json!({"inventory": true})).await,
        200
    );
    assert_eq!(
        desk.get("catalog.document.mode.status", json!({})).await,
        "Y"
    );
    let write = json!({"id": product["id"], "fields": {"quantity": 9, "name": "Чашка"}});
    let after = desk.get("catalog.product.update", write).await;
    assert_eq!(
        (&after["element"]["quantity"], &after["element"]["name"]),
        (&json!(5.5), &json!("Чашка"))
    );
}

#[tokio::test]
async fn sections_are_a_tree_with_codes_of_their_own() {
    let desk = desk().await;
    let block = desk.blocks().await.0;
    let section = |fields: Value| {
        let mut fields = fields;
        fields["iblockId"] = block.clone();
        json!({ "fields": fields })
    };
    let top = section(json!({"name": "Посуда", "xmlId": "main:dishes", "code": "dishes"}));
    let top = desk.get("catalog.section.add", top).await["section"].clone();
    let inner = section(json!({"name": "Чайники", "iblockSectionId": top["id"]}));
    let inner = desk.get("catalog.section.add", inner).await["section"].clone();
    assert_eq!(inner["iblockSectionId"], top["id"]);
    let taken = section(json!({"name": "Другая", "code": "dishes"}));
    assert_eq!(
        desk.refused("catalog.section.add", taken).await.1,
        200_700_300_040_u64
    );
    assert_eq!(desk.refused("catalog.section.list", json!({})).await.1, 0);
    let ask = json!({"filter": {"iblockId": block, "@xmlId": ["main:dishes"]}});
    let found = desk.get("catalog.section.list", ask).await;
    assert_eq!(found["sections"][0]["id"], top["id"]);
    let lost = json!({"iblockId": block, "name": "Чайник", "iblockSectionId": 1});
    assert_eq!(
        desk.refused("catalog.product.add", json!({"fields": lost}))
            .await
            .1,
        0
    );
}

#[tokio::test]
async fn who_may_only_look_changes_nothing() {
    let rights = |catalog_rights| Options {
        catalog_rights,
        ..Options::default().plan(Plan::Unlimited)
    };
    let desk = desk_with(rights(CatalogRights::View)).await;
    let list = json!({"filter": {"iblockId": 14}, "select": ["id", "iblockId"]});
    desk.get("catalog.product.list", list.clone()).await;
    for (method, code) in [
        ("catalog.product.add", 200_040_300_043_u64),
        ("catalog.product.get", 200_040_300_043),
        ("catalog.price.add", 200_040_300_020),
        ("catalog.catalog.list", 200_040_300_010),
        ("catalog.vat.list", 200_040_300_010),
        ("catalog.store.list", 200_040_300_010),
    ] {
        let refused = desk.refused(method, json!({"fields": {"name": "x"}})).await;
        assert_eq!((refused.0, refused.1), (400, json!(code)), "{method}");
    }
    assert_eq!(desk.get("profile", json!({})).await["ADMIN"], false);
    let desk = desk_with(rights(CatalogRights::None)).await;
    assert_eq!(
        desk.refused("catalog.product.list", list).await.1,
        200_040_300_043_u64
    );
}

#[tokio::test]
async fn stores_rates_units_and_kinds_of_price_are_listed() {
    let desk = desk().await;
    assert_eq!(
        desk.refused("catalog.store.add", json!({"fields": {"title": "x"}}))
            .await
            .1,
        0
    );
    let store =
        json!({"fields": {"title": "Тверская", "address": "Тверская, 1", "issuingCenter": "Y"}});
    let store = desk.get("catalog.store.add", store).await["store"].clone();
    let listed = desk
        .get(
            "catalog.store.list",
            json!({"filter": {"issuingCenter": "Y"}}),
        )
        .await;
    assert!(listed["stores"].as_array().unwrap().contains(&store));
    let rates = desk
        .get("catalog.vat.list", json!({"filter": {"rate": 20}}))
        .await;
    assert_eq!(rates["vats"].as_array().unwrap().len(), 1);
    let kinds = desk
        .get("catalog.priceType.list", json!({"filter": {"base": "Y"}}))
        .await;
    assert_eq!(kinds["priceTypes"].as_array().unwrap().len(), 1);
    let units = desk.get("catalog.measure.list", json!({})).await;
    assert!(
        units["measures"]
            .as_array()
            .unwrap()
            .iter()
            .any(|unit| unit["code"] == 796)
    );
}

#[tokio::test]
async fn a_picture_sent_again_is_another_and_what_is_no_base64_is_a_broken_file() {
    let desk = desk().await;
    let product = desk.product(json!({"name": "Чайник"})).await["id"].clone();
    let send = |name: &str, content: &str| {
        json!({
            "fields": {"productId": product}, "fileContent": [name, content]
        })
    };
    let first = desk
        .get("catalog.productImage.add", send("a.png", "iVBORw0KGgo="))
        .await;
    let first = &first["productImage"];
    assert_eq!(
        (&first["type"], &first["name"]),
        (&json!("MORE_PHOTO"), &json!("a.png"))
    );
    desk.get("catalog.productImage.add", send("a.png", "iVBORw0KGgo="))
        .await;
    desk.get(
        "catalog.productImage.add",
        send("b.png", "data:image/png;base64,iVBOR"),
    )
    .await;
    let of = json!({"productId": product, "select": ["id", "name"]});
    let listed = desk.get("catalog.productImage.list", of).await;
    let names: Vec<&Value> = listed["productImages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["name"])
        .collect();
    assert_eq!(names, ["a.png", "a.png", "b.png"]);
    assert!(listed["productImages"][0].get("downloadUrl").is_none());
    let files: Vec<Vec<u8>> = desk
        .portal
        .pictures()
        .into_iter()
        .map(|(_, file)| file)
        .collect();
    assert_eq!(files[0], b"\x89PNG\r\n\x1a\n");
    assert!(files[2].starts_with(b"data:image"), "stored as it came");
    let own = json!({"productId": product, "id": first["id"]});
    assert_eq!(
        desk.get("catalog.productImage.get", own.clone()).await["productImage"]["id"],
        first["id"]
    );
    assert_eq!(
        desk.get("catalog.productImage.delete", own.clone()).await,
        json!(true)
    );
    assert_eq!(
        desk.refused("catalog.productImage.delete", own).await.1,
        json!(0)
    );
    for wrong in [
        send("", "AA=="),
        send("a.txt", "AA=="),
        send("a/b.png", "AA=="),
        send("a.png", ""),
    ] {
        let refused = desk
            .refused("catalog.productImage.add", wrong.clone())
            .await;
        assert_eq!((refused.0, refused.1), (400, json!(0)), "{wrong}");
    }
    let mut nobodys = send("a.png", "AA==");
    nobodys["fields"]["productId"] = json!(999_999);
    desk.refused("catalog.productImage.add", nobodys).await;
    // In a batch no file is taken.
    let file = "fileContent[0]=a.png&fileContent[1]=AA==";
    let add = format!("catalog.productImage.add?fields[productId]={product}&{file}");
    let cmd = json!({ "add": add });
    let batch = desk.get("batch", json!({ "cmd": cmd })).await;
    assert!(batch["result_error"]["add"].is_object(), "{batch}");
    assert_eq!(desk.portal.pictures().len(), 2);
}

#[tokio::test]
async fn only_an_administrator_has_to_do_with_pictures() {
    let desk = desk_with(Options {
        catalog_rights: CatalogRights::Prices,
        ..Options::default()
    })
    .await;
    let of = json!({"productId": 1, "id": 1, "fields": {"productId": 1},
                    "fileContent": ["a.png", "AA=="]});
    for (action, code) in [
        ("add", 200_040_300_020_i64),
        ("delete", 200_040_300_020),
        ("get", 200_040_300_010),
        ("list", 200_040_300_010),
    ] {
        let refused = desk
            .refused(&format!("catalog.productImage.{action}"), of.clone())
            .await;
        assert_eq!((refused.0, refused.1), (400, json!(code)), "{action}");
    }
}
