//! Finding PostgreSQL's programs, or getting them.

use super::{Error, file_error, layout::Layout};
use std::{
    collections::HashSet,
    env, fs,
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The oldest version that will do.
const OLDEST: u32 = 14;
/// Binaries as an npm package, pinned.
const PACKAGE_VERSION: &str = "18.4.0-beta.17";

/// What may be installed if there are no PostgreSQL binaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Install {
    /// What does not touch the system by itself; the system's package after asking.
    Ask,
    /// The system's package without asking.
    Yes,
}

/// PostgreSQL's programs of one version.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    pub(super) directory: PathBuf,
    pub(super) major: u32,
}

/// The binaries to use; `wanted` is the version that made the cluster.
pub(super) fn ensure(
    layout: &Layout,
    wanted: Option<u32>,
    install: Install,
) -> Result<Binaries, Error> {
    let places = places(&layout.root);
    let found = find(&places);
    if let Some(binaries) = choose(&found, wanted) {
        return Ok(binaries);
    }
    let have: Vec<u32> = found.iter().map(|binaries| binaries.major).collect();
    if let Some(wanted) = wanted {
        return Err(Error::Binaries(format!(
            "the database was made by PostgreSQL {wanted}, and installed here is {have:?}: install \
             version {wanted}, or set PG_BIN to its programs"
        )));
    }
    if (fetch_by_npm(&places)? || install_package(install)?)
        && let Some(binaries) = choose(&find(&places), wanted)
    {
        return Ok(binaries);
    }
    Err(Error::Binaries(
        "there is no PostgreSQL here: install it (Debian: `apt-get install postgresql`, macOS: \
         `brew install postgresql`), or install npm so that binaries can be fetched, or set PG_BIN \
         to a directory with its programs, or DATABASE_URL to a running server"
            .to_owned(),
    ))
}

/// Where fetched binaries lie, the best place first: one for all clusters of the machine (of a user
/// who is not root, for the user's), else beside the data.
fn places(root: &Path) -> Vec<PathBuf> {
    let cache = if nix::unistd::geteuid().is_root() {
        Some(PathBuf::from("/var/cache"))
    } else {
        let named = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cache"));
        named.or_else(home).filter(|cache| cache.is_absolute())
    };
    let shared = |cache: PathBuf| {
        let folder = format!("postgres-{PACKAGE_VERSION}");
        cache.join("b24-bridge").join(folder)
    };
    let beside = root.join("postgres-binaries");
    cache.map(shared).into_iter().chain([beside]).collect()
}

fn choose(found: &[Binaries], wanted: Option<u32>) -> Option<Binaries> {
    found
        .iter()
        .find(|binaries| {
            binaries.major >= OLDEST && wanted.is_none_or(|major| major == binaries.major)
        })
        .cloned()
}

/// Everything installed, newest first; `PG_BIN` alone where it is set.
#[expect(
    clippy::disallowed_methods,
    reason = "PATH and PG_BIN say where programs are, not how the bridge behaves"
)]
fn find(fetched: &[PathBuf]) -> Vec<Binaries> {
    let mut places: Vec<PathBuf> = Vec::new();
    if let Ok(directory) = env::var("PG_BIN") {
        places.push(directory.into());
    } else {
        places.extend(env::split_paths(&env::var("PATH").unwrap_or_default()));
        for (base, prefix, tail) in [
            ("/usr/lib/postgresql", "", "bin"),
            ("/usr/libexec", "postgresql", ""),
            ("/usr", "pgsql-", "bin"),
            ("/opt/homebrew/opt", "postgresql", "bin"),
            ("/usr/local/opt", "postgresql", "bin"),
            ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
            ("/Library/PostgreSQL", "", "bin"),
        ] {
            for entry in fs::read_dir(base).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(prefix) {
                    places.push(entry.path().join(tail));
                }
            }
        }
        places.extend(fetched.iter().map(|place| place.join("native/bin")));
    }
    let mut seen = HashSet::new();
    let mut found: Vec<Binaries> = places
        .iter()
        .filter(|place| place.join("postgres").is_file() && place.join("initdb").is_file())
        // What stands in PATH may be a link: its own directory has the files that belong to it.
        .filter_map(|place| {
            Some(
                fs::canonicalize(place.join("postgres"))
                    .ok()?
                    .parent()?
                    .to_path_buf(),
            )
        })
        .filter(|directory| seen.insert(directory.clone()))
        .filter_map(|directory| {
            Some(Binaries {
                major: major(&directory)?,
                directory,
            })
        })
        .collect();
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    found
}

