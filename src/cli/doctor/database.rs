//! The database: its version, its schema, its settings, its clock and its disk.

use super::report::Report;
use crate::{
    app::App,
    cli::setup::bootstrap::Database,
    domain::ErrorCode,
    storage::{SchemaVersion, Settings},
};

/// The oldest server that is supported.
const OLDEST: i32 = 140_000;
/// Clocks may differ by this much, in seconds.
pub(super) const CLOCKS: f64 = 5.0;
/// Less free disk than this is a fault, in bytes.
const LEAST_DISK: u64 = 1024 * 1024 * 1024;

/// Returns whether the bridge's tables can be asked.
pub(super) async fn check(app: &App, database: &Database, report: &mut Report) -> bool {
    let settings = match app.operations.database_settings().await {
        Ok(settings) => settings,
        Err(error) => {
            report.wrong("database", error.to_string(), ErrorCode::Database);
            return false;
        }
    };
    server(&settings, report);
    durability(&settings, report);
    connections(&settings, app, report);
    clock(&settings, report);
    disk(&settings, database, report);
    match app.operations.schema_version().await {
        Ok(version) => schema(version, report),
        Err(error) => {
            report.wrong("schema", error.to_string(), ErrorCode::Database);
            false
        }
    }
}

fn schema(version: SchemaVersion, report: &mut Report) -> bool {
    if version.fits() {
        report.fine("schema", version.to_string());
        return true;
    }
    if version.found.is_none() {
        let steps =
            vec!["`b24-bridge migrate` or the first `b24-bridge serve` makes it".to_owned()];
        report.note("schema", version.to_string(), steps);
    } else {
        let remedy = "Run `b24-bridge migrate`, or start this version: it migrates by itself.";
        report.wrong_with("schema", version.to_string(), ErrorCode::Database, remedy);
    }
    false
}

fn server(settings: &Settings, report: &mut Report) {
    let found = format!("PostgreSQL {}", settings.version);
    if settings.version_number < OLDEST {
        let remedy = "Use PostgreSQL 14 or newer.";
        report.wrong_with("database", found, ErrorCode::Database, remedy);
    } else if settings.in_recovery {
        let found = format!("{found}, a standby: it cannot be written");
        let remedy = "Let `DATABASE_URL` name the primary.";
        report.wrong_with("database", found, ErrorCode::Database, remedy);
    } else if settings.encoding != "UTF8" {
        let found = format!("{found}, encoding {}", settings.encoding);
        let remedy = "Use a database with the encoding UTF8: names are in any script.";
        report.wrong_with("database", found, ErrorCode::Database, remedy);
    } else {
        report.fine("database", found);
    }
}

fn durability(settings: &Settings, report: &mut Report) {
    let off: Vec<&str> = [
        ("fsync", settings.fsync != "on"),
        ("synchronous_commit", settings.synchronous_commit == "off"),
        ("full_page_writes", settings.full_page_writes != "on"),
    ]
    .into_iter()
    .filter_map(|(name, off)| off.then_some(name))
    .collect();
    if off.is_empty() {
        let found = format!(
            "fsync {}, synchronous_commit {}, full_page_writes {}",
            settings.fsync, settings.synchronous_commit, settings.full_page_writes
        );
        report.fine("durable commits", found);
    } else {
        let names = off.join(", ");
        let found = format!("{names} off: an accepted event may be lost with the power");
        let remedy = format!("Set {names} = on in postgresql.conf and reload.");
        report.wrong_with("durable commits", found, ErrorCode::Database, &remedy);
    }
    if settings.autovacuum == "on" {
        report.fine("autovacuum", "on");
    } else {
        let found = "off: settled events would slow the queue down more and more";
        let remedy = "Set autovacuum = on in postgresql.conf and reload.";
        report.wrong_with("autovacuum", found, ErrorCode::Database, remedy);
    }
}

fn connections(settings: &Settings, app: &App, report: &mut Report) {
    let ours = i64::from(app.operations.connections());
    let free = settings.max_connections - settings.reserved_connections - settings.used_connections;
    let found = format!(
        "{ours} for each process of the bridge; the server takes {}, of which {} are in use",
        settings.max_connections, settings.used_connections
    );
    if free < ours {
        let remedy = "Raise max_connections of PostgreSQL, or lower `[database] max_connections`: \
                      processes times connections must fit.";
        report.wrong_with("connections", found, ErrorCode::Database, remedy);
    } else {
        report.fine("connections", found);
    }
}

fn clock(settings: &Settings, report: &mut Report) {
    let off = settings.clock_offset_seconds;
    if off.abs() > CLOCKS {
        let found = format!("the database's clock is {off:+.0} s away from this machine's");
        let remedy = "Keep both clocks right by NTP.";
        report.wrong_with("clock of the database", found, ErrorCode::Database, remedy);
    } else {
        report.fine("clock of the database", format!("{off:+.1} s"));
    }
}

fn disk(settings: &Settings, database: &Database, report: &mut Report) {
    let size = size(u64::try_from(settings.size_bytes).unwrap_or_default());
    let place = settings.data_directory.as_deref().map(std::path::Path::new);
    let local = place.filter(|place| database.is_local() && place.is_dir());
    let free = local.and_then(|place| nix::sys::statvfs::statvfs(place).ok());
    let Some(free) = free else {
        let found =
            format!("the database has {size}; the server's free disk cannot be seen from here");
        return report.fine("disk", found);
    };
    let free = wide(free.blocks_available()).saturating_mul(wide(free.fragment_size()));
    let found = format!("the database has {size}, {} are free", self::size(free));
    if free < LEAST_DISK {
        let remedy = "Free disk space: PostgreSQL stops when it has none, and shops get 503.";
        report.wrong_with("disk", found, ErrorCode::Database, remedy);
    } else {
        report.fine("disk", found);
    }
}

/// The system's own integers differ by system.
fn wide(count: impl Into<u64>) -> u64 {
    count.into()
}

/// A size for people: in MiB, and from 10 GiB on in GiB.
fn size(bytes: u64) -> String {
    let mebibytes = bytes / (1024 * 1024);
    if mebibytes < 10 * 1024 {
        format!("{mebibytes} MiB")
    } else {
        format!("{} GiB", mebibytes / 1024)
    }
}
