//! Imports, against as much of a portal as they ask for.

use super::*;
use proptest::prelude::*;

fn imported(count: usize) -> Vec<Job> {
    let one = |number| Job {
        import: true,
        ..job(&order(number, number), KnownLinks::default())
    };
    (0..count).map(one).collect()
}

/// The same again, with what is known by now.
fn again(jobs: Vec<Job>, settled: &[Settlement]) -> Vec<Job> {
    let with = |(job, settlement): (Job, &Settlement)| Job {
        known: settlement.known.clone(),
        ..job
    };
    jobs.into_iter().zip(settled).map(with).collect()
}

fn whole(portal: &Portal, count: usize) {
    assert_eq!(portal.deals.len(), count);
    let numbers: std::collections::BTreeSet<String> = portal
        .deals
        .values()
        .map(|deal| json::text(deal.get("ORIGIN_ID")))
        .collect();
    assert_eq!(numbers.len(), count, "one deal an order");
    for (id, deal) in &portal.deals {
        assert_eq!(json::decimal(deal.get("OPPORTUNITY")), Some(300.into()));
        let rows = &portal.rows[&format!("crm.deal.productrows.set{id}")];
        assert_eq!(rows.as_array().unwrap().len(), 3);
    }
}

fn count(portal: &Portal, method: &str) -> usize {
    portal.methods.iter().filter(|one| **one == method).count()
}

#[test]
fn forty_five_orders_are_imported_by_three_commands_and_no_deal_is_added() {
    let mut portal = Portal::default();
    let settled = drive(&mut portal, imported(45));
    for one in &settled {
        assert_eq!(one.outcome, Outcome::Done { wrote: true });
        assert!(one.made_as.is_some() && one.stage.is_some(), "{one:?}");
    }
    whole(&portal, 45);
    assert_eq!(count(&portal, "crm.item.batchImport"), 3);
    assert_eq!(count(&portal, "crm.deal.add"), 0);
    assert_eq!(count(&portal, "crm.deal.update"), 0);
    assert_eq!(portal.calls, 4, "looked up, contacts, imports, rows");
    let jobs = again(imported(45), &settled);
    drive(&mut portal, jobs);
    assert_eq!(portal.calls, 4, "nothing is left to say");
}

#[test]
fn an_order_without_rows_is_checked_by_the_look_up() {
    let mut portal = Portal::default();
    let plain = json!({"number": "A1", "total": "5.00"});
    let mut order = job(&plain, KnownLinks::default());
    order.import = true;
    let settled = only(drive(&mut portal, vec![order]));
    assert_eq!(settled.outcome, Outcome::Done { wrote: true });
    assert_eq!(settled.stage, Some(Stage::new(0, "NEW")));
    let mut lost = job(
        &json!({"number": "A2", "status": "X"}),
        KnownLinks::default(),
    );
    lost.import = true;
    let settled = only(drive(&mut portal, vec![lost]));
    assert_eq!(hopeless(&settled), Some(ErrorCode::StageUnknown));
}

#[test]
fn one_faulty_order_does_not_fail_its_neighbours_however_the_portal_tells_it() {
    for imports in [Imports::EachByItself, Imports::StopAtFault] {
        let mut portal = Portal {
            imports,
            ..Portal::default()
        };
        let mut jobs = imported(24);
        let mut bad = order(7, 7);
        bad["currency"] = json!("XXX");
        jobs[7] = Job {
            import: true,
            ..job(&bad, KnownLinks::default())
        };
        let settled = drive(&mut portal, jobs);
        for one in &settled {
            if one.job.place() == 7 {
                assert_eq!(refused(one), Some(ErrorCode::Currency), "{one:?}");
            } else {
                assert_eq!(one.outcome, Outcome::Done { wrote: true });
            }
        }
        whole(&portal, 23);
        assert_eq!(count(&portal, "crm.deal.add"), 0);
    }
}

