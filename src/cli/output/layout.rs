//! The width of what people read: tables and sentences fit a terminal. What is piped is not cut.

use super::{line, say};
use comfy_table::{ColumnConstraint, ContentArrangement, presets};
use std::io::{self, IsTerminal as _};

/// The most columns that are used of a terminal.
const WIDEST: u16 = 100;
/// Spaces between two columns of a table.
const GAP: u16 = 2;
/// The fewest characters to which the widest column of a table is narrowed.
const NARROWEST: u16 = 12;

/// The columns that may be used, where a terminal shows what is printed.
fn room() -> Option<u16> {
    let width = terminal_size::terminal_size().map_or(WIDEST, |(width, _)| width.0);
    io::stdout().is_terminal().then_some(width.min(WIDEST))
}

/// A table, for people; one without rows is a sentence.
pub(in crate::cli) fn table(head: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return say("there is none");
    }
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(head.iter().map(|word| word.to_uppercase()));
    table.add_rows(rows);
    if let Some(room) = room() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(room);
        keep_whole(&mut table, room);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    for row in table.lines() {
        line(row.trim_end());
    }
}

/// Where not all columns fit, the widest gives way alone, so that numbers and times stay on one
/// line; unless that would leave it next to nothing.
fn keep_whole(table: &mut comfy_table::Table, room: u16) {
    let widths = table.column_max_content_widths();
    let widest = widths.iter().enumerate().max_by_key(|(_, width)| **width);
    let Some((widest, most)) = widest.map(|(nth, width)| (nth, *width)) else {
        return;
    };
    let all: u32 = widths
        .iter()
        .map(|width| u32::from(*width) + u32::from(GAP))
        .sum();
    if all - u32::from(most) + u32::from(NARROWEST) > room.into() {
        return;
    }
    for (nth, column) in table.column_iter_mut().enumerate() {
        if nth != widest {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
}

/// A sentence as data, after what it begins with: a mark, a name, a time. Its later lines stand
/// below its own first word.
pub(in crate::cli) fn sentence(start: &str, text: &str) {
    let Some(room) = room() else {
        return line(format!("{start}{text}"));
    };
    for row in wrapped(start, text, room.into()) {
        line(row);
    }
}

/// A sentence in lines of at most so many characters; a longer word has a line to itself.
fn wrapped(start: &str, text: &str, room: usize) -> Vec<String> {
    let indent = start.chars().count();
    let mut rows = Vec::new();
    let (mut row, mut used) = (start.to_owned(), indent);
    for word in text.split_whitespace() {
        let long = word.chars().count();
        let gap = usize::from(used > indent);
        if gap > 0 && used + gap + long > room {
            rows.push(std::mem::replace(&mut row, " ".repeat(indent)));
            used = indent;
        } else {
            row.push_str(&" ".repeat(gap));
            used += gap;
        }
        row.push_str(word);
        used += long;
    }
    rows.push(row);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_fits_the_terminal_below_its_first_word_and_no_word_is_cut() {
        let told = wrapped("  - ", "portal main is slow: 7 orders wait", 20);
        assert_eq!(
            told,
            ["  - portal main is", "    slow: 7 orders", "    wait"]
        );
        let whole = wrapped("  - ", "portal main is slow", 23);
        assert_eq!(whole, ["  - portal main is slow"]);
        let address = wrapped("> ", "ask https://shop.example/orders now", 12);
        assert_eq!(address, ["> ask", "  https://shop.example/orders", "  now"]);
        assert_eq!(wrapped("> ", "", 12), ["> "]);
    }
}
