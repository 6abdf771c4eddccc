//! `GET /console/onec`: how it stands with a 1C base.

use super::{document_of, file_of, push};
use crate::{
    app::{
        Onec,
        onec::{BaseReport, DocumentState, DocumentView, FileView, ImportState, SessionView},
    },
    console::{
        i18n::messages::Text,
        session::viewer::Viewer,
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
        },
    },
};
use axum::extract::{Query, State as Extract};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;

/// Documents on a page.
const PAGE: i64 = 15;
/// Files that are shown.
const FILES: i64 = 5;
/// Documents that are not carried out, shown above all.
const OPEN: i64 = 10;

#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct PageQuery {
    #[serde(default)]
    base: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    before: String,
}

/// `GET /console/onec`: how it stands with the 1C bases.
pub(in crate::console) async fn get(
    Extract(onec): Extract<Onec>,
    visitor: Viewer,
    Query(asked): Query<PageQuery>,
) -> Result<Markup, ErrorPage> {
    let fault = |error| ErrorPage::of(error, visitor.lang);
    let text = |text| visitor.text(text);
    let title = text(Text::OneCPage);
    if asked.number.contains('\0') {
        return Err(ErrorPage::unusable("number", visitor.lang));
    }
    let reports = onec.onec_report().await.map_err(fault)?;
    let named = reports.iter().find(|one| one.base == asked.base);
    let found = named.or_else(|| reports.first());
    let base = found.and_then(|report| onec.onec_base(&report.base));
    let (Some(report), Some(base)) = (found, base) else {
        let content = html! { h1 { (title) } p.empty { (components::marked(text(Text::NoBase))) } };
        return Ok(layout::page(&visitor, Section::OneC, title, content));
    };
    let number = Some(asked.number.trim()).filter(|number| !number.is_empty());
    let before = asked.before.parse().ok();
    let open = onec.open_documents(base, OPEN).await.map_err(fault)?;
    let files = onec.onec_files(base, FILES).await.map_err(fault)?;
    let documents = onec.onec_documents(base, number, before, PAGE).await;
    let documents = documents.map_err(fault)?;
    let full = i64::try_from(documents.len()).is_ok_and(|many| many >= PAGE);
    let last = documents
        .last()
        .filter(|_| full)
        .map(|one| one.id.to_string());
    let name = Some(report.base.as_str());
    let content = html! {
        h1 { (title) " " (report.base) }
        @if reports.len() > 1 { p { @for one in &reports {
            a href=(links::link("/console/onec", &[("base", Some(&one.base))])) { (one.base) } " "
        } } }
        (sums(&visitor, report))
        @if let Some(push) = &report.push { (push::section(&visitor, push)) }
        @if !open.is_empty() {
            h2 { (text(Text::NotCarriedOut)) }
            (table(&visitor, &open))
        }
        h2 { (text(Text::WhatCameFromOneC)) }
        form.search method="get" action="/console/onec" {
            input type="hidden" name="base" value=(report.base);
            label { (text(Text::Number)) input name="number" value=(asked.number) maxlength="128"; }
            button type="submit" { (text(Text::Filter)) }
        }
        (table(&visitor, &documents))
        @if let Some(last) = &last {
            p.actions { a.button href=(links::link("/console/onec",
                &[("base", name), ("number", number), ("before", Some(last))])) {
                (text(Text::Next))
            } }
        }
        h2 { (text(Text::Files)) }
        (files_of(&visitor, &files))
        h2 { (text(Text::Sessions)) }
        (sessions(&visitor, &report.sessions))
    };
    Ok(layout::page(&visitor, Section::OneC, title, content))
}

fn sums(visitor: &Viewer, report: &BaseReport) -> Markup {
    let text = |text| visitor.text(text);
    let count = |many| components::count(visitor.lang, many);
    html! {
        dl.facts {
            div { dt { (text(Text::WaitForOneC)) } dd { (count(report.waiting))
                (since(visitor, report.oldest)) } }
            div { dt { (text(Text::OneCHas)) } dd { (count(report.confirmed))
                (since(visitor, report.last_confirmed_at)) } }
            div { dt { (text(Text::HeldByFilter)) } dd { (count(report.held)) } }
            div { dt { (text(Text::CannotBeWritten)) } dd { (count(report.refused)) } }
        }
        @if !report.refused_orders.is_empty() { ul { @for one in &report.refused_orders {
            li { (components::order(Some(&one.shop), Some(&one.number))) ": " (one.code) ": "
                (visitor.lang.told(&one.why)) }
        } } }
    }
}

fn since(visitor: &Viewer, at: Option<DateTime<Utc>>) -> Markup {
    html! { @if let Some(at) = at { " (" (components::moment(visitor, at)) ")" } }
}

