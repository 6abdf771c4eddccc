//! Forms that change something: from this console, of this session, by an operator.

use super::{cookies, viewer::Viewer};
use crate::console::{State, i18n::messages::Text, ui::error_page::ErrorPage};
use axum::{
    Form,
    extract::{FromRequest, FromRequestParts as _, Request},
    http::StatusCode,
};
use serde::{Deserialize, de::DeserializeOwned};

/// The form of an operator's act.
#[derive(Debug)]
pub(in crate::console) struct OperatorForm<T> {
    /// The operator who acts.
    pub visitor: Viewer,
    /// What the form says.
    pub form: T,
}

#[derive(Debug, Deserialize)]
struct SentForm<T> {
    #[serde(default)]
    csrf: String,
    #[serde(flatten)]
    form: T,
}

/// The form of an act that is free to every person, such as leaving.
pub(in crate::console) struct ViewerForm<T>(pub(in crate::console) OperatorForm<T>);

impl<T: DeserializeOwned> FromRequest<State> for ViewerForm<T> {
    type Rejection = ErrorPage;

    async fn from_request(request: Request, state: &State) -> Result<Self, ErrorPage> {
        read(request, state).await.map(Self)
    }
}

/// Reads a form of the session's own pages, whatever the role.
async fn read<T: DeserializeOwned>(
    request: Request,
    state: &State,
) -> Result<OperatorForm<T>, ErrorPage> {
    let own = cookies::is_own(request.headers());
    let (mut parts, body) = request.into_parts();
    let visitor = Viewer::from_request_parts(&mut parts, state).await?;
    let lang = visitor.lang;
    let stale = || ErrorPage::page(StatusCode::FORBIDDEN, Text::Stale, lang);
    if !own {
        return Err(stale());
    }
    let request = Request::from_parts(parts, body);
    let sent = Form::<SentForm<T>>::from_request(request, state).await;
    let Form(sent) = sent.map_err(|no| ErrorPage::unusable(no.body_text(), lang))?;
    if !visitor.csrf_matches(&sent.csrf) {
        return Err(stale());
    }
    Ok(OperatorForm {
        visitor,
        form: sent.form,
    })
}

impl<T: DeserializeOwned> FromRequest<State> for OperatorForm<T> {
    type Rejection = ErrorPage;

    async fn from_request(request: Request, state: &State) -> Result<Self, ErrorPage> {
        let act = read(request, state).await?;
        if !act.visitor.can_write() {
            return Err(ErrorPage::page(
                StatusCode::FORBIDDEN,
                Text::Forbidden,
                act.visitor.lang,
            ));
        }
        Ok(act)
    }
}
