//! `GET /console/statuses`: what each status and each stage of each shop means on the other side.

use super::{
    State,
    act::Act,
    fault::Fault,
    layout::{self, Section},
    parts, query,
    session::Visitor,
    text::Text,
};
use crate::{
    app::{
        Planned,
        statuses::{Severity, Told},
    },
    domain::{Direction, ShopName, ShopRules, Stage, Untranslatable},
};
use axum::{
    extract::{Query, State as Extract},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;
use std::{collections::BTreeSet, sync::Arc};

/// Which shop's table is to be checked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    check: String,
    /// The shop whose changed table's plan is to be shown.
    plan: String,
}

/// The shop whose changed table is confirmed.
#[derive(Debug, Deserialize)]
pub(super) struct Confirmed {
    shop: String,
}

/// The most orders of a plan that are shown.
const SHOWN: usize = 200;

/// `POST /console/statuses/apply`: what the plan shows is carried out.
pub(super) async fn apply(
    Extract(state): Extract<State>,
    act: Act<Confirmed>,
) -> Result<Redirect, Fault> {
    let lang = act.visitor.lang;
    let shop = ShopName::parse(&act.form.shop).map_err(|_| Fault::not_found(lang))?;
    let done = state.bridge.apply_table(&shop, &act.visitor.actor()).await;
    done.map_err(|error| Fault::of(error, lang))?;
    Ok(Redirect::to(&query::link(
        "/console/statuses",
        &[("plan", Some(shop.as_str()))],
    )))
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
    let planned = match shops.keys().find(|shop| shop.as_str() == asked.plan) {
        Some(shop) => {
            let plan = state.bridge.table_plan(shop).await;
            Some((shop, plan.map_err(|error| Fault::of(error, visitor.lang))?))
        }
        None => None,
    };
    let content = html! {
        h1 { (title) }
        @for rules in shops.values() {
            (of(&visitor, rules))
            @match &planned {
                Some((shop, plan)) if **shop == rules.shop => (plan_of(&visitor, shop, plan)),
                _ => form method="get" action="/console/statuses" {
                    input type="hidden" name="plan" value=(rules.shop.as_str());
                    button { (visitor.say(Text::PlanTable)) }
                },
            }
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

fn plan_of(visitor: &Visitor, shop: &ShopName, plan: &[Planned]) -> Markup {
    let moves = plan.iter().filter(|one| one.winner.is_some()).count();
    html! {
        section #plan {
            @if plan.is_empty() { p { (visitor.say(Text::NothingMoves)) } }
            ul { @for one in plan.iter().take(SHOWN) { li {
                span.code { (one.number) } ": " (parts::marked(&visitor.lang.told(&one.sentence)))
            } } }
            @if plan.len() > SHOWN { p { "… " (plan.len()) } }
            @if moves > 0 {
                (parts::button(visitor, "/console/statuses/apply", &[("shop", shop.as_str())], visitor.say(Text::ApplyTable)))
            }
        }
    }
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
