//! Many commands in one call.

use super::{
    Error,
    client::Client,
    limit::limiter::Priority,
    php_form,
    response::{BatchResponse, CommandError, batch},
    transport::{Body, InOrder, OnFault},
};
use serde_json::Value;
use std::collections::HashSet;

/// The most commands in one batch (vendor's limit).
const BATCH_LIMIT: usize = 50;

/// One command of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Key in the batch: letters, digits, `_`; not a number.
    pub key: String,
    /// The REST method, for example `crm.deal.add`.
    pub method: String,
    /// A JSON object of parameters. A text that is wholly `$result[key]` refers to an earlier
    /// command's result, if there is one of this key.
    pub params: Value,
}

impl Client {
    /// Up to 50 commands, run in this order, in one call; a fault in one does not stop the others.
    /// Commands whose method is blocked are not sent; they come back as refused with
    /// `OPERATION_TIME_LIMIT`. A command that holds a text which a portal would take for a
    /// reference goes alone, with its text as it is, between two calls. Where a later one of these
    /// fails as a whole, what was answered is returned, and the rest is missing.
    pub async fn batch(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> Result<BatchResponse, Error> {
        self.run(commands, priority, OnFault::GoOn).await
    }

    /// The same of commands that lean on each other: after one that failed, or whose method is
    /// blocked, none is run, and the answers of those that were not are missing.
    pub async fn sequence(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> Result<BatchResponse, Error> {
        self.run(commands, priority, OnFault::Stop).await
    }

    async fn run(
        &self,
        commands: &[Command],
        priority: Priority,
        on_fault: OnFault,
    ) -> Result<BatchResponse, Error> {
        check(commands)?;
        let keys: Vec<&str> = commands.iter().map(|one| one.key.as_str()).collect();
        let alone: Vec<bool> = (0..commands.len())
            .map(|at| php_form::looks_like_a_reference(&commands[at].params, &keys[..at]))
            .collect();
        if !alone.contains(&true) {
            return self.together(commands, priority, on_fault).await;
        }
        let mut answers = BatchResponse::new();
        let mut at = 0;
        while at < commands.len() {
            let many = alone[at..].iter().take_while(|alone| !**alone).count();
            let part = &commands[at..at + many.max(1)];
            let (part, unled) = led(part, &keys[..at], &answers);
            answers.extend(unled);
            let answered = match (part.as_slice(), many) {
                ([], _) => Ok(BatchResponse::new()),
                ([command], 0) => self.alone(command, priority).await,
                (part, _) => self.together(part, priority, on_fault).await,
            };
            match answered {
                Ok(more) => answers.extend(more),
                Err(error) if answers.is_empty() => return Err(error),
                Err(_) => break,
            }
            if on_fault == OnFault::Stop && answers.values().any(Result::is_err) {
                break;
            }
            at += many.max(1);
        }
        Ok(answers)
    }

    /// One command of a batch as a call of its own: what brings a file must not be in a batch. What
    /// the portal says of the call, it says of the command.
    pub async fn alone(
        &self,
        command: &Command,
        priority: Priority,
    ) -> Result<BatchResponse, Error> {
        let said = self.call(&command.method, &command.params, priority).await;
        let answer = match said {
            Ok(response) => Ok(response),
            Err(Error::Refused { error, words, .. }) => Err(CommandError {
                error,
                description: words,
            }),
            Err(Error::MethodBlocked { .. }) => Err(blocked()),
            Err(Error::Throttled { .. }) => Err(CommandError {
                error: "QUERY_LIMIT_EXCEEDED".to_owned(),
                description: String::new(),
            }),
            Err(error) => return Err(error),
        };
        if let Some(watch) = self.0.watch.get() {
            watch.commanded(&command.method, answer.is_ok());
        }
        Ok(BatchResponse::from([(command.key.clone(), answer)]))
    }

    async fn together(
        &self,
        commands: &[Command],
        priority: Priority,
        on_fault: OnFault,
    ) -> Result<BatchResponse, Error> {
        let rests = |command: &Command| self.0.gauges.blocked_until(&command.method).is_some();
        let first = commands.iter().position(rests);
        let commands = match first.filter(|_| on_fault == OnFault::Stop) {
            Some(at) => &commands[..=at],
            None => commands,
        };
        let (held, sent): (Vec<&Command>, Vec<&Command>) =
            commands.iter().partition(|command| rests(command));
        for command in &held {
            self.rests(&command.method);
        }
        let mut answers: BatchResponse = held
            .into_iter()
            .map(|command| (command.key.clone(), Err(blocked())))
            .collect();
        if sent.is_empty() {
            return Ok(answers);
        }
        let keys: Vec<&str> = sent.iter().map(|command| command.key.as_str()).collect();
        let line = |(at, command): (usize, &&Command)| {
            let query = php_form::encode(&command.params, &keys[..at]);
            (command.key.clone(), format!("{}?{query}", command.method))
        };
        let cmd = InOrder(sent.iter().enumerate().map(line).collect());
        let envelope = self
            .send("batch", &Body::Batch(&cmd, on_fault), priority)
            .await?;
        let read = envelope
            .result
            .as_ref()
            .and_then(|result| batch(result, &keys))
            .ok_or_else(|| Error::Unreadable {
                status: 200,
                why: "this is not the result of a batch".to_owned(),
            })?;
        self.learn(&sent, &read.answers, &read.times);
        answers.extend(read.answers);
        Ok(answers)
    }

    fn learn(&self, sent: &[&Command], answers: &BatchResponse, times: &[(String, Value)]) {
        let method_of = |key: &str| {
            sent.iter()
                .find(|command| command.key == key)
                .map(|command| command.method.as_str())
        };
        for (key, time) in times {
            if let Some(method) = method_of(key) {
                self.seen(method, time);
            }
        }
        for (key, answer) in answers {
            if let (Some(watch), Some(method)) = (self.0.watch.get(), method_of(key)) {
                watch.commanded(method, answer.is_ok());
            }
            if let (Err(error), Some(method)) = (answer, method_of(key))
                && error.error.eq_ignore_ascii_case("OPERATION_TIME_LIMIT")
            {
                self.0.gauges.blocked(method, None);
                self.rests(method);
            }
        }
    }
}

/// Commands with the results of earlier calls in them, and answers for those that lean on nothing.
fn led(
    part: &[Command],
    earlier: &[&str],
    answers: &BatchResponse,
) -> (Vec<Command>, BatchResponse) {
    let result = |key: &str| answers.get(key)?.as_ref().ok().map(|said| &said.result);
    let (mut led, mut unled) = (Vec::new(), BatchResponse::new());
    for command in part {
        if let Some(params) = php_form::resolved(&command.params, earlier, &result) {
            led.push(Command {
                params,
                ..command.clone()
            });
        } else {
            let said = CommandError {
                error: String::new(),
                description: "what it leans on was refused or not run".to_owned(),
            };
            unled.insert(command.key.clone(), Err(said));
        }
    }
    (led, unled)
}

fn blocked() -> CommandError {
    CommandError {
        error: "OPERATION_TIME_LIMIT".to_owned(),
        description: "the method is blocked and was not asked".to_owned(),
    }
}

fn check(commands: &[Command]) -> Result<(), Error> {
    if commands.is_empty() || commands.len() > BATCH_LIMIT {
        return Err(Error::Invalid(format!(
            "a batch has 1 to {BATCH_LIMIT} commands, not {}",
            commands.len()
        )));
    }
    let mut keys = HashSet::new();
    for Command { key, .. } in commands {
        let named = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && key.bytes().any(|b| !b.is_ascii_digit());
        if !named || !keys.insert(key) {
            return Err(Error::Invalid(format!(
                "the key {key:?} is numeric, empty, not a name, or there twice"
            )));
        }
    }
    Ok(())
}
