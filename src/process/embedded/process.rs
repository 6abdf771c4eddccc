//! The server as a child: started, watched, stopped.

use super::{
    Error,
    binaries::Binaries,
    file_error,
    layout::{Layout, PORT, RunAs},
};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

/// The server, kept alive by a thread of its own. The thread lives as long as the process: the
/// kernel ends the server with the thread that started it.
#[derive(Debug)]
pub(super) struct Server {
    stopping: Arc<AtomicBool>,
    done: tokio::sync::oneshot::Receiver<()>,
}

/// A command as the server's user, without the environment of other PostgreSQL tools. It gets
/// `signal` when our thread ends.
pub(super) fn command(program: &Path, layout: &Layout, signal: &str) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    let mut command = if setpriv.is_file() {
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", signal]);
        if let Some(RunAs { uid, gid }) = layout.run_as {
            command.args([
                format!("--reuid={uid}"),
                format!("--regid={gid}"),
                "--clear-groups".to_owned(),
            ]);
        }
        command.arg("--").arg(program);
        command
    } else {
        let mut command = Command::new(program);
        if let Some(RunAs { uid, gid }) = layout.run_as {
            command.uid(uid).gid(gid);
        }
        command
    };
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command
        .env_remove("LC_ALL")
        .env("LC_MESSAGES", "C")
        .current_dir(&layout.root)
        .stdin(Stdio::null());
    command
}

impl Server {
    /// Starts the server and waits until it is ready.
    pub(super) async fn start(
        layout: &Layout,
        binaries: &Binaries,
        durable: bool,
    ) -> Result<Self, Error> {
        let stopping = Arc::new(AtomicBool::new(false));
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let (end, done) = tokio::sync::oneshot::channel();
        let (layout, binaries, told) = (layout.clone(), binaries.clone(), Arc::clone(&stopping));
        std::thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || {
                match run(&layout, &binaries, durable) {
                    Ok(child) => {
                        let _ = ready.send(Ok(()));
                        watch(child, &layout, &binaries, durable, &told);
                    }
                    Err(error) => drop(ready.send(Err(error))),
                }
                let _ = end.send(());
            })
            .map_err(|error| Error::Start(error.to_string()))?;
        is_ready
            .await
            .map_err(|_| Error::Start("its thread ended".to_owned()))??;
        Ok(Self { stopping, done })
    }

    /// Stops the server and waits for its end.
    pub(super) async fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = self.done.await;
    }
}

/// Starts it again when it dies, until told to stop it.
fn watch(
    mut child: Child,
    layout: &Layout,
    binaries: &Binaries,
    durable: bool,
    stopping: &AtomicBool,
) {
    // Nothing is ever sent: waiting on it is a sleep.
    let (_keep, pause) = mpsc::channel::<()>();
    loop {
        if stopping.load(Ordering::SeqCst) {
            end(&mut child);
            return;
        }
        if let Ok(Some(status)) = child.try_wait() {
            tracing::error!(%status, "PostgreSQL ended by itself: it is started again");
            let _ = pause.recv_timeout(Duration::from_secs(1));
            match run(layout, binaries, durable) {
                Ok(again) => child = again,
                Err(error) => tracing::error!(%error, "PostgreSQL does not start"),
            }
        }
        let _ = pause.recv_timeout(Duration::from_millis(50));
    }
}

