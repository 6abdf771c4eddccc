//! Due submissions on their way to the planner, and what is given up of them.

use super::{
    Stored,
    activities::is_activity_key,
    intake::unreachable_words,
    notes,
    subject::{Making, Understood},
};
use crate::{
    activities::ActivityEvent,
    app::{Actor, Claim, Error, Forms, RetryOutcome, delivery::claim::unreadable, subjects},
    domain::{
        Entry, ErrorCode, Fault, FormTarget, OrderKey, OrderNumber, PortalName, ShopName,
        ShopRules, TodoEntry, happening::OrderEvent, is_form_key, is_picture_key, is_product_key,
    },
    formats::{forms, tills},
    planner::{
        CardId, Doubt, EntryJob, Intent, Job, KnownLinks, Place, Sought, Who, WritesInFlight,
    },
    process::bug::{self, Step},
    storage::{
        ClosedHow, Json, Reason, SubjectKind, dead_letters,
        journal::{self, Line, LineKind},
        queue::{
            lanes::Lease,
            subjects::{self as queue, DueSubject},
        },
        views::incidents,
    },
};
use chrono::TimeDelta;
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// Submissions in one wave: so many fill a call or two, and whoever waits behind them waits for no
/// more.
const WAVE: usize = 40;
/// Places in it that are kept for activities.
const ACTIVITIES: usize = 10;
/// Receipts and notes in one wave: a form that comes meanwhile does not wait for many.
const RECEIPTS: usize = 20;
/// How long somebody has for what a note asks of him.
const WITHIN: TimeDelta = TimeDelta::hours(4);

/// A claimed subject before it is known whether its portal works with leads.
#[derive(Debug, Clone)]
pub struct SubjectWork {
    claim: Claim,
    shop: Arc<ShopRules>,
    /// How its card is made.
    making: Making,
    number: OrderNumber,
    known: KnownLinks,
    under_way: Option<WritesInFlight>,
    landed: bool,
    /// What is put on a card.
    entries: Vec<Entry>,
    sought: Sought,
    /// Whether a card is made where there is none.
    makes: bool,
    responsible_id: Option<u64>,
}

/// The next step of a subject.
#[derive(Debug)]
pub enum SubjectStep {
    /// Its card is made.
    Make(Claim, Box<Job>),
    /// Something is put on a card.
    Put(Claim, Box<EntryJob>),
}

impl SubjectWork {
    /// The card on which something is put, if it is known.
    fn card(&self) -> Option<CardId> {
        let known = match self.known.card {
            Some(Place::On(card)) => Some(card),
            Some(Place::ToMake) | None => None,
        };
        known.or_else(|| self.under_way.as_ref().and_then(|what| what.card))
    }

    /// Whether something is to be put on a card that is there, or may be.
    fn puts(&self) -> bool {
        let untouched =
            self.known.card.is_none() && self.known.target.is_none() && self.under_way.is_none();
        let never = matches!(self.making, Making::Never);
        never || !self.entries.is_empty() && (self.card().is_some() || untouched)
    }

    /// Whether somebody waits to be called back: who sent a form, or whose call was missed.
    pub fn is_urgent(&self) -> bool {
        let todo = |entry: &Entry| matches!(entry, Entry::Todo(_));
        let asks = matches!(self.making, Making::Enquiry(..));
        asks && (is_form_key(self.number.as_str()) || self.entries.iter().any(todo))
    }

    /// Whether what it becomes depends on whether the portal works with leads.
    pub fn asks_for_leads(&self) -> bool {
        let by_itself = match &self.making {
            Making::Enquiry(form, _) => {
                matches!(form.becomes, FormTarget::Auto | FormTarget::Todo)
            }
            Making::Order(_) | Making::Never => false,
        };
        by_itself && !self.puts()
    }

