//! A portal to practise on: a stateful imitation of Bitrix24's REST interface, kept in memory.
//!
//! It owns its own idea of what a portal does, down to the unpleasant parts: strings for numbers,
//! empty maps as lists, fields that vanish in silence, answers that get lost after the work is
//! done, notifications that arrive late, twice, out of order or never. It shares nothing with the
//! rest of this program, so that a misunderstanding on one side cannot hide on the other, and any
//! client may be tried against it.
//!
//! It refuses to be a portal for real work: nothing is stored on disk, TLS is somebody else's
//! affair, and it listens on the loopback interface unless told otherwise.
//!
//! Invariants: one lock around the whole world, never held while waiting; every random choice comes
//! from one seed.
//!
//! To add a method: its arm where its family is called, its name among the known methods, its
//! faults with the documented codes, what it changes in `Crm` under the one lock, and a test in
//! `tests/it/portal/sandbox` that calls it as a foreign client would. Never bend it to make our
//! code pass.

mod catalog;
mod clock;
mod crm;
mod events;
mod faults;
mod limits;
mod log;
mod oauth;
pub mod onec;
mod options;
mod portal_methods;
mod protocol;
mod server;
mod transport;

use clock::Clock;
use crm::Crm;
use events::Events;
use faults::{Dice, FaultPlan};
use limits::{Operating, Rate};
use oauth::Tokens;
use parking_lot::Mutex;
use protocol::param_check::Schemas;
use std::{
    collections::{BTreeSet, VecDeque},
    net::IpAddr,
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

pub use crm::Robot;
pub use faults::{Fault, Faults, Gate, Order};
pub use log::{Call, Stats};
pub use options::{
    CatalogRights, Delivery, Funnel, Imports, LocalApp, Options, OutgoingWebhook, Plan, Semantics,
    Sight, Stage,
};
pub use server::{Error, Sandbox};

const LOG_LENGTH: usize = 50_000;

/// The portal as the handlers of its requests see it.
pub(crate) struct Portal {
    world: Mutex<PortalState>,
    client: reqwest::Client,
    stop: CancellationToken,
}

impl Portal {
    /// Does something with the world, alone. A panic elsewhere does not end the portal.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut PortalState) -> T) -> T {
        let mut world = self.world.lock();
        world.convert_due();
        act(&mut world)
    }

    /// Sends off the notifications that are due: each once, whatever the handler says.
    pub(crate) fn deliver(self: &Arc<Self>) {
        for message in self.with(PortalState::messages) {
            self.send(message);
        }
    }

    pub(crate) fn send(self: &Arc<Self>, message: events::Message) {
        let portal = Arc::clone(self);
        tokio::spawn(async move {
            let post = async {
                tokio::time::sleep(message.delay).await;
                portal.with(|world| world.stats.notifications_sent += 1);
                let request = portal
                    .client
                    .post(&message.url)
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(message.body);
                let accepted = request.send().await.is_ok_and(|r| r.status().is_success());
                portal.with(|world| {
                    let stats = &mut world.stats;
                    let count = if accepted {
                        &mut stats.notifications_accepted
                    } else {
                        &mut stats.notifications_lost
                    };
                    *count += 1;
                });
            };
            tokio::select! {
                () = post => {}
                () = portal.stop.cancelled() => {}
            }
        });
    }
}

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

/// Everything that a portal remembers, behind one lock; the lock is never held while waiting.
pub(crate) struct PortalState {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) dice: Dice,
    pub(crate) fault_plan: FaultPlan,
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
    /// Methods that the user lacks the right for.
    pub(crate) denied: BTreeSet<String>,
    pub(crate) address: String,
}

impl PortalState {
    pub(crate) fn new(options: Options, address: String) -> Self {
        let clock = Clock::new(options.utc_offset_minutes, options.clock_skew_seconds);
        Self {
            dice: Dice(options.seed ^ 0x5eed),
            fault_plan: FaultPlan::new(options.faults, options.seed),
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
            denied: BTreeSet::new(),
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
