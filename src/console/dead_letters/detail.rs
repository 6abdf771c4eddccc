//! `GET /console/dead-letters/{id}` and what can be done about one letter.

use super::{
    fields::{self, Correction, Refused},
    list_query::LONGEST_REASON,
};
use crate::{
    app::{DeadLetter, DeadLetterDetail, DeadLetters, Error, Field, Retry, RetryOutcome},
    console::{
        i18n::messages::Text,
        session::{form::OperatorForm, viewer::Viewer},
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links, subjects,
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
use std::collections::BTreeMap;

/// `GET /console/dead-letters/{id}`: a letter with its tries, and the forms to act upon it.
pub(in crate::console) async fn get(
    Extract(dead_letters): Extract<DeadLetters>,
    visitor: Viewer,
    Path(id): Path<String>,
) -> Result<Markup, ErrorPage> {
    let whole = find(&dead_letters, &visitor, &id).await?;
    let fields = dead_letters.wrong_fields(&whole.letter);
    Ok(page(&visitor, &whole, &fields, None))
}

async fn find(
    dead_letters: &DeadLetters,
    visitor: &Viewer,
    id: &str,
) -> Result<DeadLetterDetail, ErrorPage> {
    let nothing = || ErrorPage::not_found(visitor.lang);
    let id = id.parse().map_err(|_| nothing())?;
    let letter = dead_letters.whole_letter(id).await;
    letter
        .map_err(|error| ErrorPage::of(error, visitor.lang))?
        .ok_or_else(nothing)
}

/// A letter with the fields that may be put right; a correction that was refused stays as typed.
fn page(
    visitor: &Viewer,
    whole: &DeadLetterDetail,
    fields: &[Field],
    refused: Option<&Refused<'_>>,
) -> Markup {
    let letter = &whole.letter;
    let title = format!("{} #{}", visitor.text(Text::IsDead), letter.id);
    let content = html! {
        h1 { "#" (letter.id) " " span.code { (letter.code) } }
        @if let Some(closed) = &whole.closed {
            p.notice {
                (visitor.text(Text::ClosedAlready)) ": "
                (visitor.lang.word(closed.how.as_str())) ", "
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
                dt { (subjects::noun(visitor, letter.number.as_deref().unwrap_or_default())) }
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
            (acts(visitor, letter, fields, refused))
        }
    };
    layout::page(visitor, Section::DeadLetters, &title, content)
}

fn acts(
    visitor: &Viewer,
    letter: &DeadLetter,
    fields: &[Field],
    refused: Option<&Refused<'_>>,
) -> Markup {
    let path = |what: &str| format!("/console/dead-letters/{}/{what}", letter.id);
    let gone = letter.code == ErrorCode::DealGone.as_str();
    // What the shop is told is the bridge's own word: there is nothing to mend in it.
    let told = letter.change_seq.is_some() || letter.about.is_some();
    let explained = match (gone, told) {
        (true, _) => Text::RetryRestored,
        (_, true) if letter.about.is_none() => Text::TellAgain,
        _ => Text::RetryExplained,
    };
    let event = (fields, &letter.payload);
    let fix = fields::form(visitor, (&path("mend"), None), event, refused);
    let points = !told && !fields.is_empty();
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
        // What the code points at comes first.
        @if points { (fix) }
        section.act {
            h2 { (visitor.text(Text::Retry)) }
            p { (visitor.text(explained)) }
            (components::button(visitor, &path("retry"), &[], visitor.text(Text::Retry)))
        }
        @if told {
            details {
                summary { (visitor.text(Text::Payload)) }
                pre { (components::pretty(&letter.payload)) }
            }
        } @else if !points { (fix) }
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
    /// `order`: it was retried on the page of its order.
    #[serde(default)]
    back: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct EditForm {
    /// The whole event; none where only some fields are sent.
    payload: Option<String>,
    /// The fields, by their JSON pointers.
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::console) struct DiscardForm {
    /// Why the letter is let go, for the record.
    pub reason: String,
}

impl EditForm {
    /// What the person has put right: some fields, or the whole event.
    pub(in crate::console) fn read(self) -> Correction {
        Correction::of(self.payload, self.fields)
    }
}

/// `POST /console/dead-letters/{id}/retry`: tries a letter again as it is.
pub(in crate::console) async fn retry(
    Extract(dead_letters): Extract<DeadLetters>,
    Path(id): Path<String>,
    act: OperatorForm<RetryForm>,
) -> Result<Redirect, ErrorPage> {
    let letter = find(&dead_letters, &act.visitor, &id).await?.letter;
    let options = Retry {
        recreate: act.form.recreate == "yes",
        ..Retry::default()
    };
    let done = dead_letters
        .retry(letter.id, &act.visitor.actor(), options)
        .await;
    let done = done.map_err(|error| ErrorPage::of(error, act.visitor.lang))?;
    let order = letter.shop.as_deref().zip(letter.number.as_deref());
    Ok(match order.filter(|_| act.form.back == "order") {
        Some((shop, number)) => after(done, &links::order(shop, number)),
        None => after(done, LIST),
    })
}

/// `POST /console/dead-letters/{id}/mend`: tries a letter again with what was put right.
pub(in crate::console) async fn mend(
    Extract(dead_letters): Extract<DeadLetters>,
    Path(id): Path<String>,
    act: OperatorForm<EditForm>,
) -> Result<Response, ErrorPage> {
    let OperatorForm { visitor, form } = act;
    let whole = find(&dead_letters, &visitor, &id).await?;
    let letter = &whole.letter;
    let edit = form.read();
    let tried = match edit.payload(&letter.payload) {
        Ok(payload) => {
            let options = Retry {
                payload: Some(payload),
                ..Retry::default()
            };
            dead_letters
                .retry(letter.id, &visitor.actor(), options)
                .await
        }
        Err(error) => Err(error),
    };
    match tried {
        Ok(done) => Ok(after(done, LIST).into_response()),
        Err(Error::Invalid(faults)) => {
            let refused = edit.refused(faults);
            let wrong = dead_letters.wrong_fields(letter);
            let fields = fields::shown(wrong, &letter.payload, Some(&refused));
            let page = page(&visitor, &whole, &fields, Some(&refused));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(ErrorPage::of(error, visitor.lang)),
    }
}

/// `POST /console/dead-letters/{id}/discard`: closes a letter without another try.
pub(in crate::console) async fn discard(
    Extract(dead_letters): Extract<DeadLetters>,
    Path(id): Path<String>,
    act: OperatorForm<DiscardForm>,
) -> Result<Redirect, ErrorPage> {
    let OperatorForm { visitor, form } = act;
    let reason = form.reason.trim();
    let letter = find(&dead_letters, &visitor, &id).await?.letter;
    let done = dead_letters
        .discard(letter.id, &visitor.actor(), reason)
        .await;
    done.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    Ok(Redirect::to("/console/dead-letters?done=discarded"))
}

/// The page to which an act leads back.
const LIST: &str = "/console/dead-letters";

fn after(done: RetryOutcome, page: &str) -> Redirect {
    let done = match done {
        RetryOutcome::Queued => "queued",
        RetryOutcome::Overtaken => "overtaken",
        RetryOutcome::Duplicate => "duplicate",
    };
    Redirect::to(&format!("{page}?done={done}"))
}