#[test]
fn a_portal_that_lets_nobody_import_is_told_at_once_and_nothing_is_added_instead() {
    let mut portal = Portal {
        imports: Imports::Denied,
        ..Portal::default()
    };
    let settled = drive(&mut portal, imported(24));
    for one in settled {
        assert_eq!(hopeless(&one), Some(ErrorCode::ImportRight));
    }
    assert!(portal.deals.is_empty());
    assert_eq!(count(&portal, "crm.item.batchImport"), 2);
}

#[test]
fn rows_go_to_the_deal_of_their_order_even_if_the_answer_names_another() {
    let mut portal = Portal {
        imports: Imports::Shifted,
        ..Portal::default()
    };
    let mut jobs = imported(3);
    for (at, job) in jobs.iter_mut().enumerate() {
        let Intent::Save(snapshot) = &mut job.intent else {
            unreachable!()
        };
        snapshot.items[0].name = format!("of A{at}");
    }
    let settled = drive(&mut portal, jobs);
    for one in &settled {
        assert_eq!(one.outcome, Outcome::Done { wrote: true });
        let Some(CrmEntity::Deal(id)) = one.known.target else {
            panic!("{one:?}")
        };
        let origin = json::text(portal.deals[&id].get("ORIGIN_ID"));
        let rows = portal.rows[&format!("crm.deal.productrows.set{id}")].to_string();
        assert!(rows.contains(&format!("of {origin}")), "{origin}: {rows}");
    }
}

/// Imports before a portal of which some answers are lost, with or without having done what was
/// asked, until all is said.
fn whatever_is_lost(losses: &[(u8, bool)], imports: Imports, count: usize) {
    let mut portal = Portal {
        imports,
        ..Portal::default()
    };
    let (mut jobs, mut wave) = (imported(count), 0);
    loop {
        let settled = drive_with(&mut portal, jobs, |call, ran| {
            let loss = losses.get(call - 1 + wave * 3).copied();
            let (dice, runs) = loss.unwrap_or((1, false));
            if ran { runs } else { dice == 0 && wave < 3 }
        });
        wave += 1;
        let over = settled
            .iter()
            .all(|one| matches!(one.outcome, Outcome::Done { .. }));
        jobs = again(imported(count), &settled);
        if over {
            break;
        }
        assert!(wave < 10);
    }
    whole(&portal, count);
}

#[test]
fn one_deal_comes_of_an_order_whose_every_answer_is_lost_at_first() {
    whatever_is_lost(&[(0, false); 12], Imports::EachByItself, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_answers_are_lost_one_deal_comes_of_each_order(
        losses in prop::collection::vec((0..4_u8, any::<bool>()), 12),
        stops in any::<bool>(),
        count in 1..60_usize,
    ) {
        let imports = if stops { Imports::StopAtFault } else { Imports::EachByItself };
        whatever_is_lost(&losses, imports, count);
    }
}

#[test]
fn a_deal_beyond_a_full_page_of_anothers_copies_is_not_imported_twice() {
    let mut portal = Portal::default();
    let mut copied = false;
    drive_by(imported(45), |call| {
        let mut commands = call.commands.iter();
        let imports = commands.any(|command| command.method == "crm.item.batchImport");
        if imports && !std::mem::replace(&mut copied, true) {
            // Somebody copies a deal at the same moment, again and again.
            for id in 1..=60_u64 {
                let row = json!({
                    "ID": id.to_string(), "ORIGINATOR_ID": "main", "ORIGIN_ID": "A0"
                });
                let row = row.as_object().cloned().unwrap_or_default();
                portal.deals.insert(id, row);
            }
        }
        CallAnswer::Answered(portal.run(call))
    });
    for number in 1..45 {
        let origin = format!("A{number}");
        let own = portal.deals.values();
        let own = own.filter(|deal| json::text(deal.get("ORIGIN_ID")) == origin);
        assert_eq!(own.count(), 1, "{origin}");
    }
}
