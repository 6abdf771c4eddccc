//! Due orders on their way to the planner.

use super::{Bridge, Error, Tries, mend};
use crate::{
    domain::{Code, Customer, EventBody, ShopRules},
    planner::{Doubt, Intent, Job, Known, Landing, Outcome, Settlement},
    storage::{
        self,
        lanes::Lease,
        links::{self, Link},
        orders::{self, Due},
    },
};
use sqlx::PgConnection;
use std::{collections::HashMap, sync::Arc};

/// Orders of history in one wave: what happens meanwhile waits for so many at most. So many new ones fill their calls: contacts one, deals with rows
/// two, or imports one and rows one.
const HISTORY_WAVE: u32 = 48;

/// A claimed order: what settling needs to know of it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The shop.
    pub shop: String,
    /// The order's number.
    pub number: String,
    /// The event that is tried.
    pub event: i64,
    /// Key of the link to the customer's contact, if the shop knows the customer.
    pub contact_key: Option<String>,
    /// Key of the link to the company, if it has a taxpayer number.
    pub company_key: Option<String>,
    /// W3C trace context of the request that brought the event.
    pub traceparent: Option<String>,
    /// History that was loaded from a file.
    pub history: bool,
}

impl Bridge {
    /// The due orders of a lane with what the planner needs, the longest due first; history only if nothing else is due. An event that can no longer be read dies
    /// here, so that it does not stand in the way for ever.
    pub async fn claim(
        &self,
        lease: &Lease,
        limit: u32,
        tries: &Tries,
    ) -> Result<Vec<(Claim, Job)>, Error> {
        let shops = self.directory().shops_of(&lease.portal);
        let due = {
            let mut db = self.pool().acquire().await?;
            let now = self.look(&mut db, lease, &shops, (false, limit)).await?;
            if now.is_empty() {
                let few = limit.min(HISTORY_WAVE);
                self.look(&mut db, lease, &shops, (true, few)).await?
            } else {
                now
            }
        };
        let mut claimed = Vec::with_capacity(due.len());
        let mut unreadable = Vec::new();
        for one in due {
            if let Some(made) = one.occurred_at {
                self.shop_said(&one.shop, made, one.received_at);
            }
            match self.prepare(&one) {
                Ok(pair) => claimed.push(pair),
                Err(message) => unreadable.push((claim_of(&one, None), broken(&one, message))),
            }
        }
        if !unreadable.is_empty() {
            self.settle(lease, tries, unreadable).await?;
        }
        self.fill_links(lease, &mut claimed).await?;
        Ok(claimed)
    }

    /// What is due, from where the look before found something.
    async fn look(
        &self,
        db: &mut PgConnection,
        lease: &Lease,
        shops: &[String],
        (later, limit): (bool, u32),
    ) -> Result<Vec<Due>, storage::Error> {
        let from = self.low_water().from(&lease.portal, lease.epoch, later);
        let limit = i64::from(limit);
        let due = orders::claim(db, lease, shops, (later, from), limit).await?;
        let first = due.first().map(|due| due.low);
        self.low_water()
            .found((&lease.portal, lease.epoch, later), from, first);
        Ok(due)
    }

    /// Seconds until the next order of a portal is due.
    pub async fn next_due(&self, portal: &str) -> Result<Option<f64>, Error> {
        let mut db = self.pool().acquire().await?;
        Ok(orders::next_due(&mut db, portal, &self.directory().shops_of(portal)).await?)
    }

    /// Whether an order of a portal is due that is not history.
    pub async fn live_due(&self, portal: &str) -> Result<bool, Error> {
        let mut db = self.pool().acquire().await?;
        Ok(orders::live_due(&mut db, portal, &self.directory().shops_of(portal)).await?)
    }

    fn prepare(&self, due: &Due) -> Result<(Claim, Job), String> {
        let rules = self
            .directory()
            .shops
            .values()
            .find(|rules| rules.shop.as_str() == due.shop);
        let rules = rules.ok_or("the shop is not configured")?;
        let event = mend::parse(&due.body, rules).map_err(|faults| super::sentence(&faults))?;
        let (number, intent) = match event.body {
            EventBody::Saved(snapshot) => (snapshot.number.clone(), Intent::Save(snapshot)),
            EventBody::Deleted { number, .. } => (number, Intent::Delete),
        };
        let customer = match &intent {
            Intent::Save(snapshot) => snapshot.customer.as_ref(),
            Intent::Delete => None,
        };
        let claim = claim_of(due, customer.map(|customer| (rules.as_ref(), customer)));
        let job = Job {
            rules: Arc::clone(rules),
            number,
            intent,
            known: serde_json::from_value(due.known.clone()).unwrap_or_default(),
            recreate: due.recreate,
            import: due.import,
            doubt: due.under_way.as_ref().map(|what| Doubt {
                what: serde_json::from_value(what.clone()).unwrap_or_default(),
                over: due.landed,
            }),
        };
        Ok((claim, job))
    }

    /// Adds the contacts and companies that other orders of the same customers have found or made.
    async fn fill_links(&self, lease: &Lease, claimed: &mut [(Claim, Job)]) -> Result<(), Error> {
        let mut keys = Vec::new();
        for (claim, job) in claimed.iter() {
            if let (Some(key), None) = (&claim.contact_key, job.known.contact_id) {
                keys.push(("contact".to_owned(), key.clone()));
            }
            if let (Some(key), None) = (&claim.company_key, job.known.company_id) {
                keys.push(("company".to_owned(), key.clone()));
            }
        }
        if keys.is_empty() {
            return Ok(());
        }
        let (entities, keys): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
        let found = {
            let mut db = self.pool().acquire().await?;
            links::find(&mut db, &lease.portal, &entities, &keys).await?
        };
        let found: HashMap<(&str, &str), u64> = found.iter().filter_map(by_key).collect();
        for (claim, job) in claimed {
            let of = |entity: &str, key: &Option<String>| {
                key.as_deref()
                    .and_then(|key| found.get(&(entity, key)).copied())
            };
            job.known.contact_id = job
                .known
                .contact_id
                .or_else(|| of("contact", &claim.contact_key));
            job.known.company_id = job
                .known
                .company_id
                .or_else(|| of("company", &claim.company_key));
        }
        Ok(())
    }
}

fn by_key(link: &Link) -> Option<((&str, &str), u64)> {
    Some((
        (&link.entity, &link.key),
        u64::try_from(link.bitrix_id).ok()?,
    ))
}

fn claim_of(due: &Due, who: Option<(&ShopRules, &Customer)>) -> Claim {
    let contact_key = who.and_then(|(rules, customer)| {
        let id = customer.id.as_ref()?;
        Some(format!("{}/{id}", rules.shop))
    });
    let company_key = who.and_then(|(rules, customer)| {
        let company = customer.company.as_ref()?;
        let inn = company.inn.as_ref()?;
        Some(format!(
            "{}/inn/{inn}/{}",
            rules.shop,
            company.kpp.as_deref().unwrap_or_default()
        ))
    });
    Claim {
        shop: due.shop.clone(),
        number: due.number.clone(),
        event: due.event,
        contact_key,
        company_key,
        traceparent: due.traceparent.clone(),
        history: due.later,
    }
}

fn broken(due: &Due, message: String) -> Settlement {
    let known: Known = serde_json::from_value(due.known.clone()).unwrap_or_default();
    let outcome = Outcome::Hopeless {
        code: Code::Invalid,
        message,
    };
    Settlement {
        job: 0,
        outcome,
        known,
        notes: Vec::new(),
        stage: None,
        made_as: None,
        landing: Landing::Nothing,
        waits: false,
    }
}
