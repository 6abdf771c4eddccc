//! The commands about stages that come back.

use super::world::{Plot, World};
use serde_json::Value;

fn silent() -> Plot {
    Plot {
        webhooks: false,
        reconcile_seconds: 3_600,
        settings: "[[shops.main.rules]]\nwinner = \"review\"".to_owned(),
        ..Plot::default()
    }
}

#[tokio::test]
async fn reconcile_says_what_differs_and_decides_it_with_or_without_a_worker() {
    let mut world = World::new(silent()).await;
    let first = world.ordered("A-1").await;
    let second = world.ordered("A-2").await;
    world.portal.move_deal(first, "WON");
    let (fine, said) = world.command(&["reconcile", "--dry-run"]).await;
    assert!(
        fine && said.contains("main/A-1: deal 1 stands in WON, agreed was NEW"),
        "{said}"
    );
    assert!(!said.contains("A-2"), "{said}");
    assert_eq!(world.shop.status("A-1"), "N", "a dry run does nothing");
    let (fine, said) = world.command(&["reconcile"]).await;
    assert!(fine && said.contains("the shop is told F"), "{said}");
    world
        .until("told", async || world.shop.status("A-1") == "F")
        .await;
    world.kill();
    world.portal.move_deal(second, "PREPAYMENT_INVOICE");
    let (fine, said) = world.command(&["reconcile", "--json"]).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert!(fine);
    assert_eq!(said["items"][0]["order"]["number"], "A-2");
    assert!(
        said["items"][0]["decided"]
            .as_str()
            .unwrap()
            .contains("the shop is told A"),
        "{said}"
    );
    let since = ["reconcile", "--dry-run", "--since", "2199-01-01T00:00:00Z"];
    world.portal.move_deal(second, "WON");
    let (fine, said) = world.command(&since).await;
    assert!(fine && said.is_empty(), "{said}");
}

#[tokio::test]
async fn a_conflict_is_listed_shown_and_resolved_from_a_terminal() {
    let mut world = World::new(Plot {
        webhooks: true,
        reconcile_seconds: 1,
        ..silent()
    })
    .await;
    let deal = world.ordered("A-1").await;
    world.kill();
    world.shop.set("A-1", "A");
    world.portal.move_deal(deal, "WON");
    world.start().await;
    world
        .until("asked", async || {
            world
                .command(&["conflicts", "list"])
                .await
                .1
                .contains("main/A-1")
        })
        .await;
    let (_, list) = world.command(&["conflicts", "list", "--json"]).await;
    let list: Value = serde_json::from_str(&list).unwrap();
    let id = list["items"][0]["id"].to_string();
    let (fine, said) = world.command(&["conflicts", "show", &id]).await;
    assert!(
        fine && said.contains("the shop is told F")
            && said.contains("the deal goes to PREPAYMENT_INVOICE"),
        "{said}"
    );
    let resolve = ["conflicts", "resolve", &id, "--winner", "portal"];
    assert!(world.command(&resolve).await.0);
    world
        .until("told", async || world.shop.status("A-1") == "F")
        .await;
    world.in_sync("A-1").await;
    assert!(!world.command(&resolve).await.0, "it was decided before");
    let (_, life) = world.command(&["orders", "show", "main", "A-1"]).await;
    assert!(
        life.contains("decided that the portal is right") && life.contains("portal's clock"),
        "{life}"
    );
}
