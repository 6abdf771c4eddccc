//! `GET /console/stock/ledger`: everything that moved a product, in sentences.

use crate::{
    app::Stock,
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
};
use axum::extract::{Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;

/// Moves on a page.
const PAGE: u32 = 50;

#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct PageQuery {
    #[serde(default)]
    stock: String,
    #[serde(default)]
    product: String,
    #[serde(default)]
    before: String,
}

/// `GET /console/stock/ledger`: the moves of one product, the newest first.
pub(in crate::console) async fn get(
    Extract(stock): Extract<Stock>,
    visitor: Viewer,
    Query(asked): Query<PageQuery>,
) -> Result<Markup, ErrorPage> {
    let fault = |error| ErrorPage::of(error, visitor.lang);
    let known = stock
        .stocks()
        .iter()
        .any(|one| one.name.as_str() == asked.stock);
    if !known || asked.product.contains('\0') {
        return Err(ErrorPage::not_found(visitor.lang));
    }
    let (of, product) = (asked.stock.as_str(), asked.product.as_str());
    let levels = stock.levels_of(of, product).await.map_err(fault)?;
    let before = asked.before.parse().ok();
    let page = stock.ledger_page(of, product, before, PAGE).await;
    let page = page.map_err(fault)?;
    let next = page.next.map(|id| id.to_string());
    let title = format!("{}: {product}", visitor.text(Text::Ledger));
    let text = |text| visitor.text(text);
    let content = html! {
        h1 { (title) }
        p {
            a href=(links::link("/console/stock", &[("stock", Some(of))])) {
                (text(Text::StockPage))
            }
        }
        (super::page::table(&visitor, of, &levels))
        @if page.entries.is_empty() { p.empty { (text(Text::NothingMoved)) } } @else
            { div.scroll { table.stacks {
            thead { tr {
                th scope="col" { (text(Text::Time)) } th scope="col" { (text(Text::Store)) }
                th.num scope="col" { (text(Text::MovedBy)) }
                th.num scope="col" { (text(Text::OnHand)) }
                th.num scope="col" { (text(Text::Held)) }
                th scope="col" { (text(Text::What)) }
            } }
            tbody { @for entry in &page.entries { tr {
                td.when data-label=(text(Text::Time)) { (components::time(&visitor, entry.at)) }
                td data-label=(text(Text::Store)) { (entry.store) }
                td.num data-label=(text(Text::MovedBy)) { (entry.signed_on_hand()) }
                td.num data-label=(text(Text::OnHand)) { (entry.stands) }
                td.num data-label=(text(Text::Held)) { (entry.signed_reserved()) }
                td.words data-label=(text(Text::What)) { (visitor.lang.told(&entry.text)) }
            } } }
        } } }
        (components::rest(&visitor, page.entries.len(), components::ROWS))
        @if let Some(next) = &next {
            p.actions {
                a.button
                    href=(
                        links::link(
                            "/console/stock/ledger",
                            &[
                                ("stock", Some(of)), ("product", Some(product)),
                                ("before", Some(next))
                            ]
                        )
                    )
                    {
                    (text(Text::Next))
                }
            }
        }
    };
    Ok(layout::page(&visitor, Section::Stock, &title, content))
}
