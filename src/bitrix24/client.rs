//! Sending calls and reading answers.

use super::{
    Class, Error,
    answer::{BatchResponse, CommandError, Envelope, Response, batch},
    auth::{Access, Credentials},
    form,
    heard::Heard,
    limiter::{Limiter, Priority, Rate},
    operating::{Gauges, Operating},
    permits::Permits,
    watch::{Called, Watch},
};
use reqwest::{StatusCode, header, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, Once, OnceLock, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use url::Url;

/// The most commands in one batch (vendor's limit).
const BATCH_LIMIT: usize = 50;
/// The largest answer that is read, in bytes: 50 lists of 50 long rows stay far below.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// One command of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Key in the batch: letters, digits, `_`; not a number.
    pub key: String,
    /// For example `crm.deal.add`.
    pub method: String,
    /// A JSON object of parameters. A text that is wholly `$result[key]` refers to an earlier command's result, if there is one of this key.
    pub params: Value,
}

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The portal's request limit.
    pub rate: Rate,
    /// Whether the whole burst may be used at once from the start: only if nobody used this portal from this address for half a minute.
    pub full_burst: bool,
    /// How long to wait for an answer. The portal itself cuts a request off after 60 seconds.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rate: Rate::STANDARD,
            full_burst: false,
            timeout: Duration::from_secs(65),
        }
    }
}

/// A portal client; cheap to clone, all clones share limits and tokens.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    credentials: Credentials,
    limiter: Limiter,
    gauges: Gauges,
    /// The portal's new address, once it told one.
    moved: Mutex<Option<Url>>,
    /// The portal's clock, as last told and not taken yet.
    heard: Mutex<Option<Heard>>,
    /// Who is told of every call.
    watch: OnceLock<Arc<dyn Watch>>,
    /// Who keeps the bucket, if it is not this client.
    permits: OnceLock<Arc<dyn Permits>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("credentials", &self.0.credentials)
            .finish_non_exhaustive()
    }
}

/// Where a call goes, and the token it carries.
struct Address {
    base: Url,
    token: Option<SecretString>,
}

