//! Questions to whoever sits at the terminal.

use anyhow::Context as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _};

/// Asks, where somebody can answer.
pub(super) struct Questions {
    terminal: bool,
}

impl Questions {
    /// Of the standard input, if it is a terminal.
    pub(super) fn of_terminal() -> Self {
        Self {
            terminal: std::io::stdin().is_terminal(),
        }
    }

    /// What was answered; an empty answer is the usual one. None where nobody can answer.
    pub(super) fn ask(
        &mut self,
        question: &str,
        usual: Option<&str>,
    ) -> anyhow::Result<Option<String>> {
        if !self.terminal {
            return Ok(None);
        }
        let mut shown = std::io::stderr().lock();
        match usual {
            Some(usual) => write!(shown, "{question} [{usual}]: ")?,
            None => write!(shown, "{question}: ")?,
        }
        shown.flush()?;
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        if read.context("read the answer")? == 0 {
            self.terminal = false;
            return Ok(None);
        }
        let answer = answer.trim();
        let given = (!answer.is_empty()).then_some(answer);
        Ok(given.or(usual).map(str::to_owned))
    }
}
