//! The keys of the console, told at the foot of every page; the script listens to them.

use crate::console::{i18n::locale::Lang, session::viewer::Viewer};
use maud::{Markup, html};

/// A key, and what it does, in English and in Russian.
const KEYS: [(&str, &str, &str); 7] = [
    ("/", "look for an order", "найти заказ"),
    ("g h", "overview", "обзор"),
    ("g o", "orders", "заказы"),
    ("g d", "dead letters", "недоставленные"),
    ("g c", "conflicts", "расхождения"),
    ("g p", "portals", "порталы"),
    ("?", "this list", "этот список"),
];

/// The foot of a page: the keys, and the way to the words that the console uses.
pub(in crate::console) fn foot(visitor: &Viewer) -> Markup {
    let (keys, words) = match visitor.lang {
        Lang::En => ("Keys", "What the words mean"),
        Lang::Ru => ("Клавиши", "Что значат слова"),
    };
    html! {
        footer.foot {
            details id="keys" {
                summary { (keys) }
                dl { @for (key, english, russian) in KEYS {
                    dt { @for one in key.split(' ') { kbd { (one) } " " } }
                    dd { (match visitor.lang { Lang::En => english, Lang::Ru => russian }) }
                } }
            }
            a href="/console/words" { (words) }
        }
    }
}
