//! `status`: what flows, what waits, what is stuck; the worst first.

use super::{
    Global, output,
    setup::bootstrap::{self, Database},
};
use crate::{
    app::{LaneState, PortalStatus, ShopStatus, StatusReport},
    domain::{ErrorCode, Place},
};
use std::process::ExitCode;

/// Something that waits longer than this is slow, in seconds.
const SLOW: i64 = 60;

pub(super) async fn run(global: &Global) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let report = bootstrap::app(&config, database.pool.clone())
        .operations
        .status()
        .await;
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
    let troubles = troubles(report);
    if troubles.is_empty() {
        output::line("Everything flows.");
    } else {
        output::line("Look at this:");
        for trouble in troubles {
            output::sentence("  - ", &trouble);
        }
    }
    let head = [
        "portal",
        "state",
        "waiting",
        "oldest",
        "done/h",
        "dead",
        "driven by",
    ];
    output::table(&head, report.portals.iter().map(portal_row).collect());
    let head = [
        "shop",
        "portal",
        "waiting",
        "oldest",
        "done/h",
        "dead",
        "conflicts",
        "to tell",
        "told by",
    ];
    output::table(&head, report.shops.iter().map(shop_row).collect());
}

fn portal_row(portal: &PortalStatus) -> Vec<String> {
    vec![
        portal.portal.clone(),
        state(portal).to_owned(),
        portal.pending.to_string(),
        age(portal.oldest_seconds),
        portal.done_last_hour.to_string(),
        portal.dead.to_string(),
        portal.owner.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

fn shop_row(shop: &ShopStatus) -> Vec<String> {
    vec![
        shop.shop.clone(),
        shop.portal.clone(),
        shop.pending.to_string(),
        age(shop.oldest_seconds),
        shop.done_last_hour.to_string(),
        shop.dead.to_string(),
        shop.conflicts.to_string(),
        match shop.given_up {
            0 => shop.untold.to_string(),
            dead => format!("{} + {dead} dead", shop.untold),
        },
        match shop.callback {
            None => "feed",
            Some(LaneState::Paused | LaneState::Waiting) => "CALLBACK STOPPED",
            Some(_) => "callback",
        }
        .to_owned(),
    ]
}

fn state(portal: &PortalStatus) -> &'static str {
    match portal.state {
        LaneState::Paused => "PAUSED",
        LaneState::Waiting => "PORTAL IN TROUBLE",
        LaneState::Idle => "NO WORKER",
        LaneState::Running if portal.oldest_seconds > SLOW || portal.lowered_until.is_some() => {
            "slow"
        }
        LaneState::Running => "flowing",
    }
}

/// What a person may have to do something about, in sentences, with what to do.
fn troubles(report: &StatusReport) -> Vec<String> {
    let mut found: Vec<String> = report.portals.iter().filter_map(trouble).collect();
    for portal in &report.portals {
        if let Some(changed) = &portal.changed {
            let at = Place::portal(&portal.portal);
            let remedy = ErrorCode::parse(&changed.code).map(|code| at.fill(code.remedy()));
            found.push(format!(
                "portal {}: {} ({}, {}). {}",
                portal.portal,
                changed.message,
                changed.code,
                changed.at.format("%F %T UTC"),
                remedy.unwrap_or_default()
            ));
        }
    }
    for stuck in &report.stuck {
        let (what, words, code) = (stuck.sentence(), &stuck.message, &stuck.code);
        let remedy = ErrorCode::parse(code).map(|code| stuck.place().fill(code.remedy()));
        let remedy = remedy.unwrap_or_default();
        found.push(format!("{what}: {words} ({code}). {remedy}"));
    }
    for dead in &report.dead {
        let at = Place {
            shop: dead.shop.as_deref(),
            portal: dead.portal.as_deref(),
            ..Place::default()
        };
        let remedy = ErrorCode::parse(&dead.code).map(|code| at.fill(code.remedy()));
        found.push(format!(
            "{} dead {} of {}: {}. {}",
            dead.count,
            if dead.count == 1 { "letter" } else { "letters" },
            dead.shop.as_deref().unwrap_or("no known shop"),
            dead.code,
            remedy.unwrap_or_default()
        ));
    }
    for shop in &report.shops {
        if let Some(reason) = &shop.callback_reason {
            let (name, untold) = (&shop.shop, shop.untold);
            found.push(format!(
                "shop {name} cannot be told: {reason}; {untold} changes wait. `b24-bridge portals \
                 resume shop:{name}` once it is fixed"
            ));
        }
        if shop.conflicts > 0 {
            let (name, count) = (&shop.shop, shop.conflicts);
            found.push(format!(
                "{count} conflicts of shop {name} wait for a person: `b24-bridge conflicts list`"
            ));
        }
    }
    for notice in &report.notices {
        let code = ErrorCode::parse(&notice.code);
        found.push(format!(
            "shop {}: {} ({}, {} times: {}) {}",
            notice.shop,
            code.map(ErrorCode::sentence).unwrap_or_default(),
            notice.code,
            notice.times,
            notice.message,
            code.map(|code| Place::shop(&notice.shop).fill(code.remedy()))
                .unwrap_or_default()
        ));
    }
    if report.published > 0 {
        let count = report.published;
        found.push(format!(
            "{count} events from SQL wait to be taken up; a worker does it"
        ));
    }
    found
}

fn trouble(portal: &PortalStatus) -> Option<String> {
    let name = &portal.portal;
    let waiting = portal.pending;
    if let (LaneState::Running, Some(until)) = (portal.state, portal.lowered_until) {
        let (code, remedy) = (ErrorCode::Limit, ErrorCode::Limit.remedy());
        let until = until.format("%H:%M:%S UTC");
        return Some(format!(
            "portal {name} goes at half its pace until {until}: it said that there are too many \
             requests, more than the bridge sends ({code}); {waiting} orders wait. {remedy}"
        ));
    }
    match portal.state {
        LaneState::Running if portal.oldest_seconds <= SLOW => None,
        LaneState::Running => Some(format!(
            "portal {name} is slow: {waiting} orders wait, the oldest for {}",
            age(portal.oldest_seconds)
        )),
        LaneState::Idle => Some(format!(
            "portal {name}: no worker drives it, {waiting} orders wait. Start `b24-bridge serve`."
        )),
        LaneState::Paused if portal.paused_code.is_none() => Some(format!(
            "portal {name} is paused by a person, {waiting} orders wait. `b24-bridge portals \
             resume {name}`"
        )),
        LaneState::Paused | LaneState::Waiting => {
            let code = portal.paused_code.as_deref().unwrap_or_default();
            let remedy = ErrorCode::parse(code)
                .map(|code| Place::portal(name).fill(code.remedy()))
                .unwrap_or_default();
            let words = portal.paused_reason.as_deref().unwrap_or_default();
            let next = portal.resume_at.map_or_else(String::new, |at| {
                format!(" Next try at {}.", at.format("%H:%M:%S UTC"))
            });
            Some(format!(
                "portal {name} does not take orders: {words} ({code}); {waiting} wait. \
                 {remedy}{next}"
            ))
        }
    }
}

/// An age for people, from seconds.
fn age(seconds: i64) -> String {
    match seconds {
        ..=0 => "-".to_owned(),
        1..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{DeadCount, StuckTask};

    fn portal(state: LaneState) -> PortalStatus {
        PortalStatus {
            portal: "main".to_owned(),
            pending: 7,
            oldest_seconds: 5,
            dead: 0,
            done_last_hour: 3,
            state,
            owner: None,
            lease_until: None,
            paused_at: None,
            paused_code: None,
            paused_reason: None,
            paused_what: None,
            resume_at: None,
            failures: 0,
            lowered_until: None,
            changed: None,
        }
    }

    #[test]
    fn what_flows_is_no_trouble_and_each_trouble_says_what_to_do() {
        assert_eq!(trouble(&portal(LaneState::Running)), None);
        let mut slower = portal(LaneState::Running);
        slower.lowered_until = chrono::DateTime::from_timestamp(1_800_000_000, 0);
        let told = trouble(&slower).unwrap();
        assert!(
            told.contains("half its pace until 08:00:00 UTC") && told.contains("B24-LIMIT"),
            "{told}"
        );
        let mut auth = portal(LaneState::Waiting);
        auth.paused_code = Some("B24-AUTH".to_owned());
        auth.paused_reason = Some("the webhook was deleted".to_owned());
        let told = trouble(&auth).unwrap();
        assert!(
            told.contains("the webhook was deleted") && told.contains("portals resume"),
            "{told}"
        );
        assert!(trouble(&portal(LaneState::Idle)).unwrap().contains("serve"));
        let report = StatusReport {
            portals: vec![portal(LaneState::Running)],
            shops: Vec::new(),
            dead: vec![DeadCount {
                portal: None,
                shop: Some("main".to_owned()),
                code: "MAP-STATUS".to_owned(),
                count: 2,
            }],
            notices: Vec::new(),
            published: 0,
            stuck: vec![StuckTask {
                lane: ":sql".to_owned(),
                times: 3,
                since: chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
                message: "a row".to_owned(),
                code: "BRIDGE-STUCK".to_owned(),
            }],
        };
        let told = troubles(&report).remove(0);
        assert!(
            told.starts_with("taking up events from SQL fails") && told.contains("BRIDGE-STUCK"),
            "{told}"
        );
        let told = troubles(&report).remove(1);
        assert!(
            told.starts_with("2 dead letters of main: MAP-STATUS. Add"),
            "{told}"
        );
    }

    #[test]
    fn ages_are_told_in_the_unit_that_people_think_in() {
        assert_eq!(
            [0, 90, 600, 7_300, 300_000].map(age),
            ["-", "90 s", "10 min", "2 h", "3 days"]
        );
    }
}