    /// The next step: `leads` tells whether the portal works with leads.
    pub fn step(self, leads: bool) -> SubjectStep {
        let (puts, card) = (self.puts(), self.card());
        let making = match self.making {
            Making::Order(of) if !puts => Some(*of),
            Making::Enquiry(form, enquiry) if !puts => {
                let lead = match form.becomes {
                    FormTarget::Auto | FormTarget::Todo => leads,
                    FormTarget::Lead => true,
                    FormTarget::Deal => false,
                };
                let subject = (self.number.clone(), &*enquiry);
                Some(forms::as_order(&self.shop, &form, lead, subject))
            }
            Making::Order(_) | Making::Enquiry(..) | Making::Never => None,
        };
        let Some((rules, snapshot)) = making else {
            let job = EntryJob {
                card,
                shop: self.shop.shop.clone(),
                number: self.number,
                entries: self.entries,
                sought: self.sought,
                known: self.known,
                makes: self.makes,
                responsible_id: self.responsible_id,
                running: self.under_way.filter(|_| !self.landed),
            };
            let claim = Claim {
                follows: false,
                ..self.claim
            };
            return SubjectStep::Put(claim, Box::new(job));
        };
        let over = self.landed;
        let job = Job {
            rules: Arc::new(rules),
            number: self.number,
            intent: Intent::Save(Box::new(snapshot)),
            known: self.known,
            recreate: false,
            import: false,
            doubt: self.under_way.map(|what| Doubt { what, over }),
            agreed: None,
            who: Who::default(),
        };
        SubjectStep::Make(self.claim, Box::new(job))
    }
}

impl Forms {
    /// The due subjects of a lane, forms first and of each kind the longest due, without those that
    /// are being worked on already. What cannot be understood is given up.
    pub async fn claim_subjects(
        &self,
        lease: &Lease,
        busy: &BTreeSet<OrderKey>,
    ) -> Result<Vec<SubjectWork>, Error> {
        let shops = self.registry.shops_of(&lease.portal);
        let due = {
            let mut db = self.db.acquire().await?;
            let places = i64::try_from(WAVE + busy.len()).unwrap_or(i64::MAX);
            let then = [SubjectKind::Receipt, SubjectKind::Note];
            let idle = |one: &DueSubject| !busy.contains(&OrderKey::new(&one.shop, &one.key));
            let mut due = Vec::new();
            // Thousands of calls may be told at once: a form does not wait behind them, nor they
            // behind thousands of forms.
            for (kind, most) in [
                (SubjectKind::Form, WAVE - ACTIVITIES),
                (SubjectKind::Activity, WAVE),
            ] {
                let mut more = queue::claim(&mut db, lease, (&shops, &[kind]), places).await?;
                more.retain(idle);
                more.truncate(most - due.len());
                due.append(&mut more);
            }
            // Nobody waits for these.
            if due.is_empty() {
                due = queue::claim(&mut db, lease, (&shops, &then), places).await?;
                due.retain(idle);
                due.truncate(RECEIPTS);
            }
            due
        };
        let mut work = Vec::with_capacity(due.len());
        for one in due {
            let claim = subjects::claim_of(&one);
            match bug::caught(|| self.understand(&one)) {
                Ok(Ok(one)) => work.push(one),
                Ok(Err(fault)) => {
                    subjects::dead_letter(&self.db, &self.metrics, lease, &claim, fault).await?;
                }
                Err(bug) => {
                    let fault = (ErrorCode::Bug, bug.to_string());
                    subjects::dead_letter(&self.db, &self.metrics, lease, &claim, fault).await?;
                }
            }
        }
        Ok(work)
    }

    /// Whether a form or a missed call of a portal is due that is not being worked on.
    pub async fn is_urgent(&self, portal: &str, busy: &BTreeSet<OrderKey>) -> Result<bool, Error> {
        let shops = self.registry.shops_of(portal);
        let busy: Vec<String> = busy.iter().map(|one| one.number.clone()).collect();
        let mut db = self.db.acquire().await?;
        Ok(queue::is_urgent(&mut db, portal, (&shops, &busy)).await?)
    }