fn major(directory: &Path) -> Option<u32> {
    let out = Command::new(directory.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.split_whitespace()
        .nth(2)?
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Fetches binaries into the first of the places that can be written: nothing outside it is
/// touched. False if npm or a package for this machine is missing.
fn fetch_by_npm(places: &[PathBuf]) -> Result<bool, Error> {
    let machine = match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => "linux-x64",
        ("linux", "aarch64") => "linux-arm64",
        ("macos", "x86_64") => "darwin-x64",
        ("macos", "aarch64") => "darwin-arm64",
        _ => return Ok(false),
    };
    if !runs("npm") || !runs("tar") {
        return Ok(false);
    }
    let package = format!("@embedded-postgres/{machine}@{PACKAGE_VERSION}");
    for into in places {
        // Of this process alone: another one may fetch at the same time.
        let fresh = into.with_file_name(format!("postgres-{}.new", std::process::id()));
        let _ = fs::remove_dir_all(&fresh);
        if fs::create_dir_all(&fresh).is_ok() {
            tracing::info!(
                %package, into = %into.display(),
                "PostgreSQL is not installed: its binaries are fetched by npm"
            );
            let fetched = unpack(&package, &fresh).and_then(|there| {
                if there {
                    take(&fresh, into)?;
                }
                Ok(there)
            });
            let _ = fs::remove_dir_all(&fresh);
            return fetched;
        }
    }
    Ok(false)
}

/// Fetches a package, showing npm's progress, and unpacks it into a directory. False if it cannot
/// be had.
fn unpack(package: &str, fresh: &Path) -> Result<bool, Error> {
    let packed = Command::new("npm")
        .args(["pack", "--loglevel=error", "--progress=true", package])
        .current_dir(fresh)
        .stderr(Stdio::inherit())
        .output();
    let Ok(packed) = packed else { return Ok(false) };
    let said = String::from_utf8_lossy(&packed.stdout);
    let name = said.trim().lines().last().unwrap_or_default();
    if !packed.status.success() || name.is_empty() {
        return Ok(false);
    }
    let archive = fresh.join(name);
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(&archive)
        .arg("-C")
        .arg(fresh)
        .args(["--strip-components=1"])
        .status();
    let _ = fs::remove_file(&archive);
    if !unpacked.is_ok_and(|status| status.success()) {
        return Ok(false);
    }
    link(fresh)?;
    Ok(true)
}

/// Puts what was unpacked in its place, unless another process was faster.
fn take(fresh: &Path, into: &Path) -> Result<(), Error> {
    // The server may run as another user than the one who fetches.
    let readable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(fresh, readable).map_err(file_error(fresh))?;
    if into.join("native/bin/postgres").is_file() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(into);
    match fs::rename(fresh, into) {
        Err(_) if into.join("native/bin/postgres").is_file() => Ok(()),
        done => done.map_err(file_error(into)),
    }
}

/// The package cannot carry links; it lists them instead.
fn link(package: &Path) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    struct Link {
        source: String,
        target: String,
    }
    let list = package.join("native/pg-symlinks.json");
    let Ok(text) = fs::read_to_string(&list) else {
        return Ok(());
    };
    let links: Vec<Link> = serde_json::from_str(&text).map_err(|error| {
        Error::Binaries(format!(
            "the list of links in the package cannot be read: {error}"
        ))
    })?;
    for Link { source, target } in links {
        let (from, to) = (package.join(&source), package.join(&target));
        if to.exists() || !to.starts_with(package) {
            continue;
        }
        let file = from.file_name().map(PathBuf::from).unwrap_or_default();
        let beside = if from.parent() == to.parent() {
            file
        } else {
            from
        };
        std::os::unix::fs::symlink(beside, &to).map_err(file_error(&to))?;
    }
    Ok(())
}

/// Debian's package: after asking, unless told not to. False where it was refused or cannot be.
fn install_package(install: Install) -> Result<bool, Error> {
    if !runs("apt-get") {
        return Ok(false);
    }
    let root = nix::unistd::geteuid().is_root();
    let asked = install == Install::Yes
        || (io::stdin().is_terminal() && io::stderr().is_terminal() && agreed());
    if !asked || !root && !runs("sudo") {
        return Ok(false);
    }
    // Without this the package makes and starts a cluster of its own.
    let prepare = "mkdir -p /etc/postgresql-common && { [ -e \
                   /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = \
                   false' > /etc/postgresql-common/createcluster.conf; } && apt-get update -q && \
                   DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
                   postgresql";
    let mut command = if root {
        Command::new("sh")
    } else {
        Command::new("sudo")
    };
    if !root {
        command.arg("sh");
    }
    let done = command.args(["-c", prepare]).stdout(io::stderr()).status();
    done.map(|status| status.success())
        .map_err(file_error(Path::new("apt-get")))
}

fn agreed() -> bool {
    let mut talk = io::stderr();
    let _ = write!(
        talk,
        "PostgreSQL is not installed. Install Debian's package `postgresql`? [y/N] "
    );
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim(), "y" | "Y" | "yes" | "д" | "да")
}

fn runs(program: &str) -> bool {
    let tried = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clusters_take_fetched_binaries_from_one_place() {
        let [one, other] = ["/srv/one", "/srv/other"].map(|root| places(Path::new(root)));
        assert_eq!(one.len(), 2, "neither a home nor root");
        assert_eq!(one[0], other[0]);
        assert!(one[1].starts_with("/srv/one") && other[1].starts_with("/srv/other"));
    }

    #[test]
    fn what_is_there_already_is_not_replaced_by_the_slower_one() {
        let place = tempfile::tempdir().unwrap();
        let into = place.path().join("cache/postgres-1");
        for words in ["first", "second"] {
            let fresh = place.path().join(words);
            fs::create_dir_all(fresh.join("native/bin")).unwrap();
            fs::write(fresh.join("native/bin/postgres"), words).unwrap();
            fs::create_dir_all(into.parent().unwrap()).unwrap();
            take(&fresh, &into).unwrap();
        }
        let there = fs::read_to_string(into.join("native/bin/postgres")).unwrap();
        assert_eq!(there, "first");
    }
}
