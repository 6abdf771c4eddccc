//! How the portals of all applications stand, read in one statement: whoever looks after one of
//! them asks every few seconds, and most of the time nothing is to be done.

use super::PortalAccess;
use crate::{
    app::Error,
    domain::PortalName,
    storage::access::tokens::{self, PortalState},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::{sync::Mutex, time::Instant};

/// The states as this process last read them, and when it asked for them.
#[derive(Debug, Default)]
pub(in crate::app) struct StateCache(Mutex<Option<(Instant, BTreeMap<String, PortalState>)>>);

impl PortalAccess {
    /// How the portal of an application stood so long ago at the longest; `None` if it has no
    /// application. `owner` is the name by which this process drives lanes.
    pub async fn state(
        &self,
        portal: &PortalName,
        owner: &str,
        age: Duration,
    ) -> Result<Option<PortalState>, Error> {
        let Some((applications, _, states)) = self.applications.get() else {
            return Ok(None);
        };
        // Whoever asks meanwhile waits, and is answered by the same statement.
        let mut known = states.0.lock().await;
        let fresh = known.as_ref().filter(|(at, _)| at.elapsed() < age);
        if let Some((_, of)) = fresh {
            return Ok(of.get(portal.as_str()).cloned());
        }
        let asked = Instant::now();
        let portals: Vec<String> = applications
            .portals
            .keys()
            .map(ToString::to_string)
            .collect();
        let mut db = self.db.acquire().await?;
        let read = tokens::states(&mut db, &portals, owner).await?;
        let read = read.into_iter().map(|state| (state.portal.clone(), state));
        let (_, of) = known.insert((asked, read.collect()));
        Ok(of.get(portal.as_str()).cloned())
    }

    /// What was read of the states does not count any more: something was changed here.
    pub async fn forget_states(&self) {
        if let Some((_, _, states)) = self.applications.get() {
            *states.0.lock().await = None;
        }
    }
}
