//! Due orders on their way to the planner.

use super::claim_cursor::LaneLook;
use crate::{
    app::{Delivery, Error, intake::event_reader},
    domain::{
        Customer, ErrorCode, EventBody, Item, LegalEntity, OrderKey, Person, ShopRules,
        happening::OrderEvent,
    },
    formats::onec::contents::overlaid,
    planner::{Doubt, Intent, Job, Who},
    process::bug::{self, Step},
    storage::{
        self, Json, LinkEntity, Unreadable,
        journal::{self, Line, LineKind},
        onec::goods,
        queue::{
            lanes::Lease,
            links::{self, Link},
            orders::{self, DueOrder},
        },
    },
};
use serde_json::Value;
use sqlx::PgConnection;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// Orders of each shop that are looked at for an event that is gone.
const AT_REST: i64 = 1_000;

/// Orders of history in one wave: what happens meanwhile waits for so many at most. So many new
/// ones fill their calls: contacts one, deals with rows two, or imports one and rows one.
const HISTORY_WAVE: u32 = 48;

/// Orders of one wave where several shops share a portal: so many fill their calls well, and what
/// another shop brings meanwhile waits for no more.
const SHARED_WAVE: u32 = 100;

/// Which of the portal's two queues a claim is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An order, claimed at its newest snapshot.
    Order,
    /// The submission of a form, or an activity.
    Subject,
}

/// A claimed order, or a claimed submission of a form: what settling needs to know of it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Which queue it is from, and so where it is settled.
    pub kind: Kind,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number, or the key of the subject.
    pub number: String,
    /// The event that is tried; 0 for a subject: it has one body only.
    pub event: i64,
    /// Who its customer is; none if it names nobody.
    pub person: Option<Person>,
    /// The legal entity that ordered; `None` if the order names none.
    pub firm: Option<LegalEntity>,
    /// Key of the link to the customer's contact, if the shop knows the customer.
    pub contact_key: Option<String>,
    /// Key of the link to the company, if it has a taxpayer number.
    pub company_key: Option<String>,
    /// W3C trace context of the request that brought the event.
    pub traceparent: Option<String>,
    /// History that was loaded from a file.
    pub history: bool,
    /// Whether something is to be put on the card that is made.
    pub follows: bool,
    /// What links to products will be called that its rows name and the portal does not have yet;
    /// `None` where rows are not linked.
    pub unlinked: Option<BTreeSet<String>>,
}

impl Delivery {
    /// The due orders of a lane with what the planner needs: an equal share for each shop, of which
    /// the longest due come first; history only if nothing else is due. An event that can no longer
    /// be read dies here, so that it does not stand in the way for ever.
    pub async fn claim(&self, lease: &Lease, limit: u32) -> Result<Vec<(Claim, Job)>, Error> {
        self.claim_beside(lease, limit, &BTreeSet::new()).await
    }

    /// The same without the orders that are being worked on already.
    pub async fn claim_beside(
        &self,
        lease: &Lease,
        limit: u32,
        busy: &BTreeSet<OrderKey>,
    ) -> Result<Vec<(Claim, Job)>, Error> {
        let shops = self.registry.shops_of(&lease.portal);
        let due = {
            let mut db = self.db.acquire().await?;
            let most = if shops.len() > 1 {
                limit.min(SHARED_WAVE)
            } else {
                limit
            };
            let now = self
                .scan_due(&mut db, lease, (&shops, busy), (false, most))
                .await?;
            if now.is_empty() {
                let few = limit.min(HISTORY_WAVE);
                self.scan_due(&mut db, lease, (&shops, busy), (true, few))
                    .await?
            } else {
                now
            }
        };
        let mut claimed = Vec::with_capacity(due.len());
        let mut unreadable = Vec::new();
        for one in due {
            match bug::caught(|| self.prepare(&one)) {
                Ok(Ok(pair)) => claimed.push(pair),
                Ok(Err((code, why))) => unreadable.push((one, code, why)),
                Err(bug) => unreadable.push((one, ErrorCode::Bug, bug.to_string())),
            }
        }
        for (one, code, why) in unreadable {
            self.dead_letter_claim(lease, &claim_of(&one, None), code, &why)
                .await?;
        }
        self.fill_links(lease, &mut claimed).await?;
        for (claim, why) in self.fill_who(lease, &mut claimed).await? {
            let (code, words) = self::unreadable(&why);
            self.dead_letter_claim(lease, &claim, code, &words).await?;
        }
        self.fill_products(lease, &mut claimed).await?;
        Ok(claimed)
    }

