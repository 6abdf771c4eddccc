//! The bridge as a process.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

/// Kills its process when it goes, by SIGKILL.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command of the bridge with these settings, on this database.
pub(crate) fn command(arguments: &[&str], settings: &Path, database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_b24-bridge"));
    command
        .args(arguments)
        .arg("--config")
        .arg(settings)
        .env("DATABASE_URL", database);
    command
}

/// Starts it; nobody reads what it says.
pub(crate) fn quiet(mut command: Command) -> Running {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

/// Starts the bridge.
pub(crate) fn serve(settings: &Path, database: &str) -> Running {
    quiet(command(&["serve"], settings, database))
}
