//! Shares: which lanes a process takes, where several drive the same.
//!
//! Of each kind of lane every process has as many as any other, or one more. Which ones is left to
//! who comes first; where there is a choice, each prefers others than its neighbours do, so that
//! they do not ask for the same.

use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// A process among those that share lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    nth: usize,
    of: usize,
}

impl Place {
    /// The place of a process among those that are alive, the oldest first; none if it is not among
    /// them.
    pub(super) fn of(owner: &str, alive: &[String]) -> Option<Self> {
        let nth = alive.iter().position(|one| one == owner)?;
        Some(Self {
            nth,
            of: alive.len(),
        })
    }

    /// How many of these lanes are its share: what is left over goes to the oldest.
    fn share(self, lanes: usize) -> usize {
        lanes / self.of + usize::from(self.nth < lanes % self.of)
    }

    fn prefers(self, nth: usize) -> bool {
        nth % self.of == self.nth
    }
}

/// The lanes that a process knows.
#[derive(Debug)]
pub(super) struct KnownLanes {
    /// How many there are of each kind.
    kinds: BTreeMap<String, usize>,
    /// Which of its kind each lane is, by name.
    nth: BTreeMap<String, usize>,
    fingerprint: String,
}

impl Default for KnownLanes {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// What a lane goes to: a portal, or what stands before the colon of its name.
fn kind(lane: &str) -> &str {
    lane.split_once(':').map_or("", |(kind, _)| kind)
}

impl KnownLanes {
    pub(super) fn new(mut lanes: Vec<String>) -> Self {
        lanes.sort();
        lanes.dedup();
        let mut digest = Sha256::new();
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        let mut nth = BTreeMap::new();
        for lane in lanes {
            digest.update(lane.as_bytes());
            digest.update([0]);
            let count = kinds.entry(kind(&lane).to_owned()).or_default();
            nth.insert(lane, *count);
            *count += 1;
        }
        Self {
            kinds,
            nth,
            fingerprint: hex::encode(digest.finalize()),
        }
    }

    /// The same for all processes that know the same lanes, and for no others.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// How many lanes of each kind a process that holds these lacks of its share.
    pub(super) fn lacking<'a>(
        &self,
        place: Place,
        held: impl IntoIterator<Item = &'a str>,
    ) -> Vec<(&str, usize)> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for lane in held {
            *counts.entry(kind(lane)).or_default() += 1;
        }
        let lacks = |(kind, lanes): (&String, &usize)| {
            let held = counts.get(kind.as_str()).copied().unwrap_or_default();
            place.share(*lanes).saturating_sub(held)
        };
        let all = self.kinds.iter().map(|one| (one.0.as_str(), lacks(one)));
        all.filter(|(_, lacking)| *lacking > 0).collect()
    }

    /// Those of these lanes that are of this kind: first those that a process takes first.
    pub(super) fn by_preference<'a>(
        &self,
        place: Place,
        of: &str,
        lanes: impl IntoIterator<Item = &'a str>,
    ) -> Vec<String> {
        let lanes = lanes.into_iter().filter(|lane| kind(lane) == of);
        let (mut first, rest): (Vec<_>, Vec<_>) = lanes
            .map(str::to_owned)
            .partition(|lane| self.nth.get(lane).is_some_and(|nth| place.prefers(*nth)));
        first.extend(rest);
        first
    }

    /// Those of these lanes that are more than the share of a process: first those that it would
    /// take last.
    pub(super) fn surplus(&self, place: Place, held: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        for (of, lanes) in &self.kinds {
            let mut held = self.by_preference(place, of, held.iter().copied());
            let kept = place.share(*lanes).min(held.len());
            all.extend(held.split_off(kept));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(kind: &str, count: usize) -> Vec<String> {
        (0..count).map(|nth| format!("{kind}{nth:03}")).collect()
    }

    proptest! {
        #[test]
        fn shares_are_all_the_lanes_and_differ_by_one_at_most(
            lanes in 0_usize..200, of in 1_usize..9
        ) {
            let shares: Vec<usize> = (0..of).map(|nth| Place { nth, of }.share(lanes)).collect();
            prop_assert_eq!(shares.iter().sum::<usize>(), lanes);
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            prop_assert!(most - least <= 1);
        }

        #[test]
        fn no_two_processes_prefer_the_same_lane_and_each_prefers_its_share(
            lanes in 0_usize..100, of in 1_usize..9
        ) {
            let known = KnownLanes::new(names("", lanes));
            let all = names("", lanes);
            let mut preferred = Vec::new();
            for nth in 0..of {
                let place = Place { nth, of };
                let order = known.by_preference(place, "", all.iter().map(String::as_str));
                preferred.extend(order.into_iter().take(place.share(lanes)));
            }
            preferred.sort();
            prop_assert_eq!(preferred, all);
        }

        #[test]
        fn whoever_gives_its_surplus_has_its_share(lanes in 0_usize..100, of in 1_usize..9) {
            let mut all = names("", lanes);
            all.extend(names("shop:", lanes / 2));
            let known = KnownLanes::new(all.clone());
            let place = Place { nth: of - 1, of };
            let held: Vec<&str> = all.iter().map(String::as_str).collect();
            let surplus = known.surplus(place, &held);
            let kept = all.iter().map(String::as_str).filter(|lane| {
                !surplus.iter().any(|one| one == lane)
            });
            let kept: Vec<&str> = kept.collect();
            prop_assert!(known.lacking(place, kept.iter().copied()).is_empty());
            prop_assert!(known.surplus(place, &kept).is_empty());
        }
    }

    #[test]
    fn a_process_that_is_alone_lacks_every_lane_that_it_does_not_hold() {
        let known = KnownLanes::new(vec!["a".into(), "b".into(), "shop:a".into()]);
        let lacking = known.lacking(Place { nth: 0, of: 1 }, ["a"]);
        assert_eq!(lacking, [("", 1), ("shop", 1)]);
    }

    #[test]
    fn who_is_not_among_the_living_has_no_place() {
        let alive = ["a".to_owned(), "b".to_owned()];
        assert_eq!(Place::of("b", &alive), Some(Place { nth: 1, of: 2 }));
        assert_eq!(Place::of("c", &alive), None);
    }
}
