//! What each kind of fault is as an alert.

use super::{Alert, Figure};
use crate::{
    app::{
        LaneState, PortalStatus, ShopStatus, ShortageCount, StatusReport, lane_of,
        operations::overview::{DeadRow, Incident, Overview, Refused, WaitingConflicts},
    },
    console::{
        i18n::messages::Text,
        overview::{
            flow::{self, Flow},
            places::place,
        },
        session::viewer::Viewer,
        ui::{components, links},
    },
    domain::ErrorCode,
};

pub(super) fn conflict(conflict: &WaitingConflicts) -> Alert {
    let href = if conflict.count == 1 {
        format!("/console/conflicts/{}", conflict.id)
    } else {
        "/console/conflicts".to_owned()
    };
    Alert {
        badge: Text::NeedsYou,
        code: ErrorCode::parse(&conflict.code),
        waits: conflict.count,
        figures: vec![(Text::Conflicts, Figure::Count(conflict.count))],
        ..Alert::new(Flow::Slow, (Text::Shop, &conflict.shop), href, Text::Decide)
    }
}

pub(super) fn shortage(of: &ShortageCount) -> Alert {
    let (place, href) = ((Text::StockPage, &*of.stock), "/console/stock".to_owned());
    Alert {
        badge: Text::NeedsYou,
        code: Some(ErrorCode::StockShortage),
        waits: of.count,
        figures: vec![(Text::WaitForYou, Figure::Count(of.count))],
        ..Alert::new(Flow::Slow, place, href, Text::Decide)
    }
}

pub(super) fn portal(visitor: &Viewer, portal: &PortalStatus, glance: &Overview) -> Option<Alert> {
    let flow = flow::flow(portal);
    // Where something says why orders wait, that they wait is no second thing.
    let explained = portal.state == LaneState::Running
        && (glance.refused.iter().any(|one| one.lane == portal.portal)
            || glance
                .incidents
                .iter()
                .any(|one| one.lane == portal.portal && one.over_at.is_none()));
    if flow == Flow::Flowing || explained {
        return None;
    }
    let mut figures = vec![(Text::Waiting, Figure::Count(portal.pending))];
    if portal.pending > 0 {
        figures.push((
            Text::Oldest,
            Figure::Words(components::span(portal.oldest_seconds, visitor.lang)),
        ));
    }
    let halts = matches!(portal.state, LaneState::Paused | LaneState::Waiting);
    let code = portal
        .paused_code
        .as_deref()
        .filter(|_| halts)
        .and_then(ErrorCode::parse);
    let text = match portal.state {
        LaneState::Paused | LaneState::Waiting => Text::PausedByPerson,
        LaneState::Idle => Text::NoWorker,
        LaneState::Running => Text::WaitsLong,
    };
    let again = portal.resume_at.filter(|_| halts);
    let again = again.map(|at| (Text::TriesAgain, at));
    let lowered = portal.lowered_until.map(|at| (Text::HalfPace, at));
    let code = code.or(lowered.filter(|_| !halts).map(|_| ErrorCode::Limit));
    Some(Alert {
        lane: portal.portal.clone(),
        code,
        waits: portal.pending,
        text: code.is_none().then_some(text),
        figures,
        until: again.or(lowered),
        pause: portal.paused_what.clone(),
        words: portal
            .paused_reason
            .clone()
            .filter(|_| halts)
            .unwrap_or_default(),
        ..Alert::new(
            flow,
            (Text::Portal, &portal.portal),
            links::portal(&portal.portal),
            Text::ToPortal,
        )
    })
}

/// What hinders a shop from being told.
pub(super) fn callback(shop: &ShopStatus) -> Option<Alert> {
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
    let code = shop.callback_code.as_deref().and_then(ErrorCode::parse);
    let words = shop.callback_reason.as_deref().unwrap_or_default();
    // A lane that is stopped for good has its code's own sentence as the reason.
    let words = if code.is_some_and(|code| code.sentence() == words) {
        ""
    } else {
        words
    };
    Some(Alert {
        lane: lane_of(&shop.shop),
        code,
        text: code.is_none().then_some(text),
        waits: shop.untold,
        figures: vec![(Text::Untold, Figure::Count(shop.untold))],
        until: shop.callback_resume_at.map(|at| (Text::TriesAgain, at)),
        words: words.to_owned(),
        pause: shop.callback_what.clone(),
        ..Alert::new(
            flow,
            (Text::CallbackOf, &shop.shop),
            links::shop(&shop.shop),
            Text::ToShop,
        )
    })
}

