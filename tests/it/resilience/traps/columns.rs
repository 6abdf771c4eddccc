//! Every column of JSON: who reads it, and what is told if that cannot be done. What stands in one
//! is never taken as absent; the neighbours go on.

use super::{letters, until};
use crate::{
    delivery::isolation::{World, order, orders},
    support::{database::Database, shop::main_shop},
};
use b24_bridge::app::{Accepted, ConflictFilter};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

/// Who reads a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadBy {
    /// The comparison of an order, whose letter tells: see `stored`.
    Comparison,
    /// The way in: a newer event of the order is answered with it, and is not stored.
    Intake,
    /// The wave that writes an order, whose letter tells.
    Wave,
    /// The lane: a trouble of it tells.
    Lane,
    /// The reader of what another system sent, whose fault is a letter of its own.
    Input,
    /// Whoever looks: a letter, a job, a shortage tells it of itself.
    View,
    /// Nobody: it is shown, compared with another, sent on or looked into by SQL as it is.
    AsItIs,
}

const COLUMNS: [(&str, ReadBy); 49] = [
    ("agreements.agreed", ReadBy::Comparison),
    ("agreements.lost", ReadBy::Comparison),
    ("agreements.ruling", ReadBy::Comparison),
    ("agreements.standing", ReadBy::AsItIs),
    ("agreements.turns", ReadBy::Comparison),
    ("agreements.waiting", ReadBy::Comparison),
    ("agreements.writing", ReadBy::Comparison),
    ("audit.detail", ReadBy::AsItIs),
    ("audit.what", ReadBy::AsItIs),
    ("bearers.names", ReadBy::Wave),
    ("bulk_jobs.filter", ReadBy::View),
    ("clocks.samples", ReadBy::Lane),
    ("conflicts.what", ReadBy::AsItIs),
    ("dead_letters.payload", ReadBy::View),
    ("decisions.inputs", ReadBy::View),
    ("decisions.outcome", ReadBy::AsItIs),
    ("decisions.what", ReadBy::AsItIs),
    ("inbox.body", ReadBy::AsItIs),
    ("onec_bases.prefixes", ReadBy::AsItIs),
    ("onec_births.snapshot", ReadBy::AsItIs),
    ("onec_contents.data", ReadBy::Wave),
    ("onec_customers.data", ReadBy::AsItIs),
    ("onec_documents.what", ReadBy::AsItIs),
    ("onec_facts.data", ReadBy::Input),
    ("onec_imports.notes", ReadBy::AsItIs),
    ("onec_lists.detail", ReadBy::Lane),
    ("onec_products.product", ReadBy::Lane),
    ("onec_products.variant", ReadBy::AsItIs),
    ("open_dead_letters.payload", ReadBy::AsItIs),
    ("orders.age", ReadBy::Intake),
    ("orders.known", ReadBy::Wave),
    ("orders.said", ReadBy::Comparison),
    ("orders_short.lines", ReadBy::AsItIs),
    ("outbox.body", ReadBy::Input),
    ("published.event", ReadBy::Input),
    ("receipts.body", ReadBy::Input),
    ("receipts.lines", ReadBy::Input),
    ("receipts.parked", ReadBy::AsItIs),
    ("refused_cards.person", ReadBy::Wave),
    ("reservation_shipments.answer", ReadBy::AsItIs),
    ("shop_messages.body", ReadBy::AsItIs),
    ("shortages.inputs", ReadBy::View),
    ("shortages.outcome", ReadBy::AsItIs),
    ("subjects.body", ReadBy::Input),
    ("subjects.known", ReadBy::Wave),
    ("submissions.body", ReadBy::Input),
    ("timeline.detail", ReadBy::AsItIs),
    ("timeline.what", ReadBy::AsItIs),
    ("under_way.what", ReadBy::Wave),
];

#[tokio::test]
async fn it_is_known_of_every_column_of_json_who_tells_that_it_cannot_be_read() {
    let db = Database::new().await;
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT table_name || '.' || column_name FROM information_schema.columns
         WHERE table_schema = 'bridge' AND data_type IN ('json', 'jsonb')",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let known: BTreeSet<&str> = COLUMNS.iter().map(|(column, _)| *column).collect();
    assert_eq!(found, known, "say of a new one who reads it, and test that");
}

