//! How wide and how long the code may be, and how full a folder: the formatter leaves comments,
//! texts, SQL and markup as they are.

use std::{
    fs,
    path::{Path, PathBuf},
};

const WIDTH: usize = 100;
const FILES: usize = 14;
const LINES: usize = 500;

/// Every file of Rust below a folder, and every folder with the number of its files.
fn walk(folder: &Path, sources: &mut Vec<PathBuf>, folders: &mut Vec<(PathBuf, usize)>) {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, sources, folders);
            continue;
        }
        files += 1;
        if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    folders.push((folder.to_path_buf(), files));
}

fn code() -> (Vec<PathBuf>, Vec<(PathBuf, usize)>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut sources, mut folders) = (Vec::new(), Vec::new());
    for folder in ["src", "tests"] {
        walk(&root.join(folder), &mut sources, &mut folders);
    }
    assert!(sources.len() > 100 && folders.len() > 20);
    (sources, folders)
}

#[test]
fn no_line_is_wider_than_a_hundred_columns() {
    let mut found = Vec::new();
    for path in code().0 {
        for (nth, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            if line.chars().count() > WIDTH {
                found.push(format!("{}:{}", path.display(), nth + 1));
            }
        }
    }
    assert!(found.is_empty(), "wrap them: {found:#?}");
}

#[test]
fn no_folder_holds_more_than_fourteen_files() {
    let many = code().1.into_iter().filter(|(_, files)| *files > FILES);
    let found: Vec<_> = many.collect();
    assert!(found.is_empty(), "gather what belongs together: {found:#?}");
}

#[test]
fn no_file_has_more_than_five_hundred_lines() {
    let long = code()
        .0
        .into_iter()
        .filter(|path| fs::read_to_string(path).unwrap().lines().count() > LINES);
    let found: Vec<_> = long.collect();
    assert!(found.is_empty(), "split them by sense: {found:#?}");
}
