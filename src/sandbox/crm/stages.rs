//! Funnels, stages and other dictionaries, and the history of the moves between stages.

use super::{
    Crm,
    fields::Entity,
    methods::lists::{self, Source},
};
use crate::sandbox::{
    PortalState,
    options::{Options, Semantics},
    protocol::{
        decode::{Params, id, int, text},
        envelope::{Fail, Outcome, Reply},
    },
};
use serde_json::{Map, Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Semantic {
    Process,
    Success,
    Failure,
}

impl Semantic {
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Self::Process => "P",
            Self::Success => "S",
            Self::Failure => "F",
        }
    }
}

/// One line of a dictionary.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) dictionary: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) sort: usize,
    pub(crate) meaning: Option<Semantics>,
    pub(crate) category: Option<u64>,
    number: usize,
}

impl Entry {
    pub(crate) fn semantic(&self) -> Semantic {
        match self.meaning {
            Some(Semantics::Success) => Semantic::Success,
            Some(Semantics::Failure | Semantics::Apology) => Semantic::Failure,
            _ => Semantic::Process,
        }
    }

    fn value(&self) -> Value {
        let letter = match self.semantic() {
            Semantic::Process => Value::Null,
            other => other.letter().into(),
        };
        let system = self.sort == 10 || self.meaning == Some(Semantics::Success);
        let mut row = json!({
            "ID": self.number.to_string(), "ENTITY_ID": self.dictionary, "STATUS_ID": self.id,
            "NAME": self.name, "NAME_INIT": if system { self.name.as_str() } else { "" },
            "SORT": self.sort.to_string(), "SYSTEM": if system { "Y" } else { "N" },
            "CATEGORY_ID": self.category.filter(|c| *c > 0).map(|c| c.to_string()),
            "COLOR": "#39A8EF", "SEMANTICS": letter,
        });
        if let (Some(meaning), Value::Object(map)) = (self.meaning, &mut row) {
            let word = match meaning {
                Semantics::Process => "process",
                Semantics::Success => "success",
                Semantics::Failure => "failure",
                Semantics::Apology => "apology",
            };
            map.insert(
                "EXTRA".into(),
                json!({ "SEMANTICS": word, "COLOR": "#39A8EF" }),
            );
        }
        row
    }
}

/// All dictionaries of `crm.status.*`, with the funnels and their stages.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) entries: Vec<Entry>,
    pub(crate) funnels: Vec<(u64, String)>,
}

const SMALL: [(&str, &[(&str, &str)]); 7] = [
    (
        "DEAL_TYPE",
        &[
            ("SALE", "Продажа"),
            ("COMPLEX", "Комплексная продажа"),
            ("GOODS", "Продажа товара"),
            ("SERVICES", "Услуги"),
        ],
    ),
    (
        "SOURCE",
        &[
            ("CALL", "Звонок"),
            ("EMAIL", "Электронная почта"),
            ("WEB", "Веб-сайт"),
            ("ADVERTISING", "Реклама"),
            ("PARTNER", "Существующий клиент"),
            ("RECOMMENDATION", "По рекомендации"),
            ("TRADE_SHOW", "Выставка"),
            ("WEBFORM", "CRM-форма"),
            ("CALLBACK", "Обратный звонок"),
            ("STORE", "Интернет-магазин"),
            ("OTHER", "Другое"),
        ],
    ),
    (
        "CONTACT_TYPE",
        &[
            ("CLIENT", "Клиенты"),
            ("SUPPLIER", "Поставщики"),
            ("PARTNER", "Партнёры"),
            ("OTHER", "Другое"),
        ],
    ),
    (
        "COMPANY_TYPE",
        &[
            ("CUSTOMER", "Клиент"),
            ("SUPPLIER", "Поставщик"),
            ("COMPETITOR", "Конкурент"),
            ("PARTNER", "Партнёр"),
            ("OTHER", "Другое"),
        ],
    ),
    (
        "INDUSTRY",
        &[
            ("IT", "Информационные технологии"),
            ("MANUFACTURING", "Производство"),
            ("OTHER", "Другое"),
        ],
    ),
    (
        "EMPLOYEES",
        &[
            ("EMPLOYEES_1", "менее 50"),
            ("EMPLOYEES_2", "50-250"),
            ("EMPLOYEES_3", "250-500"),
        ],
    ),
    ("HONORIFIC", &[("HNR_RU_1", "г-н"), ("HNR_RU_2", "г-жа")]),
];

const LEAD_STATUSES: [(&str, &str, Semantics); 5] = [
    ("NEW", "Не обработан", Semantics::Process),
    ("IN_PROCESS", "В работе", Semantics::Process),
    ("PROCESSED", "Обработан", Semantics::Process),
    ("CONVERTED", "Качественный лид", Semantics::Success),
    ("JUNK", "Некачественный лид", Semantics::Failure),
];

