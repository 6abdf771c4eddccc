//! Calls and batches: paced, told to whoever watches, and repeated only where that is certainly
//! safe.

use super::{
    Class, Error,
    credentials::Credentials,
    endpoint::{Route, place},
    limit::{
        call_gate::CallGate,
        limiter::{Limiter, Priority, Rate},
        operating_time::{Operating, OperatingTimes},
    },
    observer::{CallObserver, CallRecord},
    php_form,
    response::{BatchResponse, CommandError, Envelope, Response, batch},
    server_time::ServerTime,
    transport::{self, Answer, Body, InOrder, OnFault},
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use url::Url;

/// The most commands in one batch (vendor's limit).
const BATCH_LIMIT: usize = 50;
/// One command of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Key in the batch: letters, digits, `_`; not a number.
    pub key: String,
    /// For example `crm.deal.add`.
    pub method: String,
    /// A JSON object of parameters. A text that is wholly `$result[key]` refers to an earlier
    /// command's result, if there is one of this key.
    pub params: Value,
}

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The portal's request limit.
    pub rate: Rate,
    /// Whether the whole burst may be used at once from the start: only if nobody used this portal
    /// from this address for half a minute.
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
    /// For where a redirection leads that the operator did not name: it reaches public addresses
    /// alone.
    public: reqwest::Client,
    route: Route,
    limiter: Limiter,
    gauges: OperatingTimes,
    /// The portal's clock, as last told and not taken yet.
    heard: Mutex<Option<ServerTime>>,
    /// Who is told of every call.
    watch: OnceLock<Arc<dyn CallObserver>>,
    /// Who keeps the bucket, if it is not this client.
    permits: OnceLock<Arc<dyn CallGate>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("credentials", &self.0.route.credentials)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client. Fails only if the machine's TLS roots cannot be read.
    pub fn new(credentials: Credentials, options: &Options) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            http: transport::http(options.timeout)?,
            public: transport::public(options.timeout)?,
            route: Route::new(credentials),
            limiter: Limiter::new(options.rate, options.full_burst),
            gauges: OperatingTimes::default(),
            heard: Mutex::default(),
            watch: OnceLock::new(),
            permits: OnceLock::new(),
        })))
    }

    /// Says who is told of every call, of all clones; the first to say so holds.
    pub fn watch(&self, watch: Arc<dyn CallObserver>) {
        let _ = self.0.watch.set(watch);
    }

    /// Says who is asked before every call, of all clones, in place of this client's own bucket;
    /// the first to say so holds.
    pub fn set_gate(&self, permits: Arc<dyn CallGate>) {
        let _ = self.0.permits.set(permits);
    }

    /// Allows redirections to these hosts, `host` or `host:port`, of all clones; the first to say
    /// so holds.
    pub fn allow(&self, hosts: &[String]) {
        self.0.route.allow(hosts);
    }

    /// Takes a place in this client's bucket for a call that somebody else sends: after live calls,
    /// but not for ever.
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

    /// One command of a batch as a call of its own. What the portal says of the call, it says of
    /// the command.
    async fn alone(&self, command: &Command, priority: Priority) -> Result<BatchResponse, Error> {
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

    /// The portal's request limit.
    pub fn rate(&self) -> Rate {
        self.0.limiter.rate()
    }

    /// How long one request takes to leave the portal's bucket.
    pub fn period(&self) -> Duration {
        self.0.limiter.period()
    }

    /// How long a full request bucket of the portal takes to drain.
    pub fn full_drain_time(&self) -> Duration {
        self.0.limiter.full_drain_time()
    }

    /// What other clients sent leaves the portal's bucket in this long. Without this a client
    /// starts carefully.
    pub fn take_over(&self, left: Duration) {
        self.0.limiter.take_over(left);
    }

    /// How long until all that was sent has left the portal's bucket.
    pub fn drain_time(&self) -> Duration {
        self.0.limiter.drain_time()
    }

    /// How long the pace stays lowered because the portal complained of too many requests; nothing
    /// if it is not.
    pub fn reduced_for(&self) -> Duration {
        self.0.limiter.reduced_for()
    }

    /// Execution time per method, as last seen.
    pub fn operating(&self) -> HashMap<String, Operating> {
        self.0.gauges.all()
    }

    /// The host that the webhook leads to, with its port if it has one of its own.
    pub fn address(&self) -> Option<String> {
        self.0.route.host()
    }

    /// The host the portal moved to, if it told so.
    pub fn moved_to(&self) -> Option<String> {
        self.0.route.moved_to()
    }

    /// What the portal's clock showed lately, once.
    pub fn take_heard(&self) -> Option<ServerTime> {
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

    /// Tells where the portal moved to: in the log, and to whoever watches.
    fn moved(&self, to: &Url) {
        let host = place(to).unwrap_or_default();
        tracing::warn!(
            code = "B24-MOVED",
            host,
            "the portal answers from a new address: put it into the configuration"
        );
        if let (Some(watch), Some(host)) = (self.0.watch.get(), to.host_str()) {
            match to.port() {
                Some(port) => watch.moved(&format!("{host}:{port}")),
                None => watch.moved(host),
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
        let mut address = self.0.route.address().await?;
        let mut renewed = false;
        let mut followed = false;
        loop {
            let asked = Instant::now();
            let http = if address.public {
                &self.0.public
            } else {
                &self.0.http
            };
            match self.0.permits.get() {
                Some(permits) => permits.permit().await?,
                None => self.0.limiter.acquire(priority).await,
            }
            let sent = Instant::now();
            if let Some(watch) = self.0.watch.get() {
                watch.sending(method);
            }
            let answer = transport::request(http, &address, method, body).await;
            if let Some(watch) = self.0.watch.get() {
                watch.called(&CallRecord {
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
                    if let Some(heard) = ServerTime::read(&envelope.time, sent) {
                        *self.0.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
                    }
                    return Ok(envelope);
                }
                Ok(Answer::Moved(to)) if !followed => {
                    followed = true;
                    address = self.0.route.follow(&address, &to).await?;
                    self.moved(&address.base);
                    self.0.route.remember(&address);
                }
                Ok(Answer::Moved(_)) => {
                    return Err(Error::Unreadable {
                        status: 302,
                        why: "the portal sends from one address to the next".to_owned(),
                    });
                }
                Err(error) if error.class() == Class::TokenExpired && !renewed => {
                    renewed = true;
                    address = self.0.route.renewed(&address, error).await?;
                }
                Err(Error::Throttled { pause }) => {
                    return Err(Error::Throttled {
                        pause: pause.max(self.0.limiter.on_throttled()),
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
