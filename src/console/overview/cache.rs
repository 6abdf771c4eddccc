//! A snapshot of the whole state: made when a page is opened, and once for all open pages together
//! when they are kept up to date.

use crate::{
    app::{Error, Operations, StatusReport, operations::overview::Overview},
    console::State,
};
use axum::extract::FromRef;
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// A snapshot that takes no longer is not cached.
const CHEAP: Duration = Duration::from_millis(50);
/// Others are reused for so many times what they took, and no longer than [`LONGEST`]: however many
/// pages are open, the database spends a small share of its time on them.
const SHARE: u32 = 20;
const LONGEST: Duration = Duration::from_secs(10);

/// Everything that the overview shows, as of one moment.
#[derive(Debug)]
pub(in crate::console) struct CachedOverview {
    pub(in crate::console) report: StatusReport,
    pub(in crate::console) glance: Overview,
}

/// The newest snapshot and when it was made; all who look share it.
#[derive(Debug)]
pub(in crate::console) struct OverviewCache<T = CachedOverview>(Mutex<Option<(Arc<T>, Instant)>>);

impl<T> Default for OverviewCache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// Snapshots for pages. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::console) struct Overviews {
    operations: Operations,
    cache: Arc<OverviewCache>,
}

impl FromRef<State> for Overviews {
    fn from_ref(state: &State) -> Self {
        Self {
            operations: Operations::clone(&state.app.operations),
            cache: Arc::clone(&state.looks),
        }
    }
}

impl Overviews {
    /// How everything is now: for whoever opens a page, mostly after an act.
    pub(in crate::console) async fn fresh(&self) -> Result<Arc<CachedOverview>, Error> {
        self.cache.made(self.look()).await
    }

    /// How everything was lately: for a page that is open. Never older than what any page showed
    /// when it was opened.
    pub(in crate::console) async fn lately(&self) -> Result<Arc<CachedOverview>, Error> {
        match self.cache.kept() {
            Some(kept) => Ok(kept),
            None => self.fresh().await,
        }
    }

    async fn look(&self) -> Result<CachedOverview, Error> {
        Ok(CachedOverview {
            report: self.operations.status().await?,
            glance: self.operations.overview().await?,
        })
    }
}

impl<T> OverviewCache<T> {
    fn kept(&self) -> Option<Arc<T>> {
        let last = self.0.lock();
        let (made, until) = last.as_ref()?;
        (Instant::now() < *until).then(|| made.clone())
    }

    async fn made<E>(&self, look: impl Future<Output = Result<T, E>>) -> Result<Arc<T>, E> {
        let begun = Instant::now();
        let made = Arc::new(look.await?);
        let took = begun.elapsed();
        let until = if took > CHEAP {
            begun + took + (took * SHARE).min(LONGEST)
        } else {
            begun
        };
        *self.0.lock() = Some((made.clone(), until));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    async fn made(looks: &OverviewCache<u32>, value: u32, millis: u64) {
        let look = async {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok::<_, Infallible>(value)
        };
        assert_eq!(looks.made(look).await.map(|made| *made), Ok(value));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dear_look_serves_for_a_while_and_a_cheap_one_only_once() {
        let looks = OverviewCache::default();
        made(&looks, 1, 20).await;
        assert_eq!(looks.kept(), None);
        made(&looks, 2, 200).await;
        tokio::time::advance(Duration::from_millis(3_900)).await;
        assert_eq!(looks.kept().as_deref(), Some(&2));
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!(looks.kept(), None);
        made(&looks, 3, 60_000).await;
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(looks.kept(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_opens_a_page_replaces_what_the_others_see() {
        let looks = OverviewCache::default();
        made(&looks, 1, 200).await;
        made(&looks, 2, 20).await;
        assert_eq!(looks.kept(), None);
    }
}
