//! One order, three systems: everybody acts at once, and the order's page tells what happened.

use super::acts::base;
use crate::{
    onec::{
        console::signed_in,
        statuses::{letters, with_base},
        world::PASSWORD,
    },
    two_way::world::World,
};
use b24_bridge::sandbox::onec::Act;
use std::{path::Path, process::Command};

/// A shipment counts more than what a manager did meanwhile.
const TABLES: &str = "[[shops.main.rules]]\nstatus = [\"A\"]\nwinner = \"onec\"\n\
    [onec.trade.import]\nstatus_on_shipment = \"F\"\n";

#[tokio::test]
async fn an_order_that_a_manager_an_accountant_and_the_shop_change_at_once_tells_its_story() {
    let world = World::new(with_base(TABLES)).await;
    let deal = world.ordered("A-1").await;
    let mut base = base(&world, Some("3.1"), None);
    assert_eq!(base.fetch_orders().await.unwrap().orders, 1);
    base.act("A-1", Act::Ship(Some("RB123".to_owned())))
        .unwrap();
    assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    world.shop.change("A-1", |order| order.pieces = 2);
    let said = base.send_changes().await.unwrap().unwrap();
    assert_eq!(said, ["success"]);
    world
        .until(
            "all three hold the shipped order with two pieces",
            async || {
                base.fetch_orders().await.unwrap();
                let order = base.order("A-1").unwrap();
                let status = order.requisites.get("Статуса заказа ИД");
                let deals = world.portal.deals();
                let sum = deals.iter().find(|deal| deal["ORIGIN_ID"] == "A-1");
                let sum = sum.map(|deal| deal["OPPORTUNITY"].to_string());
                let known = world.order("A-1").await;
                known["in_sync"] == true
                    && known["onec"]["waits"] == false
                    && world.shop.status("A-1") == "F"
                    && world.stage("A-1") == "WON"
                    && sum.is_some_and(|sum| sum.contains("200"))
                    && status.map(String::as_str) == Some("F")
                    && order.total == 200.into()
            },
        )
        .await;
    assert_eq!(letters(&world).await, Vec::<serde_json::Value>::new());
    let life = world.life("A-1").await.join("\n");
    let (browser, cookie) = signed_in(&world).await;
    let page = browser.get(format!("{}/console/orders/main/A-1", world.url));
    let page = page
        .header("cookie", cookie)
        .header("accept-language", "en");
    let page = page.send().await.unwrap();
    let page = page.text().await.unwrap();
    for words in [
        "the 1C base trade has taken the order as A-1",
        "event A-1-2 accepted",
        "PREPAYMENT_INVOICE",
        "1C says that goods were shipped (ТД-A-1/1)",
        "the shop is told F",
    ] {
        assert!(life.contains(words), "{words}: {life}");
        assert!(page.contains(words), "{words}: {page}");
    }
    let standing = "/console/onec?base=trade&amp;number=A-1\">A-1</a>, confirmed";
    assert!(page.contains(standing), "{page}");
}

/// The commands of the page of 1C by this name: once in each language.
fn blocks(name: &str) -> [String; 2] {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/1c.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mark = format!("<!-- command: {name} -->\n```sh\n");
    let mut found = page.split(&mark).skip(1);
    std::array::from_fn(|_| {
        let rest = found.next().unwrap();
        rest.split("```").next().unwrap().to_owned()
    })
}

#[tokio::test]
async fn the_base_of_the_page_pays_and_ships_as_the_page_says() {
    for name in ["settings", "base"] {
        let [english, russian] = blocks(name);
        assert_eq!(english, russian);
    }
    let tables = format!("{TABLES}status_on_payment = \"P\"\n");
    let world = World::new(with_base(&tables)).await;
    world.ordered("1001").await;
    let [script, _] = blocks("base");
    let script = script
        .replace("http://127.0.0.1:8080", &world.url)
        .replace("/1c/main", "/1c/trade")
        .replace("PASSWORD", &format!("'{PASSWORD}'"));
    let folder = Path::new(env!("CARGO_BIN_EXE_b24-bridge"))
        .parent()
        .unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let run = move || {
        Command::new("sh")
            .args(["-c", &script])
            .env("PATH", path)
            .output()
    };
    let done = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    assert!(done.status.success(), "{done:?}");
    world
        .until("the shop and the portal have it shipped", async || {
            world.shop.status("1001") == "F" && world.stage("1001") == "WON"
        })
        .await;
    assert_eq!(letters(&world).await, Vec::<serde_json::Value>::new());
}
