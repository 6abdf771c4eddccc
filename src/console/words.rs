//! `GET /console/words`: what the words of the console mean, in the reader's language.
//!
//! Each word is the one that the pages show: it comes from the same table.

use super::{
    i18n::{locale::Lang, messages::Text},
    session::viewer::Viewer,
    ui::layout::{self, Section},
};
use maud::{Markup, html};

/// A word, and what it means in English and in Russian.
type Entry = (Text, &'static str, &'static str);

const WORDS: [Entry; 17] = [
    (
        Text::Shop,
        "A store that sends its orders to the bridge.",
        "Магазин, который присылает свои заказы в мост.",
    ),
    (
        Text::Portal,
        "One Bitrix24 account. All orders of its shops go there, in the pace that it allows.",
        "Один Битрикс24. Туда идут все заказы его магазинов, не быстрее, чем он разрешает.",
    ),
    (
        Text::Status,
        "How an order stands in the shop's own words, as a code.",
        "Состояние заказа в самом магазине: код статуса.",
    ),
    (
        Text::Stage,
        "Where the order's deal stands in the portal's funnel.",
        "Где сделка этого заказа стоит в воронке портала.",
    ),
    (
        Text::StatusMap,
        "Which status of a shop stands for which stage, and in which direction it is carried over.",
        "Какой статус магазина какой стадии соответствует и в какую сторону он передаётся.",
    ),
    (
        Text::InSync,
        "The shop and the portal hold the same, and nothing is on its way.",
        "В магазине и в портале одно и то же, и ничего не отправляется.",
    ),
    (
        Text::OnItsWay,
        "Accepted from the shop, and not yet in the portal: the bridge sends it by itself.",
        "Принят из магазина, но ещё не в портале: мост отправит его сам.",
    ),
    (
        Text::NotInSync,
        "Nothing is on its way, and yet the two sides differ: a decision waits, or a change was \
         let go.",
        "Ничего не отправляется, а стороны расходятся: нужно решение человека, или изменение \
         решили не передавать.",
    ),
    (
        Text::DeadLetters,
        "What could not be delivered and is not tried again by itself. Each waits for a person: \
         retry it, fix and retry it, or discard it. Nothing of it is lost until then.",
        "То, что не удалось доставить и само больше не повторяется. Каждая запись ждёт человека: \
         повторить, исправить и отправить или закрыть. До этого ничего не теряется.",
    ),
    (
        Text::Retry,
        "Sends the same once more, after what was in the way has been put right.",
        "Отправляет то же самое ещё раз, когда причина отказа устранена.",
    ),
    (
        Text::EditAndRetry,
        "Sends it with a corrected field. The shop's own record stays as it is.",
        "Отправляет с исправленным полем. В самом магазине ничего не меняется.",
    ),
    (
        Text::Discard,
        "Lets it go for good; the reason is put on record. A newer state of the order is sent as \
         ever.",
        "Больше не отправлять; причина останется в журнале. Более новое состояние заказа уйдёт как \
         обычно.",
    ),
    (
        Text::Conflicts,
        "The shop and the portal say different things of an order's status, and the rules leave it \
         to a person to say who is right.",
        "Магазин и портал говорят о статусе заказа разное, и по правилам решает человек: кто прав.",
    ),
    (
        Text::CallbackOf,
        "The message by which the bridge tells a shop that a manager has moved a deal.",
        "Сообщение, которым мост извещает магазин, что менеджер перенёс сделку.",
    ),
    (
        Text::Activities,
        "What was said with the customer: it is put on the card of the deal or the contact.",
        "Переписка и разговоры с покупателем: они попадают в карточку сделки или контакта.",
    ),
    (
        Text::Reservation,
        "Goods that are held for an order, so that nobody else buys them.",
        "Товар, отложенный под заказ, чтобы его не купил другой.",
    ),
    (
        Text::Audit,
        "Who did what by hand, and when.",
        "Кто, что и когда сделал вручную.",
    ),
];

/// `GET /console/words`: what the words of these pages mean.
pub(super) async fn get(visitor: Viewer) -> Markup {
    let title = match visitor.lang {
        Lang::En => "What the words mean",
        Lang::Ru => "Что значат слова",
    };
    let content = html! {
        h1 { (title) }
        dl.words-of { @for (word, english, russian) in WORDS {
            dt { (visitor.text(word)) }
            dd { (match visitor.lang { Lang::En => english, Lang::Ru => russian }) }
        } }
    };
    layout::page(&visitor, Section::Overview, title, content)
}
