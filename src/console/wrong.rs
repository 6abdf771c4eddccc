//! What is wrong, the worst first: where, what it means, what to do, and the page where it is done.

use super::{
    looks::Look,
    overview::{self, Flow},
    parts, query,
    session::Visitor,
    text::Text,
};
use crate::{
    app::{
        APPLICATION, FROM_SQL, HOUSEKEEPING, JOBS, LaneState, PortalStatus, STOCK, ShopStatus,
        StatusReport, lane_of,
        look::{DeadRow, Glance, Refused, Trouble, WaitingConflicts},
    },
    domain::Code,
};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

/// One thing that is wrong.
struct Wrong {
    flow: Flow,
    /// The word on the badge.
    badge: Text,
    /// The lane it is about.
    lane: String,
    /// Where: a kind of place and its name.
    place: (Text, String),
    /// What, where a code says it.
    code: Option<Code>,
    /// What, where none does.
    text: Option<Text>,
    /// How bad it is: figures with their names.
    figures: Vec<(Text, String)>,
    /// Until when, and what is then.
    until: Option<(Text, DateTime<Utc>)>,
    /// The words of whoever failed.
    words: String,
    /// The way to the page where it is mended.
    href: String,
    label: Text,
}

impl Wrong {
    fn new(flow: Flow, place: (Text, &str), href: String, label: Text) -> Self {
        Self {
            flow,
            badge: flow.text(),
            lane: String::new(),
            place: (place.0, place.1.to_owned()),
            code: None,
            text: None,
            figures: Vec::new(),
            until: None,
            words: String::new(),
            href,
            label,
        }
    }

    /// As it is told on the page at this path: a page does not lead to itself.
    fn item(&self, visitor: &Visitor, here: &str) -> Markup {
        let lang = visitor.lang;
        let class = if self.flow == Flow::Stuck {
            "stuck"
        } else {
            "slowed"
        };
        html! {
            li class=(class) {
                div.where { span class=(self.flow.class()) { (visitor.say(self.badge)) } " " strong { (visitor.say(self.place.0)) " " (self.place.1) }
                    @for (name, figure) in &self.figures { span.quiet { (visitor.say(*name)) ": " b { (figure) } } } }
                @if let Some(code) = self.code {
                    p.what { (lang.sentence(code)) }
                    p { strong { (visitor.say(Text::WhatToDo)) ": " } (parts::marked(lang.remedy(code))) }
                }
                @if let Some(text) = self.text { p.what { (visitor.say(text)) } }
                @if self.code.is_some() || !self.words.is_empty() {
                    p.quiet.words { @if let Some(code) = self.code { span.code { (code) } " " } (lang.told(&self.words).chars().take(300).collect::<String>()) }
                }
                @if let Some((what, at)) = self.until { p.quiet { (visitor.say(what)) ": " (parts::time(visitor, at)) } }
                @if self.href != here { a.button href=(self.href) { (visitor.say(self.label)) } }
            }
        }
    }
}

/// Everything that is wrong, the worst first.
pub(super) struct Wrongs<'a> {
    pub(super) look: &'a Look,
    all: Vec<Wrong>,
}

impl<'a> Wrongs<'a> {
    pub(super) fn of(visitor: &Visitor, look: &'a Look) -> Self {
        let Look { report, glance } = look;
        let mut all = Vec::new();
        let portals = report.portals.iter();
        all.extend(portals.filter_map(|one| portal(visitor, one, glance)));
        all.extend(report.shops.iter().filter_map(callback));
        let lasting = |trouble: &&Trouble| trouble.over_at.is_none() && known(report, trouble);
        let lasting = glance.troubles.iter().filter(lasting);
        all.extend(lasting.filter_map(|one| trouble(report, one)));
        all.extend(glance.dead.iter().map(dead));
        all.extend(glance.conflicts.iter().map(conflict));
        all.extend(glance.refused.iter().map(refused));
        all.sort_by_key(|one| one.flow != Flow::Stuck);
        Self { look, all }
    }

