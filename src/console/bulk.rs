//! Acts on all letters that a filter finds: shown first, confirmed by their number, done by the worker, stopped on demand.

use super::{
    State,
    act::Act,
    dead_letters::{Asked, BULK, LONGEST_REASON, PATH},
    fault::Fault,
    layout::{self, Section},
    parts,
    session::Visitor,
    text::Text,
};
use crate::app::{Bulk, BulkAction, Error};
use axum::{
    extract::{Path, Query, State as Extract},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    what: String,
    count: String,
    reason: String,
    #[serde(flatten)]
    asked: Asked,
}

#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// `GET /console/dead-letters/bulk`: how many there are, before anything happens to them.
pub(super) async fn ask(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Markup, Fault> {
    let count = count(&state, &visitor, &wanted).await?;
    Ok(confirm(&visitor, &wanted, count, None))
}

async fn count(state: &State, visitor: &Visitor, wanted: &Wanted) -> Result<i64, Fault> {
    let filter = wanted.asked.filter(visitor.lang)?;
    let counts = state.bridge.count_letters(&filter).await;
    Ok(counts
        .map_err(|error| Fault::of(error, visitor.lang))?
        .total)
}

fn confirm(visitor: &Visitor, wanted: &Wanted, count: i64, wrong: Option<&str>) -> Markup {
    let discards = wanted.what == "discard";
    let what = if discards {
        Text::DiscardAll
    } else {
        Text::RetryAll
    };
    let content = html! {
        h1 { (visitor.say(what)) }
        @if let Some(wrong) = wrong { p.problem role="alert" { (wrong) } }
        dl.facts {
            div { dt { (visitor.say(Text::LettersConcerned)) } dd { strong { (count) } } }
            @for (_, text, value) in wanted.asked.fields() { @if !value.is_empty() { div { dt { (visitor.say(text)) } dd { (value) } } } }
        }
        p.quiet { (visitor.say(Text::BulkExplained)) }
        form.stack.card method="post" action=(BULK) {
            (layout::csrf(visitor))
            input type="hidden" name="what" value=(wanted.what);
            @for (name, _, value) in wanted.asked.fields() { input type="hidden" name=(name) value=(value); }
            @if discards { label { (visitor.say(Text::Reason)) input name="reason" required maxlength=(LONGEST_REASON); } }
            label { (visitor.say(Text::TypeTheCount)) input name="count" inputmode="numeric" autocomplete="off" required; }
            @if discards { (parts::danger(visitor, visitor.say(what))) } @else { (parts::submit(visitor, visitor.say(what))) }
        }
        p { a href=(wanted.asked.link(PATH, &[])) { (visitor.say(Text::Back)) } }
    };
    layout::page(visitor, Section::DeadLetters, visitor.say(what), content)
}

/// `POST /console/dead-letters/bulk`.
pub(super) async fn start(
    Extract(state): Extract<State>,
    act: Act<Wanted>,
) -> Result<Response, Fault> {
    let Act { visitor, form } = act;
    let action = match form.what.as_str() {
        "discard" => BulkAction::Discard,
        "retry" => BulkAction::Retry,
        _ => return Err(Fault::unusable("what", visitor.lang)),
    };
    let wanted = Bulk {
        action,
        filter: form.asked.filter(visitor.lang)?,
        expect: form.count.trim().parse().unwrap_or(-1),
        reason: Some(form.reason.trim().to_owned()).filter(|reason| !reason.is_empty()),
        recreate: false,
    };
    let wrong = match state.bridge.start_bulk(&wanted, &visitor.actor()).await {
        Ok(_) => return Ok(Redirect::to("/console/bulk").into_response()),
        Err(Error::Count { .. }) => visitor.say(Text::CountDiffers).to_owned(),
        Err(error @ Error::Invalid(_)) => error.to_string(),
        Err(error) => return Err(Fault::of(error, visitor.lang)),
    };
    let count = count(&state, &visitor, &form).await?;
    let page = confirm(&visitor, &form, count, Some(&wrong));
    Ok((StatusCode::CONFLICT, page).into_response())
}

/// `GET /console/bulk`: jobs and how far they are.
pub(super) async fn jobs(
    Extract(state): Extract<State>,
    visitor: Visitor,
) -> Result<Markup, Fault> {
    let jobs = state.bridge.bulk_jobs().await;
    let jobs = jobs.map_err(|error| Fault::of(error, visitor.lang))?.items;
    let title = visitor.say(Text::Jobs);
    let content = html! {
        h1 { (title) }
        @if jobs.is_empty() { p.empty { (visitor.say(Text::NoJobs)) } } @else { div.scroll { table.stacks {
            thead { tr { th scope="col" { "#" } th scope="col" { (visitor.say(Text::What)) } th scope="col" { (visitor.say(Text::State)) }
                th scope="col" { (visitor.say(Text::Progress)) } th scope="col" { (visitor.say(Text::Who)) } th scope="col" { (visitor.say(Text::Time)) } th {} } }
            tbody { @for job in &jobs { tr {
                td data-label="#" { (job.id) }
                td data-label=(visitor.say(Text::What)) { (visitor.lang.word(&job.action)) @if let Some(reason) = &job.reason { ": " (reason) } }
                td data-label=(visitor.say(Text::State)) { (visitor.lang.word(&job.state)) }
                td data-label=(visitor.say(Text::Progress)) {
                    meter min="0" max=(job.expected) value=(job.done) {} " " (job.done) " / " (job.expected)
                    @if job.failed > 0 { " " span.badge.bad { (visitor.say(Text::StayOpen)) ": " (job.failed) } }
                    @if let Some(fault) = &job.last_fault { p.words { (visitor.lang.told(fault)) } }
                }
                td data-label=(visitor.say(Text::Who)) { (job.actor) }
                td data-label=(visitor.say(Text::Time)) { (parts::time(&visitor, job.created_at)) }
                td { @if job.state == "running" { (parts::button(&visitor, &format!("/console/bulk/{}/stop", job.id), &[], visitor.say(Text::Stop))) } }
            } } }
        } } }
        p { a href=(PATH) { (visitor.say(Text::DeadLetters)) } }
    };
    Ok(layout::page(&visitor, Section::DeadLetters, title, content))
}

/// `POST /console/bulk/{id}/stop`.
pub(super) async fn stop(
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    act: Act<Nothing>,
) -> Result<Redirect, Fault> {
    let lang = act.visitor.lang;
    let id = id.parse().map_err(|_| Fault::not_found(lang))?;
    let stopped = state.bridge.stop_bulk(id, &act.visitor.actor()).await;
    stopped.map_err(|error| Fault::of(error, lang))?;
    Ok(Redirect::to("/console/bulk"))
}
