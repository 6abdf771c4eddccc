//! Pages of failure.

use super::layout;
use crate::{
    app,
    console::i18n::{locale::Lang, messages::Text},
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Why there is no page.
#[derive(Debug)]
pub(in crate::console) enum ErrorPage {
    /// Nobody is signed in.
    SignIn {
        /// Where the person wanted to go.
        next: String,
    },
    /// Something to be told on a page.
    Page {
        status: StatusCode,
        text: Text,
        /// What exactly went wrong.
        detail: String,
        lang: Lang,
    },
}

impl ErrorPage {
    pub(in crate::console) fn page(status: StatusCode, text: Text, lang: Lang) -> Self {
        let detail = String::new();
        Self::Page {
            status,
            text,
            detail,
            lang,
        }
    }

    pub(in crate::console) fn not_found(lang: Lang) -> Self {
        Self::page(StatusCode::NOT_FOUND, Text::NotFound, lang)
    }

    pub(in crate::console) fn unusable(detail: impl Into<String>, lang: Lang) -> Self {
        Self::Page {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            text: Text::CannotBeUsed,
            detail: detail.into(),
            lang,
        }
    }

    /// The page of a use case that could not be carried out.
    pub(in crate::console) fn of(error: app::Error, lang: Lang) -> Self {
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

impl IntoResponse for ErrorPage {
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
