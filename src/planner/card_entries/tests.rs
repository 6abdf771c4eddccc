use super::*;
use crate::domain::{CallEntry, MailEntry, TodoEntry};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

fn at() -> DateTime<Utc> {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn all() -> Vec<Entry> {
    let phone = Phone::parse("+79161234567", "7").unwrap();
    let text = "t".to_owned();
    let call = |outgoing| {
        Entry::Call(CallEntry {
            outgoing,
            at: at(),
            ended: at() + TimeDelta::minutes(2),
            phone: phone.clone(),
            subject: text.clone(),
            text: text.clone(),
        })
    };
    vec![
        call(false),
        call(true),
        Entry::ReceivedMail(MailEntry {
            at: at(),
            email: "a@example.com".to_owned(),
            subject: text.clone(),
            text: text.clone(),
        }),
        Entry::Todo(TodoEntry {
            title: text.clone(),
            text: text.clone(),
            deadline: at(),
        }),
        Entry::Comment(text.clone()),
    ]
}

fn job(entries: Vec<Entry>, card: Option<CardId>) -> EntryJob {
    EntryJob {
        shop: ShopName::parse("main").unwrap(),
        number: OrderNumber::parse("call:1").unwrap(),
        entries,
        sought: Sought {
            phones: vec![Phone::parse("+79161234567", "7").unwrap()],
            ..Sought::default()
        },
        card,
        known: KnownLinks::default(),
        makes: true,
        responsible_id: None,
        running: None,
    }
}

/// Answers each command of a round by its method.
fn answer(wave: &mut EntryWave, round: &[Call], says: impl Fn(&Command) -> CommandAnswer) {
    for call in round {
        let answers = call.commands.iter();
        let answers = answers.map(|command| (command.key.clone(), says(command)));
        wave.answer(call, CallAnswer::Answered(answers.collect()));
    }
}

fn done(result: Value) -> CommandAnswer {
    CommandAnswer::Done { result, next: None }
}

fn card_read(command: &Command) -> CommandAnswer {
    done(match command.method {
        "crm.deal.list" | "crm.lead.list" | "crm.contact.list" => {
            json!([{"ID": "5", "ASSIGNED_BY_ID": "1", "CONTACT_ID": "9"}])
        }
        method if method.rsplit('.').next() == Some("list") => json!([]),
        _ => json!(7),
    })
}

#[test]
fn no_entry_on_any_card_is_a_mail_that_the_portal_sends() {
    for card in [CardId::Deal(5), CardId::Lead(5), CardId::Contact(5)] {
        let mut wave = EntryWave::new(vec![job(all(), Some(card))]);
        let look = wave.next_round();
        assert!(look.iter().all(|call| !call.writes()));
        answer(&mut wave, &look, card_read);
        let writes = wave.next_round();
        let written: Vec<_> = writes.iter().flat_map(|call| &call.commands).collect();
        assert_eq!(written.len(), all().len());
        for command in written {
            let fields = &command.params["fields"];
            let mail = fields["TYPE_ID"] == 4;
            assert!(!mail || fields["DIRECTION"] == 1 && fields["COMPLETED"] == "N");
        }
        answer(&mut wave, &writes, card_read);
        let settled = wave.finish();
        assert_eq!(settled[0].outcome, Outcome::Done { wrote: true });
        assert_eq!(settled[0].known.card, Some(Place::On(card)));
    }
}

#[test]
fn what_stands_there_is_not_put_again_and_what_may_still_land_is_waited_for() {
    let entries = vec![all().remove(3), all().remove(4)];
    let mut waiting = job(entries, Some(CardId::Deal(5)));
    waiting.running = Some(on(CardId::Deal(5)));
    let mut wave = EntryWave::new(vec![waiting]);
    let look = wave.next_round();
    let marked = |command: &Command| match command.method {
        "crm.timeline.comment.list" => {
            done(json!([{"ID": "1", "COMMENT": "t\n[b24-bridge:main/call:1]"}]))
        }
        _ => card_read(command),
    };
    answer(&mut wave, &look, marked);
    assert!(wave.next_round().is_empty(), "the to-do may still land");
    let settled = &wave.finish()[0];
    assert_eq!(
        settled.outcome,
        Outcome::Again {
            code: ErrorCode::InDoubt
        }
    );
    assert!(settled.waits);
    assert_eq!(settled.landing, Landing::AsBefore(on(CardId::Deal(5))));
}

#[test]
fn a_search_that_is_refused_or_lost_finds_nobody_missing() {
    for lost in [true, false] {
        let mut wave = EntryWave::new(vec![job(all(), None)]);
        let search = wave.next_round();
        if lost {
            wave.answer(&search[0], CallAnswer::InDoubt);
        } else {
            answer(&mut wave, &search, |_| CommandAnswer::Refused {
                error: "ACCESS_DENIED".to_owned(),
                description: "Access denied".to_owned(),
            });
        }
        assert!(wave.next_round().is_empty());
        let settled = &wave.finish()[0];
        assert_ne!(settled.outcome, Outcome::Onward, "lost: {lost}");
        assert_eq!(settled.known.card, None);
        assert_eq!(settled.landing, Landing::Nothing);
    }
}

#[test]
fn an_answer_that_is_lost_leaves_the_card_on_record() {
    let mut wave = EntryWave::new(vec![job(vec![all().remove(0)], Some(CardId::Lead(5)))]);
    let look = wave.next_round();
    answer(&mut wave, &look, card_read);
    let writes = wave.next_round();
    assert_eq!(wave.intentions()[0].what, on(CardId::Lead(5)));
    wave.answer(&writes[0], CallAnswer::InDoubt);
    let settled = &wave.finish()[0];
    assert_eq!(settled.landing, Landing::Lost(on(CardId::Lead(5))));
}

#[test]
fn whom_nobody_knows_is_to_be_made() {
    let mut wave = EntryWave::new(vec![job(all(), None)]);
    let search = wave.next_round();
    answer(&mut wave, &search, |_| done(json!([])));
    assert!(wave.next_round().is_empty());
    let settled = &wave.finish()[0];
    assert_eq!(settled.outcome, Outcome::Onward);
    assert_eq!(settled.known.card, Some(Place::ToMake));
}

#[test]
fn a_card_that_is_gone_is_forgotten_and_another_is_sought_at_the_next_try() {
    let mut gone = job(vec![all().remove(0)], Some(CardId::Deal(5)));
    gone.known.target = Some(CrmEntity::Deal(5));
    let mut wave = EntryWave::new(vec![gone]);
    let look = wave.next_round();
    answer(&mut wave, &look, |_| done(json!([])));
    assert!(wave.next_round().is_empty());
    let settled = &wave.finish()[0];
    assert!(matches!(settled.outcome, Outcome::Refused { .. }));
    assert_eq!((settled.known.card, settled.known.target), (None, None));
}

#[test]
fn a_call_is_found_again_in_a_portal_that_does_not_filter_by_origin() {
    let call = all().swap_remove(0);
    let mut wave = EntryWave::new(vec![job(vec![call], Some(CardId::Deal(5)))]);
    let look = wave.next_round();
    // Sixty calls; the last one is ours.
    let calls = |command: &Command| {
        let row = |id: u64| {
            let number = if id == 60 {
                "call:1".to_owned()
            } else {
                format!("call:0{id}")
            };
            json!({"ID": id.to_string(), "ORIGINATOR_ID": "main", "ORIGIN_ID": number})
        };
        let filtered = command.params["filter"].get("ORIGIN_ID").is_some();
        match command.method {
            "crm.activity.list" if filtered && command.params["order"]["ID"] == "DESC" => {
                done((11..=60).rev().map(row).collect())
            }
            "crm.activity.list" if filtered => done((1..=50).map(row).collect()),
            _ => card_read(command),
        }
    };
    answer(&mut wave, &look, calls);
    assert!(wave.next_round().is_empty(), "it stands there");
    assert_eq!(wave.finish()[0].outcome, Outcome::Done { wrote: false });
}

#[test]
fn a_card_is_gone_only_where_a_list_without_it_was_told() {
    for (said, gone) in [
        (json!([]), true),
        (json!({"message": "later"}), false),
        (json!([{"TITLE": "5"}]), false),
        (json!([[]]), false),
    ] {
        let mut wave = EntryWave::new(vec![job(all(), Some(CardId::Deal(5)))]);
        let look = wave.next_round();
        answer(&mut wave, &look, |command| match command.method {
            "crm.deal.list" => done(said.clone()),
            _ => card_read(command),
        });
        assert!(wave.next_round().is_empty(), "{said}");
        let outcome = &wave.finish()[0].outcome;
        let refused = matches!(outcome, Outcome::Refused { .. });
        assert_eq!(refused, gone, "{said}: {outcome:?}");
    }
}
