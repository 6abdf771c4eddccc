//! `GET /console/statuses`: what each status and each stage of each shop means on the other side.

use super::{
    State,
    fault::Fault,
    layout::{self, Section},
    session::Visitor,
    text::Text,
};
use crate::domain::{Direction, ShopRules, Stage, Untranslatable};
use axum::extract::State as Extract;
use maud::{Markup, html};
use std::collections::BTreeSet;

/// `GET /console/statuses`.
pub(super) async fn get(Extract(state): Extract<State>, visitor: Visitor) -> Result<Markup, Fault> {
    let title = visitor.say(Text::StatusMap);
    let shops = &state.bridge.directory().shops;
    let content = html! {
        h1 { (title) }
        @for rules in shops.values() { (of(&visitor, rules)) }
    };
    Ok(layout::page(&visitor, Section::StatusMap, title, content))
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
    html! {
        section {
            h2 { (rules.shop.as_str()) " → " (rules.portal.as_str()) }
            p.quiet { (visitor.say(Text::Funnel)) " " (rules.funnel) }
            div.scroll { table {
                thead { tr { th scope="col" { (visitor.say(Text::Status)) } th scope="col" { (visitor.say(Text::WrittenAs)) }
                    th scope="col" { (visitor.say(Text::AlsoAccepts)) } th scope="col" { (visitor.say(Text::Direction)) } } }
                tbody { @for row in rows { tr {
                    td.code { (row.status) } td.code { (row.stage) }
                    td.code { @for stage in &row.accepts { (stage) " " } }
                    td { (visitor.say(direction(row.direction))) }
                } } }
            } }
            div.scroll { table {
                thead { tr { th scope="col" { (visitor.say(Text::Stage)) } th scope="col" { (visitor.say(Text::Funnel)) }
                    th scope="col" { (visitor.say(Text::ComesBackAs)) } } }
                tbody { @for stage in stages { tr {
                    td.code { (stage) } td { (stage.funnel) }
                    @match rules.statuses.back(stage) {
                        Ok(status) => td.code { (status) },
                        Err(Untranslatable::Ambiguous) => td { span.badge.bad { (visitor.say(Text::NothingAmbiguous)) } },
                        Err(Untranslatable::OneWay) => td { (visitor.say(Text::NothingComesBack)) ": " (visitor.say(Text::OnlyToPortal)) },
                        Err(Untranslatable::Unknown) => td { (visitor.say(Text::NothingComesBack)) },
                    }
                } } }
            } }
        }
    }
}
