//! Tables that people sort by the heads of their columns: links, so that a keyboard reaches them
//! and no script is needed.
//!
//! A page sorts what it has read, which is bounded, and only by columns that it names; what else a
//! link asks for changes nothing.

use crate::console::{i18n::messages::Text, session::viewer::Viewer};
use maud::{Markup, html};
use serde::Deserialize;
use std::cmp::Ordering;

/// What a link asks for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Sorting {
    sort: String,
    dir: String,
}

/// A column of a table.
pub(in crate::console) struct Column<T> {
    key: &'static str,
    text: Text,
    by: Option<fn(&T, &T) -> Ordering>,
    number: bool,
    down: bool,
}

impl<T> Column<T> {
    /// One that is only read.
    pub(in crate::console) const fn plain(text: Text) -> Self {
        Self {
            key: "",
            text,
            by: None,
            number: false,
            down: false,
        }
    }

    /// One that sorts, first from the lowest.
    pub(in crate::console) const fn sorted(
        key: &'static str,
        text: Text,
        by: fn(&T, &T) -> Ordering,
    ) -> Self {
        Self {
            key,
            text,
            by: Some(by),
            number: false,
            down: false,
        }
    }

    /// One that sorts first from the highest: for times, where that is what people look for.
    pub(in crate::console) const fn latest(
        key: &'static str,
        text: Text,
        by: fn(&T, &T) -> Ordering,
    ) -> Self {
        let column = Self::sorted(key, text, by);
        Self {
            down: true,
            ..column
        }
    }

    /// One of numbers, first from the highest.
    pub(in crate::console) const fn amount(
        key: &'static str,
        text: Text,
        by: fn(&T, &T) -> Ordering,
    ) -> Self {
        let column = Self::latest(key, text, by);
        Self {
            number: true,
            ..column
        }
    }
}

impl Sorting {
    /// Whether the table is asked for by this column, and then whether from the highest.
    pub(in crate::console) fn by(&self, key: &str) -> Option<bool> {
        (!key.is_empty() && self.sort == key).then_some(self.dir == "desc")
    }

    /// The pairs of a link that keeps the order.
    pub(in crate::console) fn pairs(&self) -> [(&'static str, Option<&str>); 2] {
        [("sort", Some(&self.sort)), ("dir", Some(&self.dir))]
    }

    /// Sorts rows; those that are alike keep their order.
    pub(in crate::console) fn apply<T>(&self, rows: &mut [T], columns: &[Column<T>]) {
        for column in columns {
            if let (Some(down), Some(by)) = (self.by(column.key), column.by) {
                rows.sort_by(|a, b| if down { by(b, a) } else { by(a, b) });
            }
        }
    }

    /// The heads of a table. `link` makes the page's address from further pairs.
    pub(in crate::console) fn heads<T>(
        &self,
        visitor: &Viewer,
        columns: &[Column<T>],
        link: impl Fn(&[(&str, Option<&str>)]) -> String,
    ) -> Markup {
        html! { thead { tr { @for column in columns { (self.head(visitor, column, &link)) } } } }
    }

    fn head<T>(
        &self,
        visitor: &Viewer,
        column: &Column<T>,
        link: &impl Fn(&[(&str, Option<&str>)]) -> String,
    ) -> Markup {
        let label = visitor.text(column.text);
        let now = self.by(column.key);
        let down = now.map_or(column.down, |down| !down);
        let pairs = [
            ("sort", Some(column.key)),
            ("dir", Some(if down { "desc" } else { "asc" })),
        ];
        let (order, arrow) = match now {
            Some(true) => ("descending", "↓"),
            Some(false) => ("ascending", "↑"),
            None => ("none", "↕"),
        };
        html! {
            @if column.by.is_none() { th.num[column.number] scope="col" { (label) } }
            @else { th.num[column.number] scope="col" aria-sort=(order) {
                a href=(link(&pairs)) { (label) span.arrow aria-hidden="true" { (arrow) } }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column<(i32, i32)>; 3] = [
        Column::sorted("a", Text::Number, |a, b| a.0.cmp(&b.0)),
        Column::sorted("b", Text::Code, |a, b| a.1.cmp(&b.1)),
        Column::plain(Text::Reason),
    ];

    fn sorted(sort: &str, dir: &str) -> Vec<(i32, i32)> {
        let mut rows = vec![(2, 1), (1, 1), (3, 0)];
        let (sort, dir) = (sort.to_owned(), dir.to_owned());
        Sorting { sort, dir }.apply(&mut rows, &COLUMNS);
        rows
    }

    #[test]
    fn rows_are_sorted_by_a_column_of_the_page_and_by_nothing_else() {
        assert_eq!(sorted("a", "asc"), [(1, 1), (2, 1), (3, 0)]);
        assert_eq!(sorted("a", "desc"), [(3, 0), (2, 1), (1, 1)]);
        for other in ["", "c", "id; DROP TABLE"] {
            assert_eq!(sorted(other, "desc"), [(2, 1), (1, 1), (3, 0)]);
        }
    }

    #[test]
    fn alike_rows_keep_their_order_both_ways() {
        assert_eq!(sorted("b", ""), [(3, 0), (2, 1), (1, 1)]);
        assert_eq!(sorted("b", "desc"), [(2, 1), (1, 1), (3, 0)]);
    }
}
