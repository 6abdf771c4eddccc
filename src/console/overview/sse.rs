//! Parts of pages again whenever they may have changed, as server-sent events.

use super::{
    cache::Overviews,
    page::{self, PortalCards},
};
use crate::console::{Ready, session::viewer::Viewer, ui::sortable::Sorting};
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
    Extract(overviews): Extract<Overviews>,
    Extract(cards): Extract<PortalCards>,
    Extract(ready): Extract<Ready>,
    visitor: Viewer,
    Query(sorting): Query<Sorting>,
) -> Response {
    stream(ready, PAUSE, move || {
        let (overviews, cards) = (overviews.clone(), cards.clone());
        let (visitor, sorting) = (visitor.clone(), sorting.clone());
        async move {
            let look = overviews.lately().await.ok()?;
            Some(page::live(&cards, &visitor, &sorting, &look))
        }
    })
}

/// What `render` makes, after each pause, until it makes nothing, the process stops or the time is
/// up.
pub(in crate::console) fn stream<F, Fut>(ready: Ready, pause: Duration, render: F) -> Response
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = Option<Markup>> + Send,
{
    let until = Instant::now() + LONGEST;
    let events =
        futures_util::stream::unfold((ready, render), move |(mut ready, render)| async move {
            tokio::select! {
                () = sleep(pause) => {}
                _ = ready.0.wait_for(|ready| !ready) => return None,
            }
            if Instant::now() > until {
                return None;
            }
            let part = render().await?;
            let event = Event::default().data(part.into_string());
            Some((Ok::<_, Infallible>(event), (ready, render)))
        });
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
}
