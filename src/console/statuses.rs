//! `GET /console/statuses`: what each status and each stage of each shop means on the other side.

use super::{
    State,
    fault::Fault,
    layout::{self, Section},
    parts,
    session::Visitor,
    text::Text,
};
use crate::{
    app::statuses::{Severity, Told},
    domain::{Direction, ShopRules, Stage, Untranslatable},
};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};

/// Which shop's table is to be checked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    check: String,
}

/// `GET /console/statuses`; with `check=SHOP` also what the portal says of that shop's table, for operators: it costs the portal a call or two.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Markup, Fault> {
    let title = visitor.say(Text::StatusMap);
    let shops = &state.bridge.directory().shops;
    let wanted = shops
        .values()
        .find(|rules| visitor.acts() && rules.shop.as_str() == asked.check);
    let checked = match wanted {
        Some(rules) => Some((
            rules.shop.clone(),
            state.portals.check(Arc::clone(rules)).await,
        )),
        None => None,
    };
    let content = html! {
        h1 { (title) }
        @for rules in shops.values() {
            (of(&visitor, rules))
            @match &checked {
                Some((shop, found)) if *shop == rules.shop => (told(&visitor, found)),
                _ if visitor.acts() => form method="get" action="/console/statuses" {
                    input type="hidden" name="check" value=(rules.shop.as_str());
                    button { (visitor.say(Text::CheckAgainstPortal)) }
                },
                _ => {},
            }
        }
    };
    Ok(layout::page(&visitor, Section::StatusMap, title, content))
}

fn told(visitor: &Visitor, found: &Result<Vec<Told>, String>) -> Markup {
    html! {
        section #checked {
            @match found {
                Err(words) => p { span.badge.bad { "!" } " " (visitor.say(Text::CannotAsk)) " " (visitor.lang.told(words)) },
                Ok(found) if found.is_empty() => p { span.badge.good { "✓" } " " (visitor.say(Text::NothingToRemark)) },
                Ok(found) => ul { @for one in found { li {
                    @match one.severity {
                        Severity::Error => span.badge.bad { (visitor.lang.word("error")) },
                        Severity::Warning => span.badge.warn { (visitor.lang.word("warning")) },
                        Severity::Note => span.badge { (visitor.lang.word("note")) },
                    }
                    " " (parts::marked(&visitor.lang.told(&one.sentence)))
                } } },
            }
        }
    }
}

fn of(visitor: &Visitor, rules: &ShopRules) -> Markup {
    let rows = rules.statuses.rows();
    let stages: BTreeSet<&Stage> = rows
        .iter()
        .flat_map(|row| std::iter::once(&row.stage).chain(&row.accepts))
        .collect();
    let direction = |direction: Direction| match direction {
        Direction::Both => Text::BothWays,
        Direction::ToPortal => Text::OnlyToPortal,
        Direction::ToShop => Text::OnlyToShop,
    };
    let back = visitor.say(Text::ComesBackAs);
    html! {
        section {
            h2 { (rules.shop.as_str()) " → " (rules.portal.as_str()) }
            p.quiet { (visitor.say(Text::Funnel)) " " (rules.funnel) }
            div.scroll { table.stacks {
                thead { tr { th scope="col" { (visitor.say(Text::Status)) } th scope="col" { (visitor.say(Text::WrittenAs)) }
                    th scope="col" { (visitor.say(Text::AlsoAccepts)) } th scope="col" { (visitor.say(Text::Direction)) } } }
                tbody { @for row in rows { tr {
                    td.code data-label=(visitor.say(Text::Status)) { (row.status) }
                    td.code data-label=(visitor.say(Text::WrittenAs)) { (row.stage) }
                    td.code data-label=(visitor.say(Text::AlsoAccepts)) {
                        @if row.accepts.is_empty() { "—" } @for stage in &row.accepts { (stage) " " }
                    }
                    td data-label=(visitor.say(Text::Direction)) { (visitor.say(direction(row.direction))) }
                } } }
            } }
            div.scroll { table.stacks {
                thead { tr { th scope="col" { (visitor.say(Text::Stage)) } th.num scope="col" { (visitor.say(Text::Funnel)) }
                    th scope="col" { (visitor.say(Text::ComesBackAs)) } } }
                tbody { @for stage in stages { tr {
                    td.code data-label=(visitor.say(Text::Stage)) { (stage) } td.num data-label=(visitor.say(Text::Funnel)) { (stage.funnel) }
                    @match rules.statuses.back(stage) {
                        Ok(status) => td.code data-label=(back) { (status) },
                        Err(Untranslatable::Ambiguous) => td data-label=(back) { span.badge.bad { (visitor.say(Text::NothingAmbiguous)) } },
                        Err(Untranslatable::OneWay) => td data-label=(back) { (visitor.say(Text::NothingComesBack)) ": " (visitor.say(Text::OnlyToPortal)) },
                        Err(Untranslatable::Unknown) => td data-label=(back) { (visitor.say(Text::NothingComesBack)) },
                    }
                } } }
            } }
        }
    }
}
