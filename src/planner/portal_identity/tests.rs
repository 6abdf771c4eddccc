use super::*;
use std::collections::HashMap;

fn remembered(address: &str, history_id: u64, deals: &[u64]) -> RememberedWitness {
    let witness = |deal: &u64| Witness {
        shop: "main".to_owned(),
        number: format!("A{deal}"),
        deal: *deal,
    };
    RememberedWitness {
        address: Some(address.to_owned()),
        history_id,
        witnesses: deals.iter().map(witness).collect(),
    }
}

fn history(newest: u64) -> Value {
    match newest {
        0 => json!({"items": []}),
        newest => json!({"items": [{"ID": newest}]}),
    }
}

/// What is found where the portal shows these deals with these origins, and this newest row of
/// the history.
fn found(
    remembered: &RememberedWitness,
    address: &str,
    newest: u64,
    deals: &[(u64, &str)],
) -> Verdict {
    found_by("Y", remembered, (address, newest, deals))
}

/// The same where the portal says of the user whether he is an administrator.
fn found_by(
    admin: &str,
    remembered: &RememberedWitness,
    (address, newest, deals): (&str, u64, &[(u64, &str)]),
) -> Verdict {
    let mut inquiry = Inquiry::new(remembered);
    let card = |(id, origin): &(u64, &str)| {
        let originator = if origin.is_empty() { "" } else { "main" };
        json!({"ID": id.to_string(), "ORIGINATOR_ID": originator, "ORIGIN_ID": origin})
    };
    let done = |result: Value| CommandAnswer::Done { result, next: None };
    let answers = HashMap::from([
        (HISTORY.to_owned(), done(history(newest))),
        (USER.to_owned(), done(json!({"ID": "1", "ADMIN": admin}))),
        (DEALS.to_owned(), done(deals.iter().map(card).collect())),
    ]);
    inquiry.answer(CallAnswer::Answered(answers));
    inquiry.verdict(Some(address)).unwrap()
}

#[test]
fn a_portal_is_told_by_the_deals_that_carry_their_orders_origins() {
    let known = remembered("one", 100, &[9, 8, 1]);
    let own = [(9, "A9"), (8, "A8"), (1, "A1")];
    for (address, newest, deals, verdict) in [
        ("one", 100, &own[..], Verdict::Same),
        // The same under a new address: nothing is let go.
        ("two", 120, &own[..], Verdict::Same),
        ("two", 120, &[(9, ""), (8, "X")][..], Verdict::Another),
        ("two", 3, &[][..], Verdict::Another),
        // Another one at the same address.
        (
            "one",
            500,
            &[(9, ""), (8, "X"), (1, "")][..],
            Verdict::Another,
        ),
        ("one", 5, &[(1, "")][..], Verdict::Another),
        // All deals deleted by hand are no proof.
        ("one", 100, &[][..], Verdict::Same),
        (
            "one",
            100,
            &[(9, ""), (8, "A8"), (1, "A1")][..],
            Verdict::Same,
        ),
        // An older state.
        ("one", 60, &[(8, "A8"), (1, "A1")][..], Verdict::WentBack),
        ("one", 60, &[(9, ""), (1, "A1")][..], Verdict::WentBack),
        ("one", 60, &own[..], Verdict::HistoryShort),
    ] {
        let told = found(&known, address, newest, deals);
        assert_eq!(told, verdict, "{address} {newest} {deals:?}");
    }
    let nobody = remembered("one", 100, &[]);
    assert_eq!(found(&nobody, "one", 100, &[]), Verdict::Same);
    assert_eq!(found(&nobody, "two", 100, &[]), Verdict::HistoryShort);
}

#[test]
fn what_is_hidden_from_a_user_is_not_taken_for_gone() {
    let (few, many) = ([9, 8, 1], [19, 18, 17, 16, 15, 14, 13, 12, 11, 10]);
    for (admin, known, newest, verdict) in [
        ("N", &few[..], 0, Verdict::Hidden),
        ("Y", &few, 0, Verdict::WentBack),
        // A few may have been deleted by hand, not all of many.
        ("N", &few, 100, Verdict::Same),
        ("N", &many, 100, Verdict::Hidden),
        ("N", &many, 40, Verdict::Hidden),
        ("Y", &many, 100, Verdict::Same),
    ] {
        let told = found_by(admin, &remembered("one", 100, known), ("one", newest, &[]));
        assert_eq!(told, verdict, "{admin} {known:?} {newest}");
    }
    let known = remembered("one", 100, &many);
    let shown = found_by("N", &known, ("one", 100, &[(10, "A10")]));
    assert_eq!(shown, Verdict::Same);
}

