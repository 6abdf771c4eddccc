//! `GET /console/conflicts/decisions`: what was decided lately, without anybody's word or with it.

use crate::{
    app::{Operations, Registry, operations::overview::Decided},
    console::{
        StageNames,
        i18n::messages::Text,
        session::viewer::Viewer,
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
            portal_names::PortalNames,
            sortable::{Column, Sorting},
        },
    },
    domain::ShopName,
};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

pub(in crate::console) const PATH: &str = "/console/conflicts/decisions";
/// Decisions on a page, each with all that it rests on.
const PAGE: usize = 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct ListQuery {
    before: String,
    #[serde(flatten)]
    sorting: Sorting,
}

const COLUMNS: [Column<Decided>; 6] = [
    Column::latest("time", Text::Time, |a, b| a.id.cmp(&b.id)),
    Column::sorted("order", Text::Order, |a, b| a.number.cmp(&b.number)),
    Column::plain(Text::Decision),
    Column::sorted("winner", Text::Winner, |a, b| a.winner.cmp(&b.winner)),
    Column::sorted("rule", Text::Rule, |a, b| {
        a.basis.as_str().cmp(b.basis.as_str())
    }),
    Column::plain(Text::Details),
];

/// `GET /console/conflicts/decisions`: what was decided lately, with or without a person.
pub(in crate::console) async fn get(
    Extract(operations): Extract<Operations>,
    Extract(registry): Extract<Arc<Registry>>,
    Extract(portals): Extract<PortalNames>,
    visitor: Viewer,
    Query(asked): Query<ListQuery>,
) -> Result<Markup, ErrorPage> {
    let before = asked.before.parse().ok();
    let decided = operations.decisions(before, PAGE + 1).await;
    let mut decided = decided.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    let more = decided.len() > PAGE;
    decided.truncate(PAGE);
    let next = decided
        .last()
        .filter(|_| more)
        .map(|row| row.id.to_string());
    asked.sorting.apply(&mut decided, &COLUMNS);
    let names = |shop: &str| names(&registry, &portals, shop);
    let title = visitor.text(Text::DecidedLately);
    let [sort, dir] = asked.sorting.pairs();
    let content = html! {
        h1 { (title) }
        @if decided.is_empty() {
            p.empty { (visitor.text(Text::NoDecisions)) }
        } @else {
            (table(names, &visitor, &asked, &decided))
        }
        @if let Some(next) = &next {
            p.actions {
                a.button href=(links::link(PATH, &[("before", Some(next)), sort, dir])) {
                    (visitor.text(Text::Next))
                }
            }
        }
    };
    Ok(layout::page(&visitor, Section::Conflicts, title, content))
}

/// What the portal of a shop calls its stages; nothing of a shop that is gone.
fn names(registry: &Registry, portals: &PortalNames, shop: &str) -> StageNames {
    let shop = ShopName::parse(shop).ok();
    let rules = shop.and_then(|shop| registry.shops.get(&shop));
    rules.map_or_else(StageNames::default, |rules| {
        portals.stages(rules.portal.as_str())
    })
}

fn table(
    names: impl Fn(&str) -> StageNames,
    visitor: &Viewer,
    asked: &ListQuery,
    decided: &[Decided],
) -> Markup {
    let link = |pairs: &[(&str, Option<&str>)]| {
        let mut pairs = pairs.to_vec();
        pairs.push(("before", Some(asked.before.as_str())));
        links::link(PATH, &pairs)
    };
    html! {
        div.scroll { table.stacks {
            (asked.sorting.heads(visitor, &COLUMNS, link))
            tbody { @for row in decided { tr {
                td.when data-label=(visitor.text(Text::Time)) {
                    (components::time(visitor, row.at))
                }
                td data-label=(visitor.text(Text::Order)) {
                    (components::order(Some(&row.shop), Some(&row.number)))
                }
                td.words data-label=(visitor.text(Text::Decision)) {
                    @let names = names(&row.shop);
                    (visitor.lang.happened(row.what.as_ref(), &row.sentence, Some(&names)))
                }
                td data-label=(visitor.text(Text::Winner)) {
                    (row.winner.map_or("—", |winner| visitor.lang.word(winner.as_str())))
                }
                td data-label=(visitor.text(Text::Rule)) { (visitor.lang.word(row.basis.as_str())) }
                td data-label=(visitor.text(Text::Details)) {
                    details {
                        summary { (visitor.lang.word(row.action.as_str())) }
                        pre { (components::pretty(&row.inputs.clone().shown())) }
                    }
                }
            } } }
        } }
    }
}
