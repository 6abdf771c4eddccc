//! Connections and migrations.

use crate::domain::ErrorCode;
use sqlx::{
    Connection as _, PgConnection, PgPool, Row as _,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{io, str::FromStr, time::Duration};

/// A statement that runs longer than this is cut off: everything here is short.
const STATEMENT_TIMEOUT: &str = "30s";
const LOCK_TIMEOUT: &str = "10s";
const IDLE_TIMEOUT: &str = "60s";
/// How long is waited for the first answer of a server.
const LONGEST_KNOCK: Duration = Duration::from_secs(5);

/// Why the database could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database could not be reached, or refused a statement.
    #[error("the database could not do it")]
    Database(#[source] sqlx::Error),
    /// Nobody answered at the address of the database when it was opened.
    #[error("there is no answer from {place}")]
    Away {
        /// Where it was looked for: without user and password.
        place: String,
        /// What the system said.
        #[source]
        source: sqlx::Error,
    },
    /// Somebody answered at the address of the database, and the connection is not private as it
    /// was asked for, or its other side is not trusted.
    #[error("the connection to {place} cannot be secured by TLS")]
    Unsecured {
        /// Where the database was looked for: without user and password.
        place: String,
        /// What was said against it.
        #[source]
        source: sqlx::Error,
    },
    /// Somebody answered at the address of the database who is no PostgreSQL server, or the address
    /// itself cannot be used.
    #[error("what answers at {place} does not speak as PostgreSQL does")]
    Strange {
        /// Where the database was looked for: without user and password.
        place: String,
        /// What was odd.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("the database's schema could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The lane belongs to another worker by now.
    #[error("the lane belongs to another worker by now")]
    LeaseLost,
    /// A row holds what this version cannot read.
    #[error("a row of {table} holds what this version cannot read: {detail}")]
    Unreadable {
        /// The table that holds it, or what else was read.
        table: &'static str,
        /// The column, the key of the row, and what is odd.
        detail: String,
    },
    /// More rows were made than ids had been reserved for: none of them is stored.
    #[error("more rows of {table} were made than ids were reserved for")]
    NotReserved {
        /// The table that the ids were reserved for.
        table: &'static str,
    },
}

impl Error {
    /// Whether it is the fault of what was to be stored or read, so that it fails the same way for
    /// ever: wrong data, a constraint, a limit of the database, a value that cannot be decoded.
    /// Everything else passes: it is tried again.
    pub fn is_of_the_row(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(refused)) => refused.code().is_some_and(|code| {
                ["21", "22", "23", "42", "54"]
                    .iter()
                    .any(|class| code.starts_with(class))
            }),
            Self::Database(
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_),
            )
            | Self::Unreadable { .. }
            | Self::NotReserved { .. } => true,
            Self::Database(_)
            | Self::Away { .. }
            | Self::Unsecured { .. }
            | Self::Strange { .. }
            | Self::Migrate(_)
            | Self::LeaseLost => false,
        }
    }

    /// What to do about a database that could not be opened, where that is known better than the
    /// code's remedy says it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Unsecured { .. } => Some(
                "Look at `sslmode` and `sslrootcert` of the database's address: `sslmode=disable` \
                 is for a server without TLS, `sslrootcert=FILE` names the authority of its \
                 certificate, and the certificate must name the host that the address has.",
            ),
            Self::Strange { .. } => Some(
                "Look at host and port of the database's address: it must be PostgreSQL's own \
                 port (usually 5432), not a web server's or a proxy's of another kind.",
            ),
            _ if self.is(&["3D000"]) => Some(
                "Create the database (`createdb NAME`), or mend the name at the end of the \
                 database's address.",
            ),
            _ if self.is(&["28P01", "28000"]) => Some(
                "Look at the user and the password of the database's address; who may connect \
                 from where stands in the server's `pg_hba.conf`.",
            ),
            _ if self.is(&["42501"]) => Some(
                "Give the user of the database's address what is missing: it must own the database \
                 or the schema `bridge` (`ALTER DATABASE NAME OWNER TO USER`).",
            ),
            _ => None,
        }
    }

    /// Whether something with this identity was there already.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

impl Error {
    /// Whether two transactions waited for each other, and this one was ended: tried again it goes
    /// through.
    pub fn is_deadlock(&self) -> bool {
        self.is(&["40P01", "40001"])
    }

