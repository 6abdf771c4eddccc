//! Whole waves, against as much of a portal as they ask for.

mod calls;
mod cards;
mod customers;
mod faults;
mod identity;
mod imports;
mod later;
mod links;
mod open;
mod population;
mod portal;

use super::*;
use crate::domain::{
    Correspondence, Direction, Event, EventBody, OnDeleted, Placeholders, PortalName, ShopName,
    StatusMap, Texts,
};
use portal::{Imports, Portal};
use serde_json::json;
use std::collections::BTreeMap;

/// The rules of a shop with four statuses.
pub(super) fn rules() -> ShopRules {
    let row = |status: &str, stage: &str| Correspondence {
        status: status.to_owned(),
        stage: Stage::new(0, stage),
        accepts: if stage == "NEW" {
            vec![Stage::new(0, "PREPARATION")]
        } else {
            vec![]
        },
        direction: Direction::Both,
        reverse: false,
        source: None,
    };
    ShopRules {
        shop: ShopName::parse("main").unwrap(),
        portal: PortalName::parse("main").unwrap(),
        funnel: 0,
        statuses: StatusMap::new(vec![
            row("N", "NEW"),
            row("P", "EXECUTING"),
            row("F", "WON"),
            row("X", "NOT_THERE"),
        ]),
        title: "Заказ {number}".to_owned(),
        responsible_id: None,
        source_id: None,
        fields: BTreeMap::new(),
        phone_country: "7".to_owned(),
        texts: Texts::default(),
        placeholders: Placeholders::default(),
        on_deleted: OnDeleted::Nothing,
        leads: vec![],
        delivery_name: "Доставка".to_owned(),
    }
}

/// A snapshot with these members put over a small order.
pub(super) fn snapshot(members: &Value) -> Snapshot {
    let mut data = json!({"number": "1", "status": "N", "currency": "RUB", "total": 0});
    for (name, value) in members.as_object().unwrap() {
        data[name] = value.clone();
    }
    let message = json!(
        {
            "specversion": "1.0", "type": "shop.order.saved.v1", "source": "s", "id": "1", "data":
                data
        }
    );
    match Event::parse(&message, "7").unwrap().body {
        EventBody::Saved(snapshot) => *snapshot,
        EventBody::Deleted { .. } => unreachable!(),
    }
}

fn job(members: &Value, known: KnownLinks) -> Job {
    let snapshot = snapshot(members);
    Job {
        rules: Arc::new(rules()),
        number: snapshot.number.clone(),
        intent: Intent::Save(Box::new(snapshot)),
        known,
        recreate: false,
        import: false,
        doubt: None,
        agreed: None,
        who: Who::default(),
    }
}

fn order(number: usize, customer: usize) -> Value {
    json!({
        "number": format!("A{number}"), "total": "300",
        "customer": {
            "name": format!("Имя{customer}"), "phones": [format!("+7916{customer:07}")], "emails": [
                format!("c{customer}@example.com")
            ]
        },
        "items": [
            {"name": "a", "quantity": 1, "price": 100}, {"name": "b", "quantity": 1, "price": 100},
            {"name": "c", "quantity": 1, "price": 100}
        ]
    })
}

const DONE: Outcome = Outcome::Done { wrote: true };

/// Runs a wave; `answers` tells what becomes of each call.
fn drive_by(jobs: Vec<Job>, answers: impl FnMut(&Call) -> CallAnswer) -> Vec<Settlement> {
    drive_with_facts(PortalFacts::default(), jobs, answers)
}

/// The same by what earlier waves learnt of the portal.
fn drive_with_facts(
    facts: PortalFacts,
    jobs: Vec<Job>,
    mut answers: impl FnMut(&Call) -> CallAnswer,
) -> Vec<Settlement> {
    let mut wave = Wave::new(jobs, facts);
    loop {
        let calls = wave.next_round();
        if calls.is_empty() {
            return wave.finish().0;
        }
        for call in calls {
            let answer = answers(&call);
            wave.answer(&call, answer);
        }
    }
}

fn drive(portal: &mut Portal, jobs: Vec<Job>) -> Vec<Settlement> {
    drive_by(jobs, |call| CallAnswer::Answered(portal.run(call)))
}

/// Runs a wave. Where `loses` says so for a call, its answer is lost; whether it ran is the second
/// question's answer.
fn drive_with(
    portal: &mut Portal,
    jobs: Vec<Job>,
    mut loses: impl FnMut(usize, bool) -> bool,
) -> Vec<Settlement> {
    let mut count = 0;
    drive_by(jobs, |call| {
        count += 1;
        if !loses(count, false) {
            return CallAnswer::Answered(portal.run(call));
        }
        if loses(count, true) {
            portal.run(call);
        }
        CallAnswer::InDoubt
    })
}

fn only(settlements: Vec<Settlement>) -> Settlement {
    assert_eq!(settlements.len(), 1);
    settlements.into_iter().next().unwrap()
}

/// Brings one order that the bridge never saw.
fn bring(portal: &mut Portal, order: &Value) -> Settlement {
    bring_again(portal, order, KnownLinks::default())
}

/// Brings one order of which this is known.
fn bring_again(portal: &mut Portal, order: &Value, known: KnownLinks) -> Settlement {
    only(drive(portal, vec![job(order, known)]))
}

/// Why no retry can cure it, if none can.
fn hopeless(settlement: &Settlement) -> Option<ErrorCode> {
    match settlement.outcome {
        Outcome::Hopeless { code, .. } => Some(code),
        _ => None,
    }
}

/// Why the portal refused it, if it did.
fn refused(settlement: &Settlement) -> Option<ErrorCode> {
    match settlement.outcome {
        Outcome::Refused { code, .. } => Some(code),
        _ => None,
    }
}

#[test]
fn the_portals_words_tell_what_is_wrong_with_an_order() {
    for (words, code) in [
        ("Неверное значение поля «Валюта»", ErrorCode::Currency),
        ("Некорректный адрес электронной почты", ErrorCode::Email),
        ("Access denied.", ErrorCode::Rights),
        ("Доступ запрещен", ErrorCode::Rights),
        ("ACCESS_DENIED", ErrorCode::Rights),
        ("Не заполнено обязательное поле", ErrorCode::Refused),
    ] {
        assert_eq!(super::wave::responses::classify(words), code, "{words}");
    }
}
