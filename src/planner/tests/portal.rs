//! As much of a portal as the planner asks for.

use crate::planner::{BATCH_LIMIT, Call, CommandAnswer, json};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// The stages of its one funnel.
const STAGES: [&str; 5] = ["NEW", "PREPARATION", "EXECUTING", "WON", "LOSE"];
const DENIED: &str = "Доступ запрещен";

/// As much of a portal as the planner asks for.
#[derive(Default)]
pub(super) struct Portal {
    pub(super) deals: BTreeMap<u64, Map<String, Value>>,
    pub(super) leads: BTreeMap<u64, Map<String, Value>>,
    pub(super) contacts: BTreeMap<u64, Map<String, Value>>,
    pub(super) companies: BTreeMap<u64, Map<String, Value>>,
    pub(super) requisites: BTreeMap<u64, Map<String, Value>>,
    pub(super) rows: BTreeMap<String, Value>,
    pub(super) calls: usize,
    pub(super) methods: Vec<&'static str>,
    /// So many stages come before the usual ones.
    pub(super) early_stages: usize,
    /// Off by this much when it sums rows.
    pub(super) miscounts: bool,
    pub(super) imports: Imports,
    /// Whether the bridge's user is no administrator.
    pub(super) limited: bool,
    /// A field that it does not have, and drops.
    pub(super) unknown: Option<&'static str>,
}

/// How it takes imports.
#[derive(Default, Clone, Copy, PartialEq)]
pub(super) enum Imports {
    #[default]
    EachByItself,
    /// The first fault ends the command, what came before it stays.
    StopAtFault,
    Denied,
    /// Each deal is told at the place of the one before it.
    Shifted,
}

impl Portal {
    /// What people set in a deal.
    pub(super) fn set_deal(&mut self, id: u64, field: &str, value: &str) {
        let deal = self.deals.get_mut(&id).unwrap();
        deal.insert(field.to_owned(), json!(value));
    }

    /// A contact that people made.
    pub(super) fn add_contact(&mut self, row: &Value) {
        let id = json::id(&row["ID"]).unwrap();
        self.contacts.insert(id, row.as_object().unwrap().clone());
    }

    pub(super) fn run(&mut self, call: &Call) -> HashMap<String, CommandAnswer> {
        self.calls += 1;
        let most = call.commands.len();
        assert!(most <= BATCH_LIMIT, "{most} commands in a call");
        let mut results: HashMap<String, Value> = HashMap::new();
        let mut answers = HashMap::new();
        for command in &call.commands {
            assert!(command.key.parse::<u64>().is_err(), "a numeric key");
            assert!(!answers.contains_key(&command.key), "a key twice");
            self.methods.push(command.method);
            let answer = match with_results(&command.params, &results) {
                Some(params) => self.method(command.method, &params),
                None => Err("ID is not defined or invalid".to_owned()),
            };
            let answer = match answer {
                Ok(result) => {
                    results.insert(command.key.clone(), result.clone());
                    CommandAnswer::Done { result, next: None }
                }
                Err(description) => {
                    let denied = description == DENIED;
                    CommandAnswer::Refused {
                        error: if denied { "ACCESS_DENIED" } else { "" }.to_owned(),
                        description,
                    }
                }
            };
            let failed = !matches!(answer, CommandAnswer::Done { .. });
            answers.insert(command.key.clone(), answer);
            if failed && call.halts {
                break;
            }
        }
        answers
    }

    fn stages(&self, params: &Value) -> Value {
        let early = (0..self.early_stages).map(|at| format!("UC_{at}"));
        let all = early.chain(STAGES.map(str::to_owned));
        let start = usize::try_from(params["start"].as_u64().unwrap()).unwrap();
        let page = all.skip(start).take(50);
        page.map(|id| json!({"STATUS_ID": id})).collect()
    }