    /// What is due, from where the look before found something.
    async fn scan_due(
        &self,
        db: &mut PgConnection,
        lease: &Lease,
        (shops, busy): (&[String], &BTreeSet<OrderKey>),
        (later, limit): (bool, u32),
    ) -> Result<Vec<DueOrder>, storage::Error> {
        let place = LaneLook {
            lane: &lease.portal,
            epoch: lease.epoch,
            later,
        };
        let from = self.cursor.from(place, shops);
        let places = i64::from(limit) + i64::try_from(busy.len()).unwrap_or(i64::MAX / 2);
        let mut due = orders::claim(db, lease, (shops, &from), later, places).await?;
        for (shop, from) in shops.iter().zip(from) {
            let first = due.iter().find(|due| due.shop == *shop);
            let first = first.map(|due| due.low);
            self.cursor.found(place, shop, from, first);
        }
        due.retain(|due| !busy.contains(&OrderKey::new(&due.shop, &due.number)));
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(due)
    }

    /// Seconds until the next order of a portal is due.
    pub async fn next_due(&self, portal: &str) -> Result<Option<f64>, Error> {
        let shops = self.registry.shops_of(portal);
        let mut db = self.db.acquire().await?;
        let due = orders::next_due(&mut db, portal, &shops).await?;
        if due.is_none_or(|due| due > 0.0) {
            return Ok(due);
        }
        // Due, and nothing was claimed: perhaps its event is gone. Then there is nothing to send,
        // now or later.
        let ended = orders::rest_without_event(&mut db, portal, &shops, AT_REST).await?;
        if ended.is_empty() {
            return Ok(due);
        }
        let line = |order: OrderKey| Line {
            shop: order.shop,
            number: order.number,
            kind: LineKind::Note,
            what: OrderEvent::NothingToSend.into(),
            detail: None,
        };
        let lines: Vec<_> = ended.into_iter().map(line).collect();
        journal::add(&mut db, &lines).await?;
        Ok(orders::next_due(&mut db, portal, &shops).await?)
    }

    /// Whether an order of a portal is due that is not history.
    pub async fn live_due(&self, portal: &str) -> Result<bool, Error> {
        let mut db = self.db.acquire().await?;
        Ok(orders::live_due(&mut db, portal, &self.registry.shops_of(portal)).await?)
    }

    fn prepare(&self, due: &DueOrder) -> Result<(Claim, Job), (ErrorCode, String)> {
        self.traps.step(Step::Claim, &due.number);
        let invalid = |why: &str| (ErrorCode::Invalid, why.to_owned());
        if let Some(made) = due.occurred_at {
            self.clocks
                .record_shop_clock(&due.shop, made, due.received_at);
        }
        let rules = self.registry.shops.get(&*due.shop);
        let rules = rules.ok_or_else(|| invalid("the shop is not configured"))?;
        let key = &OrderKey::new(&due.shop, &due.number);
        let body = due.body.value().map_err(invalid)?;
        let contents = due.contents.as_ref();
        let contents = contents.filter(|_| self.registry.is_onecs(&due.shop));
        let mastered = contents.map(|contents| mastered(body, contents, key));
        let mastered = mastered.transpose().map_err(|why| unreadable(&why))?;
        let event = event_reader::parse(mastered.as_ref().unwrap_or(body), rules)
            .map_err(|faults| invalid(&crate::app::sentence(&faults)))?;
        let (number, intent) = match event.body {
            EventBody::Saved(snapshot) => (snapshot.number.clone(), Intent::Save(snapshot)),
            EventBody::Deleted { number, .. } => (number, Intent::Delete),
        };
        let customer = match &intent {
            Intent::Save(snapshot) => snapshot.customer.as_ref(),
            Intent::Delete => None,
        };
        let doubt = due.under_way.as_ref().map(|what| {
            let what = what.typed("bridge.under_way", "what", key)?;
            let over = due.landed;
            Ok::<_, Unreadable>(Doubt { what, over })
        });
        let claim = claim_of(due, customer.map(|customer| (rules.as_ref(), customer)));
        let job = Job {
            rules: Arc::clone(rules),
            number,
            intent,
            known: due
                .known
                .typed("bridge.orders", "known", key)
                .map_err(|why| unreadable(&why))?,
            recreate: due.recreate,
            import: due.import,
            doubt: doubt.transpose().map_err(|why| unreadable(&why))?,
            agreed: due.agreed.clone(),
            who: Who::default(),
        };
        Ok((claim, job))
    }

