//! `GET /console/onec/documents/{id}`: a document of 1C as it came, and what became of it.

use super::{
    document_of,
    page::{badge, named},
};
use crate::{
    app::{
        Onec,
        onec::{DocumentState, DocumentView},
    },
    console::{
        i18n::{locale::Lang, messages::Text},
        session::{form::OperatorForm, viewer::Viewer},
        ui::{
            components,
            error_page::ErrorPage,
            layout::{self, Section},
            links,
        },
    },
    domain::Place,
};
use axum::{
    extract::{Path, State as Extract},
    response::Redirect,
};
use maud::{Markup, html};
use serde::Deserialize;

/// A form without fields.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct EmptyForm {}

/// `GET /console/onec/documents/{id}`: a document of 1C, what became of it, and its XML.
pub(in crate::console) async fn get(
    Extract(onec): Extract<Onec>,
    visitor: Viewer,
    Path(id): Path<i64>,
) -> Result<Markup, ErrorPage> {
    let fault = |error| ErrorPage::of(error, visitor.lang);
    let one = onec.document_view(id).await.map_err(fault)?;
    let base = onec.onec_base(&one.base).filter(|_| one.unknown.is_some());
    let table = match base.filter(|base| base.statuses.rows().is_empty()) {
        Some(base) => Some(onec.suggest_statuses(base).await.map_err(fault)?),
        None => None,
    };
    let title = format!("{} {}", visitor.text(Text::DocumentOfOneC), named(&one));
    let content = html! {
        h1 { (title) }
        p { a href=(links::link("/console/onec", &[("base", Some(&one.base))])) {
            (visitor.text(Text::OneCPage)) " " (one.base) } }
        (facts(&visitor, &one, table.as_deref()))
        pre { (one.raw) }
    };
    Ok(layout::page(&visitor, Section::OneC, &title, content))
}

/// What became of a document, and what to add to the settings: a row, or the table of a base that
/// has none yet.
fn facts(visitor: &Viewer, one: &DocumentView, table: Option<&str>) -> Markup {
    let whole = match visitor.lang {
        Lang::En => {
            "The base's table has no rows yet: each status is its own code. With one row in it, \
             all need one. Look this table over, and put what 1C says into the names of the row \
             that it means:"
        }
        Lang::Ru => {
            "В таблице базы ещё нет строк: каждый статус — сам себе код. С первой строкой нужны \
             все. Просмотрите эту таблицу и впишите слово 1С в names той строки, которую оно \
             значит:"
        }
    };
    let text = |text| visitor.text(text);
    let again = format!("{}/again", document_of(one.id));
    html! {
        p { (badge(visitor, one.state)) " " (components::time(visitor, one.received_at)) " "
            (components::order(one.shop.as_deref(), one.order_number.as_deref())) }
        @if !one.message.is_empty() {
            p { (visitor.lang.happened(one.what.as_ref(), &one.message, None)) }
        }
        @let at = Place { shop: one.shop.as_deref(), ..Place::base(&one.base) };
        (components::explained(visitor, &one.code, at))
        @if let Some(table) = table { p { (whole) } pre { (table) } }
        @else if let Some(status) = &one.unknown {
            p { (text(Text::RowToAdd)) }
            pre { "[[onec." (one.base) ".statuses]]\nstatus = \"\"\nid = "
                (toml::Value::from(status.as_str())) }
        }
        @if matches!(one.state, DocumentState::Refused | DocumentState::Waiting) {
            (components::button(visitor, &again, &[], text(Text::TakeInAgain)))
        }
    }
}

/// `POST /console/onec/documents/{id}/again`: decides a document once more.
pub(in crate::console) async fn again(
    Extract(onec): Extract<Onec>,
    Path(id): Path<i64>,
    act: OperatorForm<EmptyForm>,
) -> Result<Redirect, ErrorPage> {
    let lang = act.visitor.lang;
    let actor = act.visitor.actor();
    let done = onec.take_in_again(id, &actor).await;
    done.map_err(|error| ErrorPage::of(error, lang))?;
    Ok(Redirect::to(&document_of(id)))
}
