//! Trying a body: what would be made of it, without storing anything.

use super::known;
use crate::{
    app::{Forms, Registry, Trial},
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
    domain::ShopName,
};
use axum::extract::{Path, State as Extract};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
pub(in crate::console) struct Tried {
    /// The form's name in the settings.
    #[serde(default)]
    form: String,
    /// The body, as the form's service posts it.
    #[serde(default)]
    body: String,
}

/// `POST /console/shops/{name}/forms/try`: what would be made of a body.
pub(in crate::console) async fn post(
    Extract(forms): Extract<Forms>,
    Extract(registry): Extract<Arc<Registry>>,
    Path(name): Path<String>,
    act: OperatorForm<Tried>,
) -> Result<Markup, ErrorPage> {
    let (visitor, tried) = (act.visitor, act.form);
    let shop = known(&registry, &name, &visitor)?;
    let trial = forms.try_body(&shop, &tried.form, &tried.body);
    let trial = trial.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    let title = visitor.text(Text::TryBody);
    let content = html! {
        h1 { (title) " " a href=(links::forms(&name)) { (name) } }
        (outcome(&visitor, &trial))
        (section(&forms, &visitor, &shop, Some(&tried)))
    };
    Ok(layout::page(&visitor, Section::Portals, title, content))
}

/// The form that tries a body; nothing where the shop has no forms.
pub(super) fn section(
    forms: &Forms,
    visitor: &Viewer,
    shop: &ShopName,
    tried: Option<&Tried>,
) -> Markup {
    let names = forms.form_names(shop);
    let action = format!("{}/try", links::forms(shop.as_str()));
    let chosen = |form: &String| tried.is_some_and(|tried| tried.form == *form);
    html! {
        @if !names.is_empty() { section.act id="try" {
            h2 { (visitor.text(Text::TryBody)) }
            p { (visitor.text(Text::TryBodyExplained)) }
            form.stack method="post" action=(action) {
                (layout::csrf(visitor))
                label { (visitor.text(Text::Form))
                    select name="form" {
                        @for form in &names {
                            option value=(form) selected[chosen(form)] { (form) }
                        }
                    }
                }
                label { (visitor.text(Text::WhatWasSent))
                    textarea name="body" rows="8" spellcheck="false" autocapitalize="none" required
                        {
                        "\n" (tried.map_or("", |tried| tried.body.as_str()))
                    }
                }
                (components::submit(visitor, visitor.text(Text::TryBody)))
            }
        } }
    }
}

fn outcome(visitor: &Viewer, trial: &Trial) -> Markup {
    let Trial::Submission {
        state,
        understood,
        rest,
    } = trial
    else {
        return html! { p.notice role="status" { (visitor.text(Text::IsPing)) } };
    };
    html! {
        p role="status" { (badge(visitor, state)) }
        dl.facts {
            @for (name, value) in understood { div { dt { code { (name) } } dd { (value) } } }
        }
        @if !rest.is_empty() {
            h2 { (visitor.text(Text::StandsInComment)) }
            pre { (rest.join("\n")) }
        }
    }
}

fn badge(visitor: &Viewer, state: &str) -> Markup {
    let (class, text) = match state {
        "taken" => ("badge good", Text::WouldBeTaken),
        "dead" => ("badge bad", Text::NobodyToAnswer),
        "robot" => ("badge", Text::OfRobot),
        "too_many" => ("badge", Text::TooManyFields),
        _ => ("badge", Text::NoConsent),
    };
    html! { span class=(class) { (visitor.text(text)) } }
}
