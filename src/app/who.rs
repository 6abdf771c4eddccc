//! What the database knows of who the customers of a wave are: their links, who else uses their values, and which cards are not theirs.

use super::{Bridge, Claim, Error};
use crate::{
    domain::{Agreement, Person},
    planner::{Because, Card, Job, Known, Passed, Refused, Settlement},
    storage::{
        bearers::{self, Bearer, RefusedCard},
        lanes::Lease,
    },
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// So many people whose names contradict make a value one that identifies nobody.
const MANY: usize = 3;

/// So many characters of a name tell one person from another, and fit an index.
const NAME_KEY: usize = 100;

/// The people who use a value in a shop, with their contacts.
type Users<'a> = HashMap<(&'a str, &'a str), Vec<(Person, Option<u64>)>>;

impl Bridge {
    /// Adds it to the jobs.
    pub(super) async fn fill_who(
        &self,
        lease: &Lease,
        claimed: &mut [(Claim, Job)],
    ) -> Result<(), Error> {
        let keys = claimed.iter().filter_map(|(claim, _)| {
            let person = claim.person.as_ref()?;
            let values = person.values().into_iter();
            let all = values.chain([format!("order:{}", claim.number)]);
            Some(
                all.map(|value| (claim.shop.clone(), value))
                    .collect::<Vec<_>>(),
            )
        });
        let (shops, values): (Vec<String>, Vec<String>) = keys.flatten().unzip();
        if values.is_empty() {
            return Ok(());
        }
        let (found, refused) = {
            let mut db = self.pool().acquire().await?;
            let found = bearers::find(&mut db, &lease.portal, &shops, &values).await?;
            let refused = bearers::refused(&mut db, &lease.portal, &shops, &values).await?;
            (found, refused)
        };
        let people: Vec<(String, Vec<String>, Person)> = claimed
            .iter()
            .filter_map(|(claim, _)| {
                let person = claim.person.clone()?;
                Some((claim.shop.clone(), person.values(), person))
            })
            .collect();
        let mut users: Users<'_> = HashMap::new();
        for one in &found {
            let contact = one.contact_id.and_then(|id| u64::try_from(id).ok());
            let under = users.entry((&one.shop, &one.value)).or_default();
            under.push((person_of(one), contact));
        }
        for (shop, values, person) in &people {
            for value in values {
                let under = users.entry((shop, value)).or_default();
                under.push((person.clone(), None));
            }
        }
        for (claim, job) in claimed {
            if let Some(person) = &claim.person {
                tell(&claim.shop, person, &users, job);
                let known_by = |card: &&RefusedCard| {
                    card.shop == claim.shop
                        && (card.value == format!("order:{}", claim.number)
                            || person.values().contains(&card.value))
                };
                job.who.refused = refused
                    .iter()
                    .filter(known_by)
                    .filter_map(refused_of)
                    .collect();
            }
        }
        Ok(())
    }
}

/// Tells a job what others who use its customer's values mean for it.
fn tell(shop: &str, person: &Person, users: &Users<'_>, job: &mut Job) {
    let mut own: BTreeSet<u64> = job.known.contact_id.into_iter().collect();
    let mut others: BTreeMap<u64, Passed> = BTreeMap::new();
    for value in person.values() {
        let Some(under) = users.get(&(shop, value.as_str())) else {
            continue;
        };
        if are_many(under) {
            job.who.shared.insert(value.clone());
        }
        for (other, contact) in under {
            let Some(contact) = *contact else { continue };
            let two_ids = other.id.is_some() && person.id.is_some() && other.id != person.id;
            let contradict = other.agreement(person) == Agreement::Contradict;
            if !two_ids && !contradict {
                own.insert(contact);
                if other.id.is_some() && other.id == person.id {
                    job.who.contact = Some((contact, Some(other.clone())));
                }
                continue;
            }
            let (because, who) = if two_ids {
                (Because::AnotherCustomer, other.id.clone())
            } else {
                (Because::Name, other.name())
            };
            let passed = Passed {
                id: contact,
                because,
                who,
            };
            others.insert(contact, passed);
            // A link without a name is another's who orders under the same customer id.
            if job.who.contact == Some((contact, None)) && contradict {
                job.who.contact = None;
            }
        }
    }
    others.retain(|contact, _| !own.contains(contact));
    job.who.others = others;
}

/// Whether so many of these contradict each other that their value identifies nobody.
fn are_many(users: &[(Person, Option<u64>)]) -> bool {
    let mut apart: Vec<&Person> = Vec::new();
    for (person, _) in users {
        let alone = |other: &&Person| other.agreement(person) == Agreement::Contradict;
        if apart.iter().all(alone) && person.name().is_some() {
            apart.push(person);
        }
    }
    apart.len() >= MANY
}

fn person_of(bearer: &Bearer) -> Person {
    Person {
        id: bearer.customer_id.clone(),
        names: serde_json::from_value(bearer.names.clone()).unwrap_or_default(),
        ..Person::default()
    }
}

fn refused_of(card: &RefusedCard) -> Option<Refused> {
    Some(Refused {
        card: match card.entity.as_str() {
            "contact" => Card::Contact,
            _ => Card::Company,
        },
        id: u64::try_from(card.bitrix_id).ok()?,
        person: serde_json::from_value(card.person.clone()).unwrap_or_default(),
    })
}

/// Who uses which value after a wave, with the contact that stands for each.
pub(super) fn bearers_of(claim: &Claim, settlement: &Settlement) -> Vec<Bearer> {
    let Some(person) = &claim.person else {
        return Vec::new();
    };
    let contact = contact_of(&settlement.known, person);
    let name: String = person.name_key().chars().take(NAME_KEY).collect();
    let bearer = format!("{}|{name}", person.id.as_deref().unwrap_or_default());
    let values = person.values().into_iter();
    values
        .map(|value| Bearer {
            shop: claim.shop.clone(),
            value,
            bearer: bearer.clone(),
            customer_id: person.id.clone(),
            names: json!(person.names),
            contact_id: contact.and_then(|id| i64::try_from(id).ok()),
        })
        .collect()
}

/// The order's contact, if it stands for this person.
fn contact_of(known: &Known, person: &Person) -> Option<u64> {
    let whose = known.person.as_ref()?;
    known.contact_id.filter(|_| whose.is(person))
}
