//! `GET /console/stock/receipts`: what tills have sold and taken back.

use crate::{
    app::{
        Stock,
        onec::ReceiptHold,
        stock::{ReceiptFilter, ReceiptInOneC, ReceiptView, TillView},
    },
    console::{
        i18n::{locale::Lang, messages::Text},
        session::viewer::Viewer,
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
        },
    },
    domain::ReceiptKind,
};
use axum::extract::{Query, State as Extract};
use chrono::SecondsFormat;
use maud::{Markup, html};
use serde::Deserialize;
use std::borrow::Cow;

/// Receipts on a page.
const PAGE: u32 = 50;

#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct PageQuery {
    #[serde(default)]
    till: String,
    #[serde(default)]
    parked: String,
    #[serde(default)]
    before: String,
}

/// `GET /console/stock/receipts`: the receipts of tills, the newest change first.
pub(in crate::console) async fn get(
    Extract(stock): Extract<Stock>,
    visitor: Viewer,
    Query(asked): Query<PageQuery>,
) -> Result<Markup, ErrorPage> {
    let fault = |error| ErrorPage::of(error, visitor.lang);
    if asked.till.contains('\0') {
        return Err(ErrorPage::unusable("till", visitor.lang));
    }
    let till = Some(asked.till.trim().to_owned()).filter(|till| !till.is_empty());
    let filter = ReceiptFilter {
        shop: None,
        till,
        parked: asked.parked == "1",
        before: asked.before.parse().ok(),
    };
    let receipts = stock.receipts(&filter, i64::from(PAGE)).await;
    let receipts = receipts.map_err(fault)?;
    let tills = stock.till_views().await.map_err(fault)?;
    let full = receipts.len() >= PAGE as usize;
    let last = receipts.last().filter(|_| full);
    let before = last.map(|last| last.changed_at.to_rfc3339_opts(SecondsFormat::Micros, true));
    let text = |text| visitor.text(text);
    let title = text(Text::Receipts);
    let parked = filter.parked;
    let content = html! {
        h1 { (title) }
        p { a href="/console/stock" { (text(Text::StockPage)) } }
        (overview(&visitor, &tills))
        form.search method="get" action="/console/stock/receipts" {
            label { (text(Text::Till)) input name="till" value=(asked.till) maxlength="256"; }
            label.check { input type="checkbox" name="parked" value="1" checked[parked];
                " " (text(Text::OnlyParked)) }
            button type="submit" { (text(Text::Filter)) }
        }
        (table(&visitor, &receipts))
        (components::rest(&visitor, receipts.len(), components::ROWS))
        @if let Some(before) = &before {
            p.actions { a.button href=(links::link("/console/stock/receipts", &[
                ("till", Some(asked.till.as_str())), ("parked", Some(asked.parked.as_str())),
                ("before", Some(before))])) { (text(Text::Next)) } }
        }
    };
    Ok(layout::page(&visitor, Section::Stock, title, content))
}

fn overview(visitor: &Viewer, tills: &[TillView]) -> Markup {
    let text = |text| visitor.text(text);
    html! {
        @if !tills.is_empty() { div.scroll { table.stacks {
            thead { tr {
                th scope="col" { (text(Text::Till)) } th scope="col" { (text(Text::Shop)) }
                th scope="col" { (text(Text::WithinADay)) } th scope="col" { (text(Text::Time)) }
                th scope="col" { (text(Text::What)) }
            } }
            tbody { @for till in tills { tr {
                td data-label=(text(Text::Till)) { (till.till) }
                td data-label=(text(Text::Shop)) { (till.shop) }
                td data-label=(text(Text::WithinADay)) { (till.received) }
                td.when data-label=(text(Text::Time)) {
                    @if let Some(at) = till.newest { (components::time(visitor, at)) } @else { "—" }
                }
                td.words data-label=(text(Text::What)) {
                    @if till.parked > 0 { (text(Text::LinesParked)) ": " (till.parked) }
                }
            } } }
        } } }
    }
}

