//! `GET /console/statuses`: what each status and each stage of each shop means on the other side.

use crate::{
    app::{
        PlannedChange, Registry, Sync,
        status_map::{ReportedFinding, Severity},
    },
    console::{
        Portals, StageNames,
        i18n::messages::Text,
        session::{form::OperatorForm, viewer::Viewer},
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
        },
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
pub(in crate::console) struct PageQuery {
    check: String,
    /// The shop whose changed table's plan is to be shown.
    plan: String,
}

/// The shop whose changed table is confirmed.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct ConfirmForm {
    shop: String,
}

/// The most orders of a plan that are shown.
const SHOWN: usize = 200;

/// `POST /console/statuses/apply`: what the plan shows is carried out.
pub(in crate::console) async fn apply(
    Extract(sync): Extract<Sync>,
    act: OperatorForm<ConfirmForm>,
) -> Result<Redirect, ErrorPage> {
    let lang = act.visitor.lang;
    let shop = ShopName::parse(&act.form.shop).map_err(|_| ErrorPage::not_found(lang))?;
    let done = sync.apply_table(&shop, &act.visitor.actor()).await;
    done.map_err(|error| ErrorPage::of(error, lang))?;
    Ok(Redirect::to(&links::link(
        "/console/statuses",
        &[("plan", Some(shop.as_str()))],
    )))
}

/// `GET /console/statuses`; with `check=SHOP` also what the portal says of that shop's table, for
/// operators: it costs the portal a call or two.
pub(in crate::console) async fn get(
    Extract(sync): Extract<Sync>,
    Extract(registry): Extract<Arc<Registry>>,
    Extract(portals): Extract<Arc<dyn Portals>>,
    visitor: Viewer,
    Query(asked): Query<PageQuery>,
) -> Result<Markup, ErrorPage> {
    let title = visitor.text(Text::StatusMap);
    let shops = &registry.shops;
    let wanted = shops.get(&*asked.check).filter(|_| visitor.can_write());
    let checked = match wanted {
        Some(rules) => Some((rules.shop.clone(), portals.check(Arc::clone(rules)).await)),
        None => None,
    };
    let planned = match shops.keys().find(|shop| shop.as_str() == asked.plan) {
        Some(shop) => {
            let plan = sync.table_plan(shop).await;
            Some((
                shop,
                plan.map_err(|error| ErrorPage::of(error, visitor.lang))?,
            ))
        }
        None => None,
    };
    let content = html! {
        h1 { (title) }
        @for rules in shops.values() {
            @let names = portals.stage_names(&rules.portal);
            (of(&visitor, rules, &names))
            @match &planned {
                Some((shop, plan)) if **shop == rules.shop => {
                    (plan_of(&visitor, shop, plan, &names))
                },
                _ => form.second method="get" action="/console/statuses" {
                    input type="hidden" name="plan" value=(rules.shop.as_str());
                    button { (visitor.text(Text::PlanTable)) }
                },
            }
            @match &checked {
                Some((shop, found)) if *shop == rules.shop => (told(&visitor, found)),
                _ if visitor.can_write() => form.second method="get" action="/console/statuses" {
                    input type="hidden" name="check" value=(rules.shop.as_str());
                    button { (visitor.text(Text::CheckAgainstPortal)) }
                },
                _ => {},
            }
        }
    };
    Ok(layout::page(&visitor, Section::StatusMap, title, content))
}

fn plan_of(
    visitor: &Viewer,
    shop: &ShopName,
    plan: &[PlannedChange],
    names: &StageNames,
) -> Markup {
    let moves = plan
        .iter()
        .filter(|one| one.outcome.winner().is_some())
        .count();
    html! {
        section #plan {
            @if plan.is_empty() { p { (visitor.text(Text::NothingMoves)) } }
            ul { @for one in plan.iter().take(SHOWN) { li {
                span.code { (one.number) }
                ": " (components::marked(&visitor.lang.said(&one.outcome, Some(names))))
            } } }
            @if plan.len() > SHOWN { p { "… " (plan.len()) } }
            @if moves > 0 {
                (
                    components::button(
                        visitor, "/console/statuses/apply", &[("shop", shop.as_str())],
                        visitor.text(Text::ApplyTable)
                    )
                )
            }
        }
    }
}

