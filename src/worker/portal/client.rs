//! The client that a lane asks a portal with: one call at a time, and a plain word about a failure.

use super::shared_limit::{SharedLimit, Unlimited};
use crate::{
    clients::{
        bitrix24::{
            BatchResponse, Blocked, CallObserver, Class, Client, Command, Error, Priority,
            ServerTime,
        },
        pictures,
    },
    domain::ErrorCode,
    process::telemetry::chain,
};
use serde_json::json;
use std::sync::Arc;

/// A call that failed as a whole.
#[derive(Debug, Clone)]
pub struct CallFailure {
    /// What it means for the lane.
    pub class: Class,
    /// The code that people see.
    pub code: ErrorCode,
    /// What exactly, free of secrets.
    pub message: String,
    /// Whether the portal may have run the call all the same.
    pub maybe_executed: bool,
}

/// Where a lane sends its calls.
pub trait PortalClient: Clone + Send + Sync + 'static {
    /// Up to 50 commands in one call; whoever asks with a higher priority at the same time goes
    /// first.
    fn batch(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> impl Future<Output = Result<BatchResponse, CallFailure>> + Send;

    /// The same of commands that lean on each other: after one that failed none is run.
    fn sequence(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> impl Future<Output = Result<BatchResponse, CallFailure>> + Send;

    /// One command as a call of its own: a file travels in no batch.
    fn single(
        &self,
        command: &Command,
        priority: Priority,
    ) -> impl Future<Output = Result<BatchResponse, CallFailure>> + Send {
        self.batch(std::slice::from_ref(command), priority)
    }

    /// By what files are fetched that a shop names; `None`: by nothing.
    fn pictures(&self) -> Option<pictures::Client> {
        None
    }

    /// Says to whom every call is told from now on.
    fn watched(&self, _watch: Arc<dyn CallObserver>) {}

    /// What the portal's clock showed in an answer, once.
    fn heard(&self) -> Option<ServerTime> {
        None
    }

    /// The host that calls go to, where it tells which portal it is; `None` for an application: its
    /// portal has a member id.
    fn address(&self) -> Option<String> {
        None
    }

    /// The portal's request limit.
    fn limit(&self) -> &dyn SharedLimit {
        &Unlimited
    }

    /// A cheap call that succeeds if the portal takes the bridge's calls at all.
    fn probe(&self) -> impl Future<Output = Result<(), CallFailure>> + Send;

    /// A call of the kind that orders travel in, with nothing in it that anybody could refuse.
    fn probe_batch(&self) -> impl Future<Output = Result<(), CallFailure>> + Send {
        self.probe()
    }
}

impl PortalClient for Client {
    async fn batch(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        Ok(Client::batch(self, commands, priority).await?)
    }

    async fn sequence(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        Ok(Client::sequence(self, commands, priority).await?)
    }

    async fn single(
        &self,
        command: &Command,
        priority: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        Ok(Client::alone(self, command, priority).await?)
    }

    fn pictures(&self) -> Option<pictures::Client> {
        Some(pictures::Client::new(self.connections()))
    }

    fn watched(&self, watch: Arc<dyn CallObserver>) {
        self.watch(watch);
    }

    fn heard(&self) -> Option<ServerTime> {
        self.take_heard()
    }

    fn address(&self) -> Option<String> {
        Client::address(self)
    }

    fn limit(&self) -> &dyn SharedLimit {
        self
    }

    async fn probe(&self) -> Result<(), CallFailure> {
        self.call("server.time", &json!({}), Priority::Live).await?;
        Ok(())
    }

    async fn probe_batch(&self) -> Result<(), CallFailure> {
        let command = Command {
            key: "probe".to_owned(),
            method: "server.time".to_owned(),
            params: json!({}),
        };
        Client::batch(self, &[command], Priority::Live).await?;
        Ok(())
    }
}

impl From<Error> for CallFailure {
    fn from(error: Error) -> Self {
        let class = error.class();
        let code = code_of(&error);
        let message = chain(&error);
        Self {
            class,
            code,
            message,
            maybe_executed: error.maybe_executed(),
        }
    }
}

/// The code that people see.
pub fn code_of(error: &Error) -> ErrorCode {
    match error {
        Error::Elsewhere { .. } => ErrorCode::Elsewhere,
        Error::TooLarge { .. } => ErrorCode::AnswerTooLarge,
        // Sent elsewhere, and not to a portal: nothing was run.
        other if other.class() == Class::InDoubt && !other.maybe_executed() => ErrorCode::Proxy,
        other => code(&other.class()),
    }
}

fn code(class: &Class) -> ErrorCode {
    match class {
        Class::Down => ErrorCode::Down,
        Class::InDoubt => ErrorCode::InDoubt,
        Class::Intercepted => ErrorCode::Proxy,
        Class::Throttled(_) => ErrorCode::Limit,
        Class::MethodBlocked(_) => ErrorCode::Operating,
        Class::TokenExpired => ErrorCode::Token,
        Class::Blocked(Blocked::Auth) => ErrorCode::Auth,
        Class::Blocked(Blocked::Scope) => ErrorCode::Scope,
        Class::Blocked(Blocked::Rights | Blocked::Reads | Blocked::Writes) => ErrorCode::Rights,
        Class::Blocked(Blocked::Plan) => ErrorCode::Plan,
        Class::Blocked(Blocked::Overload) => ErrorCode::Overload,
        Class::Refused => ErrorCode::Protocol,
    }
}
