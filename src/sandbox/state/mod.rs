//! Everything that a portal remembers, behind one lock; the lock is never held while waiting.

pub(super) mod clock;

use super::{
    crm::Crm,
    events::Events,
    faults::{Dice, Gate, Trouble},
    limits::{Operating, Rate},
    oauth::Tokens,
    options::Options,
    protocol::param_check::Schemas,
    state::clock::Clock,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
};

const LOG_LENGTH: usize = 50_000;

/// Who makes a call.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) user: u64,
    /// The application, or `None` for the incoming webhook.
    pub(crate) app: Option<String>,
    /// The queue whose own changes are not to be recorded in it.
    pub(crate) auth_connector: Option<String>,
    /// True when no person acts, so that notifications carry no tokens.
    pub(crate) robot: bool,
}

impl Caller {
    pub(crate) fn person(user: u64) -> Self {
        Self {
            user,
            app: None,
            auth_connector: None,
            robot: false,
        }
    }

    pub(crate) fn key(&self) -> String {
        self.app.clone().unwrap_or_else(|| "webhook".to_owned())
    }
}

/// One request to the portal, as the log keeps it.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// The method, in lower case.
    pub method: String,
    /// The methods of a batch's commands, in order.
    pub commands: Vec<String>,
    /// The HTTP status; 0 when the connection was cut instead of answered.
    pub status: u16,
    /// Whether the request was carried out.
    pub executed: bool,
    /// The fault that it met, if any.
    pub fault: Option<String>,
    /// When, by the portal's clock.
    pub at: String,
}

/// What has happened so far, in numbers.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stats {
    /// Requests to the REST interface.
    pub requests: u64,
    /// Commands carried out, alone or inside batches.
    pub commands: u64,
    /// Commands carried out, by method.
    pub methods: BTreeMap<String, u64>,
    /// Answers by HTTP status; 0 counts the cut connections.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers 503 because of the request rate.
    pub throttled: u64,
    /// Commands refused because of operating time.
    pub operation_limited: u64,
    /// Notifications that left.
    pub notifications_sent: u64,
    /// Notifications that their handler accepted.
    pub notifications_accepted: u64,
    /// Notifications lost on purpose or because the handler failed.
    pub notifications_lost: u64,
    /// Parameters that the method's description does not know, each once.
    pub warnings: BTreeSet<String>,
}

/// A whole portal.
pub(crate) struct PortalState {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) dice: Dice,
    pub(crate) trouble: Trouble,
    pub(crate) rate: Rate,
    pub(crate) operating: Operating,
    pub(crate) tokens: Tokens,
    pub(crate) events: Events,
    pub(crate) crm: Crm,
    pub(crate) schemas: Schemas,
    pub(crate) log: VecDeque<Call>,
    pub(crate) stats: Stats,
    pub(crate) webhook_revoked: bool,
    pub(crate) overloaded: bool,
    pub(crate) moved_to: Option<String>,
    /// The CRM as it was when it was last backed up.
    pub(crate) backup: Option<Crm>,
    /// What stands before the portal.
    pub(crate) gate: Option<Gate>,
    pub(crate) address: String,
}

impl PortalState {
    pub(crate) fn new(options: Options, address: String) -> Self {
        let clock = Clock::new(options.utc_offset_minutes, options.clock_skew_seconds);
        Self {
            dice: Dice(options.seed ^ 0x5eed),
            trouble: Trouble::new(options.faults, options.seed),
            rate: Rate::default(),
            operating: Operating::default(),
            tokens: Tokens::default(),
            events: Events::new(&options),
            crm: Crm::new(&options),
            schemas: Schemas::read(options.spec_dir.as_deref()),
            log: VecDeque::new(),
            stats: Stats::default(),
            webhook_revoked: false,
            overloaded: false,
            moved_to: None,
            backup: None,
            gate: None,
            address,
            clock,
            options,
        }
    }

    /// Forgets everything but the settings, the tokens' secrets and the address.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.options.clone(), self.address.clone());
    }

    /// Keeps the CRM as it is.
    pub(crate) fn back_up(&mut self) {
        self.backup = Some(self.crm.clone());
    }

    /// Puts the CRM back to what was kept; ids are given out again from there. False where nothing
    /// was kept.
    pub(crate) fn restore(&mut self) -> bool {
        match self.backup.clone() {
            Some(crm) => {
                self.crm = crm;
                true
            }
            None => false,
        }
    }

    /// Another account answers at this address and takes the same credentials: its CRM is empty.
    pub(crate) fn replace(&mut self) {
        self.crm = Crm::new(&self.options);
    }

    pub(crate) fn admit(&mut self, source: IpAddr) -> bool {
        let bucket = self.options.plan.bucket();
        self.rate.admit(source, bucket, std::time::Instant::now())
    }

    pub(crate) fn record(&mut self, call: Call) {
        *self.stats.statuses.entry(call.status).or_default() += 1;
        if self.log.len() >= LOG_LENGTH {
            self.log.pop_front();
        }
        self.log.push_back(call);
    }

    /// The host name and port that the portal calls its own.
    pub(crate) fn domain(&self) -> &str {
        self.options
            .public_address
            .as_deref()
            .unwrap_or(&self.address)
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}/rest/", self.domain())
    }

    /// The identity that survives a change of address.
    pub(crate) fn member_id(&self) -> String {
        format!(
            "{:032x}",
            u128::from(self.options.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        )
    }
}
