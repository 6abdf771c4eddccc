//! JSON that somebody else made, read row by row.

use super::Error;
use crate::domain::{OrderKey, happening::Stored};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::{
    Decode, Postgres, Type,
    error::BoxDynError,
    postgres::{PgTypeInfo, PgValueRef},
};
use std::{borrow::Cow, fmt::Display};

/// JSON as it stands in a column, read as a type. Postgres holds what cannot be read here: numbers
/// of any size, lists in lists without end, and what another version wrote. Such a value is its own
/// row's fault: the rows that are read with it are read all the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<T = Value> {
    /// What could be read.
    Value(T),
    /// What stands there cannot be read as this type.
    Unreadable {
        /// The JSON text as it is stored.
        text: String,
        /// Why not, in one sentence.
        why: String,
    },
}

/// Which value cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a row of {table} holds what this version cannot read: {detail}")]
pub struct Unreadable {
    /// The table that holds it, with its schema.
    pub table: &'static str,
    /// The column, the key of the row, and what is odd.
    pub detail: String,
}

impl Unreadable {
    /// A value of a row that cannot be what it stands for.
    pub fn of(table: &'static str, column: &str, key: impl Display, why: impl Display) -> Self {
        Self {
            table,
            detail: format!("`{column}` of {key}: {why}"),
        }
    }

    /// An id of another system, which counts from one; or an error that names where it stands.
    pub fn or_id(
        id: i64,
        table: &'static str,
        column: &str,
        key: impl Display,
    ) -> Result<u64, Self> {
        let read = u64::try_from(id).ok().filter(|id| *id > 0);
        read.ok_or_else(|| Self::of(table, column, key, format_args!("{id} is no id")))
    }
}

impl From<Unreadable> for Error {
    fn from(Unreadable { table, detail }: Unreadable) -> Self {
        Self::Unreadable { table, detail }
    }
}

impl<T: DeserializeOwned> Json<T> {
    /// Reads JSON text. What cannot be read as this type is kept with the reason, and is no error
    /// yet.
    pub fn of(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(value) => Self::Value(value),
            Err(error) => Self::Unreadable {
                text: text.to_owned(),
                why: format!("it cannot be read as JSON: {error}"),
            },
        }
    }
}

impl<T> Json<T> {
    /// The value; or why there is none.
    pub fn value(&self) -> Result<&T, &str> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Unreadable { why, .. } => Err(why),
        }
    }

    /// The value; or an error that names where it stands.
    pub fn read(
        self,
        table: &'static str,
        column: &'static str,
        key: &OrderKey,
    ) -> Result<T, Unreadable> {
        self.read_of(table, column, key)
    }

    /// The same of a row that is not named by a shop.
    pub fn read_of(
        self,
        table: &'static str,
        column: &'static str,
        key: impl Display,
    ) -> Result<T, Unreadable> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Unreadable { why, .. } => Err(Unreadable::of(table, column, key, why)),
        }
    }
}

impl Json {
    /// The value as a type of the caller's; or which value cannot be read, and why.
    pub fn typed<T: DeserializeOwned>(
        &self,
        table: &'static str,
        column: &'static str,
        key: &OrderKey,
    ) -> Result<T, Unreadable> {
        self.typed_of(table, column, key)
    }

    /// The same of a row that is not named by a shop.
    pub fn typed_of<T: DeserializeOwned>(
        &self,
        table: &'static str,
        column: &'static str,
        key: impl Display,
    ) -> Result<T, Unreadable> {
        let typed = match self {
            Self::Value(value) => match T::deserialize(value) {
                Ok(value) => Json::Value(value),
                Err(error) => Json::Unreadable {
                    text: String::new(),
                    why: format!("it cannot be read as JSON: {error}"),
                },
            },
            Self::Unreadable { text, why } => Json::Unreadable {
                text: text.clone(),
                why: why.clone(),
            },
        };
        typed.read_of(table, column, key)
    }

    /// The JSON text: as it was stored, or of the value.
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
        Ok(Self::read(Json::<Value>::decode(value)?.shown()))
    }
}

/// A value of ours as a column of JSON holds it: without NUL, which Postgres refuses. One that
/// cannot be written is the fault of its row: nothing is stored in its place.
pub fn written<T: Serialize + ?Sized>(what: &T) -> Result<Value, Error> {
    let value = serde_json::to_value(what);
    let value = value.map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    Ok(super::storable(value))
}

/// What happened, as a column holds it: without NUL, which Postgres refuses.
pub(super) fn stored<E: Serialize + DeserializeOwned>(what: &E) -> Value {
    super::storable(Stored::value(what))
}

/// JSON as it stands in a column: whoever takes the row reads it, not who fetches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText(String);

impl JsonText {
    /// Reads it. What cannot be read as this type is kept with the reason, and is no error yet.
    pub fn read<T: DeserializeOwned>(&self) -> Json<T> {
        Json::of(&self.0)
    }
}

impl Type<Postgres> for JsonText {
    fn type_info() -> PgTypeInfo {
        <Value as Type<Postgres>>::type_info()
    }

    fn compatible(of: &PgTypeInfo) -> bool {
        <Value as Type<Postgres>>::compatible(of)
    }
}

impl<'r> Decode<'r, Postgres> for JsonText {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(text_in(&value)?.to_owned()))
    }
}

/// The text of a value of `json` or `jsonb`.
fn text_in<'r>(value: &PgValueRef<'r>) -> Result<&'r str, BoxDynError> {
    let bytes = value.as_bytes()?;
    // The binary form of jsonb is its text behind a number of the format.
    Ok(std::str::from_utf8(
        bytes.strip_prefix(b"\x01").unwrap_or(bytes),
    )?)
}

impl<T> Type<Postgres> for Json<T> {
    fn type_info() -> PgTypeInfo {
        <Value as Type<Postgres>>::type_info()
    }

    fn compatible(of: &PgTypeInfo) -> bool {
        <Value as Type<Postgres>>::compatible(of)
    }
}

impl<'r, T: DeserializeOwned> Decode<'r, Postgres> for Json<T> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self::of(text_in(&value)?))
    }
}
