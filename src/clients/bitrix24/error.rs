//! Errors of a call as a whole, and their classes.
//!
//! No message here holds a path or a token: of an address the host alone is named.

use super::response::Envelope;
use crate::clients::connections::{cause_of, host_of, public_addresses::PrivateAddress};
use std::time::Duration;

/// A call that failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The portal was not reached: nothing was sent.
    #[error("there is no connection to {host}: {why}")]
    Unreachable {
        /// Whom the call was for.
        host: String,
        /// What the system said.
        why: String,
    },
    /// The call was sent and the connection ended, or the time was over, before an answer came.
    #[error("no answer came from {host}: {why}")]
    NoAnswer {
        /// Whom the call was for.
        host: String,
        /// How it ended.
        why: String,
    },
    /// An answer came that cannot be understood: the call may have run.
    #[error("understand the portal's answer (HTTP {status}): {why}")]
    Unreadable {
        /// The HTTP status of the answer.
        status: u16,
        /// What is wrong with it.
        why: String,
    },
    /// The answer is larger than is read, unpacked: the call may have run.
    #[error(
        "read the portal's answer (HTTP {status}): it is larger than {most} bytes unpacked, or \
         needs far more than that in memory"
    )]
    TooLarge {
        /// The HTTP status of the answer.
        status: u16,
        /// The most that is read.
        most: usize,
    },
    /// The portal sends the call to where nobody has allowed it to: it was not run, and nothing was
    /// sent there.
    #[error("the portal sends the call to {host}: {why}")]
    Elsewhere {
        /// Where the answer sends the call, as `host:port`.
        host: String,
        /// Why it is not followed.
        why: &'static str,
    },
    /// The portal or what stands before it answered with a server error; the call may have run.
    #[error("the portal answered with HTTP {status}{}", after(.words))]
    Server {
        /// The HTTP status of the answer.
        status: u16,
        /// The portal's words, if it had any.
        words: String,
    },
    /// What stands before the portal (a proxy, a firewall, a page to sign in) answered in its
    /// place: the call did not reach the portal.
    #[
        error(
            "something in front of the portal answered in its place (HTTP {status}{})",
            titled(.title)
        )
    ]
    Intercepted {
        /// The HTTP status of the answer.
        status: u16,
        /// The title of its page, if it had one.
        title: String,
    },
    /// 503 QUERY_LIMIT_EXCEEDED: the request was not run.
    #[error("the portal's request limit is exceeded")]
    Throttled {
        /// How long the client will hold back.
        pause: Duration,
    },
    /// 429 OPERATION_TIME_LIMIT: the method was not run and is blocked.
    #[error("the method {method} is blocked: its execution time is used up")]
    MethodBlocked {
        /// The method, as it was called.
        method: String,
        /// Unix seconds at which it may go on, if known.
        until: Option<i64>,
    },
    /// 401 expired_token, and renewing it did not help; or there is no token at all.
    #[error("there is no valid access token{}", after(.words))]
    TokenExpired {
        /// Why it could not be renewed.
        words: String,
    },
    /// The application's tokens could not be read or stored; nothing was sent.
    #[error("the application's tokens cannot be had: {0}")]
    Tokens(String),
    /// No place in the portal's request limit could be had from whoever keeps it; nothing was sent.
    #[error("no place in the portal's request limit can be had: {0}")]
    NoPlace(String),
    /// Only a person can help.
    #[error("the portal refuses every call: {words}")]
    Blocked {
        /// What kind of help.
        reason: Blocked,
        /// What the portal said of it, for people.
        words: String,
    },
    /// The portal refuses this call for what it asks.
    #[error("the portal refuses the call (HTTP {status}): {words}")]
    Refused {
        /// The HTTP status of the answer.
        status: u16,
        /// `error` as text; often empty.
        error: String,
        /// `error_description` as the portal worded it.
        words: String,
    },
    /// The call cannot be made as it is: a batch that is too long, a key that is numeric.
    #[error("prepare the call: {0}")]
    Invalid(String),
}

/// Why only a person can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blocked {
    /// The webhook or token is not accepted.
    Auth,
    /// A permission (scope) is missing.
    Scope,
    /// The user in whose name the calls are made lacks a right.
    Rights,
    /// The user may read no deals, or no contacts.
    Reads,
    /// The user may read, and write nothing of a kind.
    Writes,
    /// The plan does not allow REST, or the portal is closed.
    Plan,
    /// OVERLOAD_LIMIT: blocked by support.
    Overload,
}

/// What a failed call means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Not reached, or a server error: pause.
    Down,
    /// Sent, no usable answer: what it did is not known.
    InDoubt,
    /// Something before the portal refused the call: it was certainly not run.
    Intercepted,
    /// QUERY_LIMIT_EXCEEDED: try again after this.
    Throttled(Duration),
    /// OPERATION_TIME_LIMIT: this method waits until then (unix seconds).
    MethodBlocked(Option<i64>),
    /// The token expired and could not be renewed.
    TokenExpired,
    /// Only a person can help.
    Blocked(Blocked),
    /// This call is wrong.
    Refused,
}

