//! `GET /console/shops/{name}/products`: a shop's products, and which of them the portal has.

use super::{
    i18n::{locale::Lang, messages::Text},
    session::viewer::Viewer,
    ui::{
        components,
        error_page::ErrorPage,
        layout::{self, Section},
        links,
    },
};
use crate::{
    app::{Catalogue, ProductCounts, ProductRow, Registry},
    domain::{Place, ShopName, product_id},
};
use axum::extract::{Path, Query, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Products on a page.
const PAGE: usize = 30;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PageQuery {
    /// With keys after this.
    after: String,
    /// `open`: only those that are not in step.
    only: String,
}

/// `GET /console/shops/{name}/products`: a shop's products, and which are not in step.
pub(super) async fn get(
    Extract(catalogue): Extract<Catalogue>,
    Extract(registry): Extract<Arc<Registry>>,
    visitor: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<PageQuery>,
) -> Result<Markup, ErrorPage> {
    let shop = ShopName::parse(&name).ok();
    let shop = shop.filter(|shop| registry.catalogues.contains_key(shop));
    let shop = shop.ok_or_else(|| ErrorPage::not_found(visitor.lang))?;
    let fault = |error| ErrorPage::of(error, visitor.lang);
    let open = asked.only == "open";
    let counts = catalogue.counts(&shop).await.map_err(fault)?;
    let found = catalogue.list(&shop, &asked.after, open).await;
    let found = found.map_err(fault)?;
    let last = found.last().filter(|_| found.len() == PAGE);
    let page = links::products(&name);
    let title = visitor.text(Text::Products);
    let only = open.then_some("open");
    let next = last.map(|row| links::link(&page, &[("after", Some(&row.key)), ("only", only)]));
    let content = html! {
        h1 { (title) " " a href=(links::shop(&name)) { (name) } }
        (numbers(&visitor, counts))
        p.actions {
            @if open { a.button href=(page) { (visitor.text(Text::AllOfThem)) } }
            @else { a.button href=(links::link(&page, &[("only", Some("open"))])) {
                (visitor.text(Text::OnlyOpen))
            } }
        }
        @if found.is_empty() {
            p.empty { (components::marked(visitor.text(nothing(counts)))) }
        } @else {
            (table(&visitor, &name, &found))
            (components::rest(&visitor, found.len(), components::ROWS))
        }
        @if let Some(next) = &next {
            p.actions { a.button href=(next) { (visitor.text(Text::Next)) } }
        }
    };
    Ok(layout::page(&visitor, Section::Portals, title, content))
}

/// What is said where no product is shown.
fn nothing(counts: ProductCounts) -> Text {
    if counts.waiting + counts.linked + counts.dead == 0 {
        Text::NoProducts
    } else {
        Text::AllInStep
    }
}

fn numbers(visitor: &Viewer, counts: ProductCounts) -> Markup {
    let count = |many| components::count(visitor.lang, many);
    html! {
        dl {
            dt { (visitor.text(Text::Delivered)) } dd { (count(counts.linked)) }
            dt { (visitor.text(Text::Waiting)) } dd { (count(counts.waiting)) }
            dt { (visitor.text(Text::Dead)) } dd { (count(counts.dead)) }
        }
    }
}

fn table(visitor: &Viewer, shop: &str, found: &[ProductRow]) -> Markup {
    html! {
        div.scroll { table.stacks {
            thead { tr {
                th scope="col" { (visitor.text(Text::Number)) }
                th scope="col" { (visitor.text(Text::Product)) }
                th scope="col" { (visitor.text(Text::State)) }
                th scope="col" { (visitor.text(Text::InPortal)) }
                th scope="col" { (visitor.text(Text::Received)) }
            } }
            tbody { @for one in found { (row(visitor, shop, one)) } }
        } }
    }
}

fn row(visitor: &Viewer, shop: &str, one: &ProductRow) -> Markup {
    let (class, text) = match (one.waits, one.done) {
        (true, _) => ("badge warn", Text::OnItsWay),
        (false, true) => ("badge good", Text::Delivered),
        (false, false) => ("badge bad", Text::IsDead),
    };
    let dead = !one.waits && !one.done;
    let code = one.error_code.as_deref();
    let letters = [("shop", Some(shop)), ("code", code)];
    html! {
        tr {
            td data-label=(visitor.text(Text::Number)) {
                (product_id(&one.key).unwrap_or(&one.key))
            }
            td data-label=(visitor.text(Text::Product)) { (one.name.as_deref().unwrap_or("—")) }
            td data-label=(visitor.text(Text::State)) {
                span class=(class) { (visitor.text(text)) }
                @if let Some(code) = code {
                    " " (components::explained(visitor, code, Place::shop(shop)))
                }
                @if dead { " " a href=(links::link("/console/dead-letters", &letters)) {
                    (visitor.text(Text::ToLetters))
                } }
                (pictures(visitor, shop, one.pictures_refused))
            }
            td.num data-label=(visitor.text(Text::InPortal)) {
                @match one.bitrix_id { Some(id) => (id), None => "—" }
            }
            td.when data-label=(visitor.text(Text::Received)) {
                (components::time(visitor, one.received_at))
            }
        }
    }
}

/// How many of a product's pictures were refused.
fn pictures(visitor: &Viewer, shop: &str, refused: i64) -> Markup {
    if refused == 0 {
        return html! {};
    }
    let words = match visitor.lang {
        Lang::En => "pictures refused: ",
        Lang::Ru => "не взято картинок: ",
    };
    let letters = [("shop", Some(shop))];
    html! {
        " " span.badge.warn { (words) (refused) }
        " " a href=(links::link("/console/dead-letters", &letters)) {
            (visitor.text(Text::ToLetters))
        }
    }
}
