//! Files of older bases, and pieces that end where nobody expects it.

use super::{END, hold, package};
use crate::onec::world::World;
use chrono::{DateTime, TimeDelta, Utc};
use encoding_rs::WINDOWS_1251;

#[expect(clippy::disallowed_methods, reason = "1C's own clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

const BEGINS: &str = "<КоммерческаяИнформация ВерсияСхемы=\"2.04\">";
const ENDS: &str = "</КоммерческаяИнформация>";
const COUNTED: &str = r#"
[stock.main]
shops = ["main"]
master = "onec"
[[stock.main.stores]]
name = "a"
"#;

/// An order in the short old form, cut behind an element without contents.
fn order(number: &str) -> (String, String) {
    let first = format!("{BEGINS}<Документ><Ид>{number}</Ид><Комментарий/>\r\n\t\t");
    let rest = format!(
        "<Номер>{number}</Номер><ХозОперация>Заказ товара</ХозОперация></Документ>{ENDS}\r\n"
    );
    (first, rest)
}

fn names(said: &[String], number: &str) -> bool {
    let line = format!("{number}: ONEC-UNKNOWN");
    said[0] == "success" && said.iter().any(|said| said.starts_with(&line))
}

#[tokio::test]
async fn in_the_old_protocol_a_file_is_taken_in_when_it_is_whole_wherever_its_pieces_end() {
    let world = World::new().await;
    let mut base = world.base();
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    // One file after the other under one name, neither declared: each stands for itself.
    for number in ["142", "143"] {
        let (first, rest) = order(number);
        let [first, rest] = [first, rest].map(|text| WINDOWS_1251.encode(&text).0.into_owned());
        let said = base.send_piece("sale", "orders.xml", &first).await.unwrap();
        assert_eq!(said, ["success"]);
        let said = base.send_piece("sale", "orders.xml", &rest).await.unwrap();
        assert!(names(&said, number), "{said:?}");
    }
}

#[tokio::test]
async fn in_the_old_protocol_long_work_is_no_progress_but_done() {
    let world = World::with("step_seconds = 1", "").await;
    let mut base = world.base();
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    // The first document takes longer than a step may, on whatever machine.
    let held = hold(&world, "bridge.onec_documents").await;
    let documents = "<Документ><Номер>141</Номер></Документ>";
    let (first, rest) = order("142");
    let file = format!("{first}{rest}").replace("<Документ>", &format!("{documents}<Документ>"));
    let said = base.send("sale", "orders.xml", file.as_bytes()).await;
    let said = said.unwrap();
    held.await.unwrap();
    assert!(names(&said, "141") && names(&said, "142"), "{said:?}");
}

#[tokio::test]
async fn of_two_files_of_one_day_the_second_counts_and_no_file_is_of_a_later_hour_than_it_came() {
    let world = World::with("", COUNTED).await;
    let mut base = world.base();
    base.sign_in("catalog").await.unwrap();
    base.init("catalog").await.unwrap();
    let stock = &world.site.app.stock;
    let of = stock.stocks()[0].clone();
    let on_hand = async || {
        stock.take_counts_of_onec(&of).await.unwrap();
        stock.apply_counts("main").await.unwrap();
        let levels = stock.levels_of("main", "p0").await.unwrap();
        levels[0].on_hand.clone()
    };
    let moscow = now() + TimeDelta::hours(3);
    let day = moscow.format("%Y-%m-%d").to_string();
    // The base's clock is four hours ahead, until somebody puts it right.
    let ahead = (moscow + TimeDelta::hours(4)).format("%Y-%m-%dT%H:%M:%S");
    for (nth, formed) in [day.clone(), day, ahead.to_string()].iter().enumerate() {
        let text = String::from_utf8(package(formed, 1, 7, END)).unwrap();
        let quantity = format!("<Количество>{}</Количество>", 5 - nth);
        let text = text.replace("<Количество>5</Количество>", &quantity);
        let name = format!("offers{nth}.xml");
        base.send("catalog", &name, text.as_bytes()).await.unwrap();
        let (_, said) = base.import("catalog", &name).await.unwrap();
        assert_eq!(said, ["success"]);
        assert_eq!(on_hand().await, (5 - nth).to_string(), "{formed}");
    }
    // It is right again, to some seconds.
    let formed = (moscow + TimeDelta::minutes(1)).format("%Y-%m-%dT%H:%M:%S");
    let text = package(&formed.to_string(), 1, 7, END);
    base.send("catalog", "offers.xml", &text).await.unwrap();
    let (_, said) = base.import("catalog", "offers.xml").await.unwrap();
    assert_eq!(said, ["success"]);
    assert_eq!(
        on_hand().await,
        "5",
        "no file of the hours ahead stands before it"
    );
}

#[tokio::test]
async fn a_file_that_holds_the_catalogue_and_its_offers_says_what_two_files_would() {
    let world = World::new().await;
    let base = world.catalogue().await;
    let file = format!(
        "{BEGINS}<Каталог><Ид>c</Ид><Товары><Товар><Ид>p</Ид><Артикул>A-1</Артикул><Наименование>\
         Чай</Наименование></Товар></Товары></Каталог><ПакетПредложений><Предложения><Предложение>\
         <Ид>p</Ид><Штрихкод>4600000000017</Штрихкод><Количество>3</Количество></Предложение>\
         </Предложения></ПакетПредложений>{ENDS}"
    );
    base.send("catalog", "all.xml", file.as_bytes())
        .await
        .unwrap();
    let (_, said) = base.import("catalog", "all.xml").await.unwrap();
    assert_eq!(said, ["success"]);
    let whole = "SELECT count(*) FROM bridge.onec_products WHERE (name, sku, barcodes)
                     = ('Чай', 'A-1', ARRAY['4600000000017']) AND variant IS NOT NULL";
    assert_eq!(world.count(whole).await, 1);
}

#[tokio::test]
async fn what_a_full_exchange_does_not_speak_of_is_sold_out_until_a_file_counts_it_again() {
    let world = World::with("", COUNTED).await;
    let stock = &world.site.app.stock;
    let of = stock.stocks()[0].clone();
    let on_hand = async || {
        stock.take_counts_of_onec(&of).await.unwrap();
        stock.apply_counts("main").await.unwrap();
        let mut all = Vec::new();
        for product in ["p0", "p2"] {
            let levels = stock.levels_of("main", product).await.unwrap();
            all.push(levels[0].on_hand.clone());
        }
        all
    };
    let take = async |formed: &str, many: usize| {
        let base = world.catalogue().await;
        let file = package(formed, many, 7, END);
        base.send("catalog", "offers.xml", &file).await.unwrap();
        let (_, said) = base.import("catalog", "offers.xml").await.unwrap();
        assert_eq!(said, ["success"]);
        base
    };
    take("2026-11-20T10:00:00", 3).await;
    assert_eq!(on_hand().await, ["5", "5"]);
    // The clock of sessions counts in seconds.
    sqlx::query("UPDATE bridge.onec_products SET touched_at = now() - interval '1 hour'")
        .execute(&world.db.pool)
        .await
        .unwrap();
    let base = take("2026-11-21T10:00:00", 1).await;
    assert_eq!(on_hand().await, ["5", "5"], "a file alone leaves it out");
    let said = base.ask("catalog", "deactivate", &[]).await.unwrap();
    assert_eq!(said, ["success"]);
    assert_eq!(on_hand().await, ["5", "0"]);
    let formed = (now() + TimeDelta::hours(4)).format("%Y-%m-%dT%H:%M:%S");
    take(&formed.to_string(), 3).await;
    assert_eq!(on_hand().await, ["5", "5"]);
}
