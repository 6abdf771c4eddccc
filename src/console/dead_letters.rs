//! `GET /console/dead-letters`: what could not be delivered; and acts on all that a filter finds.

use super::{
    State,
    act::Act,
    fault::Fault,
    layout::{self, Section},
    parts, query,
    session::Visitor,
    text::Text,
};
use crate::{
    app::{Error, Letter, LetterFilter, Retry},
    domain::{Code, PortalName, ShopName},
};
use axum::{
    extract::{Query, State as Extract},
    http::StatusCode,
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;

const PATH: &str = "/console/dead-letters";
const BULK: &str = "/console/dead-letters/bulk";
/// The most letters that one act may concern.
const MOST: u32 = 500;
/// The longest reason that is put on record.
pub(super) const LONGEST_REASON: usize = 1_000;

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    shop: String,
    #[serde(default)]
    portal: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    dir: String,
    #[serde(default)]
    what: String,
    #[serde(default)]
    done: String,
    #[serde(default)]
    count: String,
    #[serde(default)]
    reason: String,
}

impl Asked {
    fn filter(&self, limit: u32) -> Result<LetterFilter, String> {
        fn given(text: &str) -> Option<&str> {
            Some(text.trim()).filter(|text| !text.is_empty())
        }
        let code = |text: &str| Code::parse(text).ok_or_else(|| "code".to_owned());
        if self.number.contains('\0') {
            return Err("number".to_owned());
        }
        Ok(LetterFilter {
            shop: given(&self.shop).map(ShopName::parse).transpose()?,
            portal: given(&self.portal).map(PortalName::parse).transpose()?,
            code: given(&self.code).map(code).transpose()?,
            number: given(&self.number).map(str::to_owned),
            after: given(&self.after)
                .map(|id| id.parse().map_err(|_| "after".to_owned()))
                .transpose()?,
            limit,
        })
    }

    fn link(&self, path: &str, more: &[(&str, Option<&str>)]) -> String {
        let mut pairs = vec![
            ("shop", Some(self.shop.as_str())),
            ("portal", Some(self.portal.as_str())),
            ("code", Some(self.code.as_str())),
            ("number", Some(self.number.as_str())),
        ];
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
    let filter = asked
        .filter(0)
        .map_err(|no| Fault::unusable(no, visitor.lang))?;
    let page = state.bridge.dead_letters(&filter).await;
    let mut page = page.map_err(|error| Fault::of(error, visitor.lang))?;
    sort(&mut page.items, &asked);
    let title = visitor.say(Text::DeadLetters);
    let next = page.next.map(|id| id.to_string());
    let content = html! {
        h1 { (title) }
        (parts::notice(&visitor, Some(&asked.done)))
        (filters(&state, &visitor, &asked))
        @if page.items.is_empty() { p.quiet { (visitor.say(Text::NoDeadLetters)) } } @else {
            (table(&visitor, &asked, &page.items))
            p.actions {
                @if let Some(next) = &next { a.button href=(asked.link(PATH, &[("after", Some(next))])) { (visitor.say(Text::Next)) } }
                @if visitor.acts() {
                    a.button href=(asked.link(BULK, &[("what", Some("retry"))])) { (visitor.say(Text::RetryAll)) }
                    a.button href=(asked.link(BULK, &[("what", Some("discard"))])) { (visitor.say(Text::DiscardAll)) }
                }
            }
        }
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

/// `GET /console/dead-letters/bulk`: how many there are, before anything happens to them.
pub(super) async fn ask(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Markup, Fault> {
    let items = concerned(&state, &visitor, &asked).await?;
    Ok(confirm(&visitor, &asked, items.len(), None))
}

async fn concerned(state: &State, visitor: &Visitor, asked: &Asked) -> Result<Vec<Letter>, Fault> {
    let asked = Asked {
        after: String::new(),
        ..asked.clone()
    };
    let filter = asked
        .filter(MOST)
        .map_err(|no| Fault::unusable(no, visitor.lang))?;
    let page = state.bridge.dead_letters(&filter).await;
    Ok(page.map_err(|error| Fault::of(error, visitor.lang))?.items)
}

fn confirm(visitor: &Visitor, asked: &Asked, count: usize, wrong: Option<Text>) -> Markup {
    let discards = asked.what == "discard";
    let what = if discards {
        Text::DiscardAll
    } else {
        Text::RetryAll
    };
    let fields = [
        ("shop", &asked.shop),
        ("portal", &asked.portal),
        ("code", &asked.code),
        ("number", &asked.number),
        ("what", &asked.what),
    ];
    let content = html! {
        h1 { (visitor.say(what)) }
        @if let Some(wrong) = wrong { p.problem role="alert" { (visitor.say(wrong)) } }
        dl.facts {
            div { dt { (visitor.say(Text::LettersConcerned)) } dd { strong { (count) } } }
            @for (name, value) in fields.iter().take(4) { @if !value.is_empty() { div { dt { (name) } dd { (value) } } } }
        }
        p.quiet { (visitor.say(Text::BulkBound)) }
        form.stack method="post" action=(BULK) {
            (layout::csrf(visitor))
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            @if discards { label { (visitor.say(Text::Reason)) input name="reason" required maxlength=(LONGEST_REASON); } }
            label { (visitor.say(Text::TypeTheCount)) input name="count" inputmode="numeric" autocomplete="off" required; }
            (parts::submit(visitor, visitor.say(what)))
        }
        p { a href=(asked.link(PATH, &[])) { (visitor.say(Text::Back)) } }
    };
    layout::page(visitor, Section::DeadLetters, visitor.say(what), content)
}

/// `POST /console/dead-letters/bulk`.
pub(super) async fn bulk(
    Extract(state): Extract<State>,
    act: Act<Asked>,
) -> Result<Redirect, (StatusCode, Markup)> {
    let Act { visitor, form } = act;
    let refuse = |count: usize, text: Text| {
        (
            StatusCode::CONFLICT,
            confirm(&visitor, &form, count, Some(text)),
        )
    };
    let items = match concerned(&state, &visitor, &form).await {
        Ok(items) => items,
        Err(_) => return Err(refuse(0, Text::CannotBeUsed)),
    };
    if form.count.trim() != items.len().to_string() {
        return Err(refuse(items.len(), Text::CountDiffers));
    }
    let reason = form.reason.trim();
    let discards = form.what == "discard";
    if discards && !is_reason(reason) {
        return Err(refuse(items.len(), Text::CannotBeUsed));
    }
    for letter in &items {
        let who = visitor.actor();
        let done = if discards {
            state.bridge.discard(letter.id, &who, reason).await
        } else {
            state
                .bridge
                .retry(letter.id, &who, Retry::default())
                .await
                .map(|_| ())
        };
        match done {
            // Closed by somebody else meanwhile, or as wrong as it was: it stays in the list.
            Ok(()) | Err(Error::NotFound | Error::Invalid(_)) => {}
            Err(error) => {
                tracing::error!(%error, "a bulk act stopped");
                return Err(refuse(items.len(), Text::DatabaseAway));
            }
        }
    }
    Ok(Redirect::to(&form.link(PATH, &[("done", Some("bulk"))])))
}

/// Whether a reason may be put on record.
pub(super) fn is_reason(reason: &str) -> bool {
    (1..=LONGEST_REASON).contains(&reason.chars().count()) && !reason.contains('\0')
}
