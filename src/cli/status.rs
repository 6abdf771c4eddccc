//! `status`: what flows, what waits, what is stuck; the worst first.

use super::{
    Global, output,
    setup::bootstrap::{self, Database},
};
use crate::{
    app::{
        DeadCount, LaneState, PortalStatus, ShopNotice, ShopStatus, ShortageCount, StatusReport,
        StuckTask,
    },
    domain::{ErrorCode, Place},
};
use std::{cmp::Reverse, process::ExitCode};

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
            output::sentence("  - ", &trouble.text);
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

/// How a portal is, in the words of every list.
pub(super) fn state(portal: &PortalStatus) -> &'static str {
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

/// What a person may have to do something about, in a sentence with what to do.
#[derive(Debug, PartialEq, Eq)]
struct Trouble {
    /// Whether it holds up all that waits there.
    stands_still: bool,
    /// How much waits because of it: orders, letters, messages.
    waits: i64,
    text: String,
}

impl Trouble {
    fn standing_still(waits: i64, text: String) -> Self {
        Self {
            stands_still: true,
            waits,
            text,
        }
    }

    fn slowed(waits: i64, text: String) -> Self {
        Self {
            stands_still: false,
            waits,
            text,
        }
    }
}

/// All troubles, the worst first: what stands still, then that for which most waits.
fn troubles(report: &StatusReport) -> Vec<Trouble> {
    let mut found: Vec<Trouble> = report.portals.iter().filter_map(trouble).collect();
    found.extend(report.portals.iter().filter_map(changed));
    found.extend(report.stuck.iter().map(stuck));
    found.extend(report.dead.iter().map(dead));
    found.extend(report.shops.iter().filter_map(untold));
    found.extend(report.shops.iter().filter_map(conflicts));
    found.extend(report.shortages.iter().map(shortage));
    found.extend(report.notices.iter().map(notice));
    if report.published > 0 {
        let events = wait(report.published, "event from SQL", "events from SQL");
        let text = format!("{events} to be taken up; a worker does it");
        found.push(Trouble::slowed(report.published, text));
    }
    found.sort_by_key(|one| (!one.stands_still, Reverse(one.waits)));
    found
}

/// So many of something wait: `1 order waits`, `2 orders wait`.
fn wait(many: i64, one: &str, several: &str) -> String {
    match many {
        1 => format!("1 {one} waits"),
        _ => format!("{many} {several} wait"),
    }
}

fn changed(portal: &PortalStatus) -> Option<Trouble> {
    let changed = portal.changed.as_ref()?;
    let at = Place::portal(&portal.portal);
    let remedy = ErrorCode::parse(&changed.code).map(|code| at.fill(code.remedy()));
    let text = format!(
        "portal {}: {} ({}, {}). {}",
        portal.portal,
        changed.message,
        changed.code,
        changed.at.format("%F %T UTC"),
        remedy.unwrap_or_default()
    );
    Some(Trouble::slowed(0, text))
}

fn stuck(task: &StuckTask) -> Trouble {
    let (what, words, code) = (task.sentence(), &task.message, &task.code);
    let remedy = ErrorCode::parse(code).map(|code| task.place().fill(code.remedy()));
    let remedy = remedy.unwrap_or_default();
    Trouble::standing_still(0, format!("{what}: {words} ({code}). {remedy}"))
}

fn dead(dead: &DeadCount) -> Trouble {
    let at = Place {
        shop: dead.shop.as_deref(),
        portal: dead.portal.as_deref(),
        ..Place::default()
    };
    let remedy = ErrorCode::parse(&dead.code).map(|code| at.fill(code.remedy()));
    let text = format!(
        "{} dead {} of {}: {}. {}",
        dead.count,
        if dead.count == 1 { "letter" } else { "letters" },
        dead.shop.as_deref().unwrap_or("no known shop"),
        dead.code,
        remedy.unwrap_or_default()
    );
    Trouble::slowed(dead.count, text)
}

fn untold(shop: &ShopStatus) -> Option<Trouble> {
    let reason = shop.callback_reason.as_ref()?;
    let name = &shop.shop;
    let changes = wait(shop.untold, "change", "changes");
    let text = format!(
        "shop {name} cannot be told: {reason}; {changes}. `b24-bridge portals resume shop:{name}` \
         once it is fixed"
    );
    Some(Trouble::standing_still(shop.untold, text))
}

fn conflicts(shop: &ShopStatus) -> Option<Trouble> {
    let name = &shop.shop;
    let conflicts = wait(
        shop.conflicts,
        &format!("conflict of shop {name}"),
        &format!("conflicts of shop {name}"),
    );
    let text = format!("{conflicts} for a person: `b24-bridge conflicts list`");
    (shop.conflicts > 0).then(|| Trouble::slowed(shop.conflicts, text))
}

fn shortage(of: &ShortageCount) -> Trouble {
    let shortages = wait(of.count, "shortage", "shortages");
    let name = &of.stock;
    let text = format!("stock {name}: {shortages} for a person: `b24-bridge conflicts list`");
    Trouble::slowed(of.count, text)
}

