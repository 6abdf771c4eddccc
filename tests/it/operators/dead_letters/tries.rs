//! An order that is refused and still tried is put right or given up before it dies; a worker that
//! has claimed it meanwhile brings nothing back.

use super::{accept, anna};
use crate::support::{
    database::Database,
    shop::{app, claim, done, event, lease, main_shop, refused, tries},
};
use b24_bridge::{
    app::{App, Claim, Error, LetterFilter, RetryOutcome, StillTried},
    planner::Settlement,
    storage::queue::lanes::Lease,
};
use serde_json::{Value, json};
use std::time::Duration;

async fn settle(app: &App, lease: &Lease, claim: Claim, with: Settlement) {
    let ended = vec![(claim, with)];
    app.delivery.settle(lease, &tries(), ended).await.unwrap();
}

/// The one due order.
async fn claimed(app: &App, lease: &Lease) -> Claim {
    loop {
        if let Some((claim, _)) = claim(app, lease).await.pop() {
            return claim;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// An order that was refused once.
async fn refused_once(db: &Database) -> (App, Lease) {
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, "e1", "A-1", 1).await;
    let claim = claimed(&app, &lease).await;
    settle(&app, &lease, claim, refused()).await;
    (app, lease)
}

async fn tried(app: &App) -> Option<StillTried> {
    let tried = app.dead_letters.still_tried(&main_shop(), "A-1").await;
    tried.unwrap()
}

async fn open(app: &App) -> usize {
    let filter = LetterFilter::default();
    let page = app.dead_letters.dead_letters(&filter).await.unwrap();
    page.items.len()
}

async fn view(app: &App) -> (i64, Option<u64>, Vec<String>) {
    let order = app.operations.order_view(&main_shop(), "A-1").await;
    let order = order.unwrap().unwrap();
    let texts = order.timeline.into_iter().map(|one| one.text).collect();
    (order.pending, order.deal_id, texts)
}

fn mended(email: &str) -> Value {
    let mut data = event("e1", "A-1", 1)["data"].clone();
    data["customer"]["emails"] = json!([email]);
    data
}

#[tokio::test]
async fn what_was_refused_is_shown_with_the_fields_that_its_code_points_at() {
    let db = Database::new().await;
    let (app, lease) = (
        app(&db.pool, &["main"]),
        lease(&db.pool, "w").await.unwrap(),
    );
    let mut bad = event("e1", "A-1", 1);
    bad["data"]["customer"]["emails"] = json!(["anna@"]);
    let taken = app.intake.accept_events(Some(&main_shop()), &[bad]).await;
    assert_eq!(taken.unwrap()[0].word(), "queued");
    assert_eq!(tried(&app).await, None, "nothing was refused yet");
    let claim = claimed(&app, &lease).await;
    settle(&app, &lease, claim, refused()).await;
    let tried = tried(&app).await.unwrap();
    assert_eq!((&*tried.code, tried.attempts), ("B24-EMAIL", 1));
    let fields: Vec<_> = tried
        .wrong
        .iter()
        .map(|field| (&*field.pointer, &*field.value))
        .collect();
    assert_eq!(fields, [("/data/customer/emails/0", "anna@")]);
}

#[tokio::test]
async fn a_mended_order_goes_out_and_a_claim_of_what_it_was_changes_nothing() {
    let (anna, shop) = (anna(), main_shop());
    let db = Database::new().await;
    let (app, lease) = refused_once(&db).await;
    let old = claimed(&app, &lease).await;
    let before = tried(&app).await.unwrap();
    let order = (&shop, "A-1");
    let sent = app
        .dead_letters
        .mend_tried(order, before.event, &anna, mended("anna@example.org"));
    assert_eq!(sent.await.unwrap(), RetryOutcome::Queued);
    // Who was at work on the old one hears that it is refused again.
    settle(&app, &lease, old, refused()).await;
    assert_eq!((tried(&app).await, open(&app).await), (None, 0));
    let new = claimed(&app, &lease).await;
    assert_ne!(new.event, before.event);
    settle(&app, &lease, new, done(5)).await;
    let (pending, deal, life) = view(&app).await;
    assert_eq!((pending, deal), (0, Some(5)));
    assert!(
        life.iter().any(|text| text.contains("operator:anna")),
        "{life:?}"
    );
    let again = app
        .dead_letters
        .mend_tried(order, before.event, &anna, mended("anna@example.org"));
    assert!(matches!(again.await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_correction_that_cannot_be_used_leaves_the_order_in_the_queue() {
    let (anna, shop) = (anna(), main_shop());
    let db = Database::new().await;
    let (app, lease) = refused_once(&db).await;
    let before = tried(&app).await.unwrap();
    let mut wrong = mended("anna@example.org");
    wrong["currency"] = json!("rubles");
    let sent = app
        .dead_letters
        .mend_tried((&shop, "A-1"), before.event, &anna, wrong)
        .await;
    let Err(Error::Invalid(faults)) = sent else {
        panic!("{sent:?}")
    };
    assert_eq!(faults[0].pointer, "/data/currency");
    assert_eq!((tried(&app).await.is_some(), open(&app).await), (true, 0));
    claimed(&app, &lease).await;
}

#[tokio::test]
async fn an_order_that_is_given_up_stays_so_whatever_the_worker_at_it_hears() {
    for ended in [refused(), done(9)] {
        let (anna, shop) = (anna(), main_shop());
        let db = Database::new().await;
        let (app, lease) = refused_once(&db).await;
        let old = claimed(&app, &lease).await;
        let event = tried(&app).await.unwrap().event;
        let order = (&shop, "A-1");
        let given_up = app
            .dead_letters
            .give_up_tried(order, event, &anna, "the customer gave up");
        given_up.await.unwrap();
        let deal = ended.known.target.is_some();
        settle(&app, &lease, old, ended).await;
        assert_eq!((tried(&app).await, open(&app).await), (None, 0));
        assert!(claim(&app, &lease).await.is_empty());
        let (pending, known, life) = view(&app).await;
        assert_eq!((pending, known.is_some()), (0, deal), "{life:?}");
        let words = |text: &String| text.contains("the customer gave up");
        assert!(life.iter().any(words), "{life:?}");
        // What the shop says next is sent as ever.
        accept(&app, "e2", "A-1", 2).await;
        let next = claimed(&app, &lease).await;
        settle(&app, &lease, next, done(9)).await;
        assert_eq!(view(&app).await.0, 0);
    }
}
