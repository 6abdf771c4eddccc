//! Due submissions on their way to the planner, and what is given up of them.

use super::{Stored, intake::unreachable_words};
use crate::{
    app::{
        Actor, Claim, Error, Forms, Kind, RetryOutcome,
        delivery::{claim::read_or_default, dead_letter::clean},
    },
    bug::{self, Step},
    domain::{
        ErrorCode, Fault, FormRules, FormTarget, OrderNumber, PortalName, ShopName, ShopRules,
    },
    forms::{self, Enquiry},
    planner::{Doubt, Intent, Job, Who},
    storage::{
        self, Json, dead_letters,
        forms::subjects::{self, DueSubject},
        journal::{self, Line},
        queue::lanes::{self, Lease},
        views::incidents,
    },
};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// Submissions in one wave: so many fill a call or two, and whoever waits behind them waits for no
/// more.
const WAVE: usize = 40;

/// A claimed submission before it is known whether its portal works with leads.
#[derive(Debug)]
pub struct FormWork {
    claim: Claim,
    shop: Arc<ShopRules>,
    form: Arc<FormRules>,
    enquiry: Enquiry,
    number: OrderNumber,
    due: DueSubject,
}

impl FormWork {
    /// Whether what it becomes depends on whether the portal works with leads.
    pub fn asks_for_leads(&self) -> bool {
        self.form.becomes == FormTarget::Auto
    }

    /// The job: `leads` tells whether the portal works with leads.
    pub fn job(self, leads: bool) -> (Claim, Job) {
        let lead = match self.form.becomes {
            FormTarget::Auto => leads,
            FormTarget::Lead => true,
            FormTarget::Deal => false,
        };
        let subject = (self.number.clone(), &self.enquiry);
        let (rules, snapshot) = forms::as_order(&self.shop, &self.form, lead, subject);
        let job = Job {
            rules: Arc::new(rules),
            number: self.number,
            intent: Intent::Save(Box::new(snapshot)),
            known: read_or_default(&self.due.known),
            recreate: false,
            import: false,
            doubt: self.due.under_way.as_ref().map(|what| Doubt {
                what: read_or_default(what),
                over: self.due.landed,
            }),
            agreed: None,
            who: Who::default(),
        };
        (self.claim, job)
    }
}

impl Forms {
    /// The due submissions of a lane, the longest due first, without those that are being worked on
    /// already: (shop, key). What cannot be understood is given up.
    pub async fn claim_forms(
        &self,
        lease: &Lease,
        busy: &BTreeSet<(String, String)>,
    ) -> Result<Vec<FormWork>, Error> {
        let shops = self.registry.shops_of(&lease.portal);
        let due = {
            let mut db = self.db.acquire().await?;
            let places = i64::try_from(WAVE + busy.len()).unwrap_or(i64::MAX);
            subjects::claim_forms(&mut db, lease, &shops, places).await?
        };
        let idle = |one: &DueSubject| !busy.contains(&(one.shop.clone(), one.key.clone()));
        let due: Vec<_> = due.into_iter().filter(idle).take(WAVE).collect();
        let mut work = Vec::with_capacity(due.len());
        for one in due {
            let claim = claim_of(&one);
            match bug::caught(|| self.understand(one)) {
                Ok(Ok(one)) => work.push(one),
                Ok(Err(fault)) => self.bury_subject(lease, &claim, fault).await?,
                Err(bug) => {
                    let fault = (ErrorCode::Bug, bug.to_string());
                    self.bury_subject(lease, &claim, fault).await?;
                }
            }
        }
        Ok(work)
    }

    /// Seconds until the next submission of a portal is due.
    pub async fn next_form_due(&self, portal: &str) -> Result<Option<f64>, Error> {
        let shops = self.registry.shops_of(portal);
        let mut db = self.db.acquire().await?;
        Ok(subjects::next_form_due(&mut db, portal, &shops).await?)
    }

    /// Writes down that a portal does not say whether it works with leads: its submissions wait.
    pub async fn leads_untold(&self, portal: &PortalName, words: &str) -> Result<(), Error> {
        tracing::warn!(%portal, words, "the portal does not say whether it works with leads");
        let mut db = self.db.acquire().await?;
        let told = (ErrorCode::Rights.as_str(), words);
        Ok(incidents::note(&mut db, portal.as_str(), told, 1).await?)
    }

