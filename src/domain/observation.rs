//! Observations of an order's status by each system, and the last agreement of both sides.

use super::{Fact, Stage};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A system that has an opinion about an order's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The online store, by its events.
    Shop,
    /// Bitrix24, by the stage of the deal.
    Bitrix24,
    /// 1C, by its documents.
    OneC,
    /// A till: point of sale.
    Pos,
}

/// What one system says, and since when by its own clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation<V> {
    /// The system that says it.
    pub source: Source,
    /// What it says: a status code or a [`Stage`].
    pub value: V,
    /// Since when, by that system's clock, uncorrected: `status_changed_at` of a shop, MOVED_TIME
    /// of a deal. Never the time of any other edit.
    pub since: Option<DateTime<Utc>>,
    /// When the bridge learnt of it, by the bridge's clock.
    pub seen: DateTime<Utc>,
    /// Until when it can have been made, by its own times on the bridge's clock; `None` where they
    /// do not tell. Only as good as that system's clock: one that was set back makes news look old.
    #[serde(default)]
    pub as_of: Option<DateTime<Utc>>,
}

impl<V> Observation<V> {
    /// The latest moment at which it can have been made.
    pub fn made_by(&self) -> DateTime<Utc> {
        self.as_of.map_or(self.seen, |at| at.min(self.seen))
    }
}

/// The last status and stage known to be the same thing on both sides. What is not known, or not
/// so, is not written: a row of it lies beside every order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// The status, in the shop's words.
    pub status: String,
    /// The stage of the deal that means the same.
    pub stage: Stage,
    /// MOVED_TIME of the deal as it was read in that stage; none until it was read after a write of
    /// our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal_since: Option<DateTime<Utc>>,
    /// MOVED_TIME of a move by which the deal is known to have left this agreement. Whatever stage
    /// it has by a later move was chosen after that, also one that means the same as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<DateTime<Utc>>,
    /// A status that the shop has because the deal was moved: what it says of the order is the
    /// portal's own word, not a fact of the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_portal: Option<String>,
    /// The deal's newest row of the history as it was read after a write of our own: what stands
    /// above it is somebody else's move, also within the same second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal_row: Option<u64>,
    /// A message was taken back after it was sent: the shop may have carried it out, which nobody
    /// but the shop can tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsure: bool,
    /// The status with which the shop contradicted a message: it may be one into which only another
    /// system brings an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub insists: Option<String>,
    /// What the shop was told and has not confirmed by a snapshot yet, oldest first. The last one
    /// is `status`, unless 1C says it and the deal has not followed yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<SentStatus>,
}

impl Agreed {
    /// Agreement right after a deal was made or read: nothing is on its way.
    pub fn new(status: impl Into<String>, stage: Stage) -> Self {
        Self {
            status: status.into(),
            stage,
            portal_since: None,
            left: None,
            by_portal: None,
            portal_row: None,
            unsure: false,
            insists: None,
            told: Vec::new(),
        }
    }