/// The columns that a reader reads, of the tables that a test of orders has rows in.
fn columns_of(reader: ReadBy) -> Vec<&'static str> {
    let own = COLUMNS.iter().filter(|(_, by)| *by == reader);
    let columns = own.map(|(column, _)| *column);
    let elsewhere = [
        "subjects.known",
        "onec_contents.data",
        "onec_lists.detail",
        "onec_products.product",
    ];
    columns
        .filter(|column| !elsewhere.contains(column))
        .collect()
}

/// Puts something into a column that its type does not have; of one order, if the table is one of
/// orders.
async fn spoil(db: &Database, column: &str, number: &str) {
    let sql = match column {
        "refused_cards.person" => format!(
            "INSERT INTO bridge.refused_cards
               (portal, shop, entity, value, bitrix_id, person, number, actor)
             VALUES ('main', 'main', 'contact', 'order:{number}', 7, '\"odd\"', '{number}', 'anna')"
        ),
        "under_way.what" => format!(
            "INSERT INTO bridge.under_way (shop, number, portal, epoch, what, lands_until)
             VALUES ('main', '{number}', 'main', 1, '\"odd\"', now())"
        ),
        "bearers.names" => {
            format!("UPDATE bridge.bearers SET names = '\"odd\"' WHERE customer_id = 'c-{number}'")
        }
        "clocks.samples" => "UPDATE bridge.clocks SET samples = '\"odd\"'".to_owned(),
        _ => {
            let (table, name) = column.split_once('.').unwrap();
            format!("UPDATE bridge.{table} SET {name} = '\"odd\"' WHERE number = '{number}'")
        }
    };
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
        .execute(&db.pool)
        .await;
    assert!(done.unwrap().rows_affected() > 0, "{column} of {number}");
}

/// The orders again, changed.
fn changed(many: usize) -> Vec<Value> {
    let next = |n: usize| {
        let mut event = order(&format!("A{n}"));
        event["id"] = format!("f-A{n}").into();
        event["data"]["version"] = 2.into();
        event["data"]["total"] = "250.00".into();
        event
    };
    (0..many).map(next).collect()
}

async fn orders_in_the_portal(many: usize) -> World {
    let world = World::new().await;
    world.post(&orders(many)).await;
    world.settled(Duration::from_secs(20)).await;
    world
}

