//! Pages of failure.

use super::{lang::Lang, layout, text::Text};
use crate::app;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nobody is signed in.
    SignIn {
        /// Where the person wanted to go.
        next: String,
    },
    /// Something to be told on a page.
    Page {
        status: StatusCode,
        text: Text,
        /// What exactly.
        detail: String,
        lang: Lang,
    },
}

impl Fault {
    pub(super) fn page(status: StatusCode, text: Text, lang: Lang) -> Self {
        let detail = String::new();
        Self::Page {
            status,
            text,
            detail,
            lang,
        }
    }

    pub(super) fn not_found(lang: Lang) -> Self {
        Self::page(StatusCode::NOT_FOUND, Text::NotFound, lang)
    }

    pub(super) fn unusable(detail: impl Into<String>, lang: Lang) -> Self {
        Self::Page {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            text: Text::CannotBeUsed,
            detail: detail.into(),
            lang,
        }
    }

    /// The page of a use case that could not be carried out.
    pub(super) fn of(error: app::Error, lang: Lang) -> Self {
        match error {
            app::Error::NotFound => Self::not_found(lang),
            app::Error::Decided => Self::page(StatusCode::CONFLICT, Text::AlreadyDecided, lang),
            app::Error::Storage(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the console could not ask the database"
                );
                Self::page(StatusCode::SERVICE_UNAVAILABLE, Text::DatabaseAway, lang)
            }
            other => Self::unusable(other.to_string(), lang),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn { next } => {
                let next = utf8_percent_encode(&next, NON_ALPHANUMERIC);
                Redirect::to(&format!("/console/sign-in?next={next}")).into_response()
            }
            Self::Page {
                status,
                text,
                detail,
                lang,
            } => (status, layout::bare(lang, text, &lang.told(&detail))).into_response(),
        }
    }
}
