//! Errors as callers see them: the one table from code to status.

use crate::{
    app::{self, stock::ShortLine},
    domain::{ErrorCode, Fault, Faults, MOST_FAULTS, cut, shorten},
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer};
use std::time::Duration;
use utoipa::ToSchema;

/// Seconds after which a caller should try again when the database is away, or there is no room.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");
/// The longest detail, in characters.
const LONGEST_DETAIL: usize = 1_000;
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// An answer of failure, as in RFC 9457.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:b24-bridge:` and the code.
    #[serde(rename = "type", serialize_with = "urn")]
    #[schema(value_type = String, pattern = "^urn:b24-bridge:[A-Z0-9-]+$")]
    kind: ErrorCode,
    /// What happened, in one sentence that is the same for every problem of the code.
    title: &'static str,
    /// The HTTP status, repeated as RFC 9457 asks.
    status: u16,
    /// The stable code, e.g. `SHOP-INVALID`.
    #[schema(value_type = String, pattern = "^[A-Z0-9-]+$")]
    code: ErrorCode,
    /// What exactly is wrong this time, at most 1,000 characters.
    detail: String,
    /// What to do about it, in a sentence that is the same for every problem of the code.
    remedy: &'static str,
    /// Every fault of the input at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// The lines of which there is not enough.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    short: Box<[ShortLine]>,
    /// One result for each event of a batch of which nothing was taken.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    results: Box<[EventResult]>,
}

/// What became of one event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::http) struct EventResult {
    /// The event's `source`, if it has one.
    pub source: Option<String>,
    /// The event's `id`, if it has one.
    pub id: Option<String>,
    /// `queued`, `duplicate`, `conflict`, `invalid`, or `failed`: by a fault of the bridge, nothing
    /// of it is stored.
    pub result: &'static str,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FieldError>,
}

/// One fault of the input.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Pointed)]
pub(in crate::http) struct FieldError {
    /// JSON pointer to the value; empty for the whole document.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl From<Fault> for FieldError {
    fn from(fault: Fault) -> Self {
        Self {
            pointer: fault.pointer,
            detail: fault.detail,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over references"
)]
fn urn<S: Serializer>(code: &ErrorCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("urn:b24-bridge:{code}"))
}

/// The codes that an answer with this status may carry.
pub(in crate::http) fn codes_of(status: StatusCode) -> Vec<ErrorCode> {
    let own = |code: &ErrorCode| status_of(*code) == status;
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            vec![ErrorCode::Malformed]
        }
        StatusCode::TOO_MANY_REQUESTS => vec![ErrorCode::Key],
        StatusCode::INTERNAL_SERVER_ERROR => vec![ErrorCode::Bug, ErrorCode::Config],
        _ => ErrorCode::ALL.iter().copied().filter(own).collect(),
    }
}

