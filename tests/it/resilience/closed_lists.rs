//! Columns that hold one word of a closed list: the constraint in the database and the words of the
//! code are the same.

use crate::support::database::Database;
use b24_bridge::{
    activities::ActivityKind,
    app::BulkAction,
    domain::{ReceiptKind, ShortageAct, ShortageCause, Side},
    formats::{forms, onec::facts::FactKind},
    stock::NameKind,
    storage::{
        AskedBy, BulkState, CataloguePart, ClosedHow, ConflictEnd, CustomerCard, DecisionAction,
        DecisionBasis, DecisionWinner, DocumentKind, DocumentState, EventKind, EventState,
        ExchangeKind, HintEntity, ImportState, InboxState, LetterAbout, LinkEntity, ListKind,
        MessageKind, MessageSource, MessageState, MoveCause, OfferState, OrderIdKind,
        PublishedOutcome, PushState, ReservationState, ShortageEnd, StockEventKind, SubjectKind,
        journal::LineKind,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// The words of an enum.
macro_rules! of {
    ($name:path) => {{
        use $name as Words;
        Words::ALL.iter().map(|one| one.as_str()).collect()
    }};
}

/// The columns whose rows are read or written as an enum, each with its words.
fn enums() -> Vec<(&'static str, BTreeSet<&'static str>)> {
    vec![
        ("activities.kind", of!(ActivityKind)),
        ("bulk_jobs.action", of!(BulkAction)),
        ("bulk_jobs.state", of!(BulkState)),
        ("comparisons.why", of!(AskedBy)),
        ("conflicts.closed_how", of!(ConflictEnd)),
        ("conflicts.winner", of!(Side)),
        ("dead_letters.about", of!(LetterAbout)),
        ("dead_letters.closed_how", of!(ClosedHow)),
        ("decisions.action", of!(DecisionAction)),
        ("decisions.basis", of!(DecisionBasis)),
        ("decisions.winner", of!(DecisionWinner)),
        ("inbox.state", of!(InboxState)),
        ("links.entity", of!(LinkEntity)),
        ("onec_bases.id_kind", of!(OrderIdKind)),
        ("onec_documents.kind", of!(DocumentKind)),
        ("onec_documents.state", of!(DocumentState)),
        ("onec_facts.kind", of!(FactKind)),
        ("onec_files.kind", of!(ExchangeKind)),
        ("onec_imports.state", of!(ImportState)),
        ("onec_lists.kind", of!(ListKind)),
        ("onec_offers.state", of!(OfferState)),
        ("onec_pushes.state", of!(PushState)),
        ("onec_sessions.catalogue_part", of!(CataloguePart)),
        ("onec_sessions.kind", of!(ExchangeKind)),
        ("outbox.kind", of!(EventKind)),
        ("outbox.state", of!(EventState)),
        ("published.outcome", of!(PublishedOutcome)),
        ("receipts.kind", of!(ReceiptKind)),
        ("refused_cards.entity", of!(CustomerCard)),
        ("reservations.state", of!(ReservationState)),
        ("shop_messages.kind", of!(MessageKind)),
        ("shop_messages.state", of!(MessageState)),
        ("shortages.cause", of!(ShortageCause)),
        ("shortages.closed_how", of!(ShortageEnd)),
        ("shortages.rule", of!(ShortageAct)),
        ("status_changes.source", of!(MessageSource)),
        ("status_changes.state", of!(MessageState)),
        ("stock_events.kind", of!(StockEventKind)),
        ("stock_moves.cause", of!(MoveCause)),
        ("stock_product_keys.kind", of!(NameKind)),
        ("subjects.kind", of!(SubjectKind)),
        ("submissions.verdict", of!(forms::Verdict)),
        ("till_hints.entity", of!(HintEntity)),
        ("timeline.kind", of!(LineKind)),
    ]
}

/// The words that each column's constraint allows.
async fn constraints(db: &Database) -> BTreeMap<String, BTreeSet<String>> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT t.relname || '.' || a.attname, pg_get_constraintdef(c.oid)
         FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
         JOIN pg_namespace n ON n.oid = t.relnamespace
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1]
         WHERE n.nspname = 'bridge' AND c.contype = 'c' AND cardinality(c.conkey) = 1
           AND pg_get_constraintdef(c.oid) LIKE '%ANY (ARRAY[%'",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    let words = |rule: &str| {
        let quoted = rule.split('\'').skip(1).step_by(2);
        quoted.map(str::to_owned).collect()
    };
    let all = found
        .iter()
        .map(|(column, rule)| (column.clone(), words(rule)));
    all.collect()
}

#[tokio::test]
async fn every_closed_list_of_the_database_has_the_words_of_the_code_and_no_other() {
    let found = constraints(&Database::new().await).await;
    let told: BTreeMap<String, BTreeSet<String>> = enums()
        .into_iter()
        .map(|(column, words)| {
            let words = words.into_iter().map(str::to_owned);
            (column.to_owned(), words.collect())
        })
        .collect();
    assert_eq!(told.len(), enums().len(), "none is told twice");
    for (column, words) in &told {
        assert_eq!(found.get(column), Some(words), "{column}");
    }
    let untold: Vec<_> = found
        .keys()
        .filter(|column| !told.contains_key(*column))
        .collect();
    assert!(untold.is_empty(), "give them an enum: {untold:?}");
}

/// What an enum is stored as is its word, and a row with that word is read as it.
#[tokio::test]
async fn a_state_is_stored_as_its_word_and_read_from_it() {
    let db = Database::new().await;
    macro_rules! both_ways {
        ($name:ident) => {
            for one in $name::ALL {
                let (word, back): (String, $name) = sqlx::query_as("SELECT $1::text, $2::text")
                    .bind(one)
                    .bind(one.as_str())
                    .fetch_one(&db.pool)
                    .await
                    .unwrap();
                assert_eq!((&*word, back), (one.as_str(), *one));
            }
            let odd = sqlx::query_scalar::<_, $name>("SELECT 'odd'::text");
            assert!(odd.fetch_one(&db.pool).await.is_err());
        };
    }
    both_ways!(AskedBy);
    both_ways!(BulkState);
    both_ways!(ClosedHow);
    both_ways!(ConflictEnd);
    both_ways!(CustomerCard);
    both_ways!(DecisionAction);
    both_ways!(DecisionBasis);
    both_ways!(DecisionWinner);
    both_ways!(DocumentKind);
    both_ways!(DocumentState);
    both_ways!(EventKind);
    both_ways!(EventState);
    both_ways!(ExchangeKind);
    both_ways!(HintEntity);
    both_ways!(ImportState);
    both_ways!(InboxState);
    both_ways!(LetterAbout);
    both_ways!(LinkEntity);
    both_ways!(ListKind);
    both_ways!(MessageKind);
    both_ways!(MessageSource);
    both_ways!(MessageState);
    both_ways!(MoveCause);
    both_ways!(OfferState);
    both_ways!(OrderIdKind);
    both_ways!(PublishedOutcome);
    both_ways!(PushState);
    both_ways!(ReceiptKind);
    both_ways!(ReservationState);
    both_ways!(ShortageAct);
    both_ways!(ShortageCause);
    both_ways!(ShortageEnd);
    both_ways!(Side);
    both_ways!(StockEventKind);
    both_ways!(SubjectKind);
}
