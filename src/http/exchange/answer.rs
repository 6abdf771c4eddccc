//! Answers in text, as 1C reads them: the first word says it all, a person reads the rest.

use crate::{domain::ErrorCode, formats::commerceml::Encoding};
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use encoding_rs::WINDOWS_1251;

/// An answer to 1C, line by line; the first line is the word that 1C acts upon.
#[derive(Debug, Clone)]
pub(super) struct Answer(Vec<String>);

impl Answer {
    pub(super) fn success() -> Self {
        Self(vec!["success".to_owned()])
    }

    /// Done; what is to be told beside.
    pub(super) fn success_with(lines: Vec<String>) -> Self {
        let word = std::iter::once("success".to_owned());
        Self(word.chain(lines).collect())
    }

    pub(super) fn lines(lines: Vec<String>) -> Self {
        Self(lines)
    }

    /// What is wrong, what exactly, and what to do about it.
    pub(super) fn failure(code: ErrorCode, detail: &str) -> Self {
        let mut lines = vec![
            "failure".to_owned(),
            format!("{code}: {}", code.sentence_in_russian()),
        ];
        if !detail.is_empty() {
            lines.push(detail.to_owned());
        }
        lines.push(code.remedy_in_russian().to_owned());
        Self(lines)
    }

    /// What is wrong, line by line, and what to do about it.
    pub(super) fn failure_with(code: ErrorCode, details: Vec<String>) -> Self {
        let Self(mut lines) = Self::failure(code, "");
        let remedy = lines.pop();
        lines.extend(details);
        lines.extend(remedy);
        Self(lines)
    }

    /// The answer in the base's encoding; never with a byte order mark, which would stand before
    /// the word.
    pub(super) fn response(&self, encoding: Encoding) -> Response {
        let mut text = String::new();
        for line in &self.0 {
            // A line is one line, whatever somebody's words hold.
            text.extend(line.chars().map(|c| if c.is_control() { ' ' } else { c }));
            text.push('\n');
        }
        let (kind, bytes) = if encoding == Encoding::Windows1251 {
            let bytes = WINDOWS_1251.encode(&text).0.into_owned();
            ("text/html; charset=windows-1251", bytes)
        } else {
            ("text/html; charset=utf-8", text.into_bytes())
        };
        (
            [(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
            bytes,
        )
            .into_response()
    }
}