impl Error {
    /// What it means for the caller.
    pub fn class(&self) -> Class {
        match self {
            Self::Unreachable { .. }
            | Self::Elsewhere { .. }
            | Self::Server { .. }
            | Self::Tokens(_)
            | Self::NoPlace(_) => Class::Down,
            Self::Intercepted { .. } => Class::Intercepted,
            Self::NoAnswer { .. } | Self::Unreadable { .. } | Self::TooLarge { .. } => {
                Class::InDoubt
            }
            Self::Throttled { pause } => Class::Throttled(*pause),
            Self::MethodBlocked { until, .. } => Class::MethodBlocked(*until),
            Self::TokenExpired { .. } => Class::TokenExpired,
            Self::Blocked { reason, .. } => Class::Blocked(*reason),
            Self::Refused { .. } | Self::Invalid(_) => Class::Refused,
        }
    }

    /// Whether the portal may have run the call all the same. A gateway's error page proves
    /// nothing: a request that was cut off after a minute may have been executed.
    pub fn maybe_executed(&self) -> bool {
        match self {
            Self::Unreadable { status, .. } => !redirects(*status),
            Self::NoAnswer { .. } | Self::TooLarge { .. } | Self::Server { .. } => true,
            _ => false,
        }
    }

    /// Takes over a transport error: of its address the host alone.
    pub(super) fn transport(error: &reqwest::Error) -> Self {
        let source = std::error::Error::source(error);
        let mut causes = std::iter::successors(source, |cause| (*cause).source());
        if causes.any(<dyn std::error::Error>::is::<PrivateAddress>) {
            return Self::Elsewhere {
                host: "another host".to_owned(),
                why: "its name stands for a private address",
            };
        }
        let (host, why) = (host_of(error.url()), cause_of(error));
        if error.is_connect() || error.is_builder() || error.is_request() && !sent(error) {
            Self::Unreachable { host, why }
        } else {
            Self::NoAnswer { host, why }
        }
    }

    /// Reads an error envelope. Statuses differ between portals and versions (401 or 403, 500 or
    /// 410), so the code counts first.
    pub(super) fn from_envelope(status: u16, envelope: &Envelope, method: &str) -> Self {
        let words = envelope.words();
        let code = envelope.error.to_ascii_uppercase();
        let blocked = |reason| Self::Blocked {
            reason,
            words: words.clone(),
        };
        match code.as_str() {
            "QUERY_LIMIT_EXCEEDED" => Self::Throttled {
                pause: Duration::from_secs(1),
            },
            "OPERATION_TIME_LIMIT" => Self::MethodBlocked {
                method: method.to_owned(),
                until: envelope.operating_reset_at(),
            },
            "OVERLOAD_LIMIT" => blocked(Blocked::Overload),
            "EXPIRED_TOKEN" => Self::TokenExpired { words },
            "NO_AUTH_FOUND"
            | "INVALID_TOKEN"
            | "AUTHORIZATION_ERROR"
            | "APPLICATION_NOT_FOUND"
            | "ERROR_OAUTH"
            | "WRONG_AUTH_TYPE"
            | "METHOD_CONFIRM_WAITING"
            | "METHOD_CONFIRM_DENIED" => blocked(Blocked::Auth),
            // Documented with 403 for a user without rights; a portal says it with 401 to a webhook
            // that it does not know (any more).
            "INVALID_CREDENTIALS" if status == 401 => blocked(Blocked::Auth),
            "INVALID_CREDENTIALS" | "USER_ACCESS_ERROR" | "ALLOWED_ONLY_INTRANET_USER" => {
                blocked(Blocked::Rights)
            }
            "INSUFFICIENT_SCOPE" | "INVALID_SCOPE" => blocked(Blocked::Scope),
            "PAYMENT_REQUIRED" | "PORTAL_DELETED" => blocked(Blocked::Plan),
            "ACCESS_DENIED" if matches!(status, 401 | 403) => blocked(Blocked::Plan),
            "INTERNAL_SERVER_ERROR" | "ERROR_UNEXPECTED_ANSWER" => Self::Server { status, words },
            _ => match status {
                401 => blocked(Blocked::Auth),
                403 => blocked(Blocked::Rights),
                429 => Self::Throttled {
                    pause: Duration::from_secs(5),
                },
                500..=599 => Self::Server { status, words },
                _ => Self::Refused {
                    status,
                    error: envelope.error.clone(),
                    words,
                },
            },
        }
    }
}

/// A redirection that leads to no portal: nothing was run where it came from.
fn redirects(status: u16) -> bool {
    (300..400).contains(&status)
}

fn titled(title: &str) -> String {
    if title.is_empty() {
        String::new()
    } else {
        format!(", {title:?}")
    }
}

fn after(words: &str) -> String {
    if words.is_empty() {
        String::new()
    } else {
        format!(": {words}")
    }
}

/// Whether a request error can have come after bytes went out: anything but a failure to connect
/// can.
fn sent(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if text.contains("dns error")
            || text.contains("invalid URL")
            || text.contains("tcp connect")
        {
            return false;
        }
        source = cause.source();
    }
    true
}
