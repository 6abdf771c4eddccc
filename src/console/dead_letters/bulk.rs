//! Acts on all letters that a filter finds: shown first, confirmed by their number, done by the
//! worker, stopped on demand.

use super::{
    list::BULK,
    list_query::{LONGEST_REASON, ListQuery, PATH},
};
use crate::{
    app::{BulkAction, BulkRequest, BulkState, DeadLetters, Error},
    console::{
        i18n::messages::Text,
        session::{form::OperatorForm, viewer::Viewer},
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
        },
    },
};
use axum::{
    extract::{Path, Query, State as Extract},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct BulkForm {
    what: String,
    count: String,
    reason: String,
    #[serde(flatten)]
    asked: ListQuery,
}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct EmptyForm {}

/// `GET /console/dead-letters/bulk`: how many there are, before anything happens to them.
pub(in crate::console) async fn ask(
    Extract(dead_letters): Extract<DeadLetters>,
    visitor: Viewer,
    Query(wanted): Query<BulkForm>,
) -> Result<Markup, ErrorPage> {
    let count = count(&dead_letters, &visitor, &wanted).await?;
    Ok(confirm(&visitor, &wanted, count, None))
}

async fn count(
    dead_letters: &DeadLetters,
    visitor: &Viewer,
    wanted: &BulkForm,
) -> Result<i64, ErrorPage> {
    let filter = wanted.asked.filter(visitor.lang)?;
    let counts = dead_letters.count_letters(&filter).await;
    Ok(counts
        .map_err(|error| ErrorPage::of(error, visitor.lang))?
        .total)
}

fn confirm(visitor: &Viewer, wanted: &BulkForm, count: i64, wrong: Option<&str>) -> Markup {
    let discards = wanted.what == "discard";
    let what = if discards {
        Text::DiscardAll
    } else {
        Text::RetryAll
    };
    let content = html! {
        h1 { (visitor.text(what)) }
        @if let Some(wrong) = wrong { p.problem role="alert" { (wrong) } }
        dl.facts {
            div { dt { (visitor.text(Text::LettersConcerned)) } dd { strong { (count) } } }
            @for (_, text, value) in wanted.asked.fields() {
                @if !value.is_empty() { div { dt { (visitor.text(text)) } dd { (value) } } }
            }
        }
        p.quiet { (visitor.text(Text::BulkExplained)) }
        form.stack.card method="post" action=(BULK) {
            (layout::csrf(visitor))
            input type="hidden" name="what" value=(wanted.what);
            @for (name, _, value) in wanted.asked.fields() {
                input type="hidden" name=(name) value=(value);
            }
            @if discards {
                label {
                    (
                        visitor.text(Text::Reason)
                    ) input name="reason" required maxlength=(LONGEST_REASON);
                }
            }
            label {
                (
                    visitor.text(Text::TypeTheCount)
                ) input name="count" inputmode="numeric" autocomplete="off" required;
            }
            @if discards {
                (components::danger(visitor, visitor.text(what)))
            } @else {
                (components::submit(visitor, visitor.text(what)))
            }
        }
        p { a href=(wanted.asked.link(PATH, &[])) { (visitor.text(Text::Back)) } }
    };
    layout::page(visitor, Section::DeadLetters, visitor.text(what), content)
}

/// `POST /console/dead-letters/bulk`: starts a job over all letters of a filter.
pub(in crate::console) async fn start(
    Extract(dead_letters): Extract<DeadLetters>,
    act: OperatorForm<BulkForm>,
) -> Result<Response, ErrorPage> {
    let OperatorForm { visitor, form } = act;
    let action = match form.what.as_str() {
        "discard" => BulkAction::Discard,
        "retry" => BulkAction::Retry,
        _ => return Err(ErrorPage::unusable("what", visitor.lang)),
    };
    let wanted = BulkRequest {
        action,
        filter: form.asked.filter(visitor.lang)?,
        expect: form.count.trim().parse().unwrap_or(-1),
        reason: Some(form.reason.trim().to_owned()).filter(|reason| !reason.is_empty()),
        recreate: false,
    };
    let wrong = match dead_letters.start_bulk(&wanted, &visitor.actor()).await {
        Ok(_) => return Ok(Redirect::to("/console/bulk").into_response()),
        Err(Error::Count { .. }) => visitor.text(Text::CountDiffers).to_owned(),
        Err(error @ Error::Invalid(_)) => error.to_string(),
        Err(error) => return Err(ErrorPage::of(error, visitor.lang)),
    };
    let count = count(&dead_letters, &visitor, &form).await?;
    let page = confirm(&visitor, &form, count, Some(&wrong));
    Ok((StatusCode::CONFLICT, page).into_response())
}

/// `GET /console/bulk`: jobs and how far they are.
pub(in crate::console) async fn jobs(
    Extract(dead_letters): Extract<DeadLetters>,
    visitor: Viewer,
) -> Result<Markup, ErrorPage> {
    let jobs = dead_letters.bulk_jobs().await;
    let jobs = jobs
        .map_err(|error| ErrorPage::of(error, visitor.lang))?
        .items;
    let title = visitor.text(Text::Jobs);
    let content = html! {
        h1 { (title) }
        @if jobs.is_empty() { p.empty { (visitor.text(Text::NoJobs)) } } @else
            { div.scroll { table.stacks {
            thead {
                tr {
                    th scope="col" { "#" }
                    th scope="col" { (visitor.text(Text::What)) }
                    th scope="col" { (visitor.text(Text::State)) }
                    th scope="col" { (visitor.text(Text::Progress)) }
                    th scope="col" { (visitor.text(Text::Who)) }
                    th scope="col" { (visitor.text(Text::Time)) }
                    th {}
                }
            }
            tbody { @for job in &jobs { tr {
                td data-label="#" { (job.id) }
                td data-label=(visitor.text(Text::What)) {
                    (visitor.lang.word(&job.action)) @if let Some(reason) = &job.reason {
                        ": " (reason)
                    }
                }
                td data-label=(visitor.text(Text::State)) {
                    (visitor.lang.word(job.state.as_str()))
                }
                td data-label=(visitor.text(Text::Progress)) {
                    meter min="0" max=(job.expected) value=(job.done) {}
                    " " (job.done) " / " (job.expected)
                    @if job.failed > 0 {
                        " " span.badge.bad { (visitor.text(Text::StayOpen)) ": " (job.failed) }
                    }
                    @if let Some(fault) = &job.last_fault { p.words { (visitor.lang.told(fault)) } }
                }
                td data-label=(visitor.text(Text::Who)) { (job.actor) }
                td data-label=(visitor.text(Text::Time)) {
                    (components::time(&visitor, job.created_at))
                }
                td {
                    @if job.state == BulkState::Running {
                        (
                            components::button(
                                &visitor, &format!("/console/bulk/{}/stop", job.id), &[],
                                visitor.text(Text::Stop)
                            )
                        )
                    }
                }
            } } }
        } } }
        p { a href=(PATH) { (visitor.text(Text::DeadLetters)) } }
    };
    Ok(layout::page(&visitor, Section::DeadLetters, title, content))
}

/// `POST /console/bulk/{id}/stop`: stops a job after the batch in hand.
pub(in crate::console) async fn stop(
    Extract(dead_letters): Extract<DeadLetters>,
    Path(id): Path<String>,
    act: OperatorForm<EmptyForm>,
) -> Result<Redirect, ErrorPage> {
    let lang = act.visitor.lang;
    let id = id.parse().map_err(|_| ErrorPage::not_found(lang))?;
    let stopped = dead_letters.stop_bulk(id, &act.visitor.actor()).await;
    stopped.map_err(|error| ErrorPage::of(error, lang))?;
    Ok(Redirect::to("/console/bulk"))
}
