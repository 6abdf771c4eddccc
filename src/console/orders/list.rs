//! `GET /console/orders`: looking for orders.

use crate::{
    app::{self, Operations, OrderFilter, OrderQuery, OrderState, OrderSummary, Registry},
    console::{
        i18n::{locale::Lang, messages::Text},
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

const PATH: &str = "/console/orders";
/// Orders on a page; a phone shows some of them at first.
const PAGE: u32 = 50;
/// The longest text that is looked for.
const LONGEST: usize = 200;

/// A filter as it stands in a link or a form, with what the list needs beside it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct ListQuery {
    q: String,
    shop: String,
    state: String,
    status: String,
    since: String,
    until: String,
    before: String,
    #[serde(flatten)]
    sorting: Sorting,
}

impl ListQuery {
    /// The filter that the words mean.
    fn filter(&self, lang: Lang) -> Result<OrderFilter, ErrorPage> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let query = OrderQuery {
            shop: given(&self.shop),
            state: given(&self.state),
            status: given(&self.status),
            since: given(&self.since),
            until: given(&self.until),
            text: given(&self.q),
        };
        let filter = query.parse();
        let filter = filter.map_err(|faults| ErrorPage::unusable(app::sentence(&faults), lang))?;
        Ok(OrderFilter {
            before: self.before.parse().ok(),
            limit: PAGE,
            ..filter
        })
    }

    /// A link that keeps the filter.
    fn link(&self, more: &[(&str, Option<&str>)]) -> String {
        let mut pairs = vec![
            ("q", Some(self.q.as_str())),
            ("shop", Some(&self.shop)),
            ("state", Some(&self.state)),
            ("status", Some(&self.status)),
            ("since", Some(&self.since)),
            ("until", Some(&self.until)),
        ];
        pairs.extend_from_slice(more);
        links::link(PATH, &pairs)
    }
}

/// `GET /console/orders`: the orders that a search or a filter finds.
pub(in crate::console) async fn get(
    Extract(operations): Extract<Operations>,
    Extract(registry): Extract<Arc<Registry>>,
    Extract(names): Extract<PortalNames>,
    visitor: Viewer,
    Query(asked): Query<ListQuery>,
) -> Result<Markup, ErrorPage> {
    let filter = asked.filter(visitor.lang)?;
    let any = filter.is_empty() && filter.before.is_none();
    let page = operations.list_orders(&filter).await;
    let mut page = page.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    asked.sorting.apply(&mut page.items, &COLUMNS);
    let title = visitor.text(Text::Orders);
    let next = page.next.map(|id| id.to_string());
    let one_shop = registry.shops.len() == 1;
    // A full page says by its last row how far it goes.
    let part = page.items.len() < PAGE as usize;
    let [sort, dir] = asked.sorting.pairs();
    let content = html! {
        h1 { (title) }
        (filters(&registry, &visitor, &asked))
        @if !page.items.is_empty() {
            (table(&names, &visitor, &asked, &page.items, one_shop))
            (components::rest(&visitor, page.items.len(), components::ROWS))
        }
        @else if any { p.empty { (visitor.text(Text::NoOrders)) } }
        @else if next.is_none() { p.empty { (visitor.text(Text::NothingFound)) } }
        @if let Some(next) = &next {
            p.actions {
                a.button href=(asked.link(&[("before", Some(next)), sort, dir])) {
                    (visitor.text(Text::OlderOrders))
                }
                @if let Some(at) = page.looked_back_to.filter(|_| part) {
                    span.quiet {
                        (visitor.text(Text::LookedBackTo)) " " (components::moment(&visitor, at))
                    }
                }
            }
        }
    };
    Ok(layout::page(&visitor, Section::Orders, title, content))
}

