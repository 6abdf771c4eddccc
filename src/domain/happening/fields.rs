//! Parts of sentences: what stands in the fields of kinds.

use super::{Language, Tell, Voice};
use crate::domain::{Fact, Side, Source, Stage};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Words that no kind stands for: an error's, a portal's, a person's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Words(pub String);

/// Words in the quotes of the language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Quoted(pub String);

/// A time in milliseconds, said in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Millis(pub i64);

/// A stage by its id (STAGE_ID), said by the portal's own name for it where that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct StageId(pub String);

impl From<&Stage> for StageId {
    fn from(stage: &Stage) -> Self {
        Self(stage.id.clone())
    }
}

/// The stage that something stands in, where it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct InStage(pub Option<StageId>);

/// Who is right where times cannot tell, if anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Then(pub Option<Party>);

/// A card of the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "entity", content = "id", rename_all = "snake_case")]
pub enum Card {
    /// A deal, by its id.
    Deal(u64),
    /// A lead, by its id.
    Lead(u64),
    /// A contact, by its id.
    Contact(u64),
    /// A company, by its id.
    Company(u64),
    /// The portal as a whole, where it is about no single card.
    Portal,
}

/// Who moved a deal, as far as the portal tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mover {
    /// The bridge's own user: a robot, or somebody who shares it.
    Bridge,
    /// A user of the portal.
    User(u64),
    /// The portal does not tell.
    Unknown,
}

/// What says who is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The rule with this number, counted from 1.
    Rule(usize),
    /// The default: no rule matched.
    Default,
}

phrases! {
    /// Whose word it is.
    Party {
        Shop "the shop" "магазин"
        Portal "the portal" "портал"
        Onec "1C" "1С"
    }
}

phrases! {
    /// Whose change is the later one.
    LaterSide {
        Shop "the shop's is" "у магазина оно позже"
        Portal "the portal's is" "у портала оно позже"
        Unknown "one is" "одно из них позже"
    }
}

phrases! {
    /// Why times cannot tell.
    Undated {
        NobodyGaveOne ", because neither side gave one" ": ни одна из сторон времени не назвала"
        ShopGaveNone ", because the shop gave none" ": магазин времени не назвал"
        PortalGaveNone ", because the portal gave none" ": портал времени не назвал"
        TooClose "" ""
    }
}

phrases! {
    /// Why an event is older than another.
    OlderBecause {
        Version "its version is lower" "его версия меньше"
        Changed "it was changed earlier" "его изменили раньше"
        Status "its status is older" "его статус старше"
        Says "within the same second it says what comes before"
            "при том же времени в нём более ранний шаг заказа"
    }
}

phrases! {
    /// Why a message was taken back.
    Withdrawn {
        Paid "the order is paid by now" "заказ уже оплачен"
        Delivered "the order is delivered by now" "заказ уже доставлен"
        Cancelled "the order is cancelled by now" "заказ уже отменён"
        Crossed "the shop has changed the order since" "магазин с тех пор изменил заказ"
        Review "a person is asked about the order" "по заказу ждут решения человека"
    }
}

phrases! {
    /// How a shop learnt of a change.
    Acknowledged {
        Told "told" "сообщено"
        Read "read from the feed" "прочитано из ленты"
    }
}

phrases! {
    /// When something was done, beside a write of the bridge's.
    RowOrder {
        Before "just before" "незадолго до"
        After "after" "после"
    }
}

impl Tell for String {
    fn tell(&self, _: Voice<'_>) -> String {
        self.clone()
    }
}

macro_rules! numbers {
    ($($number:ty)*) => { $(
        impl Tell for $number {
            fn tell(&self, _: Voice<'_>) -> String {
                self.to_string()
            }
        }
    )* };
}

numbers!(u32 u64 usize i32 i64);

impl<T: ToString> Tell for Vec<T> {
    fn tell(&self, _: Voice<'_>) -> String {
        let all: Vec<String> = self.iter().map(ToString::to_string).collect();
        all.join(", ")
    }
}

