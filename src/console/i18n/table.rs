//! The macro of a table of texts: one name, and its words in each language.

/// A table of texts.
macro_rules! texts {
    ($($name:ident $english:literal $russian:literal)*) => {
        /// A text of the console.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::console) enum Text { $(#[doc = $english] $name),* }

        impl Text {
            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];

            /// The words in a language.
            pub(in crate::console) fn on(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $((Self::$name, Lang::En) => $english, (Self::$name, Lang::Ru) => $russian),*
                }
            }
        }
    };
}

pub(super) use texts;
