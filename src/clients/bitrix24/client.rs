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
    response::{Envelope, Response, figure},
    server_time::ServerTime,
    transport::{self, Answer, Body},
};
use crate::clients::connections::Connections;
use parking_lot::Mutex;
use serde_json::Value;
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::time::Instant;
use url::Url;

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
pub struct Client(pub(super) Arc<Inner>);

pub(super) struct Inner {
    connections: Connections,
    timeout: Duration,
    route: Route,
    limiter: Limiter,
    pub(super) gauges: OperatingTimes,
    /// The portal's clock, as last told and not taken yet.
    heard: Mutex<Option<ServerTime>>,
    /// Who is told of every call.
    pub(super) watch: OnceLock<Arc<dyn CallObserver>>,
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
    /// A client that reaches the portal by these connections.
    pub fn new(credentials: Credentials, connections: &Connections, options: &Options) -> Self {
        Self(Arc::new(Inner {
            connections: connections.clone(),
            timeout: options.timeout,
            route: Route::new(credentials),
            limiter: Limiter::new(options.rate, options.full_burst),
            gauges: OperatingTimes::default(),
            heard: Mutex::default(),
            watch: OnceLock::new(),
            permits: OnceLock::new(),
        }))
    }

    /// What it reaches the portal by.
    pub fn connections(&self) -> &Connections {
        &self.0.connections
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

    /// Calls one method, as soon as the portal's limit allows. A method that the portal has blocked
    /// is not called: that is an error at once.
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

    /// Waits until the portal complains of too many requests; hears at once of a complaint since
    /// the last wait.
    pub async fn lowered(&self) {
        self.0.limiter.lowered().await;
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
        let mut heard = self.0.heard.lock();
        heard.take()
    }

    pub(super) fn seen(&self, method: &str, time: &Value) {
        self.0.gauges.seen(method, time);
        if let (Some(watch), Some(seconds)) =
            (self.0.watch.get(), time.get("operating").and_then(figure))
        {
            watch.operating(method, seconds);
        }
    }

    /// Tells how long a method rests.
    pub(super) fn rests(&self, method: &str) {
        if let (Some(watch), Some(rests)) = (self.0.watch.get(), self.0.gauges.rests(method)) {
            watch.blocked(method, rests);
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
    pub(super) async fn send(
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
                self.0.connections.public()
            } else {
                self.0.connections.any()
            };
            match self.0.permits.get() {
                Some(permits) => permits.permit().await?,
                None => self.0.limiter.acquire(priority).await,
            }
            let sent = Instant::now();
            if let Some(watch) = self.0.watch.get() {
                watch.sending(method);
            }
            let answer = transport::request((http, self.0.timeout), &address, method, body).await;
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
                        *self.0.heard.lock() = Some(heard);
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
