//! Faults of the settings, all of them at once.

use crate::domain::nearest;
use std::{fmt, path::PathBuf};

/// One thing that is wrong, with its place and its remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, dotted: `shops.main.portal`.
    pub key: String,
    /// One sentence that tells what is wrong with the value.
    pub sentence: String,
    /// One sentence that tells how to mend it.
    pub remedy: String,
}

impl Problem {
    pub(in crate::config) fn new(
        key: impl Into<String>,
        sentence: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            key: key.into(),
            sentence: sentence.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}; {}", self.key, self.sentence, self.remedy)
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("read the settings file {}", path.display())]
    Read {
        /// The file that was to be read.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Not TOML, a key that does not exist, or a value of the wrong type: the message has the line.
    #[error("parse the settings{}", hint(.0))]
    Toml(#[source] toml::de::Error),
    /// The same of a file of `portals.d`.
    #[error("parse {}{}", path.display(), hint(source))]
    Part {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with it, and where.
        #[source]
        source: toml::de::Error,
    },
    /// Everything else that is wrong, all at once.
    #[
        error(
            "the settings cannot be used:\n{}",
            .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        )
    ]
    Problems(Vec<Problem>),
}

/// The nearest key that exists, where the fault is one that does not.
fn hint(fault: &toml::de::Error) -> String {
    let nearest = unknown_field(fault.message())
        .and_then(|(wrong, known)| nearest(wrong, &known).map(str::to_owned));
    nearest.map_or_else(String::new, |key| format!(" (did you mean `{key}`?)"))
}

/// The field that does not exist and those that do, out of the deserializer's words.
pub(in crate::config) fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let names = message.strip_prefix("unknown field ")?;
    let mut names = names.split('`').skip(1).step_by(2);
    Some((names.next()?, names.collect()))
}