impl Book {
    pub(crate) fn new(options: &Options) -> Self {
        let mut book = Self {
            entries: Vec::new(),
            funnels: Vec::new(),
        };
        for (code, name, meaning) in LEAD_STATUSES {
            book.add("STATUS", code, name, Some(meaning), None);
        }
        for funnel in &options.funnels {
            book.funnels.push((funnel.id, funnel.name.clone()));
            let dictionary = dictionary(funnel.id);
            for stage in &funnel.stages {
                let id = funnel.stage_id(&stage.code);
                book.add(
                    &dictionary,
                    &id,
                    &stage.name,
                    Some(stage.semantics),
                    Some(funnel.id),
                );
            }
        }
        for (dictionary, lines) in SMALL {
            for (id, name) in lines {
                book.add(dictionary, id, name, None, None);
            }
        }
        book
    }

    /// Adds a stage to a funnel of deals, as somebody does in the portal's settings.
    pub(crate) fn grow(&mut self, category: u64, code: &str, name: &str) {
        let id = if category == 0 {
            code.to_owned()
        } else {
            format!("C{category}:{code}")
        };
        let meaning = Some(Semantics::Process);
        self.add(&dictionary(category), &id, name, meaning, Some(category));
    }

    /// Takes a stage of deals away. Cards that stand there stay.
    pub(crate) fn lose(&mut self, id: &str) {
        self.entries
            .retain(|entry| !(entry.category.is_some() && entry.id == id));
    }

    fn add(
        &mut self,
        dictionary: &str,
        id: &str,
        name: &str,
        meaning: Option<Semantics>,
        category: Option<u64>,
    ) {
        let sort = 10
            * (1 + self
                .entries
                .iter()
                .filter(|e| e.dictionary == dictionary)
                .count());
        self.entries.push(Entry {
            dictionary: dictionary.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            sort,
            meaning,
            category,
            number: self.entries.last().map_or(101, |last| last.number + 2),
        });
    }

    pub(crate) fn stages(&self, entity: Entity, category: u64) -> impl Iterator<Item = &Entry> {
        let name = match entity {
            Entity::Deal => dictionary(category),
            _ => "STATUS".to_owned(),
        };
        self.entries
            .iter()
            .filter(move |entry| entry.dictionary == name)
    }

    pub(crate) fn stage(&self, entity: Entity, category: u64, id: &str) -> Option<&Entry> {
        self.stages(entity, category).find(|entry| entry.id == id)
    }

    pub(crate) fn first(&self, entity: Entity, category: u64) -> Option<&Entry> {
        self.stages(entity, category).next()
    }

    pub(crate) fn category_or_default(&self, entity: Entity, id: u64) -> u64 {
        let known = entity == Entity::Deal && self.funnels.iter().any(|(own, _)| *own == id);
        if known { id } else { 0 }
    }
}

fn dictionary(category: u64) -> String {
    if category == 0 {
        "DEAL_STAGE".to_owned()
    } else {
        format!("DEAL_STAGE_{category}")
    }
}

/// One line of the stage history.
#[derive(Debug, Clone)]
pub(crate) struct StageMove {
    pub(crate) id: u64,
    pub(crate) kind: u8,
    pub(crate) owner: u64,
    pub(crate) at: String,
    pub(crate) category: u64,
    pub(crate) semantic: Semantic,
    pub(crate) stage: String,
}

impl StageMove {
    pub(crate) fn value(&self, entity: Entity) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("ID".into(), self.id.into());
        row.insert("TYPE_ID".into(), self.kind.into());
        row.insert("OWNER_ID".into(), self.owner.into());
        row.insert("CREATED_TIME".into(), self.at.clone().into());
        let (stage, semantic) = if entity == Entity::Lead {
            ("STATUS_ID", "STATUS_SEMANTIC_ID")
        } else {
            row.insert("CATEGORY_ID".into(), self.category.into());
            ("STAGE_ID", "STAGE_SEMANTIC_ID")
        };
        row.insert(semantic.into(), self.semantic.letter().into());
        row.insert(stage.into(), self.stage.clone().into());
        row
    }
}

impl Crm {
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per column of the history"
    )]
    pub(crate) fn write_history(
        &mut self,
        entity: Entity,
        owner: u64,
        category: u64,
        stage: &str,
        semantic: Semantic,
        kind: u8,
        at: String,
    ) {
        self.last_move += 1;
        let id = self.last_move;
        let stage = stage.to_owned();
        self.history.push((
            entity,
            StageMove {
                id,
                kind,
                owner,
                at,
                category,
                semantic,
                stage,
            },
        ));
    }
}

