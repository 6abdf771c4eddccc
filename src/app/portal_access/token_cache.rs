//! Application tokens as this process last read them: notifications come by the thousand, tokens
//! change once a year.

use crate::domain::PortalName;
use parking_lot::Mutex;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// How long a token that fits is believed.
const FITS: Duration = Duration::from_secs(10);
/// How long one that does not fit is: short, for a new one may have been learnt; not nothing, for
/// strangers may knock often.
const DIFFERS: Duration = Duration::from_millis(500);

/// A digest, if there is one, and when it was read.
type CachedDigest = (Instant, Option<Vec<u8>>);

/// The digest of each portal's application token, as this process last read it.
#[derive(Debug, Default)]
pub(in crate::app) struct TokenCache(Mutex<BTreeMap<PortalName, CachedDigest>>);

impl TokenCache {
    /// Whether the token fits, if that can be said without reading.
    pub(super) fn says(
        &self,
        portal: &PortalName,
        fits: impl Fn(Option<&[u8]>) -> bool,
    ) -> Option<bool> {
        let known = self.0.lock();
        let (at, digest) = known.get(portal)?;
        let fits = fits(digest.as_deref());
        let good = if fits { FITS } else { DIFFERS };
        (at.elapsed() < good).then_some(fits)
    }

    /// Remembers what was read.
    pub(super) fn read(&self, portal: &PortalName, digest: Option<Vec<u8>>) {
        let mut known = self.0.lock();
        known.insert(portal.clone(), (Instant::now(), digest));
    }

    /// Forgets a portal's token: it was changed here.
    pub(super) fn forget(&self, portal: &PortalName) {
        let mut known = self.0.lock();
        known.remove(portal);
    }
}