    /// The list; nothing if everything flows.
    pub(super) fn list(&self, visitor: &Visitor) -> Markup {
        html! {
            @if self.all.is_empty() { p.notice { (visitor.say(Text::AllWell)) } }
            @else {
                h2.wrong { (visitor.say(Text::WhatIsWrong)) " " span.badge.bad { (self.all.len()) } }
                ul.wrong { @for one in &self.all { (one.item(visitor, "/console")) } }
            }
            (self.lately(visitor, None))
        }
    }

    /// What is wrong with one lane, on its own page.
    pub(super) fn about(&self, visitor: &Visitor, lane: &str, here: &str) -> Markup {
        let mut about = self.all.iter().filter(|one| one.lane == lane).peekable();
        html! {
            @if about.peek().is_some() { ul.wrong { @for one in about { (one.item(visitor, here)) } } }
        }
    }

    /// How a lane is that is so by itself, with what hinders it though it runs.
    pub(super) fn flow(&self, lane: &str, alone: Flow) -> Flow {
        let hinders = |one: &&Wrong| one.lane == lane && one.badge != Text::TakeNote;
        match (alone, self.all.iter().find(hinders)) {
            (Flow::Flowing, Some(worst)) => worst.flow,
            _ => alone,
        }
    }

    /// What was wrong a moment ago and is over: anywhere, or with one lane.
    pub(super) fn lately(&self, visitor: &Visitor, lane: Option<&str>) -> Markup {
        let Look { report, glance } = self.look;
        let here = |trouble: &Trouble| lane.is_none_or(|lane| trouble.lane == lane);
        let over = |trouble: &&Trouble| {
            trouble.over_at.is_some() && known(report, trouble) && here(trouble)
        };
        let over: Vec<_> = glance.troubles.iter().filter(over).collect();
        html! {
            @if !over.is_empty() {
                section.over {
                    h2 { (visitor.say(Text::OverByNow)) }
                    ul { @for one in over { li {
                        @let (place, href, _) = place(one);
                        a href=(href) { (visitor.say(place.0)) " " (place.1) } ", " (parts::time(visitor, one.last_at)) ", " (visitor.say(Text::Times)) ": " (one.times) ". "
                        @if let Some(code) = Code::parse(&one.code) { (visitor.lang.sentence(code)) " " (parts::marked(visitor.lang.remedy(code))) }
                        " " span.quiet { span.code { (one.code) } " " (visitor.lang.told(&one.message)) }
                    } } }
                }
            }
        }
    }
}

fn conflict(conflict: &WaitingConflicts) -> Wrong {
    let href = if conflict.count == 1 {
        format!("/console/conflicts/{}", conflict.id)
    } else {
        "/console/conflicts".to_owned()
    };
    Wrong {
        badge: Text::NeedsYou,
        code: Code::parse(&conflict.code),
        figures: vec![(Text::Conflicts, conflict.count.to_string())],
        ..Wrong::new(Flow::Slow, (Text::Shop, &conflict.shop), href, Text::Decide)
    }
}

fn known(report: &StatusReport, trouble: &Trouble) -> bool {
    if own(trouble).is_some() {
        return true;
    }
    match shop_of(trouble) {
        Some(name) => report
            .shops
            .iter()
            .any(|shop| shop.shop == name && (shop.callback.is_some() || sent(trouble))),
        None => report
            .portals
            .iter()
            .any(|portal| portal.portal == trouble.lane),
    }
}

/// Whether it is about what a shop sends, not about what it is told.
fn sent(trouble: &Trouble) -> bool {
    [Code::WebhookOwner, Code::NotAnOrder]
        .iter()
        .any(|code| code.as_str() == trouble.code)
}

/// The shop that it is about.
fn shop_of(trouble: &Trouble) -> Option<&str> {
    trouble.lane.strip_prefix("shop:")
}

