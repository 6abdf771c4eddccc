//! Telephones, e-mails and the like: many to one card, each with an id of its own.

use crate::sandbox::protocol::{
    decode::{elements, id, text, truthy},
    envelope::Fail,
};
use serde_json::{Value, json};

/// The types, as the classic methods name their fields.
pub(crate) const TYPES: [&str; 5] = ["PHONE", "EMAIL", "WEB", "IM", "LINK"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Multifield {
    pub(crate) id: u64,
    pub(crate) kind: String,
    pub(crate) value: String,
    pub(crate) value_type: String,
}

impl Multifield {
    pub(crate) fn classic(&self) -> Value {
        json!({
            "ID": self.id.to_string(), "VALUE_TYPE": self.value_type, "VALUE": self.value,
            "TYPE_ID": self.kind,
        })
    }

    pub(crate) fn universal(&self) -> Value {
        json!(
            {
                "id": self.id, "typeId": self.kind, "valueType": self.value_type, "value":
                    self.value
            }
        )
    }
}

/// What a write does to the multifields of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Add {
        kind: String,
        value: String,
        value_type: Option<String>,
    },
    Set {
        id: u64,
        value: String,
        value_type: Option<String>,
    },
    Delete {
        id: u64,
    },
}

/// Reads the value of one classic field such as `PHONE`; anything but a list means nothing.
pub(crate) fn classic(kind: &str, value: &Value) -> Result<Vec<Change>, Fail> {
    let mut changes = Vec::new();
    for element in elements(value).into_iter().filter(|e| e.is_object()) {
        let content = element
            .get("VALUE")
            .map(text)
            .unwrap_or_default()
            .trim()
            .to_owned();
        let value_type = element
            .get("VALUE_TYPE")
            .map(text)
            .filter(|t| !t.is_empty());
        let own = id(element.get("ID"));
        let delete = element.get("DELETE").is_some_and(truthy);
        match own {
            Some(id) if delete || content.is_empty() => changes.push(Change::Delete { id }),
            Some(id) => {
                check(kind, &content)?;
                changes.push(Change::Set {
                    id,
                    value: content,
                    value_type,
                });
            }
            None if content.is_empty() => {}
            None => {
                check(kind, &content)?;
                changes.push(Change::Add {
                    kind: kind.to_owned(),
                    value: content,
                    value_type,
                });
            }
        }
    }
    Ok(changes)
}

/// Reads `fm`: a list appends, a map addresses records by id; an element without a type means
/// nothing.
pub(crate) fn universal(value: &Value) -> Result<Vec<Change>, Fail> {
    let keyed: Vec<(Option<u64>, &Value)> = match value {
        Value::Array(list) => list.iter().map(|v| (None, v)).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.parse().ok(), v)).collect(),
        _ => return Ok(Vec::new()),
    };
    let mut changes = Vec::new();
    for (own, element) in keyed {
        let Some(kind) = element.get("typeId").map(text).filter(|t| !t.is_empty()) else {
            continue;
        };
        let content = element
            .get("value")
            .map(text)
            .unwrap_or_default()
            .trim()
            .to_owned();
        let value_type = element.get("valueType").map(text).filter(|t| !t.is_empty());
        match own {
            Some(id) if content.is_empty() => changes.push(Change::Delete { id }),
            Some(id) => {
                check(&kind, &content)?;
                changes.push(Change::Set {
                    id,
                    value: content,
                    value_type,
                });
            }
            None if content.is_empty() => {}
            None => {
                check(&kind, &content)?;
                changes.push(Change::Add {
                    kind,
                    value: content,
                    value_type,
                });
            }
        }
    }
    Ok(changes)
}

fn check(kind: &str, value: &str) -> Result<(), Fail> {
    let good = |mail: &str| {
        mail.split_once('@').is_some_and(|(name, host)| {
            let plain = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
            plain(name) && plain(host) && host.contains('.') && !host.contains('@')
        })
    };
    if kind == "EMAIL" && !good(value) {
        let text = "Поле \"E-mail\" содержит некорректный адрес.<br>";
        return Err(Fail::bad("ERROR_CORE", text));
    }
    Ok(())
}

/// Applies changes; true when anything is different afterwards.
pub(crate) fn apply(list: &mut Vec<Multifield>, changes: &[Change], last_id: &mut u64) -> bool {
    let before = list.clone();
    for change in changes {
        match change {
            Change::Add {
                kind,
                value,
                value_type,
            } => {
                *last_id += 1;
                list.push(Multifield {
                    id: *last_id,
                    kind: kind.clone(),
                    value: value.clone(),
                    value_type: value_type.clone().unwrap_or_else(|| "WORK".to_owned()),
                });
            }
            Change::Set {
                id,
                value,
                value_type,
            } => {
                if let Some(field) = list.iter_mut().find(|f| f.id == *id) {
                    field.value.clone_from(value);
                    if let Some(value_type) = value_type {
                        field.value_type.clone_from(value_type);
                    }
                }
            }
            Change::Delete { id } => list.retain(|f| f.id != *id),
        }
    }
    *list != before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_id_deletes_and_no_id_appends() {
        let mut last = 222;
        let start = Change::Add {
            kind: "PHONE".into(),
            value: "1".into(),
            value_type: None,
        };
        let mut list = Vec::new();
        apply(&mut list, &[start.clone(), start.clone(), start], &mut last);
        let write = json!([{"ID": 223, "DELETE": "Y", "VALUE": "1"}, {"ID": "224"},
            {"ID": 225, "VALUE": "2", "VALUE_TYPE": "HOME"}, {"VALUE": "3"}]);
        apply(&mut list, &classic("PHONE", &write).unwrap(), &mut last);
        let left: Vec<_> = list.iter().map(|f| (f.id, f.value.as_str())).collect();
        assert_eq!(left, [(225, "2"), (226, "3")]);
    }

    #[test]
    fn what_is_not_a_list_is_passed_over() {
        assert!(classic("PHONE", &json!("+7")).unwrap().is_empty());
        assert!(universal(&json!("+7")).unwrap().is_empty());
        assert!(
            universal(&json!([{"value": "+7"}])).unwrap().is_empty(),
            "no typeId"
        );
    }

    #[test]
    fn an_address_without_a_host_is_refused() {
        for bad in ["x", "x@", "@y.z", "a b@c.d", "a@b@c.d", "a@b"] {
            assert!(classic("EMAIL", &json!([{"VALUE": bad}])).is_err(), "{bad}");
        }
        assert!(classic("EMAIL", &json!([{"VALUE": "a@b.ru"}])).is_ok());
    }
}
