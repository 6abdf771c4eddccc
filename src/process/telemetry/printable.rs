//! Foreign text in a log: readable, on one line, and bounded. Names, paths, a portal's words, a
//! shop's answers: strangers write them all.
//!
//! It is done where lines are written and not where they are told, so no place can be forgotten.

use serde_json::Value;
use std::{
    fmt::{self, Debug, Write as _},
    io,
};
use tracing::field::{Field, Visit};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FormatFields, MakeWriter, format::Writer},
};

/// The longest value in a line, in characters.
const LONGEST: usize = 2_000;

/// The text as it may stand in a log: what is no visible character is written as its code, and the
/// end is cut off where it is too long.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    for (nth, c) in text.chars().enumerate() {
        if nth == LONGEST {
            shown.push('…');
            break;
        }
        if hidden(c) {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// What a terminal or a viewer obeys or does not show: controls, line ends, marks that turn the
/// direction of text.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' |
                '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        )
}

/// Writes the fields of a line for people.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fields;

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line {
            writer,
            first: true,
            result: Ok(()),
        };
        fields.record(&mut line);
        line.result
    }
}

struct Line<'w> {
    writer: Writer<'w>,
    first: bool,
    result: fmt::Result,
}

impl Line<'_> {
    fn put(&mut self, field: &Field, value: &str) {
        if self.result.is_err() {
            return;
        }
        let blank = if std::mem::take(&mut self.first) {
            ""
        } else {
            " "
        };
        let value = printable(value);
        self.result = match field.name() {
            "message" => write!(self.writer, "{blank}{value}"),
            name => write!(self.writer, "{blank}{name}={value}"),
        };
    }
}

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, &format!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, &super::chain(value));
    }
}

/// Makes writers of JSON lines whose values are printable and bounded.
#[derive(Debug, Clone)]
pub(super) struct Lines<W>(pub(super) W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = LineWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter(self.0.make_writer())
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Self::Writer {
        LineWriter(self.0.make_writer_for(meta))
    }
}

/// Takes whole lines of JSON: that is how they are written.
#[derive(Debug)]
pub(super) struct LineWriter<W>(W);

impl<W: io::Write> io::Write for LineWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match serde_json::from_slice::<Value>(line) {
            Ok(mut value) => {
                if tame(&mut value) {
                    writeln!(self.0, "{value}")?;
                } else {
                    self.0.write_all(line)?;
                }
            }
            Err(_) => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Makes every text in it printable; false if all were.
fn tame(value: &mut Value) -> bool {
    match value {
        Value::String(text) => {
            let wild = text.len() > LONGEST || text.chars().any(hidden);
            if wild {
                *text = printable(text);
            }
            wild
        }
        Value::Array(list) => list.iter_mut().fold(false, |any, one| tame(one) | any),
        Value::Object(map) => map.values_mut().fold(false, |any, one| tame(one) | any),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::{fmt, layer::SubscriberExt as _};

    #[derive(Debug, Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What stands in the log after this was told.
    fn told(json: bool, text: &str) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let make = move || writer.clone();
        let registry = tracing_subscriber::registry();
        let tell = || {
            let span = tracing::info_span!("call", words = text);
            let _inside = span.enter();
            let error = io::Error::other(text.to_owned());
            tracing::info!(
                name = text, shown = %text, error = &error as &dyn std::error::Error,
                "they say: {text}"
            );
        };
        if json {
            let layer = crate::process::telemetry::logging::json(make);
            tracing::subscriber::with_default(registry.with(layer), tell);
        } else {
            let layer = fmt::layer()
                .with_ansi(false)
                .fmt_fields(Fields)
                .with_writer(make);
            tracing::subscriber::with_default(registry.with(layer), tell);
        }
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_a_stranger_writes_makes_no_line_of_its_own_and_commands_no_terminal() {
        let wild = "fine\n2026-01-15 INFO forged\r\u{1b}[31mred\u{9b}2J\u{202e}txet\u{2028}end\0";
        for json in [false, true] {
            let log = told(json, wild);
            assert_eq!(log.lines().count(), 1, "{log}");
            assert!(!log.trim_end_matches('\n').chars().any(hidden), "{log:?}");
            assert!(log.contains("fine") && log.contains("end"), "{log}");
            let long = told(json, &"x".repeat(100_000));
            assert!(long.len() < 8 * LONGEST, "{}", long.len());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_one_line(text in any::<String>(), json: bool) {
            let log = told(json, &text);
            prop_assert_eq!(log.matches('\n').count(), 1);
            prop_assert!(!log.trim_end_matches('\n').chars().any(hidden));
        }

        #[test]
        fn visible_text_stays_as_it_is(text in "[ -~а-яё№—«»]{0,200}") {
            prop_assert_eq!(printable(&text), text);
        }
    }
}
