//! The commands of a wave of products, phase by phase.

use super::{
    Ask, MOST_WRITES, Phase, Planning, ProductWave, State, Write,
    element::{Group, Part},
    fields::{self, Kind, Unclear, Wanted},
    schema::{Missing, section_code},
};
use crate::{
    domain::ErrorCode,
    planner::{
        Outcome,
        indexes::{JobIx, PartIx},
    },
};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most rows on a page of a list (vendor limit); a filter is given as many values.
pub(super) const PAGE: usize = 50;
/// Pages of sections that are asked for at once.
const PAGES: u64 = 4;
/// Stands for the key of the first command of a group.
const FIRST: &str = "$result[first]";

/// Puts the key of a group's first command where it is referred to.
pub(super) fn refer(params: &mut Value, first: &str) {
    if let Some(Value::String(text)) = params.pointer_mut("/fields/productId")
        && text.starts_with(FIRST)
    {
        *text = text.replace(FIRST, &format!("$result[{first}]"));
    }
}

impl ProductWave {
    /// Plans the phase, or goes on to the next if it has nothing to ask any more.
    pub(super) fn plan(&mut self) {
        let phase = self.phase;
        self.phase = phase.next();
        match phase {
            Phase::Blocks => {
                let facts = [
                    Ask::Blocks,
                    Ask::Kinds,
                    Ask::Currencies,
                    Ask::Rates,
                    Ask::Units,
                ];
                for ask in facts {
                    self.ask_facts(ask, 0);
                }
            }
            Phase::Facts => self.plan_facts(),
            Phase::Codes => {
                self.find_properties();
                self.plan_codes();
            }
            Phase::Articles => {
                self.resolve_codes();
                self.plan_articles();
            }
            Phase::Prices => {
                self.resolve_articles();
                self.plan_prices();
            }
            Phase::Sections => {
                if !std::mem::replace(&mut self.chose, true) {
                    self.choose();
                    if self.is_dry {
                        self.phase = Phase::Over;
                        return;
                    }
                }
                if self.plan_sections() {
                    self.phase = Phase::Sections;
                }
            }
            Phase::Elements => self.plan_writes(Group::Products),
            Phase::Variations => self.plan_writes(Group::Offers),
            Phase::End => self.complete(),
            Phase::Over => {}
        }
    }

    pub(super) fn ask(&mut self, planning: Planning) {
        self.waiting.push_back(vec![planning]);
    }

    /// Asks for a page of what the catalogue leans on.
    pub(super) fn ask_facts(&mut self, ask: Ask, start: u64) {
        if let Some((method, mut params)) = ask.of_facts() {
            if start > 0 {
                params["start"] = json!(start);
            }
            self.ask((ask, method, params));
        }
    }

    fn plan_facts(&mut self) {
        if self.facts.products == 0 {
            let message = "no product catalogue is to be seen in the portal".to_owned();
            return self.hinder(ErrorCode::CatNoRight, message);
        }
        let shown = self
            .jobs
            .iter()
            .any(|state| !state.job.quantities.is_empty());
        if shown && self.facts.keeps_stock.is_none() {
            self.ask((Ask::Mode, "catalog.document.mode.status", json!({})));
        }
        if !self.reads {
            return;
        }
        for block in [Some(self.facts.products), self.facts.offers]
            .into_iter()
            .flatten()
        {
            self.ask_facts(Ask::Properties { block }, 0);
        }
        for page in 0..PAGES {
            self.ask_sections(page);
        }
    }

    pub(super) fn ask_sections(&mut self, page: u64) {
        let params = json!({
            "filter": {"iblockId": self.facts.products},
            "select": ["id", "iblockId", "name", "xmlId", "iblockSectionId"],
            "order": {"id": "asc"}, "start": page * PAGE as u64,
        });
        self.ask((Ask::Sections { page }, "catalog.section.list", params));
    }

    /// Finds the fields of the properties that are written besides the article.
    fn find_properties(&mut self) {
        let blocks = [Some(self.facts.products), self.facts.offers];
        let jobs = self.jobs.iter().map(|state| &state.job);
        let mut names = BTreeSet::new();
        for job in jobs {
            let product = job.product.as_deref();
            let variations = product.into_iter().flat_map(|product| &product.variations);
            let variations = variations.map(|one| &one.attributes);
            let own = product.map(|product| &product.attributes);
            for attributes in own.into_iter().chain(variations) {
                names.extend(fields::named(attributes, &job.rules).map(|(name, _)| name));
            }
        }
        for block in blocks.into_iter().flatten() {
            let fields = names.iter();
            let fields = fields.filter_map(|name| self.facts.property(block, name));
            self.properties.insert(block, fields.collect());
        }
    }

