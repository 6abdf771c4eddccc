//! A client for one Bitrix24 portal that keeps within its limits and tells what happened to every command.

use serde_json::Value;
use std::{collections::HashMap, time::Duration};

/// One method call.
#[derive(Debug, Clone)]
pub struct Command {
    /// Key in the batch; never numeric.
    pub key: String,
    /// For example `crm.deal.add`.
    pub method: String,
    /// A JSON object of parameters.
    pub params: Value,
}

/// What a portal answered to one method.
#[derive(Debug, Clone)]
pub struct Response {
    /// `result`
    pub result: Value,
    /// `next`: another page exists from this offset.
    pub next: Option<u64>,
    /// `total`
    pub total: Option<u64>,
}

/// What was said of each command of a batch, by key.
pub type BatchResponse = HashMap<String, Result<Response, CommandError>>;

/// A command that the portal refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    /// `error` as text, whatever JSON type it had; often empty.
    pub error: String,
    /// `error_description`, tags stripped.
    pub description: String,
}

/// Who asks: live orders go before reconciliation, that before backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Live orders.
    Live,
    /// Reading up.
    Reconcile,
    /// History.
    Backfill,
}

/// A call that failed as a whole. Never prints an address or a token.
#[derive(Debug, thiserror::Error)]
#[error("skeleton")]
pub struct Error;

/// What a failed call means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Not reached, or 5xx before anything was judged: pause the lane.
    Down,
    /// Sent, no usable answer: what it did is not known.
    InDoubt,
    /// 503 QUERY_LIMIT_EXCEEDED: try again after this.
    Throttled(Duration),
    /// 429 OPERATION_TIME_LIMIT: this method waits until then (unix seconds).
    MethodBlocked(Option<i64>),
    /// 401 expired_token.
    TokenExpired,
    /// 401/403 revoked, scope missing, plan, OVERLOAD_LIMIT: only a person can help.
    Blocked,
    /// 400 and such: this call is wrong.
    Refused,
}

/// A portal client; cheap to clone, all clones share limits and tokens.
#[derive(Debug, Clone)]
pub struct Client {}

impl Client {
    /// One method call.
    pub async fn call(
        &self,
        method: &str,
        params: &Value,
        priority: Priority,
    ) -> Result<Response, Error> {
        todo!("{method} {params} {priority:?}")
    }

    /// Up to 50 commands in one call.
    pub async fn batch(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> Result<BatchResponse, Error> {
        todo!("{commands:?} {priority:?}")
    }
}
