//! Faults on purpose: by chance from a seed, or on order.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One way in which a request can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// HTTP 500 with an HTML page; nothing was done.
    InternalError,
    /// HTTP 502 with an HTML page; nothing was done.
    BadGateway,
    /// HTTP 504 with an HTML page; everything was done.
    GatewayTimeout,
    /// The connection is cut; nothing was done.
    ResetBefore,
    /// The connection is cut; everything was done.
    LostAnswer,
    /// Half of the answer arrives; everything was done.
    HalfAnswer,
    /// The answer takes long; everything is done just before it, also if nobody waits for it any
    /// more.
    Slow,
    /// The connection is cut at once; everything is done only a while later.
    Late,
    /// HTTP 503 QUERY_LIMIT_EXCEEDED, whatever the bucket says.
    Throttled,
    /// HTTP 401 `expired_token`, though the token is good.
    ExpiredToken,
    /// HTTP 429 `OPERATION_TIME_LIMIT`, as after too much operating time of a method.
    OperationLimit,
}

/// How likely each fault is for one request, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Share of requests that end as [`Fault::InternalError`].
    pub internal_error: f64,
    /// Share of requests that end as [`Fault::BadGateway`].
    pub bad_gateway: f64,
    /// Share of requests that end as [`Fault::GatewayTimeout`].
    pub gateway_timeout: f64,
    /// Share of requests that end as [`Fault::ResetBefore`].
    pub reset_before: f64,
    /// Share of requests that end as [`Fault::LostAnswer`].
    pub lost_answer: f64,
    /// Share of requests that end as [`Fault::HalfAnswer`].
    pub half_answer: f64,
    /// Share of requests that end as [`Fault::Slow`].
    pub slow: f64,
    /// How long a slow answer takes, in milliseconds.
    pub slow_ms: u64,
    /// Share of requests that end as [`Fault::Late`].
    pub late: f64,
    /// How long after the cut everything is done, in milliseconds.
    pub late_ms: u64,
    /// Share of requests that end as [`Fault::Throttled`].
    pub throttled: f64,
    /// Share of requests that end as [`Fault::ExpiredToken`].
    pub expired_token: f64,
    /// Share of requests that end as [`Fault::OperationLimit`].
    pub operation_limit: f64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            internal_error: 0.0,
            bad_gateway: 0.0,
            gateway_timeout: 0.0,
            reset_before: 0.0,
            lost_answer: 0.0,
            half_answer: 0.0,
            slow: 0.0,
            slow_ms: 2_000,
            late: 0.0,
            late_ms: 5_000,
            throttled: 0.0,
            expired_token: 0.0,
            operation_limit: 0.0,
        }
    }
}

impl Faults {
    /// A portal on a bad day: every kind of fault, each with this likelihood.
    pub fn everything(share: f64) -> Self {
        Self {
            internal_error: share,
            bad_gateway: share,
            gateway_timeout: share,
            reset_before: share,
            lost_answer: share,
            half_answer: share,
            slow: share,
            slow_ms: 300,
            late: 0.0,
            late_ms: 300,
            throttled: share,
            expired_token: 0.0,
            operation_limit: 0.0,
        }
    }

    fn shares(&self) -> [(Fault, f64); 11] {
        [
            (Fault::InternalError, self.internal_error),
            (Fault::BadGateway, self.bad_gateway),
            (Fault::GatewayTimeout, self.gateway_timeout),
            (Fault::ResetBefore, self.reset_before),
            (Fault::LostAnswer, self.lost_answer),
            (Fault::HalfAnswer, self.half_answer),
            (Fault::Slow, self.slow),
            (Fault::Late, self.late),
            (Fault::Throttled, self.throttled),
            (Fault::ExpiredToken, self.expired_token),
            (Fault::OperationLimit, self.operation_limit),
        ]
    }
}

/// A fault that was ordered for the next requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The fault that each of those requests meets.
    pub fault: Fault,
    /// For how many requests.
    #[serde(default = "once")]
    pub times: u32,
    /// Only for this method, alone or inside a batch.
    #[serde(default)]
    pub method: Option<String>,
}