    /// Links the lines of orders to the products of the portal's catalogue, where the shop keeps
    /// one there; what is not there yet is noted.
    async fn fill_products(
        &self,
        lease: &Lease,
        claimed: &mut [(Claim, Job)],
    ) -> Result<(), Error> {
        let links_rows = |job: &Job| {
            let rules = self.registry.catalogues.get(&job.rules.shop);
            rules.is_some_and(|rules| rules.link_rows)
        };
        let onecs = self.ids_in_onec(claimed).await?;
        let names = |shop: &str, item: &Item| -> Vec<String> {
            let (by_sku, xml_id) = match onecs.get(shop) {
                Some(known) => (
                    item.sku.as_ref().and_then(|sku| known.get(sku)),
                    &item.xml_id,
                ),
                None => (None, &None),
            };
            let ids = xml_id.iter().chain(&item.product_id).chain(by_sku);
            ids.map(|id| product_key(shop, id)).collect()
        };
        let mut keys = BTreeSet::new();
        for (claim, job) in claimed.iter_mut().filter(|(_, job)| links_rows(job)) {
            claim.unlinked = Some(BTreeSet::new());
            let items = items_of(job).iter();
            keys.extend(items.flat_map(|item| names(&claim.shop, item)));
        }
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<String> = keys.into_iter().collect();
        let entities = vec![LinkEntity::Product; keys.len()];
        let found = {
            let mut db = self.db.acquire().await?;
            links::find(&mut db, &lease.portal, &entities, &keys).await?
        };
        let found = by_key(&found).map_err(storage::Error::from)?;
        for (claim, job) in claimed.iter_mut().filter(|(_, job)| links_rows(job)) {
            for item in items_of(job) {
                let names = names(&claim.shop, item);
                let known = |key: &String| found.get(&(LinkEntity::Product, &**key)).copied();
                item.catalogue_id = names.iter().find_map(known);
                if let (None, Some(unlinked)) = (item.catalogue_id, &mut claim.unlinked) {
                    unlinked.extend(names);
                }
            }
        }
        Ok(())
    }

    /// 1C's ids of products, by the articles that name one alone: of shops whose catalogue 1C owns.
    async fn ids_in_onec(
        &self,
        claimed: &mut [(Claim, Job)],
    ) -> Result<BTreeMap<String, HashMap<String, String>>, Error> {
        let mut articles: BTreeMap<&str, (&str, BTreeSet<&String>)> = BTreeMap::new();
        for (claim, job) in claimed.iter_mut() {
            let Some(base) = self.registry.base_of_goods(&job.rules.shop) else {
                continue;
            };
            let of = articles.entry(&claim.shop);
            let (_, skus) = of.or_insert_with(|| (base.name.as_str(), BTreeSet::new()));
            skus.extend(items_of(job).iter().filter_map(|item| item.sku.as_ref()));
        }
        let mut found = BTreeMap::new();
        for (shop, (base, skus)) in articles {
            let skus: Vec<String> = skus.into_iter().cloned().collect();
            let mut db = self.db.acquire().await?;
            let ids = goods::by_sku(&mut db, base, &skus).await?;
            found.insert(shop.to_owned(), ids.into_iter().collect());
        }
        Ok(found)
    }