    /// A list of elements with all that may be written.
    pub(super) fn elements(&self, kind: Kind, block: u64, filter: &Value, start: u64) -> Value {
        let mut select: Vec<String> = [
            "id",
            "iblockId",
            "type",
            "xmlId",
            "name",
            "active",
            "detailText",
            "detailTextType",
        ]
        .map(str::to_owned)
        .to_vec();
        if kind != Kind::Offer {
            select.push("iblockSectionId".to_owned());
        }
        if kind != Kind::Parent {
            select.extend(["vatId", "vatIncluded", "measure"].map(str::to_owned));
        }
        let rules = self.jobs.iter().map(|state| &state.job.rules);
        let names: BTreeSet<&String> = rules
            .filter_map(|rules| rules.article_property.as_ref())
            .collect();
        let fields = names
            .into_iter()
            .filter_map(|name| self.facts.article(block, name));
        select.extend(fields);
        let others = self.properties.get(&block).into_iter().flatten();
        let others = others.filter(|field| !select.contains(field));
        let others: Vec<String> = others.cloned().collect();
        select.extend(others);
        json!({"select": select, "filter": filter, "order": {"id": "asc"}, "start": start})
    }

    fn plan_prices(&mut self) {
        let mut kinds = BTreeSet::new();
        let mut sought: Vec<(u64, JobIx)> = Vec::new();
        for (nth, state) in self.jobs.iter().enumerate().filter(|(_, s)| s.is_open()) {
            let Some(product) = &state.job.product else {
                continue;
            };
            let variations = product.variations.iter().flat_map(|one| &one.prices);
            let rules = &state.job.rules;
            let of = variations.chain(&product.prices).filter_map(|price| {
                let name = price.kind.as_deref().or(rules.price_type.as_deref());
                self.facts.kind(name)
            });
            kinds.extend(of);
            let unknown = state
                .parts
                .iter()
                .filter(|part| !part.priced && !part.gone && part.kind != Kind::Parent);
            let ids = unknown.filter_map(|part| Some((part.element.as_ref()?.id, JobIx::at(nth))));
            sought.extend(ids);
        }
        if kinds.is_empty() {
            return;
        }
        for some in sought.chunks((PAGE / kinds.len()).max(1)) {
            let ids: Vec<u64> = some.iter().map(|(id, _)| *id).collect();
            let params = json!({
                "filter": {"@productId": ids, "@catalogGroupId": kinds},
                "order": {"id": "asc"}, "start": 0,
            });
            let jobs = some.iter().map(|(_, job)| *job).collect();
            self.ask((Ask::Prices { jobs }, "catalog.price.list", params));
        }
    }

    /// Chooses what is written in this wave; what is as it is to be is done.
    fn choose(&mut self) {
        let mut places = MOST_WRITES;
        for state in &mut self.jobs {
            if !state.is_open() {
                continue;
            }
            match state.commands(&self.facts) {
                Ok(0) => state.end(Outcome::Done { wrote: false }),
                Ok(count) if places > 0 => {
                    state.chosen = true;
                    places = places.saturating_sub(count);
                }
                Ok(_) => {}
                Err((code, words)) => {
                    // What the portal lacks may be there by the next wave.
                    self.sound = false;
                    state.refuse(code, words);
                }
            }
        }
    }

    /// Whether sections have to be made before anything stands in them.
    fn plan_sections(&mut self) -> bool {
        let mut missing: BTreeMap<Missing, (String, Vec<JobIx>)> = BTreeMap::new();
        for (nth, state) in self.jobs.iter_mut().enumerate() {
            if !state.chosen || !state.is_open() {
                continue;
            }
            let wanted = state.parts[0].wanted(&state.job, &self.facts);
            let Err(Unclear::Section(one)) = wanted else {
                continue;
            };
            if self.made.contains(&one.path) {
                state.refuse(ErrorCode::Refused, Unclear::Section(one).words());
                continue;
            }
            let prefix = state.job.rules.prefix.clone();
            let jobs = &mut missing.entry(one).or_insert((prefix, Vec::new())).1;
            jobs.push(JobIx::at(nth));
        }
        let some = !missing.is_empty();
        for (Missing { path, parent }, (prefix, jobs)) in missing {
            let mut fields = json!({
                "iblockId": self.facts.products,
                "name": path.last(),
                "xmlId": section_code(&prefix, &path),
            });
            if let Some(parent) = parent {
                fields["iblockSectionId"] = json!(parent);
            }
            self.made.insert(path.clone());
            let params = json!({ "fields": fields });
            self.ask((Ask::Section { jobs }, "catalog.section.add", params));
        }
        some
    }

