//! What people do in the sandbox's base, and what the shop and the portal hear of it, whatever
//! version the base speaks.

use crate::{
    onec::{
        facts::messages,
        statuses::{letters, with_base},
        world::PASSWORD,
    },
    two_way::world::{Plot, World},
};
use b24_bridge::sandbox::onec::{Act, Exchange, OneC};

const TABLES: &str = "[onec.trade.import]\nstatus_on_payment = \"P\"\nstatus_on_shipment = \"F\"\n\
    status_on_cancel = \"C\"\npay_system = { cashless = \"1\", by_status = \"1\" }\n\
    [[onec.trade.pay_systems]]\nid = \"1\"\nname = \"По счёту\"\n";

/// What bases ask for: the version, and the newer one beside it.
const SPOKEN: [(&str, Option<&str>, Option<&str>); 7] = [
    ("old", None, None),
    ("2.03", Some("2.03"), None),
    ("2.05", Some("2.05"), None),
    ("2.08", Some("2.08"), None),
    ("2.10", Some("2.10"), None),
    ("2.10 in the order", Some("2.10"), Some("2.10")),
    ("3.1", Some("3.1"), None),
];

pub(super) fn base(world: &World, version: Option<&str>, newer: Option<&str>) -> OneC {
    let address = format!("{}/exchange/1c/trade", world.url);
    let mut exchange = Exchange::new(&address, "exchange", PASSWORD);
    exchange.version = version.map(str::to_owned);
    exchange.cml_version = newer.map(str::to_owned);
    OneC::new(exchange).unwrap()
}

/// 1C sends what its people did, and the shop has the order in this status then.
async fn becomes(world: &World, base: &mut OneC, number: &str, status: &str) {
    let said = base.send_changes().await.unwrap().unwrap();
    assert_eq!(said, ["success"], "{number} to {status}");
    let what = format!("{number} in {status}");
    let has = async || world.shop.status(number) == status;
    world.until(&what, has).await;
}

/// How many payments and shipments of an order the shop was told.
fn told(world: &World, number: &str) -> (usize, usize) {
    let many = |kind: &str| {
        world.shop.with(|shop| {
            let messages = shop.called.iter().map(|(_, message)| message);
            let own = messages.filter(|one| one["data"]["number"] == number);
            own.filter(|one| one["type"] == kind).count()
        })
    };
    (
        many("bridge.order.payment.v1"),
        many("bridge.order.shipment.v1"),
    )
}

