//! JSON that somebody else made, read row by row.

use crate::domain::happening::Stored;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::{
    Decode, Postgres, Type,
    error::BoxDynError,
    postgres::{PgTypeInfo, PgValueRef},
};
use std::borrow::Cow;

/// JSON as it stands in a column. Postgres holds what cannot be read here: numbers of any size, and
/// lists in lists without end. Such a value is its own row's fault: the rows that are read with it
/// are read all the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// What could be read.
    Value(Value),
    /// What could not.
    Unreadable {
        /// The JSON text.
        text: String,
        /// Why not, in one sentence.
        why: String,
    },
}

impl Json {
    /// Reads JSON text.
    pub fn of(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(value) => Self::Value(value),
            Err(error) => Self::Unreadable {
                text: text.to_owned(),
                why: format!("it cannot be read as JSON: {error}"),
            },
        }
    }

    /// The value; or why there is none.
    pub fn value(&self) -> Result<&Value, &str> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Unreadable { why, .. } => Err(why),
        }
    }

    /// The JSON text.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Value(value) => Cow::Owned(value.to_string()),
            Self::Unreadable { text, .. } => Cow::Borrowed(text),
        }
    }

    /// What people are shown: the value, or the text of what could not be read.
    pub fn shown(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Unreadable { text, .. } => Value::String(text),
        }
    }
}

impl<E> Type<Postgres> for Stored<E> {
    fn type_info() -> PgTypeInfo {
        <Value as Type<Postgres>>::type_info()
    }

    fn compatible(of: &PgTypeInfo) -> bool {
        <Value as Type<Postgres>>::compatible(of)
    }
}

impl<'r, E: Serialize + DeserializeOwned> Decode<'r, Postgres> for Stored<E> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self::read(Json::decode(value)?.shown()))
    }
}

/// What happened, as a column holds it: without NUL, which Postgres refuses.
pub(super) fn stored<E: Serialize + DeserializeOwned>(what: &E) -> Value {
    super::storable(Stored::value(what))
}

impl Type<Postgres> for Json {
    fn type_info() -> PgTypeInfo {
        <Value as Type<Postgres>>::type_info()
    }

    fn compatible(of: &PgTypeInfo) -> bool {
        <Value as Type<Postgres>>::compatible(of)
    }
}

impl<'r> Decode<'r, Postgres> for Json {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let bytes = value.as_bytes()?;
        // The binary form of jsonb is its text behind a number of the format.
        let text = std::str::from_utf8(bytes.strip_prefix(b"\x01").unwrap_or(bytes))?;
        Ok(Self::of(text))
    }
}