    fn method(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        if method == "profile" {
            return Ok(json!({"ID": "1", "ADMIN": !self.limited}));
        }
        let (object, verb) = method.rsplit_once('.').unwrap();
        let kind = object.split('.').nth(1).unwrap();
        match method {
            "crm.deal.add" | "crm.lead.add" | "crm.contact.add" | "crm.company.add"
            | "crm.requisite.add" => self.add(kind, params),
            "crm.deal.update" | "crm.lead.update" | "crm.contact.update" => {
                self.update(kind, params)
            }
            "crm.deal.productrows.set" | "crm.lead.productrows.set" => {
                self.set_rows(kind, method, params)
            }
            "crm.duplicate.findbycomm" => Ok(self.duplicates(params)),
            "crm.status.list" => Ok(self.stages(params)),
            "crm.requisite.preset.list" => {
                Ok(json!([{"ID": "1", "NAME": "Организация"}, {"ID": "3", "NAME": "ИП"}]))
            }
            "crm.deal.productrows.get" | "crm.lead.productrows.get" => {
                let id = json::text(params.get("id"));
                let rows = self.rows.get(&format!("crm.{kind}.productrows.set{id}"));
                let mut rows = rows.cloned().unwrap_or(json!([]));
                let owner: u64 = id.parse().unwrap();
                for (at, row) in rows.as_array_mut().unwrap().iter_mut().enumerate() {
                    row["ID"] = json!((owner * 100 + at as u64).to_string());
                }
                Ok(rows)
            }
            "crm.item.productrow.update" => {
                let row = params["id"].as_u64().unwrap();
                let (deal, at) = (row / 100, row % 100);
                let rows = self
                    .rows
                    .get_mut(&format!("crm.deal.productrows.set{deal}"));
                let rows = rows.and_then(|rows| rows.as_array_mut());
                let row = rows.and_then(|rows| rows.get_mut(usize::try_from(at).unwrap()));
                let row = row.ok_or_else(|| "Элемент не найден".to_owned())?;
                row["PRODUCT_ID"] = params["fields"]["productId"].clone();
                Ok(json!({ "productRow": {"productId": row["PRODUCT_ID"]} }))
            }
            "crm.contact.company.add"
            | "crm.address.add"
            | "crm.deal.contact.add"
            | "crm.deal.contact.delete" => Ok(json!(true)),
            "crm.item.batchImport" => self.import(params),
            _ if verb == "list" => {
                let entities = self.entities(kind).values();
                let found = entities.filter(|row| matches(row, &params["filter"]));
                Ok(found.take(50).cloned().map(Value::Object).collect())
            }
            other => panic!("unknown method {other}"),
        }
    }

    fn add(&mut self, kind: &str, params: &Value) -> Result<Value, String> {
        let mut fields = params["fields"].as_object().unwrap().clone();
        if let Some(unknown) = self.unknown {
            fields.remove(unknown);
        }
        if fields.get("CURRENCY_ID").is_some_and(|code| code == "XXX") {
            return Err("Неверное значение поля «Валюта»".to_owned());
        }
        refuse_email(&fields)?;
        let stage = json::text(fields.get("STAGE_ID"));
        if kind == "deal" && !STAGES.contains(&stage.as_str()) {
            fields.insert("STAGE_ID".to_owned(), json!("NEW"));
        }
        let entities = self.entities(kind);
        let id = entities.len() as u64 + 1;
        fields.insert("ID".to_owned(), json!(id.to_string()));
        entities.insert(id, fields);
        Ok(json!(id))
    }

    fn update(&mut self, kind: &str, params: &Value) -> Result<Value, String> {
        refuse_email(params["fields"].as_object().unwrap())?;
        let unknown = self.unknown;
        let entity = self.entity(kind, params)?;
        let fields = params["fields"].as_object().unwrap().iter();
        for (field, value) in fields.filter(|(field, _)| Some(field.as_str()) != unknown) {
            match (field.as_str(), entity.get_mut(field)) {
                ("PHONE" | "EMAIL", Some(Value::Array(list))) => {
                    list.extend(value.as_array().unwrap().clone());
                }
                _ => drop(entity.insert(field.clone(), value.clone())),
            }
        }
        Ok(json!(true))
    }

    /// The rows make the sum, unless a hand did.
    fn set_rows(&mut self, kind: &str, method: &str, params: &Value) -> Result<Value, String> {
        let number = |row: &Value, field: &str| json::decimal(row.get(field)).unwrap();
        let rows = params["rows"].as_array().unwrap().iter();
        let mut sum: Decimal = rows
            .map(|row| number(row, "PRICE") * number(row, "QUANTITY"))
            .sum();
        if self.miscounts {
            sum += Decimal::new(1, 2);
        }
        let entity = self.entity(kind, params)?;
        if entity
            .get("IS_MANUAL_OPPORTUNITY")
            .is_none_or(|flag| flag == "N")
        {
            entity.insert("OPPORTUNITY".to_owned(), json!(sum.to_string()));
        }
        let key = format!("{method}{}", json::text(params.get("id")));
        self.rows.insert(key, params["rows"].clone());
        Ok(json!(true))
    }