impl Client {
    /// A client. Fails only if the machine's TLS roots cannot be read.
    pub fn new(credentials: Credentials, options: &Options) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            http: http(options.timeout)?,
            credentials,
            limiter: Limiter::new(options.rate, options.full_burst),
            gauges: Gauges::default(),
            moved: Mutex::default(),
            heard: Mutex::default(),
            watch: OnceLock::new(),
            permits: OnceLock::new(),
        })))
    }

    /// Says who is told of every call, of all clones; the first to say so holds.
    pub fn watch(&self, watch: Arc<dyn Watch>) {
        let _ = self.0.watch.set(watch);
    }

    /// Says who is asked before every call, of all clones, in place of this client's own bucket; the first to say so holds.
    pub fn ask_first(&self, permits: Arc<dyn Permits>) {
        let _ = self.0.permits.set(permits);
    }

    /// Takes a place in this client's bucket for a call that somebody else sends: after live calls, but not for ever.
    pub async fn permit(&self) {
        self.0.limiter.acquire_for_guest().await;
    }

    /// One method call.
    pub async fn call(
        &self,
        method: &str,
        params: &Value,
        priority: Priority,
    ) -> Result<Response, Error> {
        if let Some(until) = self.0.gauges.blocked_until(method) {
            return Err(Error::MethodBlocked {
                method: method.to_owned(),
                until: Some(until),
            });
        }
        let envelope = self.send(method, &Body::Params(params), priority).await?;
        self.seen(method, &envelope.time);
        let result = envelope.result.unwrap_or_default();
        Ok(Response {
            result,
            next: envelope.next,
            total: envelope.total,
        })
    }

    /// Up to 50 commands in one call, run in this order; a fault in one does not stop the others. Commands whose method is blocked are not
    /// sent; they come back as refused with `OPERATION_TIME_LIMIT`.
    pub async fn batch(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> Result<BatchResponse, Error> {
        check(commands)?;
        let (sent, held): (Vec<&Command>, Vec<&Command>) = commands
            .iter()
            .partition(|command| self.0.gauges.blocked_until(&command.method).is_none());
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
            let query = form::encode(&command.params, &keys[..at]);
            (command.key.clone(), format!("{}?{query}", command.method))
        };
        let cmd = InOrder(sent.iter().enumerate().map(line).collect());
        let envelope = self.send("batch", &Body::Batch(&cmd), priority).await?;
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

    /// The portal's request limit.
    pub fn rate(&self) -> Rate {
        self.0.limiter.rate()
    }

    /// How long one request takes to leave the portal's bucket.
    pub fn period(&self) -> Duration {
        self.0.limiter.period()
    }

    /// How long a full request bucket of the portal takes to drain.
    pub fn drains(&self) -> Duration {
        self.0.limiter.drains()
    }

    /// What other clients sent leaves the portal's bucket in this long. Without this a client starts carefully.
    pub fn take_over(&self, left: Duration) {
        self.0.limiter.take_over(left);
    }

    /// How long until all that was sent has left the portal's bucket.
    pub fn left(&self) -> Duration {
        self.0.limiter.left()
    }

    /// How long the pace stays lowered because the portal complained of too many requests; nothing if it is not.
    pub fn lowered(&self) -> Duration {
        self.0.limiter.lowered()
    }

    /// Execution time per method, as last seen.
    pub fn operating(&self) -> HashMap<String, Operating> {
        self.0.gauges.all()
    }

    /// The host the portal moved to, if it told so.
    pub fn moved_to(&self) -> Option<String> {
        let moved = self.0.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.as_ref().and_then(Url::host_str).map(str::to_owned)
    }

    /// What the portal's clock showed lately, once.
    pub fn take_heard(&self) -> Option<Heard> {
        let mut heard = self.0.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.take()
    }

    fn seen(&self, method: &str, time: &Value) {
        self.0.gauges.seen(method, time);
        if let (Some(watch), Some(seconds)) = (
            self.0.watch.get(),
            time.get("operating").and_then(Value::as_f64),
        ) {
            watch.operating(method, seconds);
        }
    }

    /// Tells how long a method rests.
    fn rests(&self, method: &str) {
        if let (Some(watch), Some(rests)) = (self.0.watch.get(), self.0.gauges.rests(method)) {
            watch.blocked(method, rests);
        }
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

    /// One HTTP request; two or three where a token expired or the portal moved.
    async fn send(
        &self,
        method: &str,
        body: &Body<'_>,
        priority: Priority,
    ) -> Result<Envelope, Error> {
        let mut address = self.address().await?;
        let mut renewed = false;
        let mut followed = false;
        loop {
            let asked = Instant::now();
            match self.0.permits.get() {
                Some(permits) => permits.permit().await?,
                None => self.0.limiter.acquire(priority).await,
            }
            let sent = Instant::now();
            if let Some(watch) = self.0.watch.get() {
                watch.sending(method);
            }
            let answer = self.request(&address, method, body).await;
            if let Some(watch) = self.0.watch.get() {
                watch.called(&Called {
                    method,
                    commands: body.commands(),
                    waited: sent - asked,
                    pace: self.0.limiter.pace(),
                    took: sent.elapsed(),
                    failed: answer.as_ref().err(),
                });
            }
            match answer {
                Ok(Answer::Envelope(envelope)) => {
                    if let Some(heard) = Heard::read(&envelope.time, sent) {
                        *self.0.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
                    }
                    return Ok(envelope);
                }
                Ok(Answer::Moved(to)) if !followed => {
                    followed = true;
                    address.base = self.follow(&address.base, &to)?;
                }
                Ok(Answer::Moved(_)) => {
                    return Err(Error::Unreadable {
                        status: 302,
                        why: "the portal sends from one address to the next".to_owned(),
                    });
                }
                Err(error) if error.class() == Class::TokenExpired && !renewed => {
                    renewed = true;
                    address = self.renew(address, error).await?;
                }
                Err(Error::Throttled { pause }) => {
                    return Err(Error::Throttled {
                        pause: pause.max(self.0.limiter.complained()),
                    });
                }
                Err(Error::MethodBlocked { method, until }) => {
                    let until = self.0.gauges.blocked(&method, until);
                    self.rests(&method);
                    return Err(Error::MethodBlocked {
                        method,
                        until: Some(until),
                    });
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn address(&self) -> Result<Address, Error> {
        let invalid = |_| Error::Invalid("the webhook's address cannot be read".to_owned());
        let mut address = match &self.0.credentials {
            Credentials::Webhook(url) => Address {
                base: Url::parse(url.expose_secret()).map_err(invalid)?,
                token: None,
            },
            Credentials::App(source) => {
                let Access { endpoint, token } = source.current().await?;
                Address {
                    base: endpoint,
                    token: Some(token),
                }
            }
        };
        if let Some(moved) = &*self.0.moved.lock().unwrap_or_else(PoisonError::into_inner) {
            rehost(&mut address.base, moved)?;
        }
        Ok(address)
    }

    async fn renew(&self, address: Address, error: Error) -> Result<Address, Error> {
        match (&self.0.credentials, &address.token) {
            (Credentials::App(source), Some(expired)) => {
                let Access { endpoint, token } = source.renewed(expired).await?;
                Ok(Address {
                    base: endpoint,
                    token: Some(token),
                })
            }
            _ => Err(error),
        }
    }

    /// The same path on the new host. Followed only to https, or to where the call already went without it.
    fn follow(&self, from: &Url, to: &Url) -> Result<Url, Error> {
        if !(to.scheme() == "https" || to.scheme() == from.scheme())
            || !to.path().contains("/rest/")
        {
            let why =
                "the portal sends the call to an address that is not one of a portal".to_owned();
            return Err(Error::Unreadable { status: 302, why });
        }
        let mut base = from.clone();
        rehost(&mut base, to)?;
        *self.0.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(to.clone());
        if let (Some(watch), Some(host)) = (self.0.watch.get(), to.host_str()) {
            watch.moved(
                &to.port()
                    .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")),
            );
        }
        Ok(base)
    }

    async fn request(
        &self,
        address: &Address,
        method: &str,
        body: &Body<'_>,
    ) -> Result<Answer, Error> {
        let url = address
            .base
            .join(method)
            .map_err(|_| Error::Invalid("the method's name is not one".to_owned()))?;
        let auth = address
            .token
            .as_ref()
            .map(secrecy::ExposeSecret::expose_secret);
        let sent = match body {
            Body::Params(params) => Sent {
                params: Some(params),
                halt: None,
                cmd: None,
                auth,
            },
            Body::Batch(cmd) => Sent {
                params: None,
                halt: Some(0),
                cmd: Some(cmd),
                auth,
            },
        };
        let request = self
            .0
            .http
            .post(url)
            .header(header::ACCEPT, "application/json")
            .json(&sent);
        let answer = send(request).await.map_err(Error::transport)?;
        let status = answer.status();
        if status.is_redirection() {
            let to = answer
                .headers()
                .get(header::LOCATION)
                .and_then(|to| to.to_str().ok()?.parse::<Url>().ok());
            return to.map(Answer::Moved).ok_or_else(|| Error::Unreadable {
                status: status.as_u16(),
                why: "a redirection without an address".to_owned(),
            });
        }
        let body = read(answer).await?;
        interpret(status, &body, method).map(Answer::Envelope)
    }
}

/// What a call carries.
enum Body<'a> {
    Params(&'a Value),
    Batch(&'a InOrder),
}

impl Body<'_> {
    fn commands(&self) -> Option<usize> {
        match self {
            Self::Params(_) => None,
            Self::Batch(commands) => Some(commands.0.len()),
        }
    }
}

/// The same with the token, as it is sent.
#[derive(serde::Serialize)]
struct Sent<'a> {
    #[serde(flatten)]
    params: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    halt: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<&'a InOrder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<&'a str>,
}

/// A map that keeps its order: a portal runs commands in the order in which they come.
struct InOrder(Vec<(String, String)>);

impl serde::Serialize for InOrder {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, command)| (key, command)))
    }
}

