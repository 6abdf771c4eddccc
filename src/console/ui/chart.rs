//! The last hour as a small picture, drawn here: no script, no inline style.

use crate::{
    app::operations::overview::Minute,
    console::{i18n::messages::Text, session::viewer::Viewer},
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
    let words = format!(
        "{}: {done}; {}: {dead}",
        visitor.text(Text::Delivered),
        visitor.text(Text::DiedLabel)
    );
    html! {
        figure.chart {
            svg viewBox=(format!("0 0 {} {}", 60 * STEP, HEIGHT + 1)) role="img" aria-label=(words)
                preserveAspectRatio="none" {
                line.base x1="0" y1=(HEIGHT) x2=(60 * STEP) y2=(HEIGHT) {}
                @for minute in minutes {
                    @let x = i64::from(59 - minute.ago) * STEP;
                    @let (done, dead) = (height(minute.done), height(minute.dead));
                    @if done > 0 {
                        rect.done x=(x) y=(HEIGHT - done) width=(STEP - 1) height=(done) {
                            title { (minute.done) " " (visitor.text(Text::Delivered)) }
                        }
                    }
                    @if dead > 0 {
                        rect.dead x=(x) y=((HEIGHT - done - dead).max(0)) width=(STEP - 1)
                            height=(dead) {
                            title { (minute.dead) " " (visitor.text(Text::DiedLabel)) }
                        }
                    }
                }
            }
            figcaption {
                span { (visitor.text(Text::MinutesAgo)) }
                span {
                    i.swatch.done {}
                    (words.split(';').next().unwrap_or_default()) " " i.swatch.dead {}
                    (
                        visitor.text(Text::DiedLabel)
                    ) ": " (dead) " · ≤ " (highest) " " (visitor.text(Text::PerMinute))
                }
                span { (visitor.text(Text::Now)) }
            }
        }
    }
}
