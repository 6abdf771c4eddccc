mod imports;

use super::*;
use crate::domain::{
    Correspondence, Direction, Event, EventBody, OnDeleted, PortalName, ShopName, StatusMap,
};
use proptest::prelude::*;
use serde_json::{Map, json};
use std::collections::{BTreeMap, HashMap};

/// The rules of a shop with four statuses.
pub(super) fn rules() -> ShopRules {
    let row = |status: &str, stage: &str| Correspondence {
        status: status.to_owned(),
        stage: Stage::new(0, stage),
        accepts: if stage == "NEW" {
            vec![Stage::new(0, "PREPARATION")]
        } else {
            vec![]
        },
        direction: Direction::Both,
        reverse: false,
    };
    ShopRules {
        shop: ShopName::parse("main").unwrap(),
        portal: PortalName::parse("main").unwrap(),
        funnel: 0,
        statuses: StatusMap::new(vec![
            row("N", "NEW"),
            row("P", "EXECUTING"),
            row("F", "WON"),
            row("X", "NOT_THERE"),
        ]),
        title: "Заказ {number}".to_owned(),
        responsible_id: None,
        source_id: None,
        fields: BTreeMap::new(),
        phone_country: "7".to_owned(),
        on_deleted: OnDeleted::Nothing,
        leads: vec![],
        delivery_name: "Доставка".to_owned(),
    }
}

/// A snapshot with these members put over a small order.
pub(super) fn snapshot(members: &Value) -> Snapshot {
    let mut data = json!({"number": "1", "status": "N", "currency": "RUB", "total": 0});
    for (name, value) in members.as_object().unwrap() {
        data[name] = value.clone();
    }
    let message = json!({"specversion": "1.0", "type": "shop.order.saved.v1", "source": "s", "id": "1", "data": data});
    match Event::parse(&message, "7").unwrap().body {
        EventBody::Saved(snapshot) => *snapshot,
        EventBody::Deleted { .. } => unreachable!(),
    }
}

fn job(members: &Value, known: Known) -> Job {
    let snapshot = snapshot(members);
    Job {
        rules: Arc::new(rules()),
        number: snapshot.number.clone(),
        intent: Intent::Save(Box::new(snapshot)),
        known,
        recreate: false,
        import: false,
    }
}

fn order(number: usize, customer: usize) -> Value {
    json!({
        "number": format!("A{number}"), "total": "300",
        "customer": {
            "name": format!("Имя{customer}"), "phones": [format!("+7916{customer:07}")], "emails": [format!("c{customer}@example.com")]
        },
        "items": [
            {"name": "a", "quantity": 1, "price": 100}, {"name": "b", "quantity": 1, "price": 100},
            {"name": "c", "quantity": 1, "price": 100}
        ]
    })
}

/// As much of a portal as the planner asks for.
#[derive(Default)]
struct Portal {
    deals: BTreeMap<u64, Map<String, Value>>,
    leads: BTreeMap<u64, Map<String, Value>>,
    contacts: BTreeMap<u64, Map<String, Value>>,
    companies: BTreeMap<u64, Map<String, Value>>,
    requisites: BTreeMap<u64, Map<String, Value>>,
    rows: BTreeMap<String, Value>,
    calls: usize,
    methods: Vec<&'static str>,
    /// So many stages come before the usual ones.
    early_stages: usize,
    /// Off by this much when it sums rows.
    miscounts: bool,
    imports: Imports,
}

/// How it takes imports.
#[derive(Default, Clone, Copy, PartialEq)]
enum Imports {
    #[default]
    EachByItself,
    /// The first fault ends the command, what came before it stays.
    StopAtFault,
    Denied,
    /// Each deal is told at the place of the one before it.
    Shifted,
}