fn filters(registry: &Registry, visitor: &Viewer, asked: &ListQuery) -> Markup {
    let shops = registry.shops.keys().map(ShopName::as_str);
    let shops: Vec<_> = shops.map(|shop| (shop, shop)).collect();
    let states = OrderState::ALL.map(|state| (state.as_str(), visitor.text(word(state))));
    html! {
        form.search role="search" method="get" action=(PATH) {
            label {
                (visitor.text(Text::SearchOrders))
                input id="q" type="search" name="q" value=(asked.q) maxlength=(LONGEST);
            }
            (components::choice(visitor, Text::State, ("state", &asked.state), &states))
            @if shops.len() > 1 {
                (components::choice(visitor, Text::Shop, ("shop", &asked.shop), &shops))
            }
            label {
                (visitor.text(Text::Status))
                input name="status" value=(asked.status) maxlength="100";
            }
            (components::date(visitor, Text::HeardOfSince, "since", &asked.since))
            (components::date(visitor, Text::HeardOfUntil, "until", &asked.until))
            button type="submit" { (visitor.text(Text::Search)) }
        }
    }
}

const COLUMNS: [Column<OrderSummary>; 8] = [
    Column::sorted("number", Text::Number, |a, b| a.number.cmp(&b.number)),
    Column::sorted("shop", Text::Shop, |a, b| a.shop.cmp(&b.shop)),
    Column::sorted("state", Text::State, |a, b| a.state.cmp(&b.state)),
    Column::sorted("status", Text::Status, |a, b| a.status.cmp(&b.status)),
    Column::sorted("stage", Text::Stage, |a, b| a.stage.cmp(&b.stage)),
    Column::amount("deal", Text::Deal, |a, b| a.deal_id.cmp(&b.deal_id)),
    Column::sorted("customer", Text::Customer, |a, b| {
        a.customer.cmp(&b.customer)
    }),
    Column::latest("received", Text::Received, |a, b| {
        a.received_at.cmp(&b.received_at)
    }),
];

fn table(
    portals: &PortalNames,
    visitor: &Viewer,
    asked: &ListQuery,
    found: &[OrderSummary],
    one_shop: bool,
) -> Markup {
    let link = |pairs: &[(&str, Option<&str>)]| {
        let mut pairs = pairs.to_vec();
        pairs.push(("before", Some(&asked.before)));
        asked.link(&pairs)
    };
    html! {
        div.scroll { table.stacks {
            (asked.sorting.heads(visitor, &COLUMNS, link))
            tbody { @for order in found { tr {
                td data-label=(visitor.text(Text::Number)) {
                    (components::order(Some(&order.shop), Some(&order.number)))
                }
                td.spare[one_shop] data-label=(visitor.text(Text::Shop)) { (order.shop) }
                td data-label=(visitor.text(Text::State)) { (badge(visitor, order.state)) }
                td.bare data-label=(visitor.text(Text::Status)) {
                    (order.status.as_deref().unwrap_or("—"))
                }
                td.bare data-label=(visitor.text(Text::Stage)) {
                    @let names = portals.stages(&order.portal);
                    (components::stage(&names, order.stage.as_deref()))
                }
                td.num.spare data-label=(visitor.text(Text::Deal)) {
                    @match order.deal_id {
                        Some(id) => (
                            components::entity(
                                portals.origin(&order.portal).as_deref(), "deal", id
                            )
                        ),
                        None => "—",
                    }
                }
                td.line data-label=(visitor.text(Text::Customer)) {
                    (order.customer.as_deref().unwrap_or("—"))
                }
                td.when data-label=(visitor.text(Text::Received)) {
                    @match order.received_at {
                        Some(at) => (components::time(visitor, at)), None => "—"
                    }
                }
            } } }
        } }
    }
}

fn word(state: OrderState) -> Text {
    match state {
        OrderState::Dead => Text::IsDead,
        OrderState::OnItsWay => Text::OnItsWay,
        OrderState::NotInSync => Text::NotInSync,
        OrderState::InSync => Text::InSync,
    }
}

/// How an order stands, in one word.
pub(in crate::console) fn badge(visitor: &Viewer, state: OrderState) -> Markup {
    let class = match state {
        OrderState::Dead => "badge bad",
        OrderState::OnItsWay | OrderState::NotInSync => "badge warn",
        OrderState::InSync => "badge good",
    };
    html! { span class=(class) { (visitor.text(word(state))) } }
}
