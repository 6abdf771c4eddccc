//! When a form goes to the portal while other things are on their way, and under which number.

use super::{ANNA, Site};
use crate::support::shop::{event, main_shop};
use b24_bridge::{app::Accepted, sandbox, storage::schema::installation};
use serde_json::Value;
use std::time::Duration;

const ORDERS: usize = 150;

#[tokio::test]
async fn a_form_goes_beside_the_orders_that_are_under_way() {
    let portal = sandbox::Options::default().latency(Duration::from_millis(200));
    let site = Site::idle(portal).await;
    let orders: Vec<Value> = (0..ORDERS)
        .map(|nth| event(&format!("order {nth}"), &format!("A-{nth}"), 1))
        .collect();
    let shop = main_shop();
    let taken = site.app.intake.accept_events(Some(&shop), &orders).await;
    assert!(taken.unwrap().iter().all(|one| *one == Accepted::Queued));
    site.work();
    site.until("orders are under way", async |site| {
        !site.portal.deals().is_empty()
    })
    .await;
    site.send("leads", &ANNA).await;
    site.until("the lead is there", async |site| {
        !site.portal.leads().is_empty()
    })
    .await;
    let deals = site.portal.deals().len();
    assert!(deals < ORDERS, "it waited for all of them");
    site.done(1).await;
}

#[tokio::test]
async fn a_number_that_was_given_before_a_restore_is_not_given_again() {
    let site = Site::new(sandbox::Options::default()).await;
    site.send("leads", &ANNA).await;
    site.done(1).await;
    // What an older dump, or an empty database, knows of it.
    for lost in [
        "DELETE FROM bridge.subjects",
        "DELETE FROM bridge.submissions",
        "ALTER SEQUENCE bridge.submissions_id_seq RESTART",
    ] {
        sqlx::query(lost).execute(&site.db.pool).await.unwrap();
    }
    let started = async || {
        let mut db = site.db.pool.acquire().await.unwrap();
        installation::number_anew(&mut db).await.unwrap();
    };
    started().await;
    for (done, phone) in [(1, "89160000001"), (2, "89160000002")] {
        site.send("leads", &[("name", "Вера"), ("phone", phone)])
            .await;
        site.done(done).await;
        assert_eq!(site.portal.leads().len(), done + 1, "each has its own lead");
        started().await;
    }
    let [newer, older] = &site.submissions().await[..] else {
        panic!("two");
    };
    assert!(newer.id > older.id && older.id > 1_700_000_000_000);
}