    /// Whether a lock was not to be had in time.
    pub fn is_lock_timeout(&self) -> bool {
        self.is(&["55P03"])
    }

    fn is(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(refused))
            if refused.code().is_some_and(|code| codes.contains(&code.as_ref())))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// A pool of at most `size` connections to the database at this address. Where nobody answers, it
/// is said at once: a pool goes on asking and at last tells no cause.
pub async fn connect(url: &str, size: u32) -> Result<PgPool, Error> {
    let options = PgConnectOptions::from_str(url)?;
    knock(&options).await?;
    connect_with(options, size).await
}

/// Whether anybody answers at this address. What a server that is there says against it, the pool
/// finds by itself, and waits where that passes.
async fn knock(options: &PgConnectOptions) -> Result<(), Error> {
    let opened = PgConnection::connect_with(options);
    let source = match tokio::time::timeout(LONGEST_KNOCK, opened).await {
        Ok(Ok(connection)) => return Ok(connection.close().await?),
        Ok(Err(sqlx::Error::Database(_))) => return Ok(()),
        Ok(Err(source)) => source,
        Err(_) => sqlx::Error::Io(io::ErrorKind::TimedOut.into()),
    };
    Err(not_opened(options, source))
}

/// Why the database at this address could not be opened. Only what the system says of the
/// connection means that nobody is there.
fn not_opened(options: &PgConnectOptions, source: sqlx::Error) -> Error {
    let at = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    let name = options.get_database().unwrap_or("postgres");
    let place = format!("{at}, database `{name}`");
    match source {
        sqlx::Error::Io(_) => Error::Away { place, source },
        sqlx::Error::Tls(_) => Error::Unsecured { place, source },
        _ => Error::Strange { place, source },
    }
}

/// A pool of at most `size` connections; every statement on them is bounded in time.
pub async fn connect_with(options: PgConnectOptions, size: u32) -> Result<PgPool, Error> {
    let options = options.application_name("b24-bridge").options([
        ("statement_timeout", STATEMENT_TIMEOUT),
        ("lock_timeout", LOCK_TIMEOUT),
        ("idle_in_transaction_session_timeout", IDLE_TIMEOUT),
        ("timezone", "UTC"),
        // To compile a statement takes longer than any of these runs.
        ("jit", "off"),
    ]);
    Ok(of_size(size).connect_with(options).await?)
}

/// A pool of at most `size` connections beside another, to the same database: each is opened when
/// it is first needed.
pub fn beside(pool: &PgPool, size: u32) -> PgPool {
    of_size(size).connect_lazy_with(PgConnectOptions::clone(&pool.connect_options()))
}

fn of_size(size: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(10))
        // Who is cut off in the middle of BEGIN leaves a transaction that the pool does not know
        // of: what the next one writes by itself would be answered, and never committed. In the
        // simple protocol a statement by itself begins its own transaction. It is a ping, too.
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            Box::pin(async move {
                let alone = sqlx::raw_sql("SELECT now() = statement_timestamp()");
                alone.fetch_one(connection).await?.try_get(0)
            })
        })
        .after_connect(|connection, _| {
            Box::pin(async move {
                // What was answered with 202 must still be there after a power cut, whatever the
                // database's usual setting is.
                sqlx::query!(
                    "SELECT set_config('synchronous_commit', 'on', false)
                       WHERE current_setting('synchronous_commit') = 'off'"
                )
                .fetch_optional(connection)
                .await
                .map(drop)
            })
        })
}

