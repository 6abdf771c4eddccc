//! Files as 1C sent them: to be looked at, and taken in again.

use super::document::EmptyForm;
use crate::{
    app::Onec,
    console::{
        session::{form::OperatorForm, viewer::Viewer},
        ui::error_page::ErrorPage,
    },
};
use axum::{
    BoxError,
    body::Body,
    extract::{Path, State as Extract},
    http::header,
    response::{IntoResponse as _, Redirect, Response},
};

/// `GET /console/onec/files/{id}`: a file as 1C sent it, piece by piece.
pub(in crate::console) async fn get(
    Extract(onec): Extract<Onec>,
    visitor: Viewer,
    Path(id): Path<i64>,
) -> Result<Response, ErrorPage> {
    let found = onec.onec_file(id).await;
    let found = found.map_err(|error| ErrorPage::of(error, visitor.lang))?;
    let file = found.ok_or_else(|| ErrorPage::not_found(visitor.lang))?;
    // A name is 1C's: only what every system takes in one is told.
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let name = file.name.rsplit('/').next().unwrap_or_default();
    let name: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    let start = (onec, file, 0);
    let parts = futures_util::stream::try_unfold(start, |(onec, file, at)| async move {
        let part = onec.onec_file_part(&file, at).await?;
        let next = part.map(|part| {
            let behind = at + i64::try_from(part.len()).unwrap_or(i64::MAX);
            (part, (onec, file, behind))
        });
        Ok::<_, BoxError>(next)
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

/// `POST /console/onec/files/{id}/again`: has a file taken in once more. That may take minutes: the
/// list of files tells what becomes of it.
pub(in crate::console) async fn again(
    Extract(onec): Extract<Onec>,
    Path(id): Path<i64>,
    act: OperatorForm<EmptyForm>,
) -> Result<Redirect, ErrorPage> {
    let lang = act.visitor.lang;
    let actor = act.visitor.actor();
    let found = onec.onec_file(id).await;
    let found = found.map_err(|error| ErrorPage::of(error, lang))?;
    if found.is_none() {
        return Err(ErrorPage::not_found(lang));
    }
    tokio::spawn(async move {
        if let Err(error) = onec.import_again(id, &actor).await {
            tracing::warn!(
                file = id,
                error = %error.chain(),
                "a file of 1C could not be taken in again"
            );
        }
    });
    Ok(Redirect::to("/console/onec"))
}
