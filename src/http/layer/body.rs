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
use serde::{Deserialize, de::DeserializeOwned};
use std::error::Error;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The whole body, if it is not larger than `most` bytes.
pub(in crate::http) async fn read(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            ErrorCode::TooLarge,
            format!("the body is larger than {most} bytes"),
        )
    };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    axum::body::to_bytes(body, most).await.map_err(|error| {
        let causes = || std::iter::successors(error.source(), |cause| (*cause).source());
        if let Some(full) = causes().find_map(|cause| cause.downcast_ref::<Full>()) {
            no_room(*full)
        } else if causes().any(|cause| cause.to_string().contains("length limit")) {
            too_large()
        } else {
            Problem::new(ErrorCode::Malformed, "the body broke off")
        }
    })
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

/// The whole body as JSON; none if it is blank.
pub(in crate::http) async fn read_optional_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<Option<T>, Problem> {
    let bytes = read(headers, body, most).await?;
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    json(&bytes).await.map(Some)
}