    /// Seconds until the next subject of a portal is due.
    pub async fn next_subject_due(&self, portal: &str) -> Result<Option<f64>, Error> {
        let shops = self.registry.shops_of(portal);
        let mut db = self.db.acquire().await?;
        Ok(queue::next_due(&mut db, portal, &shops).await?)
    }

    /// Writes down that a portal does not say whether it works with leads: its submissions wait.
    pub async fn leads_untold(&self, portal: &PortalName, words: &str) -> Result<(), Error> {
        tracing::warn!(%portal, words, "the portal does not say whether it works with leads");
        let mut db = self.db.acquire().await?;
        let reason = Reason::new(ErrorCode::Rights, words);
        Ok(incidents::note(&mut db, portal.as_str(), reason, 1).await?)
    }

    fn understand(&self, due: &DueSubject) -> Result<SubjectWork, (ErrorCode, String)> {
        self.traps.step(Step::Claim, &due.key);
        let invalid = |why: String| (ErrorCode::Invalid, why);
        let name = ShopName::parse(&due.shop).map_err(invalid)?;
        let shop = self.registry.rules(&name).cloned();
        let shop = shop.ok_or_else(|| invalid("the shop is not configured".to_owned()))?;
        let number = OrderNumber::parse(&due.key).map_err(invalid)?;
        let told = match due.kind {
            SubjectKind::Form => self.understand_form(&shop, due)?,
            SubjectKind::Activity => self.understand_activity(&shop, due)?,
            SubjectKind::Receipt => understand_receipt(&shop, due)?,
            SubjectKind::Note => understand_note(&shop, due)?,
            SubjectKind::Product | SubjectKind::Picture => {
                return Err(invalid("a product goes another way than this".to_owned()));
            }
        };
        let key = &OrderKey::new(&due.shop, &due.key);
        let known = due.known.typed("bridge.subjects", "known", key);
        let under_way = due.under_way.as_ref();
        let under_way = under_way.map(|what| what.typed("bridge.under_way", "what", key));
        let under_way = under_way.transpose();
        let mut claim = subjects::claim_of(due);
        claim.follows = !told.entries.is_empty() && !told.sought.only_deals;
        Ok(SubjectWork {
            claim,
            shop,
            number,
            known: known.map_err(|why| unreadable(&why))?,
            under_way: under_way.map_err(|why| unreadable(&why))?,
            landed: due.landed,
            making: told.making,
            entries: told.entries,
            sought: told.sought,
            makes: told.makes,
            responsible_id: told.responsible_id,
        })
    }

    fn understand_form(
        &self,
        shop: &ShopRules,
        due: &DueSubject,
    ) -> Result<Understood, (ErrorCode, String)> {
        let stored = stored(&due.body).map_err(|why| (ErrorCode::Invalid, why))?;
        let form = self.form_rules(&shop.shop, &stored.form).ok_or_else(|| {
            let words = format!("the form {} is not configured", stored.form);
            (ErrorCode::Config, words)
        })?;
        let enquiry = forms::read(&form, &shop.phone_country, &stored.submission);
        if !enquiry.has_contact() {
            return Err((ErrorCode::FormNoContact, unreachable_words(&form.name)));
        }
        let within = self.activity_rules(&shop.shop).missed_call_within;
        Ok(Understood {
            entries: forms::entries(&form, &enquiry, due.received_at, within),
            sought: Sought {
                order: None,
                phones: enquiry.phones.clone(),
                emails: enquiry.emails.clone(),
                only_deals: form.becomes != FormTarget::Todo,
            },
            makes: true,
            responsible_id: form.responsible_id.or(shop.responsible_id),
            making: Making::Enquiry(form, Box::new(enquiry)),
        })
    }

