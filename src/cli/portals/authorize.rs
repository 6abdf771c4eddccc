//! `portals authorize`: letting the bridge in as an application, in a browser.

use crate::{
    app::{Actor, App, portal_access::CodeOutcome},
    cli::{output, setup::bootstrap},
    config::Portal,
    domain::PortalName,
    worker::portal_access::{AppPortal, judge_now},
};
use anyhow::{Context as _, bail};
use serde_json::json;
use std::{process::ExitCode, time::Duration};
use tokio::time::Instant;

/// How long the browser is waited for.
const PATIENCE: Duration = Duration::from_mins(15);
/// How long a code is waited for that was handed over: the portal may be slow.
const JUDGING: Duration = Duration::from_mins(2);
const LOOK: Duration = Duration::from_millis(500);

pub(in crate::cli) async fn run(
    app: &App,
    name: &PortalName,
    portal: &Portal,
    code: Option<&str>,
    who: &Actor,
) -> anyhow::Result<ExitCode> {
    let connections = bootstrap::connections()?;
    let reached = bootstrap::apps::reached(app, name, portal, &connections)?;
    let reached = reached.with_context(|| {
        format!(
            "portal {name} is reached by a webhook: there is nothing to authorise; an application \
             has `[portals.{name}.app]`"
        )
    })?;
    let id = match code {
        Some(code) => hand_over(app, name, code, who).await?,
        None => wait(app, name, who).await?,
    };
    let Some(id) = id else {
        anyhow::bail!("nobody came back from the portal's page in time");
    };
    match outcome(app, &reached, id).await? {
        Some(None) => {
            let sentence = format!("the bridge is let into portal {name}");
            output::done(&json!({ "result": "let_in", "portal": name }), sentence)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Some(words)) => anyhow::bail!("refused: {words}"),
        None => anyhow::bail!("the portal does not answer; the bridge goes on trying"),
    }
}

async fn hand_over(
    app: &App,
    name: &PortalName,
    given: &str,
    who: &Actor,
) -> anyhow::Result<Option<i64>> {
    match app.portal_access.hand_over_code(name, given, who).await? {
        CodeOutcome::Waits { id, .. } => Ok(Some(id)),
        CodeOutcome::NoCode => bail!("the address has no `code`"),
        CodeOutcome::TooMany => bail!("too many installations of this portal wait to be judged"),
        CodeOutcome::NoApplication => bail!("the portal is not reached by an application"),
    }
}

async fn wait(app: &App, name: &PortalName, who: &Actor) -> anyhow::Result<Option<i64>> {
    let begun = app
        .portal_access
        .begin_authorisation(name, who)
        .await?
        .context("the portal is not reached by an application")?;
    output::say("open this as an administrator of the portal:");
    output::line(&begun.address);
    output::say(format!(
        "the application's redirect address must be .../webhooks/bitrix24/{name}/oauth of the \
         running bridge; else give the address that the browser ends at by --code within half a \
         minute"
    ));
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(id) = app.portal_access.offer_of_state(&begun.state).await? {
            return Ok(Some(id));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(None)
}

/// Judges it here; if another process is at it, waits for that one.
async fn outcome(
    app: &App,
    reached: &AppPortal,
    id: i64,
) -> anyhow::Result<Option<Option<String>>> {
    let until = Instant::now() + JUDGING;
    loop {
        judge_now(&app.portal_access, reached).await?;
        if let Some(outcome) = app.portal_access.outcome_of_offer(id).await? {
            return Ok(Some(outcome));
        }
        if Instant::now() > until {
            return Ok(None);
        }
        tokio::time::sleep(LOOK).await;
    }
}
