//! Acts on an order's page about an event that is still tried: it is put right, or given up.

use super::{
    detail::{OrderPages, PageQuery},
    retry::{GIVEN_UP, NO_LONGER},
};
use crate::{
    app::{DeadLetters, Error, StillTried},
    console::{
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

struct TriedOrder {
    shop: ShopName,
    number: String,
    tried: Option<StillTried>,
}

/// What is still tried of the order, if it is what the page showed.
async fn tried_order(
    letters: &DeadLetters,
    (shop, number): (String, String),
    event: &str,
    lang: Lang,
) -> Result<TriedOrder, ErrorPage> {
    let shop = ShopName::parse(&shop).map_err(|_| ErrorPage::not_found(lang))?;
    if number.contains('\0') {
        return Err(ErrorPage::not_found(lang));
    }
    let tried = letters.still_tried(&shop, &number).await;
    let tried = tried.map_err(|error| ErrorPage::of(error, lang))?;
    let tried = tried.filter(|tried| tried.event.to_string() == event);
    Ok(TriedOrder {
        shop,
        number,
        tried,
    })
}

fn back(of: &TriedOrder, done: &str) -> Response {
    let page = links::order(of.shop.as_str(), &of.number);
    Redirect::to(&links::link(&page, &[("done", Some(done))])).into_response()
}

/// The page after an act, which says what became of it.
fn after(of: &TriedOrder, done: Result<&str, Error>, lang: Lang) -> Result<Response, ErrorPage> {
    match done {
        Ok(done) => Ok(back(of, done)),
        Err(Error::NotFound) => Ok(back(of, NO_LONGER)),
        Err(error) => Err(ErrorPage::of(error, lang)),
    }
}

/// `POST /console/orders/{shop}/{number}/mend`: puts right what the portal refused.
pub(in crate::console) async fn mend(
    Extract(letters): Extract<DeadLetters>,
    Extract(pages): Extract<OrderPages>,
    Path(path): Path<(String, String)>,
    act: OperatorForm<About<EditForm>>,
) -> Result<Response, ErrorPage> {
    let OperatorForm { visitor, form } = act;
    let of = tried_order(&letters, path, &form.event, visitor.lang).await?;
    let edit = form.form.read();
    let payload = match &of.tried {
        Some(tried) => edit.payload(&tried.payload).map(|new| (tried.event, new)),
        None => Err(Error::NotFound),
    };
    let done = match payload {
        Ok((event, payload)) => {
            let order = (&of.shop, &*of.number);
            let who = visitor.actor();
            letters.mend_tried(order, event, &who, payload).await
        }
        Err(error) => Err(error),
    };
    let Err(Error::Invalid(faults)) = done else {
        return after(&of, done.map(|_| "queued"), visitor.lang);
    };
    let order = (&of.shop, of.number.clone());
    let refused = edit.refused(faults);
    let asked = PageQuery::default();
    let page = pages.page(&visitor, order, &asked, Some(&refused)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// `POST /console/orders/{shop}/{number}/give-up`: stops trying the refused event.
pub(in crate::console) async fn give_up(
    Extract(letters): Extract<DeadLetters>,
    Path(path): Path<(String, String)>,
    act: OperatorForm<About<DiscardForm>>,
) -> Result<Response, ErrorPage> {
    let OperatorForm { visitor, form } = act;
    let of = tried_order(&letters, path, &form.event, visitor.lang).await?;
    let order = (&of.shop, &*of.number);
    let reason = form.form.reason.trim();
    let done = match &of.tried {
        Some(tried) => {
            let who = visitor.actor();
            letters
                .give_up_tried(order, tried.event, &who, reason)
                .await
        }
        None => Err(Error::NotFound),
    };
    after(&of, done.map(|()| GIVEN_UP), visitor.lang)
}