    /// The shop acknowledged (2xx, or read from the feed) the message that was decided at
    /// `told_at`. A message that is no longer waited for changes nothing. Those before it that were
    /// given up are not told any more.
    #[must_use]
    pub fn delivered(
        mut self,
        told_at: DateTime<Utc>,
        first_sent: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Self {
        if let Some(told) = self.told.iter_mut().find(|told| told.at == told_at) {
            told.first_sent_at.get_or_insert(first_sent);
            told.delivered_at.get_or_insert(now);
            self.told
                .retain(|told| told.at >= told_at || told.died_at.is_none());
        }
        self
    }

    /// The message that was decided at `told_at` is sent: from now on the shop may have carried it
    /// out, also if no answer comes.
    #[must_use]
    pub fn sent(mut self, told_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        if let Some(told) = self.told.iter_mut().find(|told| told.at == told_at) {
            told.first_sent_at.get_or_insert(now);
        }
        self
    }

    /// The message that was decided at `told_at` was given up: what the shop says from now on is
    /// not of a try that is still to come.
    #[must_use]
    pub fn died(self, told_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        self.with_death(told_at, Some(now))
    }

    /// A person has the message that was decided at `told_at`, and was given up, tried again.
    #[must_use]
    pub fn revived(self, told_at: DateTime<Utc>) -> Self {
        self.with_death(told_at, None)
    }

    fn with_death(mut self, told_at: DateTime<Utc>, died_at: Option<DateTime<Utc>>) -> Self {
        if let Some(told) = self.told.iter_mut().find(|told| told.at == told_at) {
            told.died_at = died_at;
        }
        self
    }

    /// The shop refused the message that was decided at `told_at` (409), or it will never be sent:
    /// what was agreed before it; `None` if nothing was. Messages go one after the other, so the
    /// snapshot that comes with a 409 is newer than all that were delivered before: nothing counts
    /// as told any more. A message that is no longer waited for changes nothing.
    #[must_use]
    pub fn refused(self, told_at: DateTime<Utc>) -> Option<Self> {
        let Some(place) = self.root(told_at) else {
            return Some(self);
        };
        let unsure = false;
        Some(Self {
            unsure,
            ..self.before(place)?
        })
    }

    /// The message that was decided at `told_at` crossed a change of the shop's own: what was
    /// agreed before it. A message that is no longer waited for changes nothing.
    #[must_use]
    pub fn crossed(self, told_at: DateTime<Utc>) -> Option<Self> {
        let Some(place) = self.root(told_at) else {
            return Some(self);
        };
        let sent = self.told.iter().skip(place).any(SentStatus::is_unanswered);
        let before = self.before(place)?;
        Some(Self {
            unsure: before.unsure || sent,
            ..before
        })
    }

    /// Where a message stands; `None` if it is not waited for. Those right before it that were
    /// given up go with it: what it rests on never came to be.
    fn root(&self, told_at: DateTime<Utc>) -> Option<usize> {
        let place = self.told.iter().position(|told| told.at == told_at)?;
        let earlier = self.told.iter().take(place).rev();
        let lost = earlier.take_while(|told| told.delivered_at.is_none() && told.died_at.is_some());
        Some(place - lost.count())
    }

    /// What was agreed before the message at `index`, and all after it. Only what the portal had
    /// won is open again: where it has followed 1C, it stands where it stands, and sees the shop go
    /// elsewhere.
    fn before(mut self, index: usize) -> Option<Self> {
        let is_portals = |told: &SentStatus| told.by == Source::Bitrix24;
        let mut later = (index..self.told.len()).filter(|n| is_portals(&self.told[*n]));
        let Some(index) = later.next() else {
            return Some(Self {
                by_portal: None,
                told: Vec::new(),
                ..self
            });
        };
        let left = match later.next().and_then(|next| self.told.get(next)) {
            Some(next) => next.before.as_ref().and_then(|before| before.portal_since),
            None => self.portal_since,
        };
        let before = self.told.get_mut(index)?.before.take()?;
        Some(Self {
            status: before.status,
            stage: before.stage,
            portal_since: before.portal_since,
            left: before.left.or(left),
            by_portal: None,
            portal_row: None,
            unsure: before.unsure,
            insists: self.insists,
            told: Vec::new(),
        })
    }

    /// The message that was decided at `told_at` was taken back: what was agreed before it, and
    /// what had been told before it. Messages after it rest on it and go with it. None if nothing
    /// was agreed before. A message that is no longer waited for changes nothing.
    #[must_use]
    pub fn withdrawn(self, told_at: DateTime<Utc>) -> Option<Self> {
        let Some(place) = self.root(told_at) else {
            return Some(self);
        };
        let (kept, dropped) = self.told.split_at(place);
        let (told, sent) = (kept.to_vec(), dropped.iter().any(SentStatus::is_unanswered));
        let before = self.before(place)?;
        Some(Self {
            unsure: before.unsure || sent,
            told,
            ..before
        })
    }

    /// This was to hold once a stage is written, which is now, as was `decided` then. What became
    /// of messages meanwhile is in what holds until now: one that was refused or taken back is not
    /// waited for again, one that 1C had sent is.
    #[must_use]
    pub fn since_then(mut self, now: Option<&Self>, decided: DateTime<Utc>) -> Self {
        let last = self.told.last().map(|told| told.at);
        let told = now.iter().flat_map(|now| &now.told);
        // A document of 1C waits for no write.
        let is_new = |told: &SentStatus| told.by == Source::OneC && told.at > decided;
        let kept = told.filter(|told| self.awaits(told.at) || is_new(told));
        let told: Vec<SentStatus> = kept.cloned().collect();
        if last != told.last().map(|told| told.at) {
            self.by_portal = None;
        }
        self.unsure |= now.is_some_and(|now| now.unsure);
        Self { told, ..self }
    }

    /// Whether the shop has this status, or is to have it, because the deal was moved: what it says
    /// of the order is the portal's own word then.
    pub fn is_by_portal(&self, status: &str) -> bool {
        // A question changes nothing.
        let moved = |told: &&SentStatus| told.status == status && told.previous != status;
        match self.told.iter().rfind(moved) {
            Some(last) => last.by == Source::Bitrix24,
            None => self.by_portal.as_deref() == Some(status),
        }
    }

    /// The shop is told what 1C says. Both sides agree on what they agreed on before: the deal
    /// follows, as if the shop had said it.
    #[must_use]
    pub fn told_by_onec(mut self, told: SentStatus) -> Self {
        self.told.push(told);
        let excess = self.told.len().saturating_sub(TOLD_KEPT);
        self.told.drain(..excess);
        self.by_portal = None;
        self
    }

    /// Whether the message that was decided at `told_at` is still to be sent. One that is not would
    /// carry out a decision that was overtaken: the caller drops it.
    pub fn awaits(&self, told_at: DateTime<Utc>) -> bool {
        self.told.iter().any(|told| told.at == told_at)
    }
}

/// How many unconfirmed messages to the shop are remembered.
pub const TOLD_KEPT: usize = 16;

fn portal() -> Source {
    Source::Bitrix24
}

/// A status that the shop was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentStatus {
    /// What it was told.
    pub status: String,
    /// Whose word it is: the portal's or 1C's.
    #[serde(default = "portal")]
    pub by: Source,
    /// 1C can have said so from then on, by the bridge's clock; `None`: that is not known.
    #[serde(default)]
    pub claimed_after: Option<DateTime<Utc>>,
    /// Whoever says it takes back what it had said itself: a fact that rests on that is none.
    #[serde(default)]
    pub takes_back: bool,
    /// What it had before, as far as was known.
    pub previous: String,
    /// Since when it had that, by its own clock: the same status with the same time is the same
    /// fact, however late it comes.
    #[serde(default)]
    pub previous_since: Option<DateTime<Utc>>,
    /// What was agreed before; `None` if nothing was.
    pub before: Option<PreviousAgreement>,
    /// When that was decided, by the bridge's clock: with the order, the identity of the message.
    pub at: DateTime<Utc>,
    /// When it was first sent: the shop may have carried it out then, if an answer was lost.
    #[serde(default)]
    pub first_sent_at: Option<DateTime<Utc>>,
    /// When the shop acknowledged it, by the bridge's clock.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was given up, by the bridge's clock: it is not sent any more, unless a person has it
    /// tried again.
    #[serde(default)]
    pub died_at: Option<DateTime<Utc>>,
    /// Facts that did not hold when it was decided and that it would deny: once the shop asserts
    /// one of them, the message is not to be sent, and a shop in which one holds is not to take it.
    #[serde(default)]
    pub denies: Vec<Fact>,
}

impl SentStatus {
    /// Whether the shop may have carried it out: it was sent, and no answer came.
    pub fn is_unanswered(&self) -> bool {
        self.first_sent_at.is_some() && self.delivered_at.is_none()
    }

    /// Whether the shop may carry it out at any time: one that was given up comes no more.
    pub fn is_open(&self) -> bool {
        self.is_unanswered() && self.died_at.is_none()
    }
}

/// What was agreed before the shop was told something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousAgreement {
    /// The status of that agreement, in the shop's words.
    pub status: String,
    /// The stage of that agreement.
    pub stage: Stage,
    /// `portal_since` of that agreement.
    pub portal_since: Option<DateTime<Utc>>,
    /// `left` of that agreement.
    #[serde(default)]
    pub left: Option<DateTime<Utc>>,
    /// `unsure` of that agreement.
    #[serde(default)]
    pub unsure: bool,
}
