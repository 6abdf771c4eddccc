//! `doctor`: settings, database and portals, each with its remedy. It goes on after a failure.

use super::{
    Global, applications, output,
    setup::{self, Database},
};
use crate::{
    bitrix24::{Client, Priority},
    config::{Config, Portal},
    domain::{Code, PortalName, ShopRules},
    worker::Failure,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::BTreeSet, process::ExitCode};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    fine: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

#[derive(Default)]
struct Report(Vec<Finding>);

impl Report {
    fn fine(&mut self, what: impl Into<String>, found: impl Into<String>) {
        self.0.push(Finding {
            what: what.into(),
            fine: true,
            found: found.into(),
            code: None,
            remedy: None,
        });
    }

    fn wrong(&mut self, what: impl Into<String>, found: impl Into<String>, code: Code) {
        self.wrong_with(what, found, code, code.remedy());
    }

    fn wrong_with(
        &mut self,
        what: impl Into<String>,
        found: impl Into<String>,
        code: Code,
        remedy: &str,
    ) {
        let remedy = Some(remedy.to_owned());
        self.0.push(Finding {
            what: what.into(),
            fine: false,
            found: found.into(),
            code: Some(code),
            remedy,
        });
    }
}

pub(super) async fn run(global: &Global) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    match setup::config(global) {
        Ok(config) => {
            let from = config.file.as_ref().map_or_else(
                || "none: demo values".to_owned(),
                |file| file.display().to_string(),
            );
            report.fine("settings", from);
            database(&config, global, &mut report).await;
            for (name, portal) in &config.portals {
                match setup::client(portal) {
                    Ok(Some(client)) => check_portal(&config, name, &client, &mut report).await,
                    Ok(None) => {
                        check_application(&config, global, name, portal, &mut report).await;
                    }
                    Err(error) => {
                        report.wrong(format!("portal {name}"), format!("{error:#}"), Code::Config);
                    }
                }
            }
        }
        Err(error) => report.wrong("settings", format!("{error:#}"), Code::Config),
    }
    let sick = report.0.iter().any(|finding| !finding.fine);
    if global.json {
        output::json(&report.0)?;
    } else {
        for finding in &report.0 {
            let mark = if finding.fine { "ok  " } else { "FAIL" };
            output::line(format!("{mark}  {}: {}", finding.what, finding.found));
            if let (Some(code), Some(remedy)) = (finding.code, &finding.remedy) {
                output::line(format!("      {code}: {remedy}"));
            }
        }
    }
    Ok(if sick {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

async fn database(config: &Config, global: &Global, report: &mut Report) {
    let database = match Database::open(config, global).await {
        Ok(database) => database,
        Err(error) => return report.wrong("database", format!("{error:#}"), Code::Database),
    };
    let bridge = setup::bridge(config, database.pool.clone());
    match bridge.database_settings().await {
        Ok(settings) => {
            report.fine(
                "database",
                format!("PostgreSQL {}, schema up to date", settings.version),
            );
            if settings.durable {
                report.fine("durable commits", "on");
            } else {
                report.wrong_with(
                    "durable commits",
                    "fsync or synchronous_commit is off: an accepted event may be lost with the power",
                    Code::Database,
                    "Set fsync = on and synchronous_commit = on.",
                );
            }
            let off = settings.clock_offset_seconds.abs();
            if off > 5.0 {
                let found = format!("the database's clock is {off:.0} s away from this machine's");
                report.wrong_with(
                    "clocks",
                    found,
                    Code::Database,
                    "Keep both clocks right by NTP.",
                );
            } else {
                report.fine("clocks", format!("{off:.1} s apart"));
            }
        }
        Err(error) => report.wrong("database", error.to_string(), Code::Database),
    }
    database.close().await;
}

/// A portal that is reached by an application: its tokens lie in the database.
async fn check_application(
    config: &Config,
    global: &Global,
    name: &PortalName,
    portal: &Portal,
    report: &mut Report,
) {
    // That the database is away was said already.
    let Ok(database) = Database::open(config, global).await else {
        return;
    };
    let bridge = setup::bridge(config, database.pool.clone());
    let what = format!("portal {name}");
    match (
        bridge.tokens(name).await,
        applications::client(&bridge, name, portal),
    ) {
        (Ok(Some(tokens)), Ok(client)) => {
            if !tokens.hears && config.http.public_url.is_some() {
                report.fine(
                    &what,
                    "the token of its notifications is not known yet: they are not taken until then",
                );
            }
            check_portal(config, name, &client, report).await;
        }
        (Ok(None), _) => report.wrong(
            what,
            "the application was not installed or authorised yet",
            Code::Token,
        ),
        (Err(error), _) => report.wrong(what, error.to_string(), Code::Config),
        (_, Err(error)) => report.wrong(what, format!("{error:#}"), Code::Config),
    }
    database.close().await;
}

async fn check_portal(config: &Config, name: &PortalName, client: &Client, report: &mut Report) {
    let what = format!("portal {name}");
    match client.call("scope", &json!({}), Priority::Live).await {
        Ok(answer) => {
            let scopes: BTreeSet<&str> = answer
                .result
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            if scopes.is_empty() || scopes.contains("crm") {
                report.fine(&what, "answers, with the permission CRM");
            } else {
                report.wrong(&what, "answers, without the permission CRM", Code::Scope);
            }
        }
        Err(error) => {
            let failure = Failure::from(error);
            return report.wrong(&what, failure.message, failure.code);
        }
    }
    if let Some(host) = client.moved_to() {
        report.wrong(&what, format!("has moved to {host}"), Code::Moved);
    }
    for shop in config
        .shops
        .values()
        .filter(|shop| shop.rules.portal == *name)
    {
        check_stages(&shop.rules, client, report).await;
    }
}

async fn check_stages(rules: &ShopRules, client: &Client, report: &mut Report) {
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