/// Brings the schema `bridge` up to date; safe to run from several processes at once.
pub async fn migrate(pool: &PgPool) -> Result<(), Error> {
    // A large table takes its time, and so does another process that migrates. The connection is
    // not given back.
    let mut alone = pool.acquire().await?.detach();
    sqlx::query!("SELECT set_config('statement_timeout', '0', false)")
        .fetch_one(&mut alone)
        .await?;
    sqlx::query!("SELECT set_config('idle_in_transaction_session_timeout', '0', false)")
        .fetch_one(&mut alone)
        .await?;
    migrator().run(&mut alone).await?;
    alone.close().await?;
    let (codes, (sentences, remedies)): (Vec<_>, (Vec<_>, Vec<_>)) = ErrorCode::ALL
        .iter()
        .map(|code| {
            (
                code.as_str().to_owned(),
                (code.sentence().to_owned(), code.remedy().to_owned()),
            )
        })
        .unzip();
    sqlx::query!(
        "INSERT INTO bridge.codes (code, sentence, remedy)
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[]) AS new (code, sentence, remedy)
           ORDER BY code
         ON CONFLICT (code) DO UPDATE SET sentence = excluded.sentence, remedy = excluded.remedy
         WHERE (codes.sentence, codes.remedy) IS DISTINCT
           FROM (excluded.sentence, excluded.remedy)",
        &codes,
        &sentences,
        &remedies
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The schema's version in the database, and the one that this version of the bridge needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The newest migration that was applied; none before the first.
    pub found: Option<i64>,
    /// The newest migration that this version of the bridge brings.
    pub needed: i64,
    /// How many of this version's migrations are missing or did not end well.
    pub missing: usize,
}

impl SchemaVersion {
    /// Whether this version of the bridge can work with it. A newer schema is fine: migrations only
    /// add.
    pub fn fits(&self) -> bool {
        self.missing == 0
    }
}

impl std::fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let needed = self.needed;
        match self.found {
            None => write!(
                f,
                "the database has no schema yet; this version needs {needed}"
            ),
            Some(found) if self.missing > 0 => write!(
                f,
                "the database's schema is at {found}, this version needs {needed}: {} migrations \
                 are missing",
                self.missing
            ),
            Some(found) if found > needed => {
                write!(f, "schema {found}, newer than this version's {needed}")
            }
            Some(found) => write!(f, "schema {found}"),
        }
    }
}

/// Which migrations were applied, and which are needed.
pub async fn schema_version(pool: &PgPool) -> Result<SchemaVersion, Error> {
    // Not a checked query: the table belongs to the migrator and may not be there yet.
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass('bridge._sqlx_migrations') IS NOT NULL")
            .fetch_one(pool)
            .await?;
    let applied: Vec<i64> = if there {
        sqlx::query_scalar(
            "SELECT version FROM bridge._sqlx_migrations WHERE success ORDER BY version",
        )
        .fetch_all(pool)
        .await?
    } else {
        Vec::new()
    };
    let needed: Vec<i64> = migrator()
        .iter()
        .map(|migration| migration.version)
        .collect();
    Ok(SchemaVersion {
        found: applied.last().copied(),
        needed: needed.iter().copied().max().unwrap_or_default(),
        missing: needed
            .iter()
            .filter(|version| !applied.contains(version))
            .count(),
    })
}

/// The migrations, with their own book-keeping kept inside the schema too.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!();
    migrator.dangerous_set_table_name("bridge._sqlx_migrations");
    migrator.create_schema("bridge");
    // A newer version of the bridge may have been here already, and run beside this one.
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    #[test]
    fn only_where_nobody_answers_is_there_no_answer_and_no_sentence_has_the_password() {
        let options = "postgres://anna:secret@db.example:5433/shop";
        let options = PgConnectOptions::from_str(options).unwrap();
        let at = "db.example:5433, database `shop`";
        let refused = io::ErrorKind::ConnectionRefused;
        for (source, told, remedied) in [
            (
                sqlx::Error::Io(refused.into()),
                format!("there is no answer from {at}"),
                false,
            ),
            (
                sqlx::Error::Tls("the server does not support TLS".into()),
                format!("the connection to {at} cannot be secured by TLS"),
                true,
            ),
            (
                sqlx::Error::Protocol("unexpected response".to_owned()),
                format!("what answers at {at} does not speak as PostgreSQL does"),
                true,
            ),
        ] {
            let error = not_opened(&options, source);
            assert_eq!(error.to_string(), told);
            assert_eq!(error.remedy().is_some(), remedied, "{told}");
        }
    }

    #[tokio::test]
    async fn a_web_server_in_the_databases_place_is_told_as_such() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = async {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = [0; 8];
                let _ = stream.read_exact(&mut asked).await;
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            }
        };
        let url = format!("postgres://anna@127.0.0.1:{port}/shop");
        let opened = async { connect(&url, 1).await.unwrap_err() };
        let error = tokio::select! {
            () = server => unreachable!("it goes on for ever"),
            error = opened => error,
        };
        assert!(matches!(error, Error::Strange { .. }), "{error:?}");
    }
}