/// `crm.status.*`, `crm.category.*`, `crm.dealcategory.*`, `crm.stagehistory.list`.
pub(crate) fn call(world: &mut PortalState, path: &str, params: &Params) -> Option<Outcome> {
    Some(match path {
        "status.list" => statuses(world, params),
        "status.get" => status(world, params),
        "status.entity.types" => Ok(types(world).into()),
        "status.entity.items" => {
            let name = params.any("entityId").map(text).unwrap_or_default();
            Ok(named(world, &name))
        }
        "category.list" => categories(world, params),
        "category.get" => category(world, params),
        "category.fields" => Ok(json!({ "fields": category_fields() }).into()),
        "dealcategory.list" => {
            let own = world.crm.book.funnels.iter().filter(|(id, _)| *id > 0);
            let list = own.map(|(id, name)| {
                json!({ "ID": id.to_string(), "NAME": name, "SORT": "200", "IS_LOCKED": "N" })
            });
            Ok(list.collect::<Value>().into())
        }
        "dealcategory.stage.list" => {
            let id = params
                .any("id")
                .and_then(int)
                .and_then(|n| u64::try_from(n).ok());
            Ok(named(world, &dictionary(id.unwrap_or(0))))
        }
        "stagehistory.list" => history(world, params),
        _ => return None,
    })
}

fn named(world: &PortalState, dictionary: &str) -> Reply {
    let entries = world
        .crm
        .book
        .entries
        .iter()
        .filter(|e| e.dictionary == dictionary);
    let list = entries.map(|e| json!({ "NAME": e.name, "SORT": e.sort, "STATUS_ID": e.id }));
    list.collect::<Value>().into()
}

fn statuses(world: &PortalState, params: &Params) -> Outcome {
    if params
        .any("filter")
        .and_then(|f| f.get("ENTITY_ID"))
        .is_some_and(|v| !v.is_string())
    {
        return Err(Fail::plain("Filter by ENTITY_ID must be a string."));
    }
    let rows: Vec<Value> = world.crm.book.entries.iter().map(Entry::value).collect();
    lists::plain(world, &rows, params, Source::Classic)
}

fn status(world: &PortalState, params: &Params) -> Outcome {
    let wanted = params.any("id").map(text).unwrap_or_default();
    let entries = &world.crm.book.entries;
    let found = entries.iter().find(|e| e.number.to_string() == wanted);
    found.map(|e| e.value().into()).ok_or_else(Fail::not_found)
}

fn types(world: &PortalState) -> Value {
    let mut ids: Vec<&str> = world
        .crm
        .book
        .entries
        .iter()
        .map(|e| e.dictionary.as_str())
        .collect();
    ids.dedup();
    ids.iter()
        .map(|id| json!({ "ID": id, "NAME": id }))
        .collect()
}

fn funnel(id: u64, name: &str) -> Value {
    let mut row = json!({
        "id": id, "name": name, "sort": if id == 0 { 300 } else { 200 }, "entityTypeId": 2,
        "isDefault": if id == 0 { "Y" } else { "N" },
    });
    if let (true, Value::Object(map)) = (id > 0, &mut row) {
        map.insert("originId".into(), "".into());
        map.insert("originatorId".into(), "".into());
    }
    row
}

fn for_deals(params: &Params) -> Result<(), Fail> {
    if id(params.exact("entityTypeId")) == Some(2) {
        return Ok(());
    }
    Err(Fail::bad(
        "ENTITY_TYPE_NOT_SUPPORTED",
        "Тип элемента не поддерживает воронки",
    ))
}

fn categories(world: &PortalState, params: &Params) -> Outcome {
    for_deals(params)?;
    let list: Vec<Value> = world
        .crm
        .book
        .funnels
        .iter()
        .map(|(id, n)| funnel(*id, n))
        .collect();
    let total = Some(list.len());
    Ok(Reply {
        result: json!({ "categories": list }),
        total,
        next: None,
    })
}

fn category(world: &PortalState, params: &Params) -> Outcome {
    for_deals(params)?;
    let wanted = params
        .exact("id")
        .and_then(int)
        .and_then(|n| u64::try_from(n).ok());
    let found = world
        .crm
        .book
        .funnels
        .iter()
        .find(|(id, _)| Some(*id) == wanted);
    let (id, name) = found.ok_or_else(|| Fail::bad("NOT_FOUND", "Элемент не найден"))?;
    Ok(json!({ "category": funnel(*id, name) }).into())
}

fn category_fields() -> Value {
    let field = |kind: &str, read_only: bool| {
        json!({ "type": kind, "isRequired": false, "isReadOnly": read_only, "isImmutable": false,
            "isMultiple": false, "isDynamic": false })
    };
    json!({
        "id": field("integer", true), "name": field("string", false), "sort":
            field("integer", false),
        "entityTypeId": field("integer", true), "isDefault": field("boolean", false),
    })
}

fn history(world: &PortalState, params: &Params) -> Outcome {
    let entity = match id(params.exact("entityTypeId")) {
        Some(1) => Entity::Lead,
        Some(2) => Entity::Deal,
        _ => {
            return Err(Fail::bad(
                "INVALID_ARG_VALUE",
                "Invalid value of argument 'entityTypeId'",
            ));
        }
    };
    let rows: Vec<Value> = world
        .crm
        .history
        .iter()
        .filter(|(own, _)| *own == entity)
        .map(|(_, moved)| moved.value(entity).into())
        .collect();
    let mut reply = lists::plain(world, &rows, params, Source::Strict)?;
    reply.result = json!({ "items": reply.result });
    Ok(reply)
}
