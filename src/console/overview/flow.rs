//! The flow of something: it flows, it is slow, it is stuck.

use crate::{
    app::{LaneState, PortalStatus},
    console::{i18n::messages::Text, session::viewer::Viewer},
};
use maud::{Markup, html};

/// An order may wait this many seconds before the console calls it slow.
pub(super) const SLOW: i64 = 60;

/// How well something flows, the better first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::console) enum Flow {
    Flowing,
    Slow,
    Stuck,
}

impl Flow {
    /// The word that the page shows for it.
    pub(in crate::console) fn text(self) -> Text {
        match self {
            Self::Flowing => Text::Flowing,
            Self::Slow => Text::Slow,
            Self::Stuck => Text::Stuck,
        }
    }

    /// The class that gives it its colour.
    pub(in crate::console) fn class(self) -> &'static str {
        match self {
            Self::Flowing => "badge good",
            Self::Slow => "badge warn",
            Self::Stuck => "badge bad",
        }
    }

    /// The word in its colour.
    pub(in crate::console) fn badge(self, visitor: &Viewer) -> Markup {
        html! { span class=(self.class()) { (visitor.text(self.text())) } }
    }
}

/// How a portal's lane is.
pub(in crate::console) fn flow(portal: &PortalStatus) -> Flow {
    match portal.state {
        LaneState::Paused | LaneState::Waiting => Flow::Stuck,
        LaneState::Idle if portal.pending > 0 => Flow::Stuck,
        LaneState::Idle => Flow::Slow,
        LaneState::Running if portal.oldest_seconds > SLOW || portal.lowered_until.is_some() => {
            Flow::Slow
        }
        LaneState::Running => Flow::Flowing,
    }
}
