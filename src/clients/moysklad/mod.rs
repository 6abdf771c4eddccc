//! MoySklad's API, as far as receipts need it.
//!
//! Owns: its address and token, its limit, time-outs and pages. Refuses: knowing what a document
//! means. At most 45 units per 3 s are spent; a request of a user's token costs 4.

use crate::clients::connections::{Connections, cause_of};
use reqwest::{StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::{fmt, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Interval, MissedTickBehavior},
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Between two requests: eleven in 3 s, at 4 units each.
const PAUSE: Duration = Duration::from_millis(270);
/// The most documents of a page: more are not expanded.
const PAGE: usize = 100;
/// The longest pause that is kept because the API asks for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// So often a request is sent that the API puts off.
const TRIES: u32 = 3;
/// What comes with each document.
const EXPAND: &str = "positions.assortment,customerOrder";

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answered, or the answer broke off.
    #[error("MoySklad does not answer: {0}")]
    Down(String),
    /// It answered with another status.
    #[error("MoySklad answers {0}")]
    Status(StatusCode),
    /// The answer is not what the API is described to answer.
    #[error("MoySklad's answer has no `{0}`")]
    Odd(&'static str),
}

impl Error {
    /// Whether it is about the document alone that was asked for: not about the account, about who
    /// asks, or about how things are just now.
    pub fn is_of_one_document(&self) -> bool {
        const OF_ALL: [StatusCode; 4] = [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        matches!(self, Self::Status(status) if status.is_client_error() && !OF_ALL.contains(status))
    }
}

/// The API of one account. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    connections: Connections,
    url: String,
    token: SecretString,
    pace: Mutex<Interval>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// A client of the API at this address. To be called within a runtime.
    pub fn new(url: &str, token: SecretString, connections: &Connections) -> Self {
        let mut pace = tokio::time::interval(PAUSE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(Arc::new(Inner {
            connections: connections.clone(),
            url: url.trim_end_matches('/').to_owned(),
            token,
            pace: Mutex::new(pace),
        }))
    }

    /// One document, with its positions; `None`: it is not there.
    pub async fn document(&self, entity: &str, id: &str) -> Result<Option<Value>, Error> {
        let path = format!("/entity/{entity}/{id}");
        match self.get(&path, &[("expand", EXPAND)]).await? {
            Some(document) => self.whole(entity, document).await.map(Some),
            None => Ok(None),
        }
    }

    /// A page of the documents that a filter means, in the order of their changes; and whether
    /// there are more.
    pub async fn page(
        &self,
        entity: &str,
        filter: &str,
        offset: usize,
    ) -> Result<(Vec<Value>, bool), Error> {
        let (limit, offset) = (PAGE.to_string(), offset.to_string());
        let query = [
            ("filter", filter),
            ("order", "updated,asc"),
            ("expand", EXPAND),
            ("limit", limit.as_str()),
            ("offset", offset.as_str()),
        ];
        let rows = self.rows(&format!("/entity/{entity}"), &query).await?;
        let more = rows.len() == PAGE;
        let mut whole = Vec::with_capacity(rows.len());
        for row in rows {
            whole.push(self.whole(entity, row).await?);
        }
        Ok((whole, more))
    }

    /// A document with all of its positions: only the first hundred come with it. Of one in the
    /// bin, which has no address of its own, nobody needs the others. One whose positions cannot be
    /// had comes with none: people see it among the letters, and it holds up no other.
    async fn whole(&self, entity: &str, mut document: Value) -> Result<Value, Error> {
        if document.get("deleted").is_some_and(|at| !at.is_null()) {
            return Ok(document);
        }
        let positions = document.get("positions");
        let size = positions.and_then(|list| list.pointer("/meta/size")?.as_u64());
        let here = positions.and_then(|list| list.get("rows")?.as_array().map(Vec::len));
        let size = size.map_or(Ok(0), usize::try_from).unwrap_or_default();
        let id = document
            .get("id")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let (Some(here), Some(id)) = (here, id) else {
            return Ok(without_positions(document));
        };
        if here >= size {
            return Ok(document);
        }
        let path = format!("/entity/{entity}/{id}/positions");
        let mut all = Vec::with_capacity(size);
        while all.len() < size {
            let (limit, offset) = (PAGE.to_string(), all.len().to_string());
            let query = [
                ("expand", "assortment"),
                ("limit", limit.as_str()),
                ("offset", offset.as_str()),
            ];
            let rows = match self.rows(&path, &query).await {
                Err(error) if error.is_of_one_document() => {
                    return Ok(without_positions(document));
                }
                // It was deleted meanwhile.
                Err(Error::Odd(_)) => return Ok(without_positions(document)),
                rows => rows?,
            };
            if rows.is_empty() {
                return Ok(without_positions(document));
            }
            all.extend(rows);
        }
        document["positions"]["rows"] = Value::Array(all);
        Ok(document)
    }

    async fn rows(&self, path: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, Error> {
        let answer = self.get(path, query).await?;
        match answer.and_then(|mut list| list.get_mut("rows").map(Value::take)) {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Err(Error::Odd("rows")),
        }
    }

    /// What is at a path; `None`: nothing is.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Value>, Error> {
        let url = format!("{}{path}", self.0.url);
        let down = |error: reqwest::Error| Error::Down(cause_of(&error));
        let mut tries = 0;
        loop {
            tries += 1;
            self.0.pace.lock().await.tick().await;
            let request = self.0.connections.any().get(&url).query(query);
            let request = request.timeout(TIMEOUT);
            let request = request.bearer_auth(self.0.token.expose_secret());
            let request = request.header(header::ACCEPT, "application/json;charset=utf-8");
            let answer = request.send().await.map_err(down)?;
            match answer.status() {
                StatusCode::NOT_FOUND => return Ok(None),
                StatusCode::TOO_MANY_REQUESTS if tries < TRIES => {
                    let asked = answer.headers().get("x-lognex-retry-after");
                    let asked = asked.and_then(|asked| asked.to_str().ok()?.parse().ok());
                    let pause = asked.map_or(Duration::from_secs(3), Duration::from_millis);
                    tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
                }
                status if status.is_success() => {
                    return answer.json().await.map(Some).map_err(down);
                }
                status => return Err(Error::Status(status)),
            }
        }
    }
}

/// A part of the positions must not pass for all.
fn without_positions(mut document: Value) -> Value {
    if let Value::Object(members) = &mut document {
        members.remove("positions");
    }
    document
}