    /// Adds the contacts and companies that other orders of the same customers have found or made.
    async fn fill_links(&self, lease: &Lease, claimed: &mut [(Claim, Job)]) -> Result<(), Error> {
        let mut keys = Vec::new();
        for (claim, _) in claimed.iter() {
            let contact = claim
                .contact_key
                .iter()
                .map(|key| (LinkEntity::Contact, key.clone()));
            let company = claim
                .company_key
                .iter()
                .map(|key| (LinkEntity::Company, key.clone()));
            keys.extend(contact.chain(company));
        }
        if keys.is_empty() {
            return Ok(());
        }
        let (entities, keys): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
        let found = {
            let mut db = self.db.acquire().await?;
            links::find(&mut db, &lease.portal, &entities, &keys).await?
        };
        let found = by_key(&found).map_err(storage::Error::from)?;
        for (claim, job) in claimed {
            let of = |entity: LinkEntity, key: &Option<String>| {
                key.as_deref()
                    .and_then(|key| found.get(&(entity, key)).copied())
            };
            job.who.link = of(LinkEntity::Contact, &claim.contact_key);
            job.who.contact = of(LinkEntity::Contact, &claim.contact_key).map(|id| (id, None));
            job.who.company = of(LinkEntity::Company, &claim.company_key);
            // What nobody wrote yet has no customer of its own.
            if job.known.target.is_none() && job.known.person.is_none() {
                let contact = job.who.contact.as_ref().map(|(id, _)| *id);
                job.known.contact_id = job.known.contact_id.or(contact);
            }
        }
        Ok(())
    }
}

/// The event with what 1C has of its order's contents.
pub(in crate::app) fn mastered(
    event: &Value,
    contents: &Json,
    order: &OrderKey,
) -> Result<Value, Unreadable> {
    let odd = |why: &str| Unreadable::of("bridge.onec_contents", "data", order, why);
    let contents = contents.value().map_err(odd)?;
    overlaid(event, contents).ok_or_else(|| odd("it is no object"))
}

/// What orders of this shop call a product, as links name it.
fn product_key(shop: &str, id: &str) -> String {
    format!("{shop}/{id}")
}

/// The lines of an order that may be linked to the catalogue.
fn items_of(job: &mut Job) -> &mut [Item] {
    match &mut job.intent {
        Intent::Save(snapshot) => &mut snapshot.items,
        Intent::Delete => &mut [],
    }
}

type ByKey<'a> = HashMap<(LinkEntity, &'a str), u64>;

/// The links by what they link. An id that is none is an error, and never no link: the customer
/// would be made once more.
fn by_key(links: &[Link]) -> Result<ByKey<'_>, Unreadable> {
    let mut found = HashMap::with_capacity(links.len());
    for link in links {
        let of = format!("the {} {}", link.entity.as_str(), link.key);
        let id = Unreadable::or_id(link.bitrix_id, "bridge.links", "bitrix_id", of)?;
        found.insert((link.entity, &*link.key), id);
    }
    Ok(found)
}

fn claim_of(due: &DueOrder, who: Option<(&ShopRules, &Customer)>) -> Claim {
    let person = who.map(|(rules, customer)| Person::of(customer, &rules.placeholders).0);
    let person = person.filter(|person| !person.is_nobody());
    let id = person.as_ref().and_then(|person| person.id.as_ref());
    let firm = who.and_then(|(_, customer)| customer.company.as_ref());
    let firm = firm.map(LegalEntity::of);
    let contact_key = id.map(|id| format!("{}/{id}", due.shop));
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
        kind: Kind::Order,
        shop: due.shop.clone(),
        number: due.number.clone(),
        event: due.event,
        person,
        firm,
        contact_key,
        company_key,
        traceparent: due.traceparent.clone(),
        history: due.later,
        follows: false,
        unlinked: None,
    }
}

/// What is stored of something that is due cannot be read: by the rest nobody can say what is to
/// be written.
pub(in crate::app) fn unreadable(why: &Unreadable) -> (ErrorCode, String) {
    (ErrorCode::Bug, why.to_string())
}
