//! One order, three systems: everybody acts at once, and the order's page tells what happened.

use super::acts::base;
use crate::{
    onec::{
        console::signed_in,
        statuses::{letters, with_base},
        world::PASSWORD,
    },
    support::{free_port, process::Running},
    two_way::world::{Plot, World},
};
use b24_bridge::sandbox::onec::Act;
use serde_json::json;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

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
    let edit = "the order has changed: Чай: quantity 1 → 2; total 100 → 200";
    world
        .until("what the shop changed is told", async || {
            world.life("A-1").await.join("\n").contains(edit)
        })
        .await;
    // Three at once come to more lines than a page shows at first.
    let whole_life = "A-1?life=all";
    let russian = page_of(&world, whole_life, "ru").await;
    let edited = "заказ изменился: Чай: количество 1 → 2; итог 100 → 200";
    assert!(russian.contains(edited), "{russian}");
    let life = world.life("A-1").await.join("\n");
    let page = page_of(&world, whole_life, "en").await;
    for words in [
        "the 1C base trade has taken the order as A-1",
        "event A-1-2 accepted",
        "PREPAYMENT_INVOICE",
        "1C says that goods were shipped (ТД-A-1/1)",
        "the shop is told F",
        edit,
    ] {
        assert!(life.contains(words), "{words}: {life}");
        assert!(page.contains(words), "{words}: {page}");
    }
    let standing = "/console/onec?base=trade&amp;number=A-1\">A-1</a>, confirmed";
    assert!(page.contains(standing), "{page}");
}

/// The order's page, in this language.
async fn page_of(world: &World, number: &str, language: &str) -> String {
    let (browser, cookie) = signed_in(world).await;
    let page = browser.get(format!("{}/console/orders/main/{number}", world.url));
    let page = page
        .header("cookie", cookie)
        .header("accept-language", language);
    page.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn an_order_whose_shop_has_not_heard_yet_says_what_it_waits_for() {
    let world = World::new(Plot {
        callback: false,
        ..with_base(TABLES)
    })
    .await;
    world.ordered("A-1").await;
    let mut base = base(&world, Some("3.1"), None);
    base.fetch_orders().await.unwrap();
    base.act("A-1", Act::Ship(None)).unwrap();
    base.send_changes().await.unwrap();
    world
        .until("the deal is won and 1C has F", async || {
            base.fetch_orders().await.unwrap();
            let known = world.order("A-1").await;
            world.stage("A-1") == "WON" && known["onec"]["has"] == "F"
        })
        .await;
    let known = world.order("A-1").await;
    assert_eq!(
        (&known["status"], &known["told"]["status"]),
        (&json!("N"), &json!("F")),
        "{known}"
    );
    assert_eq!(known["in_sync"], false, "{known}");
    let page = page_of(&world, "A-1", "en").await;
    for words in ["The shop is to have F", "its own data say N", "has F"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let page = page_of(&world, "A-1", "ru").await;
    for words in [
        "Магазин должен получить статус F",
        "в его данных пока N",
        "сейчас у неё F",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let (_, shown) = world.command(&["orders", "show", "main", "A-1"]).await;
    assert!(shown.contains("the shop is to have F since"), "{shown}");
    assert!(shown.contains("has F"), "{shown}");
    // The shop sends the order with it: there is nothing more to wait for.
    world.shop.set("A-1", "F");
    world.in_sync("A-1").await;
    let known = world.order("A-1").await;
    assert!(known.get("told").is_none(), "{known}");
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

/// A shell that runs this, and finds the bridge's commands.
fn shell(script: &str) -> Command {
    let folder = Path::new(env!("CARGO_BIN_EXE_b24-bridge"))
        .parent()
        .unwrap();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    shell
}

#[tokio::test]
async fn the_base_of_the_page_pays_and_ships_as_the_page_says() {
    for name in ["settings", "base", "service", "push"] {
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
    let run = move || shell(&script).output();
    let done = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    assert!(done.status.success(), "{done:?}");
    world
        .until("the shop and the portal have it shipped", async || {
            world.shop.status("1001") == "F" && world.stage("1001") == "WON"
        })
        .await;
    assert_eq!(letters(&world).await, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn the_service_of_the_page_gets_orders_at_once_and_again_where_a_person_says_so() {
    let ([service, _], [push, _]) = (blocks("service"), blocks("push"));
    let own = |text: &str, address: &str| {
        text.replace("127.0.0.1:8091", address)
            .replace("PASSWORD", PASSWORD)
    };
    let address = format!("127.0.0.1:{}", free_port());
    // The shell becomes the service, so that it ends with the test.
    let script = service.replace("b24-bridge sandbox", "exec b24-bridge sandbox");
    let (pipe, command) = script.split_once(" | ").unwrap();
    let password = pipe.strip_prefix("printf '%s\\n' ").unwrap();
    let mut shell = shell(&own(command.trim_end().trim_end_matches('&'), &address));
    shell.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut played = Running(shell.spawn().unwrap());
    let mut input = played.0.stdin.take().unwrap();
    writeln!(input, "{}", own(password, &address)).unwrap();
    let mut lines = BufReader::new(played.0.stdout.take().unwrap()).lines();
    let url = lines.next().unwrap().unwrap();
    let (_, rest) = push.split_once("<<END\n").unwrap();
    let (tables, rest) = rest.split_once("END\n").unwrap();
    let tables = own(tables, &address).replace("onec.main", "onec.trade");
    assert!(tables.contains(&url), "{tables}: {url}");
    let world = World::new(with_base(&tables)).await;
    world.ordered("1001").await;
    let line = tokio::task::spawn_blocking(move || (lines.next(), lines));
    let (line, mut lines) = line.await.unwrap();
    let line = line.unwrap().unwrap();
    assert!(
        line.starts_with("1001 ") && line.contains("received once"),
        "{line}"
    );
    let resend = rest.lines().last().unwrap();
    let words: Vec<&str> = resend.split_whitespace().skip(1).collect();
    assert!(world.command(&words).await.0);
    let line = tokio::task::spawn_blocking(move || lines.next());
    let line = line.await.unwrap().unwrap().unwrap();
    assert!(line.contains("received 2 times"), "{line}");
    let (_, doctor) = world.command(&["doctor"]).await;
    let fine = "HTTP service of 1C base trade: can be reached, and takes the login";
    assert!(doctor.contains(fine), "{doctor}");
    let known = format!("password = \"{PASSWORD}\"");
    world.edit_settings(&known, "password = \"another\"");
    let (_, doctor) = world.command(&["doctor"]).await;
    assert!(doctor.contains("ONEC-PUSH-LOGIN"), "{doctor}");
    drop(played);
    let (_, doctor) = world.command(&["doctor"]).await;
    assert!(doctor.contains("ONEC-PUSH-DOWN"), "{doctor}");
}
