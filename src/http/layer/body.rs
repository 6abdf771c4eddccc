//! Request bodies, bounded.

use crate::{
    domain::ErrorCode,
    http::Problem,
    process::doors::{self, Full},
};
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use futures_util::StreamExt as _;
use serde::{Deserialize, de::DeserializeOwned};
use std::error::Error;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The whole body, if it is not larger than `most` bytes.
pub(in crate::http) async fn read(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Bytes, Problem> {
    announced(headers, most)?;
    axum::body::to_bytes(body, most)
        .await
        .map_err(|error| broken(&error, most))
}

/// The body piece by piece, as it comes, if it is not larger than `most` bytes. `take` has kept so
/// many bytes of it by now: no more than `most_kept`.
pub(in crate::http) async fn pieces(
    headers: &HeaderMap,
    body: Body,
    (most, most_kept): (usize, usize),
    mut take: impl FnMut(&[u8]) -> usize,
) -> Result<(), Problem> {
    announced(headers, most)?;
    let mut pieces = body.into_data_stream();
    let mut come = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| broken(&error, most))?;
        come += piece.len();
        if come > most {
            return Err(too_large(most));
        }
        if take(&piece) > most_kept {
            return Err(too_large(most_kept));
        }
    }
    Ok(())
}

fn too_large(most: usize) -> Problem {
    let detail = format!("the body is larger than {most} bytes");
    Problem::new(ErrorCode::TooLarge, detail)
}

/// Refuses a body that says itself that it is too large.
fn announced(headers: &HeaderMap, most: usize) -> Result<(), Problem> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match announced {
        Some(length) if length > most as u64 => Err(too_large(most)),
        _ => Ok(()),
    }
}

/// Why a body did not come to its end.
fn broken(error: &(dyn Error + 'static), most: usize) -> Problem {
    let causes = || std::iter::successors(Some(error), |cause| (*cause).source());
    if let Some(full) = causes().find_map(|cause| cause.downcast_ref::<Full>()) {
        no_room(*full)
    } else if causes().any(|cause| cause.to_string().contains("length limit")) {
        too_large(most)
    } else {
        Problem::new(ErrorCode::Malformed, "the body broke off")
    }
}

fn no_room(full: Full) -> Problem {
    let code = match full {
        Full::Now => ErrorCode::Busy,
        Full::Ever => ErrorCode::TooLarge,
    };
    Problem::new(code, full.to_string())
}

/// Takes room for what this JSON is as values.
pub(in crate::http) async fn room(json: &[u8]) -> Result<(), Problem> {
    doors::take(doors::weight(json)).await.map_err(no_room)
}

/// Takes room for a JSON whose many elements stay text until each is read.
pub(in crate::http) async fn room_in_parts(json: &[u8]) -> Result<(), Problem> {
    let weight = doors::weight_in_parts(json);
    doors::take(weight).await.map_err(no_room)
}

/// What is behind the byte order mark, which some editors and PHP files put in front.
pub(in crate::http) fn text(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

/// The body as JSON, if there is room for it; what is wrong is said with line and column.
pub(in crate::http) async fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    let bytes = text(bytes);
    room(bytes).await?;
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::new(
            ErrorCode::Malformed,
            format!("the body cannot be read as JSON: {error}"),
        )
    })
}

/// The whole body as JSON.
pub(in crate::http) async fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<T, Problem> {
    json(&read(headers, body, most).await?).await
}

/// The whole body as JSON; none if it is blank, or what PHP writes for members of which there are
/// none: `[]`.
pub(in crate::http) async fn read_optional_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Option<T>, Problem> {
    let bytes = read(headers, body, most).await?;
    if matches!(bytes.trim_ascii(), b"" | b"[]") {
        return Ok(None);
    }
    json(&bytes).await.map(Some)
}
