//! Alerts, the worst first: where, what it means, what to do, and the page where it is done.

mod faults;

use super::{
    cache::CachedOverview,
    flow::Flow,
    places::{at, known, place},
};
use crate::{
    app::operations::overview::Incident,
    console::{
        i18n::{locale::Lang, messages::Text},
        session::viewer::Viewer,
        ui::{components, subjects},
    },
    domain::{ErrorCode, happening::Pause},
};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use std::{borrow::Cow, cmp::Reverse};

/// How bad something is: a number of things, or words that stand as they are.
enum Figure {
    Count(i64),
    Words(String),
}

impl Figure {
    fn shown(&self, lang: Lang) -> Cow<'_, str> {
        match self {
            Self::Count(many) => Cow::Owned(components::count(lang, *many)),
            Self::Words(words) => Cow::Borrowed(words),
        }
    }
}

/// One thing that is wrong.
struct Alert {
    flow: Flow,
    /// The word on the badge.
    badge: Text,
    /// The lane it is about.
    lane: String,
    /// Where: a kind of place and its name.
    place: (Text, String),
    /// What, where a code says it.
    code: Option<ErrorCode>,
    /// What, where none does.
    text: Option<Text>,
    /// What waits because of it: letters, orders, messages.
    waits: i64,
    /// How bad it is: figures with their names.
    figures: Vec<(Text, Figure)>,
    /// Until when, and what is then.
    until: Option<(Text, DateTime<Utc>)>,
    /// The words of whoever failed.
    words: String,
    /// Why the lane rests, if it does.
    pause: Option<Pause>,
    /// The way to the page where it is mended.
    href: String,
    label: Text,
}

impl Alert {
    fn new(flow: Flow, place: (Text, &str), href: String, label: Text) -> Self {
        Self {
            flow,
            badge: flow.text(),
            lane: String::new(),
            place: (place.0, place.1.to_owned()),
            code: None,
            text: None,
            waits: 0,
            figures: Vec::new(),
            until: None,
            words: String::new(),
            pause: None,
            href,
            label,
        }
    }

    /// As it is told on the page at this path: two lines, which open to the remedy and its button.
    /// A page does not lead to itself.
    fn item(&self, visitor: &Viewer, here: &str, is_open: bool) -> Markup {
        let lang = visitor.lang;
        let class = if self.flow == Flow::Stuck {
            "stuck"
        } else {
            "slowed"
        };
        let remedy = |code| lang.remedy(code, at((self.place.0, &self.place.1)));
        html! {
            li class=(class) { details open[is_open] data-key=(self.key()) {
                summary {
                    div.where {
                        span class=(self.flow.class()) { (visitor.text(self.badge)) }
                        " " strong { (visitor.text(self.place.0)) " " (self.place.1) }
                        @for (name, figure) in &self.figures {
                            @let figure = figure.shown(lang);
                            span.quiet { (named(visitor, *name, &figure)) ": " b { (figure) } }
                        }
                    }
                    @if let Some(code) = self.code { p.what { (lang.sentence(code)) } }
                    @if let Some(text) = self.text {
                        p.what { (components::marked(visitor.text(text))) }
                    }
                }
                @if let Some(code) = self.code {
                    p {
                        strong { (visitor.text(Text::WhatToDo)) ": " }
                        (components::marked(&remedy(code)))
                    }
                }
                @if self.code.is_some() || !self.words.is_empty() {
                    p.quiet.words {
                        @if let Some(code) = self.code { span.code { (code) } " " }
                        (self.words(lang).chars().take(300).collect::<String>())
                    }
                }
                @if let Some((what, at)) = self.until {
                    p.quiet { (visitor.text(what)) ": " (components::time(visitor, at)) }
                }
                @if self.href != here { a.button href=(self.href) { (visitor.text(self.label)) } }
            } }
        }
    }
}

impl Alert {
    /// What it is about, whatever its figures are: by it the page keeps open what somebody opened.
    fn key(&self) -> String {
        let code = self.code.map_or("", ErrorCode::as_str);
        let (kind, name) = &self.place;
        format!("{:?} {code} {kind:?} {name}", self.badge)
    }

    fn words(&self, lang: Lang) -> Cow<'_, str> {
        match &self.pause {
            Some(pause) if !self.words.is_empty() => Cow::Owned(lang.said(pause, None)),
            _ => lang.told(&self.words),
        }
    }
}

/// Alerts that have room on one screen beside the figures, with two lines each.
const FIRST: usize = 3;

/// Alerts as a list on the page `here`.
fn items<'a>(
    visitor: &Viewer,
    here: &str,
    alerts: impl IntoIterator<Item = &'a Alert>,
    are_open: bool,
) -> Markup {
    html! {
        ul.wrong { @for one in alerts { (one.item(visitor, here, are_open)) } }
    }
}

/// Everything that is wrong, the worst first.
pub(in crate::console) struct Alerts<'a> {
    pub(in crate::console) look: &'a CachedOverview,
    all: Vec<Alert>,
}

