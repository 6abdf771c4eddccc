//! What breaks exchanges in practice, as people who run them tell it: each by its symptom.

use super::{
    facts::{messages, sends},
    statuses::{base_of, letters, says, with_base},
    world::{World as Site, order},
};
use crate::two_way::world::{Plot, World};
use encoding_rs::WINDOWS_1251;

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

#[tokio::test]
async fn a_login_that_a_server_in_front_took_away_is_told_as_missing_and_not_as_wrong() {
    let site = Site::new().await;
    let url = format!("{}/exchange/1c/trade?type=sale&mode=query", site.site.url);
    let bare = site.client.get(&url).send().await.unwrap();
    let bare = bare.text().await.unwrap();
    assert!(bare.contains("заголовок Authorization не пришёл"), "{bare}");
    let bearer = site.client.get(&url).bearer_auth("x").send().await.unwrap();
    let bearer = bearer.text().await.unwrap();
    assert!(bearer.contains("пришёл не в виде Basic"), "{bearer}");
}

#[tokio::test]
async fn orders_are_in_the_encoding_that_their_declaration_and_the_header_name() {
    for (encoding, charset, mark) in [
        ("windows-1251", "windows-1251", &b""[..]),
        ("utf-8", "utf-8", &b""[..]),
        ("utf-8-bom", "utf-8", &b"\xEF\xBB\xBF"[..]),
    ] {
        let site = Site::with(&format!("encoding = \"{encoding}\""), "").await;
        site.save(order("A-1", 1)).await;
        let sessid = opened(&site, "2.09").await;
        let url = format!(
            "{}/exchange/1c/trade?type=sale&mode=query&{sessid}",
            site.site.url
        );
        let answer = site.client.get(url).send().await.unwrap();
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_lowercase();
        assert_eq!(kind, format!("application/xml; charset={charset}"));
        let bytes = answer.bytes().await.unwrap();
        let text = bytes.strip_prefix(mark).unwrap();
        let declared = format!("<?xml version=\"1.0\" encoding=\"{charset}\"?>");
        let start = text[..declared.len()].to_ascii_lowercase();
        assert_eq!(start, declared.as_bytes(), "{encoding}");
        let word = if charset == "utf-8" {
            "Документ".as_bytes().to_vec()
        } else {
            WINDOWS_1251.encode("Документ").0.into_owned()
        };
        assert!(
            text.windows(word.len()).any(|part| part == word),
            "{encoding}"
        );
    }
}

#[tokio::test]
async fn a_query_that_is_repeated_in_one_session_comes_to_its_end() {
    for version in ["2.08", "2.09", "2.10", "3.1"] {
        let site = Site::new().await;
        for nth in 1..=3 {
            site.save(order(&format!("A-{nth}"), 1)).await;
        }
        let sessid = opened(&site, version).await;
        let query = format!("type=sale&mode=query&{sessid}");
        let (_, first) = site.raw("exchange", &query).await;
        let orders = first.matches("<ХозОперация>Заказ товара<").count();
        assert_eq!(orders, 3, "{version}: {first}");
        // It changes meanwhile: that is the next session's.
        site.save(order("A-1", 2)).await;
        for _ in 0..3 {
            let (_, again) = site.raw("exchange", &query).await;
            assert!(!again.contains("<Документ"), "{version}: {again}");
        }
    }
}

#[tokio::test]
async fn a_status_goes_as_the_requisites_by_which_1c_finds_it_and_as_no_element_of_its_own() {
    let site = Site::new().await;
    site.save(order("A-1", 1)).await;
    for version in ["2.05", "2.09", "3.1"] {
        let sessid = opened(&site, version).await;
        let (_, said) = site
            .raw("exchange", &format!("type=sale&mode=query&{sessid}"))
            .await;
        for part in [
            "<Наименование>Статус заказа</Наименование>\n<Значение>[N] Принят</Значение>",
            "<Наименование>Статуса заказа ИД</Наименование>\n<Значение>N</Значение>",
        ] {
            assert!(said.contains(part), "{version}: {said}");
        }
        assert!(!said.contains("<Статус>"), "{version}: {said}");
    }
}

#[tokio::test]
async fn a_product_that_nobody_knows_is_no_refusal_of_its_document_and_is_told_by_its_name() {
    let world = World::new(Plot {
        callback: false,
        ..with_base("")
    })
    .await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    // Managers add services in 1C that no catalogue has.
    let document = "<Документ><Ид>A-1</Ид><НомерВерсии>v1</НомерВерсии><Номер>A-1</Номер>\
        <ХозОперация>Заказ товара</ХозОперация><Валюта>RUB</Валюта><Сумма>150</Сумма><Товары>\
        <Товар><Ид>g</Ид><Наименование>Чай</Наименование><Цена>100</Цена><Количество>1</Количество>\
        <Сумма>100</Сумма></Товар>\
        <Товар><Ид>nobody</Ид><Наименование>Подъём</Наименование><Цена>50</Цена>\
        <Количество>1</Количество><Сумма>50</Сумма></Товар></Товары></Документ>";
    let said = sends(&mut base, &[document.to_owned()]).await;
    assert_eq!(said, ["success"]);
    let told = messages(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let items = &told[0]["data"]["snapshot"]["items"];
    assert_eq!(items[1]["name"], "Подъём", "{told:?}");
    let life = world.life("A-1").await.join("\n");
    let line = "1C has other contents: added: Подъём (1 at 50); total 100 → 150; the shop is told";
    assert!(life.contains(line), "{life}");
    assert_eq!(letters(&world).await, Vec::<serde_json::Value>::new());
}
