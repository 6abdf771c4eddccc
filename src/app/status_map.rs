//! The correspondence table beside the portal as it is: read, checked, proposed.

use crate::{
    clients::bitrix24::{Client, Command, Error, Priority, Response},
    decision::status_map::{self as table, PortalStage, Semantics},
    domain::{ShopName, ShopRules, Stage},
};
use serde::Serialize;
use serde_json::{Value, json};

pub use crate::decision::status_map::{
    Finding, Funnel, Severity, ShopStatus, suggest as propose, usual,
};

/// Most funnels and most stages of a funnel that are read: no portal that people can use has as
/// many.
const MOST: usize = 1_000;
/// Commands in one call.
const BATCH: usize = 50;

/// What the portal says of a shop's table.
#[derive(Debug, Clone, Serialize)]
pub struct MapCheck {
    /// The shop whose table was checked.
    pub shop: ShopName,
    /// How many rows the table has.
    pub rows: usize,
    /// What is wrong or odd, the gravest first.
    pub findings: Vec<ReportedFinding>,
}

/// A finding with its words.
#[derive(Debug, Clone, Serialize)]
pub struct ReportedFinding {
    /// How much it matters.
    pub severity: Severity,
    /// The finding in one sentence, with what to do.
    pub sentence: String,
    /// The finding as data.
    #[serde(flatten)]
    pub finding: Finding,
}

impl MapCheck {
    /// Whether something does not work as it stands. Notes are no faults.
    pub fn faulty(&self) -> bool {
        self.findings
            .iter()
            .any(|told| told.severity > Severity::Note)
    }
}

/// Checks a shop's table against the portal's own funnels and stages.
pub async fn check(rules: &ShopRules, client: &Client) -> Result<MapCheck, Error> {
    let funnels = funnels(client).await?;
    let told = |finding: Finding| ReportedFinding {
        severity: finding.severity(),
        sentence: finding.sentence(),
        finding,
    };
    Ok(MapCheck {
        shop: rules.shop.clone(),
        rows: rules.statuses.rows().len(),
        findings: table::check(&rules.statuses, &funnels)
            .into_iter()
            .map(told)
            .collect(),
    })
}

/// Proposes a table as TOML, for the funnel that the shop's deals are made in. None if the portal
/// does not show that funnel.
pub async fn suggest(
    rules: &ShopRules,
    client: &Client,
    known: &[ShopStatus],
) -> Result<Option<String>, Error> {
    let funnels = funnels(client).await?;
    let own = funnels.iter().find(|funnel| funnel.id == rules.funnel);
    Ok(own.map(|funnel| propose(&rules.shop, funnel, known)))
}

/// All funnels of deals with their stages, in the portal's order.
pub async fn funnels(client: &Client) -> Result<Vec<Funnel>, Error> {
    let mut found = categories(client).await?;
    let mut wanted: Vec<(usize, u64)> = (0..found.len()).map(|at| (at, 0)).collect();
    while !wanted.is_empty() {
        let now: Vec<_> = wanted.drain(..wanted.len().min(BATCH)).collect();
        let commands: Vec<Command> = now
            .iter()
            .filter_map(|(at, start)| Some(list(*at, found.get(*at)?.id, *start)))
            .collect();
        let mut answers = client.batch(&commands, Priority::Live).await?;
        for (at, _) in now {
            let Some(funnel) = found.get_mut(at) else {
                continue;
            };
            let answer = match answers.remove(&key(at)) {
                Some(Ok(answer)) => answer,
                Some(Err(refused)) => {
                    return Err(Error::Refused {
                        status: 200,
                        error: refused.error,
                        words: refused.description,
                    });
                }
                None => {
                    return Err(Error::Unreadable {
                        status: 200,
                        why: "the stages of a funnel are missing from the answer".to_owned(),
                    });
                }
            };
            let before = funnel.stages.len();
            funnel.stages.extend(stages(funnel.id, &answer));
            let more = answer.next.filter(|_| funnel.stages.len() > before);
            if let Some(next) = more.filter(|_| funnel.stages.len() < MOST) {
                wanted.push((at, next));
            }
        }
    }
    Ok(found)
}

async fn categories(client: &Client) -> Result<Vec<Funnel>, Error> {
    let mut found: Vec<Funnel> = Vec::new();
    let mut start = 0;
    loop {
        let params = json!({"entityTypeId": 2, "start": start});
        let answer = client
            .call("crm.category.list", &params, Priority::Live)
            .await?;
        let before = found.len();
        let rows = answer.result.get("categories").and_then(Value::as_array);
        for row in rows.into_iter().flatten() {
            let Some(id) = row.get("id").and_then(number) else {
                continue;
            };
            if found.iter().all(|funnel| funnel.id != id) {
                found.push(Funnel {
                    id,
                    name: words(row.get("name")),
                    stages: Vec::new(),
                });
            }
        }
        match answer.next {
            // A portal that pages over the same rows again is not followed for ever.
            Some(next) if found.len() > before && found.len() < MOST => start = next,
            _ => return Ok(found),
        }
    }
}

fn key(at: usize) -> String {
    format!("f{at}")
}

fn list(at: usize, funnel: u32, start: u64) -> Command {
    let entity = Stage::dictionary(funnel);
    Command {
        key: key(at),
        method: "crm.status.list".to_owned(),
        params: json!({"order": {"SORT": "ASC"}, "filter": {"ENTITY_ID": entity}, "start": start}),
    }
}

fn stages(funnel: u32, answer: &Response) -> Vec<PortalStage> {
    let row = |row: &Value| {
        let id = row.get("STATUS_ID")?.as_str()?;
        let semantics = row
            .get("SEMANTICS")
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .or_else(|| row.pointer("/EXTRA/SEMANTICS").and_then(Value::as_str));
        Some(PortalStage {
            stage: Stage::new(funnel, id),
            name: words(row.get("NAME")),
            semantics: Semantics::from_portal(semantics),
        })
    };
    answer
        .result
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(row)
        .collect()
}

fn words(value: Option<&Value>) -> String {
    value
        .and_then(Value::as_str)
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}

/// An id, as a number or as text.
fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|id| u32::try_from(id).ok()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
