//! The doctor's report: findings, and how they are shown.

use crate::{
    cli::output,
    domain::{ErrorCode, Place},
};
use serde::Serialize;

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    /// Worth knowing, nothing to fix.
    Note,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    fine: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<String>,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Finding>);

impl Report {
    pub(super) fn fine(&mut self, what: impl Into<String>, found: impl Into<String>) {
        self.add(what, State::Ok, found);
    }

    /// Worth knowing, with what can be done about it.
    pub(super) fn note(
        &mut self,
        what: impl Into<String>,
        found: impl Into<String>,
        steps: Vec<String>,
    ) {
        self.add(what, State::Note, found).steps = steps;
    }

    pub(super) fn wrong(
        &mut self,
        what: impl Into<String>,
        found: impl Into<String>,
        code: ErrorCode,
    ) {
        self.wrong_with(what, found, code, output::by_hand(code));
    }

    /// The same with the remedy for this place.
    pub(super) fn wrong_at(
        &mut self,
        at: Place<'_>,
        what: impl Into<String>,
        found: impl Into<String>,
        code: ErrorCode,
    ) {
        self.wrong_with(what, found, code, &at.fill(output::by_hand(code)));
    }

    pub(super) fn wrong_with(
        &mut self,
        what: impl Into<String>,
        found: impl Into<String>,
        code: ErrorCode,
        remedy: &str,
    ) {
        let finding = self.add(what, State::Fail, found);
        finding.code = Some(code);
        finding.remedy = Some(remedy.to_owned());
    }

    fn add(
        &mut self,
        what: impl Into<String>,
        state: State,
        found: impl Into<String>,
    ) -> &mut Finding {
        let finding = Finding {
            what: what.into(),
            state,
            fine: state != State::Fail,
            found: found.into(),
            code: None,
            remedy: None,
            steps: Vec::new(),
        };
        self.0.push_mut(finding)
    }

    /// Whether nothing has to be fixed.
    pub(super) fn well(&self) -> bool {
        self.0.iter().all(|finding| finding.fine)
    }

    /// Prints what was found, as lines for people or as JSON.
    pub(super) fn show(&self, json: bool) -> anyhow::Result<()> {
        if json {
            return output::list(&self.0);
        }
        for finding in &self.0 {
            let mark = match finding.state {
                State::Ok => "ok  ",
                State::Note => "note",
                State::Fail => "FAIL",
            };
            output::sentence(
                &format!("{mark}  "),
                &format!("{}: {}", finding.what, finding.found),
            );
            if let (Some(code), Some(remedy)) = (finding.code, &finding.remedy) {
                output::sentence("      ", &format!("{code}: {remedy}"));
            }
            for (nth, step) in finding.steps.iter().enumerate() {
                output::sentence(&format!("      {}. ", nth + 1), step);
            }
        }
        let wrong = self.0.iter().filter(|finding| !finding.fine).count();
        output::line(match wrong {
            0 => "nothing has to be fixed".to_owned(),
            1 => "1 thing has to be fixed".to_owned(),
            wrong => format!("{wrong} things have to be fixed"),
        });
        Ok(())
    }
}
