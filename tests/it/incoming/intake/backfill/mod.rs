//! A history of orders from a file.

mod import;
mod turns;
mod world;

use crate::support::{
    database::Database,
    shop::{app, claim, event, lease, main_shop},
};
use b24_bridge::app::Backfill;

fn lines(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    let order = |number| event("any", &format!("H-{number}"), 1)["data"].to_string();
    numbers.map(|number| order(number).into_bytes()).collect()
}

#[tokio::test]
async fn a_history_goes_on_where_it_was_interrupted_and_takes_nothing_twice() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let of = Backfill {
        shop: main_shop(),
        file: [7; 32],
        import: false,
    };
    assert_eq!(app.intake.backfill_position(&of).await.unwrap(), 0);
    let mut first = lines(0..3);
    first.insert(1, b"{broken".to_vec());
    let step = app.intake.backfill(&of, 0, &first).await.unwrap();
    assert_eq!((step.queued, step.known, step.done), (3, 0, 4));
    assert_eq!(step.refused[0].0, 2);
    assert_eq!(app.intake.backfill_position(&of).await.unwrap(), 4);
    let late = app.intake.backfill(&of, 0, &first).await.unwrap();
    assert_eq!((late.queued, late.known, late.done), (0, 0, 4));
    let again = Backfill {
        file: [8; 32],
        ..of
    };
    let step = app.intake.backfill(&again, 0, &lines(0..4)).await.unwrap();
    assert_eq!(
        (step.queued, step.known),
        (1, 3),
        "another file, three of its orders are known"
    );
}

#[tokio::test]
async fn history_waits_until_nothing_else_is_due() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let of = Backfill {
        shop: main_shop(),
        file: [7; 32],
        import: false,
    };
    app.intake.backfill(&of, 0, &lines(0..60)).await.unwrap();
    let now = [event("e1", "A-1", 1), event("e2", "H-5", 2)];
    app.intake
        .accept_events(Some(&main_shop()), &now)
        .await
        .unwrap();
    let lease = lease(&db.pool, "one").await.unwrap();
    let mut numbers: Vec<_> = claim(&app, &lease)
        .await
        .into_iter()
        .map(|(claim, _)| claim.number)
        .collect();
    numbers.sort();
    assert_eq!(numbers, ["A-1", "H-5"]);
    sqlx::query("UPDATE bridge.orders SET due_at = NULL, waits_since = NULL WHERE NOT later")
        .execute(&db.pool)
        .await
        .unwrap();
    assert_eq!(claim(&app, &lease).await.len(), 48, "a small wave");
}

#[tokio::test]
async fn that_an_order_is_to_be_imported_stands_with_it_until_the_shop_says_something_new() {
    let db = Database::new().await;
    let loader = app(&db.pool, &["main"]);
    let of = |file: u8, import| Backfill {
        shop: main_shop(),
        file: [file; 32],
        import,
    };
    loader
        .intake
        .backfill(&of(1, true), 0, &lines(0..2))
        .await
        .unwrap();
    loader
        .intake
        .backfill(&of(2, false), 0, &lines(2..3))
        .await
        .unwrap();
    let lease = lease(&db.pool, "one").await.unwrap();
    let imports = async || {
        // Another process, which has only the database.
        let worker = app(&db.pool, &["main"]);
        let claimed = claim(&worker, &lease).await;
        let mut imports: Vec<_> = claimed
            .into_iter()
            .map(|(claim, job)| (claim.number, job.import))
            .collect();
        imports.sort();
        imports
    };
    let named = |number: &str, import| (number.to_owned(), import);
    assert_eq!(
        imports().await,
        [named("H-0", true), named("H-1", true), named("H-2", false)]
    );
    let now = [event("e1", "H-1", 2)];
    loader
        .intake
        .accept_events(Some(&main_shop()), &now)
        .await
        .unwrap();
    assert_eq!(imports().await, [named("H-1", false)], "it is live now");
}
