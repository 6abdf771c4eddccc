//! Small things that several pages show.

use super::{layout, links, subjects};
use crate::{
    app::DeadLetter,
    console::{
        StageNames,
        i18n::{locale::Lang, messages::Text},
        session::viewer::Viewer,
    },
    domain::{ErrorCode, Place, is_subject_key},
};
use chrono::{DateTime, SecondsFormat, Utc};
use maud::{Markup, html};
use serde_json::Value;

/// How many seconds ago a moment may be to be told by the distance.
const NEAR: i64 = 7 * 86_400;
/// How many rows of a table a phone shows at first.
pub(in crate::console) const ROWS: usize = 20;
/// How many cards a phone shows at first.
pub(in crate::console) const CARDS: usize = 5;

/// A moment by its distance, with the exact time as its title. The script keeps both up to date, in
/// the browser's own zone.
pub(in crate::console) fn time(visitor: &Viewer, at: DateTime<Utc>) -> Markup {
    html! {
        time data-ago datetime=(iso(at)) title=(exact(at)) {
            (distance(visitor.now, at, visitor.lang))
        }
    }
}

/// A moment in full, with its distance beside it: where the order of seconds matters.
pub(in crate::console) fn moment(visitor: &Viewer, at: DateTime<Utc>) -> Markup {
    html! {
        time data-exact datetime=(iso(at)) { (exact(at)) }
        @if near(visitor.now, at) {
            span.quiet {
                " · " time data-ago datetime=(iso(at)) { (distance(visitor.now, at, visitor.lang)) }
            }
        }
    }
}

fn iso(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn exact(at: DateTime<Utc>) -> String {
    format!("{} UTC", at.format("%Y-%m-%d %H:%M:%S"))
}

fn near(now: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    (now - at).num_seconds().abs() < NEAR
}

/// How far a moment is, in words; of a distant one the date.
fn distance(now: DateTime<Utc>, at: DateTime<Utc>, lang: Lang) -> String {
    let seconds = (now - at).num_seconds();
    if !near(now, at) {
        return at.format("%Y-%m-%d").to_string();
    }
    let words = span(seconds.abs(), lang);
    match (seconds, lang) {
        (-1..=1, _) => Text::Now.on(lang).to_owned(),
        (2.., Lang::En) => format!("{words} ago"),
        (2.., Lang::Ru) => format!("{words} назад"),
        (_, Lang::En) => format!("in {words}"),
        (_, Lang::Ru) => format!("через {words}"),
    }
}

/// A span of seconds in words.
pub(in crate::console) fn span(seconds: i64, lang: Lang) -> String {
    let (s, m, h, d) = match lang {
        Lang::En => ("s", "min", "h", "d"),
        Lang::Ru => ("с", "мин", "ч", "дн"),
    };
    match seconds {
        ..1 => format!("0 {s}"),
        1..120 => format!("{seconds} {s}"),
        120..7_200 => format!("{} {m}", seconds / 60),
        7_200..172_800 => format!("{} {h}", seconds / 3_600),
        _ => format!("{} {d}", seconds / 86_400),
    }
}

/// A link into Bitrix24.
pub(in crate::console) fn entity(origin: Option<&str>, kind: &str, id: u64) -> Markup {
    html! {
        @if let Some(origin) = origin {
            a href=(
                format!("{origin}/crm/{kind}/details/{id}/")
            ) rel="noreferrer" target="_blank" { (id) " ↗" }
        } @else { (id) }
    }
}

/// An order's number as a link.
pub(in crate::console) fn order(shop: Option<&str>, number: Option<&str>) -> Markup {
    match (shop, number) {
        (Some(shop), Some(number)) if !is_subject_key(number) => {
            html! { a href=(links::order(shop, number)) { (number) } }
        }
        (shop, Some(number)) => {
            let page = shop.and_then(|shop| subjects::page(shop, number));
            html! { @if let Some(page) = page { a href=(page) { (number) } } @else { (number) } }
        }
        (_, None) => html! { "—" },
    }
}

/// A text of ours whose names of keys and commands stand between backticks.
pub(in crate::console) fn marked(text: &str) -> Markup {
    html! { @for (nth, part) in text.split('`').enumerate() {
        @if nth % 2 == 1 { code { (part) } } @else { (part) }
    } }
}

/// A code with its sentence and what to do about it at this place.
pub(in crate::console) fn explained(visitor: &Viewer, code: &str, at: Place<'_>) -> Markup {
    html! {
        @if let Some(code) = ErrorCode::parse(code) {
            p { (visitor.lang.sentence(code)) }
            p {
                strong { (visitor.text(Text::WhatToDo)) ": " }
                (marked(&visitor.lang.remedy(code, at)))
            }
        }
    }
}

/// Where a dead letter's remedy applies.
pub(in crate::console) fn place_of(letter: &DeadLetter) -> Place<'_> {
    Place {
        shop: letter.shop.as_deref(),
        portal: letter.portal.as_deref(),
        ..Place::default()
    }
}

/// A stage by the portal's own name for it, with its code beside; the code alone while the name is
/// not known.
pub(in crate::console) fn stage(names: &StageNames, code: Option<&str>) -> Markup {
    let name = code.and_then(|code| names.get(code));
    html! {
        @match (name, code) {
            (Some(name), Some(code)) => { (name) " " span.code.quiet { (code) } },
            (None, Some(code)) => span.code { (code) },
            (_, None) => "—",
        }
    }
}