fn table(visitor: &Viewer, documents: &[DocumentView]) -> Markup {
    let text = |text| visitor.text(text);
    html! {
        @if documents.is_empty() { p.empty { (text(Text::NothingCame)) } }
        @else { div.scroll { table.stacks {
            thead { tr {
                th scope="col" { (text(Text::Time)) } th scope="col" { (text(Text::Number)) }
                th scope="col" { (text(Text::Order)) } th scope="col" { (text(Text::State)) }
                th scope="col" { (text(Text::What)) }
            } }
            tbody { @for one in documents { tr {
                td.when data-label=(text(Text::Time)) {
                    (components::time(visitor, one.received_at)) }
                td data-label=(text(Text::Number)) { a href=(document_of(one.id)) { (named(one)) } }
                td data-label=(text(Text::Order)) {
                    (components::order(one.shop.as_deref(), one.order_number.as_deref())) }
                td data-label=(text(Text::State)) { (badge(visitor, one.state)) }
                td.words data-label=(text(Text::What)) {
                    @if !one.code.is_empty() { (one.code) " " }
                    (visitor.lang.happened(one.what.as_ref(), &one.message, None)) }
            } } }
        } } }
    }
}

/// What a document is called by.
pub(super) fn named(one: &DocumentView) -> &str {
    let names = [&one.number, &one.doc_id, &one.onec_number];
    let name = names.into_iter().flatten().next();
    name.map_or("—", String::as_str)
}

/// What became of a document.
pub(super) fn badge(visitor: &Viewer, state: DocumentState) -> Markup {
    let (class, text) = match state {
        DocumentState::Applied => ("badge good", Text::TakenIn),
        DocumentState::Waiting => ("badge warn", Text::Waits),
        DocumentState::Overtaken => ("badge", Text::OvertakenByNewer),
        DocumentState::Discarded => ("badge", Text::LetGoByHand),
        DocumentState::Refused => ("badge bad", Text::NotTakenIn),
    };
    html! { span class=(class) { (visitor.text(text)) } }
}

fn files_of(visitor: &Viewer, files: &[FileView]) -> Markup {
    let text = |text| visitor.text(text);
    html! {
        @if files.is_empty() { p.empty { (text(Text::NothingCame)) } }
        @else { div.scroll { table.stacks {
            thead { tr {
                th scope="col" { (text(Text::Time)) } th scope="col" { (text(Text::Name)) }
                th scope="col" { (text(Text::State)) } th.num scope="col" { (text(Text::Items)) }
                th scope="col" { (text(Text::What)) }
            } }
            tbody { @for one in files { tr {
                td.when data-label=(text(Text::Time)) {
                    (components::time(visitor, one.started_at)) }
                td data-label=(text(Text::Name)) {
                    @if let Some(id) = one.file { a href=(file_of(id)) { (one.name) } }
                    @else { (one.name) }
                    " " (one.member)
                }
                td data-label=(text(Text::State)) { (file_badge(visitor, one.state)) }
                td.num data-label=(text(Text::Items)) { (one.items) }
                td.words data-label=(text(Text::What)) {
                    @if one.notes.is_empty() { "—" }
                    @for note in &one.notes { p { (visitor.lang.said(note, None)) } }
                    @if one.state != ImportState::Working { @if let Some(id) = one.file {
                        " " (components::button(visitor, &format!("{}/again", file_of(id)), &[],
                            text(Text::TakeInAgain)))
                    } }
                }
            } } }
        } } }
    }
}

fn file_badge(visitor: &Viewer, state: ImportState) -> Markup {
    let (class, text) = match state {
        ImportState::Taken => ("badge good", Text::TakenIn),
        ImportState::Working => ("badge warn", Text::OnItsWay),
        ImportState::Refused => ("badge bad", Text::NotTakenIn),
    };
    html! { span class=(class) { (visitor.text(text)) } }
}

fn sessions(visitor: &Viewer, sessions: &[SessionView]) -> Markup {
    let text = |text| visitor.text(text);
    html! {
        @if sessions.is_empty() { p.empty { (text(Text::NeverHere)) } }
        @else { div.scroll { table.stacks {
            thead { tr {
                th scope="col" { (text(Text::Time)) } th scope="col" { (text(Text::Name)) }
                th scope="col" { (text(Text::What)) } th.num scope="col" { (text(Text::Offered)) }
                th.num scope="col" { (text(Text::Confirmed)) }
            } }
            tbody { @for one in sessions { tr {
                td.when data-label=(text(Text::Time)) {
                    (components::time(visitor, one.started_at)) }
                td data-label=(text(Text::Name)) { (one.login) }
                td data-label=(text(Text::What)) {
                    (one.kind.as_str()) " " (one.version.as_deref().unwrap_or("—")) }
                td.num data-label=(text(Text::Offered)) { (one.offered) }
                td.num data-label=(text(Text::Confirmed)) { (one.confirmed) }
            } } }
        } } }
    }
}
