//! Portals: access, permissions, clock, stages, and whether they tell the bridge of changes.

use super::{catalogue, database::CLOCKS, report::Report, stages::check_stages};
use crate::{
    app::App,
    cli::setup::bootstrap,
    clients::{
        bitrix24::{Class, Client, Priority},
        connections::Connections,
    },
    config::{Config, Portal, PortalAccess},
    domain::{ErrorCode, FormTarget, Place, PortalName},
    worker::{CallFailure, lead_mode, newest_history, tells_history},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::SystemTime};

/// Everything about one portal. Without a bridge the database could not be asked.
pub(super) async fn check(
    (config, connections): (&Config, &Connections),
    name: &PortalName,
    portal: &Portal,
    app: Option<&App>,
    report: &mut Report,
) {
    let (what, at) = (format!("portal {name}"), Place::portal(name.as_str()));
    match (bootstrap::client(portal, connections), app) {
        (Ok(Some(client)), app) => {
            let client = match app {
                Some(app) => app.portal_access.with_shared_limit(name, client),
                None => client,
            };
            check_access(config, name, &client, report).await;
        }
        (Ok(None), Some(app)) => {
            let guest = bootstrap::apps::guest(app, name, portal, connections);
            check_application(config, name, guest, app, report).await;
        }
        (Ok(None), None) => report.wrong_at(
            at,
            what,
            "the application's tokens lie in the database, which cannot be asked",
            ErrorCode::Database,
        ),
        (Err(error), _) => report.wrong_at(at, what, format!("{error:#}"), ErrorCode::Config),
    }
    if let Some(app) = app {
        check_identity(name, app, report).await;
    }
    check_notifications(config, name, portal, app, report).await;
}

/// Whether it is still the portal that orders were brought to.
async fn check_identity(name: &PortalName, app: &App, report: &mut Report) {
    let what = format!("identity of portal {name}");
    let Ok(status) = app.operations.status().await else {
        return;
    };
    let portals = status.portals.into_iter();
    let mut own = portals.filter(|one| one.portal == name.as_str());
    match own.next().and_then(|one| one.changed) {
        Some(changed) => {
            let found = format!("{} ({})", changed.message, changed.at.format("%F %T UTC"));
            let at = Place::portal(name.as_str());
            let steps = ErrorCode::parse(&changed.code);
            let steps = steps.map(|code| at.fill(code.remedy()).into_owned());
            report.note(what, found, steps.into_iter().collect());
        }
        None => report.fine(
            what,
            "the one that orders were brought to, as far as is known",
        ),
    }
}

/// A portal that is reached by an application: its tokens lie in the database.
async fn check_application(
    config: &Config,
    name: &PortalName,
    guest: anyhow::Result<Client>,
    app: &App,
    report: &mut Report,
) {
    let (what, at) = (format!("portal {name}"), Place::portal(name.as_str()));
    match (app.portal_access.tokens(name).await, guest) {
        (Ok(Some(_)), Ok(client)) => check_access(config, name, &client, report).await,
        (Ok(None), _) => report.wrong_at(
            at,
            what,
            "the application was not installed or authorised yet",
            ErrorCode::Token,
        ),
        (Err(error), _) => report.wrong_at(at, what, error.to_string(), ErrorCode::Config),
        (_, Err(error)) => report.wrong_at(at, what, format!("{error:#}"), ErrorCode::Config),
    }
}

async fn check_access(config: &Config, name: &PortalName, client: &Client, report: &mut Report) {
    let (what, at) = (format!("portal {name}"), Place::portal(name.as_str()));
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
                report.wrong_at(
                    at,
                    &what,
                    "answers, without the permission CRM",
                    ErrorCode::Scope,
                );
            }
        }
        Err(error) => {
            let failure = CallFailure::from(error);
            return report.wrong_at(at, &what, failure.message, failure.code);
        }
    }
    check_clock(name, client, report);
    if let Some(host) = client.moved_to() {
        report.wrong_at(at, &what, format!("has moved to {host}"), ErrorCode::Moved);
    }
    let mut shops = config.shops.values();
    if shops.any(|shop| shop.rules.portal == *name) {
        check_history(name, client, report).await;
    }
    check_leads(config, name, client, report).await;
    catalogue::check(config, name, client, report).await;
    for shop in config
        .shops
        .values()
        .filter(|shop| shop.rules.portal == *name)
    {
        check_stages(&shop.rules, client, report).await;
    }
}

/// Whether the portal tells its stage history, by which moves of deals are found.
async fn check_history(name: &PortalName, client: &Client, report: &mut Report) {
    let (what, at) = (
        format!("stage history of portal {name}"),
        Place::portal(name.as_str()),
    );
    let (method, params) = newest_history();
    match client.call(method, &params, Priority::Live).await {
        Ok(answer) if tells_history(&answer.result) => report.fine(what, "can be read"),
        Ok(_) => report.wrong_at(
            at,
            what,
            "the portal answers, and what it answers is no list of rows",
            ErrorCode::History,
        ),
        Err(error) => {
            let is_refused = error.class() == Class::Refused;
            let failure = CallFailure::from(error);
            let code = if is_refused {
                ErrorCode::History
            } else {
                failure.code
            };
            report.wrong_at(at, what, failure.message, code);
        }
    }
}