fn deals_with(world: &World, total: &str) -> usize {
    let deals = world.portal.deals();
    deals
        .iter()
        .filter(|deal| deal["OPPORTUNITY"] == total)
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_of_an_order_and_cannot_be_read_is_its_letter() {
    let columns = columns_of(ReadBy::Wave);
    let many = columns.len() + 3;
    let (portal, db) = orders_in_the_portal(many).await.end().await;
    for (n, column) in columns.iter().enumerate() {
        spoil(&db, column, &format!("A{n}")).await;
    }
    let world = World::start(portal, db);
    world.post(&changed(many)).await;
    world.settled(Duration::from_secs(20)).await;
    let all = letters(&world.app).await;
    for (n, column) in columns.iter().enumerate() {
        let number = format!("A{n}");
        let letter = all.iter().find(|one| one.number.as_ref() == Some(&number));
        let letter = letter.unwrap_or_else(|| panic!("no letter of {number}, {column}"));
        assert_eq!(letter.code, "BRIDGE-BUG");
        let (table, name) = column.split_once('.').unwrap();
        let place = format!("bridge.{table} holds what this version cannot read: `{name}` of");
        assert!(letter.message.contains(&place), "{}", letter.message);
        assert_eq!(world.deals_of(&number), 1, "{number} has its one deal");
    }
    assert_eq!(all.len(), columns.len(), "{all:?}");
    assert_eq!(deals_with(&world, "250.00"), 3, "the neighbours go on");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_an_order_whose_age_cannot_be_read_is_answered_with_that() {
    let columns = columns_of(ReadBy::Intake);
    assert_eq!(columns, ["orders.age"]);
    let world = orders_in_the_portal(4).await;
    spoil(&world.db, "orders.age", "A1").await;
    let shop = main_shop();
    let events = changed(4);
    let answers = world.app.intake.accept_events(Some(&shop), &events).await;
    let answers = answers.unwrap();
    for (n, answer) in answers.iter().enumerate() {
        match (n, answer) {
            (1, Accepted::Failed(why)) => {
                let place = "bridge.orders holds what this version cannot read: `age` of A1 ";
                assert!(why.contains(place), "{why}");
            }
            (1, other) => panic!("{other:?}"),
            (_, answer) => assert_eq!(*answer, Accepted::Queued),
        }
    }
    world.settled(Duration::from_secs(20)).await;
    assert_eq!(deals_with(&world, "250.00"), 3, "the neighbours go on");
    // Nothing of it is stored: mended, the same event is taken.
    let mend = "UPDATE bridge.orders o SET age = n.age || jsonb_build_object('head', o.head_id)
                FROM bridge.orders n WHERE o.number = 'A1' AND n.number = 'A0'";
    sqlx::query(mend).execute(&world.db.pool).await.unwrap();
    let again = world.app.intake.accept_events(Some(&shop), &events[1..2]);
    assert_eq!(again.await.unwrap(), [Accepted::Queued]);
    world.settled(Duration::from_secs(20)).await;
    assert_eq!(deals_with(&world, "250.00"), 4);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_whose_samples_cannot_be_read_is_a_trouble_and_measured_anew() {
    assert_eq!(columns_of(ReadBy::Lane), ["clocks.samples"]);
    let (portal, db) = orders_in_the_portal(3).await.end().await;
    spoil(&db, "clocks.samples", "").await;
    let world = World::start(portal, db);
    world.post(&changed(3)).await;
    world.settled(Duration::from_secs(20)).await;
    assert_eq!(deals_with(&world, "250.00"), 3, "nothing waits for a clock");
    assert_eq!(letters(&world.app).await.len(), 0);
    let trouble = "SELECT message FROM bridge.troubles WHERE lane = 'main' AND code = 'BRIDGE-BUG'";
    until("a trouble", async || {
        let told: Option<String> = sqlx::query_scalar(trouble)
            .fetch_optional(&world.db.pool)
            .await
            .unwrap();
        let place = "bridge.clocks holds what this version cannot read: `samples` of ";
        told.is_some_and(|told| told.contains(place))
    })
    .await;
    let odd = "SELECT count(*) FROM bridge.clocks WHERE jsonb_typeof(samples) <> 'object'";
    until("measured anew", async || {
        super::count(&world.db, odd).await == 0
    })
    .await;
    world.end().await;
}

/// An open conflict about an order, whose decision rests on this.
async fn conflict(db: &Database, number: &str, inputs: &str) {
    sqlx::query(
        "WITH decided AS (
             INSERT INTO bridge.decisions (portal, shop, number, action, basis, sentence, inputs,
                                           outcome)
             VALUES ('main', 'main', $1, 'review', 'rule', 'a person decides', $2::jsonb, '{}')
             RETURNING id)
         INSERT INTO bridge.conflicts (portal, shop, number, decision_id, code, sentence, status,
                                       stage)
         SELECT 'main', 'main', $1, id, 'SHOP-CONFLICT', 'a person decides', 'N', 'NEW'
         FROM decided",
    )
    .bind(number)
    .bind(inputs)
    .execute(&db.pool)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_at_an_order_or_a_conflict_is_told_what_of_it_cannot_be_read() {
    let world = orders_in_the_portal(2).await;
    let odd = "UPDATE bridge.orders SET known = jsonb_set(known, '{recognised}', '\"odd\"')
               WHERE number = 'A0'";
    sqlx::query(odd).execute(&world.db.pool).await.unwrap();
    let shop = main_shop();
    let view = async |number: &str| {
        let view = world.app.operations.order_view(&shop, number).await;
        view.unwrap().unwrap()
    };
    let told = view("A0").await.fault.unwrap();
    let place = "bridge.orders holds what this version cannot read: `known` of A0 of the shop main";
    assert!(told.contains(place), "{told}");
    let fine = view("A1").await;
    assert_eq!(fine.fault, None);
    assert!(fine.recognised.is_some());
    conflict(&world.db, "A0", "{\"portal\": {\"value\": 7}}").await;
    conflict(&world.db, "A1", "{\"portal\": null}").await;
    let page = world.app.sync.conflicts(&ConflictFilter::default()).await;
    let items = page.unwrap().items;
    let faults: Vec<_> = items.iter().map(|one| one.fault.as_deref()).collect();
    let [Some(told), None] = faults[..] else {
        panic!("{faults:?}");
    };
    let place = "bridge.decisions holds what this version cannot read: `inputs` of the decision on";
    assert!(told.contains(place), "{told}");
    assert_eq!(items[0].if_portal, None);
    world.end().await;
}
