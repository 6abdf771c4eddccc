//! Dead letters as a file: all that a filter finds goes out, and what such a file holds comes in.

use super::list_query::{ListQuery, PATH};
use crate::{
    app::{DeadLetters, Error, FaultyLine, ImportReport, LetterFilter, LetterPage},
    console::{
        i18n::messages::Text,
        session::viewer::Viewer,
        ui::{
            error_page::ErrorPage,
            layout::{self, Section},
            upload::Upload,
        },
    },
};
use axum::{
    BoxError,
    body::Body,
    extract::{Query, State as Extract},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

pub(in crate::console) const EXPORT: &str = "/console/dead-letters/export";
pub(in crate::console) const IMPORT: &str = "/console/dead-letters/import";
/// Letters that are read at once.
const PAGE: u32 = 200;
/// Faulty lines that are shown; their number is told in any case.
const MOST_SHOWN: usize = 500;

/// `GET /console/dead-letters/export`: every letter of the filter, a page at a time, so that their
/// number does not matter.
pub(in crate::console) async fn export(
    Extract(dead_letters): Extract<DeadLetters>,
    visitor: Viewer,
    Query(asked): Query<ListQuery>,
) -> Result<Response, ErrorPage> {
    let mut filter = asked.filter(visitor.lang)?;
    filter.limit = PAGE;
    // The first page is read before the answer begins: what goes wrong then is still told on a
    // page.
    let (first, rest) = page(&dead_letters, filter)
        .await
        .map_err(|error| ErrorPage::of(error, visitor.lang))?;
    let start = (Some(first), rest, dead_letters);
    let lines = futures_util::stream::try_unfold(start, |(ready, rest, letters)| async move {
        let (ready, rest) = match (ready, rest) {
            (Some(ready), rest) => (ready, rest),
            (None, Some(filter)) => page(&letters, filter).await?,
            (None, None) => return Ok::<_, BoxError>(None),
        };
        Ok(Some((ready.lines()?, (None, rest, letters))))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"dead-letters.ndjson\"",
        ),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// A page, and what to ask for the next one.
async fn page(
    dead_letters: &DeadLetters,
    mut filter: LetterFilter,
) -> Result<(LetterPage, Option<LetterFilter>), Error> {
    let page = dead_letters.dead_letters(&filter).await?;
    filter.after = page.next;
    let rest = page.next.map(|_| filter);
    Ok((page, rest))
}

/// `POST /console/dead-letters/import`: takes letters from a file that the export gave.
pub(in crate::console) async fn import(
    Extract(dead_letters): Extract<DeadLetters>,
    upload: Upload,
) -> Result<Response, ErrorPage> {
    let Upload { visitor, text } = upload;
    let text = match text {
        Ok(text) => text,
        Err(wrong) => return Ok(refused(&visitor, &wrong)),
    };
    match dead_letters.import_letters(&text, &visitor.actor()).await {
        Ok(sum) => Ok(outcome(&visitor, &sum).into_response()),
        Err(Error::Invalid(faults)) => Ok(refused(&visitor, &crate::app::sentence(&faults))),
        Err(error) => Err(ErrorPage::of(error, visitor.lang)),
    }
}

fn refused(visitor: &Viewer, wrong: &str) -> Response {
    let content = html! {
        h1 { (visitor.text(Text::Import)) }
        p.problem.words role="alert" { (visitor.lang.told(wrong)) }
        p { (visitor.text(Text::NothingTaken)) }
        (form(visitor))
        (back(visitor))
    };
    let page = framed(visitor, content);
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

fn outcome(visitor: &Viewer, sum: &ImportReport) -> Markup {
    let content = html! {
        h1 { (visitor.text(Text::Import)) }
        ul.tiles {
            li { b { (sum.taken) } span { (visitor.text(Text::LettersTaken)) } }
            li { b { (sum.known) } span { (visitor.text(Text::LettersKnown)) } }
            li.alarm[!sum.faulty.is_empty()] {
                b { (sum.faulty.len()) } span { (visitor.text(Text::LinesFaulty)) }
            }
        }
        @if !sum.faulty.is_empty() {
            p { (visitor.text(Text::MendLines)) }
            (faulty(visitor, &sum.faulty))
            (form(visitor))
        }
        (back(visitor))
    };
    framed(visitor, content)
}

fn faulty(visitor: &Viewer, lines: &[FaultyLine]) -> Markup {
    html! {
        div.scroll { table.stacks {
            thead {
                tr {
                    th.num scope="col" { (visitor.text(Text::Line)) }
                    th scope="col" { (visitor.text(Text::WhatIsWrong)) }
                }
            }
            tbody { @for line in lines.iter().take(MOST_SHOWN) { tr {
                td.num data-label=(visitor.text(Text::Line)) { (line.line) }
                td.words data-label=(visitor.text(Text::WhatIsWrong)) {
                    (visitor.lang.told(&line.detail))
                }
            } } }
        } }
        @if lines.len() > MOST_SHOWN { p.quiet { "… +" (lines.len() - MOST_SHOWN) } }
    }
}

/// The form that takes a file. The token goes first: see [`Upload`].
pub(in crate::console) fn form(visitor: &Viewer) -> Markup {
    html! {
        form.stack method="post" action=(IMPORT) enctype="multipart/form-data" {
            (layout::csrf(visitor))
            label {
                (visitor.text(Text::ImportExplained))
                input type="file" name="file" accept=".ndjson,.jsonl,.json,.txt" required
                    disabled[!visitor.can_write()];
            }
            (crate::console::ui::components::submit(visitor, visitor.text(Text::Import)))
        }
    }
}

fn back(visitor: &Viewer) -> Markup {
    html! { p { a href=(PATH) { (visitor.text(Text::DeadLetters)) } } }
}

fn framed(visitor: &Viewer, content: Markup) -> Markup {
    layout::page(
        visitor,
        Section::DeadLetters,
        visitor.text(Text::Import),
        content,
    )
}