/// Whether the portal works with leads, where something of a shop's may become one.
async fn check_leads(config: &Config, name: &PortalName, client: &Client, report: &mut Report) {
    let shops = config.shops.values();
    let shops: Vec<_> = shops.filter(|shop| shop.rules.portal == *name).collect();
    let orders = shops.iter().any(|shop| !shop.rules.leads.is_empty());
    let mut forms = shops.iter().flat_map(|shop| &shop.forms).peekable();
    if !orders && forms.peek().is_none() {
        return;
    }
    let (what, at) = (
        format!("leads of portal {name}"),
        Place::portal(name.as_str()),
    );
    let method = "crm.settings.mode.get";
    let mode = match client.call(method, &json!({}), Priority::Live).await {
        Ok(answer) => answer.result,
        Err(error) => {
            let failure = CallFailure::from(error);
            return report.wrong_at(at, &what, failure.message, failure.code);
        }
    };
    match lead_mode(&mode) {
        Some(true) => report.fine(what, "the portal works with leads"),
        Some(false) => {
            let mut steps = vec!["Forms become a contact and a deal.".to_owned()];
            if orders || forms.any(|form| form.rules.becomes == FormTarget::Lead) {
                let step = "The portal makes a deal of every lead by itself, some time later: \
                            leave out `leads` of the shop and `as = \"lead\"` of its forms.";
                steps.push(step.to_owned());
            }
            report.note(what, "the portal works without leads", steps);
        }
        None => {
            let found = format!("the portal does not say whether it works with leads: {mode}");
            report.wrong_at(at, what, found, ErrorCode::Rights);
        }
    }
}

/// The portal's clock, as its answer showed it.
fn check_clock(name: &PortalName, client: &Client, report: &mut Report) {
    let Some(heard) = client.take_heard() else {
        return;
    };
    let here = DateTime::<Utc>::from(SystemTime::now()) - heard.at.elapsed() - heard.round_trip / 2;
    let off = (heard.remote - here).as_seconds_f64();
    let what = format!("clock of portal {name}");
    if off.abs() > CLOCKS + heard.round_trip.as_secs_f64() {
        let found = format!("{off:+.0} s away from this machine's");
        let remedy = "Keep this machine's clock right by NTP: where both sides changed an order, \
                      the later change wins.";
        report.wrong_with(what, found, ErrorCode::Config, remedy);
    } else {
        report.fine(what, format!("{off:+.1} s"));
    }
}

/// Whether the portal tells of changes, and how to make it do so.
async fn check_notifications(
    config: &Config,
    name: &PortalName,
    portal: &Portal,
    app: Option<&App>,
    report: &mut Report,
) {
    let what = format!("notifications of portal {name}");
    let last = match app {
        Some(app) => app.operations.last_notification(name).await.unwrap_or(None),
        None => None,
    };
    let by_app = matches!(portal.access, PortalAccess::App(_));
    let known = if by_app {
        match app {
            Some(app) => {
                let tokens = app.portal_access.tokens(name).await;
                tokens.is_ok_and(|tokens| tokens.is_some_and(|tokens| tokens.hears))
            }
            None => false,
        }
    } else {
        !portal.event_tokens.is_empty()
    };
    if let Some(at) = last {
        return report.fine(what, format!("the last came at {}", at.format("%F %T UTC")));
    }
    let found = if known {
        "a token is known, but none came yet; without them the stage history is read every few \
         seconds all the same"
    } else {
        "not set up: changes are found by reading the stage history; with them they are seen at \
         once"
    };
    let base = config.http.public_url.as_deref();
    let base = base
        .unwrap_or("https://THE-BRIDGE'S-ADDRESS")
        .trim_end_matches('/');
    let steps = if by_app {
        application_steps(base, name)
    } else {
        webhook_steps(base, name)
    };
    report.note(what, found, steps);
}

fn webhook_steps(base: &str, name: &PortalName) -> Vec<String> {
    vec![
        "In Bitrix24, as an administrator: Applications > Developer resources > Other > Outgoing \
         webhook (Разработчикам > Другое > Исходящий вебхук)."
            .to_owned(),
        format!(
            "Your handler path (URL вашего обработчика): {base}/webhooks/bitrix24/{name}. It must \
             be public, with a certificate that browsers trust."
        ),
        "Events (События): deal updated (ONCRMDEALUPDATE), deal created (ONCRMDEALADD), deal \
         deleted (ONCRMDEALDELETE)."
            .to_owned(),
        format!(
            "Copy the application token (Токен приложения) into `event_tokens` of \
             `[portals.{name}]`, save the webhook, and run `b24-bridge reload`."
        ),
        "Move a deal and run `doctor` again: it tells when the last notification came.".to_owned(),
    ]
}

fn application_steps(base: &str, name: &PortalName) -> Vec<String> {
    vec![
        format!(
            "Set `[http] public_url` to the address by which the portal reaches the bridge \
             ({base}), and restart `serve`: the application binds its events by itself."
        ),
        format!(
            "In Bitrix24: Applications > Developer resources > Other > Local application \
             (Локальное приложение): the installation path is {base}/webhooks/bitrix24/{name}."
        ),
        format!("`b24-bridge portals authorize {name}`, then move a deal and run `doctor` again."),
    ]
}
