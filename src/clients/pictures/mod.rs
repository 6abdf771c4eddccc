//! Files that a shop names by address: pictures of its products.
//!
//! Owns: which addresses are asked, redirections, bounds of size and time. Refuses: looking what is
//! in a file. An address comes from a shop's event: hosts that only this machine or this network
//! reaches are not asked unless an operator named them, whatever a name is resolved to and wherever
//! a redirection leads.

use crate::{
    clients::connections::{
        Connections, one_line,
        public_addresses::{PrivateAddress, may_be_public},
    },
    domain::LARGEST_PICTURE as LARGEST,
};
use reqwest::{StatusCode, header};
use std::time::Duration;
use url::Url;

/// How long a file may take, redirections and all.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The most redirections that are followed.
const REDIRECTIONS: usize = 3;

/// Why a file cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not one of the web, or with a password in it.
    #[error("this is no address of the web (http or https, without a password)")]
    NoAddress,
    /// Only this machine or this network reaches it.
    #[error("{0} is not a public host, and not one of `picture_hosts`")]
    Private(String),
    /// More than [`LARGEST_PICTURE`](crate::domain::LARGEST_PICTURE).
    #[error("the file is larger than 5 MiB")]
    TooLarge,
    /// The server has no such file, or does not give it.
    #[error("the server answers {0}")]
    Status(u16),
    /// From one address to the next.
    #[error("the server sends from one address to the next")]
    Redirections,
    /// No connection, or the answer broke off or took too long.
    #[error("no file came: {0}")]
    NoAnswer(String),
}

impl Error {
    /// Whether asking again is of no use.
    pub fn lasts(&self) -> bool {
        matches!(self, Self::NoAddress | Self::Private(_) | Self::TooLarge)
    }
}

/// The host of an address with its port, as far as both are written; what hosts are told apart by.
pub fn host_of(address: &str) -> String {
    address.split('/').nth(2).unwrap_or_default().to_lowercase()
}

/// Fetches files. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client(Connections);

impl Client {
    /// By these connections.
    pub fn new(connections: &Connections) -> Self {
        Self(connections.clone())
    }

    /// Fetches a file; `hosts` are asked though they are not public (`host` or `host:port`).
    pub async fn fetch(&self, address: &str, hosts: &[String]) -> Result<Vec<u8>, Error> {
        let fetched = tokio::time::timeout(TIMEOUT, follow(&self.0, address, hosts)).await;
        fetched.unwrap_or_else(|_| {
            let seconds = TIMEOUT.as_secs();
            Err(Error::NoAnswer(format!("it took longer than {seconds} s")))
        })
    }
}

async fn follow(
    connections: &Connections,
    address: &str,
    hosts: &[String],
) -> Result<Vec<u8>, Error> {
    let mut url = Url::parse(address).map_err(|_| Error::NoAddress)?;
    for _ in 0..=REDIRECTIONS {
        let request = route(connections, &url, hosts)?.get(url.clone());
        let request = request.header(header::ACCEPT, "image/*");
        let answer = request.send().await.map_err(|error| lost(error, &url))?;
        let status = answer.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            let to = answer.headers().get(header::LOCATION);
            let to = to.and_then(|to| url.join(to.to_str().ok()?).ok());
            url = to.ok_or(Error::Status(status.as_u16()))?;
            continue;
        }
        if !status.is_success() {
            return Err(Error::Status(status.as_u16()));
        }
        return read(answer, &url).await;
    }
    Err(Error::Redirections)
}

/// By what an address is reached, if it may be.
fn route<'c>(
    connections: &'c Connections,
    url: &Url,
    hosts: &[String],
) -> Result<&'c reqwest::Client, Error> {
    let is_plain = url.username().is_empty() && url.password().is_none();
    let is_web = matches!(url.scheme(), "http" | "https");
    let host = url.host_str().filter(|_| is_plain && is_web);
    let host = host.ok_or(Error::NoAddress)?;
    let with_port = url.port().map(|port| format!("{host}:{port}"));
    let is_named = |named: &String| named == host || Some(named) == with_port.as_ref();
    if hosts.iter().any(is_named) {
        return Ok(connections.any());
    }
    if may_be_public(url) {
        return Ok(connections.public());
    }
    Err(Error::Private(host.to_owned()))
}

async fn read(mut answer: reqwest::Response, url: &Url) -> Result<Vec<u8>, Error> {
    let most = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    if answer.content_length().is_some_and(|length| length > most) {
        return Err(Error::TooLarge);
    }
    let mut file = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| lost(error, url))? {
        if file.len() + chunk.len() > LARGEST {
            return Err(Error::TooLarge);
        }
        file.extend_from_slice(&chunk);
    }
    Ok(file)
}

fn lost(error: reqwest::Error, url: &Url) -> Error {
    let error = error.without_url();
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    let mut words = String::new();
    while let Some(one) = cause {
        if one.is::<PrivateAddress>() {
            return Error::Private(url.host_str().unwrap_or_default().to_owned());
        }
        words = one.to_string();
        cause = one.source();
    }
    Error::NoAnswer(one_line(&words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(address: &str, hosts: &[&str]) -> Result<(), Error> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let url = Url::parse(address).map_err(|_| Error::NoAddress)?;
        route(&Connections::new().unwrap(), &url, &hosts).map(|_| ())
    }

    #[test]
    fn only_the_web_is_asked_and_no_private_host_that_nobody_named() {
        for address in ["https://shop.example.com/a.jpg", "http://8.8.8.8/a.jpg"] {
            assert_eq!(allowed(address, &[]), Ok(()), "{address}");
        }
        for address in [
            "ftp://shop.example.com/a.jpg",
            "file:///etc/passwd",
            "data:image/png;base64,AAAA",
            "https://user:secret@shop.example.com/a.jpg",
            "a.jpg",
        ] {
            assert_eq!(allowed(address, &[]), Err(Error::NoAddress), "{address}");
        }
        for host in [
            "127.0.0.1",
            "10.1.2.3",
            "169.254.169.254",
            "[::1]",
            "localhost",
            "0x7f.1",
        ] {
            let refused = allowed(&format!("http://{host}/a.jpg"), &["10.1.2.4"]);
            assert!(
                matches!(refused, Err(Error::Private(_))),
                "{host}: {refused:?}"
            );
        }
    }

    #[test]
    fn a_named_host_is_asked_at_its_port_or_at_all() {
        let address = "http://10.1.2.3:8080/a.jpg";
        assert_eq!(allowed(address, &["10.1.2.3"]), Ok(()));
        assert_eq!(allowed(address, &["10.1.2.3:8080"]), Ok(()));
        assert!(allowed(address, &["10.1.2.3:80"]).is_err());
        // The name of a host says nothing of other ports' passwords.
        assert_eq!(
            allowed("ftp://10.1.2.3/a.jpg", &["10.1.2.3"]),
            Err(Error::NoAddress)
        );
    }

    #[tokio::test]
    async fn a_name_that_stands_for_a_private_address_is_told_as_private() {
        // Public as far as the name tells; this machine knows no such host or a private one.
        let connections = Connections::new().unwrap();
        let client = route(&connections, &"http://8.8.8.8/".parse().unwrap(), &[]).unwrap();
        let url: Url = "http://localhost:9/a.jpg".parse().unwrap();
        let error = client.get(url.clone()).send().await.unwrap_err();
        assert_eq!(lost(error, &url), Error::Private("localhost".to_owned()));
    }
}
