//! What a lane needs of a portal: one call at a time, and a plain word about what went wrong.

use crate::{
    bitrix24::{BatchResponse, Blocked, Class, Client, Command, Error, Heard, Priority, Watch},
    domain::Code,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// A call that failed as a whole.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What it means for the lane.
    pub class: Class,
    /// The code that people see.
    pub code: Code,
    /// What exactly, free of secrets.
    pub message: String,
    /// Whether the portal may have run the call all the same.
    pub maybe_executed: bool,
}

/// Where a lane sends its calls.
pub trait Portal: Clone + Send + Sync + 'static {
    /// Up to 50 commands in one call; whoever asks with a higher priority at the same time goes first.
    fn batch(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> impl Future<Output = Result<BatchResponse, Failure>> + Send;

    /// Says to whom every call is told from now on.
    fn watched(&self, _watch: Arc<dyn Watch>) {}

    /// What the portal's clock showed in an answer, once.
    fn heard(&self) -> Option<Heard> {
        None
    }

    /// The host that calls go to, where it tells which portal it is; none for an application: its portal has a member id.
    fn address(&self) -> Option<String> {
        None
    }

    /// How long a full request bucket takes to drain.
    fn drains(&self) -> Duration {
        Duration::ZERO
    }

    /// What others sent leaves the bucket in this long.
    fn take_over(&self, _left: Duration) {}

    /// How long until all that was sent has left the bucket.
    fn left(&self) -> Duration {
        Duration::ZERO
    }

    /// Waits until a call that another process sends has a place in the bucket.
    fn permit(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// How long the pace stays lowered because somebody else uses up the portal's limit.
    fn lowered(&self) -> Duration {
        Duration::ZERO
    }

    /// A cheap call that succeeds if the portal takes the bridge's calls at all.
    fn probe(&self) -> impl Future<Output = Result<(), Failure>> + Send;

    /// A call of the kind that orders travel in, with nothing in it that anybody could refuse.
    fn innocent(&self) -> impl Future<Output = Result<(), Failure>> + Send {
        self.probe()
    }
}

impl Portal for Client {
    async fn batch(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> Result<BatchResponse, Failure> {
        Ok(Client::batch(self, commands, priority).await?)
    }

    fn watched(&self, watch: Arc<dyn Watch>) {
        self.watch(watch);
    }

    fn heard(&self) -> Option<Heard> {
        self.take_heard()
    }

    fn address(&self) -> Option<String> {
        Client::address(self)
    }

    fn drains(&self) -> Duration {
        Client::drains(self)
    }

    fn take_over(&self, left: Duration) {
        Client::take_over(self, left);
    }

    fn left(&self) -> Duration {
        Client::left(self)
    }

    async fn permit(&self) {
        Client::permit(self).await;
    }

    fn lowered(&self) -> Duration {
        Client::lowered(self)
    }

    async fn probe(&self) -> Result<(), Failure> {
        self.call("server.time", &json!({}), Priority::Live).await?;
        Ok(())
    }

    async fn innocent(&self) -> Result<(), Failure> {
        let command = Command {
            key: "innocent".to_owned(),
            method: "server.time".to_owned(),
            params: json!({}),
        };
        Client::batch(self, &[command], Priority::Live).await?;
        Ok(())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let class = error.class();
        let code = code_of(&error);
        let message = words(&error);
        Self {
            class,
            code,
            message,
            maybe_executed: error.maybe_executed(),
        }
    }
}

/// An error with all that lies behind it.
pub(super) fn words(error: &Error) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    message
}

/// The code that people see.
pub(super) fn code_of(error: &Error) -> Code {
    match error {
        Error::Elsewhere { .. } => Code::Elsewhere,
        Error::TooLarge { .. } => Code::AnswerTooLarge,
        // Sent elsewhere, and not to a portal: nothing was run.
        other if other.class() == Class::InDoubt && !other.maybe_executed() => Code::Proxy,
        other => code(&other.class()),
    }
}

fn code(class: &Class) -> Code {
    match class {
        Class::Down => Code::Down,
        Class::InDoubt => Code::InDoubt,
        Class::Intercepted => Code::Proxy,
        Class::Throttled(_) => Code::Limit,
        Class::MethodBlocked(_) => Code::Operating,
        Class::TokenExpired => Code::Token,
        Class::Blocked(Blocked::Auth) => Code::Auth,
        Class::Blocked(Blocked::Scope) => Code::Scope,
        Class::Blocked(Blocked::Rights) => Code::Rights,
        Class::Blocked(Blocked::Plan) => Code::Plan,
        Class::Blocked(Blocked::Overload) => Code::Overload,
        Class::Refused => Code::Protocol,
    }
}