fn once() -> u32 {
    1
}

/// What stands before a portal and answers in its place: a proxy, a firewall. It reads what passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// Requests that hold one of these texts do not pass.
    pub words: Vec<String>,
    /// Requests with larger bodies, in bytes, do not pass.
    pub largest: Option<usize>,
    /// The HTTP status of the page that is answered.
    pub status: u16,
    /// Whether the portal carries such a request out all the same, as where the gate only does not
    /// wait for the answer.
    pub executes: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            words: Vec::new(),
            largest: None,
            status: 403,
            executes: false,
        }
    }
}

impl Gate {
    pub(crate) fn stops(&self, body: &str) -> bool {
        self.largest.is_some_and(|most| body.len() > most)
            || self.words.iter().any(|word| body.contains(word))
    }
}

/// The faults of one portal: the shares, the orders, and the dice.
#[derive(Debug)]
pub(crate) struct FaultPlan {
    pub(crate) shares: Faults,
    orders: VecDeque<Order>,
    dice: Dice,
}

impl FaultPlan {
    pub(crate) fn new(shares: Faults, seed: u64) -> Self {
        Self {
            shares,
            orders: VecDeque::new(),
            dice: Dice(seed),
        }
    }

    pub(crate) fn order(&mut self, order: Order) {
        self.orders.push_back(order);
    }

    pub(crate) fn clear_orders(&mut self) {
        self.orders.clear();
    }

    pub(crate) fn pending(&self) -> Vec<Order> {
        self.orders.iter().cloned().collect()
    }

    /// Decides the fate of one request that carries these methods. One throw per request, so that
    /// the same seed and the same requests meet the same faults.
    pub(crate) fn next(&mut self, methods: &[String]) -> Option<(Fault, Option<String>)> {
        let mut point = self.dice.share();
        let wanted = |order: &Order| match &order.method {
            None => true,
            Some(only) => methods.iter().any(|m| m.eq_ignore_ascii_case(only)),
        };
        if let Some(at) = self.orders.iter().position(wanted) {
            let order = self.orders.get_mut(at)?;
            let fate = (order.fault, order.method.clone());
            order.times = order.times.saturating_sub(1);
            if order.times == 0 {
                self.orders.remove(at);
            }
            return Some(fate);
        }
        for (fault, share) in self.shares.shares() {
            if point < share {
                return Some((fault, None));
            }
            point -= share;
        }
        None
    }
}

/// A small seeded generator (SplitMix64): the same seed, the same story.
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, not including, 1.
    pub(crate) fn share(&mut self) -> f64 {
        let high = u32::try_from(self.next() >> 32).unwrap_or(0);
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }

    /// A string that looks like a token.
    pub(crate) fn token(&mut self) -> String {
        format!(
            "{:016x}{:016x}{:016x}",
            self.next(),
            self.next(),
            self.next()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let story = |seed| {
            let mut plan = FaultPlan::new(Faults::everything(0.05), seed);
            (0..200).map(|_| plan.next(&[])).collect::<Vec<_>>()
        };
        assert_eq!(story(7), story(7));
        assert_ne!(story(7), story(8));
    }

    #[test]
    fn an_order_waits_for_its_method() {
        let mut plan = FaultPlan::new(Faults::default(), 1);
        let method = Some("crm.deal.add".to_owned());
        plan.order(Order {
            fault: Fault::LostAnswer,
            times: 2,
            method,
        });
        let add = ["crm.deal.add".to_owned()];
        assert_eq!(plan.next(&["crm.deal.get".to_owned()]), None);
        assert!(matches!(
            plan.next(&add),
            Some((Fault::LostAnswer, Some(_)))
        ));
        assert!(matches!(
            plan.next(&add),
            Some((Fault::LostAnswer, Some(_)))
        ));
        assert_eq!(plan.next(&add), None);
    }
}
