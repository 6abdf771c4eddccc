//! Matching: which element of the portal a product is. It is asked for by code and by article.

use super::{
    Ask, LinkedElement, ProductWave, State,
    commands::PAGE,
    element::{Group, Part},
    fields::Kind,
};
use crate::{
    domain::{ErrorCode, happening::Note},
    planner::{
        Outcome,
        indexes::{JobIx, PartIx},
        json::{id, text},
    },
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

impl ProductWave {
    pub(super) fn plan_codes(&mut self) {
        let mut sought: BTreeMap<Kind, Vec<(String, JobIx)>> = BTreeMap::new();
        for (nth, state) in self.jobs.iter().enumerate() {
            for (at, part) in state.parts.iter().enumerate() {
                if !state.is_open() || !part.is_sought() {
                    continue;
                }
                let key = (Group::of(part.kind), part.code.clone());
                self.codes
                    .entry(key)
                    .or_default()
                    .push((JobIx::at(nth), PartIx::at(at)));
                let lists: &[Kind] = match part.kind {
                    Kind::Offer => &[Kind::Offer],
                    _ => &[Kind::Simple, Kind::Parent],
                };
                for kind in lists {
                    let code = (part.code.clone(), JobIx::at(nth));
                    sought.entry(*kind).or_default().push(code);
                }
            }
        }
        for (kind, codes) in sought {
            let Some(block) = kind.block(&self.facts) else {
                continue;
            };
            for some in codes.chunks(PAGE) {
                let wanted: BTreeSet<&String> = some.iter().map(|(code, _)| code).collect();
                let filter = json!({"iblockId": block, "xmlId": wanted});
                let params = self.elements(kind, block, &filter, 0);
                let jobs = some.iter().map(|(_, job)| *job).collect();
                self.ask((Ask::Codes { kind, jobs }, kind.list().0, params));
            }
        }
    }

    pub(super) fn plan_articles(&mut self) {
        let mut sought: BTreeMap<(Kind, String), Vec<(String, JobIx)>> = BTreeMap::new();
        for (nth, state) in self.jobs.iter().enumerate().filter(|(_, s)| s.is_open()) {
            if let Some((kind, field, article)) = self.article_of(state) {
                let one = (article, JobIx::at(nth));
                sought.entry((kind, field)).or_default().push(one);
            }
        }
        for ((kind, field), articles) in sought {
            for some in articles.chunks(PAGE) {
                let wanted: BTreeSet<&String> = some.iter().map(|(article, _)| article).collect();
                let block = self.facts.products;
                let filter = json!({"iblockId": block, &field: wanted});
                let params = self.elements(kind, block, &filter, 0);
                let jobs = some.iter().map(|(_, job)| *job).collect();
                let field = field.clone();
                self.ask((Ask::Articles { kind, field, jobs }, kind.list().0, params));
            }
        }
    }

    /// By what a product that was typed by hand would be recognised: its kind, the field, the
    /// article.
    fn article_of(&self, state: &State) -> Option<(Kind, String, String)> {
        let rules = &state.job.rules;
        let part = state.parts.first().filter(|part| part.is_sought())?;
        let product = state.job.product.as_ref().filter(|_| rules.adopts)?;
        let property = rules.article_property.as_deref()?;
        let field = self.facts.article(self.facts.products, property)?;
        Some((part.kind, field, product.sku.clone()?))
    }

    pub(super) fn found(&mut self, listed_as: Kind, row: &Map<String, Value>) {
        let Some(own) = row.get("id").and_then(id) else {
            return;
        };
        let code = text(row.get("xmlId"));
        // An element without an external code shows its own id for one.
        if code == own.to_string() {
            return;
        }
        let kind = Kind::of(&text(row.get("type"))).unwrap_or(listed_as);
        let key = (Group::of(listed_as), code);
        for (job, part) in self.codes.get(&key).into_iter().flatten() {
            let part = &mut self.jobs[*job].parts[*part];
            part.matches.insert(own, (kind, row.clone()));
        }
    }

    /// More was found than a page holds. Whoever is not found for certain is looked for alone.
    pub(super) fn crowded(&mut self, jobs: &[JobIx], message: &str) {
        let code = ErrorCode::CatTwoMatches;
        if let [job] = jobs {
            return self.jobs[*job].hopeless(code, message.to_owned());
        }
        for job in jobs {
            let message = message.to_owned();
            self.jobs[*job].end(Outcome::Apart { code, message });
        }
    }

    pub(super) fn found_alike(&mut self, job: JobIx, field: &str, rows: &[Map<String, Value>]) {
        let state = &mut self.jobs[job];
        let product = state.job.product.as_ref();
        let Some(article) = product.and_then(|product| product.sku.clone()) else {
            return;
        };
        for row in rows {
            if inner(row.get(field)) == json!(article)
                && let Some(id) = row.get("id").and_then(id)
            {
                state.parts[0].alike.insert(id, row.clone());
            }
        }
    }

    /// What was found under the external codes is what stands for the products.
    pub(super) fn resolve_codes(&mut self) {
        for ((_, code), who) in &self.codes {
            if let [(first, _), (second, _), ..] = who[..]
                && first != second
            {
                let ids = [&self.jobs[first].job.id, &self.jobs[second].job.id];
                let words = format!(
                    "products {} and {} of the shop have the same external code `{code}`",
                    ids[0], ids[1]
                );
                for (job, _) in who {
                    self.jobs[*job].hopeless(ErrorCode::CatTwoMatches, words.clone());
                }
            }
        }
        for state in self.jobs.iter_mut().filter(|state| state.is_open()) {
            state.resolve();
        }
    }

    /// Whom only an article tells is recognised by it, if nobody else can be meant.
    pub(super) fn resolve_articles(&mut self) {
        let mut taken: HashMap<u64, JobIx> = HashMap::new();
        for nth in JobIx::all(self.jobs.len()) {
            let state = &mut self.jobs[nth];
            if !state.is_open() {
                continue;
            }
            let Some(id) = state.adopted() else {
                continue;
            };
            if let Some(other) = taken.insert(id, nth) {
                let words =
                    format!("product {id} of the portal has the article of several products");
                for job in [nth, other] {
                    let state = &mut self.jobs[job];
                    state.parts[0].element = None;
                    state.outcome = None;
                    state.hopeless(ErrorCode::CatTwoMatches, words.clone());
                }
            }
        }
    }
}

impl State {
    fn resolve(&mut self) {
        for at in 0..self.parts.len() {
            let part = &mut self.parts[at];
            let kind = part.kind;
            let own = part.matches.iter().filter(|(_, (of, _))| *of == kind);
            let own: Vec<(u64, Map<String, Value>)> =
                own.map(|(id, (_, row))| (*id, row.clone())).collect();
            let others = part.matches.iter().filter(|(_, (of, _))| *of != kind);
            let others: Vec<(u64, Kind)> = others
                .filter(|(_, (_, row))| text(row.get("active")) != "N")
                .map(|(id, (kind, _))| (*id, *kind))
                .collect();
            if own.len() > 1 {
                let ids: Vec<_> = own.iter().map(|(id, _)| id.to_string()).collect();
                let words = format!(
                    "the portal has {} products with the external code `{}`: {}",
                    ids.len(),
                    part.code,
                    ids.join(", ")
                );
                return self.hopeless(ErrorCode::CatTwoMatches, words);
            }
            if let Some((id, row)) = own.first() {
                part.element = Some(element(*id, kind, row));
            }
            let known = |id: u64, all: &[(u64, Kind)]| all.iter().any(|(other, _)| *other == id);
            for (id, kind) in others {
                if !known(id, &self.retired) {
                    self.retired.push((id, kind));
                }
            }
        }
    }

    /// The element that was typed by hand for this product, if there is one. What is doubtful is
    /// told.
    fn adopted(&mut self) -> Option<u64> {
        let job = &self.job;
        let part: &mut Part = self.parts.first_mut()?;
        if !part.is_sought() {
            return None;
        }
        // A shop's own: another product of ours, or a neighbour's, that has the same article.
        let is_own = |row: &Map<String, Value>| {
            let code = text(row.get("xmlId"));
            let mut prefixes = job.neighbours.iter().chain([&job.rules.prefix]);
            prefixes.any(|prefix| !prefix.is_empty() && code.starts_with(prefix.as_str()))
        };
        let alike = part.alike.iter().filter(|(_, row)| !is_own(row));
        let alike: Vec<(u64, Map<String, Value>)> =
            alike.map(|(id, row)| (*id, row.clone())).collect();
        let (id, row) = match &alike[..] {
            [] => return None,
            [one] => one,
            several => {
                let ids: Vec<_> = several.iter().map(|(id, _)| id.to_string()).collect();
                let words = format!(
                    "several products of the portal have its article: {}",
                    ids.join(", ")
                );
                self.hopeless(ErrorCode::CatTwoMatches, words);
                return None;
            }
        };
        let code = text(row.get("xmlId"));
        if !code.is_empty() && code != id.to_string() {
            let words = format!(
                "product {id} of the portal has its article and the external code `{code}` of \
                 somebody else"
            );
            self.hopeless(ErrorCode::CatTwoMatches, words);
            return None;
        }
        part.element = Some(element(*id, part.kind, row));
        self.notes.push(Note::ProductByArticle { product: *id });
        Some(*id)
    }
}

/// An element as the portal shows it.
fn element(id: u64, kind: Kind, row: &Map<String, Value>) -> LinkedElement {
    let fields = row
        .iter()
        .filter(|(name, _)| !["id", "iblockId", "type"].contains(&&***name));
    LinkedElement {
        id,
        parent: kind == Kind::Parent,
        fields: fields
            .map(|(name, value)| (name.clone(), inner(Some(value))))
            .collect(),
        prices: BTreeMap::new(),
    }
}

/// What a property holds: it is wrapped together with the id of its value.
fn inner(value: Option<&Value>) -> Value {
    let value = value.cloned().unwrap_or_default();
    match value.get("value") {
        Some(inner) => inner.clone(),
        None => value,
    }
}