fn told(visitor: &Viewer, found: &Result<Vec<ReportedFinding>, String>) -> Markup {
    html! {
        section #checked {
            @match found {
                Err(words) => p {
                    span.badge.bad { "!" }
                    " " (visitor.text(Text::CannotAsk)) " " (visitor.lang.told(words))
                },
                Ok(found) if found.is_empty() => p {
                    span.badge.good { "✓" } " " (visitor.text(Text::NothingToRemark))
                },
                Ok(found) => ul { @for one in found { li {
                    @match one.severity {
                        Severity::Error => span.badge.bad { (visitor.lang.word("error")) },
                        Severity::Warning => span.badge.warn { (visitor.lang.word("warning")) },
                        Severity::Note => span.badge { (visitor.lang.word("note")) },
                    }
                    " " (components::marked(&visitor.lang.told(&one.sentence)))
                } } },
            }
        }
    }
}

fn of(visitor: &Viewer, rules: &ShopRules, names: &StageNames) -> Markup {
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
    let back = visitor.text(Text::ComesBackAs);
    html! {
        section {
            h2 { (rules.shop.as_str()) " → " (rules.portal.as_str()) }
            p.quiet { (visitor.text(Text::Funnel)) " " (rules.funnel) }
            div.scroll { table.stacks {
                thead {
                    tr {
                        th scope="col" { (visitor.text(Text::Status)) }
                        th scope="col" { (visitor.text(Text::WrittenAs)) }
                        th scope="col" { (visitor.text(Text::AlsoAccepts)) }
                        th scope="col" { (visitor.text(Text::Direction)) }
                    }
                }
                tbody { @for row in rows { tr {
                    td.code data-label=(visitor.text(Text::Status)) { (row.status) }
                    td data-label=(visitor.text(Text::WrittenAs)) {
                        (components::stage(names, Some(&row.stage.id)))
                    }
                    td data-label=(visitor.text(Text::AlsoAccepts)) {
                        @if row.accepts.is_empty() { "—" }
                        @for (nth, stage) in row.accepts.iter().enumerate() {
                            @if nth > 0 { ", " }
                            (components::stage(names, Some(&stage.id)))
                        }
                    }
                    td data-label=(visitor.text(Text::Direction)) {
                        (visitor.text(direction(row.direction)))
                    }
                } } }
            } }
            div.scroll { table.stacks {
                thead {
                    tr {
                        th scope="col" { (visitor.text(Text::Stage)) }
                        th.num scope="col" { (visitor.text(Text::Funnel)) }
                        th scope="col" { (visitor.text(Text::ComesBackAs)) }
                    }
                }
                tbody { @for stage in stages { tr {
                    td data-label=(visitor.text(Text::Stage)) {
                        (components::stage(names, Some(&stage.id)))
                    }
                    td.num data-label=(visitor.text(Text::Funnel)) { (stage.funnel) }
                    @match rules.statuses.back(stage) {
                        Ok(status) => td.code data-label=(back) { (status) },
                        Err(Untranslatable::Ambiguous) => td data-label=(back) {
                            span.badge.bad { (visitor.text(Text::NothingAmbiguous)) }
                        },
                        Err(Untranslatable::OneWay) => td data-label=(back) {
                            (
                                visitor.text(Text::NothingComesBack)
                            ) ": " (visitor.text(Text::OnlyToPortal))
                        },
                        Err(Untranslatable::Unknown) => td data-label=(back) {
                            (visitor.text(Text::NothingComesBack))
                        },
                    }
                } } }
            } }
        }
    }
}
