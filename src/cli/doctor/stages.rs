//! Funnels and stages: whether the portal has what the shops' tables name.

use super::report::Report;
use crate::{
    cli::output,
    clients::bitrix24::{Client, Error, Priority},
    domain::{ErrorCode, Place, ShopRules, Stage},
    worker::CallFailure,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every stage of the shop's table, against the portal.
pub(super) async fn check_stages(rules: &ShopRules, client: &Client, report: &mut Report) {
    let what = format!("stages of shop {}", rules.shop);
    let at = Place {
        portal: Some(rules.portal.as_str()),
        ..Place::shop(rules.shop.as_str())
    };
    let mut wrong = 0;
    let wanted = rules
        .statuses
        .rows()
        .iter()
        .flat_map(|row| std::iter::once(&row.stage).chain(&row.accepts));
    let funnels: BTreeSet<u32> = wanted
        .clone()
        .map(|stage| stage.funnel)
        .chain([rules.funnel])
        .collect();
    for funnel in funnels {
        let stages = match stages_of(funnel, client).await {
            Ok(stages) => stages,
            Err(error) => {
                let failure = CallFailure::from(error);
                return report.wrong_at(at, &what, failure.message, failure.code);
            }
        };
        if stages.is_empty() {
            wrong += 1;
            report.wrong_at(
                at,
                &what,
                format!("the portal has no funnel {funnel}"),
                ErrorCode::StageUnknown,
            );
            continue;
        }
        for stage in wanted
            .clone()
            .filter(|stage| stage.funnel == funnel && !stages.contains(&stage.id))
        {
            wrong += 1;
            let found = format!(
                "`{stage}` is not in the portal's funnel {funnel}, which has {}",
                stages.join(", ")
            );
            report.wrong_at(at, &what, found, ErrorCode::StageUnknown);
        }
    }
    if wrong == 0 {
        let rows = output::count(rules.statuses.rows().len(), "row");
        report.fine(what, format!("{rows}, every stage known to the portal"));
    }
}

/// The ids of a funnel's stages; a page holds fifty.
async fn stages_of(funnel: u32, client: &Client) -> Result<Vec<String>, Error> {
    let entity = Stage::dictionary(funnel);
    let mut stages: Vec<String> = Vec::new();
    let mut start = 0;
    loop {
        let params =
            json!({"filter": {"ENTITY_ID": entity}, "order": {"SORT": "ASC"}, "start": start});
        let answer = client
            .call("crm.status.list", &params, Priority::Live)
            .await?;
        let before = stages.len();
        for row in answer.result.as_array().into_iter().flatten() {
            let id = row.get("STATUS_ID").and_then(Value::as_str);
            stages.extend(
                id.filter(|id| !stages.iter().any(|known| known == id))
                    .map(str::to_owned),
            );
        }
        match answer.next {
            Some(next) if stages.len() > before => start = next,
            _ => return Ok(stages),
        }
    }
}
