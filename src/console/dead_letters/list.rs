//! `GET /console/dead-letters`: what could not be delivered.

use super::{
    files,
    list_query::{ListQuery, PATH},
    selection,
};
use crate::{
    app::{DeadLetter, DeadLetters, LetterCounts, Registry},
    console::{
        i18n::messages::Text,
        session::viewer::Viewer,
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            sortable::Column,
            subjects,
        },
    },
    domain::{ErrorCode, PortalName, ShopName},
};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use std::{collections::BTreeMap, sync::Arc};

/// Letters on a page; a phone shows some of them at first.
const PAGE: u32 = 40;
/// The column that pages follow.
const BY_ID: &str = "id";
const BULK_JOBS: &str = "/console/bulk";
pub(in crate::console) const BULK: &str = "/console/dead-letters/bulk";

/// `GET /console/dead-letters`: the letters that a filter names, and their number.
pub(in crate::console) async fn get(
    Extract(dead_letters): Extract<DeadLetters>,
    Extract(registry): Extract<Arc<Registry>>,
    visitor: Viewer,
    Query(asked): Query<ListQuery>,
) -> Result<Markup, ErrorPage> {
    let mut filter = asked.filter(visitor.lang)?;
    filter.after = asked.after.parse().ok();
    filter.limit = PAGE;
    let narrow = !filter.is_empty();
    // The one order that holds across pages; by another column the page is sorted.
    let newest_first = asked.sorting.by(BY_ID) == Some(true);
    let found = dead_letters.find_letters(&filter, newest_first).await;
    let (counts, mut page) = found.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    let total = components::count(visitor.lang, counts.total);
    asked.sorting.apply(&mut page.items, &COLUMNS);
    let title = visitor.text(Text::DeadLetters);
    let next = page.next.map(|id| id.to_string());
    let content = html! {
        h1 { (title) " " span.quiet { (total) } }
        (components::notice(&visitor, Some(&asked.done)))
        (selection::notice(&visitor, &asked.chosen))
        (codes(&visitor, &asked, &counts))
        details open[narrow] {
            summary { (visitor.text(Text::Filter)) } (filters(&registry, &visitor, &asked))
        }
        @if page.items.is_empty() && narrow {
            p.empty {
                (visitor.text(Text::NoneOfFilter)) " " a href=(PATH) {
                    (visitor.text(Text::ShowAll))
                }
            }
        }
        @else if page.items.is_empty() { p.empty { (visitor.text(Text::NoDeadLetters)) } }
        @else {
            (table(&visitor, &asked, &page.items, registry.shops.len() == 1))
            (components::rest(&visitor, page.items.len(), components::ROWS))
            (selection::acts(&visitor))
            @if (next.is_some() || !asked.after.is_empty()) && asked.sorting.by(BY_ID).is_none() {
                p.quiet { (visitor.text(Text::WithinPage)) }
            }
            p.actions {
                @if let Some(next) = &next {
                    a.button href=(asked.link(PATH, &next_page(&asked, next))) {
                        (visitor.text(Text::Next))
                    }
                }
                @if visitor.can_write() && narrow {
                    a.button href=(asked.link(BULK, &[("what", Some("retry"))])) {
                        (visitor.text(Text::RetryAll)) " (" (total) ")"
                    }
                    a.button.danger href=(asked.link(BULK, &[("what", Some("discard"))])) {
                        (visitor.text(Text::DiscardAll)) " (" (total) ")"
                    }
                }
                a.button.second href=(asked.link(files::EXPORT, &[])) {
                    (visitor.text(Text::Export)) " (" (total) ")"
                }
                a href=(BULK_JOBS) { (visitor.text(Text::Jobs)) }
            }
        }
        @if visitor.can_write() {
            details { summary { (visitor.text(Text::Import)) } (files::form(&visitor)) }
        }
    };
    Ok(layout::page(&visitor, Section::DeadLetters, title, content))
}

/// How many letters there are of each code, to be looked at with one click.
fn codes(visitor: &Viewer, asked: &ListQuery, counts: &LetterCounts) -> Markup {
    let mut sums = BTreeMap::<&str, i64>::new();
    for item in &counts.items {
        *sums.entry(item.code.as_str()).or_default() += item.letters;
    }
    let only = |code: &str| {
        let code = code.to_owned();
        let asked = ListQuery {
            code,
            ..asked.clone()
        };
        asked.link(PATH, &[])
    };
    html! {
        @if !sums.is_empty() { p.chips {
            @for (code, sum) in &sums {
                a.chip href=(only(code)) aria-current=[(asked.code == *code).then_some("true")] {
                    span.code { (code) } " " b { (components::count(visitor.lang, *sum)) }
                }
            }
        } }
    }
}

