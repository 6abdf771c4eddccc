//! `POST /console/dead-letters/chosen`: acts on the letters that were ticked on a page, one by one.

use super::list_query::{self, LONGEST_REASON};
use crate::{
    app::{DeadLetters, Error, Retry},
    console::{
        i18n::messages::Text,
        session::{form::OperatorForm, viewer::Viewer},
        ui::{error_page::ErrorPage, layout},
    },
};
use axum::{extract::State as Extract, response::Redirect};
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::BTreeMap;

pub(in crate::console) const PATH: &str = "/console/dead-letters/chosen";
/// The most letters of one form: a page of them.
const MOST: usize = 100;
/// Before a letter's id in the name of its box.
const BOX: &str = "letter-";

#[derive(Debug, Deserialize)]
pub(in crate::console) struct ChosenForm {
    what: String,
    #[serde(default)]
    reason: String,
    #[serde(flatten)]
    boxes: BTreeMap<String, String>,
}

/// The box of one letter. It belongs to the form of [`acts`].
pub(super) fn tick(visitor: &Viewer, id: i64) -> Markup {
    html! {
        @if visitor.can_write() {
            input type="checkbox" form="chosen" name=(format!("{BOX}{id}")) value="yes"
                aria-label=(format!("{} #{id}", visitor.text(Text::Letter)));
        }
    }
}

/// What can be done with what was ticked.
pub(super) fn acts(visitor: &Viewer) -> Markup {
    html! {
        @if visitor.can_write() {
            form.search id="chosen" method="post" action=(PATH) {
                (layout::csrf(visitor))
                label {
                    (visitor.text(Text::ReasonToDiscard))
                    input name="reason" maxlength=(LONGEST_REASON);
                }
                button.second type="submit" name="what" value="retry" {
                    (visitor.text(Text::RetryChosen))
                }
                button.danger type="submit" name="what" value="discard" {
                    (visitor.text(Text::DiscardChosen))
                }
            }
        }
    }
}

/// `POST /console/dead-letters/chosen`. What one letter refuses leaves it open, and the others go
/// on.
pub(in crate::console) async fn post(
    Extract(dead_letters): Extract<DeadLetters>,
    act: OperatorForm<ChosenForm>,
) -> Result<Redirect, ErrorPage> {
    let OperatorForm { visitor, form } = act;
    let ids = form.boxes.keys().filter_map(|name| name.strip_prefix(BOX));
    let ids: Vec<i64> = ids.filter_map(|id| id.parse().ok()).take(MOST).collect();
    let discards = match form.what.as_str() {
        "discard" => true,
        "retry" => false,
        _ => return Err(ErrorPage::unusable("what", visitor.lang)),
    };
    let (mut done, mut left) = (0_usize, 0_usize);
    for id in ids {
        let who = visitor.actor();
        let outcome = if discards {
            let reason = form.reason.trim();
            dead_letters.discard(id, &who, reason).await
        } else {
            let retried = dead_letters.retry(id, &who, Retry::default()).await;
            retried.map(|_| ())
        };
        match outcome {
            Ok(()) => done += 1,
            // It was closed meanwhile, or says itself why it stays.
            Err(Error::NotFound) => left += 1,
            Err(Error::Invalid(_)) if !discards => left += 1,
            Err(error) => return Err(ErrorPage::of(error, visitor.lang)),
        }
    }
    Ok(Redirect::to(&format!(
        "{}?chosen={done}-{left}",
        list_query::PATH
    )))
}

/// What came of the chosen letters, on the page after it.
pub(super) fn notice(visitor: &Viewer, chosen: &str) -> Markup {
    let numbers = chosen.split_once('-');
    let numbers = numbers
        .and_then(|(done, left)| Some((done.parse::<usize>().ok()?, left.parse::<usize>().ok()?)));
    html! {
        @if let Some((done, left)) = numbers {
            p.notice role="status" {
                (visitor.text(Text::ChosenDone)) ": " (done)
                @if left > 0 { ", " (visitor.text(Text::StayOpen)) ": " (left) }
            }
        }
    }
}
