//! The frame of every page.

use super::{assets, keys, links};
use crate::{
    auth::Role,
    console::{
        i18n::{locale::Lang, messages::Text},
        session::viewer::Viewer,
    },
};
use maud::{DOCTYPE, Markup, html};

/// The sections, in the order of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console) enum Section {
    Overview,
    Orders,
    DeadLetters,
    Conflicts,
    Stock,
    OneC,
    StatusMap,
    Portals,
    Audit,
}

const MENU: [(Section, Text, &str); 9] = [
    (Section::Overview, Text::Overview, "/console"),
    (Section::Orders, Text::Orders, "/console/orders"),
    (
        Section::DeadLetters,
        Text::DeadLetters,
        "/console/dead-letters",
    ),
    (Section::Conflicts, Text::Conflicts, "/console/conflicts"),
    (Section::Stock, Text::StockPage, "/console/stock"),
    (Section::OneC, Text::OneCPage, "/console/onec"),
    (Section::StatusMap, Text::StatusMap, "/console/statuses"),
    (Section::Portals, Text::Portals, "/console/portals"),
    (Section::Audit, Text::Audit, "/console/audit"),
];

/// A page of somebody who is signed in.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the content is made for the page"
)]
pub(in crate::console) fn page(
    visitor: &Viewer,
    section: Section,
    title: &str,
    content: Markup,
) -> Markup {
    let role = match visitor.role {
        Role::Operator => Text::RoleOperator,
        Role::Viewer => Text::RoleViewer,
    };
    let language = links::link(
        &format!("/console/language/{}", visitor.lang.other().tag()),
        &[("back", Some(&visitor.at))],
    );
    let body = html! {
        a.skip href="#content" { (visitor.text(Text::SkipToContent)) }
        header.top {
            a.brand href="/console" { "b24" b { "·" } "bridge" }
            nav aria-label=(visitor.text(Text::Console)) {
                @for (of, text, path) in MENU {
                    a href=(path) aria-current=[(of == section).then_some("page")] {
                        (visitor.text(text))
                    }
                }
            }
            div.who {
                span.quiet id="current" data-text=(visitor.text(Text::UpdatedAgo)) {}
                a href=(language) lang=(visitor.lang.other().tag()) {
                    (visitor.text(Text::OtherLanguage))
                }
                span title=(visitor.text(role)) { (visitor.name) }
                form method="post" action="/console/sign-out" {
                    (csrf(visitor))
                    button.plain type="submit" { (visitor.text(Text::SignOut)) }
                }
            }
        }
        p.lost id="lost" role="alert" data-text=(visitor.text(Text::NotHeardSince)) hidden {}
        main id="content" { (content) }
        (keys::foot(visitor))
    };
    shell(visitor.lang, title, body)
}

/// The field that proves that a form is of this session.
pub(in crate::console) fn csrf(visitor: &Viewer) -> Markup {
    html! { input type="hidden" name="csrf" value=(visitor.csrf); }
}

/// A page of one sentence, for anybody.
pub(in crate::console) fn bare(lang: Lang, text: Text, detail: &str) -> Markup {
    let body = html! {
        main.narrow id="content" {
            h1 { (text.on(lang)) }
            @if !detail.is_empty() { p.words { (detail) } }
            p { a href="/console" { (Text::Overview.on(lang)) } }
        }
    };
    shell(lang, text.on(lang), body)
}

/// The document around a page.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the content is made for the page"
)]
pub(in crate::console) fn shell(lang: Lang, title: &str, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · b24-bridge" }
                link rel="stylesheet" href=(assets::css());
                link rel="icon" type="image/svg+xml" href=(assets::icon());
                script src=(assets::js()) defer {}
            }
            body { (body) }
        }
    }
}
