//! `reload`: every running process reads its settings again, and says what came of it.

use super::{
    Global, output,
    setup::bootstrap::{self, Database},
};
use crate::app::{App, ReloadAnswer};
use serde_json::json;
use std::{process::ExitCode, time::Duration};
use tokio::time::Instant;

/// How long it is waited for an answer: a lane that ends has a while for its call in flight.
const PATIENCE: Duration = Duration::from_mins(6);
/// How often it is looked for answers.
const POLL: Duration = Duration::from_millis(200);

pub(super) async fn run(global: &Global) -> anyhow::Result<ExitCode> {
    // A fault of the settings is told here already, and then nobody is asked.
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let asked = ask(&app).await;
    database.close().await;
    let (answers, silent) = asked?;
    let failed = answers.iter().any(|answer| answer.failed) || !silent.is_empty();
    if global.json {
        let of = |one: &ReloadAnswer| {
            let (process, failed, lines) = (&one.owner, one.failed, &one.lines);
            json!({ "process": process, "failed": failed, "lines": lines })
        };
        let answers: Vec<_> = answers.iter().map(of).collect();
        output::json(&json!({ "answers": answers, "silent": silent }))?;
    } else {
        show(&answers, &silent);
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Asks all living processes: their answers, and who did not answer.
async fn ask(app: &App) -> anyhow::Result<(Vec<ReloadAnswer>, Vec<String>)> {
    let operations = &app.operations;
    anyhow::ensure!(
        !operations.answering().await?.is_empty(),
        "no `b24-bridge serve` runs on this database: start it, and it reads the settings"
    );
    let asked = operations.ask_to_reload(&bootstrap::actor()).await?;
    let until = Instant::now() + PATIENCE;
    loop {
        let answers = operations.reload_answers(asked).await?;
        // Whoever has died meanwhile owes no answer.
        let mut silent = operations.answering().await?;
        silent.retain(|process| !answers.iter().any(|answer| answer.owner == *process));
        if silent.is_empty() || Instant::now() > until {
            return Ok((answers, silent));
        }
        tokio::time::sleep(POLL).await;
    }
}

fn show(answers: &[ReloadAnswer], silent: &[String]) {
    for answer in answers {
        let what = if answer.failed {
            "cannot use the settings, and goes on with the old ones"
        } else {
            "has read the settings"
        };
        output::line(format!("{} {what}:", answer.owner));
        for line in &answer.lines {
            output::line(format!("  {}", line.replace('\n', "\n  ")));
        }
    }
    for process in silent {
        output::line(format!(
            "{process} has not answered: look into its log, or restart it"
        ));
    }
}
