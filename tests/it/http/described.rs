//! Whether the API's description is whole: every body and every answer with its shape, every status
//! with its codes.

use b24_bridge::{domain::ErrorCode, http};
use serde_json::{Map, Value};

fn document() -> Value {
    serde_json::to_value(http::document()).unwrap()
}

/// Every schema of the document, with the place where it stands.
fn schemas<'a>(place: &str, value: &'a Value, found: &mut Vec<(String, &'a Map<String, Value>)>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let place = format!("{place}/{key}");
                let named =
                    place.starts_with("/components/schemas/") && place.matches('/').count() == 3;
                // Of what an object holds beside its named members it may be said that it is
                // anything.
                let property = place.rsplit('/').nth(1) == Some("properties")
                    && !["additionalProperties", "description"].contains(&key.as_str());
                if (named || property || ["schema", "items"].contains(&key.as_str()))
                    && let Some(map) = inner.as_object()
                {
                    found.push((place.clone(), map));
                }
                schemas(&place, inner, found);
            }
        }
        Value::Array(list) => {
            for (nth, inner) in list.iter().enumerate() {
                schemas(&format!("{place}/{nth}"), inner, found);
            }
        }
        _ => {}
    }
}

#[test]
fn no_shape_is_anything_at_all_or_an_object_of_which_nothing_is_said() {
    let document = document();
    let mut found = Vec::new();
    schemas("", &document, &mut found);
    assert!(found.len() > 200, "{}", found.len());
    let said = ["type", "$ref", "oneOf", "anyOf", "allOf", "enum", "const"];
    for (place, schema) in found {
        assert!(
            said.iter().any(|key| schema.contains_key(*key)),
            "{place}: {schema:?}"
        );
        let types = schema.get("type");
        let object = types.is_some_and(|types| {
            types == "object"
                || types
                    .as_array()
                    .is_some_and(|all| all.contains(&"object".into()))
        });
        let told = ["properties", "additionalProperties"]
            .iter()
            .any(|key| schema.contains_key(*key));
        assert!(!object || told, "{place} is a plain object");
        if let Some(to) = schema.get("$ref") {
            let to = to.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(to).is_some(), "{place}: {to}");
        }
    }
}

#[test]
fn every_answer_has_a_shape_and_every_failure_its_codes() {
    let document = document();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            let place = format!("{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            let has = |status: &str| assert!(responses.contains_key(status), "{place}: {status}");
            ["408", "500"].into_iter().for_each(has);
            if operation.get("security").is_some() {
                ["401", "429"].into_iter().for_each(has);
            }
            if path.contains('{') {
                has("404");
            }
            if let Some(body) = operation.get("requestBody") {
                ["400", "413", "503"].into_iter().for_each(has);
                let content = body["content"].as_object().unwrap();
                assert!(
                    content.values().all(|one| one.get("schema").is_some()),
                    "{place}"
                );
            }
            for (status, response) in responses {
                // It has no content by its meaning.
                if status == "204" {
                    continue;
                }
                let content = response.get("content").and_then(Value::as_object);
                let content = content.unwrap_or_else(|| panic!("{place}: {status} has no content"));
                assert!(
                    content.values().all(|one| one.get("schema").is_some()),
                    "{place}: {status}"
                );
                let failed = !status.starts_with(['2', '3']) && path != "/readyz";
                if failed || content.contains_key("application/problem+json") {
                    let told = response["description"].as_str().unwrap();
                    let (_, codes) = told.split_once("Codes: ").unwrap();
                    for code in codes.split(", ") {
                        let code = code.trim_matches('`');
                        assert!(
                            ErrorCode::parse(code).is_some(),
                            "{place}: {status}: {code}"
                        );
                    }
                }
            }
        }
    }
    assert!(operations >= 29, "{operations}");
}

#[test]
fn each_answer_is_described_by_its_own_shape() {
    let document = document();
    let of = |path: &str| {
        let place =
            format!("/paths/{path}/post/responses/200/content/application~1json/schema/$ref");
        document.pointer(&place).unwrap().as_str().unwrap()
    };
    assert_ne!(
        of("~1v1~1dead-letters~1{id}~1retry"),
        of("~1v1~1dead-letters~1{id}~1discard")
    );
    assert_ne!(
        of("~1v1~1dead-letters~1{id}~1retry"),
        of("~1v1~1conflicts~1{id}~1resolve")
    );
}
