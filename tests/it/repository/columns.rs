//! Comments wrap where code does: the formatter leaves them as they are.

use std::{fs, path::Path};

const WIDTH: usize = 100;

/// The comments of a folder that are wider, each with its place.
fn too_wide(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            too_wide(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for (nth, line) in text.lines().enumerate() {
                if line.trim_start().starts_with("//") && line.chars().count() > WIDTH {
                    found.push(format!("{}:{}", path.display(), nth + 1));
                }
            }
        }
    }
}

#[test]
fn comments_are_no_wider_than_a_hundred_columns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "tests"] {
        too_wide(&root.join(folder), &mut found);
    }
    assert!(found.is_empty(), "wrap them: {found:#?}");
}
