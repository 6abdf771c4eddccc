//! `POST /v1/events`: a shop tells what happened.

use super::{
    Problem,
    layer::{
        auth::AnyCaller,
        body::{self, SentBody},
        problem::{EventResult, FieldError},
    },
    request_schemas::{AnyEvents, CloudEvent},
};
use crate::{
    app::{Accepted, Error, Intake, MAX_EVENTS, Stock},
    auth::Caller,
    domain::{ErrorCode, Fault, cut},
    stock::CountText,
};
use axum::{
    Json,
    extract::State as Extract,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The longest `source` and `id` that are repeated, in characters: no event with longer ones is
/// taken.
const LONGEST_NAME: usize = 512;

/// What became of the events of a request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Taken)]
enum EventsResult {
    /// The result of a single event, without a list around it.
    One(EventResult),
    /// The events of a batch, in their order.
    Batch { results: Vec<EventResult> },
}

/// What a request carries.
enum SentEvents<'a> {
    One(Value),
    /// One event: a count, whose lines stay text.
    Count(Box<CountText<'a>>),
    Batch(Events),
}

/// The events of a batch.
struct Events {
    /// Each in its place; null where it cannot be read.
    values: Vec<Value>,
    /// Why those cannot be read, by their place.
    unreadable: BTreeMap<usize, String>,
}

const FAILED: &str = "the event met a fault of the bridge: nothing of it is stored";

/// Takes one event or a batch.
///
/// Answers after the events are stored durably. One event: 202 with `queued` or `duplicate`, 409 if
/// its source and id came with another body before, 422 with every fault at once. A batch: the good
/// ones are taken and the others named; 202 if at least one was taken or is a duplicate (or the
/// batch is empty), else 422 with the same `results`, or 500 if one of them met a fault of the
/// bridge. A receipt that came before with other contents, and is no newer version, is kept for the
/// operators: 202 with `conflict`. CloudEvents' binary mode (`ce-` headers, the body is the data)
/// is taken too.
#[utoipa::path(
    post, path = "/v1/events", tag = "shop", security(("key" = [])),
    request_body(
        description = "A CloudEvents 1.0 event of type `shop.order.saved.v1`, \
                       `shop.order.deleted.v1`, `shop.stock.moved.v1`, `shop.stock.counted.v1`, \
                       `pos.receipt.saved.v1`, `shop.activity.recorded.v1`, \
                       `shop.product.saved.v1` or `shop.product.deleted.v1`, or up to 1,000 of \
                       them",
        content(
            (CloudEvent = "application/cloudevents+json"),
            (AnyEvents = "application/json"),
            (Vec<CloudEvent> = "application/cloudevents-batch+json"),
        )
    ),
    responses(
        (
            status = 202, description = "Taken. For a batch: `results`, one for each event",
            body = EventsResult
        ),
        (
            status = 403,
            description = "An operator's key, or something that a till's key does not open",
            body = Problem, content_type = "application/problem+json"
        ),
        (
            status = 409, description = "Another body under the same source and id", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 415, description = "Another content type", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 422, description = "Invalid: every fault with its pointer", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 500, description = "A fault of the bridge: nothing is stored", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(super) async fn post_events(
    Extract(intake): Extract<Intake>,
    Extract(stock): Extract<Stock>,
    AnyCaller(caller): AnyCaller,
    headers: HeaderMap,
    sent: SentBody,
) -> Result<Response, Problem> {
    if let Caller::Operator { .. } = &caller {
        return Err(Problem::new(
            ErrorCode::Forbidden,
            "only a shop's or a till's key posts events",
        ));
    }
    let form = EventForm::of(&headers)?;
    let bytes = sent.bytes().await?;
    let to = Acceptor {
        intake: &intake,
        stock: &stock,
        caller: &caller,
    };
    match parse(&headers, form, &bytes).await? {
        SentEvents::Count(count) => to.count(&count).await,
        SentEvents::One(event) => to.one(event).await,
        SentEvents::Batch(events) => to.batch(events).await,
    }
}

/// Where the events of a caller go: a till's are goods.
struct Acceptor<'a> {
    intake: &'a Intake,
    stock: &'a Stock,
    caller: &'a Caller,
}

impl Acceptor<'_> {
    async fn accept(&self, events: &[Value]) -> Result<Vec<Accepted>, Error> {
        match self.caller {
            Caller::Till { name, .. } => self.stock.accept_of_till(name, events).await,
            caller => self.intake.accept_events(caller.only(), events).await,
        }
    }

    async fn one(&self, event: Value) -> Result<Response, Problem> {
        let events = [event];
        let accepted = self.accept(&events).await?;
        answer(&events[0], accepted.into_iter().next())
    }

    async fn count(&self, count: &CountText<'_>) -> Result<Response, Problem> {
        let accepted = match self.caller {
            Caller::Till { name, .. } => self.stock.accept_count_of_till(name, count).await?,
            caller => self.stock.accept_count(caller.only(), count).await?,
        };
        answer(&count.message(), Some(accepted))
    }

    async fn batch(&self, sent: Events) -> Result<Response, Problem> {
        let events = &sent.values;
        if events.len() > MAX_EVENTS {
            let detail = format!(
                "{} events at once: at most {MAX_EVENTS} are taken",
                events.len()
            );
            return Err(Problem::new(ErrorCode::TooLarge, detail));
        }
        let mut accepted = self.accept(events).await?;
        for (place, detail) in sent.unreadable {
            if let Some(one) = accepted.get_mut(place) {
                let pointer = String::new();
                *one = Accepted::Invalid(vec![Fault { pointer, detail }]);
            }
        }
        results(events, accepted)
    }
}

/// The answer to a single event: 202 with its result, or the problem that refuses it.
fn answer(event: &Value, accepted: Option<Accepted>) -> Result<Response, Problem> {
    match accepted {
        Some(Accepted::Invalid(faults)) => Err(Problem::invalid(faults)),
        Some(Accepted::Refused(code, faults)) => Err(Problem::faulty(code, faults)),
        Some(Accepted::Failed(_)) => Err(Problem::new(ErrorCode::Bug, FAILED)),
        Some(Accepted::Conflict) => Err(Problem::new(
            ErrorCode::Conflict,
            ErrorCode::Conflict.sentence(),
        )),
        Some(taken) => {
            let result = result(event, taken);
            Ok((StatusCode::ACCEPTED, Json(EventsResult::One(result))).into_response())
        }
        None => Err(Problem::new(ErrorCode::Bug, "the event got no result")),
    }
}

/// The answer to a batch: 202 with a result for each if any was taken.
fn results(events: &[Value], accepted: Vec<Accepted>) -> Result<Response, Problem> {
    let taken = accepted.is_empty() || accepted.iter().any(|one| one.code().is_none());
    let failed = accepted
        .iter()
        .any(|one| one.code() == Some(ErrorCode::Bug));
    let results = events
        .iter()
        .zip(accepted)
        .map(|(event, one)| result(event, one))
        .collect();
    if !taken && failed {
        return Err(Problem::failed(results));
    }
    if !taken {
        return Err(Problem::nothing_taken(results));
    }
    Ok((StatusCode::ACCEPTED, Json(EventsResult::Batch { results })).into_response())
}

fn result(event: &Value, accepted: Accepted) -> EventResult {
    let text = |key: &str| {
        let mut text = event.get(key)?.as_str()?.to_owned();
        cut(&mut text, LONGEST_NAME);
        Some(text)
    };
    let word = accepted.word();
    let faults = match accepted {
        Accepted::Invalid(faults) | Accepted::Refused(_, faults) | Accepted::Changed(faults) => {
            faults.into_iter().map(FieldError::from).collect()
        }
        Accepted::Failed(_) => vec![FieldError {
            pointer: String::new(),
            detail: format!("{FAILED} ({})", ErrorCode::Bug),
        }],
        _ => Vec::new(),
    };
    EventResult {
        source: text("source"),
        id: text("id"),
        result: word,
        faults,
    }
}

/// How events are written, as the request's head says.
#[derive(Clone, Copy)]
enum EventForm {
    /// The attributes in headers, the body is the data.
    Binary,
    /// One event, or a list of them.
    Either,
    One,
    Batch,
}

impl EventForm {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let kind = headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .and_then(|kind| kind.split(';').next())
            .map(|kind| kind.trim().to_ascii_lowercase());
        match kind.as_deref() {
            Some("application/json") if headers.contains_key("ce-specversion") => Ok(Self::Binary),
            Some("application/json") => Ok(Self::Either),
            Some("application/cloudevents+json") => Ok(Self::One),
            Some("application/cloudevents-batch+json") => Ok(Self::Batch),
            _ => Err(Problem::malformed(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send `application/cloudevents+json`, `application/cloudevents-batch+json` or \
                 `application/json`",
            )),
        }
    }
}

