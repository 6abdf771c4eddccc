//! Parts of pages again whenever they may have changed, as server-sent events.

use super::page;
use crate::console::{State, session::viewer::Viewer, ui::sortable::Sorting};
use axum::{
    extract::{Query, State as Extract},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use maud::Markup;
use std::{convert::Infallible, future::Future, time::Duration};
use tokio::time::{Instant, sleep};

/// How often the overview is looked at.
const PAUSE: Duration = Duration::from_secs(2);
/// After this long the browser connects anew, which checks the session again.
const LONGEST: Duration = Duration::from_mins(10);

/// `GET /console/live`: the overview.
pub(in crate::console) async fn get(
    Extract(state): Extract<State>,
    visitor: Viewer,
    Query(sorting): Query<Sorting>,
) -> Response {
    let ask = state.clone();
    stream(state, PAUSE, move || {
        let (state, visitor, sorting) = (ask.clone(), visitor.clone(), sorting.clone());
        async move {
            let look = state.looks.lately(&state.app).await.ok()?;
            Some(page::live(&state, &visitor, &sorting, &look))
        }
    })
}

/// What `render` makes, after each pause, until it makes nothing, the process stops or the time is
/// up.
pub(in crate::console) fn stream<F, Fut>(state: State, pause: Duration, render: F) -> Response
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = Option<Markup>> + Send,
{
    let until = Instant::now() + LONGEST;
    let events = futures_util::stream::unfold((state, render), move |(state, render)| async move {
        let mut ready = state.ready.clone();
        tokio::select! {
            () = sleep(pause) => {}
            _ = ready.wait_for(|ready| !ready) => return None,
        }
        if Instant::now() > until {
            return None;
        }
        let part = render().await?;
        let event = Event::default().data(part.into_string());
        Some((Ok::<_, Infallible>(event), (state, render)))
    });
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
}
