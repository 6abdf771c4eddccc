//! `GET /console/dead-letters/{id}` and what can be done about one letter.

use super::list_query::LONGEST_REASON;
use crate::{
    app::{DeadLetter, DeadLetterDetail, Error, Retry, RetryOutcome},
    console::{
        State,
        i18n::messages::Text,
        session::{form::OperatorForm, viewer::Viewer},
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
        },
    },
    domain::ErrorCode,
};
use axum::{
    extract::{Path, State as Extract},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

/// `GET /console/dead-letters/{id}`.
pub(in crate::console) async fn get(
    Extract(state): Extract<State>,
    visitor: Viewer,
    Path(id): Path<String>,
) -> Result<Markup, ErrorPage> {
    let whole = find(&state, &visitor, &id).await?;
    Ok(page(&visitor, &whole, None))
}

async fn find(state: &State, visitor: &Viewer, id: &str) -> Result<DeadLetterDetail, ErrorPage> {
    let nothing = || ErrorPage::not_found(visitor.lang);
    let id = id.parse().map_err(|_| nothing())?;
    let letter = state.app.dead_letters.whole_letter(id).await;
    letter
        .map_err(|error| ErrorPage::of(error, visitor.lang))?
        .ok_or_else(nothing)
}

/// A letter; with what was wrong with a mended payload, and the payload as it was typed.
fn page(visitor: &Viewer, whole: &DeadLetterDetail, mended: Option<(&str, &str)>) -> Markup {
    let letter = &whole.letter;
    let title = format!("{} #{}", visitor.text(Text::IsDead), letter.id);
    let content = html! {
        h1 { "#" (letter.id) " " span.code { (letter.code) } }
        @if let Some(closed) = &whole.closed {
            p.notice {
                (visitor.text(Text::ClosedAlready)) ": " (visitor.lang.word(&closed.how)) ", "
                    (components::moment(visitor, closed.at)) ", "
                    (closed.by.as_deref().unwrap_or("—")) @if let Some(reason) = &closed.reason {
                    ": " (visitor.lang.told(reason))
                }
            }
        }
        section.card.alarm {
            (components::explained(visitor, &letter.code, components::place_of(letter)))
            h3 { (visitor.text(Text::InTheWordsOf)) }
            p.words { (visitor.lang.told(&letter.message)) }
        }
        dl.facts {
            div {
                dt { (visitor.text(Text::Order)) }
                dd { (components::order(letter.shop.as_deref(), letter.number.as_deref())) }
            }
            div { dt { (visitor.text(Text::Shop)) } dd { (letter.shop.as_deref().unwrap_or("—")) } }
            div {
                dt { (visitor.text(Text::Portal)) } dd { (letter.portal.as_deref().unwrap_or("—")) }
            }
            div { dt { (visitor.text(Text::Attempts)) } dd { (letter.attempts) } }
            div {
                dt { (visitor.text(Text::FirstFailed)) }
                dd { (components::moment(visitor, letter.first_failed_at)) }
            }
            div {
                dt { (visitor.text(Text::LastFailed)) }
                dd { (components::moment(visitor, letter.last_failed_at)) }
            }
        }
        @if !whole.tries.is_empty() {
            details { summary { (visitor.text(Text::Attempts)) " (" (whole.tries.len()) ")" }
                ol.timeline { @for attempt in &whole.tries { li.bad {
                    div.when {
                        (components::moment(visitor, attempt.at)) " " span.kind {
                            (attempt.nth) ". " (attempt.code)
                        }
                    }
                    p.words { (visitor.lang.told(&attempt.message)) }
                } } }
            }
        }
        @if whole.closed.is_some() {
            h2 { (visitor.text(Text::Payload)) }
            pre { (components::pretty(&letter.payload)) }
        } @else {
            @if !visitor.can_write() { p.quiet { (visitor.text(Text::ViewerCannot)) } }
            (acts(visitor, letter, mended))
        }
    };
    layout::page(visitor, Section::DeadLetters, &title, content)
}

fn acts(visitor: &Viewer, letter: &DeadLetter, mended: Option<(&str, &str)>) -> Markup {
    let path = |what: &str| format!("/console/dead-letters/{}/{what}", letter.id);
    let payload = components::pretty(&letter.payload);
    let gone = letter.code == ErrorCode::DealGone.as_str();
    // What the shop is told is the bridge's own word: there is nothing to mend in it.
    let told = letter.change_seq.is_some() || letter.about.is_some();
    let explained = match (gone, told) {
        (true, _) => Text::RetryRestored,
        (_, true) if letter.about.is_none() => Text::TellAgain,
        _ => Text::RetryExplained,
    };
    html! {
        @if gone { section.act {
            h2 { (visitor.text(Text::MakeNewDeal)) }
            p { (visitor.text(Text::NewDealExplained)) }
            (
                components::button(
                    visitor, &path("retry"), &[("recreate", "yes")], visitor.text(Text::MakeNewDeal)
                )
            )
        } }
        section.act {
            h2 { (visitor.text(Text::Retry)) }
            p { (visitor.text(explained)) }
            (components::button(visitor, &path("retry"), &[], visitor.text(Text::Retry)))
        }
        @if told { details { summary { (visitor.text(Text::Payload)) } pre { (payload) } } } @else
            { section.act id="mend" {
            h2 { (visitor.text(Text::EditAndRetry)) }
            p { (visitor.text(Text::EditExplained)) }
            @if let Some((wrong, _)) = mended {
                p.problem.words role="alert" { (visitor.lang.told(wrong)) }
            }
            form.stack method="post" action=(format!("{}#mend", path("mend"))) {
                (layout::csrf(visitor))
                label { (visitor.text(Text::Payload))
                    textarea name="payload" rows="18" spellcheck="false" autocapitalize="none"
                        readonly[!visitor.can_write()] {
                        "\n" (mended.map_or(payload.as_str(), |(_, typed)| typed))
                    }
                }
                (components::submit(visitor, visitor.text(Text::EditAndRetry)))
            }
        } }
        section.act {
            h2 { (visitor.text(Text::Discard)) }
            p { (visitor.text(Text::DiscardExplained)) }
            form.stack method="post" action=(path("discard")) {
                (layout::csrf(visitor))
                label {
                    (
                        visitor.text(Text::Reason)
                    ) input name="reason" required maxlength=(LONGEST_REASON);
                }
                (components::danger(visitor, visitor.text(Text::Discard)))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct RetryForm {
    #[serde(default)]
    recreate: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct EditForm {
    payload: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct DiscardForm {
    reason: String,
}

/// `POST /console/dead-letters/{id}/retry`.
pub(in crate::console) async fn retry(
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    act: OperatorForm<RetryForm>,
) -> Result<Redirect, ErrorPage> {
    let letter = find(&state, &act.visitor, &id).await?.letter;
    let options = Retry {
        recreate: act.form.recreate == "yes",
        ..Retry::default()
    };
    let done = state
        .app
        .dead_letters
        .retry(letter.id, &act.visitor.actor(), options)
        .await;
    let done = done.map_err(|error| ErrorPage::of(error, act.visitor.lang))?;
    Ok(after(done))
}

/// `POST /console/dead-letters/{id}/mend`.
pub(in crate::console) async fn mend(
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    act: OperatorForm<EditForm>,
) -> Result<Response, ErrorPage> {
    let OperatorForm { visitor, form } = act;
    let whole = find(&state, &visitor, &id).await?;
    let letter = &whole.letter;
    let again = |wrong: &str| {
        let page = page(&visitor, &whole, Some((wrong, &form.payload)));
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    let payload = match serde_json::from_str(&form.payload) {
        Ok(payload) => payload,
        Err(error) => return again(&format!("JSON: {error}")),
    };
    let options = Retry {
        payload: Some(payload),
        ..Retry::default()
    };
    match state
        .app
        .dead_letters
        .retry(letter.id, &visitor.actor(), options)
        .await
    {
        Ok(done) => Ok(after(done).into_response()),
        Err(error @ Error::Invalid(_)) => again(&error.to_string()),
        Err(error) => Err(ErrorPage::of(error, visitor.lang)),
    }
}

/// `POST /console/dead-letters/{id}/discard`.
pub(in crate::console) async fn discard(
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    act: OperatorForm<DiscardForm>,
) -> Result<Redirect, ErrorPage> {
    let OperatorForm { visitor, form } = act;
    let reason = form.reason.trim();
    let letter = find(&state, &visitor, &id).await?.letter;
    let done = state
        .app
        .dead_letters
        .discard(letter.id, &visitor.actor(), reason)
        .await;
    done.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    Ok(Redirect::to("/console/dead-letters?done=discarded"))
}

fn after(done: RetryOutcome) -> Redirect {
    Redirect::to(match done {
        RetryOutcome::Queued => "/console/dead-letters?done=queued",
        RetryOutcome::Overtaken => "/console/dead-letters?done=overtaken",
        RetryOutcome::Duplicate => "/console/dead-letters?done=duplicate",
    })
}