async fn parse<'a>(
    headers: &HeaderMap,
    form: EventForm,
    bytes: &'a [u8],
) -> Result<SentEvents<'a>, Problem> {
    match form {
        EventForm::Binary => {
            let data = body::json(bytes).await?;
            Ok(SentEvents::One(binary(headers, data)?))
        }
        EventForm::Either | EventForm::One => {
            let text = body::text(bytes).trim_ascii_start();
            // What is no usual count gives its room back with the answer: it is one request's.
            if CountText::looks_like(text) {
                body::room_in_parts(text).await?;
                if let Some(count) = CountText::split(text) {
                    return Ok(SentEvents::Count(Box::new(count)));
                }
            }
            match (form, body::json(bytes).await) {
                (EventForm::Either, Ok(Value::Array(values))) => {
                    Ok(SentEvents::Batch(Events::of(values)))
                }
                (_, Ok(event)) => Ok(SentEvents::One(event)),
                (EventForm::Either, Err(problem)) => each(bytes, problem),
                (_, Err(problem)) => Err(problem),
            }
        }
        EventForm::Batch => match body::json(bytes).await {
            Ok(values) => Ok(SentEvents::Batch(Events::of(values))),
            Err(problem) => each(bytes, problem),
        },
    }
}

impl Events {
    fn of(values: Vec<Value>) -> Self {
        let unreadable = BTreeMap::new();
        Self { values, unreadable }
    }
}

