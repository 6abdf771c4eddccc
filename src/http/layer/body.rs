//! Request bodies, bounded.

use crate::{
    domain::ErrorCode,
    http::{Problem, State},
    process::doors::{self, Full},
};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use futures_util::StreamExt as _;
use serde::{Deserialize, de::DeserializeOwned};
use std::{convert::Infallible, error::Error};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// A body that nothing is read of until a handler asks: who may not send it is refused first. At
/// most `[http] max_body_bytes`, unless the handler has a bound of its own.
pub(in crate::http) struct SentBody {
    /// How long it says that it is, in bytes.
    announced: Option<u64>,
    body: Body,
    most: usize,
}

impl FromRequest<State> for SentBody {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &State) -> Result<Self, Infallible> {
        let (parts, body) = request.into_parts();
        let most = state.config.http.max_body_bytes;
        Ok(Self::of(&parts.headers, body, most))
    }
}

impl SentBody {
    /// The body behind this head, of at most so many bytes.
    pub(in crate::http) fn of(headers: &HeaderMap, body: Body, most: usize) -> Self {
        let length = headers.get(header::CONTENT_LENGTH);
        let announced = length.and_then(|length| length.to_str().ok()?.parse().ok());
        Self {
            announced,
            body,
            most,
        }
    }

    /// The same with a bound of its own, in bytes.
    pub(in crate::http) fn within(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Refuses a body that says itself that it is too large.
    fn bounded(&self) -> Result<(), Problem> {
        match self.announced {
            Some(length) if length > self.most as u64 => Err(too_large(self.most)),
            _ => Ok(()),
        }
    }

    /// The whole body.
    pub(in crate::http) async fn bytes(self) -> Result<Bytes, Problem> {
        self.bounded()?;
        let read = axum::body::to_bytes(self.body, self.most).await;
        read.map_err(|error| broken(&error, self.most))
    }

    /// The body piece by piece, as it comes. `take` has kept so many bytes of it by now: no more
    /// than `most_kept`.
    pub(in crate::http) async fn pieces(
        self,
        most_kept: usize,
        mut take: impl FnMut(&[u8]) -> usize,
    ) -> Result<(), Problem> {
        self.bounded()?;
        let most = self.most;
        let mut pieces = self.body.into_data_stream();
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

    /// The whole body as JSON.
    pub(in crate::http) async fn json<T: DeserializeOwned>(self) -> Result<T, Problem> {
        json(&self.bytes().await?).await
    }

    /// The whole body as JSON; none if it is blank, or what PHP writes for members of which there
    /// are none: `[]`.
    pub(in crate::http) async fn optional_json<T: DeserializeOwned>(
        self,
    ) -> Result<Option<T>, Problem> {
        let bytes = self.bytes().await?;
        if matches!(bytes.trim_ascii(), b"" | b"[]") {
            return Ok(None);
        }
        json(&bytes).await.map(Some)
    }
}

fn too_large(most: usize) -> Problem {
    let detail = format!("the body is larger than {most} bytes");
    Problem::new(ErrorCode::TooLarge, detail)
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
