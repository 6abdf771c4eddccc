//! Pictures of products when something around them is wrong.

use super::{
    Shelf, WAITS, kettle,
    pictures::{Files, pictured},
    saved,
};
use crate::support::shop::main_shop;
use b24_bridge::{
    app::PictureAction,
    domain::PortalName,
    sandbox::{self, CatalogRights},
    storage::queue::portal_identity,
    worker,
};
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};
use tokio_util::sync::CancellationToken;

const LASTS: &str =
    "SELECT count(*) FROM bridge.troubles WHERE code = 'CAT-NO-RIGHT' AND over_at IS NULL";

impl Shelf {
    /// Works, and asks soon again whether the portal's rights allow it by now.
    fn work_without_right(&self, stop: CancellationToken) {
        let settings = worker::Settings {
            poll: Duration::from_millis(50),
            doubt: Duration::from_millis(500),
            lease: Duration::from_secs(2),
            without_right: Duration::from_millis(300),
            ..worker::Settings::default()
        };
        let portal = PortalName::parse("main").unwrap();
        let lanes = worker::Lanes::of(BTreeMap::from([(portal, self.client())]));
        tokio::spawn(worker::run(self.app.clone(), lanes, settings, stop));
    }
}

#[tokio::test]
async fn a_host_that_is_silent_keeps_no_other_waiting_and_costs_few_of_its_pictures_their_tries() {
    let shelf = Shelf::idle(sandbox::Options::default()).await;
    let files = Files::serve().await;
    // Nobody listens there any more.
    let silent = {
        let gone = Files::serve().await;
        gone.at("a")
    };
    for nth in 0..60 {
        let id = format!("silent-{nth}");
        let mut address = silent.clone();
        address["url"] = json!(format!("{}?{nth}", address["url"].as_str().unwrap()));
        let event = saved(&id, pictured(&id, &[address]));
        shelf.send(&[event]).await;
    }
    let event = saved("good", pictured("good", &[files.at("b")]));
    shelf.send(&[event]).await;
    shelf.work();
    shelf
        .until("shown", async |shelf| shelf.shown() == ["/b"])
        .await;
    let letters = shelf.letters().await;
    assert!(letters.len() < 30, "{}", letters.len());
    assert!(shelf.count(WAITS).await > 30, "they wait for their host");
}

