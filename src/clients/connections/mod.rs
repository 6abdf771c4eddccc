//! Connections to other systems: one set for a whole process, and which addresses are public.
//!
//! Owns: what all clients have in common on the wire. Refuses: knowing whom it reaches.

pub(super) mod public_addresses;

use public_addresses::PublicResolver;
use reqwest::{Url, header, redirect};
use std::{
    error::Error as _,
    io::{self, ErrorKind},
    sync::{Arc, Once},
    time::Duration,
};

/// The longest pause that another system may ask for.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// The most characters of an answer that are repeated.
const LONGEST_LINE: usize = 500;

/// Open connections by host, and the machine's TLS roots, which take milliseconds to read and
/// hundreds of kilobytes to keep: every client of a process uses the same. Nothing is followed by
/// itself, and no request has a time limit but its own. They belong to the runtime in which they
/// are used first. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connections {
    any: reqwest::Client,
    public: reqwest::Client,
}

impl Connections {
    /// None is open at first. Fails only if the machine's TLS roots cannot be read.
    pub fn new() -> Result<Self, reqwest::Error> {
        let public = builder().dns_resolver(Arc::new(PublicResolver));
        Ok(Self {
            any: builder().build()?,
            public: public.build()?,
        })
    }

    /// For addresses that an operator named.
    pub(super) fn any(&self) -> &reqwest::Client {
        &self.any
    }

    /// For addresses that another system named: public ones alone.
    pub(super) fn public(&self) -> &reqwest::Client {
        &self.public
    }
}

/// How long an answer asks to be left alone: `Retry-After` in seconds, an hour at most.
pub(super) fn pause_asked(answer: &reqwest::Response) -> Option<Duration> {
    let after = answer.headers().get(header::RETRY_AFTER)?;
    let seconds = after.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// Whom a request was for: of its address the host and the port alone, since a path may be secret.
pub(super) fn host_of(url: Option<&Url>) -> String {
    match url.and_then(|url| Some((url.host_str()?, url.port()))) {
        Some((host, Some(port))) => format!("{host}:{port}"),
        Some((host, None)) => host.to_owned(),
        None => "the other side".to_owned(),
    }
}

/// Why a request came to nothing, in the words of the innermost cause: those around it only say
/// that it did.
pub(super) fn cause_of(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the time was over".to_owned();
    }
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let Some(innermost) = causes.last() else {
        return "the connection broke off".to_owned();
    };
    let failed = innermost.downcast_ref::<io::Error>().map(io::Error::kind);
    let known = failed.and_then(|kind| match kind {
        ErrorKind::ConnectionRefused => Some("the connection was refused"),
        ErrorKind::ConnectionReset => Some("the connection was reset"),
        ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
            Some("the connection broke off")
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            Some("the network has no way there")
        }
        ErrorKind::TimedOut => Some("the time was over"),
        _ => None,
    });
    known.map_or_else(|| one_line(&innermost.to_string()), str::to_owned)
}

/// What another system says, in one line of at most 500 characters.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let line = line.chars().filter(|c| !c.is_control());
    line.take(LONGEST_LINE).collect()
}

fn builder() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails only if somebody else was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
        .user_agent(concat!("b24-bridge/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .pool_idle_timeout(Duration::from_secs(20))
}
