//! What files say again is known by its prints: it writes no row, and counts as said.

use super::{END, World, zipped};
use b24_bridge::sandbox::onec::OneC;
use std::fmt::Write as _;

/// An offer of a product with its price, and with 5 pieces in a warehouse.
fn offer(id: usize, price: usize) -> String {
    format!(
        "<Предложение><Ид>p{id}</Ид><Наименование>Товар {id}</Наименование><Цены><Цена>\
         <ИдТипаЦены>base</ИдТипаЦены><ЦенаЗаЕдиницу>{price}.50</ЦенаЗаЕдиницу></Цена></Цены>\
         <Склад ИдСклада=\"w\" КоличествоНаСкладе=\"5\"/></Предложение>\n"
    )
}

fn file(formed: &str, offers: impl Iterator<Item = (usize, usize)>) -> Vec<u8> {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<КоммерческаяИнформация ВерсияСхемы=\"2.08\" \
         ДатаФормирования=\"2026-11-20T{formed}\"><ПакетПредложений><Предложения>"
    );
    for (id, price) in offers {
        let _ = write!(text, "{}", offer(id, price));
    }
    text.push_str(END);
    text.into_bytes()
}

async fn take(base: &OneC, name: &str, file: &[u8]) {
    base.send("catalog", name, file).await.unwrap();
    let (_, said) = base.import("catalog", name).await.unwrap();
    assert_eq!(said, ["success"], "{name}");
}

const MANY: usize = 3_000;
/// Which transactions have written rows, and how often.
const WRITTEN: &str = "SELECT (SELECT sum(hashtext(xmin::text || product)) FROM bridge.onec_prices)
    + (SELECT sum(hashtext(xmin::text || id)) FROM bridge.onec_products)
    + (SELECT sum(hashtext(xmin::text || product)) FROM bridge.onec_counts)";
const PRICES: &str = "SELECT sum(price)::bigint FROM bridge.onec_prices";
const TAKEN: &str =
    "SELECT count(*) FROM bridge.onec_imports WHERE state = 'taken' AND position = marked";
const NEWEST: &str = "SELECT count(*) FROM bridge.onec_prices
    WHERE touched_at = (SELECT max(touched_at) FROM bridge.onec_prices)";

#[tokio::test]
async fn offers_that_are_said_again_write_no_row_and_an_older_file_is_older_than_they() {
    let world = World::new().await;
    let base = world.catalogue().await;
    let same = |price: usize| (0..MANY).map(move |id| (id, price));
    take(&base, "1.xml", &file("10:00:00", same(7))).await;
    let written = world.count(WRITTEN).await;
    take(&base, "2.xml", &file("11:00:00", same(7))).await;
    assert_eq!(world.count(WRITTEN).await, written);
    assert_eq!(
        world
            .count("SELECT count(*) FROM bridge.onec_repeats")
            .await,
        1
    );
    let done = "SELECT min(position) FROM bridge.onec_imports";
    assert_eq!(world.count(done).await, 3_001);
    assert_eq!(world.count(TAKEN).await, 2);
    // Between both: what it says was said otherwise later.
    take(&base, "3.xml", &file("10:30:00", same(6))).await;
    assert_eq!(world.count(PRICES).await, 22_500);
    take(&base, "4.xml", &file("11:30:00", same(8))).await;
    assert_eq!(world.count(PRICES).await, 25_500);
    take(&base, "5.xml", &file("12:00:00", same(7))).await;
    assert_eq!(world.count(PRICES).await, 22_500);
}