impl Tell for DateTime<Utc> {
    fn tell(&self, _: Voice<'_>) -> String {
        self.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

impl Tell for Words {
    fn tell(&self, voice: Voice<'_>) -> String {
        (voice.words)(&self.0)
    }
}

impl Tell for Quoted {
    fn tell(&self, voice: Voice<'_>) -> String {
        match voice.language {
            Language::En => format!("{:?}", self.0),
            Language::Ru => format!("«{}»", self.0),
        }
    }
}

impl Tell for Millis {
    #[expect(clippy::cast_precision_loss, reason = "a pause in milliseconds")]
    fn tell(&self, _: Voice<'_>) -> String {
        format!("{:.1}", self.0 as f64 / 1_000.0)
    }
}

impl Tell for StageId {
    fn tell(&self, voice: Voice<'_>) -> String {
        let Self(id) = self;
        let name = voice.stages.and_then(|names| names.get(id));
        match (name, voice.language) {
            (None, _) => id.clone(),
            (Some(name), Language::En) => format!("“{name}” ({id})"),
            (Some(name), Language::Ru) => format!("«{name}» ({id})"),
        }
    }
}

impl Tell for InStage {
    fn tell(&self, voice: Voice<'_>) -> String {
        let stage = self.0.as_ref().map(|stage| stage.tell(voice));
        match (stage, voice.language) {
            (None, _) => String::new(),
            (Some(stage), Language::En) => format!(" in stage {stage}"),
            (Some(stage), Language::Ru) => format!(" на стадии {stage}"),
        }
    }
}

impl Tell for Then {
    fn tell(&self, voice: Voice<'_>) -> String {
        match (self.0, voice.language) {
            (None, _) => String::new(),
            (Some(party), Language::En) => format!(", and {} is right then", party.tell(voice)),
            (Some(Party::Onec), Language::Ru) => ", и тогда права 1С".to_owned(),
            (Some(party), Language::Ru) => format!(", и тогда прав {}", party.tell(voice)),
        }
    }
}

impl Tell for Card {
    fn tell(&self, voice: Voice<'_>) -> String {
        match (self, voice.language) {
            (Self::Deal(id), Language::En) => format!("deal {id}"),
            (Self::Deal(id), Language::Ru) => format!("сделка {id}"),
            (Self::Lead(id), Language::En) => format!("lead {id}"),
            (Self::Lead(id), Language::Ru) => format!("лид {id}"),
            (Self::Contact(id), Language::En) => format!("contact {id}"),
            (Self::Contact(id), Language::Ru) => format!("контакт {id}"),
            (Self::Company(id), Language::En) => format!("company {id}"),
            (Self::Company(id), Language::Ru) => format!("компания {id}"),
            (Self::Portal, Language::En) => "the portal".to_owned(),
            (Self::Portal, Language::Ru) => "портал".to_owned(),
        }
    }
}

impl Tell for Mover {
    fn tell(&self, voice: Voice<'_>) -> String {
        match (self, voice.language) {
            (Self::Bridge, Language::En) => " by the bridge's own user".to_owned(),
            (Self::Bridge, Language::Ru) => " (пользователь самого моста)".to_owned(),
            (Self::User(user), Language::En) => format!(" by user {user}"),
            (Self::User(user), Language::Ru) => format!(" (пользователь {user})"),
            (Self::Unknown, _) => String::new(),
        }
    }
}

impl Tell for By {
    fn tell(&self, voice: Voice<'_>) -> String {
        match (self, voice.language) {
            (Self::Rule(nth), Language::En) => format!("rule {nth}"),
            (Self::Rule(nth), Language::Ru) => format!("правилу {nth}"),
            (Self::Default, Language::En) => "the default".to_owned(),
            (Self::Default, Language::Ru) => "умолчанию".to_owned(),
        }
    }
}

impl Tell for Side {
    fn tell(&self, voice: Voice<'_>) -> String {
        Party::from(*self).tell(voice)
    }
}

impl From<Side> for Party {
    fn from(side: Side) -> Self {
        match side {
            Side::Shop => Self::Shop,
            Side::Portal => Self::Portal,
        }
    }
}

impl From<Source> for Party {
    fn from(source: Source) -> Self {
        match source {
            Source::Bitrix24 => Self::Portal,
            Source::OneC => Self::Onec,
            Source::Shop | Source::Pos => Self::Shop,
        }
    }
}

impl Tell for Fact {
    fn tell(&self, voice: Voice<'_>) -> String {
        let said = match (self, voice.language) {
            (_, Language::En) => self.word(),
            (Self::Paid, Language::Ru) => "оплачен",
            (Self::Delivered, Language::Ru) => "доставлен",
            (Self::Cancelled, Language::Ru) => "отменён",
        };
        said.to_owned()
    }
}
