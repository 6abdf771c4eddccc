//! Dead letters as a file: all that a filter finds goes out, and what such a file holds comes in.

use super::{
    State,
    dead_letters::{Asked, PATH},
    fault::Fault,
    layout::{self, Section},
    session::Visitor,
    text::Text,
    upload::Upload,
};
use crate::app::{Bridge, Error, FaultyLine, Imports, LetterFilter, LetterPage};
use axum::{
    BoxError,
    body::Body,
    extract::{Query, State as Extract},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

pub(super) const EXPORT: &str = "/console/dead-letters/export";
pub(super) const IMPORT: &str = "/console/dead-letters/import";
/// Letters that are read at once.
const PAGE: u32 = 200;
/// Faulty lines that are shown; their number is told in any case.
const MOST_SHOWN: usize = 500;

/// `GET /console/dead-letters/export`: every letter of the filter, a page at a time, so that their number does not matter.
pub(super) async fn export(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    let mut filter = asked.filter(visitor.lang)?;
    filter.limit = PAGE;
    // The first page is read before the answer begins: what goes wrong then is still told on a page.
    let (first, rest) = page(&state.bridge, filter)
        .await
        .map_err(|error| Fault::of(error, visitor.lang))?;
    let start = (Some(first), rest, state.bridge);
    let lines = futures_util::stream::try_unfold(start, |(ready, rest, bridge)| async move {
        let (ready, rest) = match (ready, rest) {
            (Some(ready), rest) => (ready, rest),
            (None, Some(filter)) => page(&bridge, filter).await?,
            (None, None) => return Ok::<_, BoxError>(None),
        };
        Ok(Some((ready.lines()?, (None, rest, bridge))))
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
    bridge: &Bridge,
    mut filter: LetterFilter,
) -> Result<(LetterPage, Option<LetterFilter>), Error> {
    let page = bridge.dead_letters(&filter).await?;
    filter.after = page.next;
    let rest = page.next.map(|_| filter);
    Ok((page, rest))
}

/// `POST /console/dead-letters/import`.
pub(super) async fn import(
    Extract(state): Extract<State>,
    upload: Upload,
) -> Result<Response, Fault> {
    let Upload { visitor, text } = upload;
    let text = match text {
        Ok(text) => text,
        Err(wrong) => return Ok(refused(&visitor, &wrong)),
    };
    match state.bridge.import_letters(&text, &visitor.actor()).await {
        Ok(sum) => Ok(outcome(&visitor, &sum).into_response()),
        Err(Error::Invalid(faults)) => Ok(refused(&visitor, &crate::app::sentence(&faults))),
        Err(error) => Err(Fault::of(error, visitor.lang)),
    }
}

fn refused(visitor: &Visitor, wrong: &str) -> Response {
    let content = html! {
        h1 { (visitor.say(Text::Import)) }
        p.problem.words role="alert" { (visitor.lang.told(wrong)) }
        p { (visitor.say(Text::NothingTaken)) }
        (form(visitor))
        (back(visitor))
    };
    let page = framed(visitor, content);
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

fn outcome(visitor: &Visitor, sum: &Imports) -> Markup {
    let content = html! {
        h1 { (visitor.say(Text::Import)) }
        ul.tiles {
            li { b { (sum.taken) } span { (visitor.say(Text::LettersTaken)) } }
            li { b { (sum.known) } span { (visitor.say(Text::LettersKnown)) } }
            li.alarm[!sum.faulty.is_empty()] { b { (sum.faulty.len()) } span { (visitor.say(Text::LinesFaulty)) } }
        }
        @if !sum.faulty.is_empty() {
            p { (visitor.say(Text::MendLines)) }
            (faulty(visitor, &sum.faulty))
            (form(visitor))
        }
        (back(visitor))
    };
    framed(visitor, content)
}

fn faulty(visitor: &Visitor, lines: &[FaultyLine]) -> Markup {
    html! {
        div.scroll { table.stacks {
            thead { tr { th.num scope="col" { (visitor.say(Text::Line)) } th scope="col" { (visitor.say(Text::WhatIsWrong)) } } }
            tbody { @for line in lines.iter().take(MOST_SHOWN) { tr {
                td.num data-label=(visitor.say(Text::Line)) { (line.line) }
                td.words data-label=(visitor.say(Text::WhatIsWrong)) { (visitor.lang.told(&line.detail)) }
            } } }
        } }
        @if lines.len() > MOST_SHOWN { p.quiet { "… +" (lines.len() - MOST_SHOWN) } }
    }
}

/// The form that takes a file. The token goes first: see [`Upload`].
pub(super) fn form(visitor: &Visitor) -> Markup {
    html! {
        form.stack method="post" action=(IMPORT) enctype="multipart/form-data" {
            (layout::csrf(visitor))
            label { (visitor.say(Text::ImportExplained))
                input type="file" name="file" accept=".ndjson,.jsonl,.json,.txt" required disabled[!visitor.acts()]; }
            (super::parts::submit(visitor, visitor.say(Text::Import)))
        }
    }
}

fn back(visitor: &Visitor) -> Markup {
    html! { p { a href=(PATH) { (visitor.say(Text::DeadLetters)) } } }
}

fn framed(visitor: &Visitor, content: Markup) -> Markup {
    layout::page(
        visitor,
        Section::DeadLetters,
        visitor.say(Text::Import),
        content,
    )
}
