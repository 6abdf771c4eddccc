//! A PostgreSQL of one test alone, that the test may stop and start.

use super::database::{address, binaries, make, server, until_ready};
use b24_bridge::storage;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool};
use std::{
    fs,
    path::PathBuf,
    process::ExitStatus,
    sync::{Mutex, mpsc},
};

/// A cluster with one migrated database; both go with this value.
pub(crate) struct Cluster {
    /// Connections to the database, as the bridge makes them.
    pub(crate) pool: PgPool,
    /// Its address, for other processes.
    pub(crate) url: String,
    data: PathBuf,
    root: PathBuf,
    start: mpsc::Sender<()>,
    ended: Mutex<mpsc::Receiver<ExitStatus>>,
}

impl Cluster {
    /// A running one. The parent-death signal goes by thread, so one thread starts the server each
    /// time.
    pub(crate) async fn start(name: &str) -> Self {
        // Named by process, so that it is removed with the others when this process is gone.
        let root = std::env::temp_dir().join(format!("b24-it-{}-{name}", std::process::id()));
        let bin = binaries();
        let data = make(&bin, &root);
        let (start, wait) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let place = (bin, root.clone(), data.clone());
        std::thread::spawn(move || {
            let (bin, root, data) = place;
            while wait.recv().is_ok() {
                let status = server(&bin, &root, &data).spawn().unwrap().wait().unwrap();
                let _ = end.send(status);
            }
        });
        start.send(()).unwrap();
        until_ready(&root, &data);
        let mut admin = PgConnection::connect(&address(&root, "postgres"))
            .await
            .unwrap();
        admin.execute("CREATE DATABASE bridge").await.unwrap();
        let url = address(&root, "bridge");
        let pool = storage::connect(&url, 8).await.unwrap();
        storage::migrate(&pool).await.unwrap();
        Self {
            pool,
            url,
            data,
            root,
            start,
            ended: Mutex::new(ended),
        }
    }

    /// Ends it in the middle of everything, as a crash does, and starts it again.
    pub(crate) fn crash_and_start(&self) {
        self.crash();
        self.start.send(()).unwrap();
        until_ready(&self.root, &self.data);
    }

    fn crash(&self) {
        let pid = fs::read_to_string(self.data.join("postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().parse().unwrap();
        kill(Pid::from_raw(pid), Signal::SIGQUIT).unwrap();
        self.ended.lock().unwrap().recv().unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.crash();
        let _ = fs::remove_dir_all(&self.root);
    }
}
