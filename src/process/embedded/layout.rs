//! The layout of the cluster: its directories, its port, and the user who owns it.

use super::{Error, file_error};
use nix::unistd::{Gid, Uid, User, chown, geteuid};
use sqlx::postgres::PgConnectOptions;
use std::{
    fs,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Only names the socket file.
pub(super) const PORT: u16 = 5432;
/// A socket's path may hold 107 bytes on Linux, 103 on macOS.
const LONGEST_SOCKET: usize = 100;

/// The user that runs the server in place of root.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunAs {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The directories of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) root: PathBuf,
    pub(super) data: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) run_as: Option<RunAs>,
}

impl Layout {
    pub(super) fn prepare(root: &Path) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(file_error(root))?;
        let root = fs::canonicalize(root).map_err(file_error(root))?;
        let data = root.join("pg");
        let run_as = run_as(&data)?;
        let mut layout = Self {
            socket: root.join("run"),
            root,
            data,
            run_as,
        };
        layout.own(&layout.root, 0o700)?;
        layout.check_way()?;
        if layout.socket.as_os_str().len() + "/.s.PGSQL.5432".len() > LONGEST_SOCKET {
            let short = BuildHasherDefault::<DefaultHasher>::default().hash_one(&layout.root);
            layout.socket = std::env::temp_dir().join(format!("b24-bridge-{short:016x}"));
        }
        fs::create_dir_all(&layout.socket).map_err(file_error(&layout.socket))?;
        layout.own(&layout.socket, 0o700)?;
        Ok(layout)
    }

    /// The version that made the cluster, if there is one.
    pub(super) fn version(&self) -> Option<u32> {
        fs::read_to_string(self.data.join("PG_VERSION"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// How to connect to a database of the cluster.
    pub(super) fn address(&self, database: &str) -> Result<(PgConnectOptions, String), Error> {
        let file = self.root.join("password");
        let password = fs::read_to_string(&file).map_err(file_error(&file))?;
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&self.socket)
            .port(PORT)
            .username("postgres")
            .password(&password)
            .database(database);
        let host = percent_encoding::utf8_percent_encode(
            &self.socket.to_string_lossy(),
            percent_encoding::NON_ALPHANUMERIC,
        )
        .to_string();
        Ok((
            options,
            format!("postgres://postgres:{password}@localhost:{PORT}/{database}?host={host}"),
        ))
    }

    pub(super) fn own(&self, path: &Path, mode: u32) -> Result<(), Error> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(file_error(path))?;
        if let Some(RunAs { uid, gid }) = self.run_as {
            chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(|error| {
                Error::File {
                    path: path.to_path_buf(),
                    source: error.into(),
                }
            })?;
        }
        Ok(())
    }

    pub(super) fn write_private(&self, path: &Path, text: &str) -> Result<(), Error> {
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(file_error(path))?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(file_error(path))?;
        self.own(path, 0o600)
    }

    /// Whether the server's user can reach its data: the home of root is closed to it.
    fn check_way(&self) -> Result<(), Error> {
        let Some(RunAs { uid, gid }) = self.run_as else {
            return Ok(());
        };
        for place in self.data.ancestors().skip(1) {
            let Ok(meta) = fs::metadata(place) else {
                continue;
            };
            let bit = if meta.uid() == uid {
                0o100
            } else if meta.gid() == gid {
                0o010
            } else {
                0o001
            };
            if meta.mode() & bit == 0 {
                return Err(Error::Unreachable(place.to_path_buf()));
            }
        }
        Ok(())
    }
}

/// Who runs the server if we are root.
fn run_as(data: &Path) -> Result<Option<RunAs>, Error> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    if let Some(owner) = fs::metadata(data).ok().filter(|meta| meta.uid() != 0) {
        return Ok(Some(RunAs {
            uid: owner.uid(),
            gid: owner.gid(),
        }));
    }
    let user = ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| User::from_name(name).ok().flatten());
    user.map(|user| {
        Some(RunAs {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        })
    })
    .ok_or_else(|| {
        Error::Start(
            "root may not run it, and there is neither a user `postgres` nor `nobody`".to_owned(),
        )
    })
}