/// The bridge's own work that it is about, if it is about no lane.
fn own(trouble: &Trouble) -> Option<Text> {
    match trouble.lane.as_str() {
        FROM_SQL => Some(Text::FromSql),
        JOBS => Some(Text::LetterJobs),
        HOUSEKEEPING => Some(Text::Housekeeping),
        STOCK => Some(Text::StockKept),
        _ => None,
    }
}

/// Where it is, and its page.
fn place(trouble: &Trouble) -> ((Text, &str), String, Text) {
    if let Some(own) = own(trouble) {
        return ((own, ""), "/console".to_owned(), Text::Overview);
    }
    if let Some(portal) = trouble.lane.strip_prefix(APPLICATION) {
        let href = query::portal(portal);
        return ((Text::ApplicationOf, portal), href, Text::ToPortal);
    }
    if let Some(shop) = shop_of(trouble).filter(|_| sent(trouble)) {
        ((Text::Shop, shop), query::shop(shop), Text::ToShop)
    } else if let Some(shop) = shop_of(trouble) {
        ((Text::CallbackOf, shop), query::shop(shop), Text::ToShop)
    } else {
        let href = query::portal(&trouble.lane);
        ((Text::Portal, &trouble.lane), href, Text::ToPortal)
    }
}

fn portal(visitor: &Visitor, portal: &PortalStatus, glance: &Glance) -> Option<Wrong> {
    let flow = overview::flow(portal);
    // Where something says why orders wait, that they wait is no second thing.
    let explained = portal.state == LaneState::Running
        && (glance.refused.iter().any(|one| one.lane == portal.portal)
            || glance
                .troubles
                .iter()
                .any(|one| one.lane == portal.portal && one.over_at.is_none()));
    if flow == Flow::Flowing || explained {
        return None;
    }
    let mut figures = vec![(Text::Waiting, portal.pending.to_string())];
    if portal.pending > 0 {
        figures.push((
            Text::Oldest,
            parts::span(portal.oldest_seconds, visitor.lang),
        ));
    }
    let halts = matches!(portal.state, LaneState::Paused | LaneState::Waiting);
    let code = portal
        .paused_code
        .as_deref()
        .filter(|_| halts)
        .and_then(Code::parse);
    let text = match portal.state {
        LaneState::Paused | LaneState::Waiting => Text::PausedByPerson,
        LaneState::Idle => Text::NoWorker,
        LaneState::Running => Text::WaitsLong,
    };
    let again = portal.resume_at.filter(|_| halts);
    let again = again.map(|at| (Text::TriesAgain, at));
    let lowered = portal.lowered_until.map(|at| (Text::HalfPace, at));
    let code = code.or(lowered.filter(|_| !halts).map(|_| Code::Limit));
    Some(Wrong {
        lane: portal.portal.clone(),
        code,
        text: code.is_none().then_some(text),
        figures,
        until: again.or(lowered),
        words: portal
            .paused_reason
            .clone()
            .filter(|_| halts)
            .unwrap_or_default(),
        ..Wrong::new(
            flow,
            (Text::Portal, &portal.portal),
            query::portal(&portal.portal),
            Text::ToPortal,
        )
    })
}

/// What hinders a shop from being told.
fn callback(shop: &ShopStatus) -> Option<Wrong> {
    let state = shop.callback?;
    let (flow, text) = match state {
        LaneState::Paused | LaneState::Waiting => (Flow::Stuck, Text::PausedByPerson),
        LaneState::Idle => (Flow::Stuck, Text::NoWorker),
        LaneState::Running => return None,
    };
    // Without a worker the portal's line says it, and nothing is late here.
    if state == LaneState::Idle && shop.untold == 0 {
        return None;
    }
    let code = shop.callback_code.as_deref().and_then(Code::parse);
    let words = shop.callback_reason.as_deref().unwrap_or_default();
    // A lane that is stopped for good has its code's own sentence as the reason.
    let words = if code.is_some_and(|code| code.sentence() == words) {
        ""
    } else {
        words
    };
    Some(Wrong {
        lane: lane_of(&shop.shop),
        code,
        text: code.is_none().then_some(text),
        figures: vec![(Text::Untold, shop.untold.to_string())],
        until: shop.callback_resume_at.map(|at| (Text::TriesAgain, at)),
        words: words.to_owned(),
        ..Wrong::new(
            flow,
            (Text::CallbackOf, &shop.shop),
            query::shop(&shop.shop),
            Text::ToShop,
        )
    })
}

