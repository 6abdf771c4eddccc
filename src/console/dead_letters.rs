//! `GET /console/dead-letters`: what could not be delivered.

use super::{
    State,
    fault::Fault,
    lang::Lang,
    layout::{self, Section},
    letter_file, parts, query,
    session::Visitor,
    text::Text,
};
use crate::{
    app::{self, Letter, LetterFilter, LetterQuery},
    domain::{Code, PortalName, ShopName},
};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

pub(super) const PATH: &str = "/console/dead-letters";
const BULK_JOBS: &str = "/console/bulk";
pub(super) const BULK: &str = "/console/dead-letters/bulk";
/// The longest reason that is put on record.
pub(super) const LONGEST_REASON: usize = 1_000;

/// A filter as it stands in a link or a form, with what the list needs beside it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    pub shop: String,
    pub portal: String,
    pub code: String,
    pub number: String,
    pub since: String,
    pub until: String,
    pub text: String,
    pub after: String,
    pub sort: String,
    pub dir: String,
    pub done: String,
}

impl Asked {
    /// The fields of the filter.
    pub(super) fn fields(&self) -> [(&'static str, Text, &str); 7] {
        [
            ("shop", Text::Shop, &self.shop),
            ("portal", Text::Portal, &self.portal),
            ("code", Text::Code, &self.code),
            ("number", Text::Number, &self.number),
            ("since", Text::FailedSince, &self.since),
            ("until", Text::FailedUntil, &self.until),
            ("text", Text::Containing, &self.text),
        ]
    }

    /// The filter that the words mean.
    pub(super) fn filter(&self, lang: Lang) -> Result<LetterFilter, Fault> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let query = LetterQuery {
            shop: given(&self.shop),
            portal: given(&self.portal),
            code: given(&self.code),
            number: given(&self.number),
            since: given(&self.since),
            until: given(&self.until),
            text: given(&self.text),
        };
        let filter = query.parse();
        filter.map_err(|faults| Fault::unusable(app::sentence(&faults), lang))
    }

    /// A link that keeps the filter.
    pub(super) fn link(&self, path: &str, more: &[(&str, Option<&str>)]) -> String {
        let fields = self.fields();
        let mut pairs: Vec<_> = fields
            .iter()
            .map(|(key, _, value)| (*key, Some(*value)))
            .collect();
        pairs.extend_from_slice(more);
        query::link(path, &pairs)
    }
}

/// `GET /console/dead-letters`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Markup, Fault> {
    let mut filter = asked.filter(visitor.lang)?;
    filter.after = asked.after.parse().ok();
    let narrow = !filter.is_empty();
    let counts = state.bridge.count_letters(&filter).await;
    let total = counts
        .map_err(|error| Fault::of(error, visitor.lang))?
        .total;
    let page = state.bridge.dead_letters(&filter).await;
    let mut page = page.map_err(|error| Fault::of(error, visitor.lang))?;
    sort(&mut page.items, &asked);
    let title = visitor.say(Text::DeadLetters);
    let next = page.next.map(|id| id.to_string());
    let content = html! {
        h1 { (title) " " span.quiet { (total) } }
        (parts::notice(&visitor, Some(&asked.done)))
        (filters(&state, &visitor, &asked))
        @if page.items.is_empty() { p.quiet { (visitor.say(Text::NoDeadLetters)) } } @else {
            (table(&visitor, &asked, &page.items))
            p.actions {
                @if let Some(next) = &next { a.button href=(asked.link(PATH, &[("after", Some(next))])) { (visitor.say(Text::Next)) } }
                @if visitor.acts() && narrow {
                    a.button href=(asked.link(BULK, &[("what", Some("retry"))])) { (visitor.say(Text::RetryAll)) " (" (total) ")" }
                    a.button.danger href=(asked.link(BULK, &[("what", Some("discard"))])) { (visitor.say(Text::DiscardAll)) " (" (total) ")" }
                }
                @if visitor.acts() && !narrow { span.quiet { (visitor.say(Text::FilterFirst)) } }
                a.button.quiet href=(asked.link(letter_file::EXPORT, &[])) { (visitor.say(Text::Export)) " (" (total) ")" }
                a href=(BULK_JOBS) { (visitor.say(Text::Jobs)) }
            }
        }
        @if visitor.acts() { details { summary { (visitor.say(Text::Import)) } (letter_file::form(&visitor)) } }
    };
    Ok(layout::page(&visitor, Section::DeadLetters, title, content))
}

