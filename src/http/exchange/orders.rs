//! The answer to `query`, streamed. A small one goes out whole, with its length.
//!
//! An answer is an offer only if it was written to its last byte on a connection that was still
//! open: the connection tells when it has flushed it.

use super::{Exchange, Flushes, Refused};
use crate::{
    app::{
        self, Onec,
        onec::{Offered, Query, Session},
    },
    domain::ErrorCode,
    formats::commerceml::Encoding,
};
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use futures_util::Stream;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc;

/// An answer up to this size goes out with its length.
const WHOLE: usize = 1024 * 1024;
/// Parts of an answer that are written ahead of the connection.
const AHEAD: usize = 1;

/// A part of an answer.
enum Part {
    More(Vec<u8>),
    Last(Vec<u8>),
}

impl Exchange<'_> {
    pub(super) async fn query(&self, mut session: Session) -> Result<Response, Refused> {
        let onec = &self.with.onec;
        if let Some(asked) = self.version()? {
            let spoken = onec.speak_onec_version(&mut session, asked, self.subordinate());
            spoken.await.map_err(|error| self.failed(error))?;
        }
        let begun = onec.begin_onec_query(session).await;
        let mut query = begun.map_err(|error| self.failed(error))?;
        let guard = Guard {
            onec: onec.clone(),
            offered: query.offered(),
            flushes: self.flushes.clone(),
            flushed_before: None,
        };
        let mut bytes = Vec::new();
        let whole = loop {
            match query.part().await.map_err(|error| self.failed(error))? {
                Some(part) if bytes.is_empty() => bytes = part,
                Some(part) => bytes.extend(part),
                None => break true,
            }
            if bytes.len() > WHOLE {
                break false;
            }
        };
        let (sender, parts) = mpsc::channel(AHEAD);
        let mut length = None;
        if whole {
            let end = query.end().await.map_err(|error| self.failed(error))?;
            let Some(end) = end else {
                let detail = "в этом сеансе уже начат другой запрос заказов";
                return Err(self.refuse(ErrorCode::OneCSession, detail));
            };
            bytes.extend(end);
            length = Some(bytes.len());
            // There is room for one.
            let _ = sender.try_send(Ok(Part::Last(bytes)));
        } else {
            tokio::spawn(write(query, bytes, onec.clone(), sender));
        }
        let body = Body::from_stream(Parts { parts, guard });
        let kind = match self.base().encoding {
            Encoding::Windows1251 => "application/xml; charset=windows-1251",
            _ => "application/xml; charset=utf-8",
        };
        let kind = HeaderValue::from_static(kind);
        let mut response = ([(header::CONTENT_TYPE, kind)], body).into_response();
        if let Some(length) = length {
            let length = HeaderValue::from(length);
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length);
        }
        Ok(response)
    }
}

/// Writes the rest of an answer for as long as somebody takes it.
async fn write(
    mut query: Query,
    first: Vec<u8>,
    onec: Onec,
    sender: mpsc::Sender<io::Result<Part>>,
) {
    let mut part = Ok(Part::More(first));
    loop {
        if let Err(error) = &part {
            tracing::warn!(%error, "an answer to 1C breaks off");
        }
        let over = !matches!(part, Ok(Part::More(_)));
        let taken = sender.send(part).await.is_ok();
        if over && taken {
            return;
        }
        if !taken {
            break;
        }
        part = match query.part().await {
            Ok(Some(part)) => Ok(Part::More(part)),
            Ok(None) => match query.end().await {
                Ok(Some(end)) => Ok(Part::Last(end)),
                Ok(None) => Err(io::Error::other("another query of the session has begun")),
                Err(error) => Err(io::Error::other(error.to_string())),
            },
            Err(error) => Err(io::Error::other(error.to_string())),
        };
    }
    // What was read after the connection broke was never offered either.
    if let Some(offered) = query.offered() {
        tell(onec.onec_answer_cut(&offered).await);
    }
}

fn tell(stored: Result<(), app::Error>) {
    if let Err(error) = stored {
        tracing::warn!(
            error = %error.chain(),
            "it could not be stored what became of an answer to 1C"
        );
    }
}

/// The body of an answer.
struct Parts {
    parts: mpsc::Receiver<io::Result<Part>>,
    guard: Guard,
}

impl Stream for Parts {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.parts.poll_recv(cx).map(|part| {
            Some(match part? {
                Ok(Part::More(bytes)) => Ok(bytes.into()),
                Ok(Part::Last(bytes)) => {
                    let flushed = self.guard.flushes.as_ref().map(Flushes::count);
                    self.guard.flushed_before = Some(flushed.unwrap_or_default());
                    Ok(bytes.into())
                }
                Err(error) => Err(error),
            })
        })
    }
}

/// Sees to it that it is stored what became of an answer.
struct Guard {
    onec: Onec,
    offered: Option<Offered>,
    flushes: Option<Flushes>,
    /// How often the connection had flushed when it was given the last bytes.
    flushed_before: Option<u64>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (Some(offered), Ok(runtime)) =
            (self.offered.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let (onec, flushes, before) = (self.onec.clone(), self.flushes.take(), self.flushed_before);
        runtime.spawn(async move {
            tell(became(&onec, &offered, before, flushes).await);
        });
    }
}

/// Stores what becomes of an answer: written, or cut, also later on.
async fn became(
    onec: &Onec,
    offered: &Offered,
    before: Option<u64>,
    flushes: Option<Flushes>,
) -> Result<(), app::Error> {
    let written = match (before, flushes) {
        (Some(before), Some(mut flushes)) => flushes.beyond(before).await.then_some(Some(flushes)),
        (Some(_), None) => Some(None),
        (None, _) => None,
    };
    let Some(flushes) = written else {
        return onec.onec_answer_cut(offered).await;
    };
    onec.onec_answer_written(offered.answer).await?;
    if let Some(flushes) = flushes
        && flushes.breaks().await
    {
        onec.onec_answer_cut(offered).await?;
    }
    Ok(())
}
