//! What users of a base may do, and files that a person has taken in.

use super::{
    facts::{messages, payment, sends},
    statuses::{base_of, file, letters, says, with_base},
};
use crate::two_way::world::{Plot, World};
use serde_json::Value;

#[tokio::test]
async fn what_a_sender_may_not_say_is_named_and_carried_out_once_it_may() {
    let mut world = World::new(with_base("may = [\"export\", \"contents\"]\n")).await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    // What it was sent it may repeat.
    assert_eq!(says(&mut base, "A-1", "N").await, ["success"]);
    let said = says(&mut base, "A-1", "P").await;
    let named = |said: &[String], name: &str, what: &str| {
        let start = format!("{name}: ONEC-RIGHT");
        let mut lines = said.iter();
        lines.any(|line| line.starts_with(&start) && line.ends_with(what))
    };
    assert!(named(&said, "A-1", "statuses"), "{said:?}");
    let said = sends(&mut base, &[payment("PAY-1", "A-1", true)]).await;
    assert!(named(&said, "PAY-1", "payments"), "{said:?}");
    assert_eq!(world.shop.status("A-1"), "N");
    assert!(world.shop.with(|shop| shop.called.is_empty()));
    assert_eq!(letters(&world).await, Vec::<Value>::new());
    world.kill();
    let (less, more) = ("may = [\"export\", \"contents\"]", "may = [\"statuses\"]");
    world.edit_settings(less, more);
    world.start().await;
    world
        .until("the status is taken in", async || {
            world.shop.status("A-1") == "P"
        })
        .await;
    let refused = base.fetch_orders().await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn a_person_has_a_file_taken_in_as_if_1c_had_sent_it() {
    let world = World::new(Plot {
        callback: false,
        ..with_base("")
    })
    .await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payments.xml");
    let documents = [payment("PAY-1", "A-1", true), payment("PAY-2", "Z-9", true)];
    std::fs::write(&path, file(&documents)).unwrap();
    let path = path.to_str().unwrap();
    let (fine, told) = world.command(&["onec", "import", path, "--dry-run"]).await;
    assert!(fine && told.contains("2 documents beside orders"), "{told}");
    assert_eq!(messages(&world).await, Vec::<Value>::new());
    let (fine, told) = world.command(&["onec", "import", path]).await;
    assert!(!fine, "{told}");
    for part in ["payments.xml: taken in", "PAY-2: ONEC-UNKNOWN"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(messages(&world).await.len(), 1);
    let (_, told) = world.command(&["doctor"]).await;
    assert!(
        told.contains("documents of 1C base trade: refused: 1 ONEC-UNKNOWN"),
        "{told}"
    );
    let missing = world.command(&["onec", "import", "no-such-file.xml"]).await;
    assert!(!missing.0);
}
