//! `status`: what flows, what waits, what is stuck.

use super::{
    Global, output,
    setup::{self, Database},
};
use crate::app::{LaneState, StatusReport};
use std::process::ExitCode;

pub(super) async fn run(global: &Global) -> anyhow::Result<ExitCode> {
    let config = setup::config(global)?;
    let database = Database::open(&config, global).await?;
    let report = setup::bridge(&config, database.pool.clone()).status().await;
    database.close().await;
    let report = report?;
    if global.json {
        output::json(&report)?;
    } else {
        show(&report);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(report: &StatusReport) {
    let rows = report.portals.iter().map(|portal| {
        let state = match portal.state {
            LaneState::Running => "running",
            LaneState::Idle => "no worker",
            LaneState::Waiting => "waiting",
            LaneState::Paused => "PAUSED",
        };
        let why = [&portal.paused_code, &portal.paused_reason]
            .into_iter()
            .flatten()
            .cloned()
            .collect::<Vec<_>>()
            .join(": ");
        vec![
            portal.portal.clone(),
            state.to_owned(),
            portal.pending.to_string(),
            format!("{} s", portal.oldest_seconds),
            portal.done_last_hour.to_string(),
            portal.dead.to_string(),
            why,
        ]
    });
    output::table(
        &[
            "portal",
            "state",
            "waiting",
            "oldest",
            "done in the last hour",
            "dead",
            "why",
        ],
        rows.collect(),
    );
    let rows = report.shops.iter().map(|shop| {
        vec![
            shop.shop.clone(),
            shop.portal.clone(),
            shop.pending.to_string(),
            format!("{} s", shop.oldest_seconds),
            shop.done_last_hour.to_string(),
            shop.dead.to_string(),
            shop.conflicts.to_string(),
            shop.untold.to_string(),
            match (shop.callback, &shop.callback_reason) {
                (None, _) => "reads the feed".to_owned(),
                (Some(_), Some(reason)) => format!("PAUSED: {reason}"),
                (Some(_), None) => "called".to_owned(),
            },
        ]
    });
    output::table(
        &[
            "shop",
            "portal",
            "waiting",
            "oldest",
            "done in the last hour",
            "dead",
            "conflicts",
            "to be told",
            "callback",
        ],
        rows.collect(),
    );
    if !report.dead.is_empty() {
        let rows = report.dead.iter().map(|dead| {
            vec![
                dead.code.clone(),
                dead.shop.clone().unwrap_or_default(),
                dead.count.to_string(),
            ]
        });
        output::table(&["dead letters", "shop", "how many"], rows.collect());
    }
}
