//! A database for each test, on a throw-away cluster that this process starts and that dies with
//! it.

use b24_bridge::storage;
use sqlx::{Connection, Executor, PgConnection, PgPool, postgres::PgConnectOptions};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

static CLUSTER: OnceLock<PathBuf> = OnceLock::new();
static TEMPLATE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);
/// Whether this process's cluster survives a power cut, as a real one does; tests need not wait for
/// the disk.
pub(crate) static DURABLE: AtomicBool = AtomicBool::new(false);

/// A database of one test; it is left to the cluster's end.
pub(crate) struct Database {
    /// Connections to it, as the bridge makes them.
    pub(crate) pool: PgPool,
    /// Its address, for other processes.
    pub(crate) url: String,
}

impl Database {
    /// A migrated database nobody else uses.
    pub(crate) async fn new() -> Self {
        let socket = tokio::task::spawn_blocking(|| CLUSTER.get_or_init(start).clone())
            .await
            .unwrap();
        let base = PgConnectOptions::new_without_pgpass()
            .socket(&socket)
            .username("postgres");
        TEMPLATE.get_or_init(|| template(base.clone())).await;
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect_with(&base.clone().database("postgres"))
            .await
            .unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE template_bridge");
        admin.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
        let options = base.database(&name);
        let pool = storage::connect_with(options, 8).await.unwrap();
        let url = address(&socket, &name);
        Self { pool, url }
    }
}

/// Where other processes find a database.
pub(crate) fn address(socket: &Path, name: &str) -> String {
    let host = percent_encoding::utf8_percent_encode(
        &socket.to_string_lossy(),
        percent_encoding::NON_ALPHANUMERIC,
    )
    .to_string();
    format!("postgres://postgres@localhost/{name}?host={host}")
}

async fn template(base: PgConnectOptions) {
    let mut admin = PgConnection::connect_with(&base.clone().database("postgres"))
        .await
        .unwrap();
    admin
        .execute("CREATE DATABASE template_bridge")
        .await
        .unwrap();
    let pool = storage::connect_with(base.database("template_bridge"), 1)
        .await
        .unwrap();
    storage::migrate(&pool).await.unwrap();
    pool.close().await;
}

/// Starts a cluster of this process; returns its socket's directory.
fn start() -> PathBuf {
    // Kept short: a socket's path has at most 107 bytes. Named by process, so that several test
    // runs do not meet.
    let root = std::env::temp_dir().join(format!("b24-it-{}", std::process::id()));
    sweep(&std::env::temp_dir());
    let bin = binaries();
    let data = make(&bin, &root);
    serve(&bin, &root, &data);
    root
}

/// Makes a cluster in this directory; returns where its data is.
pub(crate) fn make(bin: &Path, root: &Path) -> PathBuf {
    std::fs::create_dir_all(root).unwrap();
    if nix::unistd::geteuid().is_root() {
        let user = stand_in();
        nix::unistd::chown(root, Some(user.uid), Some(user.gid)).unwrap();
    }
    let data = root.join("data");
    let done = as_postgres(&bin.join("initdb"))
        .current_dir(root)
        .args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "-D",
        ])
        .arg(&data)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    data
}

/// Removes what earlier processes left: their servers are dead, as they are.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name
            .strip_prefix("b24-it-")
            .and_then(|rest| rest.split('-').next()?.parse().ok());
        let Some(pid) = pid.map(nix::unistd::Pid::from_raw) else {
            continue;
        };
        let gone = nix::sys::signal::kill(pid, None) == Err(nix::errno::Errno::ESRCH);
        if gone || name == format!("b24-it-{}", nix::unistd::getpid()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Runs the server from a thread that never ends before the process: the parent-death signal goes
/// by thread.
fn serve(bin: &Path, root: &Path, data: &Path) {
    let (started, wait) = mpsc::channel();
    let mut server = server(bin, root, data);
    std::thread::spawn(move || {
        let child = server.spawn();
        started.send(child.is_ok()).unwrap();
        let _child = child;
        loop {
            std::thread::park();
        }
    });
    assert!(wait.recv().unwrap(), "postgres could not be started");
    until_ready(root, data);
}

/// The command that runs a cluster.
pub(crate) fn server(bin: &Path, root: &Path, data: &Path) -> Command {
    let mut server = as_postgres(&bin.join("postgres"));
    server
        .current_dir(root)
        .arg("-D")
        .arg(data)
        .arg("-k")
        .arg(root)
        .args(["-c", "listen_addresses=", "-c", "max_connections=400"])
        .args(if DURABLE.load(Ordering::Relaxed) {
            ["-c", "max_wal_size=3GB", "-c", "shared_buffers=1GB"]
        } else {
            ["-c", "fsync=off", "-c", "full_page_writes=off"]
        })
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(root.join("log")).unwrap());
    server
}

/// Waits until a cluster takes connections.
pub(crate) fn until_ready(root: &Path, data: &Path) {
    let until = Instant::now() + Duration::from_mins(1);
    while !std::fs::read_to_string(data.join("postmaster.pid"))
        .is_ok_and(|pid| pid.contains("ready"))
    {
        assert!(
            Instant::now() < until,
            "postgres: {}",
            std::fs::read_to_string(root.join("log")).unwrap()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A command that dies with this process, and as root runs as the user `postgres`.
fn as_postgres(program: &Path) -> Command {
    if !cfg!(target_os = "linux") {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if nix::unistd::geteuid().is_root() {
        let user = stand_in();
        let (uid, gid) = (user.uid, user.gid);
        command.args([format!("--reuid={uid}"), format!("--regid={gid}")]);
        command.arg("--clear-groups");
    }
    command.arg(program);
    command
}

/// Where `initdb` and `postgres` are; fetched once if the machine has none.
pub(crate) fn binaries() -> PathBuf {
    let fetched = std::env::temp_dir().join("b24-bridge-test-postgres");
    b24_bridge::process::embedded::programs(&fetched, b24_bridge::process::embedded::Install::Ask)
        .unwrap()
}

/// Who runs the server in place of root.
fn stand_in() -> nix::unistd::User {
    let find = |name| nix::unistd::User::from_name(name).unwrap();
    find("postgres")
        .or_else(|| find("nobody"))
        .expect("neither `postgres` nor `nobody`")
}