/// The status that a code answers with.
fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Malformed => StatusCode::BAD_REQUEST,
        ErrorCode::Key => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden | ErrorCode::EventToken | ErrorCode::TillToken => {
            StatusCode::FORBIDDEN
        }
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Conflict
        | ErrorCode::Overtaken
        | ErrorCode::Decided
        | ErrorCode::Count
        | ErrorCode::StockShort
        | ErrorCode::NotHeld => StatusCode::CONFLICT,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Invalid
        | ErrorCode::UnknownShop
        | ErrorCode::UnknownProduct
        | ErrorCode::OtherUnit
        | ErrorCode::NotMaster => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Database | ErrorCode::Busy => StatusCode::SERVICE_UNAVAILABLE,
        // What is about portals and correspondence ends in dead letters, never in an answer.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Problem {
    /// A problem with the code's own status.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        cut(&mut detail, LONGEST_DETAIL);
        Self {
            kind: code,
            title: code.sentence(),
            status: status_of(code).as_u16(),
            code,
            detail,
            remedy: code.remedy(),
            errors: Vec::new(),
            short: Box::default(),
            results: Box::default(),
        }
    }

    /// A request that HTTP itself has a finer status for than 400.
    pub(in crate::http) fn malformed(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            ..Self::new(ErrorCode::Malformed, detail)
        }
    }

    /// A wrong key after many others from the same place.
    pub(in crate::http) fn slowed(wait: Duration) -> Self {
        let detail = format!(
            "too many wrong keys come from this address: another is judged in {} s; a right one at \
             once",
            wait.as_secs_f64().ceil()
        );
        Self {
            status: StatusCode::TOO_MANY_REQUESTS.as_u16(),
            ..Self::new(ErrorCode::Key, detail)
        }
    }

    /// An input with all its faults.
    pub(in crate::http) fn invalid(faults: Faults) -> Self {
        let detail = if faults.len() > MOST_FAULTS {
            format!("more than {MOST_FAULTS} of the input's values cannot be used")
        } else {
            format!("{} of the input's values cannot be used", faults.len())
        };
        let faults = shorten(faults, MOST_FAULTS + 1);
        Self {
            errors: faults.into_iter().map(FieldError::from).collect(),
            ..Self::new(ErrorCode::Invalid, detail)
        }
    }

    /// Whether an answer is one.
    pub(in crate::http) fn is(response: &Response) -> bool {
        response.headers().get(header::CONTENT_TYPE) == Some(&PROBLEM_JSON)
    }

    /// The stable code, for callers inside the bridge that act upon it.
    pub(in crate::http) fn code(&self) -> ErrorCode {
        self.code
    }

    /// There is not enough of these lines.
    pub(in crate::http) fn short(short: Vec<ShortLine>) -> Self {
        let detail = format!("of {} lines there is not enough", short.len());
        Self {
            short: short.into(),
            ..Self::new(ErrorCode::StockShort, detail)
        }
    }

    /// An input with all its faults, under a code of its own.
    pub(in crate::http) fn faulty(code: ErrorCode, faults: Faults) -> Self {
        let invalid = Self::invalid(faults);
        Self {
            errors: invalid.errors,
            ..Self::new(code, invalid.detail)
        }
    }

    /// Whether it says that the body cannot be read.
    pub(in crate::http) fn is_malformed(&self) -> bool {
        self.code == ErrorCode::Malformed
    }

    /// A batch of which nothing was taken.
    pub(in crate::http) fn nothing_taken(results: Vec<EventResult>) -> Self {
        Self {
            results: results.into(),
            ..Self::new(ErrorCode::Invalid, "no event of the batch was taken")
        }
    }

    /// A batch of which nothing was taken, and not by its own fault alone.
    pub(in crate::http) fn failed(results: Vec<EventResult>) -> Self {
        Self {
            results: results.into(),
            ..Self::new(ErrorCode::Bug, "no event of the batch was taken")
        }
    }

    /// There is no such thing, or it is somebody else's.
    pub(in crate::http) fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, ErrorCode::NotFound.sentence())
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<app::Error> for Problem {
    fn from(error: app::Error) -> Self {
        match error {
            app::Error::NotFound => Self::not_found(),
            app::Error::Invalid(faults) => Self::invalid(faults),
            app::Error::Decided => Self::new(ErrorCode::Decided, error.to_string()),
            app::Error::Count { .. } => Self::new(ErrorCode::Count, error.to_string()),
            app::Error::TooMany(_) => Self::new(ErrorCode::TooLarge, error.to_string()),
            app::Error::Vault(_) => Self::new(ErrorCode::Config, error.to_string()),
            app::Error::Bug(bug) => {
                tracing::error!(place = bug.place, "a panic was caught");
                Self::new(ErrorCode::Bug, "the request met a fault of the bridge")
            }
            error if error.is_database_away() => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the database is away"
                );
                Self::new(ErrorCode::Database, "the database cannot be reached now")
            }
            app::Error::Storage(_) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the database refused"
                );
                Self::new(ErrorCode::Bug, "the database refused what it was asked")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code) = (self.status(), self.code);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        match code {
            ErrorCode::Key if status == StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            ErrorCode::Key => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            ErrorCode::Database | ErrorCode::Busy => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            _ => {}
        }
        response
    }
}
