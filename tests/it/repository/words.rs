//! Modules are named by the glossary of the crate docs, or by plain words of the trade.

use std::{collections::BTreeSet, fs, path::Path};

/// Words that every engineer knows, or that name an outside system, a file of a vendor, or a
/// section of the settings. A word of our own belongs into the glossary of `src/lib.rs` instead.
const PLAIN: &str =
    "accept access acts address addresses admission age alerts answer app applications apps
     assets attempts attributes auth authorization authorize back backoff batch batching binaries
     bindings bisection bitrix24 body books bootstrap both bug bulk cache call caller calls case
     cases catalog change changes chart check classic cli client clients clock cluster code
     commands commerceml commit companies compare components config confirm connections console
     contacts control conversions cookies credentials crm cursor customer customers database day
     deal decode deferred delivery demo detail dictionaries diff discard doctor document
     documents domain doors draft due duplicates echoes element elements email embedded endpoint
     enquiry entities entries entry envelope environment error evotor exchange explanation export
     extend fault faults faulty field fields files filter finality first flight flow form formats
     forms gate get given goods group grouping guard health hidden history hold hour housekeeping
     http i18n id identity ids import imports in indexes info init input install installation
     isolation job jobs journal json keeper keys last later layer layout lead leased legacy lib
     limit limiter limits lines list lists locale log logging login lookup loop lowered main
     manual mapping match matches matching meaning merge messages methods metric metrics
     middleware migrate mode model money moves moysklad multifields names news not notes notices
     oauth observer offers offline offset offsets one onec open openapi operating operations ops
     options order ordering orders outcome outdated outgoing output overview own pace page param
     parse password passwords path patient pending person phone php phrasebook picture place
     placeholders places plan planner policy pool population ports prices printable problem
     process product productrows properties protocol public profiles push pushes quantity queries
     query questions queue rate read reader reading reconcile record records processes reload
     reloads replaceable refused registry release render renewal report reported request
     requisites reserve resolve response responses restarts result results retention retry rights
     room routes rows rules runner russian sample sandbox schema schemas search secret sections
     selection sending sentence serve server service session sessions settings setup shapes
     shared ship show side sides sign signals socket sortable source sql sse stage stages state
     stats statuses stock storage store stream suggest sums sync systems table tax telemetry
     tests text throttle time token tokens told traces transport trial tries turn ui universal
     upload userfields users value values verification view views waker watch webhooks weight
     wire withdrawal woocommerce typed words worker world write writes written xml";

/// The words that the glossary explains: those in italics.
fn glossary() -> BTreeSet<String> {
    let source = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let from = source.find("//! # Words").unwrap();
    let text = &source[from..from + source[from..].find("//! # The way").unwrap()];
    let explained = text.split('*').skip(1).step_by(2);
    let words = explained.flat_map(|term| term.split([' ', '\n', '/', '!']));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The words of which modules below a folder are named.
fn names(folder: &Path, found: &mut BTreeSet<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let module = path.extension().is_some_and(|ext| ext == "rs");
        if path.is_dir() {
            names(&path, found);
        }
        if (module && name != "mod") || path.join("mod.rs").exists() {
            let words = name.split('_').map(str::to_owned);
            found.extend(words.map(|word| (word, path.display().to_string())));
        }
    }
}

/// The word itself, or the one of which it is the plural.
fn forms(word: &str) -> [String; 3] {
    let singular = word.strip_suffix('s').unwrap_or(word);
    let of_y = word.strip_suffix("ies").map(|stem| format!("{stem}y"));
    [
        word.to_owned(),
        singular.to_owned(),
        of_y.unwrap_or_default(),
    ]
}

#[test]
fn every_module_is_named_by_a_word_of_the_glossary_or_a_plain_one() {
    let mut known = glossary();
    assert!(known.len() > 30, "{known:?}");
    known.extend(PLAIN.split_whitespace().map(str::to_owned));
    let mut found = BTreeSet::new();
    names(&root().join("src"), &mut found);
    assert!(found.len() > 300);
    let unknown: Vec<_> = found
        .iter()
        .filter(|(word, _)| !forms(word).iter().any(|form| known.contains(form)))
        .collect();
    assert!(
        unknown.is_empty(),
        "explain them in `src/lib.rs`, or find the usual word: {unknown:#?}"
    );
}

#[test]
fn a_plain_word_is_one_that_a_module_uses_and_the_glossary_lacks() {
    let glossary = glossary();
    let mut found = BTreeSet::new();
    names(&root().join("src"), &mut found);
    let used: BTreeSet<_> = found.into_iter().map(|(word, _)| word).collect();
    let idle: Vec<_> = PLAIN
        .split_whitespace()
        .filter(|word| !used.contains(*word) || glossary.contains(*word))
        .collect();
    assert!(idle.is_empty(), "take them out: {idle:?}");
}
