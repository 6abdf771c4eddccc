//! The last hour as a small picture, drawn here: no script, no inline style.

use crate::{
    app::operations::overview::Minute,
    console::{i18n::messages::Text, session::viewer::Viewer, ui::components},
};
use maud::{Markup, html};

const HEIGHT: i64 = 60;
const STEP: i64 = 6;

/// Bars by minute: delivered from below, dead on top of them.
pub(in crate::console) fn last_hour(visitor: &Viewer, minutes: &[Minute]) -> Markup {
    let total = |minute: &Minute| minute.done + minute.dead;
    let highest = minutes.iter().map(total).max().unwrap_or(0).max(1);
    // What is there is seen, however little.
    let height = |count: i64| {
        if count == 0 {
            0
        } else {
            (count * HEIGHT / highest).max(2)
        }
    };
    let (done, dead) = (
        minutes.iter().map(|minute| minute.done).sum::<i64>(),
        minutes.iter().map(|minute| minute.dead).sum::<i64>(),
    );
    let named = |text, many| {
        let many = components::count(visitor.lang, many);
        format!("{}: {many}", visitor.text(text))
    };
    let (delivered, died) = (named(Text::Delivered, done), named(Text::DiedLabel, dead));
    let words = format!("{delivered}; {died}");
    html! {
        figure.chart {
            div.axis aria-hidden="true" {
                span { (components::count(visitor.lang, highest)) } span { "0" }
            }
            svg viewBox=(format!("0 0 {} {}", 60 * STEP, HEIGHT + 1)) role="img" aria-label=(words)
                preserveAspectRatio="none" {
                line.base x1="0" y1="0" x2=(60 * STEP) y2="0" {}
                line.base x1="0" y1=(HEIGHT) x2=(60 * STEP) y2=(HEIGHT) {}
                @for minute in minutes { (bar(visitor, minute, height)) }
            }
            div.minutes aria-hidden="true" {
                @for ago in [60, 45, 30, 15] {
                    span { "−" (components::span(ago * 60, visitor.lang)) }
                }
                span { (visitor.text(Text::Now)) }
            }
            figcaption {
                span { i.swatch.done {} (delivered) " " i.swatch.dead {} (died) }
                span { (visitor.text(Text::PerMinute)) }
            }
        }
    }
}

/// What was delivered in one minute, and what died on top of it.
fn bar(visitor: &Viewer, minute: &Minute, height: impl Fn(i64) -> i64) -> Markup {
    let x = (59 - minute.ago) * STEP;
    let (done, dead) = (height(minute.done), height(minute.dead));
    let words = |count: i64, text: Text| {
        let ago = components::span(minute.ago * 60, visitor.lang);
        format!("−{ago}: {count} {}", visitor.text(text))
    };
    html! {
        @if done > 0 {
            rect.done x=(x) y=(HEIGHT - done) width=(STEP - 1) height=(done) {
                title { (words(minute.done, Text::Delivered)) }
            }
        }
        @if dead > 0 {
            rect.dead x=(x) y=((HEIGHT - done - dead).max(0)) width=(STEP - 1) height=(dead) {
                title { (words(minute.dead, Text::DiedLabel)) }
            }
        }
    }
}
