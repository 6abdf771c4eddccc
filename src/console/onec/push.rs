//! Orders that are pushed to a base, on its page.

use crate::{
    app::onec::PushView,
    console::{i18n::locale::Lang, session::viewer::Viewer, ui::components},
};
use maud::{Markup, html};

/// What the section is told in.
struct Told {
    title: &'static str,
    sending: &'static str,
    again: &'static str,
    refused: &'static str,
    state: &'static str,
    works: &'static str,
    rests: &'static str,
    tries: &'static str,
}

const ENGLISH: Told = Told {
    title: "Orders sent at once",
    sending: "On their way",
    again: "Sent again soon",
    refused: "Not taken by 1C",
    state: "The service of 1C",
    works: "is told of orders",
    rests: "is told of nothing now",
    tries: "It is tried again",
};

const RUSSIAN: Told = Told {
    title: "Отправка заказов сразу",
    sending: "В пути",
    again: "Скоро отправятся снова",
    refused: "Не приняты 1С",
    state: "HTTP-сервис 1С",
    works: "получает заказы",
    rests: "сейчас заказов не получает",
    tries: "Следующая попытка",
};

/// How it stands with them.
pub(super) fn section(visitor: &Viewer, push: &PushView) -> Markup {
    let told = match visitor.lang {
        Lang::En => ENGLISH,
        Lang::Ru => RUSSIAN,
    };
    html! {
        h2 { (told.title) }
        dl.facts {
            div { dt { (told.state) } dd {
                @if let Some(since) = push.paused_at {
                    span class="badge warn" { (told.rests) }
                    " (" (components::moment(visitor, since)) ") "
                    @if let Some(code) = &push.code { (code) ": " }
                    @if let Some(reason) = &push.reason { (visitor.lang.told(reason)) }
                } @else { span class="badge good" { (told.works) } }
            } }
            @if let Some(at) = push.resume_at {
                div { dt { (told.tries) } dd { (components::moment(visitor, at)) } }
            }
            @for (name, many) in [
                (told.sending, push.sending), (told.again, push.again), (told.refused, push.refused)
            ] { div { dt { (name) } dd { (components::count(visitor.lang, many)) } } }
        }
    }
}
