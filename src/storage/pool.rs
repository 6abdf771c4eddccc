//! Connections and migrations.

use crate::domain::Code;
use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{str::FromStr, time::Duration};

/// A statement that runs longer than this is cut off: everything here is short.
const STATEMENT_TIMEOUT: &str = "30s";
const LOCK_TIMEOUT: &str = "10s";
const IDLE_TIMEOUT: &str = "60s";

/// Why the database could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database could not be reached, or refused a statement.
    #[error("the database could not do it")]
    Database(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database's schema could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The lane belongs to another worker by now.
    #[error("the lane belongs to another worker by now")]
    LeaseLost,
    /// A row holds what this version cannot read.
    #[error("a row of {table} holds what this version cannot read: {detail}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// What is odd.
        detail: String,
    },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// A pool of at most `size` connections to the database at this address.
pub async fn connect(url: &str, size: u32) -> Result<PgPool, Error> {
    connect_with(PgConnectOptions::from_str(url)?, size).await
}

/// A pool of at most `size` connections; every statement on them is bounded in time.
pub async fn connect_with(options: PgConnectOptions, size: u32) -> Result<PgPool, Error> {
    let options = options.application_name("b24-bridge").options([
        ("statement_timeout", STATEMENT_TIMEOUT),
        ("lock_timeout", LOCK_TIMEOUT),
        ("idle_in_transaction_session_timeout", IDLE_TIMEOUT),
        ("timezone", "UTC"),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(10))
        .after_connect(|connection, _| {
            Box::pin(async move {
                // What was answered with 202 must still be there after a power cut, whatever the database's usual setting is.
                sqlx::query!(
                    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
                )
                .fetch_optional(connection)
                .await
                .map(drop)
            })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Brings the schema `bridge` up to date; safe to run from several processes at once.
pub async fn migrate(pool: &PgPool) -> Result<(), Error> {
    migrator().run(pool).await?;
    let (codes, (sentences, remedies)): (Vec<_>, (Vec<_>, Vec<_>)) = Code::ALL
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
         SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[]) AS new (code, sentence, remedy) ORDER BY code
         ON CONFLICT (code) DO UPDATE SET sentence = excluded.sentence, remedy = excluded.remedy
         WHERE (codes.sentence, codes.remedy) IS DISTINCT FROM (excluded.sentence, excluded.remedy)",
        &codes,
        &sentences,
        &remedies
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The migrations, with their own book-keeping kept inside the schema too.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!();
    migrator.dangerous_set_table_name("bridge._sqlx_migrations");
    migrator.create_schema("bridge");
    migrator
}
