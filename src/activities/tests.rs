#![expect(
    clippy::needless_pass_by_value,
    reason = "literals read better by value"
)]

use super::*;
use crate::domain::{ActivityRules, Entry};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

fn read(data: Value) -> Result<Activity, Vec<String>> {
    let event = json!({"specversion": "1.0", "type": RECORDED, "source": "/shops/main", "id": "1",
                       "data": data});
    assert!(ActivityEvent::is(&event));
    let read = ActivityEvent::read(&event, "7");
    let read = read.map(|event| event.activity);
    read.map_err(|faults| faults.into_iter().map(|fault| fault.pointer).collect())
}

fn of(data: Value) -> Vec<Entry> {
    let at: DateTime<Utc> = "2026-11-26T12:00:00Z".parse().unwrap();
    entries(&read(data).unwrap(), at, &ActivityRules::default())
}

#[test]
fn whoever_is_told_of_is_named_and_every_fault_is_told_at_once() {
    let fault = |data: Value| read(data).unwrap_err();
    assert_eq!(
        fault(json!({"kind": "fax", "phone": "89160000001"})),
        ["/data/kind"]
    );
    assert_eq!(fault(json!({"kind": "call"})), ["/data/phone"]);
    assert_eq!(
        fault(
            json!({"kind": "mail", "email": "nobody", "missed": true, "direction": "up",
                     "duration": -1, "at": "soon"})
        ),
        [
            "/data/direction",
            "/data/duration",
            "/data/email",
            "/data/missed",
            "/data/at"
        ]
    );
    for who in [
        json!({"phone": "89160000001"}),
        json!({"email": "a@example.com"}),
        json!({"number": 17}),
        json!({"phone": "hidden"}),
    ] {
        let mut data = json!({"kind": "message"});
        data.as_object_mut()
            .unwrap()
            .extend(who.as_object().unwrap().clone());
        assert!(read(data.clone()).is_ok(), "{data}");
    }
}

#[test]
fn a_missed_call_is_to_be_answered_in_time() {
    let [Entry::Call(call), Entry::Todo(todo)] =
        &of(json!({"kind": "call", "phone": "8 916 000 00 01", "missed": true}))[..]
    else {
        panic!("a call and a to-do");
    };
    assert_eq!(todo.deadline - call.at, TimeDelta::minutes(15));
    assert_eq!(call.subject, "Пропущенный звонок: +79160000001");
    assert!(!call.outgoing);
}

#[test]
fn a_call_lasts_as_long_as_it_did_and_tells_where_its_recording_is() {
    let [Entry::Call(call)] = &of(json!({"kind": "call", "direction": "out", "duration": 125,
        "phone": "89160000001", "recording_url": "https://pbx.example/1.mp3"}))[..]
    else {
        panic!("a call");
    };
    assert_eq!(call.ended - call.at, TimeDelta::seconds(125));
    assert_eq!(
        call.text,
        "Длительность: 2:05\nЗапись: https://pbx.example/1.mp3"
    );
}

#[test]
fn what_goes_out_is_never_a_mail_of_the_portal() {
    for kind in ["mail", "message", "call"] {
        for direction in ["in", "out"] {
            let all = of(
                json!({"kind": kind, "direction": direction, "email": "a@example.com",
                                "phone": "89160000001", "subject": "s", "text": "t"}),
            );
            let mail = all.iter().any(|one| matches!(one, Entry::ReceivedMail(_)));
            assert_eq!(
                mail,
                (kind, direction) == ("mail", "in"),
                "{kind} {direction}"
            );
            assert_eq!(all.len(), 1);
        }
    }
}

#[test]
fn a_call_without_a_number_is_to_be_looked_at() {
    let all = of(json!({"kind": "call", "phone": "hidden", "number": "17"}));
    let [Entry::Todo(todo)] = &all[..] else {
        panic!("a to-do");
    };
    assert_eq!(todo.title, "Входящий звонок: hidden");
}