/// The events of a batch that could not be read as a whole, each by itself: a number out of all
/// bounds, or lists in lists, are the fault of one of them.
fn each<'a>(bytes: &[u8], problem: Problem) -> Result<SentEvents<'a>, Problem> {
    // Where there was no room for them, there is none for each.
    let texts = serde_json::from_slice::<Vec<&RawValue>>(body::text(bytes));
    let (Ok(texts), true) = (texts, problem.is_malformed()) else {
        return Err(problem);
    };
    let mut events = Events::of(Vec::with_capacity(texts.len()));
    for (place, text) in texts.into_iter().enumerate() {
        let value = serde_json::from_str(text.get()).unwrap_or_else(|error| {
            let why = format!("the event cannot be read as JSON: {error}");
            events.unreadable.insert(place, why);
            Value::Null
        });
        events.values.push(value);
    }
    Ok(SentEvents::Batch(events))
}

/// The event of CloudEvents' binary mode: attributes in headers, percent-encoded, and the body as
/// data.
fn binary(headers: &HeaderMap, data: Value) -> Result<Value, Problem> {
    let mut event = Map::new();
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix("ce-") {
            let text = percent_decode_str(value.to_str().unwrap_or_default()).decode_utf8();
            let text = text.map_err(|_| {
                Problem::new(
                    ErrorCode::Malformed,
                    format!("the header `ce-{name}` is not UTF-8"),
                )
            })?;
            event.insert(name.to_owned(), json!(text));
        }
    }
    event.insert("datacontenttype".to_owned(), json!("application/json"));
    event.insert("data".to_owned(), data);
    Ok(Value::Object(event))
}
