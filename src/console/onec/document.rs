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
        i18n::messages::Text,
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
    let title = format!("{} {}", visitor.text(Text::DocumentOfOneC), named(&one));
    let content = html! {
        h1 { (title) }
        p { a href=(links::link("/console/onec", &[("base", Some(&one.base))])) {
            (visitor.text(Text::OneCPage)) " " (one.base) } }
        (facts(&visitor, &one))
        pre { (one.raw) }
    };
    Ok(layout::page(&visitor, Section::OneC, &title, content))
}

fn facts(visitor: &Viewer, one: &DocumentView) -> Markup {
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
        @if let Some(status) = &one.unknown {
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
