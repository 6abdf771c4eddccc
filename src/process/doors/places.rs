//! Connections that are open, by where they come from: one address must not take all the places
//! there are.

use super::source::{Proxies, network};
use parking_lot::Mutex;
use std::{collections::HashMap, net::IpAddr, sync::Arc};

/// The connections that are open. Behind a proxy that is believed many callers share an address: it
/// has no bound of its own.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place, until it is dropped.
#[derive(Debug)]
pub struct Place(Option<(Arc<Places>, IpAddr)>);

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            open: Mutex::new(HashMap::new()),
        }
    }

    /// A place for a connection from this address; `None` if its source has as many as it may have.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr, proxies: &Proxies) -> Option<Place> {
        let peer = peer.to_canonical();
        if proxies.believed(peer) {
            return Some(Place(None));
        }
        let source = network(peer);
        let mut open = self.open.lock();
        let count = open.entry(source).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place(Some((Arc::clone(self), source))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((places, source)) = &self.0 else {
            return;
        };
        let mut open = places.open.lock();
        if let Some(count) = open.get_mut(source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_source_has_so_many_places_and_takes_none_from_others() {
        let places = Arc::new(Places::new(2));
        let none = Proxies::default();
        let take = |text: &str| places.take(address(text), &none);
        let (first, _second) = (take("203.0.113.9"), take("203.0.113.9"));
        assert!(first.is_some() && take("203.0.113.9").is_none());
        assert!(take("198.51.100.1").is_some());
        drop(first);
        let again = take("::ffff:203.0.113.9");
        assert!(again.is_some() && take("203.0.113.9").is_none());
        // Of IPv6 the network is one source.
        let _held = (take("2001:db8::1"), take("2001:db8::2"));
        assert!(take("2001:db8::3").is_none() && take("2001:db8:0:1::1").is_some());
        drop(again);
        assert_eq!(
            places.open.lock().len(),
            2,
            "nothing is remembered of who has gone"
        );
    }

    #[test]
    fn behind_a_proxy_that_is_believed_nobody_is_counted() {
        let places = Arc::new(Places::new(1));
        let proxies = Proxies::parse(&["10.0.0.0/8".to_owned()]).unwrap();
        let all: Vec<_> = (0..50)
            .flat_map(|_| ["10.1.2.3", "127.0.0.1"])
            .map(|text| places.take(address(text), &proxies))
            .collect();
        assert!(all.iter().all(Option::is_some));
    }
}
