//! Bytes of requests in work: bounded for all together, and for strangers apart.

use super::{
    places::{Place, Places},
    source::{Proxies, source},
};
use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use futures_util::{StreamExt as _, TryStreamExt as _};
use parking_lot::Mutex;
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// What room is counted in, in bytes.
const UNIT: usize = 1024;
/// Open connections of one source, unless it is told otherwise.
pub const CONNECTIONS: usize = 256;
/// What those have together whom nobody knows yet, in bytes: notifications and deliveries are
/// small.
const STRANGERS: usize = 16 * 1024 * 1024;
/// How long a request waits for others to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// The room that all requests share.
#[derive(Debug)]
pub struct Room {
    known: Pool,
    strangers: Pool,
    proxies: Proxies,
    places: Arc<Places>,
    refused: AtomicU64,
}

#[derive(Debug)]
struct Pool {
    free: Arc<Semaphore>,
    units: usize,
}

impl Pool {
    fn new(bytes: usize) -> Self {
        let units = bytes.div_ceil(UNIT);
        let free = Arc::new(Semaphore::new(units));
        Self { free, units }
    }
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// Others have it now.
    #[error("other requests take all the room that there is")]
    Now,
    /// It is more than there ever is.
    #[error("this takes more room than there is for all requests")]
    Ever,
}

impl Room {
    /// Room for so many bytes of those who are known, and a little for strangers.
    pub fn new(bytes: usize) -> Self {
        Self {
            known: Pool::new(bytes),
            strangers: Pool::new(STRANGERS),
            proxies: Proxies::default(),
            places: Arc::new(Places::new(CONNECTIONS)),
            refused: AtomicU64::new(0),
        }
    }

    /// The same with so many open connections from one source.
    #[must_use]
    pub fn with_connections(self, most: usize) -> Self {
        let places = Arc::new(Places::new(most));
        Self { places, ..self }
    }

    /// A place for a connection from there, until it is dropped; `None` if its source has as many
    /// as it may have.
    pub fn place(&self, peer: IpAddr) -> Option<Place> {
        let place = self.places.take(peer, &self.proxies);
        if place.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        place
    }

    /// Connections that found no place since this was last asked.
    pub fn refused(&self) -> u64 {
        self.refused.swap(0, Ordering::Relaxed)
    }

    /// The same behind these proxies.
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }
}

/// What one request has of the room, until it is answered.
#[derive(Debug)]
struct Share {
    room: Arc<Room>,
    caller: IpAddr,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    known: bool,
    permits: Vec<OwnedSemaphorePermit>,
}

tokio::task_local! {
    static SHARE: Arc<Share>;
}

impl Share {
    async fn take(&self, bytes: usize) -> Result<(), Full> {
        let known = self.held.lock().known;
        let pool = if known {
            &self.room.known
        } else {
            &self.room.strangers
        };
        let units = bytes.div_ceil(UNIT);
        let asked = u32::try_from(units).ok().filter(|_| units <= pool.units);
        let asked = asked.ok_or(Full::Ever)?;
        let permit = timeout(PATIENCE, Arc::clone(&pool.free).acquire_many_owned(asked));
        let Ok(Ok(permit)) = permit.await else {
            return Err(Full::Now);
        };
        let mut held = self.held.lock();
        held.permits.push(permit);
        Ok(())
    }
}

/// The caller of the request at hand is known: what is read from now on is counted with those.
pub fn known() {
    let _ = SHARE.try_with(|share| {
        let mut held = share.held.lock();
        held.known = true;
    });
}

/// Where the request at hand comes from; `None`: no request is at hand.
pub fn caller() -> Option<IpAddr> {
    SHARE.try_with(|share| share.caller).ok()
}

/// Takes room for so many bytes, until the request at hand is answered.
pub async fn take(bytes: usize) -> Result<(), Full> {
    match SHARE.try_with(Arc::clone) {
        Ok(share) => share.take(bytes).await,
        // Nobody counts: no request is at hand.
        Err(_) => Ok(()),
    }
}

/// A layer: lets a request in whose body finds room piece by piece as it comes.
pub async fn within(room: Arc<Room>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let share = Arc::new(Share {
        caller: source(&parts, &room.proxies),
        room,
        held: Mutex::default(),
    });
    let counted = Arc::clone(&share);
    let request = Request::from_parts(parts, body).map(|body| {
        let pieces = body.into_data_stream().map_err(axum::BoxError::from);
        Body::from_stream(pieces.then(move |piece| {
            let share = Arc::clone(&counted);
            async move {
                let piece = piece?;
                share.take(piece.len()).await?;
                Ok::<_, axum::BoxError>(piece)
            }
        }))
    });
    SHARE.scope(share, next.run(request)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(room: &Arc<Room>, known: bool) -> Share {
        Share {
            room: Arc::clone(room),
            caller: IpAddr::from([127, 0, 0, 1]),
            held: Mutex::new(Held {
                known,
                permits: Vec::new(),
            }),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_waits_for_others_but_not_for_ever() {
        let room = Arc::new(Room::new(10 * UNIT));
        let first = share(&room, true);
        first.take(8 * UNIT).await.unwrap();
        let second = share(&room, true);
        assert_eq!(second.take(4 * UNIT).await, Err(Full::Now));
        assert_eq!(second.take(11 * UNIT).await, Err(Full::Ever));
        drop(first);
        assert_eq!(second.take(4 * UNIT).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_take_no_room_from_those_who_are_known() {
        let room = Arc::new(Room::new(10 * UNIT));
        let stranger = share(&room, false);
        stranger.take(STRANGERS).await.unwrap();
        assert_eq!(share(&room, false).take(1).await, Err(Full::Now));
        assert_eq!(share(&room, true).take(10 * UNIT).await, Ok(()));
    }
}