fn sort(items: &mut [Letter], asked: &Asked) {
    match asked.sort.as_str() {
        "code" => items.sort_by(|a, b| a.code.cmp(&b.code)),
        "number" => items.sort_by(|a, b| a.number.cmp(&b.number)),
        "shop" => items.sort_by(|a, b| a.shop.cmp(&b.shop)),
        "failed" => items.sort_by_key(|letter| letter.last_failed_at),
        "attempts" => items.sort_by_key(|letter| letter.attempts),
        _ => return,
    }
    if asked.dir == "desc" {
        items.reverse();
    }
}

fn filters(state: &State, visitor: &Visitor, asked: &Asked) -> Markup {
    let directory = state.bridge.directory();
    let shops: Vec<&str> = directory.shops.keys().map(ShopName::as_str).collect();
    let portals: Vec<&str> = directory.portals.iter().map(PortalName::as_str).collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let choice = |text: Text, name: &str, chosen: &str, all: &[&str]| {
        html! {
            label { (visitor.say(text)) select name=(name) {
                option value="" { (visitor.say(Text::Any)) }
                @for one in all { option value=(one) selected[*one == chosen] { (one) } }
            } }
        }
    };
    html! {
        form.search method="get" action=(PATH) {
            (choice(Text::Portal, "portal", &asked.portal, &portals))
            (choice(Text::Shop, "shop", &asked.shop, &shops))
            (choice(Text::Code, "code", &asked.code, &codes))
            label { (visitor.say(Text::Containing)) input name="text" value=(asked.text) maxlength="200"; }
            label { (visitor.say(Text::FailedSince)) input name="since" value=(asked.since) placeholder="2026-01-31" maxlength="40"; }
            label { (visitor.say(Text::FailedUntil)) input name="until" value=(asked.until) placeholder="2026-01-31" maxlength="40"; }
            label { (visitor.say(Text::Number)) input name="number" value=(asked.number) maxlength="100"; }
            button type="submit" { (visitor.say(Text::Filter)) }
        }
    }
}

fn table(visitor: &Visitor, asked: &Asked, items: &[Letter]) -> Markup {
    let head = |text: Text, key: &str| {
        let here = asked.sort == key;
        let descending = here && asked.dir == "desc";
        let dir = if here && !descending { "desc" } else { "asc" };
        let pairs = [
            ("after", Some(asked.after.as_str())),
            ("sort", Some(key)),
            ("dir", Some(dir)),
        ];
        parts::sorted(
            visitor.say(text),
            here,
            descending,
            &asked.link(PATH, &pairs),
        )
    };
    html! {
        div.scroll { table.stacks {
            thead { tr {
                th scope="col" { "#" } (head(Text::Code, "code")) (head(Text::Shop, "shop")) (head(Text::Number, "number"))
                th scope="col" { (visitor.say(Text::WhatHappened)) } (head(Text::Attempts, "attempts")) (head(Text::LastFailed, "failed"))
            } }
            tbody { @for letter in items { tr {
                td data-label="#" { a href=(format!("{PATH}/{}", letter.id)) { "#" (letter.id) } }
                td.code data-label=(visitor.say(Text::Code)) { a href=(format!("{PATH}/{}", letter.id)) { (letter.code) } }
                td data-label=(visitor.say(Text::Shop)) { (letter.shop.as_deref().unwrap_or("—")) }
                td data-label=(visitor.say(Text::Number)) { (parts::order(letter.shop.as_deref(), letter.number.as_deref())) }
                td.words data-label=(visitor.say(Text::WhatHappened)) { (letter.message.chars().take(200).collect::<String>()) }
                td.num data-label=(visitor.say(Text::Attempts)) { (letter.attempts) }
                td data-label=(visitor.say(Text::LastFailed)) { (parts::time(letter.last_failed_at)) }
            } } }
        } }
    }
}
