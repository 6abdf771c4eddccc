//! A file that an operator sends from a page of the console.

use super::error_page::ErrorPage;
use crate::console::{
    State,
    i18n::messages::Text,
    session::{cookies, viewer::Viewer},
};
use axum::{
    extract::{
        FromRequest, FromRequestParts as _, Multipart, Request,
        multipart::{Field, MultipartError},
    },
    http::StatusCode,
};

/// The longest token that is read.
const LONGEST_TOKEN: usize = 256;

/// A text file and who sent it.
#[derive(Debug)]
pub(in crate::console) struct Upload {
    /// The operator who acts.
    pub visitor: Viewer,
    /// The file, or in one sentence why it cannot be read.
    pub text: Result<String, String>,
}

impl FromRequest<State> for Upload {
    type Rejection = ErrorPage;

    async fn from_request(request: Request, state: &State) -> Result<Self, ErrorPage> {
        let own = cookies::is_own(request.headers());
        let (mut parts, body) = request.into_parts();
        let visitor = Viewer::from_request_parts(&mut parts, state).await?;
        let lang = visitor.lang;
        let refused = |text| ErrorPage::page(StatusCode::FORBIDDEN, text, lang);
        if !visitor.can_write() {
            return Err(refused(Text::Forbidden));
        }
        let request = Request::from_parts(parts, body);
        let form = Multipart::from_request(request, state).await;
        let mut form = form.map_err(|no| ErrorPage::unusable(no.body_text(), lang))?;
        let cut = |error: MultipartError| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                ErrorPage::page(StatusCode::PAYLOAD_TOO_LARGE, Text::FileTooLarge, lang)
            }
            _ => ErrorPage::unusable(error.body_text(), lang),
        };
        // The token stands first in the form: nothing of a forged file is read.
        let first = form.next_field().await.map_err(cut)?;
        let token = match first.filter(|field| field.name() == Some("csrf")) {
            Some(field) => token(field).await.map_err(cut)?,
            None => None,
        };
        if !own || !token.is_some_and(|token| visitor.csrf_matches(&token)) {
            return Err(refused(Text::Stale));
        }
        let mut text = Err(visitor.text(Text::ChooseFile).to_owned());
        if let Some(file) = form.next_field().await.map_err(cut)?
            && file.name() == Some("file")
        {
            let bytes = file.bytes().await.map_err(cut)?;
            if !bytes.is_empty() {
                text = readable(&visitor, bytes.into());
            }
        }
        Ok(Self { visitor, text })
    }
}

async fn token(mut field: Field<'_>) -> Result<Option<String>, MultipartError> {
    let mut token = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        if token.len() + chunk.len() > LONGEST_TOKEN {
            return Ok(None);
        }
        token.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8(token).ok())
}

fn readable(visitor: &Viewer, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(good);
        let line = line.filter(|byte| **byte == b'\n').count() + 1;
        format!("{} {line}", visitor.text(Text::NoUtf8))
    })
}
