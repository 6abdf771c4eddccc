//! The form in which kinds are written down: name, fields, the sentence in English and in Russian.

/// An enum of kinds with their sentences. The fields of a kind stand in its sentences by their
/// names; each is said in the language of the sentence.
macro_rules! kinds {
    ($(#[$meta:meta])* $name:ident {
        $($kind:ident $({ $($field:ident: $type:ty),* $(,)? })? $english:literal $russian:literal)*
    }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum $name {
            $(
                #[doc = concat!("`", $english, "`")]
                $kind $({ $(#[doc = stringify!($field)] $field: $type),* })?
            ),*
        }

        impl $crate::domain::happening::Tell for $name {
            fn tell(&self, voice: $crate::domain::happening::Voice<'_>) -> String {
                match self {
                    $(Self::$kind $({ $($field),* })? => {
                        $($(let $field = $crate::domain::happening::Tell::tell($field, voice);)*)?
                        match voice.language {
                            $crate::domain::happening::Language::En => std::fmt::format(
                                format_args!($english)
                            ),
                            $crate::domain::happening::Language::Ru => std::fmt::format(
                                format_args!($russian)
                            ),
                        }
                    })*
                }
            }
        }

        impl $name {
            /// Both sentences of each kind, English first, with the names of its fields in braces:
            /// for sentences that are stored without their data.
            pub const SENTENCES: &'static [(&'static str, &'static str)] =
                &[$(($english, $russian)),*];
        }

        #[cfg(test)]
        impl $name {
            /// Each kind, the names of its fields, and both sentences.
            pub(in crate::domain::happening) const KINDS: &[(
                &str,
                &[&str],
                &str,
                &str,
            )] = &[$((
                stringify!($kind),
                &[$($(stringify!($field)),*)?],
                $english,
                $russian,
            )),*];
        }
    };
}

/// An enum of parts of sentences without fields.
macro_rules! phrases {
    ($(#[$meta:meta])* $name:ident { $($kind:ident $english:literal $russian:literal)* }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize,
            utoipa::ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $(#[doc = concat!("`", $english, "`")] $kind),*
        }

        impl $crate::domain::happening::Tell for $name {
            fn tell(&self, voice: $crate::domain::happening::Voice<'_>) -> String {
                let said = match (self, voice.language) {
                    $(
                        (Self::$kind, $crate::domain::happening::Language::En) => $english,
                        (Self::$kind, $crate::domain::happening::Language::Ru) => $russian,
                    )*
                };
                said.to_owned()
            }
        }
    };
}