#[tokio::test]
async fn what_differs_is_stored_however_few_or_many_and_in_whatever_order() {
    let world = World::new().await;
    let base = world.catalogue().await;
    let mut hour = 9;
    let mut send = async |offers: Vec<(usize, usize)>| {
        hour += 1;
        let formed = format!("{hour}:00:00");
        let name = format!("{hour}.xml");
        take(&base, &name, &file(&formed, offers.into_iter())).await;
    };
    let all = |price: &dyn Fn(usize) -> usize| -> Vec<(usize, usize)> {
        (0..MANY).map(|id| (id, price(id))).collect()
    };
    send(all(&|_| 7)).await;
    for step in [1_000, 10, 2] {
        let price = |id: usize| if id.is_multiple_of(step) { 9 } else { 7 };
        send(all(&price)).await;
        let dear = i64::try_from(MANY.div_ceil(step)).unwrap();
        assert_eq!(world.count(PRICES).await, 22_500 + 2 * dear, "{step}");
    }
    // The same in another order, and then with new ones among them.
    let mut turned = all(&|_| 7);
    turned.reverse();
    send(turned).await;
    assert_eq!(world.count(PRICES).await, 22_500);
    let mut turned = all(&|_| 7);
    turned.rotate_left(MANY / 3);
    send(turned).await;
    let newest = world.count(NEWEST).await;
    assert!(newest < 10, "{newest} prices were written for nothing");
    let mut mixed = all(&|_| 7);
    for id in 0..20 {
        mixed.insert(id * 100, (MANY + id, 1));
    }
    send(mixed).await;
    assert_eq!(world.count(PRICES).await, 22_500 + 30);
    // What comes last in a file stays, also where it was known.
    send([(5, 7), (5, 8)].into()).await;
    let fifth = "SELECT sum(price * 2)::bigint FROM bridge.onec_prices WHERE product = 'p5'";
    assert_eq!(world.count(fifth).await, 17);
    send([(5, 7), (6, 7)].into()).await;
    send([(5, 8), (5, 7)].into()).await;
    assert_eq!(world.count(fifth).await, 15);
}

#[tokio::test]
async fn at_the_end_of_a_full_exchange_what_it_repeated_stays_and_comes_back_when_it_is_named() {
    let world = World::new().await;
    let base = world.catalogue().await;
    let gone = "SELECT count(*) FROM bridge.onec_products WHERE gone_at IS NOT NULL";
    let same = || (0..MANY).map(|id| (id, 7));
    take(&base, "offers.xml", &file("10:00:00", same())).await;
    let mut ended = Vec::new();
    for (formed, left_out) in [("11:00:00", 30), ("12:00:00", 0)] {
        let base = world.catalogue().await;
        take(&base, "offers.xml", &file(formed, same().skip(left_out))).await;
        let said = base.ask("catalog", "deactivate", &[]).await.unwrap();
        assert_eq!(said, ["success"]);
        ended.push(world.count(gone).await);
    }
    assert_eq!(ended, [30, 0]);
}

#[tokio::test]
async fn a_file_that_is_cut_behind_what_is_known_changes_nothing() {
    let world = World::new().await;
    let base = world.catalogue().await;
    let good = file("10:00:00", (0..MANY).map(|id| (id, 7)));
    take(&base, "offers.xml", &good).await;
    let again = file("11:00:00", (0..MANY).map(|id| (id, 7)));
    let again = String::from_utf8(again).unwrap();
    let end = again.rfind("<Предложение>").unwrap();
    let odd = [
        again[..end].to_owned() + "<Предложение><Ид>p1",
        again[..end].to_owned() + "</ПредложениеX>" + END,
        again.replacen("<Ид>p2999</Ид>", "<Ид>p2999</Ед>", 1),
        again.replacen("</Предложение>", "</Предложения>", 1),
    ];
    for (nth, text) in odd.iter().enumerate() {
        let base = world.catalogue().await;
        let zip = zipped(&[("offers.xml", text.as_bytes())]);
        base.send("catalog", "odd.zip", &zip).await.unwrap();
        let (_, said) = base.import("catalog", "offers.xml").await.unwrap();
        assert_eq!(said[0], "failure", "{nth}");
    }
    assert_eq!(
        world
            .count("SELECT count(*) FROM bridge.onec_repeats")
            .await,
        0
    );
}

