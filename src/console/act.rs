//! Forms that change something: from this console, of this session, by an operator.

use super::{State, fault::Fault, session, session::Visitor, text::Text};
use axum::{
    Form,
    extract::{FromRequest, FromRequestParts as _, Request},
    http::StatusCode,
};
use serde::{Deserialize, de::DeserializeOwned};

/// The form of an operator's act.
#[derive(Debug)]
pub(super) struct Act<T> {
    /// Who acts.
    pub visitor: Visitor,
    /// What the form says.
    pub form: T,
}

#[derive(Debug, Deserialize)]
struct Sent<T> {
    #[serde(default)]
    csrf: String,
    #[serde(flatten)]
    form: T,
}

/// Reads a form of the session's own pages, whatever the role.
pub(super) async fn read<T: DeserializeOwned>(
    request: Request,
    state: &State,
) -> Result<Act<T>, Fault> {
    let own = session::is_own(request.headers());
    let (mut parts, body) = request.into_parts();
    let visitor = Visitor::from_request_parts(&mut parts, state).await?;
    let lang = visitor.lang;
    let stale = || Fault::page(StatusCode::FORBIDDEN, Text::Stale, lang);
    if !own {
        return Err(stale());
    }
    let request = Request::from_parts(parts, body);
    let sent = Form::<Sent<T>>::from_request(request, state).await;
    let Form(sent) = sent.map_err(|no| Fault::unusable(no.body_text(), lang))?;
    if !visitor.sent(&sent.csrf) {
        return Err(stale());
    }
    Ok(Act {
        visitor,
        form: sent.form,
    })
}

impl<T: DeserializeOwned> FromRequest<State> for Act<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &State) -> Result<Self, Fault> {
        let act = read(request, state).await?;
        if !act.visitor.acts() {
            return Err(Fault::page(
                StatusCode::FORBIDDEN,
                Text::Forbidden,
                act.visitor.lang,
            ));
        }
        Ok(act)
    }
}