/// A trouble that lasts though the lane runs; one that stopped the lane is told of there.
fn trouble(report: &StatusReport, trouble: &Trouble) -> Option<Wrong> {
    let stopped = |portal: &&PortalStatus| {
        portal.portal == trouble.lane
            && matches!(portal.state, LaneState::Paused | LaneState::Waiting)
            && portal.paused_code.as_deref() == Some(&trouble.code)
    };
    if report.portals.iter().any(|portal| stopped(&portal)) {
        return None;
    }
    let (place, href, label) = place(trouble);
    let moved = trouble.code == Code::Moved.as_str();
    let flow = if trouble.code == Code::Stuck.as_str() {
        Flow::Stuck
    } else {
        Flow::Slow
    };
    Some(Wrong {
        lane: trouble.lane.clone(),
        badge: if moved { Text::TakeNote } else { flow.text() },
        code: Some(Code::parse(&trouble.code)?),
        words: trouble.message.clone(),
        figures: if moved {
            Vec::new()
        } else {
            vec![(Text::Times, trouble.times.to_string())]
        },
        ..Wrong::new(flow, place, href, label)
    })
}

fn dead(dead: &DeadRow) -> Wrong {
    let place = match (dead.shop.as_deref(), dead.portal.as_deref()) {
        (Some(shop), _) if dead.by_shop => (Text::CallbackOf, shop),
        (Some(shop), _) => (Text::Shop, shop),
        (None, portal) => (Text::Portal, portal.unwrap_or("—")),
    };
    let mut figures = vec![(Text::DeadLetters, dead.count.to_string())];
    figures.extend(dead.number.clone().map(|number| (Text::Order, number)));
    let href = if dead.count == 1 {
        format!("/console/dead-letters/{}", dead.id)
    } else {
        let pairs = [
            ("shop", dead.shop.as_deref()),
            ("portal", dead.portal.as_deref()),
            ("code", Some(dead.code.as_str())),
        ];
        query::link("/console/dead-letters", &pairs)
    };
    let known = Code::parse(&dead.code);
    Wrong {
        badge: Text::IsDead,
        code: known,
        text: known.is_none().then_some(Text::HasDead),
        figures,
        words: dead.message.clone(),
        ..Wrong::new(Flow::Stuck, place, href, Text::ToLetters)
    }
}

fn refused(refused: &Refused) -> Wrong {
    let known = Code::parse(&refused.code);
    let by_shop = refused.lane.starts_with("shop:");
    let (place, href, label) = if by_shop {
        (Text::CallbackOf, query::shop(&refused.shop), Text::ToShop)
    } else if refused.count == 1 {
        let href = query::order(&refused.shop, &refused.number);
        (Text::Shop, href, Text::ToOrder)
    } else {
        let href = query::portal(&refused.lane);
        (Text::Shop, href, Text::ToPortal)
    };
    Wrong {
        badge: Text::IsRefused,
        lane: refused.lane.clone(),
        code: known,
        text: known.is_none().then_some(Text::LastRefusal),
        figures: vec![
            (Text::RefusedAndTried, refused.count.to_string()),
            (Text::Order, refused.number.clone()),
        ],
        words: refused.message.clone(),
        ..Wrong::new(Flow::Slow, (place, &refused.shop), href, label)
    }
}