    fn plan_writes(&mut self, group: Group) {
        let mut planned = Vec::new();
        for (nth, state) in self.jobs.iter_mut().enumerate() {
            let job = JobIx::at(nth);
            if !state.chosen || !state.is_open() {
                continue;
            }
            if group == Group::Products {
                for (id, kind) in state.retired.clone() {
                    let params = json!({"id": id, "fields": {"active": "N"}});
                    planned.push(vec![(Ask::Retire { job, id }, kind.update(), params)]);
                }
            }
            let parent = state.parts.first().and_then(|part| part.element.as_ref());
            let parent = parent.map(|element| element.id);
            for at in PartIx::all(state.parts.len()) {
                let part = &state.parts[at];
                if Group::of(part.kind) != group {
                    continue;
                }
                let wanted = match part.wanted(&state.job, &self.facts) {
                    Ok(wanted) => wanted,
                    Err(unclear) => {
                        state.refuse(unclear.code(), unclear.words());
                        break;
                    }
                };
                let block = part.kind.block(&self.facts);
                let Some(block) = block else {
                    let words = "the portal's catalogue has no variations".to_owned();
                    state.refuse(ErrorCode::Refused, words);
                    break;
                };
                for note in &wanted.notes {
                    if !state.notes.contains(note) {
                        state.notes.push(note.clone());
                    }
                }
                let commands = writes(state, job, at, &wanted, block, parent);
                if !commands.is_empty() {
                    planned.push(commands);
                }
            }
        }
        self.waiting.extend(planned);
    }

    /// What is written to the end is done.
    fn complete(&mut self) {
        for state in &mut self.jobs {
            if state.chosen && state.is_open() {
                let wrote = state.wrote;
                state.end(Outcome::Done { wrote });
            }
        }
    }
}

impl State {
    /// How many commands bring the portal to what the shop told; a fault that no write can cure.
    fn commands(&self, facts: &super::CatalogueFacts) -> Result<usize, (ErrorCode, String)> {
        let mut count = self.retired.len();
        for part in &self.parts {
            let wanted = match part.wanted(&self.job, facts) {
                Ok(wanted) => wanted,
                Err(Unclear::Section(_)) => {
                    count += 3;
                    continue;
                }
                Err(unclear) => return Err((unclear.code(), unclear.words())),
            };
            count += match &part.element {
                Some(there) => {
                    let prices = wanted.prices.iter();
                    let differ = prices.filter(|price| !is_there(price, there)).count();
                    differ + usize::from(!fields::changed(&wanted, there).is_empty())
                }
                // What is gone and was never there is as it is to be.
                None if part.gone || self.job.product.is_none() => 0,
                None => 1 + wanted.prices.len(),
            };
        }
        Ok(count)
    }
}

fn is_there(price: &(u64, Decimal, String), there: &super::LinkedElement) -> bool {
    let known = there.prices.get(&price.0);
    known.is_some_and(|known| fields::is_priced(price, known))
}

/// The commands that bring one part to what it is to be.
fn writes(
    state: &State,
    job: JobIx,
    part: PartIx,
    wanted: &Wanted,
    block: u64,
    parent: Option<u64>,
) -> Vec<Planning> {
    let own: &Part = &state.parts[part];
    let write = |what| Ask::Write { job, part, what };
    let mut planned = Vec::new();
    let product = if let Some(there) = &own.element {
        let sent = fields::changed(wanted, there);
        if !sent.is_empty() {
            let params = json!({"id": there.id, "fields": &sent});
            planned.push((write(Write::Update { sent }), own.kind.update(), params));
        }
        json!(there.id)
    } else if own.gone || state.job.product.is_none() {
        return planned;
    } else {
        let sent = wanted.fields.clone();
        let mut fields: Map<String, Value> = sent.clone();
        fields.insert("iblockId".to_owned(), json!(block));
        fields
            .entry("name")
            .or_insert_with(|| json!(own.name(&state.job)));
        if own.kind == Kind::Offer {
            let Some(parent) = parent else {
                return planned;
            };
            fields.insert("parentId".to_owned(), json!(parent));
        }
        let params = json!({ "fields": fields });
        planned.push((write(Write::Add { sent }), own.kind.add(), params));
        json!(format!("{FIRST}[{}][id]", own.kind.word()))
    };
    for price in &wanted.prices {
        let (kind, amount, currency) = (price.0, price.1.to_string(), price.2.clone());
        let there = own.element.as_ref().and_then(|own| own.prices.get(&kind));
        match there {
            Some(there) if fields::is_priced(price, there) => {}
            Some(there) => {
                let fields = json!({"price": amount, "currency": currency});
                let params = json!({"id": there.id, "fields": fields});
                let what = Write::UpdatePrice {
                    kind,
                    amount,
                    currency,
                };
                planned.push((write(what), "catalog.price.update", params));
            }
            None => {
                let fields = json!({"productId": product, "catalogGroupId": kind,
                                    "price": amount, "currency": currency});
                let params = json!({ "fields": fields });
                let what = Write::AddPrice {
                    kind,
                    amount,
                    currency,
                };
                planned.push((write(what), "catalog.price.add", params));
            }
        }
    }
    planned
}
