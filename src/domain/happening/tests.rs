//! Every kind is said in both languages, and what is stored is read again.

use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

type Kind = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
);

/// Tables that a row of an order's life may hold.
fn events() -> [&'static [Kind]; 4] {
    [
        OrderEvent::KINDS,
        SyncEvent::KINDS,
        GoodsEvent::KINDS,
        Note::KINDS,
    ]
}

fn every_table() -> impl Iterator<Item = &'static Kind> {
    let parts: [&[Kind]; 8] = [
        Occasion::KINDS,
        DecisionReason::KINDS,
        Effect::KINDS,
        MoveFault::KINDS,
        Act::KINDS,
        Pause::KINDS,
        DocumentReason::KINDS,
        FileFault::KINDS,
    ];
    events().into_iter().chain(parts).flatten()
}

fn cyrillic(text: &str) -> bool {
    text.chars()
        .any(|c| matches!(c, 'а'..='я' | 'А'..='Я' | 'ё'))
}

/// The fields that stand in a sentence.
fn fields(sentence: &str) -> BTreeSet<&str> {
    let gaps = sentence.split('{').skip(1);
    gaps.filter_map(|gap| gap.split('}').next()).collect()
}

#[test]
fn every_kind_is_said_in_both_languages_with_all_its_fields() {
    for (kind, own, english, russian) in every_table() {
        let own: BTreeSet<&str> = own.iter().copied().collect();
        assert_eq!(fields(english), own, "{kind}");
        assert_eq!(fields(russian), own, "{kind}");
        assert!(!cyrillic(english), "{kind}");
        let bare = fields(russian)
            .iter()
            .fold((*russian).to_owned(), |text, field| {
                text.replace(&format!("{{{field}}}"), "")
            });
        assert!(cyrillic(russian) || bare.is_empty(), "{kind}");
    }
}

#[test]
fn no_two_tables_of_an_orders_life_have_the_same_kind() {
    let mut seen = BTreeSet::new();
    for (kind, fields, ..) in events().into_iter().flatten() {
        let twice = !seen.insert(*kind);
        // The same word with other fields would be read as the first that fits.
        assert!(!twice, "{kind} {fields:?}");
    }
}

#[test]
fn a_stored_kind_is_read_again_and_said_in_both_languages() {
    let stage = StageId("NEW".to_owned());
    let explanation = Explanation {
        occasion: Occasion::ShopAndDealChanged {
            from: "N".to_owned(),
            to: "P".to_owned(),
            stage_from: StageId("NEW".to_owned()),
            stage_to: StageId("WON".to_owned()),
        },
        reason: Some(DecisionReason::Rule {
            by: By::Rule(2),
            right: crate::domain::Side::Shop,
        }),
        effect: Effect::DealFollows {
            stage: StageId("PREPARATION".to_owned()),
        },
    };
    let all: [(Happening, &str, &str); 3] = [
        (
            SyncEvent::Decided { explanation }.into(),
            "the shop changed N to P while the deal was moved from NEW to WON; by rule 2 the shop \
             is right: the deal goes to PREPARATION.",
            "магазин сменил N на P, а сделку тем временем перенесли из NEW в WON; по правилу 2 \
             прав магазин: сделка идёт в PREPARATION.",
        ),
        (
            OrderEvent::Unchanged {
                card: Card::Deal(7),
                stage: InStage(Some(stage)),
            }
            .into(),
            "deal 7 in stage NEW: nothing to write",
            "сделка 7 на стадии NEW: изменений нет",
        ),
        (
            Note::PhoneLeftOut {
                phone: Quoted("8\"".to_owned()),
            }
            .into(),
            "the phone \"8\\\"\" cannot be a phone number and was left out",
            "телефон «8\"» не похож на номер и пропущен",
        ),
    ];
    for (event, english, russian) in all {
        let read = Stored::<Happening>::read(Stored::value(&event));
        assert_eq!(read, Stored::Known(event.clone()));
        assert_eq!(event.sentence(), english);
        let voice = Voice {
            language: Language::Ru,
            ..Voice::ENGLISH
        };
        assert_eq!(event.tell(voice), russian);
    }
}

#[test]
fn a_stage_is_said_by_the_portals_name_where_it_is_known() {
    let names = BTreeMap::from([("C5:EXECUTING".to_owned(), "In work".to_owned())]);
    let event = MoveFault::NotTaken {
        stage: StageId("C5:EXECUTING".to_owned()),
        stands: StageId("C5:OTHER".to_owned()),
    };
    let with_names = |language| Voice {
        language,
        stages: Some(&names),
        ..Voice::ENGLISH
    };
    assert_eq!(
        event.tell(with_names(Language::En)),
        "the portal answered that it moved the deal to “In work” (C5:EXECUTING), but the deal \
         stands in C5:OTHER"
    );
    assert_eq!(
        event.tell(with_names(Language::Ru)),
        "портал ответил, что перенёс сделку в «In work» (C5:EXECUTING), но она стоит в C5:OTHER"
    );
    assert_eq!(
        serde_json::to_value(&event).unwrap(),
        json!({ "kind": "not_taken", "stage": "C5:EXECUTING", "stands": "C5:OTHER" })
    );
}

#[test]
fn what_a_later_version_wrote_is_kept_as_it_is() {
    for later in [
        json!({ "v": 1, "kind": "teleported", "to": "Mars" }),
        json!({ "v": 2, "kind": "accepted", "event": "a-1" }),
        json!({ "v": 1, "kind": "accepted" }),
        json!({ "kind": "accepted", "event": "a-1" }),
        json!("accepted"),
        json!(null),
    ] {
        let read = Stored::<Happening>::read(later.clone());
        assert_eq!(read, Stored::Later(later.clone()));
        assert_eq!(serde_json::to_value(&read).unwrap(), later);
    }
}

proptest! {
    #[test]
    fn any_words_are_stored_and_read_again(words in any::<String>(), attempt in any::<i32>()) {
        let event = Happening::from(OrderEvent::Refused {
            words: Words(words.clone()),
            code: "B24-REFUSED".to_owned(),
            attempt,
            of: 5,
            next_in_ms: Millis(1_300),
        });
        prop_assert_eq!(
            event.sentence(),
            format!("the portal refused: {words} (B24-REFUSED); try {attempt} of 5, the next in \
                     1.3 s")
        );
        prop_assert_eq!(Stored::read(Stored::value(&event)), Stored::Known(event));
    }
}
