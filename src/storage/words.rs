//! Words of other rooms as columns hold them: what is none of the words is an error that names
//! the column.

use crate::domain::{ReceiptKind, ShortageAct, ShortageCause, Side};
use sqlx::{
    Decode, Encode, Postgres, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef},
};

/// Reads and writes enums of `words!` as their words.
macro_rules! columns {
    ($($name:ident),+ $(,)?) => { $(
        impl Type<Postgres> for $name {
            fn type_info() -> PgTypeInfo {
                <str as Type<Postgres>>::type_info()
            }

            fn compatible(of: &PgTypeInfo) -> bool {
                <str as Type<Postgres>>::compatible(of)
            }
        }

        impl<'r> Decode<'r, Postgres> for $name {
            fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
                let word = <&str as Decode<Postgres>>::decode(value)?;
                let known = Self::ALL.iter().copied().find(|one| one.as_str() == word);
                known.ok_or_else(|| format!("`{word}` is none of the words of a column").into())
            }
        }

        impl Encode<'_, Postgres> for $name {
            fn encode_by_ref(&self, to: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
                <&str as Encode<Postgres>>::encode(self.as_str(), to)
            }
        }
    )+ };
}

columns!(ReceiptKind, ShortageAct, ShortageCause, Side);
