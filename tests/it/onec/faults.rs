//! What breaks exchanges in practice, as people who run them tell it: each by its symptom.

use super::{
    facts::{messages, sends},
    statuses::{base_of, letters, says, with_base},
    world::{World as Site, order},
};
use crate::two_way::world::{Plot, World};

/// A login's session in this version.
async fn opened(site: &Site, version: &str) -> String {
    let (status, said) = site.raw("exchange", "type=sale&mode=checkauth").await;
    assert_eq!(status, 200);
    let sessid = said.lines().nth(3).unwrap().to_owned();
    let init = format!("type=sale&mode=init&version={version}&{sessid}");
    let (_, said) = site.raw("exchange", &init).await;
    assert!(said.starts_with("zip="), "{said}");
    sessid
}

#[tokio::test]
async fn nothing_to_send_is_a_root_without_children_and_never_an_empty_answer() {
    for encoding in ["windows-1251", "utf-8", "utf-8-bom"] {
        let site = Site::with(&format!("encoding = \"{encoding}\""), "").await;
        for version in ["2.05", "2.09", "3.1"] {
            let sessid = opened(&site, version).await;
            let query = format!("type=sale&mode=query&{sessid}");
            let (status, said) = site.raw("exchange", &query).await;
            assert_eq!(status, 200);
            let plain = said.trim_start_matches('\u{feff}');
            let declared = encoding.trim_end_matches("-bom");
            let start = format!("<?xml version=\"1.0\" encoding=\"{declared}\"?>");
            let is_declared = plain.to_lowercase().starts_with(&start);
            assert!(is_declared, "{encoding} {version}: {said}");
            assert!(!plain.contains("<Документ"), "{encoding} {version}: {said}");
        }
    }
}

#[tokio::test]
async fn an_answer_begins_with_its_word_and_nothing_stands_before_it() {
    let site = Site::new().await;
    let sessid = opened(&site, "2.09").await;
    for (query, word) in [
        ("type=sale&mode=checkauth", "success"),
        ("type=sale&mode=success", "success"),
        ("type=sale&mode=import&filename=no.xml", "failure"),
        ("type=sale&mode=nothing", "failure"),
        ("type=nothing&mode=init", "failure"),
    ] {
        let (status, said) = site.raw("exchange", &format!("{query}&{sessid}")).await;
        assert_eq!(status, 200, "{query}");
        assert_eq!(said.lines().next(), Some(word), "{query}: {said}");
        assert!(!said.contains('<'), "{query}: {said}");
    }
}

#[tokio::test]
async fn whether_vat_is_in_the_sums_stands_in_the_taxes_of_the_document_by_its_right_name() {
    let site = Site::new().await;
    site.save(order("A-1", 1)).await;
    let sessid = opened(&site, "2.09").await;
    let query = format!("type=sale&mode=query&{sessid}");
    let (_, said) = site.raw("exchange", &query).await;
    let goods = said.find("<Товары>").unwrap();
    let taxes = said.find("<Налоги>").unwrap();
    assert!(taxes < goods, "{said}");
    assert!(
        said[taxes..goods].contains("<УчтеноВСумме>true</УчтеноВСумме>"),
        "{said}"
    );
    assert!(!said.contains("УчтенВСумме"), "{said}");
}

#[tokio::test]
async fn an_order_does_not_go_back_by_a_status_of_1cs() {
    let world = World::new(with_base("")).await;
    world.ordered("A-1").await;
    world.shop.set("A-1", "F");
    world.in_sync("A-1").await;
    let mut base = base_of(&world);
    world
        .until("1C has it delivered", async || {
            base.fetch_orders().await.unwrap();
            let order = base.order("A-1").unwrap();
            order.requisites["Статуса заказа ИД"] == "F"
        })
        .await;
    assert_eq!(says(&mut base, "A-1", "A").await, ["success"]);
    world
        .until("1C is sent it again", async || {
            base.fetch_orders().await.unwrap();
            base.order("A-1").unwrap().requisites["Статуса заказа ИД"] == "F"
        })
        .await;
    assert_eq!(world.shop.status("A-1"), "F");
    assert_eq!(world.stage("A-1"), "WON");
    let life = world.life("A-1").await.join("\n");
    assert!(life.contains("which 1C may not take back"), "{life}");
    assert!(letters(&world).await.is_empty());
}

#[tokio::test]
async fn a_kopeck_that_1c_rounds_otherwise_is_no_change_of_the_order() {
    let world = World::new(Plot {
        callback: false,
        ..with_base("")
    })
    .await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    let document = |version: &str, sum: &str| {
        format!(
            "<Документ><Ид>A-1</Ид><НомерВерсии>{version}</НомерВерсии><Номер>A-1</Номер>\
             <ХозОперация>Заказ товара</ХозОперация><Валюта>руб.</Валюта><Сумма>{sum}</Сумма>\
             <Товары><Товар><Ид>g</Ид><Наименование>Чай</Наименование><Цена>{sum}</Цена>\
             <Количество>1</Количество><Сумма>{sum}</Сумма></Товар></Товары></Документ>"
        )
    };
    for (version, sum, told) in [("v1", "100,01", 0), ("v2", "99.99", 0), ("v3", "100,02", 1)] {
        assert_eq!(
            sends(&mut base, &[document(version, sum)]).await,
            ["success"]
        );
        assert_eq!(messages(&world).await.len(), told, "{sum}");
    }
}
