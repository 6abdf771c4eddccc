//! Making a cluster.

use super::{Error, binaries::Binaries, file_error, layout::Layout, process};
use rand::RngExt as _;
use std::fs;

impl Layout {
    /// Makes the cluster if there is none: under a fresh name, since a killed run's `initdb` may
    /// still empty the one it was given.
    pub(super) fn make_cluster(&self, binaries: &Binaries) -> Result<(), Error> {
        if self.version().is_some() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.root)
            .map_err(file_error(&self.root))?
            .flatten()
        {
            if entry.file_name().to_string_lossy().starts_with("pg.new") {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let mut rng = rand::rng();
        let fresh = self
            .root
            .join(format!("pg.new.{:08x}", rng.random::<u32>()));
        let password: String = (&mut rng)
            .sample_iter(rand::distr::Alphanumeric)
            .take(32)
            .map(char::from)
            .collect();
        let password_file = self.root.join("password");
        self.write_private(&password_file, &password)?;
        fs::create_dir_all(&fresh).map_err(file_error(&fresh))?;
        self.own(&fresh, 0o700)?;
        let mut initdb = process::command(&binaries.directory.join("initdb"), self, "KILL");
        initdb
            .arg("-D")
            .arg(&fresh)
            .args([
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "-A",
                "scram-sha-256",
                "--pwfile",
            ])
            .arg(&password_file);
        if binaries.major >= 17 {
            initdb.args([
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
            ]);
        } else {
            initdb.arg("--locale=C.UTF-8");
        }
        let out = initdb.output().map_err(file_error(&binaries.directory))?;
        if !out.status.success() {
            let said = [out.stdout, out.stderr].concat();
            return Err(Error::Initdb(
                String::from_utf8_lossy(&said).trim().to_owned(),
            ));
        }
        fs::rename(&fresh, &self.data).map_err(file_error(&self.data))
    }
}