    fn duplicates(&self, params: &Value) -> Value {
        let wanted = params["values"].as_array().unwrap();
        assert!(wanted.len() <= 20);
        let field = params["type"].as_str().unwrap();
        let has = |contact: &Map<String, Value>| {
            let list = contact.get(field).and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(|one| wanted.contains(&one["VALUE"])))
        };
        let found = self.contacts.iter().filter(|(_, contact)| has(contact));
        let hits: Vec<u64> = found.map(|(id, _)| *id).take(20).collect();
        if hits.is_empty() {
            json!([])
        } else {
            json!({"CONTACT": hits})
        }
    }

    fn import(&mut self, params: &Value) -> Result<Value, String> {
        let data = params["data"].as_array().unwrap();
        assert!(
            data.len() <= 20 && params["entityTypeId"] == 2 && params["useOriginalUfNames"] == "Y"
        );
        if self.imports == Imports::Denied {
            return Err(DENIED.to_owned());
        }
        let mut items = Vec::new();
        for fields in data {
            let classic: Map<String, Value> = fields
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (upper(name), value.clone()))
                .collect();
            match self.add("deal", &json!({"fields": classic})) {
                Ok(id) => items.push(json!({"item": {"id": id}})),
                Err(words) if self.imports == Imports::StopAtFault => return Err(words),
                Err(words) => items.push(
                    json!({"error": "CRM_FIELD_ERROR_VALUE_NOT_VALID", "error_description": words}),
                ),
            }
        }
        if self.imports == Imports::Shifted {
            items.rotate_left(1);
        }
        Ok(json!({"items": items}))
    }

    fn entity(&mut self, kind: &str, params: &Value) -> Result<&mut Map<String, Value>, String> {
        let id = json::id(&params["id"]).ok_or("ID is not defined or invalid")?;
        let entity = self.entities(kind).get_mut(&id);
        entity.ok_or_else(|| "Not found".to_owned())
    }

    fn entities(&mut self, kind: &str) -> &mut BTreeMap<u64, Map<String, Value>> {
        match kind {
            "deal" => &mut self.deals,
            "lead" => &mut self.leads,
            "contact" => &mut self.contacts,
            "company" => &mut self.companies,
            "requisite" => &mut self.requisites,
            other => panic!("{other}"),
        }
    }
}

/// The upper-case name of a field that `crm.item.*` writes in camel case.
fn upper(name: &str) -> String {
    if name.starts_with("UF_") {
        return name.to_owned();
    }
    name.chars()
        .flat_map(|c| {
            c.is_uppercase()
                .then_some('_')
                .into_iter()
                .chain(c.to_uppercase())
        })
        .collect()
}

/// Parameters in which each reference is replaced by what it stands for; `None` if one stands for
/// nothing.
fn with_results(params: &Value, results: &HashMap<String, Value>) -> Option<Value> {
    let mut text = params.to_string();
    for (key, value) in results {
        let value = value
            .as_u64()
            .map_or("null".to_owned(), |id| id.to_string());
        text = text.replace(&format!("\"$result[{key}]\""), &value);
    }
    (!text.contains("$result[")).then(|| serde_json::from_str(&text).unwrap())
}

fn matches(row: &Map<String, Value>, filter: &Value) -> bool {
    filter.as_object().unwrap().iter().all(|(key, wanted)| {
        let field = key.trim_start_matches(['@', '=', '>']);
        let held = json::text(row.get(field));
        match key.chars().next() {
            Some('@') => wanted
                .as_array()
                .unwrap()
                .iter()
                .any(|one| json::text(Some(one)) == held),
            Some('>') => held.parse::<u64>().unwrap() > wanted.as_u64().unwrap(),
            _ => json::text(Some(wanted)) == held,
        }
    })
}

fn refuse_email(fields: &Map<String, Value>) -> Result<(), String> {
    let bad = |list: &Value| list.to_string().contains("bad@");
    if fields.get("EMAIL").is_some_and(bad) {
        return Err("Поле «E-mail» содержит некорректный адрес".to_owned());
    }
    Ok(())
}
