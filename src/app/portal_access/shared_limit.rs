//! One request limit for all processes: who does not own a portal's lane asks whoever does before
//! each call.
//!
//! The owner counts the call in its own bucket and says go. While nobody owns the lane, the bucket
//! is what the lane's row says of it, which is also where the next owner goes on.

use crate::{
    app::{Error, PortalAccess},
    clients::bitrix24::{self, Client, GatePass},
    domain::PortalName,
    storage::queue::rate_permits::{self, Bucket},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long a place is waited for: longer than any pause of a limiter.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// What is woken in place of a lane when somebody asks the owner of a portal's lane for a permit.
pub fn permit_wake_name(portal: &str) -> String {
    format!("permit:{portal}")
}

/// Seconds after which a place that was granted is not used: another is asked for. The owner counts
/// on the call being sent by then, and a little.
const FRESH: f64 = 0.3;
/// Between looks: at first, and at most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(80));

/// Asks for places in one portal's limit.
struct RemoteLimit {
    portal_access: PortalAccess,
    portal: PortalName,
    bucket: Bucket,
}

impl PortalAccess {
    /// Makes a client, with all its clones, ask the lane's owner before each call: for everything
    /// that does not hold the lane.
    pub fn with_shared_limit(&self, portal: &PortalName, client: Client) -> Client {
        let guest = RemoteLimit {
            portal_access: self.clone(),
            portal: portal.clone(),
            bucket: Bucket {
                period: client.period().as_secs_f64(),
                drains: client.full_drain_time().as_secs_f64(),
            },
        };
        client.set_gate(Arc::new(guest));
        client
    }
}

impl bitrix24::CallGate for RemoteLimit {
    fn permit(&self) -> GatePass<'_> {
        Box::pin(async {
            match self.wait().await {
                Ok(true) => Ok(()),
                Ok(false) => Err(bitrix24::Error::NoPlace(
                    "the process that drives the lane does not answer".to_owned(),
                )),
                Err(error) => Err(bitrix24::Error::NoPlace(error.to_string())),
            }
        })
    }
}

impl RemoteLimit {
    /// Waits for a place; false if there is none in time.
    async fn wait(&self) -> Result<bool, Error> {
        let (mut look, longest) = LOOKS;
        let until = Instant::now() + PATIENCE;
        let mut asked = None;
        let mut db = self.portal_access.db.acquire().await?;
        let mut found = false;
        while !found && Instant::now() < until {
            if rate_permits::take(&mut db, self.portal.as_str(), self.bucket).await? {
                found = true;
                break;
            }
            match asked {
                None => asked = Some(rate_permits::ask(&mut db, self.portal.as_str()).await?),
                Some(id) => {
                    if let Some(fresh) = rate_permits::granted(&mut db, id, FRESH).await? {
                        asked = None;
                        found = fresh;
                        continue;
                    }
                }
            }
            tokio::time::sleep(look).await;
            look = (look * 3 / 2).min(longest);
        }
        if let Some(id) = asked {
            rate_permits::withdraw(&mut db, id).await?;
        }
        Ok(found)
    }
}