impl<'a> Alerts<'a> {
    pub(in crate::console) fn of(visitor: &Viewer, look: &'a CachedOverview) -> Self {
        let CachedOverview { report, glance } = look;
        let mut all = Vec::new();
        let portals = report.portals.iter();
        all.extend(portals.filter_map(|one| faults::portal(visitor, one, glance)));
        all.extend(report.shops.iter().filter_map(faults::callback));
        let lasting = |incident: &&Incident| incident.over_at.is_none() && known(report, incident);
        let lasting = glance.incidents.iter().filter(lasting);
        all.extend(lasting.filter_map(|one| faults::incident(report, one)));
        all.extend(glance.dead.iter().map(|one| faults::dead(one, glance)));
        // Where letters say the same, they say how many conflicts wait, too.
        let untold = glance.conflicts.iter().filter(|one| !one.in_letters);
        all.extend(untold.map(faults::conflict));
        all.extend(report.shortages.iter().map(faults::shortage));
        all.extend(glance.refused.iter().map(faults::refused));
        all.sort_by_key(|one| (one.flow != Flow::Stuck, Reverse(one.waits)));
        Self { look, all }
    }

    /// The list; nothing if everything flows.
    pub(in crate::console) fn list(&self, visitor: &Viewer) -> Markup {
        html! {
            @if self.all.is_empty() { p.notice { (visitor.text(Text::AllWell)) } }
            @else {
                // What stands still comes first; where nothing does, nothing is red.
                @let worst = self.all.first().map_or(Flow::Stuck, |one| one.flow);
                h2.wrong.slowed[worst != Flow::Stuck] {
                    (visitor.text(Text::WhatIsWrong)) " "
                    span class=(worst.class()) { (self.all.len()) }
                }
                @let shown = if self.all.len() > FIRST + 1 { FIRST } else { self.all.len() };
                @let (first, rest) = self.all.split_at(shown);
                (items(visitor, "/console", first, self.all.len() == 1))
                @if !rest.is_empty() {
                    details data-key="rest" {
                        summary { (visitor.text(Text::MoreOfThem)) " (" (rest.len()) ")" }
                        (items(visitor, "/console", rest, false))
                    }
                }
            }
            (self.lately(visitor, None))
        }
    }

    /// What is wrong with one lane, on its own page.
    pub(in crate::console) fn about(&self, visitor: &Viewer, lane: &str, here: &str) -> Markup {
        let mut about = self.all.iter().filter(|one| one.lane == lane).peekable();
        html! {
            @if about.peek().is_some() { (items(visitor, here, about, true)) }
        }
    }

    /// How a lane is that is so by itself, with what hinders it though it runs.
    pub(in crate::console) fn flow(&self, lane: &str, alone: Flow) -> Flow {
        let hinders = |one: &&Alert| one.lane == lane && one.badge != Text::TakeNote;
        match (alone, self.all.iter().find(hinders)) {
            (Flow::Flowing, Some(worst)) => worst.flow,
            _ => alone,
        }
    }

    /// What was wrong a moment ago and is over: anywhere, or with one lane.
    pub(in crate::console) fn lately(&self, visitor: &Viewer, lane: Option<&str>) -> Markup {
        let CachedOverview { report, glance } = self.look;
        let here = |incident: &Incident| lane.is_none_or(|lane| incident.lane == lane);
        // What the list says of a lane that rests is not over.
        let lasts = |incident: &Incident| {
            let same = |one: &Alert| {
                let code = one.code.map(ErrorCode::as_str);
                one.lane == incident.lane && code == Some(incident.code.as_str())
            };
            self.all.iter().any(same)
        };
        let over = |incident: &&Incident| {
            let ended = incident.over_at.is_some() && !lasts(incident);
            ended && known(report, incident) && here(incident)
        };
        let over: Vec<_> = glance.incidents.iter().filter(over).collect();
        html! {
            @if !over.is_empty() {
                section.over {
                    h2 { (visitor.text(Text::OverByNow)) }
                    ul { @for one in over { li {
                        @let (place, href, _) = place(one);
                        a href=(href) { (visitor.text(place.0)) " " (place.1) }
                        ", " (
                            components::time(visitor, one.last_at)
                        ) ", " (visitor.text(Text::Times)) ": " (one.times) ". "
                        @if let Some(code) = ErrorCode::parse(&one.code) {
                            (visitor.lang.sentence(code)) " " (
                                components::marked(&visitor.lang.remedy(code, at(place)))
                            )
                        }
                        " " span.quiet {
                            span.code { (one.code) } " " (visitor.lang.told(&one.message))
                        }
                    } } }
                }
            }
        }
    }
}

/// What a figure is called: a number may be that of an order, or of what is queued beside orders.
fn named(visitor: &Viewer, name: Text, figure: &str) -> &'static str {
    match name {
        Text::Order => subjects::noun(visitor, figure),
        name => visitor.text(name),
    }
}
