//! Files do not need each other in circles: what a file needs can be read before it.

use super::layers::names;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

type Module = Vec<String>;

/// The text of every module below `src`, without its tests and comments.
fn modules(folder: &Path, above: &[String], found: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut module = above.to_vec();
        if path.is_dir() {
            module.push(name);
            modules(&path, &module, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            if name != "mod" {
                module.push(name);
            }
            let text = fs::read_to_string(&path).unwrap();
            let production = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lines = production
                .lines()
                .map(|line| line.split("//").next().unwrap());
            found.insert(module, lines.collect::<Vec<_>>().join("\n"));
        }
    }
}

/// The modules that one names, but for those around it and in it: a folder and its files are one.
fn needs(module: &Module, text: &str, all: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let mut paths = Vec::new();
    for rest in text.split("crate::").skip(1) {
        let mut found = Vec::new();
        names(rest, &mut Vec::new(), &mut found);
        paths.extend(found);
    }
    for rest in text.split("super::").skip(1) {
        let mut above = module[..module.len() - 1].to_vec();
        names(rest, &mut above, &mut paths);
    }
    let real = |path: Module| {
        let mut path = path;
        while !all.contains_key(&path) {
            path.pop()?;
        }
        Some(path)
    };
    let named = paths.into_iter().filter_map(real);
    named
        .filter(|other| {
            !other.is_empty() && !other.starts_with(module) && !module.starts_with(other)
        })
        .collect()
}

fn reaches(from: &Module, to: &Module, needs: &BTreeMap<&Module, BTreeSet<Module>>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Module> = needs[from].iter().collect();
    while let Some(next) = open.pop() {
        if next == to {
            return true;
        }
        if seen.insert(next) {
            open.extend(&needs[next]);
        }
    }
    false
}

#[test]
fn files_do_not_need_each_other_in_circles() {
    let mut all = BTreeMap::new();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    modules(&src, &[], &mut all);
    all.retain(|module, _| module != &["lib"] && module != &["main"]);
    assert!(all.len() > 300);
    let needs: BTreeMap<_, _> = all
        .iter()
        .map(|(module, text)| (module, needs(module, text, &all)))
        .collect();
    let circular = all.keys().filter(|module| reaches(module, module, &needs));
    let circular: BTreeSet<String> = circular.map(|module| module.join("::")).collect();
    assert!(circular.is_empty(), "{circular:?}");
}
