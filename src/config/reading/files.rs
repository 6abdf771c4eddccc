//! `portals.d`: portals and shops in files of their own, beside the settings, so that a customer
//! is added or taken away by a file.

use super::error::{Error, Problem};
use crate::config::Raw;
use std::{
    io,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// The folder, beside the file of the settings.
const FOLDER: &str = "portals.d";
/// What can stand in its files.
const SECTIONS: [&str; 2] = ["portals", "shops"];

/// One file of the folder.
#[derive(Debug)]
pub(in crate::config) struct Part {
    pub(in crate::config) path: PathBuf,
    pub(in crate::config) text: String,
}

/// The files `*.toml` of the folder in this directory, by name; none where it is not there.
pub(in crate::config) fn read(directory: &Path) -> Result<Vec<Part>, Error> {
    let folder = directory.join(FOLDER);
    let failed = |path: &Path, source: io::Error| Error::Read {
        path: path.to_path_buf(),
        source,
    };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(&folder, error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| failed(&folder, error))?.path();
        // What an editor leaves behind has another end, or a name that begins with a dot.
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.extension().is_some_and(|end| end == "toml") && !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    let part = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
        Ok(Part { path, text })
    };
    paths.into_iter().map(part).collect()
}

/// Puts what the files say beside what stands in the settings. A name can stand once.
pub(in crate::config) fn merge(table: &mut Table, parts: &[Part]) -> Result<Vec<Problem>, Error> {
    let mut problems = Vec::new();
    for part in parts {
        let unread = |source| Error::Part {
            path: part.path.clone(),
            source,
        };
        let own: Table = toml::from_str(&part.text).map_err(unread)?;
        // A fault of one file is told with that file's line.
        toml::from_str::<Raw>(&part.text).map_err(unread)?;
        let file = part.path.display();
        for (section, value) in own {
            let (true, Value::Table(entries)) = (SECTIONS.contains(&&*section), value) else {
                problems.push(Problem::new(
                    section,
                    format!("{file} is a file of portals and shops"),
                    "move this section to the settings",
                ));
                continue;
            };
            let all = table
                .entry(&section)
                .or_insert_with(|| Value::Table(Table::new()));
            let Value::Table(all) = all else { continue };
            for (name, value) in entries {
                if all.contains_key(&name) {
                    problems.push(Problem::new(
                        format!("{section}.{name}"),
                        format!("it stands in {file} and elsewhere, too"),
                        "take one of them out, or give it another name",
                    ));
                } else {
                    all.insert(name, value);
                }
            }
        }
    }
    Ok(problems)
}