enum Answer {
    Envelope(Envelope),
    Moved(Url),
}

fn interpret(status: StatusCode, body: &[u8], method: &str) -> Result<Envelope, Error> {
    let code = status.as_u16();
    match Envelope::parse(body) {
        Some(envelope) if envelope.is_error => Err(Error::from_envelope(code, &envelope, method)),
        Some(envelope) if status.is_success() && envelope.result.is_some() => Ok(envelope),
        Some(_) | None if status.is_success() => {
            let why = if body.is_empty() {
                "it is empty"
            } else {
                "it is not the JSON of a portal, or only part of it"
            };
            Err(Error::Unreadable {
                status: code,
                why: why.to_owned(),
            })
        }
        _ => Err(Error::from_envelope(code, &Envelope::default(), method)),
    }
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

/// Keeps the path and takes scheme, host and port of the other address.
fn rehost(url: &mut Url, to: &Url) -> Result<(), Error> {
    let wrong = || Error::Invalid("the new address cannot be used".to_owned());
    url.set_scheme(to.scheme()).map_err(|()| wrong())?;
    url.set_host(to.host_str()).map_err(|_| wrong())?;
    url.set_port(to.port()).map_err(|()| wrong())
}

/// The one place that sends.
async fn send(request: reqwest::RequestBuilder) -> Result<reqwest::Response, reqwest::Error> {
    request.send().await
}

pub(super) async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, Error> {
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| Error::NoAnswer(error.without_url()))?
    {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(Error::Unreadable {
                status,
                why: "it is too large".to_owned(),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A transport that follows nothing by itself.
pub(super) fn http(timeout: Duration) -> Result<reqwest::Client, Error> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails only if somebody else was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
        .user_agent(concat!("b24-bridge/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .timeout(timeout)
        .pool_idle_timeout(Duration::from_secs(20))
        .build()
        .map_err(Error::transport)
}