#[tokio::test]
async fn what_an_earlier_version_stored_meanwhile_makes_nothing_known() {
    let world = World::new().await;
    let base = world.catalogue().await;
    let same = || (0..MANY).map(|id| (id, 7));
    take(&base, "1.xml", &file("10:00:00", same())).await;
    // As it takes a file in: it knows of no prints.
    let earlier = "UPDATE bridge.onec_imports SET position = position + 1;
                   UPDATE bridge.onec_prices SET price = 1 WHERE product = 'p77'";
    sqlx::raw_sql(earlier)
        .execute(&world.db.pool)
        .await
        .unwrap();
    take(&base, "2.xml", &file("11:00:00", same())).await;
    assert_eq!(world.count(PRICES).await, 22_500);
    let written = world.count(WRITTEN).await;
    take(&base, "3.xml", &file("12:00:00", same())).await;
    assert_eq!(world.count(WRITTEN).await, written);
}

#[tokio::test]
async fn prices_and_stock_in_files_of_their_own_are_known_by_themselves() {
    let world = World::new().await;
    let base = world.catalogue().await;
    let names = |formed: &str| {
        let text = file(formed, (0..MANY).map(|id| (id, 7)));
        let text = String::from_utf8(text).unwrap();
        let part = |text: &str, from: &str, to: &str| {
            let mut left = text.to_owned();
            while let Some(at) = left.find(from) {
                let end = at + left[at..].find(to).unwrap() + to.len();
                left.replace_range(at..end, "");
            }
            left
        };
        let offers = part(&text, "<Цены>", "</Цены>");
        let offers = part(&offers, "<Склад ", "/>");
        let bare = part(&text, "<Наименование>", "</Наименование>");
        let prices = part(&bare, "<Склад ", "/>");
        [offers, prices, part(&bare, "<Цены>", "</Цены>")]
    };
    let mut written = Vec::new();
    for formed in ["10:00:00", "11:00:00", "12:00:00"] {
        for (nth, text) in names(formed).iter().enumerate() {
            take(&base, &format!("{nth}.xml"), text.as_bytes()).await;
        }
        written.push(world.count(WRITTEN).await);
    }
    assert_eq!(written[0], written[1]);
    assert_eq!(written[1], written[2]);
    let called = "SELECT count(*) FROM bridge.onec_products WHERE variant ->> 'name' <> ''";
    assert_eq!(world.count(called).await, 3_000);
}

#[tokio::test]
async fn repeats_that_have_become_many_are_written_into_the_rows_part_by_part() {
    let world = World::new().await;
    let base = world.catalogue().await;
    let same = || (0..MANY).map(|id| (id, 7));
    take(&base, "1.xml", &file("10:00:00", same())).await;
    take(&base, "2.xml", &file("12:00:00", same())).await;
    // As a year of files leaves them that speak of some goods each; the newest is of 12:00.
    let many = "INSERT INTO bridge.onec_repeats (base, channel, first, last, formed_at, touched_at)
                SELECT base, channel, first + g % 2500, last, formed_at - interval '1 hour',
                       touched_at
                FROM bridge.onec_repeats, generate_series(1, 6000) g";
    sqlx::raw_sql(many).execute(&world.db.pool).await.unwrap();
    world.site.app.onec.prune_onec(1_000).await.unwrap();
    let left = "SELECT count(*) FROM bridge.onec_repeats";
    assert!(world.count(left).await <= 5_000);
    let of_12 = "SELECT count(DISTINCT formed_at) FROM bridge.onec_prices p
                 WHERE NOT EXISTS (SELECT FROM bridge.onec_repeats r
                                   JOIN bridge.onec_products g
                                       ON g.base = r.base AND g.number BETWEEN r.first AND r.last
                                   WHERE g.id = p.product)
                   AND formed_at = (SELECT max(formed_at) FROM bridge.onec_prices)";
    assert_eq!(world.count(of_12).await, 1);
    // What is older than what was repeated changes nothing, wherever the time of that stands.
    take(
        &base,
        "3.xml",
        &file("11:30:00", (0..MANY).map(|id| (id, 9))),
    )
    .await;
    assert_eq!(world.count(PRICES).await, 22_500);
}
