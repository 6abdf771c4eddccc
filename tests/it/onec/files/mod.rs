//! Files from 1C: pieces, zips, steps; what is stored of them, and what is refused.

pub(super) mod faulty;
mod goods;
mod pictures;
mod pieces;
mod prints;

use super::world::{Site, World, order};
use b24_bridge::sandbox::onec::{Exchange, OneC};
use std::{
    fmt::Write as _,
    io::{Cursor, Write as _},
    time::Duration,
};
use tokio::task::JoinHandle;
use zip::{ZipWriter, write::SimpleFileOptions};

const DOCUMENTS: &[u8] = include_bytes!("../../data/commerceml/documents-ut11-2.09.xml");
const OFFERS: &[u8] = include_bytes!("../../data/commerceml/offers-2.07.xml");
const PRODUCTS: &[u8] = include_bytes!("../../data/commerceml/import-3.1.xml");
const RESTS: &[u8] = include_bytes!("../../data/commerceml/rests-warehouses-3.1.xml");
const CONTRACTORS: &[u8] = include_bytes!("../../data/commerceml/contractors-2.09.xml");

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A package of offers: each with a price, some with a count.
fn package(formed: &str, many: usize, price: usize, last: &str) -> Vec<u8> {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<КоммерческаяИнформация ВерсияСхемы=\"2.08\" \
         ДатаФормирования=\"{formed}\"><ПакетПредложений \
         СодержитТолькоИзменения=\"true\"><Предложения>"
    );
    for nth in 0..many {
        let _ = write!(
            text,
            "<Предложение><Ид>p{nth}</Ид><Наименование>Товар {nth}</Наименование><Цены><Цена>\
             <ИдТипаЦены>base</ИдТипаЦены><ЦенаЗаЕдиницу>{price}.50</ЦенаЗаЕдиницу></Цена></Цены>"
        );
        if nth % 2 == 0 {
            text.push_str("<Количество>5</Количество>");
        }
        text.push_str("</Предложение>");
    }
    text.push_str(last);
    text.into_bytes()
}

const END: &str = "</Предложения></ПакетПредложений></КоммерческаяИнформация>";

/// Holds a table for longer than a step of one second may take, on whatever machine.
async fn hold(world: &World, table: &str) -> JoinHandle<()> {
    let mut holding = world.db.pool.begin().await.unwrap();
    let lock = format!("LOCK TABLE {table} IN SHARE MODE");
    sqlx::raw_sql(sqlx::AssertSqlSafe(lock))
        .execute(&mut *holding)
        .await
        .unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        holding.rollback().await.unwrap();
    })
}

impl World {
    async fn count(&self, what: &'static str) -> i64 {
        sqlx::query_scalar(what)
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }

    async fn catalogue(&self) -> OneC {
        let mut base = self.base();
        base.sign_in("catalog").await.unwrap();
        base.init("catalog").await.unwrap();
        base
    }
}

const PRICES: &str = "SELECT count(*) FROM bridge.onec_prices";
const COUNTS: &str = "SELECT count(*) FROM bridge.onec_counts";
const IN_STOCK: &str = "SELECT count(*) FROM bridge.onec_products";

#[tokio::test]
async fn a_catalogue_comes_in_pieces_of_a_zip_and_is_taken_in_by_the_names_inside() {
    let world = World::with("file_limit = 1024", "").await;
    let base = world.catalogue().await;
    let zip = zipped(&[
        ("import0_1.xml", PRODUCTS),
        ("offers0_1.xml", OFFERS),
        ("rests0_1.xml", RESTS),
    ]);
    assert!(zip.len() > 2 * 1024);
    assert_eq!(
        base.send("catalog", "v8_1A76_155ae.zip", &zip)
            .await
            .unwrap(),
        ["success"]
    );
    for name in ["import0_1.xml", "offers0_1.xml", "rests0_1.xml"] {
        let (_, said) = base.import("catalog", name).await.unwrap();
        assert_eq!(said, ["success"], "{name}");
    }
    assert!(world.count(IN_STOCK).await > 5);
    assert!(world.count(PRICES).await > 0);
    let by_store = "SELECT count(*) FROM bridge.onec_counts WHERE store <> ''";
    assert!(world.count(by_store).await > 0);
    let (_, said) = base.import("catalog", "nowhere.xml").await.unwrap();
    assert_eq!(said[0], "failure");
}