#[tokio::test]
async fn pictures_get_their_turn_however_many_products_wait() {
    let options = sandbox::Options {
        latency: Duration::from_millis(30),
        ..sandbox::Options::default()
    };
    let shelf = Shelf::idle(options).await;
    let files = Files::serve().await;
    let app = shelf.app.clone();
    let feeding = tokio::spawn(async move {
        for round in 0.. {
            let events: Vec<_> = (0..25)
                .map(|nth| format!("{round}-{nth}"))
                .map(|id| saved(&id, kettle(&id)))
                .collect();
            let shop = main_shop();
            let sent = app.intake.accept_events(Some(&shop), &events).await;
            sent.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let event = saved("own", pictured("own", &[files.at("a")]));
    shelf.send(&[event]).await;
    shelf.work();
    shelf
        .until("shown", async |shelf| shelf.shown() == ["/a"])
        .await;
    let waiting = "SELECT count(*) FROM bridge.subjects WHERE kind = 'product'
                   AND due_at IS NOT NULL";
    let waited = shelf.count(waiting).await;
    feeding.abort();
    assert!(waited > 0, "products still wait");
}

#[tokio::test]
async fn what_a_manager_takes_from_the_card_stays_away_until_the_shop_names_it_anew() {
    let shelf = Shelf::new(sandbox::Options::default()).await;
    let files = Files::serve().await;
    let both = [files.at("a"), files.at("b")];
    shelf.send(&[saved("1", pictured("17", &both))]).await;
    shelf.quiet().await;
    let own = shelf.id_of("main:17").await;
    let image = shelf.portal.pictures()[0].0["id"].clone();
    let which = json!({ "productId": own, "id": image });
    shelf.ask("catalog.productImage.delete", which).await;
    shelf.send(&[saved("2", pictured("17", &both))]).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/b"], "the manager's word stands");
    shelf.send(&[saved("3", pictured("17", &both[1..]))]).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/b"]);
    shelf.send(&[saved("4", pictured("17", &both))]).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/b", "/a"]);
    assert!(shelf.letters().await.is_empty());
}

#[tokio::test]
async fn a_portal_that_was_put_back_gets_what_it_lost_and_what_it_has_needs_no_file() {
    let shelf = Shelf::new(sandbox::Options::default()).await;
    let files = Files::serve().await;
    // PNG's first bytes, and "/m".
    let file = json!({"name": "m.png", "content": "iVBORw0KGgovbQ=="});
    let pictures = [file, files.at("a")];
    shelf.send(&[saved("1", pictured("17", &pictures))]).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/m", "/a"]);
    let own = shelf.id_of("main:17").await;
    let image = shelf.portal.pictures()[1].0["id"].clone();
    let which = json!({ "productId": own, "id": image });
    shelf.ask("catalog.productImage.delete", which).await;
    let kept = "DELETE FROM bridge.picture_files";
    sqlx::query(kept).execute(&shelf.db.pool).await.unwrap();
    let mut db = shelf.db.pool.acquire().await.unwrap();
    portal_identity::let_go_of_all(&mut db, "main")
        .await
        .unwrap();
    drop(db);
    shelf.app.waker().wake("main");
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/m", "/a"]);
    assert_eq!(shelf.ran("catalog.productimage.add"), 3);
    assert!(shelf.letters().await.is_empty());
}

#[tokio::test]
async fn what_may_be_written_again_is_no_incident_any_more() {
    let options = sandbox::Options {
        catalog_rights: CatalogRights::View,
        ..sandbox::Options::default()
    };
    let shelf = Shelf::idle(options).await;
    let files = Files::serve().await;
    shelf.work_without_right(shelf.stop.clone());
    shelf.send(&[saved("1", kettle("17"))]).await;
    let lasts = async |shelf: &Shelf| shelf.count(LASTS).await == 1;
    let over = async |shelf: &Shelf| shelf.count(LASTS).await == 0;
    shelf.until("told", lasts).await;
    shelf
        .portal
        .set_catalog_rights(CatalogRights::Administrator);
    shelf.until("over", over).await;
    shelf.quiet().await;
    assert_eq!(shelf.with_code("main:17").len(), 1);
    // Of a product that is as it was nothing is asked: its picture alone meets it.
    shelf.portal.set_catalog_rights(CatalogRights::Prices);
    let event = saved("2", pictured("17", &[files.at("a")]));
    shelf.send(&[event]).await;
    shelf.until("told again", lasts).await;
    shelf
        .portal
        .set_catalog_rights(CatalogRights::Administrator);
    shelf.until("over again", over).await;
    shelf.quiet().await;
    assert_eq!(shelf.shown(), ["/a"]);
    assert!(shelf.letters().await.is_empty());
}

#[tokio::test]
async fn where_nothing_waits_for_a_right_its_incident_is_over() {
    let shelf = Shelf::new(sandbox::Options::default()).await;
    let files = Files::serve().await;
    shelf.send(&[saved("1", kettle("17"))]).await;
    shelf.quiet().await;
    shelf.portal.set_catalog_rights(CatalogRights::Prices);
    let event = saved("2", pictured("17", &[files.at("a")]));
    shelf.send(&[event]).await;
    shelf
        .until("told", async |shelf| shelf.count(LASTS).await == 1)
        .await;
    // The shop takes it back: the right, which is asked for again in an hour, is needed no more.
    shelf.send(&[saved("3", pictured("17", &[]))]).await;
    shelf
        .until("over", async |shelf| shelf.count(LASTS).await == 0)
        .await;
    assert!(shelf.shown().is_empty());
}

#[tokio::test]
async fn a_plan_says_of_each_picture_what_would_become_of_it() {
    use PictureAction::{Add, Doubtful, Keep};
    let shelf = Shelf::idle(sandbox::Options::default()).await;
    let files = Files::serve().await;
    let pictures = [
        files.at("a"),
        files.at("none"),
        json!({"name": "broken.png", "content": "no base64!"}),
    ];
    shelf.send(&[saved("1", pictured("17", &pictures))]).await;
    let planned = async |shelf: &Shelf| {
        let catalogue = &shelf.app.catalogue;
        let page = catalogue.page(&main_shop(), "").await.unwrap();
        catalogue.plan_pictures(&main_shop(), &page).await.unwrap()
    };
    let changes = |plans: &[b24_bridge::app::PicturePlan]| -> Vec<PictureAction> {
        plans.iter().map(|plan| plan.change).collect()
    };
    let before = planned(&shelf).await;
    assert_eq!(changes(&before), [Add, Add, Doubtful]);
    assert_eq!(files.asked(), 0, "no file is asked for");
    shelf.work();
    shelf.quiet().await;
    let after = planned(&shelf).await;
    assert_eq!(changes(&after), [Keep, Add, Doubtful]);
    assert!(after[1].reason.contains("404"), "{after:?}");
    assert!(after[2].reason.contains("broken.png"), "{after:?}");
}
