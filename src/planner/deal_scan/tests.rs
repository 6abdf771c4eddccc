use super::*;

fn answer(result: Value) -> CommandAnswer {
    CommandAnswer::Done { result, next: None }
}

fn row(id: u64, deal: u64, stage: &str) -> Value {
    json!(
        {
            "ID": id.to_string(), "TYPE_ID": "2", "OWNER_ID": deal, "CREATED_TIME":
                "2026-01-01T10:00:00+03:00", "CATEGORY_ID": "0", "STAGE_ID": stage
        }
    )
}

fn deal(id: u64, stage: &str) -> Value {
    json!(
        {
            "ID": id.to_string(), "CATEGORY_ID": "0", "STAGE_ID": stage, "MOVED_TIME":
                "2026-01-01T10:00:00+03:00", "MOVED_BY_ID": "5"
        }
    )
}

/// Answers each command of a call by what it asks.
fn play(glance: &mut DealScan, portal: impl Fn(&Command) -> CommandAnswer) -> usize {
    let mut calls = 0;
    while let Some(call) = glance.next_call() {
        assert!(call.commands.len() <= BATCH_LIMIT);
        let answers = call
            .commands
            .iter()
            .map(|command| (command.key.clone(), portal(command)))
            .collect();
        glance.answer(&call, CallAnswer::Answered(answers));
        calls += 1;
        assert!(calls < 100);
    }
    calls
}

/// A portal with so many rows of history and deals from 1 on.
fn portal(history: u64, deals: u64) -> impl Fn(&Command) -> CommandAnswer {
    move |command| match command.method {
        HISTORY_LIST => {
            let after = command.params["filter"][">ID"].as_u64().unwrap_or(0);
            let start = command.params["start"].as_u64().unwrap_or(0);
            let all: Vec<u64> = (after + 1..=history).collect();
            let page: Vec<u64> = all
                .iter()
                .skip(usize::try_from(start).unwrap())
                .take(PAGE)
                .copied()
                .collect();
            let next = (start + PAGE as u64) < all.len() as u64;
            CommandAnswer::Done {
                result: json!(
                    {"items": page.iter().map(|id| row(*id, id % 7 + 1, "WON")).collect::<Vec<_>>()}
                ),
                next: next.then_some(start + PAGE as u64),
            }
        }
        "crm.deal.list" => {
            let asked = command.params["filter"]["@ID"].as_array().unwrap().clone();
            let there = asked
                .iter()
                .filter_map(Value::as_u64)
                .filter(|id| *id <= deals);
            answer(Value::Array(there.map(|id| deal(id, "NEW")).collect()))
        }
        "profile" => answer(json!({"ID": "5"})),
        _ => answer(json!(true)),
    }
}

#[test]
fn a_thousand_deals_are_read_in_one_call_and_missing_ones_are_told() {
    let mut glance = DealScan::read(&ScanRequest {
        history: History::After(10),
        deals: (1..=1_000).collect(),
        moves_of: Vec::new(),
        ask_who: true,
    });
    assert_eq!(play(&mut glance, portal(10, 999)), 1);
    let seen = glance.finish();
    assert_eq!(
        (seen.deals.len(), seen.me, seen.newest),
        (1_000, Some(5), Some(10))
    );
    assert_eq!(seen.deals[&1_000], None);
    assert_eq!(seen.deals[&1].as_ref().unwrap().moved_by, Some(5));
}

#[test]
fn a_long_history_is_read_to_its_end_in_few_calls() {
    let mut glance = DealScan::read(&ScanRequest {
        history: History::After(0),
        deals: Vec::new(),
        moves_of: Vec::new(),
        ask_who: false,
    });
    let calls = play(&mut glance, portal(1_000, 0));
    assert!(calls <= 3, "{calls}");
    let seen = glance.finish();
    assert_eq!((seen.history.len(), seen.newest), (1_000, Some(1_000)));
}

#[test]
fn of_a_portal_that_is_read_for_the_first_time_only_the_newest_row_counts() {
    let mut glance = DealScan::read(&ScanRequest {
        history: History::Newest,
        deals: Vec::new(),
        moves_of: Vec::new(),
        ask_who: false,
    });
    play(&mut glance, portal(40, 0));
    let seen = glance.finish();
    assert_eq!(
        (seen.history.len(), seen.newest, seen.history_read),
        (0, Some(40), true)
    );
}

#[test]
fn a_hundred_moves_are_made_and_read_back_in_three_calls() {
    let write = |deal| StageWrite {
        deal,
        from_funnel: 0,
        stage: Stage::new(u32::from(deal == 3), "WON"),
        guard: Some(5),
        comment: (deal == 1).then(|| "moved".to_owned()),
    };
    let writes: Vec<StageWrite> = (1..=100).map(write).collect();
    let mut glance = DealScan::write(&writes);
    let first = glance.next_call().unwrap();
    let methods: Vec<&str> = first.commands.iter().map(|c| c.method).take(4).collect();
    assert_eq!(
        methods,
        [
            "crm.deal.update",
            "crm.timeline.comment.add",
            "crm.deal.update",
            "crm.item.update"
        ]
    );
    assert_eq!(first.commands.last().unwrap().method, "crm.deal.list");
    glance.answer(&first, CallAnswer::InDoubt);
    assert_eq!(play(&mut glance, portal(10, 1_000)), 2);
    let seen = glance.finish();
    assert_eq!(seen.written.len(), 100);
    assert_eq!(seen.written[&1], MoveOutcome::InDoubt);
    assert_eq!(seen.written[&100], MoveOutcome::Answered);
    assert!(!seen.deals.contains_key(&1) && seen.deals.contains_key(&100));
    assert!(seen.moves.contains_key(&100));
}

