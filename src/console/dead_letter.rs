//! `GET /console/dead-letters/{id}` and what can be done about one letter.

use super::{
    State,
    act::Act,
    dead_letters::LONGEST_REASON,
    fault::Fault,
    layout::{self, Section},
    parts,
    session::Visitor,
    text::Text,
};
use crate::{
    app::{Error, Letter, Retried, Retry, WholeLetter},
    domain::Code,
};
use axum::{
    extract::{Path, State as Extract},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

/// `GET /console/dead-letters/{id}`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Markup, Fault> {
    let whole = find(&state, &visitor, &id).await?;
    Ok(page(&visitor, &whole, None))
}

async fn find(state: &State, visitor: &Visitor, id: &str) -> Result<WholeLetter, Fault> {
    let nothing = || Fault::not_found(visitor.lang);
    let id = id.parse().map_err(|_| nothing())?;
    let letter = state.bridge.whole_letter(id).await;
    letter
        .map_err(|error| Fault::of(error, visitor.lang))?
        .ok_or_else(nothing)
}

/// A letter; with what was wrong with a mended payload, and the payload as it was typed.
fn page(visitor: &Visitor, whole: &WholeLetter, mended: Option<(&str, &str)>) -> Markup {
    let letter = &whole.letter;
    let title = format!("{} #{}", visitor.say(Text::IsDead), letter.id);
    let content = html! {
        h1 { "#" (letter.id) " " span.code { (letter.code) } }
        @if let Some(closed) = &whole.closed {
            p.notice { (visitor.say(Text::ClosedAlready)) ": " (visitor.lang.word(&closed.how)) ", " (parts::moment(visitor, closed.at)) ", " (closed.by.as_deref().unwrap_or("—"))
                @if let Some(reason) = &closed.reason { ": " (visitor.lang.told(reason)) } }
        }
        section.card.alarm {
            (parts::explained(visitor, &letter.code))
            h3 { (visitor.say(Text::InTheWordsOf)) }
            p.words { (visitor.lang.told(&letter.message)) }
        }
        dl.facts {
            div { dt { (visitor.say(Text::Order)) } dd { (parts::order(letter.shop.as_deref(), letter.number.as_deref())) } }
            div { dt { (visitor.say(Text::Shop)) } dd { (letter.shop.as_deref().unwrap_or("—")) } }
            div { dt { (visitor.say(Text::Portal)) } dd { (letter.portal.as_deref().unwrap_or("—")) } }
            div { dt { (visitor.say(Text::Attempts)) } dd { (letter.attempts) } }
            div { dt { (visitor.say(Text::FirstFailed)) } dd { (parts::moment(visitor, letter.first_failed_at)) } }
            div { dt { (visitor.say(Text::LastFailed)) } dd { (parts::moment(visitor, letter.last_failed_at)) } }
        }
        @if !whole.tries.is_empty() {
            details { summary { (visitor.say(Text::Attempts)) " (" (whole.tries.len()) ")" }
                ol.timeline { @for attempt in &whole.tries { li.bad {
                    div.when { (parts::moment(visitor, attempt.at)) " " span.kind { (attempt.nth) ". " (attempt.code) } }
                    p.words { (visitor.lang.told(&attempt.message)) }
                } } }
            }
        }
        @if whole.closed.is_some() {
            h2 { (visitor.say(Text::Payload)) }
            pre { (parts::pretty(&letter.payload)) }
        } @else {
            @if !visitor.acts() { p.quiet { (visitor.say(Text::ViewerCannot)) } }
            (acts(visitor, letter, mended))
        }
    };
    layout::page(visitor, Section::DeadLetters, &title, content)
}

