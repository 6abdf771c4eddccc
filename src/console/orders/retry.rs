//! An order that was refused and is still tried: why, and what can be done before it dies.

use super::detail;
use crate::{
    app::{DeadLetters, Error, OrderView, StillTried},
    console::{
        State,
        dead_letters::{
            detail::{DiscardForm, EditForm},
            fields::{self, Refused},
        },
        i18n::{locale::Lang, messages::Text},
        session::{form::OperatorForm, viewer::Viewer},
        ui::{components, error_page::ErrorPage, layout, links},
    },
    domain::{Place, ShopName},
};
use axum::{
    extract::{Path, State as Extract},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

/// What an act of this page came to where the event was not tried any more.
pub(super) const NO_LONGER: &str = "no-longer-tried";
/// What it came to where the order was given up.
pub(super) const GIVEN_UP: &str = "given-up";

/// What this page says.
struct Words {
    title: &'static str,
    next_try: &'static str,
    give_up: &'static str,
    explained: &'static str,
    no_longer: &'static str,
    given_up: &'static str,
}

const ENGLISH: Words = Words {
    title: "Refused, and tried again by itself",
    next_try: "Next try",
    give_up: "Give up",
    explained: "The bridge stops trying to send this state of the order. A newer one from the shop \
                is sent as ever. The reason is put on record.",
    no_longer: "This state of the order is not being tried any more: nothing was changed.",
    given_up: "The bridge has stopped trying. A newer state of the order is sent as ever.",
};

const RUSSIAN: Words = Words {
    title: "Отказано, повторяется само",
    next_try: "Следующая попытка",
    give_up: "Больше не пытаться",
    explained: "Мост перестанет отправлять это состояние заказа. Более новое из магазина уйдёт как \
                обычно. Причина останется в журнале.",
    no_longer: "Это состояние заказа уже не отправляется: ничего не изменено.",
    given_up: "Мост больше не пытается. Более новое состояние заказа уйдёт как обычно.",
};

fn words(lang: Lang) -> &'static Words {
    match lang {
        Lang::En => &ENGLISH,
        Lang::Ru => &RUSSIAN,
    }
}

/// What an act of this page came to.
pub(super) fn notice(visitor: &Viewer, done: &str) -> Markup {
    let words = words(visitor.lang);
    let text = match done {
        NO_LONGER => words.no_longer,
        GIVEN_UP => words.given_up,
        _ => return components::notice(visitor, Some(done)),
    };
    html! { p.notice role="status" { (text) } }
}

/// Why an order is refused, the fields to put right, and the way to give it up.
pub(super) fn section(
    visitor: &Viewer,
    order: &OrderView,
    tried: &StillTried,
    refused: Option<&Refused<'_>>,
) -> Markup {
    let words = words(visitor.lang);
    let page = links::order(&order.shop, &order.number);
    let at = Place {
        shop: Some(&order.shop),
        portal: Some(&order.portal),
        ..Place::default()
    };
    let fields = fields::shown(tried.wrong.clone(), &tried.payload, refused);
    let event = tried.event.to_string();
    html! {
        section.card.alarm {
            h2 { (words.title) }
            (components::explained(visitor, &tried.code, at))
            p.words { (visitor.lang.told(&tried.message)) }
            p.quiet {
                (visitor.text(Text::Attempts)) ": " (tried.attempts) " · " (words.next_try) ": "
                (components::time(visitor, tried.next_at))
            }
        }
        (fields::form(
            visitor, (&format!("{page}/mend"), Some(&event)), (&fields, &tried.payload), refused
        ))
        details { summary { (words.give_up) }
            p { (words.explained) }
            form.stack method="post" action=(format!("{page}/give-up")) {
                (layout::csrf(visitor))
                input type="hidden" name="event" value=(event);
                label {
                    (visitor.text(Text::Reason)) input name="reason" required maxlength="1000";
                }
                (components::danger(visitor, words.give_up))
            }
        }
    }
}

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