#[tokio::test]
async fn absent_is_not_zero_and_an_older_file_overwrites_nothing() {
    let world = World::new().await;
    let base = world.catalogue().await;
    let send = async |name: &str, bytes: Vec<u8>| {
        base.send("catalog", name, &bytes).await.unwrap();
        let (_, said) = base.import("catalog", name).await.unwrap();
        assert_eq!(said, ["success"]);
    };
    send("offers1.xml", package("2026-11-20T10:00:00", 10, 7, END)).await;
    assert_eq!(world.count(COUNTS).await, 5);
    assert_eq!(world.count(PRICES).await, 10);
    send("offers2.xml", package("2026-11-20T09:00:00", 10, 6, END)).await;
    let price = "SELECT sum(price)::bigint FROM bridge.onec_prices";
    assert_eq!(world.count(price).await, 75);
    send("offers3.xml", package("2026-11-20T11:00:00", 10, 8, END)).await;
    assert_eq!(world.count(price).await, 85);
}

#[tokio::test]
async fn long_work_is_done_in_steps_and_another_process_goes_on_where_one_stood() {
    let keys = "step_seconds = 1";
    let world = World::with(keys, "").await;
    let mut base = world.catalogue().await;
    let file = package("2026-11-20T10:00:00", 6_000, 7, END);
    base.send("catalog", "offers.xml", &file).await.unwrap();
    let other = world.another(keys, "").await;
    // A batch that takes longer than a step may, on whatever machine.
    let held = hold(&world, "bridge.onec_prices").await;
    let at = |site: &Site| format!("{}/exchange/1c/trade", site.url);
    let (mut steps, mut nth) = (0, 0);
    loop {
        let site = if nth % 2 == 0 { &other } else { &world.site };
        base.exchange.address = at(site);
        nth += 1;
        let said = base
            .ask("catalog", "import", &[("filename", "offers.xml")])
            .await
            .unwrap();
        match said[0].as_str() {
            "progress" => steps += 1,
            "success" => break,
            other => panic!("{other}: {said:?}"),
        }
        assert!(steps < 1_000);
    }
    held.await.unwrap();
    assert!(steps > 0, "it was done in one step: nothing was tried");
    assert_eq!(world.count(PRICES).await, 6_000);
    let done = "SELECT position FROM bridge.onec_imports";
    assert_eq!(
        world.count(done).await,
        6_001,
        "each item once, the package's head among them"
    );
}

