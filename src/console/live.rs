//! `GET /console/live`: the overview again whenever it may have changed, as server-sent events.

use super::{State, overview, session::Visitor};
use axum::{
    extract::State as Extract,
    response::sse::{Event, KeepAlive, Sse},
};
use std::{convert::Infallible, time::Duration};
use tokio::time::{Instant, sleep};

/// How often the overview is looked at.
const PAUSE: Duration = Duration::from_secs(2);
/// After this long the browser connects anew, which checks the session again.
const LONGEST: Duration = Duration::from_mins(10);

/// `GET /console/live`.
pub(super) async fn get(
    Extract(state): Extract<State>,
    visitor: Visitor,
) -> Sse<impl futures_util::Stream<Item = Result<Event, Infallible>>> {
    let until = Instant::now() + LONGEST;
    let stream =
        futures_util::stream::unfold((state, visitor), move |(state, visitor)| async move {
            let mut ready = state.ready.clone();
            tokio::select! {
                () = sleep(PAUSE) => {}
                _ = ready.wait_for(|ready| !ready) => return None,
            }
            if Instant::now() > until {
                return None;
            }
            let page = overview::live(&state, &visitor).await.ok()?;
            let event = Event::default().data(page.into_string());
            Some((Ok(event), (state, visitor)))
        });
    Sse::new(stream).keep_alive(KeepAlive::default())
}
