//! Funnels and stages: whether the portal has what the shops' tables name.

use super::report::Report;
use crate::{
    bitrix24::{Client, Priority},
    domain::{Code, ShopRules},
    worker::Failure,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every stage of the shop's table, against the portal.
pub(super) async fn check_stages(rules: &ShopRules, client: &Client, report: &mut Report) {
    let what = format!("stages of shop {}", rules.shop);
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
        let entity = if funnel == 0 {
            "DEAL_STAGE".to_owned()
        } else {
            format!("DEAL_STAGE_{funnel}")
        };
        let listed = client
            .call(
                "crm.status.list",
                &json!({"filter": {"ENTITY_ID": entity}}),
                Priority::Live,
            )
            .await;
        let stages: Vec<String> = match listed {
            Ok(answer) => answer
                .result
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|row| {
                    row.get("STATUS_ID")
                        .and_then(Value::as_str)
                        .map(str::to_owned)
                })
                .collect(),
            Err(error) => {
                let failure = Failure::from(error);
                return report.wrong(&what, failure.message, failure.code);
            }
        };
        if stages.is_empty() {
            wrong += 1;
            report.wrong(
                &what,
                format!("the portal has no funnel {funnel}"),
                Code::StageUnknown,
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
            report.wrong(&what, found, Code::StageUnknown);
        }
    }
    if wrong == 0 {
        report.fine(
            what,
            format!(
                "{} statuses, every stage known to the portal",
                rules.statuses.rows().len()
            ),
        );
    }
}