#[tokio::test]
async fn money_and_goods_that_1c_enters_reach_the_shop_and_the_portal_in_every_version() {
    let world = World::new(with_base(TABLES)).await;
    for (nth, (name, version, newer)) in SPOKEN.into_iter().enumerate() {
        let number = format!("A-{nth}");
        world.ordered(&number).await;
        let mut base = base(&world, version, newer);
        assert_eq!(base.fetch_orders().await.unwrap().orders, 1, "{name}");
        base.act(&number, Act::Pay(None)).unwrap();
        becomes(&world, &mut base, &number, "P").await;
        base.act(&number, Act::Ship(Some("RB1".to_owned())))
            .unwrap();
        becomes(&world, &mut base, &number, "F").await;
        let stage = async || world.stage(&number) == "WON";
        world
            .until(&format!("{name}: the deal is won"), stage)
            .await;
        // What is sent with each exchange is told once.
        base.act(&number, Act::Status("F".to_owned())).unwrap();
        becomes(&world, &mut base, &number, "F").await;
        base.fetch_orders().await.unwrap();
        assert_eq!(base.send_changes().await.unwrap(), None, "{name}");
        // Up to 2.09 only the order itself tells of both.
        let expected = (1, 1);
        let what = format!("{name}: told once");
        let is_told = async || told(&world, &number) >= expected;
        world.until(&what, is_told).await;
        assert_eq!(told(&world, &number), expected, "{name}");
    }
    assert_eq!(letters(&world).await, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn goods_that_1c_enters_count_although_its_document_has_the_status_of_before() {
    let world = World::new(with_base(TABLES)).await;
    for (nth, (name, version, newer)) in SPOKEN.into_iter().enumerate() {
        let number = format!("S-{nth}");
        let deal = world.ordered(&number).await;
        let mut base = base(&world, version, newer);
        base.fetch_orders().await.unwrap();
        base.act(&number, Act::Pay(None)).unwrap();
        base.act(&number, Act::Ship(Some("RB1".to_owned())))
            .unwrap();
        // 1C fetches what a manager did meanwhile, and keeps its people's document as it is.
        assert!(world.portal.move_deal(deal, "EXECUTING"));
        world
            .until(&format!("{name}: the shop follows"), async || {
                world.shop.status(&number) == "P"
            })
            .await;
        world
            .until(&format!("{name}: 1C was sent that"), async || {
                base.fetch_orders().await.unwrap();
                let kept = &base.order(&number).unwrap().requisites;
                kept.get("Статуса заказа ИД").map(String::as_str) == Some("P")
            })
            .await;
        becomes(&world, &mut base, &number, "F").await;
        let stage = async || world.stage(&number) == "WON";
        let what = format!("{name}: the deal is won");
        world.until(&what, stage).await;
    }
    assert_eq!(letters(&world).await, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn what_1c_cancels_revives_and_deletes_is_cancelled_and_revived_in_every_version() {
    let world = World::new(with_base(TABLES)).await;
    for (nth, (_, version, newer)) in SPOKEN.into_iter().enumerate() {
        let number = format!("B-{nth}");
        world.ordered(&number).await;
        let mut base = base(&world, version, newer);
        base.fetch_orders().await.unwrap();
        base.act(&number, Act::Cancel).unwrap();
        becomes(&world, &mut base, &number, "C").await;
        base.act(&number, Act::Revive).unwrap();
        becomes(&world, &mut base, &number, "N").await;
        base.act(&number, Act::Delete).unwrap();
        becomes(&world, &mut base, &number, "C").await;
    }
    assert_eq!(letters(&world).await, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn the_base_lets_nobody_do_what_a_real_one_does_not() {
    let world = World::new(with_base(TABLES)).await;
    world.ordered("A-1").await;
    world.ordered("A-2").await;
    let mut base = base(&world, Some("3.1"), None);
    base.fetch_orders().await.unwrap();
    let more = Act::Pay("100.01".parse().ok());
    assert!(base.act("Z-1", Act::Cancel).is_err());
    assert!(base.act("A-1", more).is_err());
    base.act("A-1", Act::Pay(None)).unwrap();
    base.act("A-1", Act::Ship(None)).unwrap();
    for again in [Act::Pay(None), Act::Ship(None), Act::Cancel, Act::Delete] {
        let refused = base.act("A-1", again.clone());
        assert!(refused.is_err(), "{again:?}");
    }
    base.act("A-2", Act::Delete).unwrap();
    for late in [Act::Pay(None), Act::Status("P".to_owned())] {
        assert!(base.act("A-2", late.clone()).is_err(), "{late:?}");
    }
}

#[tokio::test]
async fn of_a_file_that_is_cut_nothing_counts_and_all_of_it_once_it_comes_whole() {
    let world = World::new(Plot {
        callback: false,
        ..with_base(TABLES)
    })
    .await;
    world.ordered("A-1").await;
    for (version, newer) in [(None, None), (Some("3.1"), None)] {
        let mut base = base(&world, version, newer);
        world.command(&["onec", "resend", "main", "A-1"]).await;
        base.fetch_orders().await.unwrap();
        base.act("A-1", Act::Pay("40".parse().ok())).unwrap();
        let before = messages(&world).await.len();
        base.send_cut(900).await.unwrap();
        assert_eq!(messages(&world).await.len(), before);
        let said = base.send_changes().await.unwrap().unwrap();
        assert_eq!(said, ["success"]);
    }
    // The old version knows no payment of a part.
    let told = messages(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["data"]["sum"], "40");
}
