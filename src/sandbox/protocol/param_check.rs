//! Parameter names checked against descriptions of the methods, when a folder of them is at hand.

use super::decode::Params;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// The names that each method's description knows.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    methods: BTreeMap<String, KnownParams>,
}

#[derive(Debug, Default)]
struct KnownParams {
    params: BTreeSet<String>,
    /// Names inside a parameter, where the description lists them.
    inner: BTreeMap<String, BTreeSet<String>>,
}

/// Names that may accompany any call.
const COMMON: [&str; 5] = [
    "auth",
    "start",
    "auth_connector",
    "bx24_request_id",
    "useOriginalUfNames",
];

impl Schemas {
    /// Reads every JSON file of a folder; files of another kind are left alone.
    pub(crate) fn read(folder: Option<&Path>) -> Self {
        let entries = folder.and_then(|path| std::fs::read_dir(path).ok());
        let methods = entries
            .into_iter()
            .flatten()
            .filter_map(|entry| std::fs::read(entry.ok()?.path()).ok())
            .filter_map(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .filter_map(|schema| known(&schema))
            .collect();
        Self { methods }
    }

    pub(crate) fn check(&self, method: &str, params: &Params, warnings: &mut BTreeSet<String>) {
        let Some(known) = self.methods.get(method) else {
            return;
        };
        for name in params.names() {
            let fits = |k: &str| k.eq_ignore_ascii_case(name);
            if !COMMON.into_iter().any(fits) && !known.params.iter().any(|k| fits(k)) {
                warnings.insert(format!("{method}: unknown parameter {name}"));
            }
            let Some(inner) = known.inner.get(name) else {
                continue;
            };
            let Some(Value::Object(map)) = params.exact(name) else {
                continue;
            };
            for key in map.keys() {
                let free = key.starts_with("UF_")
                    || key.starts_with("uf")
                    || key.starts_with("PARENT_ID_");
                if !free && !inner.contains(key) {
                    warnings.insert(format!("{method}: unknown {name}[{key}]"));
                }
            }
        }
    }
}

fn known(schema: &Value) -> Option<(String, KnownParams)> {
    let method = schema.get("method")?.as_str()?.to_lowercase();
    let mut known = KnownParams::default();
    for param in schema.get("params")?.as_array()? {
        let Some(name) = param.get("name").and_then(Value::as_str) else {
            continue;
        };
        known.params.insert(name.to_owned());
        let listed = param
            .get("ref")
            .and_then(Value::as_str)
            .and_then(|path| schema.pointer(path.strip_prefix('#')?))
            .and_then(|def| def.get("fields"))
            .and_then(Value::as_array);
        if let (true, Some(fields)) = (param.get("base") == Some(&"object".into()), listed) {
            let names = fields
                .iter()
                .filter_map(|f| Some(f.get("name")?.as_str()?.to_owned()));
            known.inner.insert(name.to_owned(), names.collect());
        }
    }
    Some((method, known))
}