#[tokio::test]
async fn what_unpacks_to_more_than_is_allowed_is_refused() {
    let world = World::with("max_upload_bytes = 65536", "").await;
    let base = world.catalogue().await;
    let large = package("2026-11-20T10:00:00", 3_500, 7, END);
    assert!(large.len() > 10 * 65_536);
    let zip = zipped(&[("offers.xml", &large)]);
    assert!(zip.len() < 65_536, "{}", zip.len());
    base.send("catalog", "large.zip", &zip).await.unwrap();
    let (_, said) = base.import("catalog", "offers.xml").await.unwrap();
    assert_eq!(said[0], "failure");
    assert_eq!(world.count(IN_STOCK).await, 0);
    let again = world.catalogue().await;
    let said = again.send("catalog", "large.xml", &large).await.unwrap();
    assert_eq!(said[0], "failure", "{said:?}");
    assert!(
        said.iter().any(|line| line.contains("max_upload_bytes")),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_piece_that_is_repeated_and_an_upload_that_begins_anew_make_one_file() {
    let world = World::new().await;
    let base = world.catalogue().await;
    let file = package("2026-11-20T10:00:00", 300, 7, END);
    let zip = zipped(&[("offers.xml", &file)]);
    let half = zip.len() / 2;
    // It breaks off, and begins anew without an init.
    base.send_piece("catalog", "a.zip", &zip[..half])
        .await
        .unwrap();
    base.send_piece("catalog", "a.zip", &zip[..half])
        .await
        .unwrap();
    base.send_piece("catalog", "a.zip", &zip[half..])
        .await
        .unwrap();
    base.send_piece("catalog", "a.zip", &zip[half..])
        .await
        .unwrap();
    let (_, said) = base.import("catalog", "offers.xml").await.unwrap();
    assert_eq!(said, ["success"]);
    assert_eq!(world.count(PRICES).await, 300);
    let half = file.len() / 2;
    base.send_piece("catalog", "b.xml", &file[..half])
        .await
        .unwrap();
    let other = package("2026-11-21T10:00:00", 10, 9, END);
    base.send_piece("catalog", "b.xml", &other).await.unwrap();
    let (_, said) = base.import("catalog", "b.xml").await.unwrap();
    assert_eq!(said, ["success"]);
    let dear = "SELECT count(*) FROM bridge.onec_prices WHERE price > 9";
    assert_eq!(world.count(dear).await, 10);
    // An init drops what was sent.
    let mut base = base;
    base.init("catalog").await.unwrap();
    let (_, said) = base.import("catalog", "b.xml").await.unwrap();
    assert_eq!(said[0], "failure");
}

#[tokio::test]
async fn documents_are_kept_once_and_those_of_unknown_orders_are_named_in_both_protocols() {
    let world = World::new().await;
    // The old protocol: a whole file is looked at at once.
    let mut base = world.base();
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    let said = base.send("sale", "orders.xml", DOCUMENTS).await.unwrap();
    assert_eq!(said[0], "success");
    assert!(
        said.iter()
            .any(|line| line.starts_with("142: ONEC-UNKNOWN")),
        "{said:?}"
    );
    // The new one: stored, then taken in.
    let exchange = Exchange {
        ..world.exchange().version("2.09")
    };
    let mut base = OneC::new(exchange).unwrap();
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    assert_eq!(
        base.send("sale", "documents.xml", DOCUMENTS).await.unwrap(),
        ["success"]
    );
    let (_, said) = base.import("sale", "documents.xml").await.unwrap();
    assert_eq!(said[0], "success");
    assert!(
        said.iter()
            .any(|line| line.starts_with("142: ONEC-UNKNOWN")),
        "{said:?}"
    );
    assert_eq!(
        base.send("sale", "contragents.xml", CONTRACTORS)
            .await
            .unwrap(),
        ["success"]
    );
    let (_, said) = base.import("sale", "contragents.xml").await.unwrap();
    assert_eq!(said[0], "failure");
    let trade = world.site.app.onec.onec_base("trade").unwrap().clone();
    let kept = world
        .site
        .app
        .onec
        .onec_documents(&trade, Some("142"), None, 10)
        .await
        .unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].kind.as_str(), kept[0].repeats), ("document", 1));
    assert_eq!(kept[0].onec_number.as_deref(), Some("ТДЦУ-000001"));
    assert!(kept[0].raw.starts_with("<Документ>"));
    let who = "SELECT count(*) FROM bridge.onec_documents WHERE kind = 'counterparty'";
    assert!(world.count(who).await > 0);
    // A file without documents is done.
    let empty =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><КоммерческаяИнформация ВерсияСхемы=\"2.09\"/>";
    base.send("sale", "empty.xml", empty.as_bytes())
        .await
        .unwrap();
    let (_, said) = base.import("sale", "empty.xml").await.unwrap();
    assert_eq!(said, ["success"]);
}

#[tokio::test]
async fn a_status_of_an_order_without_a_deal_waits_and_is_no_refusal() {
    let world = World::new().await;
    let versions = [("1", None), ("2", Some("2.09")), ("3", Some("3.1"))];
    for (nth, (number, version)) in (1..).zip(versions) {
        world.save(order(number, 1)).await;
        let exchange = Exchange {
            version: version.map(str::to_owned),
            ..world.exchange()
        };
        let mut base = OneC::new(Exchange {
            says_success: false,
            ..exchange
        })
        .unwrap();
        base.sign_in("sale").await.unwrap();
        base.init("sale").await.unwrap();
        base.query().await.unwrap();
        let said = base.send_status(number, "P").await.unwrap();
        assert_eq!(said, ["success"], "{version:?}");
        let waits = "SELECT count(*) FROM bridge.onec_documents WHERE state = 'waiting'";
        assert_eq!(world.count(waits).await, nth, "{version:?}");
    }
}

