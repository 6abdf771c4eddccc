//! A PostgreSQL of our own, for those who brought none: made, started, watched and stopped by the
//! bridge itself.
//!
//! It listens on a Unix socket only, in a directory that nobody else may enter, with a random
//! password. One process owns the cluster, told by a lock on a file; any other process on the same
//! directory is a client of it. A cluster is made under a fresh name and renamed, so that it exists
//! whole or not at all. Where `setpriv` is at hand the server ends with the process that started
//! it, even if that is killed; elsewhere the next start ends the orphan first.
//!
//! As root the server runs as the owner of its data, else as `postgres`, else as `nobody`:
//! PostgreSQL refuses root.

mod binaries;
mod cluster;
mod layout;
mod process;

pub use binaries::Install;

use layout::Layout;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The name of the bridge's database.
const DATABASE: &str = "bridge";

/// How the server is started.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether a commit waits for the disk. Off only for tests.
    pub durable: bool,
    /// What may be installed if there are no PostgreSQL binaries.
    pub install: Install,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durable: true,
            install: Install::Ask,
        }
    }
}

/// The cluster cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or directory.
    #[error("use {}", .path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No binaries, or not of the version that made the cluster.
    #[error("{0}")]
    Binaries(String),
    /// `initdb` failed, with its words.
    #[error("make a database cluster: {0}")]
    Initdb(String),
    /// The server does not come up.
    #[error("start PostgreSQL: {0}")]
    Start(String),
    /// The server does not answer as it should.
    #[error("prepare the database")]
    Database(#[from] sqlx::Error),
    /// The user that must own the cluster cannot enter the directory.
    #[error("the user that runs PostgreSQL cannot enter {}: choose another directory with \
             BRIDGE_DATA_DIR", .0.display())]
    Unreachable(PathBuf),
}

pub(crate) fn file_error(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
    move |source| Error::File {
        path: path.to_path_buf(),
        source,
    }
}

/// A running cluster, owned or shared.
#[derive(Debug)]
pub struct Embedded {
    server: Option<process::Server>,
    _lock: Option<fs::File>,
    connect: PgConnectOptions,
    url: String,
}

impl Embedded {
    /// Starts the cluster in this directory, or attaches to the one that another process runs
    /// there.
    pub async fn start(directory: &Path, options: Options) -> Result<Self, Error> {
        let layout = Layout::prepare(directory)?;
        let lock_path = layout.root.join("lock");
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(file_error(&lock_path))?;
        let until = Instant::now() + Duration::from_secs(90);
        // The owner may still be making the cluster, or may just have been killed: both are tried
        // in turn.
        while lock.try_lock().is_err() {
            if let Some(shared) = Self::attach(&layout).await {
                return Ok(shared);
            }
            if Instant::now() > until {
                return Err(Error::Start(format!(
                    "another process holds {} but its database does not answer",
                    lock_path.display()
                )));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let binaries = binaries::ensure(&layout, layout.version(), options.install)?;
        layout.make_cluster(&binaries)?;
        let server = process::Server::start(&layout, &binaries, options.durable).await?;
        let (connect, url) = layout.address(DATABASE)?;
        create_database(&layout).await?;
        Ok(Self {
            server: Some(server),
            _lock: Some(lock),
            connect,
            url,
        })
    }

    async fn attach(layout: &Layout) -> Option<Self> {
        let (connect, url) = layout.address(DATABASE).ok()?;
        let probe = PgConnection::connect_with(&connect).await.ok()?;
        let _ = probe.close().await;
        Some(Self {
            server: None,
            _lock: None,
            connect,
            url,
        })
    }

    /// The socket, role and database to connect to.
    pub fn connect_options(&self) -> PgConnectOptions {
        self.connect.clone()
    }

    /// The same as an address, for other programs on this machine. Holds the password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops the server, if this process runs it.
    pub async fn stop(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}

async fn create_database(layout: &Layout) -> Result<(), Error> {
    let (connect, _) = layout.address("postgres")?;
    let mut db = PgConnection::connect_with(&connect).await?;
    let there = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(DATABASE)
        .fetch_optional(&mut db)
        .await?;
    if there.is_none() {
        sqlx::raw_sql("CREATE DATABASE bridge")
            .execute(&mut db)
            .await?;
    }
    db.close().await?;
    Ok(())
}

/// Where PostgreSQL's programs are, for those who run a server of their own; fetched into
/// `directory` if there are none.
pub fn programs(directory: &Path, install: Install) -> Result<PathBuf, Error> {
    let layout = Layout::prepare(directory)?;
    Ok(binaries::ensure(&layout, None, install)?.directory)
}