/// An incident that lasts though the lane runs; one that stopped the lane is told of there.
pub(super) fn incident(report: &StatusReport, incident: &Incident) -> Option<Alert> {
    let stopped = |portal: &&PortalStatus| {
        portal.portal == incident.lane
            && matches!(portal.state, LaneState::Paused | LaneState::Waiting)
            && portal.paused_code.as_deref() == Some(&incident.code)
    };
    if report.portals.iter().any(|portal| stopped(&portal)) {
        return None;
    }
    let (place, href, label) = place(incident);
    let moved = incident.code == ErrorCode::Moved.as_str();
    let flow = if incident.code == ErrorCode::Stuck.as_str() {
        Flow::Stuck
    } else {
        Flow::Slow
    };
    Some(Alert {
        lane: incident.lane.clone(),
        badge: if moved { Text::TakeNote } else { flow.text() },
        code: Some(ErrorCode::parse(&incident.code)?),
        words: incident.message.clone(),
        figures: if moved {
            Vec::new()
        } else {
            vec![(Text::Times, Figure::Count(incident.times))]
        },
        ..Alert::new(flow, place, href, label)
    })
}

/// What the number of one order of so many is called.
fn one_of(count: i64) -> Text {
    if count == 1 {
        Text::Order
    } else {
        Text::ForInstance
    }
}

pub(super) fn dead(dead: &DeadRow, glance: &Overview) -> Alert {
    let place = match (dead.shop.as_deref(), dead.portal.as_deref()) {
        (Some(shop), _) if dead.by_shop => (Text::CallbackOf, shop),
        (Some(shop), _) => (Text::Shop, shop),
        (None, portal) => (Text::Portal, portal.unwrap_or("—")),
    };
    let mut figures = vec![(Text::DeadLetters, Figure::Count(dead.count))];
    let same = |one: &&WaitingConflicts| {
        one.in_letters && one.code == dead.code && Some(&one.shop) == dead.shop.as_ref()
    };
    let same = glance.conflicts.iter().find(same);
    figures.extend(same.map(|one| (Text::Conflicts, Figure::Count(one.count))));
    let (of, number) = (one_of(dead.count), dead.number.clone());
    figures.extend(number.map(|number| (of, Figure::Words(number))));
    let href = if dead.count == 1 {
        format!("/console/dead-letters/{}", dead.id)
    } else {
        let pairs = [
            ("shop", dead.shop.as_deref()),
            ("portal", dead.portal.as_deref()),
            ("code", Some(dead.code.as_str())),
        ];
        links::link("/console/dead-letters", &pairs)
    };
    let known = ErrorCode::parse(&dead.code);
    Alert {
        badge: Text::IsDead,
        code: known,
        text: known.is_none().then_some(Text::HasDead),
        waits: dead.count,
        figures,
        words: dead.message.clone(),
        ..Alert::new(Flow::Stuck, place, href, Text::ToLetters)
    }
}

pub(super) fn refused(refused: &Refused) -> Alert {
    let known = ErrorCode::parse(&refused.code);
    let by_shop = refused.lane.starts_with("shop:");
    let (place, href, label) = if by_shop {
        (Text::CallbackOf, links::shop(&refused.shop), Text::ToShop)
    } else if refused.count == 1 {
        let href = links::order(&refused.shop, &refused.number);
        (Text::Shop, href, Text::ToOrder)
    } else {
        let href = links::portal(&refused.lane);
        (Text::Shop, href, Text::ToPortal)
    };
    Alert {
        badge: Text::IsRefused,
        lane: refused.lane.clone(),
        code: known,
        text: known.is_none().then_some(Text::LastRefusal),
        waits: refused.count,
        figures: vec![
            (Text::RefusedAndTried, Figure::Count(refused.count)),
            (one_of(refused.count), Figure::Words(refused.number.clone())),
        ],
        words: refused.message.clone(),
        ..Alert::new(Flow::Slow, (place, &refused.shop), href, label)
    }
}