/// A fast shutdown; after half a minute an immediate one.
fn end(child: &mut Child) {
    let Ok(pid) = i32::try_from(child.id()).map(Pid::from_raw) else {
        return;
    };
    let _ = kill(pid, Signal::SIGINT);
    let until = Instant::now() + Duration::from_secs(30);
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() > until {
            let _ = kill(pid, Signal::SIGQUIT);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn run(layout: &Layout, binaries: &Binaries, durable: bool) -> Result<Child, Error> {
    clear_the_way(layout)?;
    let until = Instant::now() + Duration::from_mins(1);
    let mut child = spawn(layout, binaries, durable)?;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            let said = log_tail(layout);
            // Backends of a killed server need a moment to notice and leave.
            if !said.contains("pre-existing shared memory block") || Instant::now() > until {
                return Err(Error::Start(format!("{status}\n{said}")));
            }
            std::thread::sleep(Duration::from_millis(500));
            child = spawn(layout, binaries, durable)?;
        }
        if is_ready(layout, child.id()) {
            return Ok(child);
        }
        if Instant::now() > until {
            end(&mut child);
            return Err(Error::Start(format!(
                "it is not ready after a minute\n{}",
                log_tail(layout)
            )));
        }
        std::thread::sleep(Duration::from_millis(15));
    }
}

fn spawn(layout: &Layout, binaries: &Binaries, durable: bool) -> Result<Child, Error> {
    let log_path = layout.root.join("postgres.log");
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log_path)
        .map_err(file_error(&log_path))?;
    let errors = log.try_clone().map_err(file_error(&log_path))?;
    let mut postgres = command(&binaries.directory.join("postgres"), layout, "INT");
    postgres
        .arg("-D")
        .arg(&layout.data)
        .arg("-k")
        .arg(&layout.socket)
        .args([
            "-p",
            &PORT.to_string(),
            "-c",
            "listen_addresses=",
            "-c",
            "unix_socket_permissions=0700",
        ])
        .args(["-c", "max_connections=60", "-c", "log_line_prefix=%m [%p] "])
        .stdout(log)
        .stderr(errors)
        // Ctrl-C must reach the bridge first, not the database under it.
        .process_group(0);
    if cfg!(target_os = "linux") {
        postgres.args(["-c", "recovery_init_sync_method=syncfs"]);
    }
    if !durable {
        postgres.args(["-c", "fsync=off"]);
    }
    postgres.spawn().map_err(file_error(&binaries.directory))
}

/// Ends a server that outlived its owner, and disarms what a dead one left.
fn clear_the_way(layout: &Layout) -> Result<(), Error> {
    let file = layout.data.join("postmaster.pid");
    if let Some(pid) = fs::read_to_string(&file)
        .ok()
        .and_then(|text| text.lines().next()?.trim().parse::<i32>().ok())
    {
        if is_ours(pid, layout) {
            tracing::warn!(pid, "a PostgreSQL outlived its last owner: it is stopped");
            let until = Instant::now() + Duration::from_secs(20);
            let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
            while is_ours(pid, layout) {
                if Instant::now() > until {
                    let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        } else if kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH) {
            // The number belongs to somebody else now, and the server would take that for itself.
            // Our own number it ignores, being its parent's, and still looks for old backends.
            let text = fs::read_to_string(&file).unwrap_or_default();
            let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
            fs::write(&file, format!("{}\n{rest}", std::process::id()))
                .map_err(file_error(&file))?;
        }
    }
    for name in [format!(".s.PGSQL.{PORT}.lock"), format!(".s.PGSQL.{PORT}")] {
        let _ = fs::remove_file(layout.socket.join(name));
    }
    Ok(())
}

/// Whether that process is a server of this cluster: numbers are used again.
fn is_ours(pid: i32, layout: &Layout) -> bool {
    if kill(Pid::from_raw(pid), None).is_err() {
        return false;
    }
    match fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(cwd) => cwd == layout.data,
        Err(_) => !cfg!(target_os = "linux"),
    }
}

/// The eighth line of the server's file says so.
fn is_ready(layout: &Layout, pid: u32) -> bool {
    fs::read_to_string(layout.data.join("postmaster.pid")).is_ok_and(|text| {
        let mut lines = text.lines().map(str::trim);
        lines.next() == Some(&pid.to_string()) && lines.nth(6) == Some("ready")
    })
}

fn log_tail(layout: &Layout) -> String {
    let text = fs::read_to_string(layout.root.join("postgres.log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
