use super::*;
use crate::domain::{Correspondence, Direction, ShopName, StatusMap};

fn funnel(stages: &[(&str, &str, Semantics)]) -> Funnel {
    let shown = |(id, name, semantics): &(&str, &str, Semantics)| PortalStage {
        stage: Stage::new(0, id),
        name: (*name).to_owned(),
        semantics: *semantics,
    };
    Funnel {
        id: 0,
        name: "Общая".to_owned(),
        stages: stages.iter().map(shown).collect(),
    }
}

/// The stages that a Russian portal starts with.
fn fresh() -> Funnel {
    funnel(&[
        ("NEW", "Новая", Semantics::Process),
        ("PREPARATION", "Подготовка документов", Semantics::Process),
        (
            "PREPAYMENT_INVOICE",
            "Cчёт на предоплату",
            Semantics::Process,
        ),
        ("EXECUTING", "В работе", Semantics::Process),
        ("FINAL_INVOICE", "Финальный счёт", Semantics::Process),
        ("WON", "Сделка успешна", Semantics::Success),
        ("LOSE", "Сделка провалена", Semantics::Failure),
        ("APOLOGY", "Анализ причины провала", Semantics::Failure),
    ])
}

fn row(status: &str, stage: &str, accepts: &[&str], direction: Direction) -> Correspondence {
    Correspondence {
        status: status.to_owned(),
        stage: Stage::new(0, stage),
        accepts: accepts.iter().map(|id| Stage::new(0, id)).collect(),
        direction,
        reverse: false,
        source: None,
    }
}

#[derive(serde::Deserialize)]
struct Pasted {
    shops: std::collections::BTreeMap<String, Shop>,
}
#[derive(serde::Deserialize)]
struct Shop {
    statuses: Vec<Line>,
}
#[derive(serde::Deserialize)]
struct Line {
    status: String,
    stage: String,
    #[serde(default)]
    accepts: Vec<String>,
    #[serde(default)]
    reverse: bool,
}

/// Reads the suggestion as the configuration would.
fn pasted(text: &str) -> StatusMap {
    let pasted: Pasted = toml::from_str(text).unwrap();
    let rows = pasted.shops["main"].statuses.iter().map(|line| {
        let accepts: Vec<&str> = line.accepts.iter().map(String::as_str).collect();
        let mut row = row(&line.status, &line.stage, &accepts, Direction::Both);
        row.reverse = line.reverse;
        row
    });
    StatusMap::new(rows.collect())
}

fn suggested(kind: &str, funnel: &Funnel) -> StatusMap {
    let text = suggest(
        &ShopName::parse("main").unwrap(),
        funnel,
        &usual(kind).unwrap(),
    );
    pasted(&text)
}

#[test]
fn the_table_is_compared_with_the_portal() {
    let mut elsewhere = row("E", "NEW", &[], Direction::Both);
    elsewhere.stage = Stage::new(9, "NEW");
    let map = StatusMap::new(vec![
        row("N", "new", &["PREPARATION"], Direction::Both),
        row("P", "EXECUTING", &[], Direction::Both),
        row("Q", "EXECUTING", &[], Direction::Both),
        row("F", "WON", &["LOSE", "APOLOGY"], Direction::ToPortal),
        elsewhere,
    ]);
    let findings = check(&map, &[fresh()]);
    assert_eq!(
        findings[0],
        Finding::StageUnknown {
            status: "N".into(),
            stage: "new".into(),
            meant: Some("NEW".into())
        }
    );
    assert_eq!(
        findings[1],
        Finding::FunnelUnknown {
            status: "E".into(),
            funnel: 9
        }
    );
    let has =
        |finding: Finding| assert!(findings.contains(&finding), "{finding:?} in {findings:#?}");
    has(Finding::Ambiguous {
        stage: "EXECUTING".into(),
        statuses: vec!["P".into(), "Q".into()],
    });
    has(Finding::NoWayBack {
        status: "P".into(),
        intended: false,
    });
    has(Finding::NoWayBack {
        status: "F".into(),
        intended: true,
    });
    has(Finding::Unaccepted {
        stage: "FINAL_INVOICE".into(),
        name: "Финальный счёт".into(),
    });
    assert!(findings.is_sorted_by_key(|f| std::cmp::Reverse(f.severity())));
}

#[test]
fn a_suggestion_for_a_1c_bitrix_shop_can_be_pasted_and_passes_the_check() {
    let map = suggested("1c-bitrix", &fresh());
    let stage = |status: &str| map.row(status).unwrap().stage.id.clone();
    assert_eq!(
        [stage("N"), stage("P"), stage("F"), stage("D")],
        ["NEW", "EXECUTING", "WON", "LOSE"]
    );
    let graver: Vec<_> = check(&map, &[fresh()])
        .into_iter()
        .filter(|f| {
            f.severity() == Severity::Error
                || matches!(f, Finding::Ambiguous { .. } | Finding::Unaccepted { .. })
        })
        .collect();
    assert_eq!(graver, []);
    assert_eq!(map.back(&Stage::new(0, "APOLOGY")), Ok("D"));
}

#[test]
fn a_suggestion_for_woocommerce_keeps_the_order_of_life() {
    let english = funnel(&[
        ("NEW", "New", Semantics::Process),
        ("UC_1", "Awaiting payment", Semantics::Process),
        ("UC_2", "Paid", Semantics::Process),
        ("WON", "Deal won", Semantics::Success),
        ("LOSE", "Deal lost", Semantics::Failure),
        ("UC_3", "Refunded", Semantics::Failure),
    ]);
    let map = suggested("woocommerce", &english);
    let stage = |status: &str| map.row(status).unwrap().stage.id.clone();
    assert_eq!(stage("pending"), "UC_1");
    assert_eq!(stage("processing"), "UC_2");
    assert_eq!(stage("completed"), "WON");
    assert_eq!(stage("refunded"), "UC_3");
    assert!(map.position("pending") < map.position("processing"));
    assert_eq!(map.back(&Stage::new(0, "LOSE")), Ok("cancelled"));
    let facts = finality(&map);
    assert_eq!(facts.paid, ["processing"]);
    assert_eq!(facts.cancelled, ["cancelled", "refunded"]);
}

#[test]
fn hostile_names_stay_in_their_comments() {
    let mut funnel = fresh();
    funnel.stages[0].name = "Новая\n[evil]\nkey = 1".to_owned();
    let statuses = [
        ShopStatus {
            code: "N\"\n".to_owned(),
            name: "Новый\r\nx = 1".to_owned(),
        },
        ShopStatus {
            code: "??\n[x]".to_owned(),
            name: String::new(),
        },
    ];
    let text = suggest(&ShopName::parse("main").unwrap(), &funnel, &statuses);
    assert_eq!(pasted(&text).rows()[0].status, "N\"\n");
    assert!(text.contains("no stage seems to mean this"));
}