    /// Makes the subject of a letter due again, with a mended body if one is given.
    pub(in crate::app) async fn retry_subject(
        &self,
        tx: &mut sqlx::PgConnection,
        (id, shop, key): (i64, &str, &str),
        who: &Actor,
        mended: Option<Value>,
    ) -> Result<RetryOutcome, Error> {
        if mended.is_some() && notes::is_key(key) {
            let detail = "a receipt is mended in its till, and a note is written anew".to_owned();
            let pointer = String::new();
            return Err(Error::Invalid(vec![Fault { pointer, detail }]));
        }
        if mended.is_some() && is_picture_key(key) {
            let detail = "a picture is mended in the shop: send its product again".to_owned();
            let pointer = String::new();
            return Err(Error::Invalid(vec![Fault { pointer, detail }]));
        }
        if let Some(body) = mended.as_ref().filter(|_| is_product_key(key)) {
            subjects::same_product(body, key)?;
        } else if let Some(body) = mended.as_ref().filter(|_| !is_activity_key(key)) {
            serde_json::from_value::<Stored>(body.clone()).map_err(|fault| {
                Error::Invalid(vec![Fault {
                    pointer: String::new(),
                    detail: format!("this is no submission of a form: {fault}"),
                }])
            })?;
        }
        if let Some(body) = mended.as_ref().filter(|_| is_activity_key(key)) {
            let shop = ShopName::parse(shop).map_err(|_| Error::NotFound)?;
            let rules = self.registry.rules(&shop).ok_or(Error::NotFound)?;
            ActivityEvent::read(body, &rules.phone_country).map_err(Error::Invalid)?;
        }
        let woken = queue::wake(tx, (shop, key), mended.as_ref()).await?;
        let (how, retried) = if woken {
            (ClosedHow::Retried, RetryOutcome::Queued)
        } else {
            (ClosedHow::Overtaken, RetryOutcome::Overtaken)
        };
        if !dead_letters::close(tx, id, how, &who.0, None).await? {
            return Err(Error::NotFound);
        }
        let line = Line {
            shop: shop.to_owned(),
            number: key.to_owned(),
            kind: LineKind::Retried,
            what: OrderEvent::LetterRetried {
                letter: id,
                who: who.0.clone(),
            }
            .into(),
            detail: None,
        };
        journal::add(tx, &[line]).await?;
        Ok(retried)
    }
}

fn understand_receipt(
    shop: &ShopRules,
    due: &DueSubject,
) -> Result<Understood, (ErrorCode, String)> {
    let invalid = |why: String| (ErrorCode::Invalid, why);
    let body = due.body.value().map_err(|why| invalid(why.to_owned()))?;
    let deals = body.get("deals").cloned().unwrap_or_default();
    let deals: tills::ReceiptDeals =
        serde_json::from_value(deals).map_err(|why| invalid(why.to_string()))?;
    let order = tills::as_order(shop, &deals, &due.key, body)
        .map_err(|faults| invalid(crate::app::sentence(&faults)))?;
    Ok(Understood {
        making: Making::Order(Box::new(order)),
        entries: Vec::new(),
        sought: Sought::default(),
        makes: true,
        responsible_id: shop.responsible_id,
    })
}

fn understand_note(shop: &ShopRules, due: &DueSubject) -> Result<Understood, (ErrorCode, String)> {
    let invalid = |why: String| (ErrorCode::Invalid, why);
    let body = due.body.value().map_err(|why| invalid(why.to_owned()))?;
    let note: notes::Note =
        serde_json::from_value(body.clone()).map_err(|why| invalid(why.to_string()))?;
    let number = due.order_number.as_deref().unwrap_or_default();
    let order = OrderNumber::parse(number).map_err(invalid)?;
    let entry = match note {
        notes::Note::Comment(text) => Entry::Comment(text),
        notes::Note::Todo(title, text) => Entry::Todo(TodoEntry {
            title,
            text,
            deadline: due.received_at + WITHIN,
        }),
    };
    Ok(Understood {
        making: Making::Never,
        entries: vec![entry],
        sought: Sought {
            order: Some(order),
            only_deals: true,
            ..Sought::default()
        },
        makes: false,
        responsible_id: shop.responsible_id,
    })
}

fn stored(body: &Json) -> Result<Stored, String> {
    let value = body.value()?;
    serde_json::from_value(value.clone()).map_err(|fault| fault.to_string())
}
