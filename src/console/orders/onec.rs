//! The part of an order's page that shows where it stands in its 1C base.

use crate::{
    app::onec::{HeldWhy, Hold, OneCView},
    console::{
        i18n::{locale::Lang, messages::Text},
        session::viewer::Viewer,
        ui::{components, links},
    },
};
use maud::{Markup, html};
use std::borrow::Cow;

/// The base, the order's number there, whether it has the newest, and which status it said and has.
pub(super) fn standing(visitor: &Viewer, onec: &OneCView) -> Markup {
    let documents = onec.number.as_deref().map(|number| {
        let asked = [("base", Some(&*onec.base)), ("number", Some(number))];
        (number, links::link("/console/onec", &asked))
    });
    let (said, has) = match visitor.lang {
        Lang::En => ("1C last said", "has"),
        Lang::Ru => ("1С последний раз сообщила", "сейчас у неё"),
    };
    html! {
        div {
            dt { (visitor.text(Text::OneCPage)) " " (onec.base) }
            dd {
                @if let Some((number, link)) = documents { a href=(link) { (number) } ", " }
                (state(visitor, onec))
                @if let Some(status) = &onec.status { ", " (said) " " (status) }
                @if let Some(status) = &onec.has { ", " (has) " " (status) }
            }
        }
    }
}

fn state(visitor: &Viewer, onec: &OneCView) -> Markup {
    let words = match (visitor.lang, &onec.held, onec.waits, onec.confirmed_at) {
        (Lang::En, Some(held), ..) => format!("does not go: {held}"),
        (Lang::Ru, Some(held), ..) => format!("не выгружается: {}", in_russian(held)),
        (Lang::En, None, true, _) => "waits until 1C fetches it".to_owned(),
        (Lang::Ru, None, true, _) => "ждёт, пока 1С его заберёт".to_owned(),
        (_, None, false, Some(at)) => {
            let word = visitor.text(Text::Confirmed).to_lowercase();
            return html! { (word) " " (components::moment(visitor, at)) };
        }
        (Lang::En, None, false, None) => "not there".to_owned(),
        (Lang::Ru, None, false, None) => "там его нет".to_owned(),
    };
    html! { (words) }
}

/// Why an order does not go.
fn in_russian(held: &HeldWhy) -> Cow<'_, str> {
    let hold = match held {
        HeldWhy::Hold(hold) => hold,
        HeldWhy::Fault(words) => return Lang::Ru.told(words),
    };
    Cow::Borrowed(match hold {
        Hold::Unpaid => "не оплачен",
        Hold::Delivery => "доставка ещё не разрешена",
        Hold::Status => "заказы в этом статусе не выгружаются",
        Hold::Cancelled => "отменён до выгрузки",
        Hold::Older => "не менялся с начала обмена",
        Hold::Deleted => "удалён в магазине до выгрузки",
    })
}