fn table(visitor: &Viewer, receipts: &[ReceiptView]) -> Markup {
    let text = |text| visitor.text(text);
    let has_base = receipts.iter().any(|one| one.onec.is_some());
    html! {
        @if receipts.is_empty() { p.empty { (text(Text::NoReceipts)) } } @else {
            div.scroll { table.stacks {
                thead { tr {
                    th scope="col" { (text(Text::Time)) } th scope="col" { (text(Text::Till)) }
                    th scope="col" { (text(Text::Receipt)) } th scope="col" { (text(Text::Store)) }
                    th scope="col" { (text(Text::Order)) } th scope="col" { (text(Text::Goods)) }
                    @if has_base { th scope="col" { (text(Text::OneCPage)) } }
                } }
                tbody { @for one in receipts { (row(visitor, one, has_base)) } }
            } }
        }
    }
}

fn row(visitor: &Viewer, one: &ReceiptView, has_base: bool) -> Markup {
    let text = |text| visitor.text(text);
    let kind = match one.kind {
        ReceiptKind::Refund => Text::Refund,
        ReceiptKind::Sale => Text::Sale,
    };
    html! {
        tr {
            td.when data-label=(text(Text::Time)) { (components::time(visitor, one.closed_at)) }
            td data-label=(text(Text::Till)) { (one.till) }
            td data-label=(text(Text::Receipt)) {
                (one.receipt) " " span.quiet { (text(kind))
                    @if one.cancelled { ", " (text(Text::Annulled)) }
                    @if let Some(total) = &one.total {
                        ", " (components::amount(visitor.lang, total))
                    } }
            }
            td data-label=(text(Text::Store)) { (one.store.as_deref().unwrap_or("—")) }
            td.spare[one.number.is_none()] data-label=(text(Text::Order)) {
                (components::order(Some(&one.shop), one.number.as_deref()))
            }
            td.words data-label=(text(Text::Goods)) { (one.goods)
                @if one.parked > 0 { " (" (text(Text::LinesParked)) ": " (one.parked) ")" } }
            @if has_base { td.words data-label=(text(Text::OneCPage)) {
                @if let Some(onec) = &one.onec { (in_onec(visitor, onec)) } @else { "—" }
            } }
        }
    }
}

/// Its document in 1C, and whether that has the newest.
fn in_onec(visitor: &Viewer, onec: &ReceiptInOneC) -> Markup {
    let is_english = visitor.lang == Lang::En;
    let say = |english: &'static str, russian: &'static str| {
        if is_english { english } else { russian }
    };
    let documents = onec.number.as_deref().map(|number| {
        let asked = [("base", Some(&*onec.base)), ("number", Some(number))];
        (number, links::link("/console/onec", &asked))
    });
    html! {
        @if let Some((number, link)) = documents { a href=(link) { (number) } " " }
        @if let Some(number) = &onec.onec_number { "(" (number) ") " }
        span.quiet {
            @if let Some(held) = &onec.held {
                (say("does not go: ", "не выгружается: "))
                @if is_english { (held) } @else { (in_russian(held)) }
            } @else if onec.waits {
                (say("waits until 1C fetches it", "ждёт, пока 1С его заберёт"))
            } @else if let Some(at) = onec.confirmed_at {
                (visitor.text(Text::Confirmed).to_lowercase()) " " (components::moment(visitor, at))
            }
            @if onec.undone { ", " (say("cancelled in 1C", "в 1С отменён")) }
        }
    }
}

/// Why a receipt does not go, as it is stored.
fn in_russian(held: &str) -> Cow<'_, str> {
    let Some(why) = ReceiptHold::of(held) else {
        return Lang::Ru.told(held);
    };
    Cow::Borrowed(match why {
        ReceiptHold::NotSent => "чеки в базу не выгружаются",
        ReceiptHold::Annulled => "аннулирован до выгрузки",
        ReceiptHold::PickUp => "это выдача заказа: выгружается сам заказ",
        ReceiptHold::PickUpOfUnknown => "это выдача заказа, которого магазин не прислал",
        ReceiptHold::Older => "не менялся с начала выгрузки чеков",
        ReceiptHold::Gone => "сам чек уже не хранится",
        ReceiptHold::Emptied => "его содержание уже забыто",
    })
}
