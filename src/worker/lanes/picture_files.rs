//! The files of pictures, fetched where the shop has them before anything is asked of the portal;
//! and hosts that are given a rest: one that is silent or slow must not keep the others waiting.

use crate::{
    clients::pictures::{self, Client, host_of},
    domain::{ErrorCode, Picture, PictureKind},
    planner::{PictureFault, PictureJob},
};
use std::{collections::HashMap, time::Duration};
use tokio::{task::JoinSet, time::Instant};

/// The first rest of a host that is silent; each further one is twice as long.
const FIRST_REST: Duration = Duration::from_secs(2);
/// How often it is doubled at the most: 17 minutes is the longest rest.
const DOUBLINGS: u32 = 9;
/// A host that takes longer rests as long as it took.
const SLOW: Duration = Duration::from_secs(2);
/// Hosts that are remembered.
const HOSTS: usize = 1_000;

/// How a host answered.
#[derive(Debug)]
pub(in crate::worker) struct HostAnswer {
    host: String,
    took: Duration,
    is_silent: bool,
}

/// Hosts that are not asked for a while.
#[derive(Debug, Default)]
pub(in crate::worker) struct HostRests(HashMap<String, HostRest>);

#[derive(Debug)]
struct HostRest {
    until: Instant,
    /// Rests since it last answered.
    times: u32,
}

impl HostRests {
    /// What a wave heard of hosts.
    pub(in crate::worker) fn learn(&mut self, answers: &[HostAnswer]) {
        let now = Instant::now();
        let mut heard: HashMap<&str, (bool, Duration)> = HashMap::new();
        for answer in answers {
            // Of several some may be wrong addresses: who answers is there.
            let one = heard.entry(&answer.host).or_insert((true, Duration::ZERO));
            *one = (one.0 && answer.is_silent, one.1.max(answer.took));
        }
        for (host, (is_silent, took)) in heard {
            if is_silent {
                let times = self.0.get(host).map_or(0, |rest| rest.times);
                let rest = FIRST_REST.saturating_mul(1 << times.min(DOUBLINGS));
                let times = times.saturating_add(1);
                let until = now + rest.max(took);
                self.0.insert(host.to_owned(), HostRest { until, times });
            } else if took > SLOW {
                let (until, times) = (now + took, 0);
                self.0.insert(host.to_owned(), HostRest { until, times });
            } else {
                self.0.remove(host);
            }
        }
        if self.0.len() > HOSTS {
            self.0.retain(|_, rest| rest.until > now);
        }
    }

    /// The hosts that rest now.
    pub(in crate::worker) fn resting(&self) -> Vec<String> {
        let now = Instant::now();
        let resting = self.0.iter().filter(|(_, rest)| rest.until > now);
        resting.map(|(host, _)| host.clone()).collect()
    }

    /// How long until the next of them may be asked; `None` if none rests.
    pub(in crate::worker) fn next(&self) -> Option<Duration> {
        let now = Instant::now();
        let untils = self.0.values().map(|rest| rest.until);
        let next = untils.filter(|until| *until > now).min()?;
        Some(next.saturating_duration_since(now))
    }
}

/// Fetches the files of those that want them, all at once: a wave has few. Beside them, how the
/// hosts answered.
pub(super) async fn with_files(
    client: Option<Client>,
    mut jobs: Vec<PictureJob>,
) -> (Vec<PictureJob>, Vec<HostAnswer>) {
    let mut answers = Vec::new();
    let Some(client) = client else {
        return (jobs, answers);
    };
    let mut fetching = JoinSet::new();
    for (nth, job) in jobs.iter().enumerate().filter(|(_, job)| job.wants_file()) {
        let Picture::Address(address) = job.source.clone() else {
            continue;
        };
        let (client, hosts) = (client.clone(), job.hosts.clone());
        fetching.spawn(async move {
            let begun = Instant::now();
            let fetched = client.fetch(&address, &hosts).await;
            let answer = HostAnswer {
                host: host_of(&address),
                took: begun.elapsed(),
                is_silent: matches!(fetched, Err(pictures::Error::NoAnswer(_))),
            };
            (nth, fetched, answer)
        });
    }
    while let Some(fetched) = fetching.join_next().await {
        if let Ok((nth, fetched, answer)) = fetched
            && let Some(job) = jobs.get_mut(nth)
        {
            job.file = Some(judged(&job.source.shown(), &job.product, fetched));
            answers.push(answer);
        }
    }
    (jobs, answers)
}

fn judged(
    address: &str,
    product: &str,
    fetched: Result<Vec<u8>, pictures::Error>,
) -> Result<Vec<u8>, PictureFault> {
    let fault = |code, why: &str, lasts| PictureFault {
        code,
        message: format!("the picture {address} of {product}: {why}"),
        lasts,
    };
    match fetched {
        Ok(file) if PictureKind::of(&file).is_some() => Ok(file),
        Ok(_) => {
            let why = "what comes from there is no picture (JPEG, PNG, GIF or WebP)";
            Err(fault(ErrorCode::CatPictureUnusable, why, true))
        }
        Err(error) if error.lasts() => {
            let code = ErrorCode::CatPictureUnusable;
            Err(fault(code, &error.to_string(), true))
        }
        Err(error) => {
            let code = ErrorCode::CatPictureUnreachable;
            Err(fault(code, &error.to_string(), false))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(host: &str, took: u64, is_silent: bool) -> HostAnswer {
        HostAnswer {
            host: host.to_owned(),
            took: Duration::from_secs(took),
            is_silent,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_host_rests_longer_each_time_and_a_slow_one_as_long_as_it_took() {
        let mut rests = HostRests::default();
        rests.learn(&[
            heard("a", 0, true),
            heard("b", 10, false),
            heard("c", 1, false),
        ]);
        let mut resting = rests.resting();
        resting.sort();
        assert_eq!(resting, ["a", "b"]);
        assert_eq!(rests.next(), Some(Duration::from_secs(2)));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(rests.resting(), ["b"]);
        rests.learn(&[heard("a", 0, true)]);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(rests.resting().contains(&"a".to_owned()));
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(rests.resting().is_empty() && rests.next().is_none());
        // One of its addresses answers: it is there, and the next silence is a first one.
        rests.learn(&[heard("a", 0, true), heard("a", 0, false)]);
        assert!(rests.resting().is_empty());
        rests.learn(&[heard("a", 0, true)]);
        assert_eq!(rests.next(), Some(Duration::from_secs(2)));
    }
}
