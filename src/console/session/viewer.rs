//! The viewer of a page, as plain data.

use crate::{
    app::Actor,
    auth::{self, Role},
    console::i18n::{locale::Lang, messages::Text},
};
use chrono::{DateTime, Utc};

/// A person who is signed in.
#[derive(Debug, Clone)]
pub(in crate::console) struct Viewer {
    /// The name under `[operators]`.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// The language of the page.
    pub lang: Lang,
    /// What every POST of this session must carry.
    pub csrf: String,
    /// Where the page is, with its query.
    pub at: String,
    /// When it was asked for.
    pub now: DateTime<Utc>,
}

impl Viewer {
    /// The words in the visitor's language.
    pub(in crate::console) fn text(&self, text: Text) -> &'static str {
        text.on(self.lang)
    }

    /// Whether the person may change something.
    pub(in crate::console) fn can_write(&self) -> bool {
        self.role == Role::Operator
    }

    /// The name on record.
    pub(in crate::console) fn actor(&self) -> Actor {
        Actor::new(format!("operator:{}", self.name))
    }

    /// Whether this is the session's token against forged requests.
    pub(in crate::console) fn csrf_matches(&self, csrf: &str) -> bool {
        auth::same(self.csrf.as_bytes(), csrf.as_bytes())
    }
}