    fn understand(&self, due: DueSubject) -> Result<FormWork, (ErrorCode, String)> {
        self.traps.step(Step::Claim, &due.key);
        let invalid = |why: String| (ErrorCode::Invalid, why);
        let name = ShopName::parse(&due.shop).map_err(invalid)?;
        let shop = self.registry.rules(&name).cloned();
        let shop = shop.ok_or_else(|| invalid("the shop is not configured".to_owned()))?;
        let stored = stored(&due.body).map_err(invalid)?;
        let form = self.form_rules(&name, &stored.form).ok_or_else(|| {
            let words = format!("the form {} is not configured", stored.form);
            (ErrorCode::Config, words)
        })?;
        let enquiry = forms::read(&form, &shop.phone_country, &stored.submission);
        if !enquiry.has_contact() {
            return Err((ErrorCode::FormNoContact, unreachable_words(&form.name)));
        }
        let number = OrderNumber::parse(&due.key).map_err(invalid)?;
        Ok(FormWork {
            claim: claim_of(&due),
            shop,
            form,
            enquiry,
            number,
            due,
        })
    }

    /// Makes a claimed submission a dead letter. Nothing that is known of it is touched.
    pub(in crate::app) async fn bury_subject(
        &self,
        lease: &Lease,
        claim: &Claim,
        (code, message): (ErrorCode, String),
    ) -> Result<(), Error> {
        let (shop, key) = (&claim.shop, &claim.number);
        let message = clean(&message);
        tracing::error!(shop, key, %code, "a submission is given up");
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let why = (code.as_str(), &*message);
        let Some(nth) = subjects::give_up(&mut tx, (shop, key), why).await? else {
            return Ok(tx.rollback().await?);
        };
        write_letter(&mut tx, (shop, key), why, nth).await?;
        tx.commit().await?;
        self.metrics.died(&lease.portal, code.as_str());
        self.metrics.tried(&lease.portal, "dead", 1);
        Ok(())
    }

    /// Makes the subject of a letter due again, with a mended body if one is given.
    pub(in crate::app) async fn retry_subject(
        &self,
        tx: &mut sqlx::PgConnection,
        (id, shop, key): (i64, &str, &str),
        who: &Actor,
        mended: Option<Value>,
    ) -> Result<RetryOutcome, Error> {
        if let Some(body) = &mended {
            serde_json::from_value::<Stored>(body.clone()).map_err(|fault| {
                Error::Invalid(vec![Fault {
                    pointer: String::new(),
                    detail: format!("this is no submission of a form: {fault}"),
                }])
            })?;
        }
        let woken = subjects::wake(tx, (shop, key), mended.as_ref()).await?;
        let (how, retried) = if woken {
            ("retried", RetryOutcome::Queued)
        } else {
            ("overtaken", RetryOutcome::Overtaken)
        };
        if !dead_letters::close(tx, id, how, &who.0, None).await? {
            return Err(Error::NotFound);
        }
        let line = Line {
            shop: shop.to_owned(),
            number: key.to_owned(),
            kind: "retried",
            text: format!("dead letter {id} tried again by {}", who.0),
            detail: None,
        };
        journal::add(tx, &[line]).await?;
        Ok(retried)
    }
}

/// Writes the letter of a subject that was given up after so many tries, and the line of its life.
pub(super) async fn write_letter(
    db: &mut sqlx::PgConnection,
    (shop, key): (&str, &str),
    (code, message): (&str, &str),
    tries: i32,
) -> Result<(), storage::Error> {
    let one = |text: &str| vec![text.to_owned()];
    let of = (&*one(shop), &*one(key));
    dead_letters::write_subjects(db, of, &one(code), &one(message), &[tries]).await?;
    let line = Line {
        shop: shop.to_owned(),
        number: key.to_owned(),
        kind: "dead",
        text: format!("given up: {message} ({code}); it waits as a dead letter"),
        detail: None,
    };
    journal::add(db, &[line]).await
}

fn stored(body: &Json) -> Result<Stored, String> {
    let value = body.value()?;
    serde_json::from_value(value.clone()).map_err(|fault| fault.to_string())
}

fn claim_of(due: &DueSubject) -> Claim {
    Claim {
        kind: Kind::Form,
        shop: due.shop.clone(),
        number: due.key.clone(),
        event: 0,
        person: None,
        firm: None,
        contact_key: None,
        company_key: None,
        traceparent: None,
        history: false,
    }
}
