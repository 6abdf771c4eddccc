//! A portal's request limit as its lane shares it: with whoever had the lane before and will have
//! it next, and with processes that ask it for places.

use crate::clients::bitrix24::Client;
use std::{pin::Pin, time::Duration};

/// A wait for the bucket: for a place in it, or for news of it.
pub type PlaceTaken<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A portal's request limit: a bucket that drains by the time.
pub trait SharedLimit: Send + Sync {
    /// How long a full bucket takes to drain; zero: there is no limit.
    fn full_drain_time(&self) -> Duration;

    /// How long until all that was sent has left the bucket.
    fn drain_time(&self) -> Duration;

    /// Seeds the bucket: requests of earlier owners drain after `left`.
    fn take_over(&self, left: Duration);

    /// Waits until a call that another process sends has a place in the bucket.
    fn permit(&self) -> PlaceTaken<'_>;

    /// How long the pace stays lowered because somebody else uses up the portal's limit; zero: it
    /// is not.
    fn reduced_for(&self) -> Duration;

    /// Waits until the pace is lowered, or lowered for longer. One waits at a time: what happened
    /// while nobody waited is heard by the next.
    fn lowered(&self) -> PlaceTaken<'_>;
}

/// No limit: whoever asks may send.
#[derive(Debug, Clone, Copy)]
pub struct Unlimited;

impl SharedLimit for Unlimited {
    fn full_drain_time(&self) -> Duration {
        Duration::ZERO
    }

    fn drain_time(&self) -> Duration {
        Duration::ZERO
    }

    fn take_over(&self, _left: Duration) {}

    fn permit(&self) -> PlaceTaken<'_> {
        Box::pin(std::future::ready(()))
    }

    fn reduced_for(&self) -> Duration {
        Duration::ZERO
    }

    fn lowered(&self) -> PlaceTaken<'_> {
        Box::pin(std::future::pending())
    }
}

impl SharedLimit for Client {
    fn full_drain_time(&self) -> Duration {
        Client::full_drain_time(self)
    }

    fn drain_time(&self) -> Duration {
        Client::drain_time(self)
    }

    fn take_over(&self, left: Duration) {
        Client::take_over(self, left);
    }

    fn permit(&self) -> PlaceTaken<'_> {
        Box::pin(Client::permit(self))
    }

    fn reduced_for(&self) -> Duration {
        Client::reduced_for(self)
    }

    fn lowered(&self) -> PlaceTaken<'_> {
        Box::pin(Client::lowered(self))
    }
}