impl Portal {
    fn run(&mut self, call: &Call) -> HashMap<String, CommandAnswer> {
        self.calls += 1;
        assert!(
            call.commands.len() <= BATCH_LIMIT,
            "{} commands in a call",
            call.commands.len()
        );
        let mut results: HashMap<String, Value> = HashMap::new();
        let mut answers = HashMap::new();
        for command in &call.commands {
            assert!(command.key.parse::<u64>().is_err(), "a numeric key");
            assert!(!answers.contains_key(&command.key), "a key twice");
            self.methods.push(command.method);
            let mut text = command.params.to_string();
            for (key, value) in &results {
                let value = value.as_u64().map(|id| id.to_string()).unwrap_or_default();
                text = text.replace(&format!("\"$result[{key}]\""), &format!("{value:?}"));
            }
            let reference = text.contains("$result[");
            let params: Value = serde_json::from_str(&text).unwrap();
            let answer = if reference {
                Err("ID is not defined or invalid".to_owned())
            } else {
                self.method(command.method, &params)
            };
            answers.insert(
                command.key.clone(),
                match answer {
                    Ok(result) => {
                        results.insert(command.key.clone(), result.clone());
                        CommandAnswer::Done { result, next: None }
                    }
                    Err(description) => CommandAnswer::Refused {
                        error: if description == "Доступ запрещен" {
                            "ACCESS_DENIED"
                        } else {
                            ""
                        }
                        .to_owned(),
                        description,
                    },
                },
            );
        }
        answers
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each method the planner asks for"
    )]
    fn method(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        let store = |name: &str| name.split('.').nth(1).unwrap().to_owned();
        match method {
            "crm.deal.add" | "crm.lead.add" | "crm.contact.add" | "crm.company.add"
            | "crm.requisite.add" => {
                let mut fields = params["fields"].as_object().unwrap().clone();
                if fields.get("CURRENCY_ID").is_some_and(|code| code == "XXX") {
                    return Err("Неверное значение поля «Валюта»".to_owned());
                }
                if fields
                    .get("EMAIL")
                    .is_some_and(|list| list.to_string().contains("bad"))
                {
                    return Err("Поле «E-mail» содержит некорректный адрес".to_owned());
                }
                if method == "crm.deal.add" && !known_stage(&fields) {
                    fields.insert("STAGE_ID".to_owned(), json!("NEW"));
                }
                let entities = self.entities(&store(method));
                let id = entities.len() as u64 + 1;
                fields.insert("ID".to_owned(), json!(id.to_string()));
                entities.insert(id, fields);
                Ok(json!(id))
            }
            "crm.deal.update" | "crm.lead.update" | "crm.contact.update" => {
                let id: u64 = value::id(&params["id"]).ok_or("ID is not defined or invalid")?;
                let entity = self
                    .entities(&store(method))
                    .get_mut(&id)
                    .ok_or("Not found")?;
                for (field, value) in params["fields"].as_object().unwrap() {
                    match (field.as_str(), entity.get_mut(field)) {
                        ("PHONE" | "EMAIL", Some(Value::Array(list))) => {
                            list.extend(value.as_array().unwrap().clone());
                        }
                        _ => drop(entity.insert(field.clone(), value.clone())),
                    }
                }
                Ok(json!(true))
            }
            "crm.deal.productrows.set" | "crm.lead.productrows.set" => {
                let id: u64 = value::id(&params["id"]).ok_or("ID is not defined or invalid")?;
                let sum: rust_decimal::Decimal = params["rows"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| {
                        value::decimal(row.get("PRICE")).unwrap()
                            * value::decimal(row.get("QUANTITY")).unwrap()
                    })
                    .sum();
                let off = if self.miscounts {
                    rust_decimal::Decimal::new(1, 2)
                } else {
                    0.into()
                };
                self.rows
                    .insert(format!("{method}{id}"), params["rows"].clone());
                let entity = self
                    .entities(&store(method))
                    .get_mut(&id)
                    .ok_or("Not found")?;
                if entity
                    .get("IS_MANUAL_OPPORTUNITY")
                    .is_none_or(|flag| flag == "N")
                {
                    entity.insert("OPPORTUNITY".to_owned(), json!((sum + off).to_string()));
                }
                Ok(json!(true))
            }
            "crm.duplicate.findbycomm" => {
                let wanted = params["values"].as_array().unwrap();
                assert!(wanted.len() <= 20);
                let field = params["type"].as_str().unwrap();
                let mut hits: Vec<u64> = self
                    .contacts
                    .iter()
                    .filter(|(_, contact)| {
                        contact
                            .get(field)
                            .and_then(Value::as_array)
                            .is_some_and(|list| {
                                list.iter().any(|one| wanted.contains(&one["VALUE"]))
                            })
                    })
                    .map(|(id, _)| *id)
                    .collect();
                hits.truncate(20);
                Ok(if hits.is_empty() {
                    json!([])
                } else {
                    json!({"CONTACT": hits})
                })
            }
            "crm.status.list" => {
                let early = (0..self.early_stages).map(|at| format!("UC_{at}"));
                let usual = ["NEW", "PREPARATION", "EXECUTING", "WON", "LOSE"];
                let all = early.chain(usual.map(str::to_owned));
                let start = usize::try_from(params["start"].as_u64().unwrap()).unwrap();
                Ok(all
                    .skip(start)
                    .take(50)
                    .map(|id| json!({"STATUS_ID": id}))
                    .collect())
            }
            "crm.requisite.preset.list" => {
                Ok(json!([{"ID": "1", "NAME": "Организация"}, {"ID": "3", "NAME": "ИП"}]))
            }
            "crm.contact.company.add" | "crm.address.add" => Ok(json!(true)),
            "crm.item.batchImport" => self.import(params),
            _ if method.split('.').next_back() == Some("list") => {
                let entities = self.entities(&store(method));
                let mut found: Vec<Value> = entities
                    .values()
                    .filter(|row| matches(row, &params["filter"]))
                    .cloned()
                    .map(Value::Object)
                    .collect();
                found.truncate(50);
                Ok(Value::Array(found))
            }
            other => panic!("unknown method {other}"),
        }
    }

    fn import(&mut self, params: &Value) -> Result<Value, String> {
        let data = params["data"].as_array().unwrap();
        assert!(
            data.len() <= 20 && params["entityTypeId"] == 2 && params["useOriginalUfNames"] == "Y"
        );
        if self.imports == Imports::Denied {
            return Err("Доступ запрещен".to_owned());
        }
        let mut items = Vec::new();
        for fields in data {
            let classic: Map<String, Value> = fields
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (upper(name), value.clone()))
                .collect();
            match self.method("crm.deal.add", &json!({"fields": classic})) {
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

    fn entities(&mut self, name: &str) -> &mut BTreeMap<u64, Map<String, Value>> {
        match name {
            "deal" => &mut self.deals,
            "lead" => &mut self.leads,
            "contact" => &mut self.contacts,
            "company" => &mut self.companies,
            "requisite" => &mut self.requisites,
            other => panic!("{other}"),
        }
    }
}

/// A classic name.
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

fn known_stage(fields: &Map<String, Value>) -> bool {
    ["NEW", "PREPARATION", "EXECUTING", "WON", "LOSE"]
        .iter()
        .any(|stage| fields.get("STAGE_ID") == Some(&json!(stage)))
}

fn matches(row: &Map<String, Value>, filter: &Value) -> bool {
    filter.as_object().unwrap().iter().all(|(key, wanted)| {
        let field = key.trim_start_matches(['@', '=', '>']);
        let held = value::text(row.get(field));
        match key.chars().next() {
            Some('@') => wanted
                .as_array()
                .unwrap()
                .iter()
                .any(|one| value::text(Some(one)) == held),
            Some('>') => held.parse::<u64>().unwrap() > wanted.as_u64().unwrap(),
            _ => value::text(Some(wanted)) == held,
        }
    })
}

fn drive(portal: &mut Portal, jobs: Vec<Job>) -> Vec<Settlement> {
    drive_with(portal, jobs, |_, _| false)
}

/// Runs a wave. Where `loses` says so for a call, its answer is lost; whether it ran is the second question's answer.
fn drive_with(
    portal: &mut Portal,
    jobs: Vec<Job>,
    mut loses: impl FnMut(usize, bool) -> bool,
) -> Vec<Settlement> {
    let mut wave = Wave::new(jobs, PortalFacts::default());
    let mut count = 0;
    loop {
        let calls = wave.next_round();
        if calls.is_empty() {
            return wave.finish().0;
        }
        for call in calls {
            count += 1;
            if loses(count, false) {
                if loses(count, true) {
                    portal.run(&call);
                }
                wave.answer(&call, CallAnswer::InDoubt);
            } else {
                let answers = portal.run(&call);
                wave.answer(&call, CallAnswer::Answered(answers));
            }
        }
    }
}

fn only(settlements: Vec<Settlement>) -> Settlement {
    assert_eq!(settlements.len(), 1);
    settlements.into_iter().next().unwrap()
}

const DONE: Outcome = Outcome::Done { wrote: true };

#[test]
fn a_company_that_is_gone_is_looked_for_again_like_a_contact() {
    let mut portal = Portal::default();
    let customer = json!({
        "id": "7", "kind": "company", "name": "Иван", "phones": ["+74951002030"],
        "company": {"title": "ООО", "inn": "7707083893"}
    });
    let first = json!({"number": "1", "customer": customer});
    let settled = only(drive(&mut portal, vec![job(&first, Known::default())]));
    let known = Known {
        contact_id: settled.known.contact_id,
        company_id: settled.known.company_id,
        ..Known::default()
    };
    assert_eq!(known.company_id, Some(1));
    // A manager merges it into an older one, which takes the requisite over.
    let mut older = portal.companies.remove(&1).unwrap();
    older.insert("ID".to_owned(), json!("40"));
    older.insert("ORIGIN_ID".to_owned(), Value::Null);
    portal.companies.insert(40, older);
    for requisite in portal.requisites.values_mut() {
        requisite.insert("ENTITY_ID".to_owned(), json!("40"));
    }
    let second = json!({"number": "2", "customer": customer});
    let settled = only(drive(&mut portal, vec![job(&second, known)]));
    assert_eq!(settled.known.company_id, Some(40));
    assert_eq!(portal.deals[&2]["COMPANY_ID"], json!(40));
    assert!(settled.notes.iter().any(|note| note.contains("company 1")));
    assert_eq!(portal.companies.len(), 1);
    // It is deleted, but its requisite outlives it: a new one is made.
    portal.companies.clear();
    let third = json!({"number": "3", "customer": customer});
    let known = Known {
        company_id: settled.known.company_id,
        ..Known::default()
    };
    let settled = only(drive(&mut portal, vec![job(&third, known)]));
    assert_eq!(settled.known.company_id, Some(1));
    assert_eq!(portal.deals[&3]["COMPANY_ID"], json!(1));
}

#[test]
fn a_lone_new_order_takes_three_calls() {
    let mut portal = Portal::default();
    let settled = only(drive(
        &mut portal,
        vec![job(&order(1, 1), Known::default())],
    ));
    assert_eq!(settled.outcome, DONE);
    assert_eq!(portal.calls, 3);
    let deal = &portal.deals[&1];
    assert_eq!(
        (
            &deal["ORIGINATOR_ID"],
            &deal["ORIGIN_ID"],
            &deal["STAGE_ID"]
        ),
        (&json!("main"), &json!("A1"), &json!("NEW"))
    );
    assert_eq!(
        (&deal["CONTACT_ID"], &deal["OPPORTUNITY"]),
        (&json!(1), &json!("300.00"))
    );
    assert_eq!(
        portal
            .rows
            .values()
            .next()
            .unwrap()
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(settled.known.target, Some(Target::Deal(1)));
    assert_eq!(settled.stage, Some(Stage::new(0, "NEW")));
}

#[test]
fn a_thousand_new_orders_of_a_thousand_new_customers_take_at_most_seventy_two_calls() {
    let mut portal = Portal::default();
    let orders: Vec<Value> = (0..1_000).map(|number| order(number, number)).collect();
    for wave in orders.chunks(400) {
        let settled = drive(
            &mut portal,
            wave.iter()
                .map(|order| job(order, Known::default()))
                .collect(),
        );
        assert!(settled.iter().all(|one| one.outcome == DONE));
    }
    assert_eq!((portal.deals.len(), portal.contacts.len()), (1_000, 1_000));
    assert!(portal.calls <= 72, "{} calls", portal.calls);
}

#[test]
fn an_order_of_a_linked_contact_takes_two_calls_and_an_unchanged_one_none() {
    let mut portal = Portal::default();
    let first = only(drive(
        &mut portal,
        vec![job(&order(1, 1), Known::default())],
    ));
    portal.calls = 0;
    let known = Known {
        contact_id: first.known.contact_id,
        ..Known::default()
    };
    let second = only(drive(&mut portal, vec![job(&order(2, 1), known)]));
    assert_eq!((second.outcome, portal.calls), (DONE, 2));
    portal.calls = 0;
    let again = only(drive(&mut portal, vec![job(&order(1, 1), first.known)]));
    assert_eq!(
        (again.outcome, portal.calls),
        (Outcome::Done { wrote: false }, 0)
    );
}

#[test]
fn two_orders_of_one_new_customer_make_one_contact() {
    let mut portal = Portal::default();
    let mut by_email = order(2, 1);
    by_email["customer"]["phones"] = json!(["+79990000000"]);
    drive(
        &mut portal,
        vec![
            job(&order(1, 1), Known::default()),
            job(&by_email, Known::default()),
        ],
    );
    assert_eq!((portal.contacts.len(), portal.deals.len()), (1, 2));
    assert_eq!(portal.contacts[&1]["PHONE"].as_array().unwrap().len(), 2);
}

#[test]
fn a_contact_in_another_spelling_is_found_completed_and_keeps_its_name() {
    let mut portal = Portal::default();
    let typed = json!({"ID": "1", "NAME": "Маша из бухгалтерии", "PHONE": [{"ID": "9", "VALUE": "89160000001"}]});
    portal
        .contacts
        .insert(1, typed.as_object().unwrap().clone());
    let settled = only(drive(
        &mut portal,
        vec![job(&order(1, 1), Known::default())],
    ));
    assert_eq!(settled.known.contact_id, Some(1));
    assert_eq!(portal.contacts[&1]["NAME"], "Маша из бухгалтерии");
    assert_eq!(portal.contacts[&1]["EMAIL"][0]["VALUE"], "c1@example.com");
}

#[test]
fn of_several_matching_contacts_the_oldest_is_taken_and_it_is_told() {
    let mut portal = Portal::default();
    for id in [7_u64, 3] {
        let row = json!({"ID": id.to_string(), "PHONE": [{"VALUE": "+79160000001"}]});
        portal.contacts.insert(id, row.as_object().unwrap().clone());
    }
    let settled = only(drive(
        &mut portal,
        vec![job(&order(1, 1), Known::default())],
    ));
    assert_eq!(settled.known.contact_id, Some(3));
    assert!(
        settled.notes.iter().any(|note| note.contains("2 contacts")),
        "{:?}",
        settled.notes
    );
}

#[test]
fn more_than_twenty_hits_in_one_search_hide_nobody() {
    let mut portal = Portal::default();
    for id in 1..=30_u64 {
        let row = json!({"ID": id.to_string(), "PHONE": [{"VALUE": format!("+7916{id:07}")}]});
        portal.contacts.insert(id, row.as_object().unwrap().clone());
    }
    let jobs = (1..=30)
        .map(|at| job(&order(at, at), Known::default()))
        .collect();
    let settled = drive(&mut portal, jobs);
    assert_eq!(portal.contacts.len(), 30);
    for (at, one) in settled.iter().enumerate() {
        assert_eq!(one.known.contact_id, Some(at as u64 + 1));
    }
}

#[test]
fn a_legal_entity_becomes_a_company_with_its_requisite_and_is_found_again_by_its_number() {
    let mut portal = Portal::default();
    let mut first = order(1, 1);
    first["customer"]["company"] = json!({"title": "ООО «Ромашка»", "inn": "7707083893", "kpp": "770701001", "address": "Москва"});
    drive(&mut portal, vec![job(&first, Known::default())]);
    assert_eq!(portal.requisites[&1]["RQ_INN"], "7707083893");
    assert_eq!(portal.requisites[&1]["ENTITY_ID"], "1");
    assert_eq!(portal.deals[&1]["COMPANY_ID"], 1);
    portal.companies.get_mut(&1).unwrap().remove("ORIGIN_ID");
    let mut second = order(2, 2);
    second["customer"]["company"] = json!({"title": "Ромашка", "inn": "7707083893"});
    drive(&mut portal, vec![job(&second, Known::default())]);
    assert_eq!(
        (portal.companies.len(), &portal.deals[&2]["COMPANY_ID"]),
        (1, &json!(1))
    );
}

#[test]
fn a_later_event_writes_only_what_changed_and_leaves_what_managers_own() {
    let mut portal = Portal::default();
    let first = only(drive(
        &mut portal,
        vec![job(&order(1, 1), Known::default())],
    ));
    portal
        .deals
        .get_mut(&1)
        .unwrap()
        .insert("TITLE".to_owned(), json!("Срочно! Заказ"));
    portal.methods.clear();
    let mut paid = order(1, 1);
    paid["status"] = json!("P");
    paid["comment"] = json!("Позвоните");
    let second = only(drive(&mut portal, vec![job(&paid, first.known)]));
    assert_eq!(second.outcome, DONE);
    let deal = &portal.deals[&1];
    assert_eq!(
        (&deal["COMMENTS"], &deal["TITLE"], &deal["STAGE_ID"]),
        (&json!("Позвоните"), &json!("Срочно! Заказ"), &json!("NEW")),
        "what a new status means for the stage is decided elsewhere"
    );
    assert!(
        !portal.methods.contains(&"crm.deal.productrows.set"),
        "{:?}",
        portal.methods
    );
}

#[test]
fn a_stage_that_means_the_same_is_not_written_over() {
    let mut portal = Portal::default();
    let first = only(drive(
        &mut portal,
        vec![job(&order(1, 1), Known::default())],
    ));
    portal
        .deals
        .get_mut(&1)
        .unwrap()
        .insert("STAGE_ID".to_owned(), json!("PREPARATION"));
    let mut more = order(1, 1);
    more["comment"] = json!("Позвоните");
    only(drive(&mut portal, vec![job(&more, first.known)]));
    assert_eq!(portal.deals[&1]["STAGE_ID"], "PREPARATION");
    assert_eq!(portal.deals[&1]["COMMENTS"], "Позвоните");
}

#[test]
fn an_unmapped_status_and_a_stage_the_portal_does_not_have_are_hopeless_and_write_nothing() {
    for (status, code) in [("Q", Code::Status), ("X", Code::StageUnknown)] {
        let mut portal = Portal::default();
        let mut lost = order(1, 1);
        lost["status"] = json!(status);
        let settled = only(drive(&mut portal, vec![job(&lost, Known::default())]));
        assert!(
            matches!(settled.outcome, Outcome::Hopeless { code: found, .. } if found == code),
            "{settled:?}"
        );
        assert!(portal.deals.is_empty() && portal.contacts.is_empty());
    }
}

#[test]
fn a_refused_order_leaves_its_neighbours_alone_and_carries_the_portals_words() {
    let mut portal = Portal::default();
    let mut currency = order(2, 2);
    currency["currency"] = json!("XXX");
    let mut email = order(3, 3);
    email["customer"]["emails"] = json!(["bad"]);
    let jobs = vec![
        job(&order(1, 1), Known::default()),
        job(&currency, Known::default()),
        job(&email, Known::default()),
    ];
    let settled = drive(&mut portal, jobs);
    assert_eq!(settled[0].outcome, DONE);
    assert!(
        matches!(&settled[1].outcome, Outcome::Refused { code: Code::Currency, message } if message.contains("Валюта"))
    );
    assert!(matches!(
        &settled[2].outcome,
        Outcome::Refused {
            code: Code::Email,
            ..
        }
    ));
    assert_eq!(portal.deals.len(), 1);
}

#[test]
fn a_deal_that_is_gone_waits_for_a_person_and_is_made_anew_when_asked() {
    let mut portal = Portal::default();
    let first = only(drive(
        &mut portal,
        vec![job(&order(1, 1), Known::default())],
    ));
    let gone = portal.deals.remove(&1).unwrap();
    portal
        .deals
        .insert(9, Map::from_iter([("ID".to_owned(), json!("9"))]));
    let mut changed = order(1, 1);
    changed["comment"] = json!("?");
    let settled = only(drive(&mut portal, vec![job(&changed, first.known.clone())]));
    assert!(
        matches!(
            settled.outcome,
            Outcome::Hopeless {
                code: Code::DealGone,
                ..
            }
        ),
        "{settled:?}"
    );
    let mut again = job(&changed, first.known);
    again.recreate = true;
    assert_eq!(only(drive(&mut portal, vec![again])).outcome, DONE);
    assert_eq!(
        portal
            .deals
            .values()
            .filter(|deal| deal.get("ORIGIN_ID") == gone.get("ORIGIN_ID"))
            .count(),
        1
    );
}

#[test]
fn a_sum_that_the_portal_makes_differently_is_set_by_hand() {
    let mut portal = Portal {
        miscounts: true,
        ..Portal::default()
    };
    let settled = only(drive(
        &mut portal,
        vec![job(&order(1, 1), Known::default())],
    ));
    assert_eq!(settled.outcome, DONE);
    assert_eq!(
        (
            &portal.deals[&1]["OPPORTUNITY"],
            &portal.deals[&1]["IS_MANUAL_OPPORTUNITY"]
        ),
        (&json!("300.00"), &json!("Y"))
    );
    assert!(!settled.notes.is_empty());
}

#[test]
fn a_stage_on_a_later_page_of_a_long_funnel_is_known() {
    let mut portal = Portal {
        early_stages: 60,
        ..Portal::default()
    };
    let settled = only(drive(
        &mut portal,
        vec![job(
            &json!({"number": "1", "status": "P"}),
            Known::default(),
        )],
    ));
    assert_eq!(settled.outcome, DONE);
    assert_eq!(portal.deals[&1]["STAGE_ID"], "EXECUTING");
    let read = |method: &&&str| **method == "crm.status.list";
    assert_eq!(portal.methods.iter().filter(read).count(), 2);
}

#[test]
fn a_user_field_that_the_portal_leaves_empty_is_told() {
    let mut portal = Portal::default();
    let mut mapped = job(
        &json!({"number": "1", "properties": {"promo": "X", "gift": "да"}}),
        Known::default(),
    );
    let mut with_fields = rules();
    for (property, field) in [
        ("properties.promo", "UF_CRM_LIST"),
        ("properties.gift", "UF_CRM_TEXT"),
    ] {
        with_fields
            .fields
            .insert(property.to_owned(), field.to_owned());
    }
    mapped.rules = Arc::new(with_fields);
    let mut wave = Wave::new(vec![mapped], PortalFacts::default());
    loop {
        let calls = wave.next_round();
        if calls.is_empty() {
            break;
        }
        for call in calls {
            let mut answers = portal.run(&call);
            for answer in answers.values_mut() {
                if let CommandAnswer::Done {
                    result: Value::Array(rows),
                    ..
                } = answer
                {
                    for row in rows
                        .iter_mut()
                        .filter(|row| row.get("UF_CRM_LIST").is_some())
                    {
                        row["UF_CRM_LIST"] = json!(false);
                    }
                }
            }
            wave.answer(&call, CallAnswer::Answered(answers));
        }
    }
    let settled = only(wave.finish().0);
    assert_eq!(settled.outcome, DONE);
    let told: Vec<_> = settled
        .notes
        .iter()
        .filter(|note| note.contains("empty"))
        .collect();
    assert!(
        told.len() == 1 && told[0].contains("UF_CRM_LIST") && !told[0].contains("UF_CRM_TEXT"),
        "{told:?}"
    );
}

#[test]
fn a_user_field_that_the_portal_drops_is_told() {
    let mut portal = Portal::default();
    let mut mapped = job(
        &json!({"number": "1", "properties": {"promo": "X"}}),
        Known::default(),
    );
    let mut with_field = rules();
    with_field
        .fields
        .insert("properties.promo".to_owned(), "UF_CRM_PROMO".to_owned());
    mapped.rules = Arc::new(with_field);
    let mut wave = Wave::new(vec![mapped], PortalFacts::default());
    loop {
        let calls = wave.next_round();
        if calls.is_empty() {
            break;
        }
        for call in calls {
            let answers = portal.run(&call);
            for deal in portal.deals.values_mut() {
                deal.remove("UF_CRM_PROMO");
            }
            let answers = answers.into_iter().map(|(key, mut answer)| {
                if let CommandAnswer::Done {
                    result: Value::Array(rows),
                    ..
                } = &mut answer
                {
                    rows.iter_mut()
                        .filter_map(Value::as_object_mut)
                        .for_each(|row| drop(row.remove("UF_CRM_PROMO")));
                }
                (key, answer)
            });
            wave.answer(&call, CallAnswer::Answered(answers.collect()));
        }
    }
    let settled = only(wave.finish().0);
    assert!(
        matches!(
            settled.outcome,
            Outcome::Hopeless {
                code: Code::Field,
                ..
            }
        ),
        "{settled:?}"
    );
    assert_eq!(settled.known.target, Some(Target::Deal(1)));
}

#[test]
fn an_order_of_the_configured_kind_becomes_a_lead_and_stays_one() {
    let mut portal = Portal::default();
    let mut lead_rules = rules();
    lead_rules.leads.push(crate::domain::LeadRule {
        channel: Some("one-click".to_owned()),
        property: None,
        status: "NEW".to_owned(),
    });
    let mut quick = order(1, 1);
    quick["origin"] = json!({"channel": "one-click"});
    let mut one = job(&quick, Known::default());
    one.rules = Arc::new(lead_rules);
    let settled = only(drive(&mut portal, vec![one.clone()]));
    assert_eq!(settled.known.target, Some(Target::Lead(1)));
    assert!(portal.deals.is_empty() && portal.contacts.is_empty());
    assert_eq!(portal.leads[&1]["PHONE"][0]["VALUE"], "+79160000001");
    one.known = settled.known;
    if let Intent::Save(snapshot) = &mut one.intent {
        snapshot.comment = Some("Перезвоните".to_owned());
    }
    only(drive(&mut portal, vec![one]));
    assert_eq!(
        (portal.leads.len(), &portal.leads[&1]["COMMENTS"]),
        (1, &json!("Перезвоните"))
    );
}

#[test]
fn a_deleted_order_moves_its_deal_only_if_the_rules_say_so() {
    let mut portal = Portal::default();
    let first = only(drive(
        &mut portal,
        vec![job(&order(1, 1), Known::default())],
    ));
    let mut delete = job(&order(1, 1), first.known);
    delete.intent = Intent::Delete;
    assert_eq!(
        only(drive(&mut portal, vec![delete.clone()])).outcome,
        Outcome::Done { wrote: false }
    );
    let mut moving = rules();
    moving.on_deleted = OnDeleted::Stage(Stage::new(0, "LOSE"));
    delete.rules = Arc::new(moving);
    only(drive(&mut portal, vec![delete]));
    assert_eq!(portal.deals[&1]["STAGE_ID"], "LOSE");
}

#[test]
fn answers_of_unexpected_shape_break_nothing() {
    for strange in [
        json!(null),
        json!([]),
        json!({"id": []}),
        json!("yes"),
        json!(true),
        json!({"items": 5}),
    ] {
        let mut wave = Wave::new(
            vec![job(&order(1, 1), Known::default())],
            PortalFacts::default(),
        );
        loop {
            let calls = wave.next_round();
            if calls.is_empty() {
                break;
            }
            for call in calls {
                let answer = |command: &Command| {
                    (
                        command.key.clone(),
                        CommandAnswer::Done {
                            result: strange.clone(),
                            next: None,
                        },
                    )
                };
                wave.answer(
                    &call,
                    CallAnswer::Answered(call.commands.iter().map(answer).collect()),
                );
            }
        }
        let settled = only(wave.finish().0);
        assert!(
            matches!(
                settled.outcome,
                Outcome::Refused {
                    code: Code::Protocol,
                    ..
                }
            ),
            "{strange}: {settled:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever answers are lost, and whether the portal ran what it did not answer.
    #[test]
    fn lost_answers_never_make_a_deal_or_a_contact_twice(
        losses in prop::collection::vec((0u8..4, any::<bool>()), 40),
        orders in prop::collection::vec(0usize..6, 1..40),
    ) {
        let mut portal = Portal::default();
        let orders: Vec<Value> = orders.iter().enumerate().map(|(number, customer)| order(number, *customer)).collect();
        let mut known: Vec<Known> = vec![Known::default(); orders.len()];
        let mut open: Vec<usize> = (0..orders.len()).collect();
        let mut losses = losses.into_iter();
        for _ in 0..60 {
            let jobs = open.iter().map(|at| job(&orders[*at], known[*at].clone())).collect();
            let mut ran = false;
            let settled = drive_with(&mut portal, jobs, |_, second| {
                if second {
                    return ran;
                }
                let (loses, executed) = losses.next().unwrap_or((1, false));
                ran = executed;
                loses == 0
            });
            let mut left = Vec::new();
            for one in settled {
                let at = open[one.job];
                known[at] = one.known;
                if matches!(one.outcome, Outcome::Again { .. }) {
                    left.push(at);
                } else {
                    prop_assert!(matches!(one.outcome, Outcome::Done { .. }), "{:?}", one.outcome);
                }
            }
            open = left;
            if open.is_empty() {
                break;
            }
        }
        prop_assert!(open.is_empty());
        prop_assert_eq!(portal.deals.len(), orders.len());
        let customers: std::collections::BTreeSet<String> =
            orders.iter().map(|order| order["customer"]["emails"][0].to_string()).collect();
        prop_assert_eq!(portal.contacts.len(), customers.len());
        for deal in portal.deals.values() {
            prop_assert_eq!(value::decimal(deal.get("OPPORTUNITY")), Some(300.into()));
            let rows = portal.rows.get(&format!("crm.deal.productrows.set{}", value::id(&deal["ID"]).unwrap()));
            prop_assert_eq!(rows.and_then(Value::as_array).map(Vec::len), Some(3));
        }
    }
}

#[test]
fn the_portals_words_tell_what_is_wrong_with_an_order() {
    for (words, code) in [
        ("Неверное значение поля «Валюта»", Code::Currency),
        ("Некорректный адрес электронной почты", Code::Email),
        ("Access denied.", Code::Rights),
        ("Доступ запрещен", Code::Rights),
        ("ACCESS_DENIED", Code::Rights),
        ("Не заполнено обязательное поле", Code::Refused),
    ] {
        assert_eq!(super::wave::classify(words), code, "{words}");
    }
}
