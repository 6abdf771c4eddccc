//! The portal's answers to commands about products.

use super::{
    Ask, LinkedElement, LinkedPrice, Phase, ProductWave, State, Write, commands::PAGE,
    fields::Kind, schema::listed,
};
use crate::{
    domain::ErrorCode,
    planner::{
        CommandAnswer, Outcome,
        indexes::{JobIx, PartIx},
        json::{decimal, id, text},
    },
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// The portal's numbers for what the webhook's owner may not do, and the words of a webhook without
/// the permission for the catalogue.
const NO_RIGHT: [&str; 9] = [
    "200040300010",
    "200040300020",
    "200040300040",
    "200040300043",
    "200040300050",
    "insufficient_scope",
    "invalid_scope",
    "access_denied",
    "error_access_denied",
];

/// What a refusal says, in the portal's words where it has any.
pub(super) fn said(error: &str, description: &str) -> String {
    let words = if description.is_empty() {
        error
    } else {
        description
    };
    words.to_owned()
}

/// Whether a refusal is for what the webhook's owner may not do.
pub(super) fn is_denied(error: &str, message: &str) -> bool {
    let known = NO_RIGHT.iter().any(|code| error.eq_ignore_ascii_case(code));
    known || message.to_lowercase().contains("access denied")
}

impl ProductWave {
    /// Takes what became of one command.
    pub(super) fn take(&mut self, ask: Ask, answer: Option<CommandAnswer>) {
        match answer {
            Some(CommandAnswer::Done { result, next }) if ask.is_told_by(&result) => {
                self.done(ask, &result, next);
            }
            Some(CommandAnswer::Refused { error, description }) => {
                self.refused(&ask, &error, &description);
            }
            Some(CommandAnswer::Later) => self.later(&ask),
            Some(CommandAnswer::Done { .. }) | None => self.unanswered(&ask, false),
        }
    }

    /// A call that was not answered, or not sent.
    pub(super) fn unanswered(&mut self, ask: &Ask, doubt: bool) {
        let doubt = doubt && ask.writes();
        self.sound &= !doubt;
        for job in ask.jobs() {
            let state = &mut self.jobs[job];
            state.lost |= doubt;
            if ask.writes() {
                state.end(Outcome::Again {
                    code: if doubt {
                        ErrorCode::InDoubt
                    } else {
                        ErrorCode::Down
                    },
                });
            }
        }
        if !ask.writes() {
            self.stop();
        }
    }

    /// What was not found out is not judged: the rest stays due.
    fn stop(&mut self) {
        self.sound = false;
        self.waiting.clear();
        self.phase = Phase::Over;
    }

    fn later(&mut self, ask: &Ask) {
        if !ask.writes() {
            return self.stop();
        }
        for job in ask.jobs() {
            self.jobs[job].end(Outcome::Again {
                code: ErrorCode::Operating,
            });
        }
    }

    fn refused(&mut self, ask: &Ask, error: &str, description: &str) {
        if matches!(ask, Ask::Currencies) {
            // Whether the portal knows a currency it says then when a price is written.
            return;
        }
        if matches!(ask, Ask::Mode) {
            // What is not known is not written over.
            self.facts.keeps_stock = Some(true);
            return;
        }
        let message = said(error, description);
        if is_denied(error, &message) {
            return self.hinder(ErrorCode::CatNoRight, message);
        }
        if !ask.writes() {
            return self.hinder(ErrorCode::Refused, message);
        }
        let code = if is_code_taken(&message) {
            ErrorCode::CatCodeTaken
        } else {
            ErrorCode::Refused
        };
        // What was known of the catalogue, or of the product, may have changed.
        self.sound = false;
        for job in ask.jobs() {
            self.jobs[job].unsure = true;
            self.jobs[job].refuse(code, message.clone());
        }
    }

    fn done(&mut self, ask: Ask, result: &Value, next: Option<u64>) {
        match ask {
            Ask::Blocks => {
                if !self.facts.take_blocks(result) {
                    let message = "no product catalogue is to be seen in the portal".to_owned();
                    self.hinder(ErrorCode::CatNoRight, message);
                }
            }
            Ask::Kinds => {
                self.facts.take_kinds(result);
                self.read_on(ask, next);
            }
            Ask::Currencies => self.facts.take_currencies(result, next.is_none()),
            Ask::Rates => {
                self.facts.take_rates(result);
                self.read_on(ask, next);
            }
            Ask::Units => {
                self.facts.take_units(result);
                self.read_on(ask, next);
            }
            Ask::Mode => self.facts.keeps_stock = Some(result != "N"),
            Ask::Properties { .. } => {
                self.facts.take_properties(result);
                self.read_on(ask, next);
            }
            Ask::Sections { page } => {
                let many = self.facts.take_sections(result);
                // The last of those that were asked for at once is full: there may be more.
                if many == PAGE && page % 4 == 3 {
                    (page + 1..page + 5).for_each(|page| self.ask_sections(page));
                }
            }
            Ask::Codes { kind, jobs } => {
                let rows = listed(result, kind.list().1);
                for row in &rows {
                    self.found(kind, row);
                }
                if next.is_some() {
                    // Fifty codes, and more than fifty elements: some stand for several.
                    let message =
                        "the portal has more products under these external codes than codes";
                    self.crowded(&jobs, message);
                }
            }
            Ask::Articles { kind, field, jobs } => {
                let rows = listed(result, kind.list().1);
                if next.is_some() {
                    // Whoever is on the next page is as much meant as who is on this one.
                    let message = "the portal has more products under these articles than articles";
                    self.crowded(&jobs, message);
                }
                for job in jobs {
                    self.found_alike(job, &field, &rows);
                }
            }
            Ask::Prices { jobs } => self.take_prices(&jobs, result),
            Ask::Section { .. } => {
                let row = result.get("section").cloned().unwrap_or_default();
                self.facts.take_sections(&json!({ "sections": [row] }));
            }
            Ask::Write { job, part, what } => self.jobs[job].written(part, what, result),
            Ask::Retire { job, id } => {
                let state = &mut self.jobs[job];
                state.retired.retain(|(other, _)| *other != id);
                state.wrote = true;
            }
        }
    }

    /// A list has another page.
    fn read_on(&mut self, ask: Ask, next: Option<u64>) {
        if let Some(start) = next {
            self.ask_facts(ask, start);
        }
    }

    fn take_prices(&mut self, jobs: &[JobIx], result: &Value) {
        let rows = listed(result, "prices");
        let read = |row: &Map<String, Value>| {
            let field = |name| row.get(name).and_then(id);
            let price = LinkedPrice {
                id: field("id")?,
                amount: decimal(row.get("price"))?.normalize().to_string(),
                currency: text(row.get("currency")),
            };
            Some((field("productId")?, field("catalogGroupId")?, price))
        };
        let mut prices: HashMap<u64, Vec<(u64, LinkedPrice)>> = HashMap::new();
        for (product, kind, price) in rows.iter().filter_map(read) {
            prices.entry(product).or_default().push((kind, price));
        }
        for job in jobs {
            for part in &mut self.jobs[*job].parts {
                let Some(element) = &mut part.element else {
                    continue;
                };
                let own = prices.get(&element.id).into_iter().flatten();
                element.prices.extend(own.cloned());
            }
        }
    }
}

impl State {
    /// What a write made of a part.
    fn written(&mut self, part: PartIx, what: Write, result: &Value) {
        self.wrote = true;
        let own = &mut self.parts[part];
        match what {
            Write::Add { sent } => {
                let row = result.get(own.kind.word());
                let made = row.and_then(|row| row.get("id")).and_then(id);
                let code = text(row.and_then(|row| row.get("xmlId")));
                let Some(made) = made.filter(|_| code == own.code) else {
                    self.unsure = true;
                    let words = format!("the portal's answer does not hold the product: {result}");
                    return self.refuse(ErrorCode::Refused, words);
                };
                own.element = Some(LinkedElement {
                    id: made,
                    parent: own.kind == Kind::Parent,
                    fields: sent,
                    prices: std::collections::BTreeMap::new(),
                });
            }
            Write::Update { sent } => {
                let row = result.get(own.kind.word());
                let shown = row.and_then(|row| row.get("xmlId"));
                let element = own.element.as_ref();
                let told = sent.get("xmlId");
                let told = told.or_else(|| element?.fields.get("xmlId"));
                // An id alone is no proof: the answer says whose it is.
                if let (Some(shown), Some(told)) = (shown, told)
                    && text(Some(shown)) != text(Some(told))
                {
                    self.unsure = true;
                    let words = "what stood for it in the portal has another external code by now";
                    return self.refuse(ErrorCode::Refused, format!("{words}: {shown}"));
                }
                if let Some(element) = &mut own.element {
                    element.fields.extend(sent);
                }
            }
            Write::AddPrice {
                kind,
                amount,
                currency,
            }
            | Write::UpdatePrice {
                kind,
                amount,
                currency,
            } => {
                let made = result.get("price").and_then(|price| price.get("id"));
                let made = made.and_then(id);
                if let (Some(element), Some(id)) = (&mut own.element, made) {
                    let price = LinkedPrice {
                        id,
                        amount,
                        currency,
                    };
                    element.prices.insert(kind, price);
                }
            }
        }
    }
}

fn is_code_taken(message: &str) -> bool {
    let message = message.to_lowercase();
    let is_code = [
        "символьн",
        "symbolic code",
        "with this code",
        "with the code",
    ];
    let is_taken = ["существует", "already", "exist", "unique", "уникальн"];
    is_code.iter().any(|word| message.contains(word))
        && is_taken.iter().any(|word| message.contains(word))
}
