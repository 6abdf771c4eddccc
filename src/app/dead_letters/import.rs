//! Taking dead letters from a file: one JSON object a line, as the export writes them.

use crate::{
    app::{Actor, DeadLetters, Error, intake::event_reader},
    domain::{ErrorCode, Fault, OrderNumber, PortalName, ShopName, happening::Act},
    process::bug::{self, Step},
    storage::{
        dead_letters::imports::{self, ImportedLetter},
        journal,
    },
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use utoipa::ToSchema;

/// Letters in one import.
const MOST_LINES: usize = 10_000;
const LONGEST_MESSAGE: usize = 2000;

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Imports)]
pub struct ImportReport {
    /// Letters that were stored now.
    pub taken: usize,
    /// Letters that were there already, open or closed, or whose event was accepted here and has
    /// not died: left as they are.
    pub known: usize,
    /// Lines that could not be taken; all the others were.
    pub faulty: Vec<FaultyLine>,
}

/// A line that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FaultyLine {
    /// Its number in the file, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub detail: String,
}

/// A line; what else the export writes is not needed.
#[derive(Debug, Deserialize)]
struct ImportLine {
    portal: Option<PortalName>,
    shop: Option<ShopName>,
    number: Option<OrderNumber>,
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    attempts: i32,
    first_failed_at: Option<DateTime<Utc>>,
    last_failed_at: Option<DateTime<Utc>>,
    change_seq: Option<i64>,
    about: Option<String>,
    payload: Value,
}

impl DeadLetters {
    /// Takes letters from text with one JSON object a line. A letter that is there already is left
    /// alone, so the same file may be taken any number of times; a faulty line is named and the
    /// others are taken.
    pub async fn import_letters(&self, text: &str, who: &Actor) -> Result<ImportReport, Error> {
        let lines: Vec<_> = text
            .trim_start_matches('\u{feff}')
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .collect();
        if lines.len() > MOST_LINES {
            let detail = format!(
                "{} letters: at most {MOST_LINES} are taken at once",
                lines.len()
            );
            return Err(Error::Invalid(vec![Fault {
                pointer: String::new(),
                detail,
            }]));
        }
        let mut sum = ImportReport::default();
        let mut tx = self.db.begin().await?;
        imports::alone(&mut tx).await?;
        for (index, line) in lines {
            match self.import_line(&mut tx, line).await? {
                Ok(true) => sum.taken += 1,
                Ok(false) => sum.known += 1,
                Err(detail) => sum.faulty.push(FaultyLine {
                    line: index + 1,
                    detail,
                }),
            }
        }
        let detail = json!({ "taken": sum.taken, "known": sum.known, "faulty": sum.faulty.len() });
        let act = Act::LettersImported {
            taken: sum.taken,
            known: sum.known,
            faulty: sum.faulty.len(),
        };
        journal::audit(&mut tx, &who.0, &act, "dead-letters", &detail).await?;
        tx.commit().await?;
        Ok(sum)
    }

    /// Takes one line: whether the letter is new, or what is wrong with it. A line that cannot be
    /// stored costs no other.
    async fn import_line(
        &self,
        tx: &mut PgConnection,
        line: &str,
    ) -> Result<Result<bool, String>, Error> {
        let letter = bug::caught(|| {
            let letter = read(line)?;
            let id = letter.payload.get("id").and_then(Value::as_str);
            self.traps.step(Step::Read, id.unwrap_or_default());
            Ok(letter)
        });
        let letter: ImportLine = match letter.unwrap_or_else(|bug| Err(bug.to_string())) {
            Ok(letter) => letter,
            Err(detail) => return Ok(Err(detail)),
        };
        let mut point = tx.begin().await?;
        let print = event_reader::fingerprint(&letter.payload);
        let identity = event_reader::identity_of(&letter.payload);
        let new = letter.as_new(&print, identity.as_ref());
        match imports::add(&mut point, &new).await {
            Err(error) if error.is_of_the_row() => {
                point.rollback().await?;
                Ok(Err(Error::from(error).chain()))
            }
            added => {
                let new = added?;
                point.commit().await?;
                Ok(Ok(new))
            }
        }
    }
}

fn read(line: &str) -> Result<ImportLine, String> {
    // The line in the file is named by whoever reports this: a line of JSON is always its own first
    // one.
    let unreadable = |error: serde_json::Error| error.to_string().replace(" at line 1 ", " at ");
    let letter: ImportLine = serde_json::from_str(line).map_err(unreadable)?;
    if ErrorCode::parse(&letter.code).is_none() {
        return Err(format!("/code: there is no code `{}`", letter.code));
    }
    if letter.change_seq.is_some() {
        return Err(
            "/change_seq: the shop's bridge alone can tell it of a change of stage".to_owned(),
        );
    }
    if letter.about.is_some() {
        return Err("/about: only the bridge that wrote it can try it again".to_owned());
    }
    if !letter.payload.is_object() {
        return Err("/payload: an event is a JSON object".to_owned());
    }
    if letter.attempts < 0 {
        return Err("/attempts: not below 0".to_owned());
    }
    let message = letter.message.chars().count();
    if message > LONGEST_MESSAGE {
        return Err(format!("/message: at most {LONGEST_MESSAGE} characters"));
    }
    // Postgres stores no NUL, neither in text nor in JSON.
    if letter.message.contains('\0') || line.contains("\\u0000") {
        return Err("a NUL character cannot be stored".to_owned());
    }
    Ok(letter)
}

impl ImportLine {
    fn as_new<'a>(
        &'a self,
        fingerprint: &'a [u8],
        identity: Option<&'a (String, String)>,
    ) -> ImportedLetter<'a> {
        ImportedLetter {
            identity: identity.map(|(source, id)| (&**source, &**id)),
            portal: self.portal.as_ref().map(PortalName::as_str),
            shop: self.shop.as_ref().map(ShopName::as_str),
            number: self.number.as_ref().map(OrderNumber::as_str),
            code: &self.code,
            message: &self.message,
            attempts: self.attempts,
            first_failed_at: self.first_failed_at,
            last_failed_at: self.last_failed_at,
            payload: &self.payload,
            fingerprint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faulty_line_says_what_is_wrong() {
        let line =
            |code: &str, payload: &str| format!(r#"{{"code":"{code}","payload":{payload}}}"#);
        assert!(read(&line("MAP-STATUS", "{}")).is_ok());
        for (text, word) in [
            (line("NONE", "{}"), "/code"),
            (line("MAP-STATUS", "[]"), "/payload"),
            (line("MAP-STATUS", r#"{"a":"\u0000"}"#), "NUL"),
            ("{".to_owned(), "object at column"),
        ] {
            let told = read(&text).unwrap_err();
            assert!(told.contains(word), "{told}");
        }
    }
}