#[test]
fn a_portal_that_refuses_its_history_is_told_by_its_deals() {
    let known = remembered("one", 100, &[9, 8]);
    for (shown, address, verdict) in [
        (
            json!([{"ID": 9, "ORIGINATOR_ID": "main", "ORIGIN_ID": "A9"}]),
            "one",
            Verdict::Same,
        ),
        (
            json!([{"ID": 9, "ORIGIN_ID": "X"}, {"ID": 8, "ORIGIN_ID": ""}]),
            "one",
            Verdict::Another,
        ),
        (json!([]), "two", Verdict::Another),
        (json!([]), "one", Verdict::Same),
    ] {
        let mut inquiry = Inquiry::new(&known);
        let refused = CommandAnswer::Refused {
            error: String::new(),
            description: "Access denied.".to_owned(),
        };
        let done = |result: Value| CommandAnswer::Done { result, next: None };
        inquiry.answer(CallAnswer::Answered(HashMap::from([
            (HISTORY.to_owned(), refused),
            (USER.to_owned(), done(json!({"ID": "1", "ADMIN": "Y"}))),
            (DEALS.to_owned(), done(shown.clone())),
        ])));
        assert_eq!(inquiry.verdict(Some(address)), Some(verdict), "{shown}");
    }
}

#[test]
fn a_portal_that_does_not_tell_is_not_judged() {
    let known = remembered("one", 100, &[9]);
    let nothing = |key: &str| {
        let (result, next) = (Value::Null, None);
        (key.to_owned(), CommandAnswer::Done { result, next })
    };
    for answer in [
        CallAnswer::NotRun,
        CallAnswer::InDoubt,
        CallAnswer::Answered(HashMap::new()),
        CallAnswer::Answered([HISTORY, DEALS].map(nothing).into()),
    ] {
        let mut inquiry = Inquiry::new(&known);
        inquiry.answer(answer);
        assert_eq!(inquiry.verdict(Some("two")), None);
    }
}

#[test]
fn of_what_was_not_answered_nothing_is_said() {
    let order = |n: usize| OrderKey::new("main", &format!("A{n}"));
    let mut search = Search::new((0..60).map(order).collect());
    let call = search.next_call().unwrap();
    let mut answers = HashMap::new();
    for command in &call.commands {
        let first = command.params["filter"]["@ORIGIN_ID"][0] == "A0";
        let row = |id: u64| json!({"ID": id, "ORIGINATOR_ID": "main", "ORIGIN_ID": "A0"});
        let result = match (command.method, first) {
            ("crm.deal.list", true) => json!([row(5), row(7)]),
            ("crm.lead.list", true) => json!([row(3)]),
            (_, true) => json!([]),
            (_, false) => continue,
        };
        answers.insert(
            command.key.clone(),
            CommandAnswer::Done { result, next: None },
        );
    }
    search.answer(&call, CallAnswer::Answered(answers));
    assert!(search.next_call().is_none());
    let found = search.finish();
    assert_eq!(found.len(), 50);
    let is_first = |one: &&FoundOrder| one.order.number == "A0";
    let of_first = found.iter().find(is_first).unwrap();
    assert_eq!(of_first.target, Some(CrmEntity::Deal(5)));
    assert!(
        found
            .iter()
            .all(|one| is_first(&one) || one.target.is_none())
    );
}

#[test]
fn a_few_deals_that_are_gone_may_have_been_deleted_and_no_more() {
    let deals: Vec<u64> = (1..=9).rev().collect();
    let known = remembered("one", 100, &deals);
    for (shown, deleted) in [(9, vec![]), (8, vec![9]), (6, vec![9, 8, 7]), (5, vec![])] {
        let mut inquiry = Inquiry::new(&known);
        let card = |id| json!({"ID": id, "ORIGINATOR_ID": "main", "ORIGIN_ID": format!("A{id}")});
        let result = (1..=shown).map(card).collect();
        let answer = CommandAnswer::Done { result, next: None };
        inquiry.answer(CallAnswer::Answered([(DEALS.to_owned(), answer)].into()));
        assert_eq!(inquiry.deleted(), deleted, "{shown}");
    }
}

#[test]
fn an_order_beyond_a_full_page_of_anothers_copies_is_found() {
    let order = |n: usize| OrderKey::new("main", &format!("A{n}"));
    let mut search = Search::new(vec![order(0), order(1)]);
    let row = |id: u64, of: &str| json!({"ID": id, "ORIGINATOR_ID": "main", "ORIGIN_ID": of});
    let mut calls = 0;
    while let Some(call) = search.next_call() {
        calls += 1;
        let mut answers = HashMap::new();
        for command in &call.commands {
            let above = command.params["filter"].get(">ID").and_then(Value::as_u64);
            let rows: Vec<Value> = match (command.method, above) {
                ("crm.deal.list", None) => (1..=50).map(|id| row(id, "A0")).collect(),
                ("crm.deal.list", Some(50)) => vec![row(51, "A1")],
                ("crm.lead.list", None) => vec![row(9, "A1")],
                other => panic!("{other:?}"),
            };
            let (result, next) = (json!(rows), None);
            answers.insert(command.key.clone(), CommandAnswer::Done { result, next });
        }
        search.answer(&call, CallAnswer::Answered(answers));
    }
    assert_eq!(calls, 2);
    let found = search.finish();
    let targets: Vec<_> = found.iter().map(|one| one.target).collect();
    assert_eq!(
        targets,
        [Some(CrmEntity::Deal(1)), Some(CrmEntity::Deal(51))]
    );
}
