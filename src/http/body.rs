//! Request bodies, bounded.

use super::Problem;
use crate::domain::Code;
use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
};
use serde::de::DeserializeOwned;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// The whole body, if it is not larger than `most` bytes.
pub(super) async fn read(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            Code::TooLarge,
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
        let long = std::error::Error::source(&error)
            .is_some_and(|e| e.to_string().contains("length limit"));
        if long {
            too_large()
        } else {
            Problem::new(Code::Malformed, "the body broke off")
        }
    })
}

/// The body as JSON; what is wrong is said with line and column.
pub(super) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Some editors and PHP files put a byte order mark in front.
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::new(
            Code::Malformed,
            format!("the body cannot be read as JSON: {error}"),
        )
    })
}
