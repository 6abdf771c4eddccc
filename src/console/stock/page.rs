//! `GET /console/stock`: what each store has, what runs out soon, and what a person has to decide.

use super::{ledger_of, shortages::card};
use crate::{
    app::{
        Stock,
        stock::{CountFault, ExpiringReservation, LevelView, ShortageView},
    },
    console::{
        i18n::messages::Text,
        session::viewer::Viewer,
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
        },
    },
    domain::Place,
};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

/// Levels on a page.
const PAGE: u32 = 50;
/// Reservations that run out next, and decisions, that are shown.
const SHOWN: i64 = 8;

#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct PageQuery {
    #[serde(default)]
    done: String,
    #[serde(default)]
    stock: String,
    #[serde(default)]
    product: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    store: String,
}

/// `GET /console/stock`: what each store has, what runs out soon, and what a person decides.
pub(in crate::console) async fn get(
    Extract(stock): Extract<Stock>,
    visitor: Viewer,
    Query(asked): Query<PageQuery>,
) -> Result<Markup, ErrorPage> {
    let fault = |error| ErrorPage::of(error, visitor.lang);
    let text = |text| visitor.text(text);
    let title = text(Text::StockPage);
    let stocks = stock.stocks();
    let named = stocks.iter().find(|one| one.name.as_str() == asked.stock);
    let Some(of) = named.or_else(|| stocks.first()) else {
        let content = html! { h1 { (title) } p.empty { (text(Text::NoStock)) } };
        return Ok(layout::page(&visitor, Section::Stock, title, content));
    };
    let texts = [&asked.product, &asked.after, &asked.store];
    if texts.iter().any(|text| text.contains('\0')) {
        return Err(ErrorPage::unusable("product", visitor.lang));
    }
    let name = of.name.as_str();
    let stores: Vec<String> = of.stores.iter().map(|store| store.name.clone()).collect();
    let open = stock.open_shortages(name, SHOWN).await.map_err(fault)?;
    let odd = stock.count_faults(of).await.map_err(fault)?;
    let soon = stock.expiring(name, SHOWN).await.map_err(fault)?;
    let settled = stock.settled_shortages(SHOWN).await.map_err(fault)?;
    let product = asked.product.trim();
    let levels = if product.is_empty() {
        let after = (asked.after.as_str(), asked.store.as_str());
        stock.all_levels(name, after, PAGE).await.map_err(fault)?
    } else {
        stock.levels_of(name, product).await.map_err(fault)?
    };
    let full = product.is_empty() && levels.len() >= PAGE as usize;
    let last = levels.last().filter(|_| full);
    let done = Some("resolved").filter(|_| asked.done == "ruled");
    let content = html! {
        h1 { (title) }
        @if stocks.len() > 1 { p { @for one in stocks {
            a href=(links::link("/console/stock", &[("stock", Some(one.name.as_str()))])) {
                (one.name)
            }
            " "
        } } }
        @if !stock.tills().is_empty() {
            p { a href="/console/stock/receipts" { (text(Text::Receipts)) } }
        }
        (components::notice(&visitor, done))
        @if !open.is_empty() {
            h2 { (text(Text::WaitForYou)) }
            div.cards { @for one in &open { (card(&visitor, &stores, one)) } }
        }
        @for one in &odd { (not_counted(&visitor, name, one)) }
        h2 { (text(Text::LevelsByStore)) }
        form.search method="get" action="/console/stock" {
            input type="hidden" name="stock" value=(name);
            label {
                (text(Text::Product)) input name="product" value=(asked.product) maxlength="128";
            }
            button type="submit" { (text(Text::Filter)) }
        }
        (table(&visitor, name, &levels))
        (components::rest(&visitor, levels.len(), components::ROWS))
        @if let Some(last) = last {
            p.actions {
                a.button
                    href=(
                        links::link(
                            "/console/stock",
                            &[
                                ("stock", Some(name)), ("after", Some(&last.product)),
                                ("store", Some(&last.store))
                            ]
                        )
                    )
                    {
                    (text(Text::Next))
                }
            }
        }
        (running_out(&visitor, &soon))
        (decided(&visitor, &settled))
    };
    Ok(layout::page(&visitor, Section::Stock, title, content))
}

/// What 1C counts and the stock cannot use, each product with its ledger.
fn not_counted(visitor: &Viewer, stock: &str, fault: &CountFault) -> Markup {
    html! {
        section.card.alarm {
            p { (components::marked(&visitor.lang.told(&fault.sentence))) }
            p { (visitor.text(Text::Product)) ": "
                @for (nth, product) in fault.products.iter().enumerate() {
                    @if nth > 0 { ", " }
                    a href=(ledger_of(stock, product)) { (product) }
                }
            }
            (components::explained(visitor, fault.code.as_str(), Place::stock(stock)))
        }
    }
}

/// Levels, each product with its ledger.
pub(super) fn table(visitor: &Viewer, stock: &str, levels: &[LevelView]) -> Markup {
    let text = |text| visitor.text(text);
    html! {
        @if levels.is_empty() { p.empty { (text(Text::NoLevels)) } } @else
            { div.scroll { table.stacks {
            thead { tr {
                th scope="col" { (text(Text::Product)) } th scope="col" { (text(Text::Store)) }
                th.num scope="col" { (text(Text::OnHand)) }
                th.num scope="col" { (text(Text::Held)) }
                th.num scope="col" { (text(Text::Available)) }
            } }
            tbody { @for level in levels { tr {
                td data-label=(text(Text::Product)) {
                    a href=(ledger_of(stock, &level.product)) { (level.product) }
                }
                td data-label=(text(Text::Store)) { (level.store) }
                td.num data-label=(text(Text::OnHand)) { (level.on_hand) }
                td.num data-label=(text(Text::Held)) { (level.reserved) }
                td.num data-label=(text(Text::Available)) { (level.available) }
            } } }
        } } }
    }
}

fn running_out(visitor: &Viewer, soon: &[ExpiringReservation]) -> Markup {
    let text = |text| visitor.text(text);
    html! {
        h2 { (text(Text::RunOutNext)) }
        @if soon.is_empty() { p.empty { (text(Text::NothingRunsOut)) } } @else
            { div.scroll { table.stacks {
            thead { tr {
                th scope="col" { (text(Text::Time)) } th scope="col" { (text(Text::Reservation)) }
                th scope="col" { (text(Text::Order)) } th scope="col" { (text(Text::What)) }
            } }
            tbody { @for one in soon { tr {
                td.when data-label=(text(Text::Time)) {
                    (components::moment(visitor, one.expires_at))
                }
                td data-label=(text(Text::Reservation)) { (one.shop) " " (one.id) }
                td data-label=(text(Text::Order)) {
                    (components::order(Some(&one.shop), one.number.as_deref()))
                }
                td.words data-label=(text(Text::What)) { (one.goods) }
            } } }
        } } }
    }
}

fn decided(visitor: &Viewer, settled: &[ShortageView]) -> Markup {
    html! {
        @if !settled.is_empty() {
            h2 { (visitor.text(Text::DecidedLately)) }
            ul { @for one in settled {
                li { (components::moment(visitor, one.opened_at)) " "
                    a href=(ledger_of(&one.stock, &one.product)) { "#" (one.id) } " "
                    (visitor.lang.told(&one.sentence))
                    @if let Some(who) = &one.ruled_by { " (" (who) ")" } }
            } }
        }
    }
}
