//! The query of a list of letters, as it stands in a link or a form.

use crate::{
    app::{self, LetterFilter, LetterQuery},
    console::{
        i18n::{locale::Lang, messages::Text},
        ui::{error_page::ErrorPage, links, sortable::Sorting},
    },
};
use serde::Deserialize;

pub(in crate::console) const PATH: &str = "/console/dead-letters";
/// The longest reason that is put on record.
pub(in crate::console) const LONGEST_REASON: usize = 1_000;

/// A filter as it stands in a link or a form, with what the list needs beside it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct ListQuery {
    pub shop: String,
    pub portal: String,
    pub code: String,
    pub number: String,
    pub since: String,
    pub until: String,
    pub text: String,
    pub after: String,
    pub done: String,
    pub chosen: String,
    #[serde(flatten)]
    pub sorting: Sorting,
}

impl ListQuery {
    /// The fields of the filter.
    pub(in crate::console) fn fields(&self) -> [(&'static str, Text, &str); 7] {
        [
            ("shop", Text::Shop, &self.shop),
            ("portal", Text::Portal, &self.portal),
            ("code", Text::Code, &self.code),
            ("number", Text::Number, &self.number),
            ("since", Text::FailedSince, &self.since),
            ("until", Text::FailedUntil, &self.until),
            ("text", Text::Containing, &self.text),
        ]
    }

    /// The filter that the words mean.
    pub(in crate::console) fn filter(&self, lang: Lang) -> Result<LetterFilter, ErrorPage> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let query = LetterQuery {
            shop: given(&self.shop),
            portal: given(&self.portal),
            code: given(&self.code),
            number: given(&self.number),
            since: given(&self.since),
            until: given(&self.until),
            text: given(&self.text),
        };
        let filter = query.parse();
        filter.map_err(|faults| ErrorPage::unusable(app::sentence(&faults), lang))
    }

    /// A link that keeps the filter.
    pub(in crate::console) fn link(&self, path: &str, more: &[(&str, Option<&str>)]) -> String {
        let fields = self.fields();
        let mut pairs: Vec<_> = fields
            .iter()
            .map(|(key, _, value)| (*key, Some(*value)))
            .collect();
        pairs.extend_from_slice(more);
        links::link(path, &pairs)
    }
}