fn notice(notice: &ShopNotice) -> Trouble {
    let code = ErrorCode::parse(&notice.code);
    let text = format!(
        "shop {}: {} ({}, {} {}: {}) {}",
        notice.shop,
        code.map(ErrorCode::sentence).unwrap_or_default(),
        notice.code,
        notice.times,
        if notice.times == 1 { "time" } else { "times" },
        notice.message,
        code.map(|code| Place::shop(&notice.shop).fill(code.remedy()))
            .unwrap_or_default()
    );
    Trouble::slowed(0, text)
}

/// What is wrong with a portal, for whoever looks at something that waits for it.
pub(super) fn hindrance(portal: &PortalStatus) -> Option<String> {
    trouble(portal).map(|found| found.text)
}

fn trouble(portal: &PortalStatus) -> Option<Trouble> {
    let name = &portal.portal;
    let waiting = portal.pending;
    let orders = wait(waiting, "order", "orders");
    if let (LaneState::Running, Some(until)) = (portal.state, portal.lowered_until) {
        let (code, remedy) = (ErrorCode::Limit, ErrorCode::Limit.remedy());
        let until = until.format("%H:%M:%S UTC");
        let text = format!(
            "portal {name} goes at half its pace until {until}: it said that there are too many \
             requests, more than the bridge sends ({code}); {orders}. {remedy}"
        );
        return Some(Trouble::slowed(waiting, text));
    }
    let text = match portal.state {
        LaneState::Running if portal.oldest_seconds <= SLOW => return None,
        LaneState::Running => {
            let oldest = age(portal.oldest_seconds);
            let text = format!("portal {name} is slow: {orders}, the oldest for {oldest}");
            return Some(Trouble::slowed(waiting, text));
        }
        LaneState::Idle => {
            format!("portal {name}: no worker drives it, {orders}. Start `b24-bridge serve`.")
        }
        LaneState::Paused if portal.paused_code.is_none() => format!(
            "portal {name} is paused by a person, {orders}. `b24-bridge portals resume {name}`"
        ),
        LaneState::Paused | LaneState::Waiting => {
            let code = portal.paused_code.as_deref().unwrap_or_default();
            let remedy = ErrorCode::parse(code)
                .map(|code| Place::portal(name).fill(code.remedy()))
                .unwrap_or_default();
            let words = portal.paused_reason.as_deref().unwrap_or_default();
            let next = portal.resume_at.map_or_else(String::new, |at| {
                format!(" Next try at {}.", at.format("%H:%M:%S UTC"))
            });
            format!(
                "portal {name} does not take orders: {words} ({code}); {orders}. {remedy}{next}"
            )
        }
    };
    Some(Trouble::standing_still(waiting, text))
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
        let told = trouble(&slower).unwrap().text;
        assert!(
            told.contains("half its pace until 08:00:00 UTC") && told.contains("B24-LIMIT"),
            "{told}"
        );
        let mut auth = portal(LaneState::Waiting);
        auth.paused_code = Some("B24-AUTH".to_owned());
        auth.paused_reason = Some("the webhook was deleted".to_owned());
        let told = trouble(&auth).unwrap().text;
        assert!(
            told.contains("the webhook was deleted") && told.contains("portals resume"),
            "{told}"
        );
        let idle = trouble(&portal(LaneState::Idle)).unwrap().text;
        assert!(idle.contains("serve"), "{idle}");
        let report = StatusReport {
            portals: vec![portal(LaneState::Running)],
            shops: Vec::new(),
            dead: vec![DeadCount {
                portal: None,
                shop: Some("main".to_owned()),
                code: "MAP-STATUS".to_owned(),
                count: 2,
            }],
            shortages: Vec::new(),
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
        let told: Vec<String> = troubles(&report).into_iter().map(|one| one.text).collect();
        assert!(
            told[0].starts_with("taking up events from SQL fails")
                && told[0].contains("BRIDGE-STUCK"),
            "{told:?}"
        );
        assert!(
            told[1].starts_with("2 dead letters of main: MAP-STATUS. Add"),
            "{told:?}"
        );
    }

    #[test]
    fn what_stands_still_is_told_before_what_waits_and_most_of_it_first() {
        let mut few = portal(LaneState::Idle);
        few.pending = 1;
        let mut slow = portal(LaneState::Running);
        (slow.pending, slow.oldest_seconds) = (900, SLOW + 1);
        let report = StatusReport {
            portals: vec![slow, few, portal(LaneState::Idle)],
            shops: Vec::new(),
            dead: Vec::new(),
            shortages: Vec::new(),
            notices: Vec::new(),
            published: 0,
            stuck: Vec::new(),
        };
        let told: Vec<_> = troubles(&report)
            .iter()
            .map(|one| (one.stands_still, one.waits))
            .collect();
        assert_eq!(told, [(true, 7), (true, 1), (false, 900)]);
        assert!(troubles(&report)[1].text.contains("1 order waits"));
    }

    #[test]
    fn ages_are_told_in_the_unit_that_people_think_in() {
        assert_eq!(
            [0, 90, 600, 7_300, 300_000].map(age),
            ["-", "90 s", "10 min", "2 h", "3 days"]
        );
    }
}
