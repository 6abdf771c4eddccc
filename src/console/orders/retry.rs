//! An order that was refused and is still tried: why, and what can be done before it dies.

use crate::{
    app::{OrderView, StillTried},
    console::{
        dead_letters::fields::{self, Refused},
        i18n::{locale::Lang, messages::Text},
        session::viewer::Viewer,
        ui::{components, layout, links},
    },
    domain::Place,
};
use maud::{Markup, html};

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
