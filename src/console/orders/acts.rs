//! What is done on an order's page about what is still tried of it: it is put right, or given up.

use super::{
    detail,
    retry::{GIVEN_UP, NO_LONGER},
};
use crate::{
    app::{DeadLetters, Error, StillTried},
    console::{
        State,
        dead_letters::detail::{DiscardForm, EditForm},
        i18n::locale::Lang,
        session::form::OperatorForm,
        ui::{error_page::ErrorPage, links},
    },
    domain::ShopName,
};
use axum::{
    extract::{Path, State as Extract},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(in crate::console) struct About<T> {
    /// The event that the page showed.
    event: String,
    #[serde(flatten)]
    form: T,
}

struct Asked {
    shop: ShopName,
    number: String,
    tried: Option<StillTried>,
}

/// What is still tried of the order, if it is what the page showed.
async fn asked(
    letters: &DeadLetters,
    (shop, number): (String, String),
    event: &str,
    lang: Lang,
) -> Result<Asked, ErrorPage> {
    let shop = ShopName::parse(&shop).map_err(|_| ErrorPage::not_found(lang))?;
    if number.contains('\0') {
        return Err(ErrorPage::not_found(lang));
    }
    let tried = letters.still_tried(&shop, &number).await;
    let tried = tried.map_err(|error| ErrorPage::of(error, lang))?;
    let tried = tried.filter(|tried| tried.event.to_string() == event);
    Ok(Asked {
        shop,
        number,
        tried,
    })
}

fn back(asked: &Asked, done: &str) -> Response {
    let page = links::order(asked.shop.as_str(), &asked.number);
    Redirect::to(&links::link(&page, &[("done", Some(done))])).into_response()
}

/// `POST /console/orders/{shop}/{number}/mend`.
pub(in crate::console) async fn mend(
    Extract(state): Extract<State>,
    Path(path): Path<(String, String)>,
    act: OperatorForm<About<EditForm>>,
) -> Result<Response, ErrorPage> {
    let OperatorForm { visitor, form } = act;
    let letters = &state.app.dead_letters;
    let asked = asked(letters, path, &form.event, visitor.lang).await?;
    let Some(tried) = &asked.tried else {
        return Ok(back(&asked, NO_LONGER));
    };
    let edit = form.form.read();
    let done = match edit.payload(&tried.payload) {
        Ok(payload) => {
            let order = (&asked.shop, &*asked.number);
            let who = visitor.actor();
            letters.mend_tried(order, tried.event, &who, payload).await
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => Ok(back(&asked, "queued")),
        Err(Error::NotFound) => Ok(back(&asked, NO_LONGER)),
        Err(Error::Invalid(faults)) => {
            let order = (&asked.shop, asked.number.clone());
            let refused = edit.refused(faults);
            let page = detail::page(
                &state,
                &visitor,
                order,
                &detail::Asked::default(),
                Some(&refused),
            )
            .await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(ErrorPage::of(error, visitor.lang)),
    }
}

/// `POST /console/orders/{shop}/{number}/give-up`.
pub(in crate::console) async fn give_up(
    Extract(state): Extract<State>,
    Path(path): Path<(String, String)>,
    act: OperatorForm<About<DiscardForm>>,
) -> Result<Response, ErrorPage> {
    let OperatorForm { visitor, form } = act;
    let letters = &state.app.dead_letters;
    let asked = asked(letters, path, &form.event, visitor.lang).await?;
    let Some(tried) = &asked.tried else {
        return Ok(back(&asked, NO_LONGER));
    };
    let order = (&asked.shop, &*asked.number);
    let reason = form.form.reason.trim();
    let who = visitor.actor();
    let given_up = letters.give_up_tried(order, tried.event, &who, reason);
    match given_up.await {
        Ok(()) => Ok(back(&asked, GIVEN_UP)),
        Err(Error::NotFound) => Ok(back(&asked, NO_LONGER)),
        Err(error) => Err(ErrorPage::of(error, visitor.lang)),
    }
}