#[test]
fn what_php_makes_of_nothing_is_nothing() {
    for nothing in [json!([]), json!({"items": []}), json!(null), json!(false)] {
        let mut glance = DealScan::read(&ScanRequest {
            history: History::After(3),
            deals: vec![1],
            moves_of: vec![(1, Some(2))],
            ask_who: true,
        });
        play(&mut glance, |_| answer(nothing.clone()));
        let seen = glance.finish();
        assert_eq!(
            (seen.history.len(), seen.newest, seen.me),
            (0, Some(3), None)
        );
        let told = nothing.is_array() || nothing.is_object();
        assert_eq!(seen.deals.contains_key(&1), told);
        let moves = seen.moves.get(&1).map(Vec::len);
        assert_eq!(moves, told.then_some(0), "{nothing}");
    }
}

#[test]
fn a_row_over_which_the_bridge_panics_costs_no_other_row() {
    let row = |id: u64| {
        let row = json!({"ID": id, "OWNER_ID": 10 * id, "STAGE_ID": "NEW"});
        row.as_object().cloned().unwrap()
    };
    let rows: Vec<_> = (1..=5).map(row).collect();
    let read = |row: &serde_json::Map<String, Value>| {
        assert!(row["ID"] != 3, "at the third");
        row["ID"].as_u64()
    };
    let (good, broken) = super::result::read_each(&rows, read);
    assert_eq!(good, [1, 2, 4, 5]);
    let [broken] = &broken[..] else {
        panic!("{broken:?}");
    };
    assert_eq!((broken.id, broken.deal), (Some(3), Some(30)));
    assert_eq!(broken.row["STAGE_ID"], "NEW");
    assert!(broken.words.contains("at the third"), "{}", broken.words);
}

#[test]
fn what_cannot_be_read_is_neither_gone_nor_an_empty_history() {
    let mut nameless = deal(2, "NEW");
    nameless["STAGE_ID"] = json!("");
    let shown = [
        (json!([nameless.clone()]), vec![1]),
        (json!([nameless, null]), vec![]),
        (json!(null), vec![]),
        (json!({"message": "later"}), vec![]),
    ];
    for (listed, gone) in shown {
        let mut glance = DealScan::read(&ScanRequest {
            history: History::After(10),
            deals: vec![1, 2],
            moves_of: vec![(1, Some(5))],
            ask_who: false,
        });
        play(&mut glance, |command| match command.method {
            HISTORY_LIST => answer(json!(null)),
            _ => answer(listed.clone()),
        });
        let seen = glance.finish();
        let told: Vec<u64> = seen.deals.keys().copied().collect();
        assert_eq!(told, gone, "{listed}");
        assert!(seen.history_fault.is_some(), "{seen:?}");
        assert!(!seen.history_read && seen.moves.is_empty(), "{seen:?}");
    }
}

#[test]
fn a_row_of_the_history_that_tells_too_little_is_put_aside_and_not_passed_over() {
    let mut timeless = row(12, 3, "WON");
    timeless["CREATED_TIME"] = json!("");
    let mut glance = DealScan::read(&ScanRequest {
        history: History::After(10),
        deals: Vec::new(),
        moves_of: Vec::new(),
        ask_who: false,
    });
    play(&mut glance, |_| {
        answer(json!({"items": [row(11, 3, "NEW"), timeless.clone(), row(13, 3, "WON")]}))
    });
    let seen = glance.finish();
    assert_eq!(seen.history.len(), 2);
    let [broken] = &seen.broken[..] else {
        panic!("{seen:?}")
    };
    assert_eq!((broken.id, broken.deal), (Some(12), Some(3)));
}

#[test]
fn a_history_that_is_refused_or_is_none_is_told_and_leaves_no_row_behind() {
    let denied = CommandAnswer::Refused {
        error: String::new(),
        description: "Access denied.".to_owned(),
    };
    let rows = json!({"items": [{"TYPE_ID": 1}, {"TYPE_ID": 2}]});
    for (answered, words) in [
        (denied, "Access denied."),
        (answer(rows), "no list of rows"),
    ] {
        let mut glance = DealScan::read(&ScanRequest {
            history: History::After(10),
            deals: Vec::new(),
            moves_of: Vec::new(),
            ask_who: false,
        });
        play(&mut glance, |_| answered.clone());
        let seen = glance.finish();
        assert!(!seen.history_read && seen.broken.is_empty(), "{seen:?}");
        let fault = seen.history_fault.unwrap_or_default();
        assert!(fault.contains(words), "{fault}");
    }
}