#[tokio::test]
async fn a_document_that_cannot_be_read_stops_no_other_and_becomes_a_dead_letter() {
    let world = World::new().await;
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><КоммерческаяИнформация \
                ВерсияСхемы=\"2.09\">\
                <Документ><Ид>1</Ид><Номер>1</Номер><Сумма>много</Сумма></Документ>\
                <Документ><Ид>2</Ид><Номер>2</Номер><Сумма>5</Сумма></Документ>\
                </КоммерческаяИнформация>";
    let mut base = world.base_of("2.09");
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    base.send("sale", "d.xml", text.as_bytes()).await.unwrap();
    let (_, said) = base.import("sale", "d.xml").await.unwrap();
    assert!(
        said.iter().any(|line| line.starts_with("1: ONEC-DOCUMENT")),
        "{said:?}"
    );
    assert!(
        said.iter().any(|line| line.starts_with("2: ONEC-UNKNOWN")),
        "{said:?}"
    );
    let letters = "SELECT count(*) FROM bridge.open_dead_letters WHERE code = 'ONEC-DOCUMENT'";
    assert_eq!(world.count(letters).await, 1);
    // The same again is no other letter.
    base.send("sale", "e.xml", text.as_bytes()).await.unwrap();
    base.import("sale", "e.xml").await.unwrap();
    assert_eq!(world.count(letters).await, 1);
}

#[tokio::test]
async fn a_full_exchange_ends_with_what_it_did_not_speak_of_marked_as_gone() {
    let world = World::new().await;
    let base = world.catalogue().await;
    base.send(
        "catalog",
        "offers.xml",
        &package("2026-11-20T10:00:00", 10, 7, END),
    )
    .await
    .unwrap();
    base.import("catalog", "offers.xml").await.unwrap();
    // The clock of sessions counts in seconds.
    sqlx::query("UPDATE bridge.onec_products SET touched_at = now() - interval '1 hour'")
        .execute(&world.db.pool)
        .await
        .unwrap();
    let base = world.catalogue().await;
    base.send(
        "catalog",
        "offers.xml",
        &package("2026-11-21T10:00:00", 4, 7, END),
    )
    .await
    .unwrap();
    let said = base.ask("catalog", "deactivate", &[]).await.unwrap();
    assert_eq!(said[0], "failure", "nothing is taken in yet");
    base.import("catalog", "offers.xml").await.unwrap();
    assert_eq!(
        base.ask("catalog", "deactivate", &[]).await.unwrap(),
        ["success"]
    );
    let gone = "SELECT count(*) FROM bridge.onec_products WHERE gone_at IS NOT NULL";
    assert_eq!(world.count(gone).await, 6);
    assert_eq!(
        base.ask("catalog", "complete", &[]).await.unwrap(),
        ["success"]
    );
}

#[tokio::test]
async fn files_are_kept_for_their_time_and_to_their_bound() {
    let keys = "keep_files = \"1h\"\nkeep_files_bytes = \"64KiB\"";
    let world = World::with(keys, "").await;
    let base = world.catalogue().await;
    for name in ["a.xml", "b.xml"] {
        base.send(
            "catalog",
            name,
            &package("2026-11-20T10:00:00", 300, 7, END),
        )
        .await
        .unwrap();
    }
    let files = "SELECT count(*) FROM bridge.onec_files";
    // A session that goes on keeps its files.
    world.site.app.onec.prune_onec(1_000).await.unwrap();
    assert_eq!(world.count(files).await, 2);
    sqlx::query("UPDATE bridge.onec_sessions SET expires_at = now() - interval '1 second'")
        .execute(&world.db.pool)
        .await
        .unwrap();
    world.site.app.onec.prune_onec(1_000).await.unwrap();
    assert_eq!(world.count(files).await, 0);
    assert_eq!(
        world.count("SELECT count(*) FROM bridge.onec_pieces").await,
        0
    );
}

#[tokio::test]
async fn goods_go_to_1c_by_its_own_ids_where_its_catalogue_knows_the_article() {
    let world = World::new().await;
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><КоммерческаяИнформация \
                ВерсияСхемы=\"2.08\"><Каталог><Товары>\
                <Товар><Ид>guid-1</Ид><Артикул>M-1</Артикул>\
                <Наименование>Мёд</Наименование></Товар>\
                </Товары></Каталог></КоммерческаяИнформация>";
    let base = world.catalogue().await;
    base.send("catalog", "import.xml", text.as_bytes())
        .await
        .unwrap();
    assert_eq!(
        base.import("catalog", "import.xml").await.unwrap().1,
        ["success"]
    );
    world.save(order("1", 1)).await;
    let mut base = world.base_of("2.09");
    base.fetch_orders().await.unwrap();
    let ids: Vec<&str> = base
        .order("1")
        .unwrap()
        .lines
        .iter()
        .map(|line| &*line.id)
        .collect();
    assert_eq!(ids, ["3f1c", "guid-1", "ORDER_DELIVERY"]);
}