/// An amount of money or of goods as it is written in a language: `1990.5` is `1,990.5` or
/// `1 990,5`.
pub(in crate::console) fn amount(lang: Lang, plain: &str) -> String {
    let (thousands, point) = match lang {
        Lang::En => (',', '.'),
        Lang::Ru => ('\u{a0}', ','),
    };
    let (whole, fraction) = match plain.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (plain, None),
    };
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("−", digits),
        None => ("", whole),
    };
    let mut written = sign.to_owned();
    let length = digits.chars().count();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (length - nth).is_multiple_of(3) {
            written.push(thousands);
        }
        written.push(digit);
    }
    if let Some(fraction) = fraction {
        written.push(point);
        written.push_str(fraction);
    }
    written
}

/// The way to what a phone leaves out of the list before it; wide screens show all. The style
/// sheet knows how many a phone shows: [`ROWS`] of a table, [`CARDS`] of cards.
pub(in crate::console) fn rest(visitor: &Viewer, listed: usize, shown: usize) -> Markup {
    html! {
        @if listed > shown {
            p.rest id="rest" {
                a href="#rest" { (visitor.text(Text::AllOfThem)) " (" (listed) ")" }
            }
        }
    }
}

/// A number of things as it is written in a language: `46900` is `46,900` or `46 900`.
pub(in crate::console) fn count(lang: Lang, many: i64) -> String {
    amount(lang, &many.to_string())
}

/// JSON with line breaks, for people to read.
pub(in crate::console) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// What an act came to, shown on the page after it.
pub(in crate::console) fn notice(visitor: &Viewer, done: Option<&str>) -> Markup {
    let text = match done {
        Some("queued") => Text::Queued,
        Some("overtaken") => Text::OvertakenNotice,
        Some("duplicate") => Text::DuplicateNotice,
        Some("discarded") => Text::Discarded,
        Some("paused") => Text::PausedNotice,
        Some("resumed") => Text::ResumedNotice,
        Some("shop-paused") => Text::ShopPausedNotice,
        Some("shop-resumed") => Text::ShopResumedNotice,
        Some("resolved") => Text::ResolvedNotice,
        Some("not-customer") => Text::NotHeNotice,
        Some("not-customer-later") => Text::NotHeLater,
        Some("another-card") => Text::AnotherCard,
        Some("fine") => Text::TestFine,
        _ => return html! {},
    };
    html! { p.notice role="status" { (visitor.text(text)) } }
}

/// A form of one button; for viewers it does nothing and says why.
pub(in crate::console) fn button(
    visitor: &Viewer,
    action: &str,
    fields: &[(&str, &str)],
    label: &str,
) -> Markup {
    html! {
        form.inline method="post" action=(action) {
            (layout::csrf(visitor))
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            (submit(visitor, label))
        }
    }
}

/// The button of a form.
pub(in crate::console) fn submit(visitor: &Viewer, label: &str) -> Markup {
    let viewer = !visitor.can_write();
    html! {
        button type="submit" disabled[viewer]
            title=[viewer.then(|| visitor.text(Text::ViewerCannot))] {
            (label)
        }
    }
}

/// The button of a form that is not the first thing to do on its page.
pub(in crate::console) fn second(visitor: &Viewer, label: &str) -> Markup {
    html! { div.second { (submit(visitor, label)) } }
}

/// The button of a form that lets something go for good.
pub(in crate::console) fn danger(visitor: &Viewer, label: &str) -> Markup {
    html! { div.danger { (submit(visitor, label)) } }
}

/// A field of a filter that is one of some values, each with what is shown for it, or any.
pub(in crate::console) fn choice(
    visitor: &Viewer,
    label: Text,
    (name, chosen): (&str, &str),
    all: &[(&str, &str)],
) -> Markup {
    html! {
        label { (visitor.text(label)) select name=(name) {
            option value="" { (visitor.text(Text::Any)) }
            @for (value, shown) in all {
                option value=[(value != shown).then_some(value)] selected[*value == chosen] {
                    (shown)
                }
            }
        } }
    }
}

/// A field of a filter that is a date or a time.
pub(in crate::console) fn date(visitor: &Viewer, label: Text, name: &str, value: &str) -> Markup {
    html! {
        label {
            (visitor.text(label))
            input name=(name) value=(value) placeholder="2026-01-31" maxlength="40";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_as_in_the_readers_language() {
        for (plain, english, russian) in [
            ("0", "0", "0"),
            ("990.00", "990.00", "990,00"),
            ("1990.5", "1,990.5", "1\u{a0}990,5"),
            ("-1234567", "−1,234,567", "−1\u{a0}234\u{a0}567"),
        ] {
            assert_eq!(amount(Lang::En, plain), english);
            assert_eq!(amount(Lang::Ru, plain), russian);
        }
    }

    #[test]
    fn a_near_moment_is_told_by_its_distance_and_a_distant_one_by_its_date() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let told = |seconds, lang| {
            let at = now - chrono::TimeDelta::seconds(seconds);
            distance(now, at, lang)
        };
        assert_eq!(told(0, Lang::En), "now");
        assert_eq!(told(180, Lang::En), "3 min ago");
        assert_eq!(told(180, Lang::Ru), "3 мин назад");
        assert_eq!(told(-7_200, Lang::En), "in 2 h");
        assert_eq!(told(-90, Lang::Ru), "через 90 с");
        assert_eq!(told(6 * 86_400, Lang::En), "6 d ago");
        assert_eq!(told(30 * 86_400, Lang::En), "2023-10-15");
    }
}