fn acts(visitor: &Visitor, letter: &Letter, mended: Option<(&str, &str)>) -> Markup {
    let path = |what: &str| format!("/console/dead-letters/{}/{what}", letter.id);
    let payload = parts::pretty(&letter.payload);
    let gone = letter.code == Code::DealGone.as_str();
    // What the shop is told is the bridge's own word: there is nothing to mend in it.
    let told = letter.change_seq.is_some() || letter.about.is_some();
    let explained = match (gone, told) {
        (true, _) => Text::RetryRestored,
        (_, true) if letter.about.is_none() => Text::TellAgain,
        _ => Text::RetryExplained,
    };
    html! {
        @if gone { section.act {
            h2 { (visitor.say(Text::MakeNewDeal)) }
            p { (visitor.say(Text::NewDealExplained)) }
            (parts::button(visitor, &path("retry"), &[("recreate", "yes")], visitor.say(Text::MakeNewDeal)))
        } }
        section.act {
            h2 { (visitor.say(Text::Retry)) }
            p { (visitor.say(explained)) }
            (parts::button(visitor, &path("retry"), &[], visitor.say(Text::Retry)))
        }
        @if told { details { summary { (visitor.say(Text::Payload)) } pre { (payload) } } } @else { section.act id="mend" {
            h2 { (visitor.say(Text::EditAndRetry)) }
            p { (visitor.say(Text::EditExplained)) }
            @if let Some((wrong, _)) = mended { p.problem.words role="alert" { (visitor.lang.told(wrong)) } }
            form.stack method="post" action=(format!("{}#mend", path("mend"))) {
                (layout::csrf(visitor))
                label { (visitor.say(Text::Payload))
                    textarea name="payload" rows="18" spellcheck="false" autocapitalize="none" readonly[!visitor.acts()] {
                        "\n" (mended.map_or(payload.as_str(), |(_, typed)| typed))
                    }
                }
                (parts::submit(visitor, visitor.say(Text::EditAndRetry)))
            }
        } }
        section.act {
            h2 { (visitor.say(Text::Discard)) }
            p { (visitor.say(Text::DiscardExplained)) }
            form.stack method="post" action=(path("discard")) {
                (layout::csrf(visitor))
                label { (visitor.say(Text::Reason)) input name="reason" required maxlength=(LONGEST_REASON); }
                (parts::danger(visitor, visitor.say(Text::Discard)))
            }
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Again {
    #[serde(default)]
    recreate: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Mended {
    payload: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Dropped {
    reason: String,
}

/// `POST /console/dead-letters/{id}/retry`.
pub(super) async fn retry(
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    act: Act<Again>,
) -> Result<Redirect, Fault> {
    let letter = find(&state, &act.visitor, &id).await?.letter;
    let options = Retry {
        recreate: act.form.recreate == "yes",
        ..Retry::default()
    };
    let done = state
        .bridge
        .retry(letter.id, &act.visitor.actor(), options)
        .await;
    let done = done.map_err(|error| Fault::of(error, act.visitor.lang))?;
    Ok(after(done))
}

/// `POST /console/dead-letters/{id}/mend`.
pub(super) async fn mend(
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    act: Act<Mended>,
) -> Result<Response, Fault> {
    let Act { visitor, form } = act;
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
        .bridge
        .retry(letter.id, &visitor.actor(), options)
        .await
    {
        Ok(done) => Ok(after(done).into_response()),
        Err(error @ Error::Invalid(_)) => again(&error.to_string()),
        Err(error) => Err(Fault::of(error, visitor.lang)),
    }
}

/// `POST /console/dead-letters/{id}/discard`.
pub(super) async fn discard(
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    act: Act<Dropped>,
) -> Result<Redirect, Fault> {
    let Act { visitor, form } = act;
    let reason = form.reason.trim();
    let letter = find(&state, &visitor, &id).await?.letter;
    let done = state
        .bridge
        .discard(letter.id, &visitor.actor(), reason)
        .await;
    done.map_err(|error| Fault::of(error, visitor.lang))?;
    Ok(Redirect::to("/console/dead-letters?done=discarded"))
}

fn after(done: Retried) -> Redirect {
    Redirect::to(match done {
        Retried::Queued => "/console/dead-letters?done=queued",
        Retried::Overtaken => "/console/dead-letters?done=overtaken",
        Retried::Duplicate => "/console/dead-letters?done=duplicate",
    })
}
