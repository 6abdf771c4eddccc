//! `doctor`: settings, database, clocks, portals and callbacks, each with its code and remedy. It
//! changes nothing and goes on after a failure.

mod catalogue;
mod database;
mod onec;
mod portal;
mod report;
mod shops;
mod stages;
mod stock;

use super::{
    Global, output,
    setup::bootstrap::{self, Database},
};
use crate::{app::App, config::Config, domain::ErrorCode};
use report::Report;
use std::process::ExitCode;

pub(super) async fn run(global: &Global) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    match bootstrap::config(global) {
        Ok(config) => examine(&config, global, &mut report).await,
        Err(error) => report.wrong("settings", format!("{error:#}"), ErrorCode::Config),
    }
    report.show(global.json)?;
    Ok(if report.well() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the workers said of themselves.
async fn stuck(app: &App, report: &mut Report) {
    match app.operations.stuck().await {
        Ok(stuck) if stuck.is_empty() => report.fine("work", "nothing fails again and again"),
        Ok(stuck) => {
            for one in &stuck {
                let found = format!("{}: {}", one.sentence(), one.message);
                let code = ErrorCode::parse(&one.code).unwrap_or(ErrorCode::Stuck);
                report.wrong_at(one.place(), "work", found, code);
            }
        }
        Err(error) => report.wrong("work", error.chain(), ErrorCode::Database),
    }
}

async fn examine(config: &Config, global: &Global, report: &mut Report) {
    let from = config.file.as_ref().map_or_else(
        || "none: demo values".to_owned(),
        |file| file.display().to_string(),
    );
    let portals = output::count(config.portals.len(), "portal");
    let shops = output::count(config.shops.len(), "shop");
    report.fine("settings", format!("{from} ({portals}, {shops})"));
    // Without the migrations: looking changes nothing.
    let connections = match bootstrap::connections() {
        Ok(connections) => connections,
        Err(error) => return report.wrong("TLS", format!("{error:#}"), ErrorCode::Config),
    };
    let database = match Database::connect(config, global).await {
        Ok(database) => Some(database),
        Err(error) => {
            let (found, remedy) = output::told(&error);
            let remedy = remedy.unwrap_or_else(|| ErrorCode::Database.remedy().to_owned());
            report.wrong_with("database", found, ErrorCode::Database, &remedy);
            None
        }
    };
    let mut app: Option<App> = None;
    if let Some(database) = &database {
        let asked = bootstrap::app(config, database.pool.clone());
        if database::check(&asked, database, report).await {
            stuck(&asked, report).await;
            app = Some(asked);
        }
    }
    for (name, settings) in &config.portals {
        portal::check((config, &connections), name, settings, app.as_ref(), report).await;
    }
    for (name, shop) in &config.shops {
        shops::check(name, shop, &connections, report).await;
    }
    if let Some(app) = &app {
        shops::notices(app, report).await;
        onec::check((config, &connections), app, report).await;
        stock::check(app, report).await;
    }
    if let Some(database) = database {
        database.close().await;
    }
}
