//! Enums of words: what columns with a closed list hold, and what the API tells.

/// Makes an enum of which each variant has the word by which it is stored and told. A test holds
/// all of them against the constraint of their column.
macro_rules! words {
    (
        $(#[$of:meta])*
        pub enum $name:ident {
            $($(#[$about:meta])* $one:ident = $word:literal,)+
        }
    ) => {
        $(#[$of])*
        pub enum $name {
            $($(#[$about])* $one,)+
        }

        impl $name {
            /// Every word of the list, in the order in which they are written down.
            pub const ALL: &'static [Self] = &[$(Self::$one),+];

            /// The word by which it is stored and told.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$one => $word,)+
                }
            }
        }
    };
}

pub(crate) use words;
