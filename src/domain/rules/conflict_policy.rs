//! The policy of conflicts: a shop's rules of who is right.

use crate::domain::{Source, Stage, StatusMap, words};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

words! {
    /// One of the two sides of a difference.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Side {
        /// The shop, by its status.
        Shop = "shop",
        /// The portal, by the deal's stage.
        Portal = "portal",
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shop => "the shop",
            Self::Portal => "the portal",
        })
    }
}

/// Whom a rule declares right when both sides changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Winner {
    /// The shop, whatever the portal says.
    Shop,
    /// The portal, whatever the shop says.
    Portal,
    /// 1C, whatever shop and portal say.
    Onec,
    /// Whoever changed last, by corrected clocks.
    Latest,
    /// Nobody: a person is asked.
    Review,
}

/// Whom to follow where time cannot tell: [`Winner`] without `latest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// The shop, whatever the portal says.
    Shop,
    /// The portal, whatever the shop says.
    Portal,
    /// Nobody: a person is asked.
    Review,
}

/// A source-of-truth rule. Empty lists match everything; all lists must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Statuses that the shop has now.
    pub status: Vec<String>,
    /// Stages that the deal is in now.
    pub stage: Vec<Stage>,
    /// Ids or names of the status that 1C says.
    pub onec: Vec<String>,
    /// Whom to follow where the rule matches.
    pub winner: Winner,
}

impl Rule {
    /// Whether it speaks of this difference between the order's status, which is there because of
    /// `by`, and the portal's stage. One whose winner made no claim does not, and one about 1C's
    /// words neither: 1C's differences are decided when its documents come.
    pub fn matches(&self, status: &str, stage: &Stage, by: Source) -> bool {
        (self.status.is_empty() || self.status.iter().any(|s| s == status))
            && (self.stage.is_empty() || self.stage.contains(stage))
            && self.onec.is_empty()
            && match self.winner {
                Winner::Shop => by != Source::OneC,
                Winner::Onec => by == Source::OneC,
                Winner::Portal | Winner::Latest | Winner::Review => true,
            }
    }

    /// Whether it speaks of this difference between the order's status, which is there because of
    /// `by`, and what 1C says. Of the portal it knows the stage that was last read.
    pub fn matches_onec(
        &self,
        (status, by): (&str, Source),
        stage: Option<&Stage>,
        words: &[&str],
    ) -> bool {
        let said = |known: &String| {
            let known = known.to_lowercase();
            words.iter().any(|word| word.to_lowercase() == known)
        };
        (self.status.is_empty() || self.status.iter().any(|s| s == status))
            && (self.stage.is_empty() || stage.is_some_and(|stage| self.stage.contains(stage)))
            && (self.onec.is_empty() || self.onec.iter().any(said))
            && match self.winner {
                Winner::Shop => by == Source::Shop,
                Winner::Portal => by == Source::Bitrix24,
                Winner::Onec | Winner::Latest | Winner::Review => true,
            }
    }
}

/// What decides where no rule matches, and where time cannot tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Who is right where no rule matches.
    pub default: Winner,
    /// Changes closer than this are not ordered by time.
    pub clock_tolerance: TimeDelta,
    /// Who is right where `latest` cannot tell and `default` is `latest` itself.
    pub undated: Authority,
}

impl Default for Conflict {
    fn default() -> Self {
        Self {
            default: Winner::Latest,
            clock_tolerance: TimeDelta::seconds(5),
            undated: Authority::Shop,
        }
    }
}

impl Conflict {
    /// Who is right where `latest` cannot tell.
    pub fn undated(&self) -> Authority {
        match self.default {
            Winner::Shop => Authority::Shop,
            Winner::Portal => Authority::Portal,
            Winner::Review => Authority::Review,
            Winner::Onec | Winner::Latest => self.undated,
        }
    }
}

/// Something about an order that only the shop may take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Money was taken for the order.
    Paid,
    /// The customer has the goods.
    Delivered,
    /// The order was called off.
    Cancelled,
}

impl Fact {
    /// Every fact, in the order of an order's life.
    pub const ALL: [Self; 3] = [Self::Paid, Self::Delivered, Self::Cancelled];

    /// Its word, as messages and tables have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Which statuses say that a final fact holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finality {
    /// Statuses that only a paid order has.
    pub paid: Vec<String>,
    /// Statuses that only a delivered order has.
    pub delivered: Vec<String>,
    /// Statuses that only a cancelled order has.
    pub cancelled: Vec<String>,
}

impl Finality {
    /// The facts that a status, together with the snapshot's flags, asserts.
    pub fn facts(&self, status: &str, paid: bool, cancelled: bool) -> Vec<Fact> {
        let says = |list: &[String]| list.iter().any(|s| s == status);
        [
            (Fact::Paid, paid || says(&self.paid)),
            (Fact::Delivered, says(&self.delivered)),
            (Fact::Cancelled, cancelled || says(&self.cancelled)),
        ]
        .into_iter()
        .filter_map(|(fact, holds)| holds.then_some(fact))
        .collect()
    }

    /// Whether `fact`, true of an order in status `from`, would still be told by status `to`.
    ///
    /// A delivered or cancelled order stays so only in statuses that say the same. A paid order may
    /// go on: to a status that says paid or delivered, or to any that stands below its own in the
    /// table, which is read as the order's way through life; never back up, and not into a
    /// cancelled one, because the money has to be returned in the shop.
    pub fn keeps(&self, fact: Fact, from: &str, to: &str, map: &StatusMap) -> bool {
        let says = |list: &[String]| list.iter().any(|s| s == to);
        from == to
            || match fact {
                Fact::Delivered => says(&self.delivered),
                Fact::Cancelled => says(&self.cancelled),
                Fact::Paid if says(&self.cancelled) => false,
                Fact::Paid => {
                    says(&self.paid)
                        || says(&self.delivered)
                        || map
                            .position(to)
                            .is_some_and(|to| map.position(from).is_some_and(|from| to > from))
                }
            }
    }
}

/// When writing the same thing again and again is taken for a ping-pong and stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteLimit {
    /// How far back turns are counted.
    pub window: TimeDelta,
    /// How often one value may be written to one side in that time.
    pub same: usize,
    /// How many writes of any value one order may cause in that time.
    pub any: usize,
}

impl Default for WriteLimit {
    fn default() -> Self {
        Self {
            window: TimeDelta::hours(1),
            same: 4,
            any: 24,
        }
    }
}

/// Everything a shop's configuration says about how a difference is decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Which status stands for which stage.
    pub statuses: StatusMap,
    /// Source of truth; the first match wins.
    pub rules: Vec<Rule>,
    /// What decides where no rule does.
    pub conflict: Conflict,
    /// What only the shop may take back.
    pub finality: Finality,
    /// When a ping-pong is stopped.
    pub turns: WriteLimit,
    /// Whether the shop is called, so that it can be asked which status it has.
    pub asks: bool,
}
