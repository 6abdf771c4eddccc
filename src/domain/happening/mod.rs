//! Happenings: what happened, as data. A row of the timeline, a decision, a conflict holds one of
//! these; its sentence is made from it in the reader's language, by a match that knows every kind.
//!
//! To add a kind: a row in the table of its file, with its fields and both sentences. A kind keeps
//! its name and its fields for ever, because rows of it are stored: another meaning is another
//! kind. What a later version wrote is no error: [`Stored::Later`] is shown by the sentence beside
//! it.

#[macro_use]
mod table;
mod audit;
mod contents;
mod decision;
mod document;
mod fields;
mod files;
mod goods;
mod notes;
mod order;
mod pause;
mod sync;

#[cfg(test)]
mod tests;

pub use audit::Act;
pub use contents::{ContentChanges, ContentLine, Figures, LineChange};
pub use decision::{DecisionReason, Effect, Explanation, Occasion};
pub use document::DocumentReason;
pub use fields::{
    Acknowledged, By, Card, InStage, LaterSide, Millis, Mover, OlderBecause, Party, Quoted,
    RowOrder, StageId, Then, Undated, Withdrawn, Words,
};
pub use files::{FileFault, FileNote};
pub use goods::GoodsEvent;
pub use notes::{Cards, Note};
pub use order::OrderEvent;
pub use pause::Pause;
pub use sync::{MoveFault, SyncEvent};

use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The version of what is written: it changes where the meaning of a stored field does.
const VERSION: u64 = 1;

/// A language that people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English: of the API, the commands and the log.
    En,
    /// Russian: of the console for those who chose it, and of answers to 1C.
    Ru,
}

/// How sentences are said.
#[derive(Debug, Clone, Copy)]
pub struct Voice<'a> {
    /// The language of the sentence.
    pub language: Language,
    /// How [`Words`] are said, which no kind stands for: an error, or somebody else's.
    pub words: fn(&str) -> String,
    /// What the portal calls its stages, by their ids; a stage without a name is said by its id.
    pub stages: Option<&'a BTreeMap<String, String>>,
}

impl Voice<'_> {
    /// English, and all words as they are: what is stored beside the data.
    pub const ENGLISH: Self = Self {
        language: Language::En,
        words: str::to_owned,
        stages: None,
    };

    /// What 1C's users read: Russian alone. Words of errors are the operators'.
    pub const FOR_1C: Self = Self {
        language: Language::Ru,
        words: |_| "подробности видит оператор моста".to_owned(),
        stages: None,
    };
}

/// What can be said in every language.
pub trait Tell {
    /// The sentence that tells it, in the voice's language.
    fn tell(&self, voice: Voice<'_>) -> String;

    /// It in English, as it is stored for readers of the tables.
    fn sentence(&self) -> String {
        self.tell(Voice::ENGLISH)
    }
}

impl<T: Tell> Tell for Box<T> {
    fn tell(&self, voice: Voice) -> String {
        T::tell(self, voice)
    }
}

/// What happened to an order, or to something else that goes to a portal: `kind` says what, and
/// which other fields there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Happening {
    /// It came in, was delivered, or was not.
    Order(OrderEvent),
    /// The shop and the portal were compared.
    Sync(SyncEvent),
    /// Its goods, and 1C.
    Goods(GoodsEvent),
    /// Something worth knowing that was met on the way.
    Note(Note),
}

impl Happening {
    /// Whether its data say all of it to every version that ever told them: its sentence need not
    /// be stored. Two of these lie beside every order.
    pub fn is_plain(&self) -> bool {
        use OrderEvent::{Accepted, Unchanged, Written};
        matches!(
            self,
            Self::Order(Accepted { .. } | Written { .. } | Unchanged { .. })
        )
    }
}

impl Tell for Happening {
    fn tell(&self, voice: Voice<'_>) -> String {
        match self {
            Self::Order(event) => event.tell(voice),
            Self::Sync(event) => event.tell(voice),
            Self::Goods(event) => event.tell(voice),
            Self::Note(note) => note.tell(voice),
        }
    }
}

macro_rules! into_happening {
    ($($of:ident: $event:ty),*) => { $(
        impl From<$event> for Happening {
            fn from(event: $event) -> Self {
                Self::$of(event)
            }
        }
    )* };
}

into_happening!(Order: OrderEvent, Sync: SyncEvent, Goods: GoodsEvent, Note: Note);

/// What a row holds: what this version knows, or what a later one wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored<E> {
    /// A kind that this version knows.
    Known(E),
    /// Of a later version: the row's sentence tells it.
    Later(Value),
}

impl<E: Serialize + DeserializeOwned> Stored<E> {
    /// As a column has it.
    pub fn read(value: Value) -> Self {
        let version = value.get("v").and_then(Value::as_u64);
        let known = (version == Some(VERSION))
            .then(|| E::deserialize(&value).ok())
            .flatten();
        known.map_or(Self::Later(value), Self::Known)
    }

    /// What happened, if this version can read it; `None` for a row of another version.
    pub fn known(&self) -> Option<&E> {
        match self {
            Self::Known(event) => Some(event),
            Self::Later(_) => None,
        }
    }

    /// What happened as JSON, for a column of the database.
    pub fn value(event: &E) -> Value {
        let mut value = serde_json::to_value(event).unwrap_or_default();
        if let Value::Object(fields) = &mut value {
            fields.insert("v".to_owned(), VERSION.into());
        }
        value
    }
}

impl<E: Serialize + DeserializeOwned> Serialize for Stored<E> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(event) => Self::value(event).serialize(to),
            Self::Later(value) => value.serialize(to),
        }
    }
}
