//! `GET /v1/dead-letters/{id}`: one letter.

use crate::{
    app::{DeadLetter, DeadLetterDetail, DeadLetters},
    auth::Caller,
    http::{Problem, layer::path::PathParam},
};
use axum::{Json, extract::State as Extract};

/// Shows a dead letter, open or closed, with its event, its tries and its end.
#[utoipa::path(
    get, path = "/v1/dead-letters/{id}", tag = "dead letters", security(("key" = [])),
    params(("id" = i64, Path, description = "The letter")),
    responses(
        (status = 200, description = "The letter as in the list, with `sentence`, `closed` and \
                                      `tries`", body = DeadLetterDetail),
        (
            status = 404, description = "No such letter of the caller", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn get_dead_letter(
    Extract(dead_letters): Extract<DeadLetters>,
    caller: Caller,
    PathParam(id): PathParam,
) -> Result<Json<DeadLetterDetail>, Problem> {
    let id = id.parse().map_err(|_| Problem::not_found())?;
    let whole = dead_letters.whole_letter(id).await?;
    whole
        .filter(|whole| caller.sees(whole.letter.shop.as_deref()))
        .map(Json)
        .ok_or_else(Problem::not_found)
}

/// The open letter of that id, if the caller sees it.
pub(in crate::http) async fn find(
    dead_letters: &DeadLetters,
    caller: &Caller,
    id: &str,
) -> Result<DeadLetter, Problem> {
    let id = id.parse().map_err(|_| Problem::not_found())?;
    let letter = dead_letters.dead_letter(id).await?;
    letter
        .filter(|letter| caller.sees(letter.shop.as_deref()))
        .ok_or_else(Problem::not_found)
}