fn next_page<'a>(asked: &'a ListQuery, next: &'a str) -> [(&'static str, Option<&'a str>); 3] {
    let [sort, dir] = asked.sorting.pairs();
    [("after", Some(next)), sort, dir]
}

fn filters(registry: &Registry, visitor: &Viewer, asked: &ListQuery) -> Markup {
    let shops: Vec<&str> = registry.shops.keys().map(ShopName::as_str).collect();
    let portals: Vec<&str> = registry.portals.iter().map(PortalName::as_str).collect();
    let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let choice = |text, name, chosen: &str, all: &[&str]| {
        let all: Vec<_> = all.iter().map(|one| (*one, *one)).collect();
        components::choice(visitor, text, (name, chosen), &all)
    };
    html! {
        form.search method="get" action=(PATH) {
            (choice(Text::Portal, "portal", &asked.portal, &portals))
            (choice(Text::Shop, "shop", &asked.shop, &shops))
            (choice(Text::Code, "code", &asked.code, &codes))
            label {
                (
                    visitor.text(Text::Containing)
                ) input name="text" value=(asked.text) maxlength="200";
            }
            (components::date(visitor, Text::FailedSince, "since", &asked.since))
            (components::date(visitor, Text::FailedUntil, "until", &asked.until))
            label {
                (
                    visitor.text(Text::Number)
                ) input name="number" value=(asked.number) maxlength="100";
            }
            button type="submit" { (visitor.text(Text::Filter)) }
        }
    }
}

const COLUMNS: [Column<DeadLetter>; 7] = [
    Column::latest(BY_ID, Text::Letter, |a, b| a.id.cmp(&b.id)),
    Column::sorted("code", Text::Code, |a, b| a.code.cmp(&b.code)),
    Column::sorted("shop", Text::Shop, |a, b| a.shop.cmp(&b.shop)),
    Column::sorted("number", Text::Order, |a, b| a.number.cmp(&b.number)),
    Column::plain(Text::WhatHappened),
    Column::amount("attempts", Text::Attempts, |a, b| {
        a.attempts.cmp(&b.attempts)
    }),
    Column::latest("failed", Text::LastFailed, |a, b| {
        a.last_failed_at.cmp(&b.last_failed_at)
    }),
];

fn table(visitor: &Viewer, asked: &ListQuery, items: &[DeadLetter], one_shop: bool) -> Markup {
    let link = |pairs: &[(&str, Option<&str>)]| {
        // Another direction across pages begins at its own first page.
        let turns = pairs.contains(&("sort", Some(BY_ID)));
        let kept = !turns && asked.sorting.by(BY_ID) != Some(true);
        let after = asked.after.as_str();
        let mut pairs = pairs.to_vec();
        pairs.extend(kept.then_some(("after", Some(after))));
        asked.link(PATH, &pairs)
    };
    html! {
        div.scroll { table.stacks {
            (asked.sorting.heads(visitor, &COLUMNS, link))
            tbody { @for letter in items { tr {
                td data-label=(visitor.text(Text::Letter)) {
                    (selection::tick(visitor, letter.id))
                    a href=(format!("{PATH}/{}", letter.id)) { "#" (letter.id) }
                }
                td.code data-label=(visitor.text(Text::Code)) { (letter.code) }
                td.spare[one_shop] data-label=(visitor.text(Text::Shop)) {
                    (letter.shop.as_deref().unwrap_or("—"))
                }
                td data-label=(subjects::noun(
                    visitor, letter.number.as_deref().unwrap_or_default()
                )) {
                    (components::order(letter.shop.as_deref(), letter.number.as_deref()))
                }
                td.words.cut data-label=(visitor.text(Text::WhatHappened)) {
                    (visitor.lang.told(&letter.message).chars().take(120).collect::<String>())
                }
                td.num data-label=(visitor.text(Text::Attempts)) { (letter.attempts) }
                td.when data-label=(visitor.text(Text::LastFailed)) {
                    (components::time(visitor, letter.last_failed_at))
                }
            } } }
        } }
    }
}
